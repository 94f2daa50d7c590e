package runbook

import (
	"slices"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/upgrade"
)

// The interim without failover, as holds and reports call it.
const exposed = "the site has no failover until the second window: long enough to confirm the new version in production, brief enough for the exposure"

// The step that ends the interim.
const establishFailover = "establish failover"

func pairGuards(site *beyondtrust.Client, a, b upgrade.PRA) []upgrade.Guard {
	return []upgrade.Guard{upgrade.SamePRA(a), upgrade.SamePRA(b), upgrade.SiteServed(site, a, b), upgrade.NothingInstalls(a, b)}
}

// before are the steps of "Backup and Sync" and of the Upgrade Preparation, on both appliances of a pair: everything that must be right before redundancy is given up. Both lists of updates, or both
// sets of packages, are there before it is.
func (s PRASettings) before(primary, backup upgrade.PRA, a upgrade.Artifacts, u upgrade.PRAUpdate) []upgrade.Step {
	return slices.Concat(
		guide("Considerations", upgrade.CheckPair(primary, backup, s.SyncAge), upgrade.CheckAutomaticFailover(primary, backup)),
		guide("Manual", upgrade.CheckClock(primary, s.ClockOffset), upgrade.CheckClock(backup, s.ClockOffset)),
		guide("Upgrade Preparation", upgrade.CheckCertificates(s.Certificate, 0, primary, backup)),
		guide("Reestablish Failover Relationship", upgrade.CompareKeys(primary, backup)),
		guide("Client Upgrades", upgrade.CheckClientUpgrades(primary)),
		guide("Upgrade Preparation", s.prepare(primary, u.Version)),
		guide("Upgrade Preparation", s.certificates(a, primary, backup)...),
		guide("Backup and Sync", upgrade.BackupPRA(primary, a, s.BackupMaxAge)),
		s.get(primary, u),
		s.get(backup, u),
		guide("Backup and Sync", upgrade.SyncNow(primary, backup, s.SyncLimit)),
	)
}

// window ends the first of the guide's two windows.
func window(one bool) []upgrade.Step {
	if one {
		return nil
	}
	return guide("Considerations", upgrade.Hold("second window", exposed))
}

// second are the steps with which the second window begins, before anything is installed on second: what the first window proved may have aged.
func (s PRASettings) second(serving, second upgrade.PRA, ref string, a upgrade.Artifacts, u upgrade.PRAUpdate) []upgrade.Step {
	steps := guide(ref, named("backup in the second window", upgrade.BackupPRA(serving, a, s.BackupMaxAge)), named("check the clock of "+second.Name+" again", upgrade.CheckClock(second, s.ClockOffset)))
	if u.Manual {
		steps = append(steps, at(ref, named("check the packages of "+second.Name+" again", upgrade.CheckPackages(second, u))))
	}
	return steps
}

// establish are the steps of "Reestablish Failover Relationship".
func (s PRASettings) establish(primary, backup upgrade.PRA) []upgrade.Step {
	return guide("Reestablish Failover Relationship",
		named("compare the keys again", upgrade.CompareKeys(primary, backup)),
		upgrade.ConfirmOverwrite(primary, backup),
		upgrade.EstablishFailover(primary, backup, s.SyncLimit),
		named("check the pair again", upgrade.CheckPair(primary, backup, s.SyncAge)),
		aboutOne(primary, "automatic failover again", "Is "+beyondtrust.BoxAutomaticFailover+" set on both appliances as \"check automatic failover\" in the report says that it was ("+beyondtrust.MenuFailover+")? A new relationship may have forgotten it."),
	)
}
