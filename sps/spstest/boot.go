package spstest

import (
	"cmp"
	"fmt"
	"net"
	"time"
)

// Phase is what the web address of a booting node answers for a part of the boot.
type Phase struct {
	Kind  PhaseKind
	Share float64 // of the whole boot, relative to the shares of the other phases; 0 counts as 1
}

// PhaseKind is a way to be not there yet. What an appliance answers while it boots is not documented, but for one thing: a page with the progress is
// shown at the web address, and the browser is sent to the login screen when it is over (SPS 7.5 Administration Guide, Upgrade checklist; Controlling
// SPS). All of these have to be borne.
type PhaseKind string

const (
	BootRefused  PhaseKind = "refused"      // nobody listens: connection refused
	BootSilent   PhaseKind = "silent"       // no answer at all
	BootTLS      PhaseKind = "tls failure"  // a connection, but no TLS
	Boot503      PhaseKind = "503"          // 503 with a page
	BootPage     PhaseKind = "page"         // 200 with the progress page, at every path
	BootRedirect PhaseKind = "redirect"     // 302 to the progress page
	BootJSON     PhaseKind = "json booting" // GET /api/setup answers status "booting"; every other path of the API 503 with an error object
	BootLogin401 PhaseKind = "401"          // every path of the API 401, as if the session had ended
)

// fate is how a boot ends.
type fate int

const (
	fateNormal   fate = iota
	fateReverts       // the old version comes back by itself
	fateRescue        // it cannot revert: network up, SSH open, no web
	fateDead          // it never comes back, without a sign
	fateUnmarked      // the selected slot was never really selected: it boots what it ran
	fateSlow          // 29 minutes
)

// faces while booting.
func (n *Node) face() face {
	switch n.phase {
	case phaseOff:
		return faceSilent
	case phaseUp:
		return faceServe
	case phaseBooting:
		switch n.bootPhase {
		case BootRefused:
			return faceRefuse
		case BootSilent:
			return faceSilent
		case BootTLS:
			return faceBroken
		}
		return faceServe
	}
	return faceRefuse
}

// sshFace is open in rescue mode: the product enables SSH on every active interface when an upgrade failed and cannot be reverted, unless it is sealed
// (SPS 7.0.2.1 LTS Administration Guide, Troubleshooting).
func (n *Node) sshFace() (*Node, face) {
	switch {
	case n.phase == phaseOff:
		return n, faceSilent
	case n.phase == phaseRescue && !n.Sealed:
		return n, faceServe
	}
	return n, faceRefuse
}

// talkSSH says no more than what a port scan sees.
func talkSSH(_ *Node, c net.Conn) {
	fmt.Fprint(c, "SSH-2.0-OpenSSH_8.2p1\r\n")
	c.Read(make([]byte, 256))
}

// reboot orders a reboot. With the lock held.
func (n *Node) reboot() {
	n.note(Reboot, "%s", n.running())
	n.ordered = n.world.soon(n.rebootDelay(), func() { n.goDown(true) })
}

func (n *Node) rebootDelay() time.Duration { return cmp.Or(n.RebootDelay, 5*time.Second) }

// shutdown orders a shutdown. With the lock held.
func (n *Node) shutdown() {
	n.note(Shutdown, "%s", n.running())
	n.ordered = n.world.soon(n.rebootDelay(), func() { n.goDown(false) })
}

// goDown is the moment a node stops answering. With the lock held.
func (n *Node) goDown(boots bool) {
	if n.phase == phaseOff {
		return
	}
	n.note(Down, "")
	n.downAt = n.world.now()
	n.cancelBoot()
	n.epoch++
	n.busy = 0
	n.power = boots
	n.phase = phaseOff
	if n.Switches.SessionsEndAtBoot {
		clear(n.sessions)
		clear(n.web)
	}
	if n.pair != nil {
		n.pair.lost(n)
	}
	if boots {
		n.boot()
	}
}

func (n *Node) cancelBoot() {
	for _, d := range n.boots {
		d.off = true
	}
	n.boots = nil
	if n.ordered != nil {
		n.ordered.off = true
		n.ordered = nil
	}
}

// boot begins a boot. With the lock held.
func (n *Node) boot() {
	n.cancelBoot()
	n.phase = phaseBooting
	n.epoch++
	f := n.fate
	n.fate = fateNormal
	target := n.next
	if f == fateUnmarked {
		target, f = n.current, fateNormal
	}
	upgrade := target != n.current
	if upgrade && f == fateNormal {
		f = n.slots[target].boots
	}
	n.note(Boot, "%s", n.slots[target].version)

	length := cmp.Or(n.BootTime, 4*time.Minute)
	if upgrade {
		length += cmp.Or(n.UpgradeTime, 8*time.Minute)
	}
	switch f {
	case fateReverts:
		length += cmp.Or(n.BootTime, 4*time.Minute) // the way back is another boot
	case fateSlow:
		length = 29 * time.Minute
	}
	phases := n.Boot
	if len(phases) == 0 {
		phases = []Phase{{Kind: BootRefused}, {Kind: BootPage}}
	}
	total := 0.0
	for _, p := range phases {
		total += p.share()
	}
	begin := 0.0
	for i, p := range phases {
		if i == 0 {
			n.bootPhase = p.Kind
		} else {
			n.boots = append(n.boots, n.world.after(time.Duration(begin/total*float64(length)), func() { n.bootPhase = p.Kind }))
		}
		begin += p.share()
	}
	n.boots = append(n.boots, n.world.after(length, func() { n.booted(target, f) }))
}

func (p Phase) share() float64 { return cmp.Or(p.Share, 1) }

// booted is the end of a boot. With the lock held.
func (n *Node) booted(target int, f fate) {
	n.boots = nil
	n.epoch++
	old := n.running()
	switch f {
	case fateRescue:
		n.phase = phaseRescue
		n.note(Rescue, "%s", n.slots[target].version)
		return
	case fateDead:
		n.phase = phaseDead
		n.note(Dead, "%s", n.slots[target].version)
		return
	case fateReverts:
		n.note(Reverted, "%s, not %s", old, n.slots[target].version)
		n.next = n.current
	default:
		n.current, n.next = target, target
	}
	n.phase = phaseUp
	n.bootedAt = n.world.now()
	n.locked, n.replaced = nil, n.answersAs != ""
	if n.running() != old {
		n.CoreFiles = nil
		n.Licence.Missing = n.Licence.Missing || n.losesLicence
		n.upgradedFrom, n.upgradedAt = old, n.world.now()
		if n.Switches.CertificateChanges {
			n.tls.renew(n.names())
		}
	}
	n.note(Up, "%s", n.running())
	if n.pair != nil {
		n.pair.back(n)
	}
}

// shown is the version GET /api/info tells, which may lag behind (a switch).
func (n *Node) shown() string {
	late := n.world.scaled(time.Duration(n.Switches.VersionLateBy) * time.Second)
	if n.upgradedFrom != "" && n.world.now().Sub(n.upgradedAt) < late {
		return n.upgradedFrom
	}
	return n.running() + n.Switches.VersionSuffix
}
