package dns_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/libdns/libdns"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/dns"
	"github.com/changeover-sdk/changeover/failover/dns/dnstest"
	"github.com/changeover-sdk/changeover/failover/failovertest"
)

// A swing at a primary server that speaks RFC 2136; here it is in memory.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "swing")
	if err != nil {
		fmt.Println(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "swing.key") // as tsig-keygen writes it
	text := `key "swing." { algorithm hmac-sha256; secret "bm90IGEgcmVhbCBzZWNyZXQ="; };`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		fmt.Println(err)
	}
	key, err := dns.ReadKey(file)
	fmt.Println(key, err)

	data := failovertest.NewZone("example.com.", failover.RecordSet{Name: "access.example.com.", Type: failover.A, TTL: time.Hour, Values: []string{"192.0.2.1"}})
	primary := &dnstest.Server{Zone: data, Name: "example.com.", Key: key, NS: []string{"ns1.example.com."}}
	defer primary.Close()

	srv, err := dns.NewServer("192.0.2.53", key.Signer(), &dns.Options{Dial: primary.Dial}) // without Dial: over the network
	if err != nil {
		fmt.Println(err)
	}
	defer srv.Close()
	zone, err := srv.Zone("example.com.")
	fmt.Println(zone, zone.Guard(), err)

	rec := &failover.Record{
		From: failover.Side{Name: "A"}, To: failover.Side{Name: "B"},
		Zones: []failover.Zone{{
			Editor: zone,
			Authorities: zone.Authorities(&dns.AuthorityOptions{
				At:      map[string][]string{"ns1.example.com.": {"192.0.2.53"}},
				Options: &dns.Options{Dial: primary.Dial},
			}),
			Moves: []failover.Move{failover.MoveAddress("access.example.com.", netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"))},
		}},
	}
	res, err := rec.Swing(ctx)
	fmt.Println(res.Outcome, err)
	rep, err := failover.Verify(ctx, rec, nil)
	for _, s := range rep.Servers {
		fmt.Println(s.Kind, s.Server, s.State, s.Have, err)
	}
	// Output:
	// swing. (hmac-sha256) <nil>
	// example.com. at 192.0.2.53:53 atomic <nil>
	// applied <nil>
	// authoritative ns1.example.com. (192.0.2.53:53) new [access.example.com. A 192.0.2.2 ttl 1h0m0s] <nil>
}

// Resolvers are asked for what they have in their caches, and for how long.
func ExampleResolvers() {
	data := failovertest.NewZone("example.com.", failover.RecordSet{Name: "access.example.com.", Type: failover.A, TTL: time.Hour, Values: []string{"192.0.2.1"}})
	server := &dnstest.Server{Zone: data, Name: "example.com."}
	defer server.Close()
	for _, r := range dns.Resolvers(&dns.Options{Dial: server.Dial}, "192.0.2.10", "192.0.2.11:5353") {
		ans, err := r.Ask(context.Background(), []failover.Key{{Name: "access.example.com.", Type: failover.A}})
		fmt.Println(r, ans.Sets, ans.Sets[0].TTL, err)
	}
	// Output:
	// 192.0.2.10:53 [access.example.com. A 192.0.2.1] 1h0m0s <nil>
	// 192.0.2.11:5353 [access.example.com. A 192.0.2.1] 1h0m0s <nil>
}

// cloud stands for any provider package of github.com/libdns. This one only appends, as some do.
type cloud struct{ records []libdns.Record }

func (c *cloud) GetRecords(context.Context, string) ([]libdns.Record, error) { return c.records, nil }

func (c *cloud) SetRecords(_ context.Context, _ string, r []libdns.Record) ([]libdns.Record, error) {
	c.records = append(c.records, r...)
	return r, nil
}

func (c *cloud) DeleteRecords(_ context.Context, _ string, gone []libdns.Record) ([]libdns.Record, error) {
	var keep []libdns.Record
	for _, r := range c.records {
		if r.RR() != gone[0].RR() {
			keep = append(keep, r)
		}
	}
	c.records = keep
	return gone, nil
}

func ExampleNewProvider() {
	ctx := context.Background()
	api := &cloud{records: []libdns.Record{libdns.Address{Name: "access", TTL: time.Hour, IP: netip.MustParseAddr("192.0.2.1")}}}
	zone := dns.NewProvider("cloud", api, "example.com.")
	rec := &failover.Record{Zones: []failover.Zone{{Editor: zone, Moves: []failover.Move{
		failover.MoveAddress("access.example.com.", netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")),
	}}}}
	fmt.Println("guard:", rec.Plan().Parts[0].Guard)
	res, err := rec.Swing(ctx)
	fmt.Println(res.Outcome, err)
	view, err := rec.Look(ctx)
	fmt.Println(view.Position, view.Parts[0].Have, err)
	// Output:
	// guard: best effort
	// applied <nil>
	// at the new side [access.example.com. A 192.0.2.2 ttl 1h0m0s] <nil>
}
