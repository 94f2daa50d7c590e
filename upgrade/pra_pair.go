package upgrade

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// guardPatience is how long a guard of a PRA site may be unable to tell: an appliance that was just installed is unwell for a while.
const guardPatience = 10 * time.Minute

// DefaultSyncAge is how old a pair's last data-sync may be when an upgrade begins.
const DefaultSyncAge = 48 * time.Hour

// praPair is what the two appliances of a pair say of themselves.
type praPair struct {
	Relation    beyondtrust.Relation `json:"relation"`
	PrimaryRole beyondtrust.Role     `json:"primary_role"`
	BackupRole  beyondtrust.Role     `json:"backup_role"`
	Primary     string               `json:"primary"` // its version
	Backup      string               `json:"backup"`
	Date        time.Time            `json:"date,omitzero"` // the primary's clock
	LastSync    time.Time            `json:"last_sync,omitzero"`
	SyncStatus  string               `json:"sync_status,omitempty"`

	p, b beyondtrust.Health
}

// asOf is when both were seen.
func (x praPair) asOf() time.Time {
	if x.p.AsOf.Before(x.b.AsOf) {
		return x.p.AsOf
	}
	return x.b.AsOf
}

// sameSoftware says whether both hold the same site package: version and build (Remote Support, Failover guide).
func (x praPair) sameSoftware() bool { return x.p.Version.Same(x.b.Version) }

// right says whether the relationship is the wanted one: who is called primary is, and the other is the backup.
func (x praPair) right() bool {
	return x.PrimaryRole == beyondtrust.RolePrimary && x.BackupRole == beyondtrust.RoleBackup
}

// lookAtPair asks both appliances for their roles. After a break an appliance may go on reporting its former role (that it reports "none" is
// inferred, not documented), so where there are page drivers the Failover pages of both overrule the API when they say that failover is not configured.
func lookAtPair(ctx context.Context, primary, backup PRA) (praPair, error) {
	var x praPair
	var err error
	if x.p, err = primary.health(ctx); err != nil {
		return x, fmt.Errorf("%s: %w", primary.Name, err)
	}
	if x.b, err = backup.health(ctx); err != nil {
		return x, fmt.Errorf("%s: %w", backup.Name, err)
	}
	if beyondtrust.SameGUID(x.p.GUID, x.b.GUID) {
		return x, fmt.Errorf("%w: %s and %s are one appliance, %s", beyondtrust.ErrWrongAppliance, primary.Host(), backup.Host(), x.p.GUID)
	}
	x.PrimaryRole, x.BackupRole = x.p.FailoverRole, x.b.FailoverRole
	x.Primary, x.Backup = x.p.Version.String(), x.b.Version.String()
	x.Date, x.LastSync, x.SyncStatus = x.p.Date, x.p.LastDataSync, x.p.LastDataSyncStatus
	x.Relation = beyondtrust.RelationOf(x.PrimaryRole, x.BackupRole)
	if x.Relation != beyondtrust.RelationNone && primary.Pages.Failover != nil && backup.Pages.Failover != nil {
		alone, err := bothAlone(ctx, primary, backup)
		if err != nil {
			return x, err
		}
		if alone {
			x.Relation, x.PrimaryRole, x.BackupRole = beyondtrust.RelationNone, beyondtrust.RoleNone, beyondtrust.RoleNone
		}
	}
	return x, nil
}

func bothAlone(ctx context.Context, boxes ...PRA) (bool, error) {
	for _, p := range boxes {
		f, err := p.Pages.Failover.Failover(ctx)
		if err != nil {
			return false, fmt.Errorf("%s: %w", p.Name, err)
		}
		if f.Relation != beyondtrust.RelationNone {
			return false, nil
		}
	}
	return true, nil
}

func (x praPair) String() string {
	return fmt.Sprintf("%s (%s with %s, %s with %s)", x.Relation, orWord(string(x.PrimaryRole)), x.Primary, orWord(string(x.BackupRole)), x.Backup)
}

func orWord(s string) string {
	if s == "" {
		return "no role"
	}
	return s
}

