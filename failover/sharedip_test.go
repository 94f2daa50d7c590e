package failover_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/failovertest"
)

func roundTrip[T any](t *testing.T, v T) T {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out T
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func shared(s *failovertest.Shared) *failover.SharedIP {
	return &failover.SharedIP{
		From: failover.End{Side: failover.Side{Name: "A", ID: "guid-a"}, Address: s.Box(0)},
		To:   failover.End{Side: failover.Side{Name: "B", ID: "guid-b"}, Address: s.Box(1)},
	}
}

func TestSharedIPSwing(t *testing.T) {
	tests := map[string]struct {
		set    func(a, b *failovertest.Box)
		want   failover.Outcome
		is     error
		after  [2]bool
		says   string
		calls  map[string]int // "B Enable"
		nobody bool           // an outage is what it ends in
	}{
		"moves": {want: failover.Applied, after: [2]bool{false, true}, calls: map[string]int{"A Disable": 1, "B Enable": 1, "A Prepare": 1, "B Prepare": 1}},
		"takes effect some seconds after it was accepted": {
			set: func(a, b *failovertest.Box) { a.Slow, b.Slow = 4*time.Second, 3*time.Second }, want: failover.Applied, after: [2]bool{false, true},
		},
		"one side cannot be prepared: nothing is released": {
			set: func(_, b *failovertest.Box) { b.Fail("Prepare", 1, failovertest.LostRequest) }, want: failover.Unchanged, is: failover.ErrNotSent, after: [2]bool{true, false},
			calls: map[string]int{"A Disable": 0},
		},
		"releasing is refused": {
			set: func(a, _ *failovertest.Box) { a.Fail("Disable", 1, failovertest.Refused) }, want: failover.Unchanged, is: failover.ErrRefused, after: [2]bool{true, false},
			calls: map[string]int{"B Enable": 0},
		},
		"the answer to releasing is lost, but it was done": {
			set: func(a, _ *failovertest.Box) { a.Fail("Disable", 1, failovertest.LostAnswer) }, want: failover.Applied, after: [2]bool{false, true}, calls: map[string]int{"A Disable": 1},
		},
		"releasing is lost": {
			set: func(a, _ *failovertest.Box) { a.Fail("Disable", 1, failovertest.LostRequest) }, want: failover.Unchanged, after: [2]bool{true, false},
			calls: map[string]int{"A Disable": 1, "B Enable": 0},
		},
		"whether it was released cannot be seen: the other side does not take it": {
			set: func(a, _ *failovertest.Box) {
				a.Fail("Disable", 1, failovertest.LostAnswer)
				a.Fail("Holds", 1, 0)
				a.Fail("Holds", 100, failovertest.LostRequest)
			}, want: failover.Unknown, after: [2]bool{false, false}, nobody: true, calls: map[string]int{"B Enable": 0, "A Enable": 0},
		},
		"taking is refused: rolled back": {
			set: func(_, b *failovertest.Box) { b.Fail("Enable", 1, failovertest.Refused) }, want: failover.Unchanged, is: failover.ErrRefused, after: [2]bool{true, false}, says: "enabled on A again",
			calls: map[string]int{"A Enable": 1},
		},
		"taking is lost: rolled back once it is believed": {
			set: func(_, b *failovertest.Box) { b.Fail("Enable", 1, failovertest.LostRequest) }, want: failover.Unchanged, after: [2]bool{true, false}, calls: map[string]int{"B Enable": 1, "A Enable": 1},
		},
		"the answer to taking is lost, but it was done": {
			set: func(_, b *failovertest.Box) { b.Fail("Enable", 1, failovertest.LostAnswer) }, want: failover.Applied, after: [2]bool{false, true}, calls: map[string]int{"A Enable": 0},
		},
		"whether it was taken cannot be seen: not rolled back, both might hold it": {
			set: func(_, b *failovertest.Box) {
				b.Fail("Enable", 1, failovertest.LostAnswer)
				b.Fail("Holds", 1, 0)
				b.Fail("Holds", 100, failovertest.LostRequest)
			}, want: failover.Unknown, after: [2]bool{false, true}, says: "not rolled back", calls: map[string]int{"A Enable": 0},
		},
		"taking and rolling back are refused": {
			set: func(a, b *failovertest.Box) {
				b.Fail("Enable", 1, failovertest.Refused)
				a.Fail("Enable", 1, failovertest.Refused)
			}, want: failover.Conflict,
			after: [2]bool{false, false}, nobody: true, says: "NOBODY holds the address",
		},
		"both hold it before: a person decides": {
			set: func(_, b *failovertest.Box) { _ = b.Enable(context.Background()) }, want: failover.Conflict, is: failover.ErrGuard, after: [2]bool{true, true}, says: "at both sides",
			calls: map[string]int{"A Disable": 0},
		},
		"nobody holds it before: a run was cut short between the halves": {
			set: func(a, _ *failovertest.Box) { _ = a.Disable(context.Background()) }, want: failover.Applied, after: [2]bool{false, true}, calls: map[string]int{"A Disable": 1, "B Enable": 1},
		},
		"done before": {
			set: func(a, b *failovertest.Box) { _ = a.Disable(context.Background()); _ = b.Enable(context.Background()) }, want: failover.AlreadyDone, after: [2]bool{false, true},
			calls: map[string]int{"A Disable": 1, "B Enable": 1},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := failovertest.NewShared("guid-a", "guid-b")
				a, b := s.Box(0), s.Box(1)
				if tt.set != nil {
					tt.set(a, b)
				}
				before := s.Conflicts()
				time.Sleep(time.Minute)
				outage := s.Outage()
				res, err := shared(s).Swing(t.Context())
				if res.Outcome != tt.want || (err == nil) != tt.want.Good() || tt.is != nil && !errors.Is(err, tt.is) {
					t.Errorf("Swing() = %v, %v, want %v of class %v", res.Outcome, err, tt.want, tt.is)
				}
				if err != nil && !strings.Contains(err.Error(), tt.says) {
					t.Errorf("error %v does not say %q", err, tt.says)
				}
				a.Heal()
				b.Heal()
				holdsA, _ := a.Holds(t.Context())
				holdsB, _ := b.Holds(t.Context())
				if got := [2]bool{holdsA, holdsB}; got != tt.after {
					t.Errorf("A and B hold the address: %v, want %v", got, tt.after)
				}
				if n := s.Conflicts() - before; n > 0 {
					t.Errorf("both held the address %d times", n)
				}
				if res.Outcome == failover.Applied {
					if gap, real := res.Gap.Held(), s.Outage()-outage; gap < real || gap > real+6*time.Second {
						t.Errorf("the gap is said to be %v, it was %v", gap, real)
					}
				}
				for call, n := range tt.calls {
					box, op := a, call[2:]
					if call[0] == 'B' {
						box = b
					}
					if got := box.Calls(op); got != n {
						t.Errorf("%s was called %d times, want %d", call, got, n)
					}
				}
				time.Sleep(time.Second)
				if growing := s.Outage(); tt.nobody != (growing > outage && !holdsA && !holdsB) {
					t.Errorf("nobody holds the address: %t, want %t", growing > outage, tt.nobody)
				}
			})
		})
	}
}

