package failover_test

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/failovertest"
)

// mortal counts down the calls that a process makes before it dies.
type mortal struct{ left *int }

func (m mortal) die() {
	if *m.left--; *m.left == 0 {
		panic("the process died")
	}
}

// lives runs f until the process dies, and reports whether it lived.
func lives(f func()) (lived bool) {
	defer func() { _ = recover() }()
	f()
	return true
}

type mortalAddress struct {
	*failovertest.Box
	mortal
}

func (a mortalAddress) Enable(ctx context.Context) error {
	a.die()
	defer a.die()
	return a.Box.Enable(ctx)
}

func (a mortalAddress) Disable(ctx context.Context) error {
	a.die()
	defer a.die()
	return a.Box.Disable(ctx)
}

func (a mortalAddress) Holds(ctx context.Context) (bool, error) {
	a.die()
	return a.Box.Holds(ctx)
}

// Whenever the process dies, the next one finishes the switch, and at no moment both sides hold the address.
func TestCrashSharedIP(t *testing.T) {
	for calls, done := 1, false; !done; calls++ {
		synctest.Test(t, func(t *testing.T) {
			s := failovertest.NewShared("guid-a", "guid-b")
			left := calls
			sw := shared(s)
			sw.From.Address, sw.To.Address = mortalAddress{s.Box(0), mortal{&left}}, mortalAddress{s.Box(1), mortal{&left}}
			done = lives(func() {
				if res, err := sw.Swing(t.Context()); err != nil {
					t.Errorf("without a crash: %v, %v", res.Outcome, err)
				}
			})
			if res, err := shared(s).Swing(t.Context()); err != nil {
				t.Errorf("crash %d: the next run ended %v, %v", calls, res.Outcome, err)
			}
			if v, err := shared(s).Look(t.Context()); err != nil || v.Position != failover.AtTo || s.Conflicts() > 0 {
				t.Errorf("crash %d: the address is %v, %v after %d conflicts", calls, v.Position, err, s.Conflicts())
			}
			if n := s.Box(0).Calls("Disable") + s.Box(1).Calls("Enable"); n != 2 {
				t.Errorf("crash %d: %d changes were sent, want 2", calls, n)
			}
			if calls > 50 {
				t.Fatal("it never lives")
			}
		})
	}
}

type mortalNAT struct {
	*failovertest.NAT
	mortal
}

func (n mortalNAT) Targets(ctx context.Context) ([]netip.Addr, error) {
	n.die()
	return n.NAT.Targets(ctx)
}

func (n mortalNAT) Replace(ctx context.Context, from, to netip.Addr) error {
	n.die()
	defer n.die()
	return n.NAT.Replace(ctx, from, to)
}

func (n mortalNAT) Cut(ctx context.Context, target netip.Addr) (int, error) {
	n.die()
	defer n.die()
	return n.NAT.Cut(ctx, target)
}

func (n mortalNAT) Persist(ctx context.Context) error {
	n.die()
	defer n.die()
	return n.NAT.Persist(ctx)
}

// Whenever the process dies, the next one finishes: the entry moved once, old connections cut, the change persisted.
func TestCrashNATEntry(t *testing.T) {
	for calls, done := 1, false; !done; calls++ {
		synctest.Test(t, func(t *testing.T) {
			n := failovertest.NewNAT(addrA)
			old, _, err := n.Connect()
			if err != nil {
				t.Fatal(err)
			}
			left := calls
			e := &failover.NATEntry{NAT: mortalNAT{n, mortal{&left}}, From: failover.Target{Addr: addrA}, To: failover.Target{Addr: addrB}, Cut: true}
			done = lives(func() {
				if res, err := e.Swing(t.Context()); err != nil {
					t.Errorf("without a crash: %v, %v", res.Outcome, err)
				}
			})
			e.NAT = n
			if res, err := e.Swing(t.Context()); err != nil {
				t.Errorf("crash %d: the next run ended %v, %v", calls, res.Outcome, err)
			}
			if n.Calls("Replace") != 1 || old.Alive() {
				t.Errorf("crash %d: %d changes were sent, want one; an old connection lives: %t", calls, n.Calls("Replace"), old.Alive())
			}
			n.Reboot()
			if v, err := e.Look(t.Context()); err != nil || v.Position != failover.AtTo {
				t.Errorf("crash %d: after a reboot the entry is %v, %v", calls, v.Position, err)
			}
			if calls > 50 {
				t.Fatal("it never lives")
			}
		})
	}
}
