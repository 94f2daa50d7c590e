package dns_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/dns"
	"github.com/changeover-sdk/changeover/failover/dns/dnstest"
	"github.com/changeover-sdk/changeover/failover/failovertest"
)

// network leads addresses to servers in memory. What is not in it does not answer.
type network map[string]*dnstest.Server

func (n network) Dial(ctx context.Context, proto, addr string) (net.Conn, error) {
	if s, ok := n[addr]; ok {
		return s.Dial(ctx, proto, addr)
	}
	return nil, errors.New("connect: connection refused")
}

// site is a zone with its primary and one more server, in memory.
func site(t *testing.T) (network, *dns.Zone, *dnstest.Server) {
	t.Helper()
	a := func(name, addr string) failover.RecordSet {
		return failover.RecordSet{Name: name, Type: failover.A, TTL: time.Minute, Values: []string{addr}}
	}
	zone := failovertest.NewZone(apex, a(host, "192.0.2.1"), a("ns1.example.com.", "192.0.2.53"), a("ns2.example.com.", "192.0.2.54"))
	primary := &dnstest.Server{Zone: zone, Name: apex, Key: testKey(t), NS: []string{"ns1.example.com.", "NS2.example.com."}}
	resolver := &dnstest.Server{Zone: zone, Name: apex, NS: []string{"ns1.example.com.", "ns3.example.com."}} // the parent names another server
	n := network{"192.0.2.53:53": primary, "192.0.2.54:53": primary, "192.0.2.10:53": resolver}
	s, err := dns.NewServer("192.0.2.53", testKey(t).Signer(), &dns.Options{Dial: n.Dial})
	if err != nil {
		t.Fatal(err)
	}
	z, err := s.Zone("example.com")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(); _ = primary.Close(); _ = resolver.Close() })
	return n, z, primary
}

func TestAuthorities(t *testing.T) {
	tests := map[string]struct {
		opts    dns.AuthorityOptions
		want    []string
		skipped []failover.Skipped
		dead    []string // of want, those that cannot be asked
	}{
		"the primary's own NS set": {want: []string{"ns1.example.com. (192.0.2.53:53)", "ns2.example.com. (192.0.2.54:53)"}},
		"and the parent's, which differs": {
			opts: dns.AuthorityOptions{Resolvers: []string{"192.0.2.10"}},
			want: []string{"ns1.example.com. (192.0.2.53:53)", "ns2.example.com. (192.0.2.54:53)", "ns3.example.com."}, dead: []string{"ns3.example.com."},
		},
		"a server is reached elsewhere": {
			opts: dns.AuthorityOptions{At: map[string][]string{"NS2.example.com": {"192.0.2.53"}}}, want: []string{"ns1.example.com. (192.0.2.53:53)"},
		},
		"a server is skipped by name": {
			opts: dns.AuthorityOptions{Skip: map[string]string{"ns2.example.com": "being moved"}}, want: []string{"ns1.example.com. (192.0.2.53:53)"},
			skipped: []failover.Skipped{{Server: "ns2.example.com.", Reason: "being moved"}},
		},
		"a server is skipped by address": {
			opts: dns.AuthorityOptions{Skip: map[string]string{"192.0.2.54": "behind the firewall"}}, want: []string{"ns1.example.com. (192.0.2.53:53)"},
			skipped: []failover.Skipped{{Server: "ns2.example.com. (192.0.2.54:53)", Reason: "behind the firewall"}},
		},
		"a hidden secondary": {
			opts: dns.AuthorityOptions{Also: []string{"192.0.2.99"}}, want: []string{"ns1.example.com. (192.0.2.53:53)", "ns2.example.com. (192.0.2.54:53)", "192.0.2.99:53"},
			dead: []string{"192.0.2.99:53"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, z, primary := site(t)
				tt.opts.Options = &dns.Options{Dial: n.Dial}
				got, err := z.Authorities(&tt.opts)(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				var names, dead []string
				for _, s := range got.Servers {
					names = append(names, s.String())
					ans, err := s.Ask(t.Context(), []failover.Key{{Name: host, Type: failover.A}})
					if err != nil {
						dead = append(dead, s.String())
					} else if !ans.Authoritative || !ans.HasSerial || ans.Serial == 0 || ans.Sets[0].Values[0] != "192.0.2.1" {
						t.Errorf("%s answered %+v", s, ans)
					}
				}
				if !slices.Equal(names, tt.want) || !slices.Equal(dead, tt.dead) || !slices.Equal(got.Skipped, tt.skipped) {
					t.Errorf("servers %q, dead %q, skipped %v; want %q, %q, %v", names, dead, got.Skipped, tt.want, tt.dead, tt.skipped)
				}
				if got.Refresh != time.Hour {
					t.Errorf("Refresh = %v", got.Refresh)
				}
				if _, err := got.Primary.Ask(t.Context(), []failover.Key{{Name: host, Type: failover.A}}); err != nil {
					t.Error(err)
				}
				_ = primary
			})
		})
	}
}

