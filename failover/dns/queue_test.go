package dns_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/dns/dnstest"
)

// crowd is a zone with so many names, and a swing of each.
func crowd(t *testing.T, n int) (*dnstest.Server, []*failover.Record) {
	t.Helper()
	var sets []failover.RecordSet
	for i := range n {
		sets = append(sets, failover.RecordSet{Name: fmt.Sprintf("n%d.%s", i, apex), Type: failover.A, TTL: time.Hour, Values: []string{a.String()}})
	}
	srv, z := start(t, sets...)
	var recs []*failover.Record
	for _, s := range sets {
		recs = append(recs, &failover.Record{Settle: 100 * time.Millisecond, Zones: []failover.Zone{{Editor: z, Moves: []failover.Move{failover.MoveAddress(s.Name, a, b)}}}})
	}
	return srv, recs
}

// Updates that go over one connection together are each judged by their own answer, and sent once, whatever happens to their neighbours.
func TestTogetherEachIsJudgedByItsOwnAnswer(t *testing.T) {
	for name, fault := range map[string]dnstest.Fault{
		"all is well": dnstest.None, "one answer is no message": dnstest.Garbage, "one is signed by somebody else": dnstest.OtherSignature, "one is refused": dnstest.Refused,
		"the connection ends after one": dnstest.Lost, "the connection ends before one": dnstest.Swallowed, "one is never answered": dnstest.Silent,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const n = 40
				srv, recs := crowd(t, n)
				for range 3 {
					for range 9 {
						srv.Fail(dnstest.None)
					}
					srv.Fail(fault)
				}
				results := make([]failover.Result, n)
				var wg sync.WaitGroup
				for i, r := range recs {
					wg.Go(func() { results[i], _ = r.Swing(t.Context()) })
				}
				wg.Wait()
				moved := 0
				for i, r := range recs {
					view, err := r.Look(t.Context())
					if err != nil || results[i].Outcome.Good() != (view.Position == failover.AtTo) || !results[i].Outcome.Good() && results[i].Outcome != failover.Unchanged {
						t.Errorf("swing %d ended %v, and the name is %v, %v", i, results[i].Outcome, view.Position, err)
					}
					if results[i].Outcome == failover.Applied {
						moved++
					}
				}
				if u := srv.Updates(); u > n || fault == dnstest.None && (u != n || moved != n) {
					t.Errorf("%d updates were sent for %d swings, %d were applied", u, n, moved)
				}
				if whole := fault == dnstest.Garbage || fault == dnstest.OtherSignature || fault == dnstest.Refused; whole && moved != n-3 {
					t.Errorf("%d of %d were applied by their own answer, want all but the 3 that went wrong", moved, n)
				}
				if d := srv.Dials(); fault == dnstest.None && d > 4 {
					t.Errorf("%d connections were made", d)
				}
			})
		})
	}
}

// Who gives up leaves at once, and does not take the connection from the others.
func TestTogetherOneGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, recs := crowd(t, 40)
		ctx, cancel := context.WithCancel(t.Context())
		for range 20 {
			srv.Fail(dnstest.None)
		}
		srv.Fail(dnstest.Silent)
		errs := make([]error, len(recs))
		took := make([]time.Duration, len(recs))
		var wg sync.WaitGroup
		for i, r := range recs {
			wg.Go(func() {
				c := t.Context()
				if i%2 == 1 {
					c = ctx
				}
				began := time.Now()
				move := r.Zones[0].Moves[0]
				set := failover.RecordSet{Name: move.Name, Type: move.Type, TTL: time.Hour, Values: move.From}
				next := set
				next.Values = move.To
				errs[i] = r.Zones[0].Editor.Replace(c, []failover.Change{{Old: set, New: next}})
				took[i] = time.Since(began)
			})
		}
		time.AfterFunc(time.Second, cancel)
		wg.Wait()
		silent := 0
		for i, err := range errs {
			switch {
			case i%2 == 1 && (took[i] > time.Second || err != nil && (!errors.Is(err, context.Canceled) || errors.Is(err, failover.ErrNotSent))):
				t.Errorf("swing %d, given up, returned %v after %v", i, err, took[i])
			case i%2 == 0 && err != nil:
				silent++
			}
		}
		if silent > 16 {
			t.Errorf("%d of those that did not give up got no answer: want no more than one connection's", silent)
		}
	})
}
