package runbook

import (
	"slices"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/upgrade"
)

// PRANode upgrades a single BeyondTrust PRA appliance, with automatic or with manual updates, after "Upgrade a Single BeyondTrust Appliance with Automatic Updates" and "… with Manual Updates" (Privileged
// Remote Access Upgrade Guide), with its "Upgrade Preparation" before and its "Client Upgrades" after them.
//
// The guide has no "Verify and Test" for a single appliance; the one of the pairs is done here too. With Update.Manual the packages are fetched once, stored and hashed before anything is changed. When the
// automatic check fails the run is Blocked: the clock is checked before it, and the manual way is a runbook of its own, not a fallback, because it uses up the packages.
//
// Appliance, Site, Artifacts and Update are required.
type PRANode struct {
	Appliance upgrade.PRA
	Site      *beyondtrust.Client // speaks to the site's name, pinned to no appliance
	Artifacts upgrade.Artifacts
	Update    upgrade.PRAUpdate

	PRASettings
}

// Check says what is missing, without talking to anybody.
func (r PRANode) Check() error {
	return checkPRA("PRANode", r.Site, r.Artifacts, r.Update, r.Appliance)
}

// Procedure returns the guide as data. What Check finds missing makes it an invalid procedure, which [upgrade.Run] refuses.
func (r PRANode) Procedure() upgrade.Procedure {
	p := upgrade.Procedure{
		Name:   "PRA upgrade to " + r.Update.Version.String(),
		Source: "Privileged Remote Access Upgrade Guide: Upgrade Preparation; Upgrade a Single BeyondTrust Appliance",
	}
	if r.Check() != nil {
		return p // without steps, so that it is refused
	}
	p.Guards = []upgrade.Guard{upgrade.SamePRA(r.Appliance), upgrade.SiteServed(r.Site, r.Appliance)}
	p.Vigils = r.watch(r.Site, r.Appliance)
	p.Steps = r.steps()
	return p
}

func (r PRANode) steps() []upgrade.Step {
	x, u, v := r.Appliance, r.Update, r.Update.Version
	way := "Single, Automatic"
	if u.Manual {
		way = "Single, Manual"
	}
	return slices.Concat(
		guide("Upgrade Preparation", upgrade.CheckPRA(x, v)),
		guide(way, upgrade.CheckClock(x, r.ClockOffset)),
		guide("Upgrade Preparation", upgrade.CheckCertificates(r.Certificate, 0, x)),
		guide("Client Upgrades", upgrade.CheckClientUpgrades(x)),
		guide("Upgrade Preparation", r.prepare(x, v)),
		guide("Upgrade Preparation", r.certificates(r.Artifacts, x)...),
		guide("Upgrade Preparation", upgrade.BackupPRA(x, r.Artifacts, r.BackupMaxAge)),
		r.get(x, u),
		guide("Client Upgrades", upgrade.ThrottleJumpClients(x, r.throttle())),
		guide("Upgrade Preparation", upgrade.DrainSessions(x, r.Drain)),
		guide(way, upgrade.UpdateAppliance(x, u, r.Artifacts)),
		guide("Verify and Test", upgrade.VerifyAndTest(x, v, r.Testers)),
		guide("Client Upgrades", upgrade.AwaitJumpClients(x, r.Return)),
		guide("Upgrade Preparation", named("fresh backup", upgrade.BackupPRA(x, r.Artifacts, r.BackupMaxAge))),
		guide("Client Upgrades", r.toDo(x)),
	)
}
