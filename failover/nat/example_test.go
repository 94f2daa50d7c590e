package nat_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/nat"
	"github.com/changeover-sdk/changeover/failover/nat/nattest"
)

// A firewall that takes an unconfirmed change back: the probe decides.
func ExampleStaged() {
	ctx := context.Background()
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	fw := nattest.NewFirewall(a)
	reachable := false
	entry := &failover.NATEntry{
		NAT: &nat.Staged{Firewall: fw, Revert: 300 * time.Millisecond, Probe: func(context.Context) error {
			if !reachable {
				return fmt.Errorf("B does not answer through the firewall")
			}
			return nil
		}},
		From: failover.Target{Side: failover.Side{Name: "A"}, Addr: a},
		To:   failover.Target{Side: failover.Side{Name: "B"}, Addr: b},
	}
	res, _ := entry.Swing(ctx)
	view, err := entry.Look(ctx)
	fmt.Println(res.Outcome, "-", view.Position, err)

	reachable = true
	res, err = entry.Swing(ctx)
	fmt.Println(res.Outcome, res.Parts[0].Evidence, err)
	// Output:
	// unchanged - at the old side <nil>
	// applied change rev-2 <nil>
}
