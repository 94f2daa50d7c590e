package nattest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/nat"
)

var fwA, fwB, fwC = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3")

// TestFirewall runs the rules that [nat.Firewall] states. NewFirewall is called once a case and returns one whose entry leads to the target.
// Two cases wait for the timer, for one and a half seconds each.
func TestFirewall(t *testing.T, newFirewall func(t *testing.T, target netip.Addr) nat.Firewall) {
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		t.Run(name, func(t *testing.T) {
			if err := cases[name](t.Context(), newFirewall(t, fwA)); err != nil {
				t.Error(err)
			}
		})
	}
}

var cases = map[string]func(ctx context.Context, f nat.Firewall) error{
	"names itself": func(_ context.Context, f nat.Firewall) error {
		if f.String() == "" {
			return errors.New("String() is empty")
		}
		return nil
	},
	"staging changes nothing that runs": func(ctx context.Context, f nat.Firewall) error {
		name, err := f.Stage(ctx, fwA, fwB)
		if err != nil || name == "" {
			return fmt.Errorf("Stage = %q, %w; want a name", name, err)
		}
		return leads(ctx, f, fwA)
	},
	"staging from another target fails the guard": func(ctx context.Context, f nat.Firewall) error {
		if _, err := f.Stage(ctx, fwC, fwB); !errors.Is(err, failover.ErrGuard) {
			return fmt.Errorf("Stage = %v, want ErrGuard", err)
		}
		return leads(ctx, f, fwA)
	},
	"what is confirmed stays": func(ctx context.Context, f nat.Firewall) error {
		if err := apply(ctx, f, time.Second, f.Confirm); err != nil {
			return err
		}
		if err := wait(ctx, 1500*time.Millisecond); err != nil {
			return err
		}
		return leads(ctx, f, fwB)
	},
	"what is not confirmed is taken back by the timer": func(ctx context.Context, f nat.Firewall) error {
		if err := apply(ctx, f, time.Second, nil); err != nil {
			return err
		}
		if err := wait(ctx, 1500*time.Millisecond); err != nil {
			return err
		}
		return leads(ctx, f, fwA)
	},
	"what is discarded is taken back at once, and may be discarded again": func(ctx context.Context, f nat.Firewall) error {
		if err := apply(ctx, f, time.Minute, func(ctx context.Context, name string) error {
			return errors.Join(f.Discard(ctx, name), f.Discard(ctx, name))
		}); err != nil {
			return err
		}
		return leads(ctx, f, fwA)
	},
	"without a timer applying is refused": func(ctx context.Context, f nat.Firewall) error {
		name, err := f.Stage(ctx, fwA, fwB)
		if err != nil {
			return fmt.Errorf("Stage: %w", err)
		}
		if err := f.Apply(ctx, name, 0); !errors.Is(err, failover.ErrRefused) {
			return fmt.Errorf("Apply without a timer = %v, want ErrRefused", err)
		}
		return leads(ctx, f, fwA)
	},
}

// apply stages and applies from A to B, and then does what comes after.
func apply(ctx context.Context, f nat.Firewall, revert time.Duration, then func(context.Context, string) error) error {
	name, err := f.Stage(ctx, fwA, fwB)
	if err != nil {
		return fmt.Errorf("Stage: %w", err)
	}
	if err := f.Apply(ctx, name, revert); err != nil {
		return fmt.Errorf("Apply: %w", err)
	}
	if err := leads(ctx, f, fwB); err != nil || then == nil {
		return err
	}
	return then(ctx, name)
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func leads(ctx context.Context, f nat.Firewall, want netip.Addr) error {
	have, err := f.Targets(ctx)
	if err != nil {
		return fmt.Errorf("Targets: %w", err)
	}
	if !slices.Equal(have, []netip.Addr{want}) {
		return fmt.Errorf("the entry leads to %v, want %v", have, want)
	}
	return nil
}
