package runbook

import (
	"slices"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/upgrade"
)

// PRASync upgrades two PRA appliances in a failover relationship synchronously: A, the primary, first, and it stays primary. After "Synchronous Upgrade of Two BeyondTrust Appliances in a Failover Relationship"
// (Privileged Remote Access Upgrade Guide). The site is down while A installs.
//
// Where the guide is silent: it asks for two windows, and names no place for the second one; the hold is between A, verified with its Jump Clients back, and B. The
// package lists are checked on both before the relationship is broken. The throttle is lowered on A, which has the clients, after the break: before it, the data-sync would carry it to B.
// Who overwrites whom is confirmed by name.
//
// Primary, Backup, Site, Artifacts and Update are required.
type PRASync struct {
	Primary   upgrade.PRA         // Appliance A
	Backup    upgrade.PRA         // Appliance B
	Site      *beyondtrust.Client // speaks to the site's name, pinned to no appliance
	Artifacts upgrade.Artifacts
	Update    upgrade.PRAUpdate
	OneWindow bool // do not hold for a second window

	PRASettings
}

// Check says what is missing, without talking to anybody.
func (r PRASync) Check() error {
	return checkPRA("PRASync", r.Site, r.Artifacts, r.Update, r.Primary, r.Backup)
}

// Procedure returns the guide as data. What Check finds missing makes it an invalid procedure, which [upgrade.Run] refuses.
func (r PRASync) Procedure() upgrade.Procedure {
	p := upgrade.Procedure{
		Name:   "PRA synchronous upgrade to " + r.Update.Version.String(),
		Source: "Privileged Remote Access Upgrade Guide: Upgrade Preparation; Synchronous Upgrade of Two BeyondTrust Appliances",
	}
	if r.Check() != nil {
		return p // without steps, so that it is refused
	}
	p.Guards = pairGuards(r.Site, r.Primary, r.Backup)
	p.Vigils = r.watch(r.Site, r.Primary, r.Backup)
	p.Steps = r.steps()
	return p
}

func (r PRASync) steps() []upgrade.Step {
	a, b, u, v := r.Primary, r.Backup, r.Update, r.Update.Version
	return slices.Concat(
		r.before(a, b, r.Artifacts, u),
		guide("Backup and Sync",
			upgrade.CheckServes(a, r.Site, establishFailover),
			upgrade.DrainSessions(a, r.Drain),
			upgrade.BreakFailover(a, b, establishFailover),
		),
		guide("Update Appliance A", upgrade.Group(a.Name+" first", // at its end the throttle is put back, before a data-sync could carry it to B
			upgrade.ThrottleJumpClients(a, r.throttle()).At("Client Upgrades"),
			upgrade.UpdateAppliance(a, u, r.Artifacts),
			at("Verify and Test", upgrade.VerifyAndTest(a, v, r.Testers)),
			upgrade.AwaitJumpClients(a, r.Return).At("Client Upgrades"),
		)),
		window(r.OneWindow),
		r.second(a, b, "Update Appliance B", r.Artifacts, u),
		guide("Update Appliance B",
			aside(upgrade.Like(a.Name+" first/update "+a.Name, upgrade.UpdateAppliance(b, u, r.Artifacts))),
			upgrade.VerifyAndTest(b, v, r.Testers),
		),
		r.establish(a, b),
		guide("Backup and Sync", named("fresh backup", upgrade.BackupPRA(a, r.Artifacts, r.BackupMaxAge))),
		guide("Client Upgrades", r.toDo(a)),
	)
}
