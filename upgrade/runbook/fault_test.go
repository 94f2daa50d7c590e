package runbook_test

import (
	"fmt"
	"hash/fnv"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/sps"
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

// pairRequests are those of a pair beside the ones of a node.
var pairRequests = []string{"press Shutdown", "press Activate Slave", "read " + sps.LabelHAStatus, "power state", "power on"}

// ground is what a sweep runs on.
type ground struct {
	rig    *rig
	rebook func() // a new process: clients without a memory
	inject func(request string, f spstest.Fault)
	heal   func()
	nodes  func() []*spstest.Node
	reboot string // path of the step that reboots
}

func (g *ground) record() spstest.Record          { return g.nodes()[0].Record() }
func (g *ground) violations() []spstest.Violation { return g.nodes()[0].Violations() }

func nodeGround(t *testing.T) *ground {
	n := &spstest.Node{}
	g := &ground{rig: nodeRig(t, n, byPages), inject: n.Inject, heal: n.Heal, nodes: func() []*spstest.Node { return []*spstest.Node{n} }, reboot: "reboot"}
	g.rebook = func() { g.rig.procedure = nodeBook(t, n, g.rig, byPages).Procedure() }
	return g
}

func pairGround(t *testing.T) *ground {
	p := &spstest.Pair{}
	g := &ground{rig: pairRig(t, p, byPages), inject: p.Inject, nodes: func() []*spstest.Node { return []*spstest.Node{p.A, p.B} }, reboot: "without redundancy/reboot primary"}
	g.heal = func() { p.A.Heal(); p.B.Heal() }
	g.rebook = func() { g.rig.procedure = pairBook(t, p, g.rig, byPages).Procedure() }
	return g
}

// TestFaultSPSNode lets each request of the guide fail once in each way, early and late, and compares the report with the truth. Then the appliance
// is left alone, and a second run with the same journal must come to a good end, or stop where only a person can tell.
func TestFaultSPSNode(t *testing.T) { sweep(t, nodeRequests, nodeGround) }

// TestFaultSPSHA is the same on a pair: what only a pair has, and its presses. The soak has all of it.
func TestFaultSPSHA(t *testing.T) {
	requests := slices.Concat(pairRequests, []string{"press Reboot", "press After reboot", "GET /api/info"})
	if soak() {
		requests = slices.Concat(pairRequests, nodeRequests)
	}
	sweep(t, requests, pairGround)
}

// sample lets one case in eight pass when the race detector watches, which would take an hour for all; make test has all of them without it.
func sample(t *testing.T) {
	t.Helper()
	h := fnv.New32a()
	h.Write([]byte(t.Name()))
	if raced && !soak() && h.Sum32()%8 != 0 {
		t.SkipNow()
	}
}

// soak says that the long sweeps are wanted: make soak.
func soak() bool { return os.Getenv("CHANGEOVER_SOAK") != "" }

func sweep(t *testing.T, requests []string, on func(*testing.T) *ground) {
	for _, request := range requests {
		for _, kind := range slices.Sorted(maps.Keys(faults)) {
			for _, skip := range []int{0, 3} {
				if skip > 0 && (!strings.HasPrefix(request, "GET") || !soak()) {
					continue // made once, or for the soak
				}
				t.Run(fmt.Sprintf("%s %s, after %d", request, kind, skip), func(t *testing.T) {
					sample(t)
					t.Parallel()
					f := faults[kind]
					f.Skip = skip
					synctest.Test(t, func(t *testing.T) { on(t).fault(t, request, f) })
				})
			}
		}
	}
}

func (g *ground) fault(t *testing.T, request string, f spstest.Fault) {
	g.inject(request, f)
	rep, err := g.rig.run(t)
	g.checkTruth(t, rep, err)
	if rep.Outcome == upgrade.Succeeded {
		return
	}
	g.heal()
	time.Sleep(time.Hour) // it has booted, if it did
	g.rebook()
	again, err := g.rig.run(t)
	g.checkTruth(t, again, err)
	if again.Outcome != upgrade.Succeeded && again.Outcome != upgrade.UnknownEnd && again.Outcome != upgrade.Reverted {
		t.Errorf("after %s the second run: %s %v\n%s\n%s", rep.Outcome, again.Outcome, err, again, g.record())
	}
}

// checkTruth compares what a report says with what the simulator knows.
func (g *ground) checkTruth(t *testing.T, rep *upgrade.Report, err error) {
	t.Helper()
	if rep == nil {
		t.Fatalf("no report: %v", err)
	}
	checkRecord(t, rep, g.record(), g.violations())
	if (err == nil) != rep.Outcome.Good() {
		t.Errorf("outcome %s with the error %v", rep.Outcome, err)
	}
	for _, n := range g.nodes() {
		if rep.Outcome.Good() && n.Running() != newVersion {
			t.Errorf("%s, and %s runs %s\n%s", rep.Outcome, n.Name, n.Running(), rep)
		}
		if rep.Outcome == upgrade.Reverted && n.Running() != oldVersion {
			t.Errorf("reverted, and %s runs %s", n.Name, n.Running())
		}
	}
	for _, s := range rep.Steps {
		if s.Path == g.reboot && s.Status == upgrade.StatusDone && !slices.ContainsFunc(g.nodes(), func(n *spstest.Node) bool { return n.Running() == newVersion }) {
			t.Errorf("%q is done, and no node runs %s", s.Path, newVersion)
		}
		if s.Path == g.reboot && s.Acts == 0 && len(g.record().Of(spstest.Reboot)) > 0 {
			t.Errorf("the report knows of no reboot, and there was one:\n%s", g.record())
		}
	}
}
