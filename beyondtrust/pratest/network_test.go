package pratest_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/failovertest"
)

// who asks at the site's name which appliance answers.
func who(t *testing.T, site *pratest.Site) string {
	t.Helper()
	id, secret := site.Account()
	c, err := beyondtrust.NewClient("https://access.example.com", beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)), &beyondtrust.Options{HTTPClient: site.HTTPClient()})
	if err != nil {
		t.Fatal(err)
	}
	h, err := c.Identify(t.Context())
	if err != nil {
		return err.Error()
	}
	return h.Hostname
}

func TestNetworkByEachWay(t *testing.T) {
	addr := netip.MustParseAddr
	tests := map[string]struct {
		traffic pratest.Traffic
		move    func(*pratest.Site)
	}{
		"DNS": {pratest.ByDNS, func(s *pratest.Site) { s.SetDNS("access.example.com", addr("192.0.2.12")) }},
		"NAT": {pratest.ByNAT, func(s *pratest.Site) { s.SetNAT(s.Outside(), addr("192.0.2.12")) }},
		"shared IP": {pratest.BySharedIP, func(s *pratest.Site) {
			ctx := context.Background()
			s.A.Pages().Network.SetEnabled(ctx, addr("192.0.2.10"), false)
			s.B.Pages().Network.SetEnabled(ctx, addr("192.0.2.10"), true)
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			site := pratest.Pair()
			site.Traffic, site.Relation = tt.traffic, beyondtrust.RelationNone
			bubble(t, site, func(t *testing.T) {
				if got := who(t, site); got != "pra-a" {
					t.Errorf("before: %s", got)
				}
				tt.move(site)
				if got := who(t, site); got != "pra-b" {
					t.Errorf("after: %s", got)
				}
				if h, err := client(t, site, &site.A, beyondtrust.Options{}).Identify(t.Context()); err != nil || h.Hostname != "pra-a" {
					t.Errorf("at A's own address: %v, %v", h, err)
				}
			})
		})
	}
}

// TestNetworkWiring leads the site's name through a simulated zone and a simulated gateway of another package.
func TestNetworkWiring(t *testing.T) {
	site := pratest.Pair()
	site.Relation = beyondtrust.RelationNone
	bubble(t, site, func(t *testing.T) {
		const name = "access.example.com."
		outside, a, b := netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("192.0.2.11"), netip.MustParseAddr("192.0.2.12")
		zone := failovertest.NewZone("example.com.", failover.RecordSet{Name: name, Type: failover.A, TTL: time.Minute, Values: []string{"192.0.2.11"}})
		nat := failovertest.NewNAT(a)
		site.Lookup = func(ctx context.Context, host string) ([]string, error) {
			sets, err := zone.Read(ctx, []failover.Key{{Name: host, Type: failover.A}})
			if err != nil || len(sets[0].Values) == 0 {
				return nil, errors.Join(err, errors.New("no such name"))
			}
			return sets[0].Values, nil
		}
		site.Translate = func(addr netip.Addr) netip.Addr {
			if addr != outside {
				return netip.Addr{}
			}
			to, err := nat.Targets(context.Background())
			if err != nil || len(to) != 1 {
				return netip.Addr{}
			}
			return to[0]
		}
		if got := who(t, site); got != "pra-a" {
			t.Errorf("at first: %s", got)
		}
		zone.Edit(failover.RecordSet{Name: name, Type: failover.A, TTL: time.Minute, Values: []string{"192.0.2.12"}})
		if got := who(t, site); got != "pra-b" {
			t.Errorf("after a DNS swing: %s", got)
		}
		time.Sleep(10 * time.Minute)
		if n, _ := client(t, site, &site.B, beyondtrust.Options{}).ConnectedJumpClients(t.Context()); n != 12 {
			t.Errorf("%d clients followed the zone", n)
		}
		zone.Edit(failover.RecordSet{Name: name, Type: failover.A, TTL: time.Minute, Values: []string{"198.51.100.7"}})
		if got := who(t, site); got != "pra-a" {
			t.Errorf("through the gateway: %s", got)
		}
		if err := nat.Replace(t.Context(), a, b); err != nil {
			t.Fatal(err)
		}
		if got := who(t, site); got != "pra-b" {
			t.Errorf("after a NAT swing: %s", got)
		}
		zone.Edit(failover.RecordSet{Name: name, Type: failover.A, TTL: time.Minute, Values: []string{"192.0.2.11", "192.0.2.12"}})
		if got := site.At(); len(got) != 2 {
			t.Errorf("a name with both addresses: %v", got)
		}
	})
}

