package runbook_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// distant is a Network page at the end of a line: what is pressed takes half a round trip to get there, and the answer the other half.
type distant struct {
	beyondtrust.NetworkPage
	trip time.Duration
}

func (d distant) SetEnabled(ctx context.Context, addr netip.Addr, on bool) error {
	time.Sleep(d.trip / 2)
	err := d.NetworkPage.SetEnabled(ctx, addr, on)
	time.Sleep(d.trip / 2)
	return err
}

// TestPRAOutage holds the outage that the report names against what a client sees that asks the simulation itself, all along: for every guide and every swing.
func TestPRAOutage(t *testing.T) {
	const trip = 3 * time.Second
	async := func(way pratest.Traffic) func(*testing.T) (*praRig, upgrade.Procedure) {
		return func(t *testing.T) (*praRig, upgrade.Procedure) {
			s := pairSite()
			w := wire(s, way)
			r := newPRARig(t, s, byPages)
			for _, p := range []*upgrade.PRA{&r.a, &r.b} {
				p.Pages.Network = distant{p.Pages.Network, trip}
			}
			r.set.WatchEvery = 10 * time.Second
			return r, r.async(w, way).Procedure()
		}
	}
	tests := map[string]struct {
		set         func(*testing.T) (*praRig, upgrade.Procedure)
		least, most time.Duration // of the outage
		turns       string        // who answers, in turn
	}{
		// The guide's own switch, and at most two round trips.
		"asynchronous, shared IP": {async(pratest.BySharedIP), time.Second, 2 * trip, "A B"},
		"asynchronous, DNS":       {async(pratest.ByDNS), 0, 0, "A B"},
		"asynchronous, NAT":       {async(pratest.ByNAT), 0, 0, "A B"},
		// One appliance's installation: Base for 15 minutes, site for 25.
		"synchronous": {func(t *testing.T) (*praRig, upgrade.Procedure) {
			r := newPRARig(t, pairSite(), byPages)
			r.set.WatchEvery = 30 * time.Second
			return r, r.sync().Procedure()
		}, 38 * time.Minute, 41 * time.Minute, "A"},
		"one appliance": {func(t *testing.T) (*praRig, upgrade.Procedure) {
			s := pratest.Single()
			s.Users = []pratest.User{{Name: "ada"}}
			r := newPRARig(t, s, byPages)
			r.set.WatchEvery = 30 * time.Second
			return r, r.node().Procedure()
		}, 38 * time.Minute, 41 * time.Minute, "A"},
		"new hardware": {func(t *testing.T) (*praRig, upgrade.Procedure) {
			r, book := migration(t, byPages)
			book.WatchEvery, book.Soak = 30*time.Second, time.Hour
			return r, book.Procedure()
		}, 0, 0, "A B"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if raced && !soak() && !strings.Contains(name, "shared IP") {
				t.Skip("long with the race detector; make test has it without")
			}
			if raced && !soak() && !strings.Contains(name, "shared IP") {
				t.Skip("long with the race detector; make test has it without")
			}
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r, p := tt.set(t)
				r.procedure = p
				watch := r.site.Watch(t.Context(), 200*time.Millisecond)
				rep, err := r.windows(t)
				out := watch.Stop()
				if err != nil {
					t.Fatalf("Run: %v\n%s", err, rep)
				}
				if out.Total < tt.least || out.Total > tt.most || out.Both > 0 {
					t.Errorf("want an outage of %s to %s: %s", tt.least, tt.most, out)
				}
				w := rep.Vigils[0]
				// It asks ten times as often from an act on and while nobody answers; two minutes after the act, when an appliance has downloaded and goes away, as usual.
				slack := time.Duration(len(w.Gaps)) * (w.Every + w.Every/10)
				if tt.most < time.Minute {
					slack = time.Duration(len(w.Gaps)) * 2 * w.Every / 10
				}
				if w.Away < out.Total-time.Second || w.Away > out.Total+slack {
					t.Errorf("the report says %s, and it was %s, give or take %s:\n%s\n%s", w.Away, out.Total, slack, rep, out)
				}
				var turns []string
				for _, turn := range w.Turns {
					turns = append(turns, turn.Who)
				}
				if got := strings.Join(turns, " "); got != tt.turns {
					t.Errorf("%s answer, want %s", got, tt.turns)
				}
				if held := len(rep.Holds) > 0; held && (len(w.Blind) != 1 || w.Blind[0].Long() < 19*time.Hour) || !held && len(w.Blind) > 0 {
					t.Errorf("not watched: %v", w.Blind)
				}
				if n := w.Asked; float64(n) > w.Watched.Hours()*1200 {
					t.Errorf("asked %d times in %s", n, w.Watched)
				}
				t.Logf("%s: %s in truth, at most %s in the report, asked %d times in %s", name, out.Total, w.Away, w.Asked, w.Watched)
			})
		})
	}
}
