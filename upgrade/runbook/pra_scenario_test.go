package runbook_test

import (
	"testing"
	"testing/synctest"

	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// praEnd is what a run does about a scenario: its outcome, the step that ended it, and what A and B run then.
type praEnd struct {
	outcome upgrade.Outcome
	step    string
	a, b    string
}

var (
	praFine    = praEnd{upgrade.Succeeded, "", praNew, praNew}
	praBlocked = func(step string) praEnd { return praEnd{upgrade.BlockedRun, step, praOld, praOld} }
)

// praScenarios says what an asynchronous upgrade does about each scenario. A scenario that is not here fails the test.
var praScenarios = map[string]praEnd{
	"wrong-member-selected":               praBlocked("check the pair"),
	"host-name-redirected-to-peer":        praFine, // appliances are dialed by address
	"peer-too-far-behind":                 {upgrade.BlockedRun, "check the pair", praOld, "23.3.1"},
	"both-primary":                        praBlocked("check the pair"),
	"both-backup-for-a-while":             praFine,
	"both-backup-for-ever":                {upgrade.UnknownEnd, "check the pair", praOld, praOld}, // a person decides
	"half-broken":                         praBlocked("check the pair"),
	"peer-not-yet-seen-dead":              praFine, // each is asked itself
	"mismatched-keys":                     praBlocked("compare the keys"),
	"operator-changed-state-between-runs": praFine, // before the first run that is a pair in order; between runs is another test
	"left-in-maintenance-mode":            praBlocked("check the client upgrades"),
	"clock-off-by-a-day":                  praBlocked("check the clock of A"),                                                   // before anything is pressed
	"preempt-takes-over":                  {upgrade.BlockedRun, "guard one appliance serves the site", praOld, praNew},          // two appliances answer at the name
	"exposed-while-downloading":           {upgrade.UnknownEnd, "B first/update B/install Base Software 7.0.0", praOld, praOld}, // the manual way has the packages before
	"package-served-once":                 praBlocked("check for updates of A/compare the list"),
	"automatic-updates-fail":              praBlocked("check for updates of A/compare the list"),
	"still-up-just-after-reboot-call":     praFine,
	"reboot-takes-29-minutes":             praFine,
	"timeout-of-watcher-only":             {upgrade.UnknownEnd, "B first/update B/install Base Software 7.0.0", praOld, praOld}, // the next run finds it done
	"pause-returned-too-early":            praFine,
	"boots-older-slot":                    {upgrade.Reverted, "B first/update B/install Base Software 7.0.0", praOld, praOld},
	"never-switched-slot":                 {upgrade.Reverted, "B first/update B/install Base Software 7.0.0", praOld, praOld},
	"install-fails":                       {upgrade.Failed, "B first/update B/install Base Software 7.0.0", praOld, praOld},
	"install-stalls":                      {upgrade.UnknownEnd, "B first/update B/install Base Software 7.0.0", praOld, praOld},
	"reboot-after-failed-install":         {upgrade.Failed, "B first/update B/install Base Software 7.0.0", praOld, praOld},
	"old-failure-still-shown":             praFine,
	"licence-expired-silent":              {upgrade.BlockedRun, "B first/verify and test B/test a session", praOld, praNew}, // the tester finds out
	"window-burned-by-hook":               praFine,                                                                          // no window was given
	"sync-strict-in-mixed-state":          praFine,
	"ghost-lock":                          praFine,
	"burst-beats-limit":                   praFine,
	"clients-never-return":                {upgrade.UnknownEnd, "B first/await Jump Clients", praOld, praNew}, // stragglers are named
	"clients-never-upgrade":               praBlocked("check the client upgrades"),
	"partial-page-of-results":             praFine,
	"token-dead-after-failover":           praFine,
	"ok-status-error-body":                praFine, // an error text is no backup; the second try is
	"reset-during-act":                    praFine,
	"effect-kills-the-runner":             praFine,
	"upload-slow-but-moving":              praFine,
	"upload-stalled":                      praFine,
}

// TestScenarioPRAAsync says what an asynchronous upgrade of a pair does about each scenario that a simulated site can play.
func TestScenarioPRAAsync(t *testing.T) {
	for _, sc := range pratest.Scenarios() {
		t.Run(sc.Name, func(t *testing.T) {
			t.Parallel()
			want, known := praScenarios[sc.Name]
			synctest.Test(t, func(t *testing.T) {
				s := pairSite()
				w := wire(s, pratest.BySharedIP)
				r := newPRARig(t, s, byPages)
				r.procedure = r.async(w, pratest.BySharedIP).Procedure()
				if err := s.Play(sc.Name); err != nil {
					t.Fatal(err)
				}
				rep, err := r.windows(t)
				if rep == nil {
					t.Fatalf("no report: %v", err)
				}
				_, va, _ := s.A.Running()
				_, vb, _ := s.B.Running()
				got := praEnd{rep.Outcome, "", va, vb}
				if se, ok := stepError(err); ok {
					got.step = se.Step
				}
				if !known {
					t.Fatalf("nobody has said what a run does about this scenario; it does %+v: %v", got, err)
				}
				if got != want {
					t.Errorf("got %+v, want %+v: %v\n%s", got, want, err, rep)
				}
				if sc.Name != "preempt-takes-over" { // which itself enables the address on both
					r.check(t, rep)
				}
			})
		})
	}
}
