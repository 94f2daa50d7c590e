package nattest_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/changeover-sdk/changeover/failover/nat/nattest"
)

// What is applied and not confirmed is taken back: by the firewall's own timer, or at once.
func ExampleNewFirewall() {
	ctx := context.Background()
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	fw := nattest.NewFirewall(a)
	change, err := fw.Stage(ctx, a, b)
	fmt.Println(change, err)
	fmt.Println(fw.Apply(ctx, change, time.Minute))
	fmt.Println(fw.Targets(ctx))
	fmt.Println(fw.Discard(ctx, change))
	fmt.Println(fw.Targets(ctx))
	// Output:
	// rev-1 <nil>
	// <nil>
	// [192.0.2.2] <nil>
	// <nil>
	// [192.0.2.1] <nil>
}
