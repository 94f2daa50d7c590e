package failovertest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/changeover-sdk/changeover/failover"
)

// TestNAT runs the rules that [failover.NAT] states. NewNAT is called once a case; it returns an entry that leads to exactly the given target. The targets are in 192.0.2.0/24; nothing
// need answer there.
func TestNAT(t *testing.T, newNAT func(t *testing.T, target netip.Addr) failover.NAT) {
	for _, name := range slices.Sorted(maps.Keys(natCases)) {
		c := natCases[name]
		t.Run(name, func(t *testing.T) {
			n := newNAT(t, natA)
			if c.atomic && n.Guard() != failover.Atomic {
				t.Skip("the guard is best effort")
			}
			if err := c.run(t.Context(), n); err != nil {
				t.Error(err)
			}
		})
	}
}

type natCase struct {
	atomic bool
	run    func(ctx context.Context, n failover.NAT) error
}

var natA, natB, natC = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3")

var natCases = map[string]natCase{
	"names itself and reads its target": {
		run: func(ctx context.Context, n failover.NAT) error {
			if n.String() == "" {
				return errors.New("String() is empty")
			}
			return leads(ctx, n, natA)
		},
	},
	"moves there and back": {
		run: func(ctx context.Context, n failover.NAT) error {
			if err := n.Replace(ctx, natA, natB); err != nil {
				return fmt.Errorf("Replace: %w", err)
			}
			if err := leads(ctx, n, natB); err != nil {
				return err
			}
			if err := n.Replace(ctx, natB, natA); err != nil {
				return fmt.Errorf("Replace back: %w", err)
			}
			return leads(ctx, n, natA)
		},
	},
	"refuses by the guard": {
		run: func(ctx context.Context, n failover.NAT) error {
			if err := n.Replace(ctx, natC, natB); !errors.Is(err, failover.ErrGuard) {
				return fmt.Errorf("Replace from a target that is not there = %v, want ErrGuard", err)
			}
			return leads(ctx, n, natA)
		},
	},
	"a replay fails its own guard": {
		run: func(ctx context.Context, n failover.NAT) error {
			if err := n.Replace(ctx, natA, natB); err != nil {
				return fmt.Errorf("Replace: %w", err)
			}
			if err := n.Replace(ctx, natA, natB); !errors.Is(err, failover.ErrGuard) {
				return fmt.Errorf("the same Replace again = %v, want ErrGuard", err)
			}
			return leads(ctx, n, natB)
		},
	},
	"sends nothing under an ended context": {
		run: func(ctx context.Context, n failover.NAT) error {
			dead, cancel := context.WithCancel(ctx)
			cancel()
			if err := n.Replace(dead, natA, natB); err == nil || errors.Is(err, failover.ErrGuard) {
				return fmt.Errorf("Replace under an ended context = %v, want an error that is not ErrGuard", err)
			}
			return leads(ctx, n, natA)
		},
	},
	"of many writers with one guard exactly one wins": {
		atomic: true,
		run: func(ctx context.Context, n failover.NAT) error {
			var mu sync.Mutex
			var won []netip.Addr
			var odd error
			var wg sync.WaitGroup
			for i := range 8 {
				to := netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + i)})
				wg.Go(func() {
					err := n.Replace(ctx, natA, to)
					mu.Lock()
					defer mu.Unlock()
					switch {
					case err == nil:
						won = append(won, to)
					case !errors.Is(err, failover.ErrGuard):
						odd = err
					}
				})
			}
			wg.Wait()
			if len(won) != 1 || odd != nil {
				return fmt.Errorf("winners %v, error of a loser %v; want one winner, and ErrGuard for the others", won, odd)
			}
			return leads(ctx, n, won[0])
		},
	},
}

func leads(ctx context.Context, n failover.NAT, want netip.Addr) error {
	have, err := n.Targets(ctx)
	if err != nil {
		return fmt.Errorf("Targets: %w", err)
	}
	if !slices.Equal(have, []netip.Addr{want}) {
		return fmt.Errorf("the entry leads to %v, want %v", have, want)
	}
	return nil
}
