package main

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/failovertest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// swings are the guide's three ways to make the other appliance the one that serves.
var swings = []string{"dns", "shared-ip", "nat"}

const praSite = "access.example.com"

// praTraffic makes the site's name lead through a simulated zone, a shared address or a simulated gateway, and returns what makes the steps that move it.
func praTraffic(s setting, st *praStage) (func(), error) {
	a, b := netip.MustParseAddr("192.0.2.11"), netip.MustParseAddr("192.0.2.12")
	side := func(box *pratest.Box, name string) failover.Side { return failover.Side{Name: name, ID: box.GUID} }
	eyes := func() []failover.Vantage {
		return []failover.Vantage{{From: "this machine", Ask: upgrade.PRAProbe(st.name)}}
	}
	switch s.swing {
	case "dns":
		record := failover.RecordSet{Name: praSite + ".", Type: failover.A, TTL: 3 * time.Second, Values: []string{a.String()}} // real time: half an hour of the appliances'
		zone := failovertest.NewZone("example.com.", record)
		zone.Secondary("ns2.example.com.", 200*time.Millisecond)
		office := zone.Resolver("the office's resolver")
		st.site.Lookup = func(ctx context.Context, host string) ([]string, error) {
			if host != praSite {
				return nil, fmt.Errorf("no such host: %s", host)
			}
			sets, err := zone.Read(ctx, []failover.Key{{Name: record.Name, Type: record.Type}})
			if err != nil {
				return nil, err
			}
			return sets[0].Values, nil
		}
		return func() {
			rec := &failover.Record{From: side(&st.site.A, "A"), To: side(&st.site.B, "B"), Vantages: eyes(), Settle: 100 * time.Millisecond, Zones: []failover.Zone{{
				Editor: zone, Authorities: zone.Authorities, Resolvers: []failover.Nameserver{office}, Moves: []failover.Move{failover.MoveAddress(record.Name, a, b)},
			}}}
			st.lower, st.await = upgrade.LowerTTL(rec, time.Second)
			st.swing = upgrade.SwingDNS(rec, 0)
		}, nil
	case "shared-ip":
		st.site.Traffic = pratest.BySharedIP
		return func() {
			st.swing = upgrade.SwingSharedIP(st.a, st.b, netip.MustParseAddr("192.0.2.10"), st.name)
		}, nil
	case "nat":
		st.site.Traffic = pratest.ByNAT
		nat := failovertest.NewNAT(a)
		outside := st.site.Outside()
		st.site.Translate = func(addr netip.Addr) netip.Addr {
			to, err := nat.Targets(context.Background())
			if err != nil || len(to) != 1 || addr != outside {
				return netip.Addr{}
			}
			return to[0]
		}
		return func() {
			st.swing = upgrade.SwingNAT(&failover.NATEntry{NAT: nat, From: failover.Target{Side: side(&st.site.A, "A"), Addr: a}, To: failover.Target{Side: side(&st.site.B, "B"), Addr: b}, Vantages: eyes()}, 0)
		}, nil
	}
	return nil, fmt.Errorf("-swing %s: want one of %v", s.swing, swings)
}
