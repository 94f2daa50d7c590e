//go:build unix

package nat_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/nat"
)

// A program of yours moves the entry. This one refuses.
func ExampleCommand() {
	cmd := &nat.Command{
		Name:  "the entry at fw1",
		Read:  []string{"/bin/echo", "192.0.2.1"},
		Swing: []string{"/bin/sh", "-c", "echo locked by alice; exit 11", "swing", "{from}", "{to}"},
	}
	entry := &failover.NATEntry{
		NAT:  cmd,
		From: failover.Target{Side: failover.Side{Name: "A"}, Addr: netip.MustParseAddr("192.0.2.1")},
		To:   failover.Target{Side: failover.Side{Name: "B"}, Addr: netip.MustParseAddr("192.0.2.2")},
	}
	res, _ := entry.Swing(context.Background())
	fmt.Printf("%v: %s", res.Outcome, res.Parts[0].Evidence)
	// Output:
	// unchanged: locked by alice
}