func TestNetworkRefuses(t *testing.T) {
	site := pratest.Pair()
	bubble(t, site, func(t *testing.T) {
		dial := func(addr string) error {
			c, err := site.DialContext(t.Context(), "tcp", addr)
			if err == nil {
				c.Close()
			}
			return err
		}
		if err := dial("access.example.com:443"); err != nil {
			t.Error(err)
		}
		if err := dial("access.example.com:80"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("port 80: %v", err)
		}
		if err := dial("192.0.2.99:443"); !errors.Is(err, syscall.EHOSTUNREACH) {
			t.Errorf("nobody there: %v", err)
		}
		if dns, ok := errors.AsType[*net.DNSError](dial("nowhere.example.com:443")); !ok || !dns.IsNotFound {
			t.Errorf("no such name: %v", dns)
		}
		if list, err := site.LookupHost(t.Context(), "ACCESS.example.com."); err != nil || !cmp.Equal(list, []string{"192.0.2.11"}) {
			t.Errorf("LookupHost = %v, %v", list, err)
		}
		site.A.PowerCycle()
		if err := dial("access.example.com:443"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("while it is away: %v", err)
		}
		site.Change(func() { site.Switches.SilentWhenDown = true })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := site.DialContext(ctx, "tcp", "access.example.com:443"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("silent: %v", err)
		}
	})
}

// TestListen is the smoke test over real sockets and TLS.
func TestListen(t *testing.T) {
	site := pratest.Pair()
	defer site.Close()
	own, err := site.A.Start()
	if err != nil {
		t.Fatal(err)
	}
	name, err := site.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := site.Listen("0.0.0.0:0"); err == nil {
		t.Error("it listens for everybody")
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(site.CAPEM()) {
		t.Fatal("no CA")
	}
	id, secret := site.Account()
	c, err := beyondtrust.NewClient("https://access.example.com", beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)), &beyondtrust.Options{Dial: strings.TrimPrefix(own, "https://"), CA: pool})
	if err != nil {
		t.Fatal(err)
	}
	h, err := c.Health(t.Context())
	if err != nil || h.Hostname != "pra-a" {
		t.Errorf("Health = %+v, %v", h, err)
	}
	conn, err := tls.Dial("tcp", strings.TrimPrefix(name, "https://"), &tls.Config{ServerName: "access.example.com", RootCAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	if chain := conn.ConnectionState().PeerCertificates; len(chain) != 2 || fmt.Sprintf("%x", sha256.Sum256(chain[0].Raw)) != site.A.Fingerprint() || chain[0].Subject.CommonName != "access.example.com" {
		t.Errorf("chain: %v", chain)
	}
	conn.Close()

	site.SetDNS(site.Name, site.B.Addr)
	hc := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	resp, err := hc.Get(name + "/check_health")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if n := site.Calls()["GET /check_health"]; n != 1 || resp.StatusCode != 200 {
		t.Errorf("%d calls, status %d", n, resp.StatusCode)
	}
	updates, err := site.ListenUpdates("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if resp, err = hc.Get(updates); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	site.A.PowerCycle()
	if _, err := c.Probe(t.Context()); err == nil {
		t.Error("an appliance that is away answers")
	}
}

// TestCertificatesAreSeen: a client sees which certificate an address serves, also one that was exchanged meanwhile.
func TestCertificatesAreSeen(t *testing.T) {
	site := pratest.Pair()
	bubble(t, site, func(t *testing.T) {
		issuer := func(box *pratest.Box) string {
			c, err := site.DialContext(t.Context(), "tcp", box.Address())
			if err != nil {
				t.Fatal(err)
			}
			conn := tls.Client(c, &tls.Config{ServerName: site.Name, RootCAs: site.CA(), ClientSessionCache: tls.NewLRUClientSessionCache(0)})
			defer conn.Close()
			if err := conn.HandshakeContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			return conn.ConnectionState().PeerCertificates[0].Issuer.CommonName
		}
		if issuer(&site.A) != "Simulated Root CA" || issuer(&site.B) != "Simulated Root CA" {
			t.Error("not the healthy site's certificates")
		}
		site.B.Reissue(true, time.Now().AddDate(0, 1, 0))
		if issuer(&site.A) != "Simulated Root CA" || issuer(&site.B) != "Another Simulated Root CA" {
			t.Error("the new certificate is not served")
		}
	})
}
