package runbook_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// faults are the ways in which one request goes wrong.
var faults = map[string]spstest.Fault{
	"answers 500":                 {Kind: spstest.FaultAnswer, Status: 500},
	"answers 503":                 {Kind: spstest.FaultAnswer, Status: 503},
	"answers 401":                 {Kind: spstest.FaultAnswer, Status: 401, Body: `{"error":{"type":"Unauthenticated"}}`},
	"answers 409":                 {Kind: spstest.FaultAnswer, Status: 409, Body: `{"error":{"type":"ConfigurationLocked"}}`},
	"resets before it acts":       {Kind: spstest.FaultReset},
	"resets after it acted":       {Kind: spstest.FaultReset, Acts: true},
	"hangs":                       {Kind: spstest.FaultHang},
	"acts and hangs":              {Kind: spstest.FaultHang, Acts: true},
	"is cut":                      {Kind: spstest.FaultCut, After: 20},
	"is slow":                     {Kind: spstest.FaultSlow, Delay: 50 * time.Second},
	"answers a page":              {Kind: spstest.FaultPage},
	"acts and answers a page":     {Kind: spstest.FaultPage, Acts: true},
	"answers other JSON":          {Kind: spstest.FaultJSON},
	"redirects to another host":   {Kind: spstest.FaultRedirect},
	"ends all sessions":           {Kind: spstest.FaultLogout},
	"loses power and boots again": {Kind: spstest.FaultDown},
}

// nodeRequests are the requests and presses that the guide makes on one node.
var nodeRequests = []string{
	"GET /api/authentication", "GET /api/info", "GET /api/setup", "GET /api/health_status", "GET /api/transaction",
	"GET /api/firmware/slots", "GET /api/firmware/slots/{key}", "POST /api/upload/firmware", "POST /api/firmware/test",
	"POST /api/troubleshooting/support-bundle", "GET /api/troubleshooting/support-bundle/{key}",
	"GET /api/troubleshooting/support-bundle/{key}/download", "DELETE /api/troubleshooting/support-bundle/{key}",
	"GET /api/configuration/management/license", "press After reboot", "press Reboot", "press Export",
}

// TestFaultSPSNode lets each request of the guide fail once in each way, early and late, and compares the report with the truth. Then the appliance
// is left alone, and a second run with the same journal must come to a good end, or stop where only a person can tell.
func TestFaultSPSNode(t *testing.T) {
	for _, request := range nodeRequests {
		for _, kind := range slices.Sorted(maps.Keys(faults)) {
			for _, skip := range []int{0, 3} {
				if skip > 0 && !strings.HasPrefix(request, "GET") {
					continue // made once
				}
				t.Run(fmt.Sprintf("%s %s, after %d", request, kind, skip), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { faultNode(t, request, faults[kind], skip) })
				})
			}
		}
	}
}

func faultNode(t *testing.T, request string, f spstest.Fault, skip int) {
	n := &spstest.Node{}
	r := nodeRig(t, n, byPages)
	f.Skip = skip
	n.Inject(request, f)
	rep, err := r.run(t)
	checkTruth(t, rep, err, n)
	checkRecord(t, rep, n.Record(), n.Violations())
	if rep.Outcome == upgrade.Succeeded {
		return
	}
	n.Heal()
	time.Sleep(time.Hour) // it has booted, if it did
	r.procedure = nodeBook(t, n, r, byPages).Procedure()
	again, err := r.run(t)
	checkTruth(t, again, err, n)
	checkRecord(t, again, n.Record(), n.Violations())
	if again.Outcome != upgrade.Succeeded && again.Outcome != upgrade.UnknownEnd && again.Outcome != upgrade.Reverted {
		t.Errorf("after %s the second run: %s %v\n%s", rep.Outcome, again.Outcome, err, again)
	}
}

// checkTruth compares what a report says with what the simulator knows.
func checkTruth(t *testing.T, rep *upgrade.Report, err error, n *spstest.Node) {
	t.Helper()
	if rep == nil {
		t.Fatalf("no report: %v", err)
	}
	if (err == nil) != rep.Outcome.Good() {
		t.Errorf("outcome %s with the error %v", rep.Outcome, err)
	}
	if rep.Outcome.Good() && n.Running() != newVersion {
		t.Errorf("%s, and the node runs %s\n%s", rep.Outcome, n.Running(), rep)
	}
	if rep.Outcome == upgrade.Reverted && n.Running() != oldVersion {
		t.Errorf("reverted, and the node runs %s", n.Running())
	}
	record := n.Record()
	for _, s := range rep.Steps {
		if s.Path == "reboot" && s.Status == upgrade.StatusDone && n.Running() != newVersion {
			t.Errorf("%q is done, and the node runs %s", s.Path, n.Running())
		}
		if s.Path == "reboot" && s.Acts == 0 && len(record.Of(spstest.Reboot)) > 0 {
			t.Errorf("the report knows of no reboot, and there was one:\n%s", record)
		}
	}
}
