package pratest

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// refusal is why an appliance does not do what it was told. Its words are this package's, except where a document has them.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func refuse(text string) *refusal { return &refusal{http.StatusUnprocessableEntity, text} }

// Answers to a change of roles (Command API, set_failover_role, Remote Support).
const (
	textSyncStarted = "Successfully started data sync. Role change will occur upon successful completion."
	textRoleChanged = "Successfully changed role."
)

// related reports whether b believes in a relationship.
func (b *Box) related() bool { return b.st.peer != nil && b.st.role != beyondtrust.RoleNone }

// standby reports whether b is a backup in a relationship.
func (b *Box) standby() bool { return b.related() && b.st.role == beyondtrust.RoleBackup }

// reachable reports whether a connection to b can be made and something answers.
func (b *Box) reachable() bool { return b.st.front == open && !b.st.factory && b.has(b.Addr) }

// setRole is a change of roles by API or button.
func (b *Box) setRole(role beyondtrust.Role, syncFirst, force bool) (string, *refusal) {
	s, st := b.site, b.st
	s.note(b, Call, "become %s, sync %t, force %t", role, syncFirst, force)
	s.judge(b, heavy, "become "+string(role))
	switch {
	case role != beyondtrust.RolePrimary && role != beyondtrust.RoleBackup:
		return "", refuse("The selected role is invalid.")
	case st.role == beyondtrust.RoleNone || st.peer == nil:
		return "", &refusal{s.Switches.RoleNoneStatus, "Failover is not configured."}
	case st.syncing != nil:
		return "", &refusal{http.StatusInternalServerError, "A data sync is running."}
	case st.role == role && !b.inConflict():
		if s.Switches.RoleHeldStatus == http.StatusOK {
			return textRoleChanged, nil
		}
		return "", &refusal{s.Switches.RoleHeldStatus, "This site is " + string(role) + " already."}
	}
	if !st.peer.reachable() {
		if !force || role != beyondtrust.RoleBackup {
			return "", &refusal{http.StatusInternalServerError, "The peer cannot be contacted."}
		}
		b.takeRole(role)
		return textRoleChanged, nil
	}
	if syncFirst {
		// Users on the present primary are cut off during it.
		for _, x := range []*Box{b, st.peer} {
			if x.st.role == beyondtrust.RolePrimary {
				x.cutUsers()
			}
		}
		s.beginSync(b, func(good bool) {
			if good {
				b.swap(role)
			}
		})
		return textSyncStarted, nil
	}
	b.swap(role)
	return textRoleChanged, nil
}

// inConflict reports whether both say the same.
func (b *Box) inConflict() bool { return b.st.peer != nil && b.st.peer.st.role == b.st.role }

// swap gives b role and its peer the other: one after the other, the primary first, so that for a moment both are backups.
func (b *Box) swap(role beyondtrust.Role) {
	s := b.site
	first, second := b, b.st.peer
	if role == beyondtrust.RolePrimary {
		first, second = second, first
	}
	first.takeRole(beyondtrust.RoleBackup)
	boot := second.st.boot
	s.after(s.Times.RoleFlip, func() {
		if second.st.boot == boot && second.st.peer == first && second.st.role != beyondtrust.RolePrimary {
			second.takeRole(beyondtrust.RolePrimary)
		}
	})
}

// takeRole changes b's own role; the shared address follows it where both sides have it ticked.
func (b *Box) takeRole(role beyondtrust.Role) {
	s, st := b.site, b.st
	if st.role == role {
		return
	}
	st.role = role
	s.note(b, RoleChange, "%s", role)
	if s.Switches.TokensDie {
		b.revokeTokens()
	}
	peer := st.peer
	if role == beyondtrust.RoleBackup {
		b.cutUsers()
	}
	if b.SharedIP.IsValid() && st.ticked && peer != nil && peer.st.ticked && !s.Switches.SharedIPStays {
		_ = s.setEnabled(b, b.SharedIP, role == beyondtrust.RolePrimary) // it is on the page: ticked
	}
	s.fleetMoved()
}

// breakUp is Break Failover Relationships. Where the peer cannot be reached it keeps its role: half broken.
func (b *Box) breakUp() *refusal {
	s, st := b.site, b.st
	s.judge(b, heavy, "break")
	if !b.related() {
		return refuse(beyondtrust.TextNotConfigured)
	}
	peer := st.peer
	s.cancelSync(b)
	s.note(b, Break, "")
	b.alone()
	if peer != nil && peer.reachable() && peer.st.peer == b {
		peer.alone()
	}
	return nil
}

