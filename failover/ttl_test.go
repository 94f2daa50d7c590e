package failover_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/failovertest"
)

func TestTTLIsLoweredAheadAndRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone("example.com.")
		ns2 := z.Secondary("ns2", 3*time.Second)
		time.Sleep(time.Minute)
		r := record(z)
		was, res, err := r.LowerTTL(t.Context(), 30*time.Second)
		if err != nil || res.Outcome != failover.Applied {
			t.Fatalf("LowerTTL() = %v, %v", res.Outcome, err)
		}
		if err := r.EffectiveTTL(t.Context(), 30*time.Second); err == nil || !strings.Contains(err.Error(), "ns2") {
			t.Errorf("EffectiveTTL() = %v, want ns2 to be named", err)
		}
		time.Sleep(ns2.Delay)
		if err := r.EffectiveTTL(t.Context(), 30*time.Second); err != nil {
			t.Errorf("EffectiveTTL() = %v", err)
		}
		r.NotBefore = was.Ready(time.Now())
		if res, err := r.Swing(t.Context()); !errors.Is(err, failover.ErrTooEarly) || res.Outcome != failover.Unchanged || z.Calls("Replace") != 1 {
			t.Errorf("an early Swing() = %v, %v", res.Outcome, err)
		}
		time.Sleep(time.Hour)
		if _, err := r.Swing(t.Context()); err != nil {
			t.Fatal(err)
		}
		// A process that was restarted lowers again: what is read then is not what was there first, and that is what is put back.
		if again, res, err := r.LowerTTL(t.Context(), 30*time.Second); err != nil || res.Outcome != failover.AlreadyDone || again.Longest() != 30*time.Second {
			t.Errorf("lowering twice = %v, %v, %v", again, res.Outcome, err)
		}
		if res, err := r.RestoreTTL(t.Context(), roundTrip(t, was), 30*time.Second); err != nil || res.Outcome != failover.Applied {
			t.Errorf("RestoreTTL() = %v, %v", res.Outcome, err)
		}
		if now, err := r.TTLs(t.Context()); err != nil || now.Longest() != time.Hour {
			t.Errorf("TTLs() = %v, %v", now, err)
		}
	})
}

func TestTTLChangedBySomebodyIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone("example.com.")
		r := record(z)
		was, _, err := r.LowerTTL(t.Context(), 30*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		z.Edit(setA(5*time.Minute, addrA))
		res, err := r.RestoreTTL(t.Context(), was, 30*time.Second)
		if err != nil || res.Outcome != failover.AlreadyDone || !strings.Contains(res.Parts[0].Detail, "keeps its TTL of 5m0s") {
			t.Errorf("RestoreTTL() = %+v, %v", res, err)
		}
		if now, err := r.TTLs(t.Context()); err != nil || now.Longest() != 5*time.Minute {
			t.Errorf("TTLs() = %v, %v", now, err)
		}
	})
}

func TestTTLAnswerIsLost(t *testing.T) {
	for name, tt := range map[string]struct {
		fault failovertest.Fault
		want  failover.Outcome
	}{
		"carried out":     {failovertest.LostAnswer, failover.AlreadyDone},
		"not carried out": {failovertest.LostRequest, failover.Unchanged},
		"refused":         {failovertest.Refused, failover.Unchanged},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				z := newZone("example.com.")
				z.Fail("Replace", 1, tt.fault)
				_, res, err := record(z).LowerTTL(t.Context(), 30*time.Second)
				if res.Outcome != tt.want || (err == nil) != tt.want.Good() || z.Calls("Replace") != 1 {
					t.Errorf("LowerTTL() = %v, %v after %d sends, want %v after one", res.Outcome, err, z.Calls("Replace"), tt.want)
				}
			})
		})
	}
}
