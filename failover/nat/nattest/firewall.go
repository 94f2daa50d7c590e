// Package nattest plays a firewall that stages, applies and confirms, in memory, and has the conformance suite for implementers of nat.Firewall.
package nattest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/failovertest"
	"github.com/changeover-sdk/changeover/failover/nat"
)

// Firewall is a firewall in memory. It runs in testing/synctest bubbles: its timer is looked at when it is asked. The operations for Fail are "Targets", "Stage", "Apply", "Confirm" and
// "Discard".
type Firewall struct {
	failovertest.Faults

	// Pending is set while somebody else's changes wait to be committed: Stage then refuses.
	Pending bool
	// Deaf makes Discard fail, so that only the timer takes back.
	Deaf bool

	mu      sync.Mutex
	running netip.Addr
	staged  map[string][2]netip.Addr
	applied string
	before  netip.Addr
	revert  time.Time
	serial  int
}

var _ nat.Firewall = (*Firewall)(nil)

// NewFirewall returns one whose entry leads to the target.
func NewFirewall(target netip.Addr) *Firewall {
	return &Firewall{running: target, staged: map[string][2]netip.Addr{}}
}

// tick takes back what was not confirmed in time. The caller holds the lock.
func (f *Firewall) tick() {
	if f.applied != "" && !time.Now().Before(f.revert) {
		f.running, f.applied = f.before, ""
	}
}

// Edit leads the entry elsewhere, as another administrator would.
func (f *Firewall) Edit(target netip.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running, f.applied = target, ""
}

// String names the entry.
func (f *Firewall) String() string { return "entry at a firewall in memory" }

// Targets returns where the entry leads.
func (f *Firewall) Targets(ctx context.Context) ([]netip.Addr, error) {
	var out []netip.Addr
	err := f.do(ctx, "Targets", func() error { out = []netip.Addr{f.running}; return nil })
	return out, err
}

// do makes one call, with its fault.
func (f *Firewall) do(ctx context.Context, op string, call func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.Act(op, func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.tick()
		return call()
	})
}

// Stage prepares a change.
func (f *Firewall) Stage(ctx context.Context, from, to netip.Addr) (string, error) {
	var name string
	err := f.do(ctx, "Stage", func() error {
		if f.Pending {
			return fmt.Errorf("%w: changes of another administrator are pending", failover.ErrRefused)
		}
		if f.running != from {
			return fmt.Errorf("%w: the entry leads to %v", failover.ErrGuard, f.running)
		}
		f.serial++
		name = fmt.Sprintf("rev-%d", f.serial)
		f.staged[name] = [2]netip.Addr{from, to}
		return nil
	})
	return name, err
}

// Apply makes it run until the timer ends.
func (f *Firewall) Apply(ctx context.Context, change string, revert time.Duration) error {
	return f.do(ctx, "Apply", func() error {
		c, ok := f.staged[change]
		if !ok || revert <= 0 {
			return fmt.Errorf("%w: no such change, or no timer", failover.ErrRefused)
		}
		delete(f.staged, change)
		f.before, f.running, f.applied, f.revert = f.running, c[1], change, time.Now().Add(revert)
		return nil
	})
}

// Confirm makes it stay.
func (f *Firewall) Confirm(ctx context.Context, change string) error {
	return f.do(ctx, "Confirm", func() error {
		if f.applied != change {
			return fmt.Errorf("%w: nothing to confirm", failover.ErrRefused)
		}
		f.applied = ""
		return nil
	})
}

// Discard takes it back.
func (f *Firewall) Discard(ctx context.Context, change string) error {
	return f.do(ctx, "Discard", func() error {
		if f.Deaf {
			return errors.New("internal error")
		}
		delete(f.staged, change)
		if f.applied == change {
			f.running, f.applied = f.before, ""
		}
		return nil
	})
}
