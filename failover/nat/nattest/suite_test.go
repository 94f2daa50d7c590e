package nattest

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/failover/nat"
)

func TestFirewallInMemoryConforms(t *testing.T) {
	for name, run := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if err := run(t.Context(), NewFirewall(fwA)); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// broken is a firewall with one rule broken.
type broken struct {
	*Firewall
	stage   func(ctx context.Context, f *Firewall, from, to netip.Addr) (string, error)
	apply   func(ctx context.Context, f *Firewall, change string, revert time.Duration) error
	confirm func() error
	discard func() error
}

func (b broken) Stage(ctx context.Context, from, to netip.Addr) (string, error) {
	if b.stage != nil {
		return b.stage(ctx, b.Firewall, from, to)
	}
	return b.Firewall.Stage(ctx, from, to)
}

func (b broken) Apply(ctx context.Context, change string, revert time.Duration) error {
	if b.apply != nil {
		return b.apply(ctx, b.Firewall, change, revert)
	}
	return b.Firewall.Apply(ctx, change, revert)
}

func (b broken) Confirm(ctx context.Context, change string) error {
	if b.confirm != nil {
		return b.confirm()
	}
	return b.Firewall.Confirm(ctx, change)
}

func (b broken) Discard(ctx context.Context, change string) error {
	if b.discard != nil {
		return b.discard()
	}
	return b.Firewall.Discard(ctx, change)
}

func TestSuiteCatchesBrokenFirewalls(t *testing.T) {
	tests := map[string]broken{
		"staging applies": {stage: func(_ context.Context, f *Firewall, _, to netip.Addr) (string, error) { f.Edit(to); return "x", nil }},
		"staging has no guard": {stage: func(ctx context.Context, f *Firewall, _, to netip.Addr) (string, error) {
			now, _ := f.Targets(ctx)
			return f.Stage(ctx, now[0], to)
		}},
		"the timer never ends": {apply: func(ctx context.Context, f *Firewall, c string, revert time.Duration) error {
			if revert > 0 {
				revert += time.Hour
			}
			return f.Apply(ctx, c, revert)
		}},
		"applies without a timer": {apply: func(ctx context.Context, f *Firewall, c string, _ time.Duration) error {
			return f.Apply(ctx, c, time.Second)
		}},
		"confirming does nothing": {confirm: func() error { return nil }},
		"discarding does nothing": {discard: func() error { return nil }},
		"applying does nothing":   {apply: func(context.Context, *Firewall, string, time.Duration) error { return nil }},
		"staged changes are nameless": {stage: func(ctx context.Context, f *Firewall, from, to netip.Addr) (string, error) {
			_, err := f.Stage(ctx, from, to)
			return "", err
		}},
	}
	var _ nat.Firewall = broken{}
	for name, b := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				caught := 0
				for _, run := range cases {
					b.Firewall = NewFirewall(fwA)
					if run(t.Context(), b) != nil {
						caught++
					}
				}
				if caught == 0 {
					t.Error("the suite passes it")
				}
			})
		})
	}
}
