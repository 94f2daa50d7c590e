package pratest_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

func TestOutage(t *testing.T) {
	site := pratest.Pair()
	site.Relation, site.Traffic = beyondtrust.RelationNone, pratest.BySharedIP
	bubble(t, site, func(t *testing.T) {
		shared := netip.MustParseAddr("192.0.2.10")
		o := site.Watch(context.Background(), 100*time.Millisecond)
		a, b := site.A.Pages().Network, site.B.Pages().Network
		time.Sleep(time.Minute)
		a.SetEnabled(t.Context(), shared, false)
		time.Sleep(3 * time.Second)
		b.SetEnabled(t.Context(), shared, true)
		time.Sleep(time.Minute)
		a.SetEnabled(t.Context(), shared, true)
		time.Sleep(5 * time.Second)
		b.SetEnabled(t.Context(), shared, false)
		time.Sleep(time.Minute)
		site.A.PowerCycle()
		time.Sleep(time.Hour)

		r := o.Stop()
		if len(r.Gaps) != 2 || r.Gaps[0].Long.Round(time.Second) != 3*time.Second || r.Longest != r.Gaps[1].Long || r.Gaps[1].Long.Round(time.Second) != 5*time.Minute {
			t.Errorf("gaps: %v", r)
		}
		if r.Total != r.Gaps[0].Long+r.Gaps[1].Long {
			t.Errorf("total %v", r.Total)
		}
		if r.Both.Round(time.Second) != 5*time.Second {
			t.Errorf("two answered for %v", r.Both)
		}
		var who []string
		for _, turn := range r.Answers {
			who = append(who, turn.Who)
		}
		if d := cmp.Diff([]string{"pra-a", "pra-b", "pra-a and pra-b", "pra-a"}, who); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		if again := o.Stop(); len(again.Gaps) != 2 {
			t.Errorf("stopped twice: %v", again)
		}
	})
}

// TestOutageStillOpen: a gap that has not ended is counted when the watching ends.
func TestOutageStillOpen(t *testing.T) {
	site := pratest.Single()
	bubble(t, site, func(t *testing.T) {
		o := site.Watch(context.Background(), 0)
		site.A.Inject("read", pratest.Fault{Kind: pratest.FaultDown})
		site.A.Read(t.Context(), beyondtrust.MenuBasics, "", "Serial Number")
		time.Sleep(time.Minute)
		if r := o.Report(); len(r.Gaps) != 0 {
			t.Errorf("an open gap in %v", r)
		}
		if r := o.Stop(); r.Total.Round(time.Second) != time.Minute {
			t.Errorf("total %v", r.Total)
		}
	})
}
