package dns_test

import (
	"context"
	"slices"
	"testing"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/dns"
)

// dying is an editor whose process dies before or just after a call.
type dying struct {
	*dns.Zone
	left *int
}

func (d dying) die() {
	if *d.left--; *d.left == 0 {
		panic("the process died")
	}
}

func (d dying) Read(ctx context.Context, keys []failover.Key) ([]failover.RecordSet, error) {
	d.die()
	defer d.die()
	return d.Zone.Read(ctx, keys)
}

func (d dying) Replace(ctx context.Context, c []failover.Change) error {
	d.die()
	defer d.die()
	return d.Zone.Replace(ctx, c)
}

// A site in two zones, the inner one at BIND and the outer one at Knot: whenever the process dies, the next one finishes, and each zone is changed exactly once.
func TestCrashPeerSplitHorizon(t *testing.T) {
	inner, outer := editor(t, startBIND(t, siteText(60)), siteZone), editor(t, startKnot(t, siteText(60)), siteZone)
	whole := siteRecord(inner)
	whole.Zones = append(whole.Zones, siteRecord(outer).Zones...)
	s := failover.Swinger(whole)
	for left, done := 1, false; !done; left++ {
		before, n := serials(t, whole), left
		crashing := *s.(*failover.Record)
		crashing.Zones = slices.Clone(crashing.Zones)
		for i, z := range []*dns.Zone{inner, outer} {
			crashing.Zones[i].Editor = dying{z, &n}
		}
		func() {
			defer func() { _ = recover() }()
			if res, err := crashing.Swing(t.Context()); err != nil {
				t.Errorf("without a crash: %v, %v", res.Outcome, err)
			}
			done = true
		}()
		if res, err := s.Swing(t.Context()); !res.Outcome.Good() {
			t.Errorf("crash %d: the next run ended %v, %v", left, res.Outcome, err)
		}
		if view, err := s.Look(t.Context()); err != nil || view.Position != failover.AtTo {
			t.Errorf("crash %d: the site is %v, %v", left, view.Position, err)
		}
		if after := serials(t, whole); after[0] != before[0]+1 || after[1] != before[1]+1 {
			t.Errorf("crash %d: serials went from %v to %v, want one change each", left, before, after)
		}
		s = s.Back()
	}
}
