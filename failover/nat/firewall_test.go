package nat_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/failovertest"
	"github.com/changeover-sdk/changeover/failover/nat"
	"github.com/changeover-sdk/changeover/failover/nat/nattest"
)

var a, b = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")

func well(context.Context) error { return nil }

func TestStagedConforms(t *testing.T) {
	failovertest.TestNAT(t, func(_ *testing.T, target netip.Addr) failover.NAT {
		return &nat.Staged{Firewall: nattest.NewFirewall(target), Probe: well, Revert: time.Second}
	})
}

func TestStagedSwing(t *testing.T) {
	tests := map[string]struct {
		set   func(f *nattest.Firewall)
		probe func(ctx context.Context) error
		want  failover.Outcome
		is    error
		after netip.Addr // when every timer has passed
		says  string
		calls map[string]int
	}{
		"staged, applied, probed, confirmed": {want: failover.Applied, after: b, calls: map[string]int{"Stage": 1, "Apply": 1, "Confirm": 1}},
		"the probe fails: it is taken back": {
			probe: func(context.Context) error { return errors.New("no answer from B") }, want: failover.Unchanged, is: failover.ErrRefused, after: a, says: "no answer from B",
			calls: map[string]int{"Confirm": 0, "Discard": 1},
		},
		"the probe fails and taking back too: the timer does it": {
			set:   func(f *nattest.Firewall) { f.Deaf = true },
			probe: func(context.Context) error { return errors.New("no answer from B") }, want: failover.Unchanged, is: failover.ErrRefused, after: a, says: "internal error",
		},
		"somebody else's changes are pending": {
			set: func(f *nattest.Firewall) { f.Pending = true }, want: failover.Unchanged, is: failover.ErrRefused, after: a, says: "another administrator",
			calls: map[string]int{"Apply": 0},
		},
		"staging is not answered": {
			set: func(f *nattest.Firewall) { f.Fail("Stage", 1, failovertest.LostAnswer) }, want: failover.Unchanged, is: failover.ErrRefused, after: a, calls: map[string]int{"Apply": 0},
		},
		"applying is refused": {
			set: func(f *nattest.Firewall) { f.Fail("Apply", 1, failovertest.Refused) }, want: failover.Unchanged, is: failover.ErrRefused, after: a,
			calls: map[string]int{"Confirm": 0, "Discard": 1},
		},
		"applying is not answered, but runs": {
			set: func(f *nattest.Firewall) { f.Fail("Apply", 1, failovertest.LostAnswer) }, want: failover.Applied, after: b, calls: map[string]int{"Apply": 1, "Confirm": 1},
		},
		"applying is not answered and does not run": {
			set: func(f *nattest.Firewall) { f.Fail("Apply", 1, failovertest.LostRequest) }, want: failover.Unchanged, is: failover.ErrRefused, after: a,
			calls: map[string]int{"Apply": 1, "Confirm": 0},
		},
		"confirming is not answered, but was done": {
			set: func(f *nattest.Firewall) { f.Fail("Confirm", 1, failovertest.LostAnswer) }, want: failover.Applied, after: b, calls: map[string]int{"Confirm": 1},
		},
		"confirming is lost: the timer takes it back": {
			set: func(f *nattest.Firewall) { f.Fail("Confirm", 1, failovertest.LostRequest) }, want: failover.Unchanged, is: failover.ErrRefused, after: a,
			calls: map[string]int{"Confirm": 1},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := nattest.NewFirewall(a)
				if tt.set != nil {
					tt.set(f)
				}
				if tt.probe == nil {
					tt.probe = well
				}
				e := &failover.NATEntry{NAT: &nat.Staged{Firewall: f, Probe: tt.probe}, From: failover.Target{Addr: a}, To: failover.Target{Addr: b}}
				res, err := e.Swing(t.Context())
				if res.Outcome != tt.want || (err == nil) != tt.want.Good() || tt.is != nil && !errors.Is(err, tt.is) {
					t.Errorf("Swing() = %v, %v, want %v of class %v", res.Outcome, err, tt.want, tt.is)
				}
				if err != nil && !strings.Contains(err.Error(), tt.says) {
					t.Errorf("error %v does not say %q", err, tt.says)
				}
				time.Sleep(5 * time.Minute)
				if now, err := f.Targets(t.Context()); err != nil || !slices.Equal(now, []netip.Addr{tt.after}) {
					t.Errorf("when all timers have passed the entry leads to %v, %v, want %v", now, err, tt.after)
				}
				for op, n := range tt.calls {
					if got := f.Calls(op); got != n {
						t.Errorf("%s was called %d times, want %d", op, got, n)
					}
				}
			})
		})
	}
}

func TestStagedWantsAProbe(t *testing.T) {
	f := nattest.NewFirewall(a)
	err := (&nat.Staged{Firewall: f}).Replace(t.Context(), a, b)
	if !errors.Is(err, failover.ErrInvalid) || f.Calls("Stage") != 0 {
		t.Errorf("Replace() = %v after %d stagings, want ErrInvalid and none", err, f.Calls("Stage"))
	}
}

func TestStagedGoesOnWhenTheCallerGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := nattest.NewFirewall(a)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		e := &nat.Staged{Firewall: f, Probe: func(context.Context) error { return errors.New("not yet") }}
		if err := e.Replace(ctx, a, b); !errors.Is(err, failover.ErrRefused) {
			t.Errorf("Replace() = %v, want it taken back", err)
		}
		if now, err := f.Targets(t.Context()); err != nil || now[0] != a {
			t.Errorf("the entry leads to %v, %v", now, err)
		}
	})
}
