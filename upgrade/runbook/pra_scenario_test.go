package runbook_test

import (
	"maps"
	"strings"
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
	"image-not-there-yet":                 praBlocked("check for updates of B/compare the list"), // before redundancy is given up
	"slot-already-there":                  praFine,
	"slot-list-position-is-not-slot-id":   praFine, // rows are found by their titles
}

// praSyncScenarios is the same for a synchronous upgrade, in which A comes first.
func praSyncScenarios() map[string]praEnd {
	ends := map[string]praEnd{}
	for name, e := range praScenarios {
		if rest, ok := strings.CutPrefix(e.step, "B first/"); ok {
			e.step = "A first/" + strings.ReplaceAll(strings.ReplaceAll(rest, "update B", "update A"), "test B", "test A")
			e.a, e.b = e.b, e.a
		}
		ends[name] = e
	}
	ends["preempt-takes-over"] = praFine // A keeps its role: there is nothing to take back
	return ends
}

// praNodeScenarios is the same for a single appliance, on which only what needs no peer can be played.
func praNodeScenarios() map[string]praEnd {
	ends := map[string]praEnd{}
	for name, e := range praSyncScenarios() {
		e.step, e.b = strings.TrimPrefix(e.step, "A first/"), ""
		ends[name] = e
	}
	return ends
}

// praHardwareScenarios is the same for a move to new hardware, where A is the old appliance and B the new one, which gets the software that A runs.
func praHardwareScenarios() map[string]praEnd {
	const install = "install the software on B/licence agreement of BeyondTrust-" + praOld
	fine := praEnd{upgrade.Succeeded, "", "", praOld}
	none := func(o upgrade.Outcome, step string) praEnd { return praEnd{o, step, praOld, ""} }
	ends := map[string]praEnd{}
	for name := range praScenarios {
		ends[name] = fine // the versions are equal: no client upgrades, no sync, no relationship
	}
	maps.Copy(ends, map[string]praEnd{
		"clock-off-by-a-day":          none(upgrade.BlockedRun, "check the clock of A"),
		"automatic-updates-fail":      none(upgrade.BlockedRun, "install the software on B/check for updates/compare the list"),
		"package-served-once":         none(upgrade.BlockedRun, "install the software on B/check for updates/compare the list"),
		"boots-older-slot":            none(upgrade.Reverted, install),
		"never-switched-slot":         none(upgrade.Reverted, install),
		"install-fails":               none(upgrade.Failed, install),
		"reboot-after-failed-install": none(upgrade.Failed, install),
		"install-stalls":              none(upgrade.UnknownEnd, install),
		"exposed-while-downloading":   none(upgrade.UnknownEnd, install),
		"timeout-of-watcher-only":     none(upgrade.UnknownEnd, install), // A serves as before, and the next run finds it done
		"licence-expired-silent":      {upgrade.BlockedRun, "verify and test B/test a session", praOld, praOld},
	})
	return ends
}

// otherwise are the scenarios in which somebody else acts too, or less is left to do, so that the guide's acts are not all.
var otherwise = map[string]bool{"slot-already-there": true, "operator-changed-state-between-runs": true, "burst-beats-limit": true}

// TestScenarioPRA says what the PRA runbooks do about each scenario that a simulated site can play. One that nobody has decided about fails.
func TestScenarioPRA(t *testing.T) {
	for ground, ends := range map[string]map[string]praEnd{
		"PRANode": praNodeScenarios(), "PRASync": praSyncScenarios(), "PRAAsync, shared": praScenarios, "PRAHardware": praHardwareScenarios(),
	} {
		for _, sc := range pratest.Scenarios() {
			t.Run(ground+"/"+sc.Name, func(t *testing.T) {
				sample(t)
				t.Parallel()
				want, known := ends[sc.Name]
				synctest.Test(t, func(t *testing.T) { playScenario(t, ground, sc, want, known) })
			})
		}
	}
}

func playScenario(t *testing.T, ground string, sc pratest.Scenario, want praEnd, known bool) {
	x := praGrounds[ground](t)
	if err := x.site.Play(sc.Name); err != nil {
		if !sc.NeedsPair() || strings.Contains(ground, "ync") {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	rep, err := x.windows(t)
	if rep == nil {
		t.Fatalf("no report: %v", err)
	}
	got := praEnd{outcome: rep.Outcome}
	for i, b := range x.site.Boxes() {
		_, v, _ := b.Running()
		*[]*string{&got.a, &got.b}[i] = v
	}
	if se, ok := stepError(err); ok {
		got.step = strings.TrimPrefix(se.Step, "move with a lowered TTL/") // which is there for a swing in DNS
	}
	switch {
	case !known:
		t.Fatalf("nobody has said what a run does about this scenario; it does %+v: %v", got, err)
	case got != want:
		t.Errorf("got %+v, want %+v: %v\n%s", got, want, err, rep)
	}
	if sc.Name == "preempt-takes-over" && rep.Outcome != upgrade.Succeeded {
		return // it enables the address on both itself
	}
	if err := x.person.Err(); err != nil {
		t.Error(err)
	}
	if v := x.site.Violations(); len(v) > 0 {
		t.Errorf("violations: %v\n%s", v, x.site.Record())
	}
	if err := x.owed(rep); err != nil {
		t.Error(err)
	}
	bad := x.guide.served(x)
	if !otherwise[sc.Name] {
		bad = x.guide.judge(x, rep.Outcome.Good())
	}
	if bad != nil {
		t.Errorf("%v\n%s", bad, x.site.Record())
	}
}
