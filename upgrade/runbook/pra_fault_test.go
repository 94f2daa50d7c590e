package runbook_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// praFaults are the ways in which one request or press goes wrong.
var praFaults = map[string]pratest.Fault{
	"answers 500":               {Kind: pratest.FaultAnswer, Status: 500},
	"resets before it acts":     {Kind: pratest.FaultReset},
	"resets after it acted":     {Kind: pratest.FaultReset, Acts: true},
	"acts and hangs":            {Kind: pratest.FaultHang, Acts: true},
	"hangs":                     {Kind: pratest.FaultHang},
	"answers half":              {Kind: pratest.FaultHalf},
	"answers a page":            {Kind: pratest.FaultPage},
	"acts and answers a page":   {Kind: pratest.FaultPage, Acts: true},
	"redirects to another host": {Kind: pratest.FaultRedirect},
}

// praPresses are what the asynchronous guide presses, and praRequests what it asks.
var (
	praPresses = []string{
		"press " + beyondtrust.ButtonSyncNow, "press " + beyondtrust.ButtonBreak, "press " + beyondtrust.ButtonEstablish, "press " + beyondtrust.ButtonCheckForUpdates,
		"press " + beyondtrust.ButtonInstallThisUpdate, "press " + beyondtrust.ButtonSaveChanges, "press " + beyondtrust.ButtonSave,
	}
	praRequests = []string{"read", "POST /oauth2/token", "GET /api/command?action=check_health", "POST /api/command?action=check_health", "GET /api/backup", "GET /api/config/v1/jump-client", "GET /api/config/v1/jumpoint"}
)

// TestFaultPRAAsync lets each press of the guide fail once in each way on both appliances, and compares the report with the truth. Then the site is healed, and a second
// run with the same journal must come to a good end, or stop where only a person can tell. The soak has every request, early and late.
func TestFaultPRAAsync(t *testing.T) {
	requests := praPresses
	if soak() {
		requests = slices.Concat(praPresses, praRequests)
	}
	for _, request := range requests {
		for _, kind := range slices.Sorted(maps.Keys(praFaults)) {
			if !soak() && (kind == "answers half" || kind == "hangs" || kind == "redirects to another host" || kind == "acts and answers a page") {
				continue
			}
			t.Run(request+" "+kind, func(t *testing.T) {
				sample(t)
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { praFault(t, request, praFaults[kind]) })
			})
		}
	}
}

func praFault(t *testing.T, request string, f pratest.Fault) {
	s := pairSite()
	w := wire(s, pratest.BySharedIP)
	r := newPRARig(t, s, byPages)
	r.raiseThrottle(t)
	r.procedure = r.async(w, pratest.BySharedIP).Procedure()
	for _, b := range s.Boxes() {
		b.Inject(request, f)
	}
	rep, err := r.windows(t)
	r.truth(t, rep, err)
	if rep.Outcome == upgrade.Succeeded {
		return
	}
	for _, b := range s.Boxes() {
		b.Heal()
	}
	time.Sleep(2 * time.Hour)
	r.connect(t, byPages)
	r.procedure = r.async(w, pratest.BySharedIP).Procedure()
	again, err := r.windows(t)
	r.truth(t, again, err)
	if again.Outcome != upgrade.Succeeded && again.Outcome != upgrade.UnknownEnd {
		t.Errorf("after %s the second run: %s %v\n%s\n%s", rep.Outcome, again.Outcome, err, again, s.Record())
	}
}

// raiseThrottle sets more concurrent upgrades than a run allows, so that it has something to lower and to put back.
func (r *praRig) raiseThrottle(t *testing.T) {
	t.Helper()
	for _, b := range r.site.Boxes() {
		if b.Role() != beyondtrust.RoleBackup { // a backup has no such page, and what the primary has
			if err := b.Pages().JumpClients.Set(t.Context(), beyondtrust.JumpClientSettings{MaxConcurrent: 77}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := r.a.Pages.Failover.SyncNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Minute)
	if n := r.site.B.Throttle().MaxConcurrent; n != 77 {
		t.Fatalf("B has %d", n)
	}
}

// truth compares what a report says with what the simulator knows: no rule broken, nothing installed or established twice, and a success that is one.
func (r *praRig) truth(t *testing.T, rep *upgrade.Report, err error) {
	t.Helper()
	if rep == nil {
		t.Fatalf("no report: %v", err)
	}
	record := r.site.Record()
	if v := r.site.Violations(); len(v) > 0 {
		t.Errorf("violations: %v\n%s\n%s", v, rep, record)
	}
	for _, b := range r.site.Boxes() {
		seen := map[string]int{}
		for _, e := range record.On(b.Name) {
			if e.What == pratest.Install || e.What == pratest.Establish || e.What == pratest.Break {
				seen[fmt.Sprint(e.What, " ", e.Detail)]++
			}
		}
		for what, n := range seen {
			if n > 1 {
				t.Errorf("%d times on %s: %s\n%s", n, b.Name, what, record)
			}
		}
		if _, v, _ := b.Running(); rep.Outcome.Good() && v != praNew {
			t.Errorf("%s, and %s runs %s", rep.Outcome, b.Name, v)
		}
		if n := b.Throttle().MaxConcurrent; rep.Outcome.Good() && n != 77 {
			t.Errorf("%s, and the throttle of %s is %d", rep.Outcome, b.Name, n)
		}
	}
	if at := r.site.At(); rep.Outcome.Good() && len(at) != 1 {
		t.Errorf("%s, and the site's name leads to %s", rep.Outcome, strings.Join(at, ", "))
	}
	if (err == nil) != rep.Outcome.Good() {
		t.Errorf("outcome %s with the error %v", rep.Outcome, err)
	}
}
