package runbook_test

import (
	"maps"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// pairScenarios says what a run on a pair does about each scenario: as on one node, unless said otherwise here. What the nodes run is that of the one that
// served first and the other.
func pairScenarios() map[string]end {
	both := func(v string) string { return v + " " + v }
	ends := map[string]end{}
	for name, e := range nodeScenarios {
		if e.step == "reboot" {
			e.step = "without redundancy/reboot primary"
			e.runs += " " + oldVersion
		} else {
			e.runs = both(e.runs)
		}
		ends[name] = e
	}
	maps.Copy(ends, map[string]end{
		"staged-reboots-at-once": {upgrade.UnknownEnd, "activate after reboot", newVersion + " " + oldVersion}, // the other node took over

		"wrong-member-selected":      {upgrade.Failed, "without redundancy/shut down secondary", both(oldVersion)},
		"image-not-there-yet":        {upgrade.UnknownEnd, "await the secondary's firmware", both(oldVersion)},
		"peer-not-yet-seen-dead":     {upgrade.Succeeded, "", both(newVersion)}, // the BMC tells, not the page
		"peer-too-far-behind":        {upgrade.BlockedRun, "check the pair", oldVersion + " 6.0.14"},
		"sync-strict-in-mixed-state": {upgrade.UnknownEnd, "without redundancy/verify secondary", newVersion + " " + oldVersion},
		"preempt-takes-over":         {upgrade.Succeeded, "", both(newVersion)},
		"both-primary":               {upgrade.BlockedRun, "guard no split brain", both(oldVersion)},
		"both-backup-for-a-while":    {upgrade.Succeeded, "", both(newVersion)},
		"both-backup-for-ever":       {upgrade.UnknownEnd, "activate slave", both(newVersion)},
		"degraded":                   {upgrade.BlockedRun, "check the power buttons", both(oldVersion)}, // the page shows it late
		"disk-failure":               {upgrade.BlockedRun, "check the pair", both(oldVersion)},
		"unknown-word":               {upgrade.BlockedRun, "check the pair", both(oldVersion)},
		"slow-sync":                  {upgrade.Succeeded, "", both(newVersion)},
	})
	return ends
}

func TestScenarioSPSHA(t *testing.T) {
	ends := pairScenarios()
	for _, s := range spstest.Scenarios() {
		if !slices.Contains(s.On(), "pair") {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			want, known := ends[s.Name]
			if !known {
				t.Fatal("nobody has said what a run does about this scenario")
			}
			synctest.Test(t, func(t *testing.T) {
				p := &spstest.Pair{}
				r := pairRig(t, p, byPages)
				first, second := p.A, p.B
				if err := p.Play(s.Name); err != nil {
					t.Fatal(err)
				}
				rep, err := r.run(t)
				checkEnd(t, rep, err, want, first.Running()+" "+second.Running())
				checkRecord(t, rep, p.Record(), p.Violations())
			})
		})
	}
}