// A split zone is chosen by the key: what is read unsigned at the primary may be another view's.
func TestTrapReadsAtThePrimaryAreSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, z, primary := site(t)
		if res, err := record(z).Swing(t.Context()); err != nil {
			t.Fatal(res.Outcome, err)
		}
		if n := primary.Unsigned(); n != 0 {
			t.Errorf("%d messages were not signed", n)
		}
	})
}

func TestTrapReadsThatCannotBeBelieved(t *testing.T) {
	for name, tt := range map[string]struct {
		set  func(*dnstest.Server)
		says string
	}{
		"not signed":        {func(s *dnstest.Server) { s.Forged = true }, "not signed"},
		"without authority": {func(s *dnstest.Server) { s.Lame = true }, "without authority"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, z, primary := site(t)
				tt.set(primary)
				res, err := record(z).Swing(t.Context())
				if res.Outcome != failover.Unchanged || err == nil || !strings.Contains(err.Error(), tt.says) || primary.Updates() != 0 {
					t.Errorf("Swing() = %v, %v after %d updates, want %q and none", res.Outcome, err, primary.Updates(), tt.says)
				}
			})
		})
	}
}

// The server closes the connection that is kept: the kernel knows, and the next update must not be sent into it. Over real sockets.
func TestTrapServerClosesAKeptConnection(t *testing.T) {
	zone := failovertest.NewZone(apex, failover.RecordSet{Name: host, Type: failover.A, TTL: time.Minute, Values: []string{"192.0.2.1"}})
	primary := &dnstest.Server{Zone: zone, Name: apex, Key: testKey(t)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns := make(chan net.Conn, 10)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns <- c
			wg.Go(func() { primary.ServeConn(c) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); _ = primary.Close(); wg.Wait() })
	s, err := dns.NewServer(l.Addr().String(), testKey(t).Signer(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	z, err := s.Zone(apex)
	if err != nil {
		t.Fatal(err)
	}
	set := failover.RecordSet{Name: host, Type: failover.A, TTL: time.Minute, Values: []string{"192.0.2.1"}}
	next := set
	next.Values = []string{"192.0.2.2"}
	if err := z.Replace(t.Context(), []failover.Change{{Old: set, New: next}}); err != nil {
		t.Fatal(err)
	}
	_ = (<-conns).Close()
	if err := z.Replace(t.Context(), []failover.Change{{Old: next, New: set}}); err != nil {
		t.Errorf("the update after the server closed the connection: %v", err)
	}
	if len(conns) != 1 {
		t.Errorf("%d further connections were made, want 1", len(conns))
	}
}

func TestAskGoesToTCPWhenAnAnswerDoesNotFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, _, primary := site(t)
		primary.Truncate = true
		ns := dns.Resolvers(&dns.Options{Dial: n.Dial}, "192.0.2.53")[0]
		ans, err := ns.Ask(t.Context(), []failover.Key{{Name: host, Type: failover.A}, {Name: host, Type: failover.AAAA}})
		if err != nil || ans.Sets[0].Values[0] != "192.0.2.1" || len(ans.Sets[1].Values) != 0 || ans.Sets[1].TTL != time.Minute {
			t.Errorf("Ask() = %+v, %v", ans, err)
		}
		if d := primary.Dials(); d != 2 {
			t.Errorf("%d connections were made, want one over UDP and one over TCP", d)
		}
	})
}

func TestAskRepeatsWhatWasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, _, primary := site(t)
		primary.Deaf = 3
		ns := dns.Resolvers(&dns.Options{Dial: n.Dial}, "192.0.2.53")[0]
		if _, err := ns.Ask(t.Context(), []failover.Key{{Name: host, Type: failover.A}, {Name: host, Type: failover.AAAA}}); err != nil {
			t.Errorf("Ask() = %v", err)
		}
		primary.Deaf = 1 << 20
		began := time.Now()
		if _, err := ns.Ask(t.Context(), []failover.Key{{Name: host, Type: failover.A}}); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 5*time.Second {
			t.Errorf("Ask() of a deaf server = %v after %v, want the time-out", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := ns.Ask(ctx, []failover.Key{{Name: host, Type: failover.A}}); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 6*time.Second {
			t.Errorf("Ask() under a shorter limit = %v after %v", err, time.Since(began))
		}
	})
}

func TestResolversWithABadAddress(t *testing.T) {
	if _, err := dns.Resolvers(nil, "")[0].Ask(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "want an address") {
		t.Errorf("Ask() = %v", err)
	}
}
