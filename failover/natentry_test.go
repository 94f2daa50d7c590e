package failover_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/failovertest"
)

func TestNATEntrySwing(t *testing.T) {
	tests := map[string]struct {
		set   func(n *failovertest.NAT)
		cut   bool
		want  failover.Outcome
		err   bool
		is    error
		sends int
		after []netip.Addr
		alive bool // a connection that was established before
		left  int
	}{
		"drains": {want: failover.Applied, sends: 1, after: []netip.Addr{addrB}, alive: true, left: 1},
		"cuts":   {cut: true, want: failover.Applied, sends: 1, after: []netip.Addr{addrB}},
		"the answer is lost": {
			set: func(n *failovertest.NAT) { n.Fail("Replace", 1, failovertest.LostAnswer) }, cut: true, want: failover.AlreadyDone, sends: 1, after: []netip.Addr{addrB},
		},
		"the request is lost": {
			set: func(n *failovertest.NAT) { n.Fail("Replace", 1, failovertest.LostRequest) }, cut: true, want: failover.Unchanged, err: true, sends: 1, after: []netip.Addr{addrA}, alive: true,
		},
		"refused": {
			set: func(n *failovertest.NAT) { n.Fail("Replace", 1, failovertest.Refused) }, want: failover.Unchanged, err: true, is: failover.ErrRefused, sends: 1,
			after: []netip.Addr{addrA}, alive: true,
		},
		"somebody moved it": {
			set: func(n *failovertest.NAT) { n.Edit(addrC) }, want: failover.Conflict, err: true, is: failover.ErrGuard, after: []netip.Addr{addrC}, alive: true,
		},
		"it spreads over both": {
			set: func(n *failovertest.NAT) { n.Edit(addrA, addrB) }, want: failover.Conflict, err: true, after: []netip.Addr{addrA, addrB}, alive: true,
		},
		"cutting goes wrong: the change is made all the same": {
			set: func(n *failovertest.NAT) { n.Fail("Cut", 1, failovertest.LostRequest) }, cut: true, want: failover.Applied, err: true, sends: 1, after: []netip.Addr{addrB}, alive: true, left: 1,
		},
		"persisting goes wrong: the change is made all the same": {
			set: func(n *failovertest.NAT) { n.Fail("Persist", 1, failovertest.LostRequest) }, want: failover.Applied, err: true, sends: 1, after: []netip.Addr{addrB}, alive: true, left: 1,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := failovertest.NewNAT(addrA)
				c, _, err := n.Connect()
				if err != nil {
					t.Fatal(err)
				}
				if tt.set != nil {
					tt.set(n)
				}
				e := &failover.NATEntry{NAT: n, From: failover.Target{Side: failover.Side{Name: "A", ID: "guid-a"}, Addr: addrA}, To: failover.Target{Side: failover.Side{Name: "B", ID: "guid-b"}, Addr: addrB},
					Cut: tt.cut, Vantages: []failover.Vantage{{From: "here", Ask: n.Probe(boxes)}}}
				res, err := e.Swing(t.Context())
				if res.Outcome != tt.want || (err != nil) != tt.err || tt.is != nil && !errors.Is(err, tt.is) {
					t.Errorf("Swing() = %v, %v, want %v", res.Outcome, err, tt.want)
				}
				if n.Calls("Replace") != tt.sends || c.Alive() != tt.alive {
					t.Errorf("%d changes were sent, want %d; the old connection lives: %t, want %t", n.Calls("Replace"), tt.sends, c.Alive(), tt.alive)
				}
				if res.Traffic != nil && res.Traffic.Left != tt.left {
					t.Errorf("Traffic = %+v, want %d left", *res.Traffic, tt.left)
				}
				if got, err := n.Targets(t.Context()); err != nil || len(got) != len(tt.after) || got[0] != tt.after[0] {
					t.Errorf("the entry leads to %v, %v, want %v", got, err, tt.after)
				}
				if tt.want.Good() {
					if res, err := e.Swing(t.Context()); err != nil || res.Outcome != failover.AlreadyDone {
						t.Errorf("again: %v, %v", res.Outcome, err)
					}
					n.Reboot()
					if rep, err := failover.Verify(t.Context(), e, nil); err != nil || !rep.Identity.Proven() {
						t.Errorf("after a reboot of the gateway: Verify() = %v, %v", rep.State, err)
					}
				}
			})
		})
	}
}

func TestNATEntryDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := failovertest.NewNAT(addrA)
		c, _, err := n.Connect()
		if err != nil {
			t.Fatal(err)
		}
		e := &failover.NATEntry{NAT: n, From: failover.Target{Side: failover.Side{Name: "A"}, Addr: addrA}, To: failover.Target{Side: failover.Side{Name: "B"}, Addr: addrB}}
		e.Limits.Drain = time.Minute
		if _, err := e.Swing(t.Context()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		time.AfterFunc(20*time.Second, c.Close)
		if _, err := failover.Verify(t.Context(), e, nil); err != nil || time.Since(began) < 20*time.Second || time.Since(began) > 25*time.Second {
			t.Errorf("Verify() = %v after %v", err, time.Since(began))
		}
		if _, _, err := n.Connect(); err != nil {
			t.Fatal(err)
		}
	})
}

// A swing that died between the change and what belongs to it is not proven, and swinging again finishes it.
func TestNATEntryIsNotProvenWithHalfOfIt(t *testing.T) {
	for name, tt := range map[string]struct {
		set  func(n *failovertest.NAT)
		left string
	}{
		"connections are not cut":       {func(n *failovertest.NAT) { n.Fail("Cut", 1, failovertest.LostRequest) }, "1 connections with A are not cut"},
		"it is not persisted":           {func(n *failovertest.NAT) { n.Fail("Persist", 1, failovertest.LostRequest) }, "the gateway would start with something else"},
		"connections cannot be counted": {func(n *failovertest.NAT) { n.Fail("Established", 9, failovertest.LostRequest) }, "is not known"},
		"the boot file cannot be read":  {func(n *failovertest.NAT) { n.Fail("Persisted", 9, failovertest.LostRequest) }, "is not known"},
		"there is no boot file, told so": {func(n *failovertest.NAT) {
			n.Fail("Persist", 9, failovertest.Refused)
			n.Fail("Persisted", 9, failovertest.Refused)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := failovertest.NewNAT(addrA)
				if _, _, err := n.Connect(); err != nil {
					t.Fatal(err)
				}
				e := &failover.NATEntry{NAT: n, From: failover.Target{Side: failover.Side{Name: "A"}, Addr: addrA}, To: failover.Target{Side: failover.Side{Name: "B"}, Addr: addrB}, Cut: true}
				tt.set(n)
				_, _ = e.Swing(t.Context())
				v, err := e.Look(t.Context())
				if err != nil || v.Position != failover.AtTo || (len(v.Left) > 0) != (tt.left != "") || !strings.Contains(strings.Join(v.Left, ""), tt.left) {
					t.Errorf("Look() = %v, %q, %v, want %q left", v.Position, v.Left, err, tt.left)
				}
				rep, err := e.Check(t.Context(), nil)
				if err != nil || (rep.State == failover.Proven) != (tt.left == "") {
					t.Errorf("Check() = %v (%s), %v", rep.State, rep.Detail, err)
				}
				if tt.left == "" {
					return
				}
				rep.Began = rep.Began.Add(-time.Hour)
				if late, err := e.Check(t.Context(), &rep); err != nil || late.State != failover.TimedOut || !strings.Contains(late.Detail, "swing again") {
					t.Errorf("an hour later Check() = %v (%s), %v", late.State, late.Detail, err)
				}
				n.Heal()
				if res, err := e.Swing(t.Context()); err != nil || res.Outcome != failover.AlreadyDone {
					t.Errorf("again: %v, %v", res.Outcome, err)
				}
				if _, err := failover.Verify(t.Context(), e, nil); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
