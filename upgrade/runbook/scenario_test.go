package runbook_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// end is what a run does about a scenario: its outcome, the step that ended it, and what the appliance runs then.
type end struct {
	outcome upgrade.Outcome
	step    string // that stopped; empty when none did
	runs    string
}

var (
	fine    = end{upgrade.Succeeded, "", newVersion}
	blocked = func(step string) end { return end{upgrade.BlockedRun, step, oldVersion} }
)

// nodeScenarios says what a run on one node does about each scenario. A scenario that is not here fails the test.
var nodeScenarios = map[string]end{
	"tainted":          blocked("check the health"),
	"integrity":        blocked("check the health"),
	"disk-full":        blocked("check the health"),
	"raid-degraded":    blocked("check the health"),
	"uninitialized":    blocked("check the health"),
	"licence-missing":  blocked("check the licence"),
	"weak-certificate": blocked("test the firmware"),
	"test-fails":       blocked("test the firmware"),
	"slots-full":       blocked("upload the firmware"),
	"redirected-away":  blocked("upload the firmware"),
	"locked-out":       blocked("guard same appliance at sps1.example.test"),

	"slot-already-there":       fine,
	"ghost-lock":               fine, // a web lock does not keep the pages from staging; the REST call is another test
	"core-files":               fine, // asked about
	"virtual":                  fine,
	"left-in-maintenance-mode": fine, // the test connection is asked about
	"old-failure-still-shown":  fine, // only this run's own test counts
	"clock-off-by-a-day":       fine, // no time of the appliance is compared with ours

	"licence-expired-silent":      {upgrade.BlockedRun, "verify the upgrade", newVersion},
	"ok-status-error-body":        blocked("test the firmware"),
	"reboot-after-failed-install": blocked("test the firmware"),

	"reset-during-act":                  fine,
	"upload-slow-but-moving":            fine,
	"upload-stalled":                    fine, // sent again: nothing had begun
	"session-ends-in-upload":            fine,
	"page-instead-of-json":              fine, // looked at again
	"burst-beats-limit":                 fine,
	"partial-page-of-results":           fine,
	"slot-list-position-is-not-slot-id": fine,
	"still-up-just-after-reboot-call":   fine,
	"reboot-takes-29-minutes":           fine,
	"version-late":                      fine,
	"token-dead-after-failover":         fine,
	"staged-reboots-at-once":            fine,
	"upgrade-only-selects":              fine,

	"timeout-of-watcher-only":      {upgrade.UnknownEnd, "reboot", oldVersion}, // it is still booting
	"rescue":                       {upgrade.UnknownEnd, "reboot", oldVersion},
	"never-comes-back":             {upgrade.UnknownEnd, "reboot", oldVersion},
	"host-name-redirected-to-peer": {upgrade.UnknownEnd, "reboot", newVersion},
	"boots-older-slot":             {upgrade.Reverted, "reboot", oldVersion},
	"never-switched-slot":          {upgrade.Reverted, "reboot", oldVersion},
}

func TestScenarioSPSNode(t *testing.T) {
	t.Parallel()
	for _, s := range spstest.Scenarios() {
		if !slices.Contains(s.On(), "node") {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			want, known := nodeScenarios[s.Name]
			if !known {
				t.Fatal("nobody has said what a run does about this scenario")
			}
			synctest.Test(t, func(t *testing.T) {
				n := &spstest.Node{}
				r := nodeRig(t, n, byPages)
				if err := n.Play(s.Name); err != nil {
					t.Fatal(err)
				}
				rep, err := r.run(t)
				checkEnd(t, rep, err, want, n.Running())
				checkRecord(t, rep, n.Record(), n.Violations())
			})
		})
	}
}

func checkEnd(t *testing.T, rep *upgrade.Report, err error, want end, runs string) {
	t.Helper()
	if rep == nil {
		t.Fatalf("no report: %v", err)
	}
	got := end{rep.Outcome, "", runs}
	if se, ok := stepError(err); ok {
		got.step = se.Step
	}
	if got != want {
		t.Errorf("got %+v, want %+v: %v\n%s", got, want, err, rep)
	}
	if len(rep.Owed) > 0 {
		t.Errorf("owed: %+v", rep.Owed)
	}
}

// checkRecord compares the run with the truth: what may be done once was done at most once, a success is on the target, and no rule was broken.
func checkRecord(t *testing.T, rep *upgrade.Report, record spstest.Record, violations []spstest.Violation) {
	t.Helper()
	for _, what := range []spstest.What{spstest.Reboot, spstest.Upgrade, spstest.ActivateSlave} {
		perNode := map[string]int{}
		for _, e := range record.Of(what) {
			if perNode[e.Node]++; perNode[e.Node] > 1 {
				t.Errorf("%s twice on %s:\n%s", what, e.Node, record)
			}
		}
	}
	if len(violations) > 0 {
		t.Errorf("violations: %v\n%s", violations, record)
	}
}
