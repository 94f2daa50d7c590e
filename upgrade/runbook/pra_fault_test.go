package runbook_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// praFaults are the ways in which one request or press goes wrong.
var praFaults = map[string]pratest.Fault{
	"answers 500":                 {Kind: pratest.FaultAnswer, Status: 500},
	"answers 503":                 {Kind: pratest.FaultAnswer, Status: 503},
	"answers 401 for the token":   {Kind: pratest.FaultAnswer, Status: 401, Body: `{"error":"access_denied","message":"The resource owner or authorization server denied the request."}`},
	"answers 401 for another":     {Kind: pratest.FaultAnswer, Status: 401, Body: `{"message":"Unknown parameter"}`},
	"answers 200 and an error":    {Kind: pratest.FaultAnswer, Status: 200, Body: `<?xml version="1.0"?><error xmlns="https://www.beyondtrust.com/namespaces/API/command">Invalid action</error>`},
	"resets before it acts":       {Kind: pratest.FaultReset},
	"resets after it acted":       {Kind: pratest.FaultReset, Acts: true},
	"acts and hangs":              {Kind: pratest.FaultHang, Acts: true},
	"hangs":                       {Kind: pratest.FaultHang},
	"is cut":                      {Kind: pratest.FaultCut},
	"answers half":                {Kind: pratest.FaultHalf},
	"is slow":                     {Kind: pratest.FaultSlow, Delay: 50 * time.Second},
	"stalls":                      {Kind: pratest.FaultStall},
	"answers a page":              {Kind: pratest.FaultPage},
	"acts and answers a page":     {Kind: pratest.FaultPage, Acts: true},
	"redirects to another host":   {Kind: pratest.FaultRedirect},
	"loses power and boots again": {Kind: pratest.FaultDown},
}

// What the guides press and ask.
var (
	praPresses = []string{
		"press " + beyondtrust.ButtonSyncNow, "press " + beyondtrust.ButtonBreak, "press " + beyondtrust.ButtonEstablish, "press " + beyondtrust.ButtonCheckForUpdates,
		"press " + beyondtrust.ButtonInstallThisUpdate, "press " + beyondtrust.ButtonUpdateSoftware, "press " + beyondtrust.ButtonSaveChanges, "press " + beyondtrust.ButtonSave,
		"press " + beyondtrust.ButtonExport, "press " + beyondtrust.ButtonUpload, "press " + beyondtrust.ButtonSaveConfiguration, "press Accept", "press " + beyondtrust.ButtonUploadBackup,
		"press " + beyondtrust.ButtonReset, "press " + beyondtrust.ButtonShutDown,
	}
	praRequests = []string{
		"read", "POST /oauth2/token", "GET /api/command/v2/info", "GET /api/command?action=check_health", "GET /api/backup", "GET /api/config/v1/jump-client", "GET /api/config/v1/jumpoint",
		"GET /api/command?action=get_connected_client_list", "GET /api/command/v2/client", "GET /check_health",
	}
)

// praSwept are the grounds that the sweep of faults goes over, each way of an update and of a swing once.
var praSwept = []string{"PRANode", "PRANode, manual", "PRASync", "PRAAsync, dns", "PRAAsync, shared", "PRAAsync, nat", "PRAHardware"}

// A praCase is one way to disturb one runbook.
type praCase struct {
	ground, request, kind string
	skip                  int
}

func (c praCase) String() string {
	return fmt.Sprintf("%s/%s %s, after %d", c.ground, c.request, c.kind, c.skip)
}

// praCases are all of them: each request and press of a runbook, early and late, in each way. What a runbook does not ask or press disturbs nothing, and is left out.
func praCases(t *testing.T) []praCase {
	var cases []praCase
	for _, ground := range praSwept {
		calls := praCalls(t, ground)
		for _, request := range slices.Concat(praPresses, praRequests) {
			for _, kind := range slices.Sorted(maps.Keys(praFaults)) {
				for _, skip := range []int{0, 1, 7, 40} {
					if calls[request] > skip {
						cases = append(cases, praCase{ground, request, kind, skip})
					}
				}
			}
		}
	}
	return cases
}

// praCalls is how often an undisturbed run asks and presses what.
func praCalls(t *testing.T, ground string) (calls map[string]int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		x := praGrounds[ground](t)
		before := x.site.Calls()
		if rep, err := x.windows(t); err != nil {
			t.Fatalf("%s: %v\n%s", ground, err, rep)
		}
		calls = x.site.Calls()
		for what, n := range before {
			calls[what] -= n
		}
	})
	return calls
}

// TestFaultPRA lets a request or a press of a PRA runbook fail once in some way, on whatever appliance comes first, and holds the report and the history against the guide. Then the site is
// healed, and a second run with the same journal, in a new process, must come to a good end, or stop where only a person can tell. make test draws cases; the soak has all.
func TestFaultPRA(t *testing.T) {
	cases := praCases(t)
	if !soak() {
		rnd, _ := seeded(t)
		rnd.Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
		n := 80
		if raced {
			n = 10
		}
		cases = cases[:n]
	}
	for _, c := range cases {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { c.play(t) })
		})
	}
}

func (c praCase) play(t *testing.T) {
	x := praGrounds[c.ground](t)
	f := praFaults[c.kind]
	f.Skip = c.skip
	for _, b := range x.site.Boxes() {
		b.Inject(c.request, f)
	}
	rep, err := x.windows(t)
	x.truth(t, rep, err)
	if rep.Outcome == upgrade.Succeeded {
		return
	}
	for _, b := range x.site.Boxes() {
		b.Heal()
	}
	time.Sleep(2 * time.Hour)
	x.procedure = x.fresh()
	again, err := x.windows(t)
	x.truth(t, again, err)
	if again.Outcome != upgrade.Succeeded && again.Outcome != upgrade.UnknownEnd && again.Outcome != upgrade.Reverted {
		t.Errorf("after %s the second run: %s %v\n%s\n%s", rep.Outcome, again.Outcome, err, again, x.site.Record())
	}
}

// truth compares what a report says with what the simulator knows: see [praGuide.judge].
func (x *praGround) truth(t *testing.T, rep *upgrade.Report, err error) {
	t.Helper()
	if rep == nil {
		t.Fatalf("no report: %v", err)
	}
	if bad := x.guide.judge(x, rep.Outcome.Good()); bad != nil {
		t.Errorf("%s, and %v\n%s\n%s", rep.Outcome, bad, rep, x.site.Record())
	}
	if owed := x.owed(rep); owed != nil {
		t.Errorf("%v\n%s", owed, rep)
	}
	if (err == nil) != rep.Outcome.Good() {
		t.Errorf("outcome %s with the error %v", rep.Outcome, err)
	}
}
