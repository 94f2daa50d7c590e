package failover_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/failovertest"
)

var (
	exA = netip.MustParseAddr("192.0.2.1")
	exB = netip.MustParseAddr("192.0.2.2")
	ids = map[netip.Addr]string{exA: "guid-a", exB: "guid-b"}
)

// A DNS swing, from the first look to the proof.
func ExampleRecord() {
	ctx := context.Background()
	zone := failovertest.NewZone("example.com.", failover.RecordSet{Name: "access.example.com.", Type: failover.A, TTL: time.Second, Values: []string{"192.0.2.1"}})
	rec := &failover.Record{
		From: failover.Side{Name: "A", ID: "guid-a"},
		To:   failover.Side{Name: "B", ID: "guid-b"},
		Zones: []failover.Zone{{
			Editor:      zone,
			Authorities: zone.Authorities,
			Moves:       []failover.Move{failover.MoveAddress("access.example.com.", exA, exB)},
		}},
		Vantages: []failover.Vantage{{From: "this machine", Ask: failovertest.Site(zone.Primary(), "access.example.com.", ids)}},
	}
	fmt.Println(rec.Plan().Parts[0].Moves[0])

	view, err := rec.Look(ctx)
	fmt.Println(view.Position, err)

	res, err := rec.Swing(ctx)
	fmt.Println(res.Outcome, err)

	rep, err := failover.Verify(ctx, rec, nil)
	fmt.Println(rep.Detail, err)

	res, err = rec.Back().Swing(ctx)
	fmt.Println(res.Outcome, err)
	// Output:
	// access.example.com. A 192.0.2.1 -> 192.0.2.2
	// at the old side <nil>
	// applied <nil>
	// B answers at the site: from this machine: 3 in a row <nil>
	// applied <nil>
}

// The TTL is lowered ahead, and put back to what it was after the swing.
func ExampleRecord_LowerTTL() {
	ctx := context.Background()
	zone := failovertest.NewZone("example.com.", failover.RecordSet{Name: "access.example.com.", Type: failover.A, TTL: 24 * time.Hour, Values: []string{"192.0.2.1"}})
	rec := &failover.Record{Zones: []failover.Zone{{Editor: zone, Moves: []failover.Move{failover.MoveAddress("access.example.com.", exA, exB)}}}}

	was, _, err := rec.LowerTTL(ctx, 30*time.Second) // keep was: it is what the TTL is restored from
	fmt.Println("was", was.Longest(), err)
	fmt.Println("effective:", rec.EffectiveTTL(ctx, 30*time.Second) == nil)
	rec.NotBefore = was.Ready(time.Now()) // a day from now

	_, err = rec.Swing(ctx)
	fmt.Println(err)

	rec.NotBefore = time.Time{} // in a hurry: caches may lead to the old side for a day
	if _, err := rec.Swing(ctx); err != nil {
		fmt.Println(err)
	}
	res, err := rec.RestoreTTL(ctx, was, 30*time.Second)
	fmt.Println(res.Outcome, err)
	// Output:
	// was 24h0m0s <nil>
	// effective: true
	// failover: swing: too early, caches may still hold the old TTL for another 24h0m0s; repair the cause and try again
	// applied <nil>
}

// A shared IP switch. The ends would be the appliances' own pages, or a person.
func ExampleSharedIP() {
	ctx := context.Background()
	ip := failovertest.NewShared("guid-a", "guid-b")
	sw := &failover.SharedIP{
		From:     failover.End{Side: failover.Side{Name: "A", ID: "guid-a"}, Address: ip.Box(0)},
		To:       failover.End{Side: failover.Side{Name: "B", ID: "guid-b"}, Address: ip.Box(1)},
		Vantages: []failover.Vantage{{From: "this machine", Ask: ip.Probe(0)}, {From: "branch office", Ask: ip.Probe(0)}},
	}
	res, err := sw.Swing(ctx)
	fmt.Println(res.Outcome, err, "held by nobody for a moment:", res.Gap.Held() < time.Second, "conflicts:", ip.Conflicts())
	rep, err := failover.Verify(ctx, sw, nil)
	fmt.Println(rep.State, err)
	// Output:
	// applied <nil> held by nobody for a moment: true conflicts: 0
	// proven <nil>
}

// A NAT swing that cuts connections which are established with the old appliance.
func ExampleNATEntry() {
	ctx := context.Background()
	gw := failovertest.NewNAT(exA)
	for range 3 {
		if _, _, err := gw.Connect(); err != nil {
			fmt.Println(err)
		}
	}
	entry := &failover.NATEntry{
		NAT:      gw,
		From:     failover.Target{Side: failover.Side{Name: "A", ID: "guid-a"}, Addr: exA},
		To:       failover.Target{Side: failover.Side{Name: "B", ID: "guid-b"}, Addr: exB},
		Cut:      true,
		Vantages: []failover.Vantage{{From: "this machine", Ask: gw.Probe(ids)}},
	}
	res, err := entry.Swing(ctx)
	fmt.Println(res.Outcome, res.Traffic.Cut, "cut,", res.Traffic.Left, "left", err)
	rep, err := failover.Verify(ctx, entry, nil)
	fmt.Println(rep.State, err)
	// Output:
	// applied 3 cut, 0 left <nil>
	// proven <nil>
}

// Who answers at a site, from where, how often in a row.
func ExampleIdentify() {
	both := 0
	flapping := failover.Vantage{From: "this machine", Ask: func(context.Context) (string, error) {
		both++
		return []string{"guid-b", "guid-a"}[both%2], nil
	}}
	id := failover.Identify(context.Background(), []failover.Vantage{flapping}, "guid-b", 3)
	fmt.Println(id.Proven(), "-", id)
	// Output:
	// false - from this machine: 0 in a row, guid-a answered 1 times
}

func ExampleReach() {
	for _, s := range failover.Reach(context.Background(), []failover.Vantage{
		{From: "this machine", Ask: func(context.Context) (string, error) { return "guid-a", nil }},
		{From: "branch office", Ask: func(context.Context) (string, error) { return "", fmt.Errorf("no route to host") }},
	}) {
		fmt.Printf("%s: %s%s\n", s.From, s.ID, s.Error)
	}
	// Output:
	// this machine: guid-a
	// branch office: no route to host
}