// CheckPair returns a check before an upgrade of a pair: primary and backup are in a failover relationship in these roles, healthy, of one version and build,
// and the last data-sync is no older than syncAge (default 48 hours) by the primary's own clock. Both saying backup is waited for, because it is normal for a
// moment in a change of roles; if it lasts it is a conflict, which a person resolves.
func CheckPair(primary, backup PRA, syncAge time.Duration) Step {
	syncAge = orElse(syncAge, DefaultSyncAge)
	return Step{Name: "check the pair", On: []string{primary.Host(), backup.Host()}, With: map[string]string{"primary": primary.Name, "sync age": spell(syncAge)},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			x, err := lookAtPair(ctx, primary, backup)
			if err != nil {
				return praCannot(look, err)
			}
			switch {
			case x.Relation == beyondtrust.RelationBothBackup:
				return See(Pending, x, "both are backups: normal for a moment in a change of roles"), nil
			case x.Relation != beyondtrust.RelationEstablished:
				return See(Blocked, x, "the pair is not in a failover relationship: %s", x), nil
			case !x.right():
				return See(Blocked, x, "%s is the %s: the procedure was told that it is the primary", primary.Name, x.PrimaryRole), nil
			case !x.p.Healthy:
				return See(Pending, x, "%s is not healthy: %s", primary.Name, x.p.Problem), nil
			case !x.b.Healthy:
				return See(Pending, x, "%s is not healthy: %s", backup.Name, x.b.Problem), nil
			case !x.sameSoftware():
				return See(Blocked, x, "the versions differ: %s and %s; nothing may be synchronised", x.Primary, x.Backup), nil
			case x.LastSync.IsZero():
				return See(Blocked, x, "%s names no data-sync that was completed", primary.Name), nil
			case x.Date.IsZero():
				return See(Unknown, x, "%s does not say what time it is, so the age of the data-sync of %s cannot be told", primary.Name, stamp(x.LastSync)), nil
			case x.Date.Sub(x.LastSync) > syncAge:
				return See(Blocked, x, "the last data-sync, %s, is older than %s", stamp(x.LastSync), spell(syncAge)), nil
			case failedWord(x.SyncStatus):
				return See(Blocked, x, "the last data-sync: %q", x.SyncStatus), nil
			}
			o := See(Done, x, "%s is primary, %s is backup, both with %s; last data-sync %s", primary.Name, backup.Name, x.Primary, stamp(x.LastSync))
			return o, nil
		},
		Every: 30 * time.Second, Limit: 20 * time.Minute, Takes: time.Second,
		Advice: "Bring the pair in order first. Two primaries or two lasting backups are a conflict: decide which one is right, and press Become Backup on the other; \"Fix This Error\" decides by itself who is overwritten."}
}

// failedWord says whether a word of an undocumented vocabulary clearly speaks of a failure.
func failedWord(s string) bool {
	s = strings.ToLower(s)
	return strings.Contains(s, "fail") || strings.Contains(s, "error")
}

// goodWord says whether such a word clearly speaks of success.
func goodWord(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "success", "successful", "succeeded", "ok", "complete", "completed", "done":
		return true
	}
	return false
}

// NothingInstalls returns a guard: none of these appliances installs software, unless a step of the procedure made it do so. "Immediately install the BeyondTrust software updates
// before doing anything else, such as failing over or installing updates on another appliance" (PRA Upgrade Guide). Where the Updates page has no driver, only the
// appliance's health tells.
func NothingInstalls(boxes ...PRA) Guard {
	g := Guard{Name: "nothing is being installed", Limit: guardPatience}
	for _, p := range boxes {
		g.On = append(g.On, p.Host())
	}
	g.Observe = func(ctx context.Context, _ Look) (Observation, error) {
		for _, p := range boxes {
			if p.Pages.Updates == nil {
				continue
			}
			u, err := p.Pages.Updates.Updates(ctx)
			if err != nil {
				return Observation{}, fmt.Errorf("%s: %w", p.Name, err)
			}
			if busy(u.State) {
				return See(Pending, nil, "%s: %s", p.Name, u.State), nil
			}
		}
		return See(Done, nil, "nothing is being installed"), nil
	}
	return g
}

// busy says whether an installation is under way.
func busy(s beyondtrust.UpdateState) bool {
	return s == beyondtrust.UpdateDownloading || s == beyondtrust.UpdateInstalling
}

// praAway says whether an error is that of an appliance that does not answer, as while it installs.
func praAway(err error) bool { return errors.Is(err, beyondtrust.ErrUnavailable) }
