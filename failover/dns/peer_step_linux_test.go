package dns_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/dns"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

// The swing as the step of a run with a journal, on real servers: a site in two zones, the inner one at BIND and the outer one at Knot. Waits are shortened: the servers take milliseconds.

const stepScale = 0.005

// splitSite is the site's record at two primaries.
func splitSite(t testing.TB, inner, outer string) *failover.Record {
	rec := siteRecord(editor(t, inner, siteZone))
	rec.Zones = append(rec.Zones, siteRecord(editor(t, outer, siteZone)).Zones...)
	rec.Settle = 200 * time.Millisecond
	return rec
}

// through is the same swing by new connections, as a new process makes them, to these addresses.
func through(t testing.TB, s failover.Swinger, addrs ...string) *failover.Record {
	rec := *s.(*failover.Record)
	rec.Zones = slices.Clone(rec.Zones)
	for i, addr := range addrs {
		rec.Zones[i].Editor = editor(t, addr, siteZone)
	}
	return &rec
}

// serials are both zones' serials: they count the changes.
func serials(t testing.TB, rec *failover.Record) (out [2]uint32) {
	t.Helper()
	for i, z := range rec.Zones {
		auth, err := z.Editor.(*dns.Zone).Authorities(&dns.AuthorityOptions{Also: []string{"127.0.0.1:1"}, Skip: map[string]string{"ns1.site.test": "-", "ns2.site.test": "-", "ns3.site.test": "-"}})(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ans, err := auth.Primary.Ask(t.Context(), []failover.Key{{Name: "access.site.test.", Type: failover.A}})
		if err != nil {
			t.Fatal(err)
		}
		out[i] = ans.Serial
	}
	return out
}

func swingSteps(s failover.Swinger) upgrade.Procedure {
	return upgrade.Procedure{Name: "swing", Steps: []upgrade.Step{upgrade.SwingDNS(s.(*failover.Record), 0)}}
}

// Crashed at every boundary of the run, each time with a journal on disk and a fresh process: the name ends at the new side in both zones, and each was changed exactly once.
func TestCrashPeerSwingStep(t *testing.T) {
	inner, outer := startBIND(t, siteText(60)), startKnot(t, siteText(60))
	s := failover.Swinger(splitSite(t, inner, outer))
	boundary := 0
	for crashed := 1; crashed > 0; boundary++ {
		before := serials(t, s.(*failover.Record))
		path := filepath.Join(t.TempDir(), "journal")
		var err error
		crashed, err = upgradetest.CrashAt(t.Context(), upgradetest.Trial{
			Fresh:   func() upgrade.Procedure { return swingSteps(through(t, s, inner, outer)) },
			Options: upgrade.Options{Scale: stepScale},
			Open:    func() (upgrade.Journal, error) { return upgrade.OpenJournal(path) },
			Truth: func(rep *upgrade.Report, err error) error {
				view, lerr := s.Look(t.Context())
				if after := serials(t, s.(*failover.Record)); view.Position != failover.AtTo || after[0] != before[0]+1 || after[1] != before[1]+1 {
					return errors.Join(err, lerr, fmt.Errorf("the site is %v, serials went from %v to %v\n%s", view.Position, before, after, rep))
				}
				return err
			},
		}, boundary)
		if err != nil {
			t.Fatal(err)
		}
		if boundary == 0 {
			crashed = 1 // at 0 nothing crashes
		}
		s = s.Back()
	}
	if boundary < 10 {
		t.Errorf("there were only %d boundaries", boundary)
	}
	t.Logf("crashed at each of %d boundaries", boundary-2)
}

// The connection to each server is cut in every way while the update is under way. The run comes to its good end by itself, with one update at the zone more than was needed at most, or says the truth
// and is gone on with.
func TestFaultPeerSwingStep(t *testing.T) {
	inner, outer := startBIND(t, siteText(60)), startKnot(t, siteText(60))
	direct := failover.Swinger(splitSite(t, inner, outer))
	cuts := map[string]cut{
		"before the request": {request: 0}, "in the middle of the request": {request: 60}, "before the answer": {request: -1}, "before the answer, by a reset": {request: -1, reset: true},
		"in the middle of the answer": {request: -1, answer: 20}, "after the answer": {request: -1, answer: -1},
	}
	for name, c := range cuts {
		for i, server := range []string{"BIND", "Knot"} {
			t.Run(server+" "+name, func(t *testing.T) {
				addrs := [2]string{inner, outer}
				p := startProxy(t, addrs[i], c)
				addrs[i] = p.Addr().String()
				before := serials(t, direct.(*failover.Record))
				rep, err := upgrade.Run(t.Context(), swingSteps(through(t, direct, addrs[:]...)), &upgrade.Options{Journal: upgrade.NoJournal(), Scale: stepScale})
				view, lerr := direct.Look(t.Context())
				after := serials(t, direct.(*failover.Record))
				if err != nil || lerr != nil || view.Position != failover.AtTo || !rep.Outcome.Good() {
					t.Fatalf("Run() = %v, the site is %v, %v\n%s", err, view.Position, lerr, rep)
				}
				if n := p.updates.Load(); n > 2 || after[i] != before[i]+1 {
					t.Errorf("%d updates were sent to the zone whose answer was lost, its serial went from %d to %d: want one change", n, before[i], after[i])
				}
				direct = direct.Back()
			})
		}
	}
}

const (
	swingChild   = "CHANGEOVER_SWING_CHILD"
	killedSwings = 150
)

// TestSwingProcess is the process that TestCrashPeerSwingProcessIsKilled kills. It swings there and back by one procedure.
func TestSwingProcess(t *testing.T) {
	args := strings.Split(os.Getenv(swingChild), "|")
	if len(args) != 3 {
		return // not a child
	}
	p := upgrade.Procedure{Name: "to and fro"}
	s := failover.Swinger(splitSite(t, args[0], args[1]))
	for i := range killedSwings {
		step := upgrade.SwingDNS(s.(*failover.Record), 0)
		step.Name = fmt.Sprintf("swing %d", i+1)
		p.Steps = append(p.Steps, step)
		s = s.Back()
	}
	j, err := upgrade.OpenJournal(args[2])
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	// One swing may be killed more often than an act is sent again unasked.
	person := upgrade.OperatorFunc(func(context.Context, upgrade.Question) (upgrade.Answer, error) {
		return upgrade.Answer{Text: upgrade.AnswerAgain, By: "tester"}, nil
	})
	if rep, err := upgrade.Run(t.Context(), p, &upgrade.Options{Journal: j, Scale: stepScale, Operator: person}); err != nil {
		t.Fatalf("%v\n%s", err, rep)
	}
}

// A process that swings to and fro is killed at random moments. When it has ended each zone was changed exactly as often as it was to be.
func TestCrashPeerSwingProcessIsKilled(t *testing.T) {
	inner, outer := startBIND(t, siteText(60)), startKnot(t, siteText(60))
	before := serials(t, splitSite(t, inner, outer))
	path := filepath.Join(t.TempDir(), "journal")
	var last bytes.Buffer
	killed, err := upgradetest.Kill{Times: 15, Within: 250 * time.Millisecond, Command: func() *exec.Cmd {
		cmd := exec.Command(os.Args[0], "-test.run=^TestSwingProcess$")
		cmd.Env = append(os.Environ(), swingChild+"="+inner+"|"+outer+"|"+path)
		last.Reset()
		cmd.Stdout = &last
		return cmd
	}}.Run(t)
	if err != nil {
		t.Errorf("the last process ended %v:\n%s", err, &last)
	}
	after := serials(t, splitSite(t, inner, outer))
	t.Logf("killed %d times, serials went from %v to %v", killed, before, after)
	if after[0] != before[0]+killedSwings || after[1] != before[1]+killedSwings {
		t.Errorf("serials went from %v to %v, want %d changes each", before, after, killedSwings)
	}
}

// The TTL is lowered, waited for and put back on real servers.
func TestPeerLowerTTLStep(t *testing.T) {
	rec := splitSite(t, startBIND(t, siteText(3)), startKnot(t, siteText(2)))
	lower, await := upgrade.LowerTTL(rec, time.Second)
	began := time.Now()
	rep, err := upgrade.Run(t.Context(), upgrade.Procedure{Name: "swing", Steps: []upgrade.Step{lower, await, upgrade.SwingDNS(rec, 0)}}, &upgrade.Options{Journal: upgrade.NoJournal(), Scale: stepScale})
	if err != nil || time.Since(began) < 3*time.Second {
		t.Errorf("Run() = %v after %v, want 3 s: the longest old TTL\n%s", err, time.Since(began), rep)
	}
	now, err := rec.TTLs(t.Context())
	if err != nil || now.Zones[0].Sets[0].TTL != 3*time.Second || now.Zones[1].Sets[0].TTL != 2*time.Second || now.Zones[0].Sets[0].Values[0] != b.String() {
		t.Errorf("the end is %+v, %v", now, err)
	}
}
