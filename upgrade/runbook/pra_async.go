package runbook

import (
	"errors"
	"slices"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/upgrade"
)

// PRAAsync upgrades two PRA appliances in a failover relationship asynchronously: B, the backup, first; it is tested at its own address, then made the primary by the chosen
// swing; A follows in a second window and becomes the backup. After "Asynchronous Upgrade of Two BeyondTrust Appliances in a Failover Relationship" (Privileged Remote Access Upgrade Guide). The site is
// served all the time but for the swing.
//
// Where the guide is silent or contradicts itself: it says to set B "to the primary role", but a broken pair has no roles; moving the traffic is what it describes, and B gets the role when the relationship is
// established from it. Package lists are checked on both before the relationship is broken. The throttle is lowered on B after the break, because the clients come to B at the swing, and put
// back when they have returned. Sessions are drained just before the swing, which ends them, and not before B is updated, which does not. The guide wants the Jump Clients back
// before anything else is upgraded, so they are awaited before the hold.
//
// Primary, Backup, Site, Swing, Artifacts and Update are required.
type PRAAsync struct {
	Primary upgrade.PRA         // Appliance A
	Backup  upgrade.PRA         // Appliance B
	Site    *beyondtrust.Client // speaks to the site's name, pinned to no appliance
	// Swing makes B the one that serves: [upgrade.SwingSharedIP], [upgrade.SwingDNS] or [upgrade.SwingNAT], or a step of your own.
	Swing upgrade.Step
	// LowerTTL and AwaitTTL are the two steps of [upgrade.LowerTTL], for a swing in DNS; both or neither. The TTL is lowered before the relationship is broken, its old time runs out while B is
	// updated, and what it was is put back at the end.
	LowerTTL, AwaitTTL upgrade.Step
	Artifacts          upgrade.Artifacts
	Update             upgrade.PRAUpdate
	OneWindow          bool // do not hold for a second window

	PRASettings
}

// Check says what is missing, without talking to anybody.
func (r PRAAsync) Check() error {
	err := checkPRA("PRAAsync", r.Site, r.Artifacts, r.Update, r.Primary, r.Backup)
	if r.Swing.Name == "" {
		err = errors.Join(err, errors.New("runbook: PRAAsync: Swing is missing: a shared IP switch, a DNS swing or a NAT swing"))
	}
	return errors.Join(err, checkTTL("PRAAsync", r.LowerTTL, r.AwaitTTL))
}

// Procedure returns the guide as data. What Check finds missing makes it an invalid procedure, which [upgrade.Run] refuses.
func (r PRAAsync) Procedure() upgrade.Procedure {
	p := upgrade.Procedure{
		Name:   "PRA asynchronous upgrade to " + r.Update.Version.String(),
		Source: "Privileged Remote Access Upgrade Guide: Upgrade Preparation; Asynchronous Upgrade of Two BeyondTrust Appliances",
	}
	if r.Check() != nil {
		return p // without steps, so that it is refused
	}
	p.Guards = pairGuards(r.Site, r.Primary, r.Backup)
	p.Vigils = r.watch(r.Site, r.Primary, r.Backup)
	p.Steps = r.steps()
	return p
}

func (r PRAAsync) steps() []upgrade.Step {
	a, b, u, v := r.Primary, r.Backup, r.Update, r.Update.Version
	return slices.Concat(
		r.before(a, b, r.Artifacts, u),
		given("DNS Swing", r.LowerTTL),
		guide("Backup and Sync",
			upgrade.CheckServes(a, r.Site, r.Swing.Name),
			upgrade.BreakFailover(a, b, establishFailover),
		),
		guide("Update Appliance B", upgrade.Group(b.Name+" first", slices.Concat( // at its end the throttle is put back, before a data-sync could carry it to A
			guide("Client Upgrades", upgrade.ThrottleJumpClients(b, r.throttle())),
			guide("Update Appliance B", aside(upgrade.UpdateAppliance(b, u, r.Artifacts))),
			guide("Verify and Test", upgrade.VerifyAndTest(b, v, r.Testers)),
			given("DNS Swing", r.AwaitTTL),
			guide("Upgrade Preparation", upgrade.DrainSessions(a, r.Drain)),
			guide("Make Appliance B the Primary Appliance", r.Swing, byIP(b)),
			guide("Client Upgrades", upgrade.AwaitJumpClients(b, r.Return)),
		)...)),
		window(r.OneWindow),
		guide("Update Appliance A",
			upgrade.CheckServes(b, r.Site, establishFailover),
			aboutOne(b, "confirmed in production", "Does the new version work in your environment? The guide wants that confirmed before Appliance A is updated."),
		),
		r.second(b, a, "Update Appliance A", r.Artifacts, u),
		guide("Update Appliance A",
			aside(upgrade.Like(b.Name+" first/update "+b.Name, upgrade.UpdateAppliance(a, u, r.Artifacts))),
			upgrade.VerifyAndTest(a, v, r.Testers),
		),
		r.establish(b, a),
		guide("Backup and Sync", named("fresh backup", upgrade.BackupPRA(b, r.Artifacts, r.BackupMaxAge))),
		guide("Client Upgrades", r.toDo(b)),
	)
}