// alone makes b stand alone.
func (b *Box) alone() {
	s, st := b.site, b.st
	st.peer, st.peerSeen = nil, ""
	if !s.Switches.RolesStay && st.role != beyondtrust.RoleNone {
		st.role = beyondtrust.RoleNone
		s.note(b, RoleChange, "%s", st.role)
	}
	if !s.Switches.OldSyncShown {
		st.lastSync, st.syncStatus = time.Time{}, ""
	}
	s.fleetMoved()
}

// establish is Establish Relationship on b, which becomes primary.
func (b *Box) establish(form beyondtrust.Establish) *refusal {
	s, st := b.site, b.st
	s.judge(b, heavy, "establish")
	if b.related() {
		return refuse("Failover is configured already.")
	}
	for _, e := range []beyondtrust.Endpoint{form.Backup, form.Primary} {
		if strings.EqualFold(e.Host, s.Name) {
			return refuse("The shared hostname " + s.Name + " should not be used for either hostname field.")
		}
	}
	port := func(n int) string {
		if n == 0 {
			n = 443
		}
		return strconv.Itoa(n)
	}
	peer := s.at(form.Backup.Host, port(form.Backup.Port))
	back := s.at(form.Primary.Host, port(form.Primary.Port))
	switch {
	case peer == nil || peer == b || !peer.reachable():
		return refuse("The backup site " + form.Backup.Host + " cannot be contacted.")
	case back != b:
		return refuse("The backup site cannot connect back to " + form.Primary.Host + ".")
	case peer.st.key != st.key || st.key == "":
		return refuse("The Inter-appliance Communication Pre-shared Keys differ.")
	case peer.software() != b.software():
		return refuse("The site instances do not have the same installed package: " + st.version + " (" + st.build + ") and " + peer.st.version + " (" + peer.st.build + ").")
	}
	if s.serving(peer) && !s.serving(b) {
		s.violate(b, RuleWrongSide, "%s serves %s, and is overwritten by %s", peer.Name, s.Name, b.Name)
	}
	s.note(b, Establish, "%s", peer.Name)
	for _, x := range []*Box{b, peer} {
		x.st.related, x.st.peerSeenAt = s.w.now, s.w.now
	}
	st.peer, peer.st.peer = peer, b
	st.peerSeen, peer.st.peerSeen = beyondtrust.RoleBackup, beyondtrust.RolePrimary
	st.role = beyondtrust.RolePrimary
	s.note(b, RoleChange, "%s", st.role)
	peer.st.role = beyondtrust.RoleNone // whatever it still reported, see Switches.RolesStay
	peer.takeRole(beyondtrust.RoleBackup)
	related := st.related
	s.after(s.Times.FirstSync, func() {
		if st.related.Equal(related) && st.role == beyondtrust.RolePrimary && st.syncing == nil && st.peer == peer {
			s.beginSync(b, nil)
		}
	})
	s.schedule()
	return nil
}

// fix is Fix This Error: who answers at the site's name becomes primary.
func (b *Box) fix() *refusal {
	s, peer := b.site, b.st.peer
	s.judge(b, heavy, "fix this error")
	if peer == nil || !b.inConflict() {
		return refuse("There is no conflict.")
	}
	winner, loser := b, peer
	if s.serving(peer) && !s.serving(b) {
		winner, loser = peer, b
	}
	loser.takeRole(beyondtrust.RoleBackup)
	winner.takeRole(beyondtrust.RolePrimary)
	return nil
}

// peerSeen is the peer's role as b last looked at it: the view is up to [Times.StatusCheck] old.
func (b *Box) peerSeen() beyondtrust.Role {
	s, st := b.site, b.st
	if st.peer == nil {
		return ""
	}
	if st.peer.reachable() && s.w.now.Sub(st.peerSeenAt) >= s.scaled(s.Times.StatusCheck) {
		st.peerSeen, st.peerSeenAt = st.peer.st.role, s.w.now
	}
	return st.peerSeen
}

// missPrimary plans what a backup with automatic failover does when its primary, b, is away.
func (b *Box) missPrimary() {
	s, peer := b.site, b.st.peer
	if peer == nil || b.st.role != beyondtrust.RolePrimary || !peer.st.automatic {
		return
	}
	down := b.st.lastDown
	s.after(s.Times.Promote, func() {
		if b.st.front != open && b.st.lastDown.Equal(down) && peer.st.role == beyondtrust.RoleBackup && peer.st.peer == b && peer.st.automatic && peer.reachable() {
			s.note(peer, Promote, "%s is away", b.Name)
			peer.takeRole(beyondtrust.RolePrimary)
			if peer.st.ticked && peer.SharedIP.IsValid() {
				_ = s.setEnabled(peer, peer.SharedIP, true)
			}
		}
	})
}