func TestSharedIPGoesOnWhenTheCallerGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := failovertest.NewShared("guid-a", "guid-b")
		s.Box(0).Slow = 2 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // ends while nobody holds the address
		defer cancel()
		res, err := shared(s).Swing(ctx)
		if res.Outcome != failover.Applied || err != nil {
			t.Errorf("Swing() = %v, %v", res.Outcome, err)
		}
		if ok, _ := s.Box(1).Holds(t.Context()); !ok {
			t.Error("nobody holds the address because the caller gave up")
		}
	})
}

func TestTrapStaleNeighbourIsNotAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := failovertest.NewShared("guid-a", "guid-b")
		sw := shared(s)
		sw.Vantages = []failover.Vantage{{From: "here", Ask: s.Probe(30 * time.Second)}, {From: "the branch office", Ask: s.Probe(0)}}
		time.Sleep(time.Minute)
		res, err := sw.Swing(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if res.Gap.Seen < 4*time.Second || res.Gap.SeenBy != "here" {
			t.Errorf("gap = %+v, want it seen from here", res.Gap)
		}
		began := time.Now()
		var said bool
		rep, err := failover.Verify(t.Context(), sw, &failover.VerifyOptions{Event: func(r failover.Report) {
			said = said || strings.Contains(r.Detail, "stale neighbour cache") && strings.Contains(r.Detail, "from here")
		}})
		if err != nil || rep.State != failover.Proven {
			t.Errorf("Verify() = %v (%s), %v", rep.State, rep.Detail, err)
		}
		if took := time.Since(began); took < 20*time.Second || took > 40*time.Second || !said {
			t.Errorf("it took %v, and the reports said why: %t", took, said)
		}
	})
}

func TestTrapWrongBoxPastTheNeighbourCachesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := failovertest.NewShared("guid-a", "guid-b")
		sw := shared(s)
		sw.Vantages = []failover.Vantage{{From: "here", Ask: func(context.Context) (string, error) { return "guid-a", nil }}}
		if _, err := sw.Swing(t.Context()); err != nil {
			t.Fatal(err)
		}
		rep, err := failover.Verify(t.Context(), sw, nil)
		if !errors.Is(err, failover.ErrNotProven) || rep.State != failover.TimedOut || !strings.Contains(rep.Detail, "would have cleared by now") {
			t.Errorf("Verify() = %v (%s), %v", rep.State, rep.Detail, err)
		}
	})
}

func TestSharedIPBothIsToldFromNeither(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := failovertest.NewShared("guid-a", "guid-b")
		for _, tt := range []struct {
			set  func() error
			want failover.Position
		}{
			{func() error { return nil }, failover.AtFrom},
			{func() error { return s.Box(1).Enable(t.Context()) }, failover.AtBoth},
			{func() error { return s.Box(0).Disable(t.Context()) }, failover.AtTo},
			{func() error { return s.Box(1).Disable(t.Context()) }, failover.AtNeither},
		} {
			if err := tt.set(); err != nil {
				t.Fatal(err)
			}
			if v, err := shared(s).Look(t.Context()); err != nil || v.Position != tt.want {
				t.Errorf("Look() = %v, %v, want %v", v.Position, err, tt.want)
			}
			rep, err := shared(s).Check(t.Context(), nil)
			if err != nil || (rep.State == failover.Proven) != (tt.want == failover.AtTo) {
				t.Errorf("Check() at %v = %v, %v", tt.want, rep.State, err)
			}
		}
	})
}
