package runbook

import (
	"github.com/changeover-sdk/changeover/upgrade"
)

// The interim without failover, as holds and reports call it.
const exposed = "the site has no failover until the second window: long enough to confirm the new version in production, brief enough for the exposure"

// before are the steps of "Backup and Sync" and of the Upgrade Preparation, on both appliances of a pair: everything that must be right before redundancy is given up. Both lists of updates, or both
// sets of packages, are there before it is.
func (s PRASettings) before(primary, backup upgrade.PRA, a upgrade.Artifacts, u upgrade.PRAUpdate) []upgrade.Step {
	steps := []upgrade.Step{
		upgrade.CheckPair(primary, backup, s.SyncAge).At("Considerations"),
		upgrade.CheckClock(primary, s.ClockOffset).At("Manual"),
		upgrade.CheckClock(backup, s.ClockOffset).At("Manual"),
		upgrade.CheckCertificates(s.Certificate, 0, primary, backup).At("Upgrade Preparation"),
		upgrade.CompareKeys(primary, backup).At("Reestablish Failover Relationship"),
		upgrade.CheckClientUpgrades(primary).At("Client Upgrades"),
		s.prepare(primary, u.Version),
		upgrade.BackupPRA(primary, a, s.BackupMaxAge).At("Backup and Sync"),
	}
	steps = append(steps, s.get(primary, u)...)
	steps = append(steps, s.get(backup, u)...)
	return append(steps, upgrade.SyncNow(primary, backup, s.SyncLimit).At("Backup and Sync"))
}

// establish are the steps of "Reestablish Failover Relationship".
func (s PRASettings) establish(primary, backup upgrade.PRA) []upgrade.Step {
	return []upgrade.Step{
		named("compare the keys again", upgrade.CompareKeys(primary, backup)).At("Reestablish Failover Relationship"),
		upgrade.ConfirmOverwrite(primary, backup).At("Reestablish Failover Relationship"),
		upgrade.EstablishFailover(primary, backup, s.SyncLimit).At("Reestablish Failover Relationship"),
		named("check the pair again", upgrade.CheckPair(primary, backup, s.SyncAge)).At("Reestablish Failover Relationship"),
	}
}
