package runbook_test

import (
	"context"
	"maps"
	"slices"
	"strings"
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
	t.Parallel()
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

// TestSPSHANotBack looks at what is known of a primary that does not come back: how long, what answers, both nodes' power, the open port, the
// console so far.
func TestSPSHANotBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &spstest.Pair{}
		r := newRig(t, p)
		book := pairBook(t, p, r, byPages)
		book.Boot.Console = func(context.Context) (string, error) { return "init: upgrade failed\npassword=pl4nted\n", nil }
		r.procedure = book.Procedure()
		if err := p.Play("rescue"); err != nil {
			t.Fatal(err)
		}
		rep, err := r.run(t)
		se, ok := stepError(err)
		if !ok || se.Outcome != upgrade.UnknownEnd {
			t.Fatalf("Run: %v", err)
		}
		for _, want := range []string{"TCP port 22 is open", "guard the network", "look at the console"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error does not say %q: %v", want, err)
			}
		}
		for _, want := range []string{`"ssh":true`, `"power":"sps1-a on, sps1-b off"`, `init: upgrade failed`} {
			if !strings.Contains(string(se.Seen.Evidence), want) {
				t.Errorf("the evidence lacks %q: %s", want, se.Seen.Evidence)
			}
		}
		if all := err.Error() + rep.String() + string(se.Seen.Evidence); strings.Contains(all, "pl4nted") {
			t.Errorf("a password from the console is shown:\n%s", all)
		}
	})
}

// TestScenarioSPSSearch is what a run on a search cluster does about the scenarios that only a cluster has.
func TestScenarioSPSSearch(t *testing.T) {
	t.Parallel()
	ends := map[string]end{
		"minion-offline":  {upgrade.BlockedRun, "guard same appliance at minion2.example.test", oldVersion},
		"minion-outdated": {upgrade.UnknownEnd, "verify the cluster", newVersion},
	}
	for _, s := range spstest.Scenarios() {
		if len(s.On()) != 1 {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			want, known := ends[s.Name]
			if !known {
				t.Fatal("nobody has said what a run does about this scenario")
			}
			synctest.Test(t, func(t *testing.T) {
				c := &spstest.Cluster{}
				r := clusterRig(t, c, byPages)
				if err := c.Play(s.Name); err != nil {
					t.Fatal(err)
				}
				rep, err := r.run(t)
				checkEnd(t, rep, err, want, c.Master.Running())
				if c.Corrupted() {
					t.Error("the search index is corrupted")
				}
			})
		})
	}
}
