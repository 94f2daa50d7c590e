package failovertest_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/failovertest"
)

// A zone whose next update is carried out while its answer is lost: the swing is resolved by reading.
func ExampleNewZone() {
	zone := failovertest.NewZone("example.com.", failover.RecordSet{Name: "access.example.com.", Type: failover.A, TTL: time.Hour, Values: []string{"192.0.2.1"}})
	zone.Fail("Replace", 1, failovertest.LostAnswer)
	rec := &failover.Record{Zones: []failover.Zone{{Editor: zone, Moves: []failover.Move{
		failover.MoveAddress("access.example.com.", netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")),
	}}}}
	res, err := rec.Swing(context.Background())
	fmt.Println(res.Outcome, err, "- sent", zone.Calls("Replace"), "time")
	// Output: already done <nil> - sent 1 time
}

// Both boxes hold the address: whoever is asked answers, so it looks fine.
func ExampleNewShared() {
	ctx := context.Background()
	ip := failovertest.NewShared("guid-a", "guid-b")
	if err := ip.Box(1).Enable(ctx); err != nil {
		fmt.Println(err)
	}
	fmt.Println("conflicts:", ip.Conflicts())
	probe := ip.Probe(0)
	for range 2 {
		fmt.Println(probe(ctx))
	}
	// Output:
	// conflicts: 1
	// guid-b <nil>
	// guid-a <nil>
}

// Connections stay with the appliance at which they began.
func ExampleNewNAT() {
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	gw := failovertest.NewNAT(a)
	_, at, _ := gw.Connect()
	fmt.Println("before:", at)
	if err := gw.Replace(context.Background(), a, b); err != nil {
		fmt.Println(err)
	}
	_, at, _ = gw.Connect()
	old, _ := gw.Established(context.Background(), a)
	fmt.Println("after:", at, "- still at the old one:", old)
	// Output:
	// before: 192.0.2.1
	// after: 192.0.2.2 - still at the old one: 1
}
