package dns_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/dns"
	"github.com/changeover-sdk/changeover/failover/failovertest"
)

const siteZone = "site.test."

func siteMove() failover.Move {
	return failover.Move{Name: "access.site.test.", Type: failover.A, From: []string{a.String()}, To: []string{b.String()}}
}

func siteRecord(z failover.RecordEditor) *failover.Record {
	return &failover.Record{From: failover.Side{Name: "A", ID: "guid-a"}, To: failover.Side{Name: "B", ID: "guid-b"},
		Zones: []failover.Zone{{Editor: z, Moves: []failover.Move{siteMove()}}}}
}

func siteText(ttl int) map[string]string {
	return map[string]string{"site.test": zoneText([]string{"ns1", "ns2", "ns3"}, ttl, "access IN A 192.0.2.1")}
}

func TestPeerPrimaryConforms(t *testing.T) {
	for name, start := range primaries {
		t.Run(name, func(t *testing.T) {
			addr := start(t, map[string]string{"suite.test": zoneText([]string{"ns1"}, 60)})
			z := editor(t, addr, failovertest.SuiteZone)
			failovertest.TestRecordEditor(t, func(t *testing.T, sets []failover.RecordSet) failover.RecordEditor {
				// One server serves all cases: what is there is brought to what the case begins with.
				var keys []failover.Key
				for _, n := range []string{"one.suite.test.", "alias.suite.test.", "fresh.suite.test."} {
					for _, typ := range []failover.RRType{failover.A, failover.AAAA, failover.CNAME} {
						keys = append(keys, failover.Key{Name: n, Type: typ})
					}
				}
				have, err := z.Read(t.Context(), keys)
				if err != nil {
					t.Fatal(err)
				}
				var changes []failover.Change
				for _, h := range have {
					want := failover.RecordSet{Name: h.Name, Type: h.Type}
					for _, s := range sets {
						if s.Name == h.Name && s.Type == h.Type {
							want = s
						}
					}
					if len(h.Values)+len(want.Values) > 0 {
						changes = append(changes, failover.Change{Old: h, New: want})
					}
				}
				if len(changes) > 0 {
					if err := z.Replace(t.Context(), changes); err != nil {
						t.Fatal(err)
					}
				}
				return z
			})
		})
	}
}

func TestPeerFortyWritersOneWins(t *testing.T) {
	for name, start := range primaries {
		t.Run(name, func(t *testing.T) {
			at := start(t, siteText(60))
			z := editor(t, at, siteZone)
			var writers []*dns.Zone // ten programs with four connections each
			for range 10 {
				writers = append(writers, editor(t, at, siteZone))
			}
			set := func(addr string) failover.RecordSet {
				return failover.RecordSet{Name: "access.site.test.", Type: failover.A, TTL: time.Minute, Values: []string{addr}}
			}
			now := set(a.String())
			for round := range 10 {
				var won atomic.Int32
				var winner atomic.Value
				var wg sync.WaitGroup
				for i := range 40 {
					to := set(fmt.Sprintf("192.0.%d.%d", 10+round, 1+i))
					wg.Go(func() {
						switch err := writers[i%len(writers)].Replace(t.Context(), []failover.Change{{Old: now, New: to}}); {
						case err == nil:
							won.Add(1)
							winner.Store(to)
						case !errors.Is(err, failover.ErrGuard):
							t.Errorf("a loser got %v, want ErrGuard", err)
						}
					})
				}
				wg.Wait()
				if won.Load() != 1 {
					t.Fatalf("round %d: %d writers won, want exactly one", round, won.Load())
				}
				now = winner.Load().(failover.RecordSet)
				if have, err := z.Read(t.Context(), []failover.Key{{Name: now.Name, Type: now.Type}}); err != nil || !have[0].Same(now) {
					t.Fatalf("round %d: there is %v, %v, want the winner's %v", round, have, err, now)
				}
			}
		})
	}
}

func TestPeerReadersSeeOneAnswerDuringSwings(t *testing.T) {
	for name, start := range primaries {
		t.Run(name, func(t *testing.T) {
			addr := start(t, siteText(60))
			z := editor(t, addr, siteZone)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var asked, empty, double, odd atomic.Int64
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() {
					conn, err := mdns.Dial("udp", addr)
					if err != nil {
						t.Error(err)
						return
					}
					defer conn.Close()
					for ctx.Err() == nil {
						m := new(mdns.Msg)
						m.SetQuestion("access.site.test.", mdns.TypeA)
						_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
						if err := conn.WriteMsg(m); err != nil {
							continue
						}
						r, err := conn.ReadMsg()
						if err != nil || r.Id != m.Id {
							continue
						}
						asked.Add(1)
						switch {
						case r.Rcode != mdns.RcodeSuccess:
							odd.Add(1)
						case len(r.Answer) == 0:
							empty.Add(1)
						case len(r.Answer) > 1:
							double.Add(1)
						}
					}
				})
			}
			const swings = 300
			s := failover.Swinger(siteRecord(z))
			for i := range swings {
				if res, err := s.Swing(t.Context()); res.Outcome != failover.Applied {
					t.Fatalf("swing %d = %v, %v", i, res.Outcome, err)
				}
				s = s.Back()
			}
			cancel()
			wg.Wait()
			t.Logf("%d swings, %d answers: %d empty, %d double, %d odd", swings, asked.Load(), empty.Load(), double.Load(), odd.Load())
			if asked.Load() < swings || empty.Load()+double.Load()+odd.Load() > 0 {
				t.Errorf("of %d answers %d were empty, %d double, %d odd", asked.Load(), empty.Load(), double.Load(), odd.Load())
			}
		})
	}
}

// TestPeerPropagation is the whole way: a BIND primary, a BIND and an NSD secondary, an unbound resolver and one that stretches TTLs, both with the old value in their caches.
func TestPeerPropagation(t *testing.T) {
	p2, p3 := port(t), port(t)
	addr := startBIND(t, siteText(4), p2, p3)
	startBINDSecondary(t, "site.test", addr, p2)
	startNSD(t, "site.test", addr, p3)
	good, bad := startUnbound(t, "site.test", local(p2), 0), startUnbound(t, "site.test", local(p2), 10)
	z := editor(t, addr, siteZone)
	r := siteRecord(z)
	r.Zones[0].Authorities = z.Authorities(&dns.AuthorityOptions{
		At:   map[string][]string{"ns1.site.test": {addr}, "ns2.site.test": {local(p2)}, "NS3.site.test.": {local(p3)}},
		Skip: map[string]string{},
	})
	r.Zones[0].Resolvers = dns.Resolvers(nil, good, bad)
	for _, ns := range r.Zones[0].Resolvers {
		if _, err := ns.Ask(t.Context(), []failover.Key{{Name: "access.site.test.", Type: failover.A}}); err != nil {
			t.Fatal(err)
		}
	}
	if res, err := r.Swing(t.Context()); res.Outcome != failover.Applied {
		t.Fatalf("Swing() = %v, %v", res.Outcome, err)
	}
	began := time.Now()
	rep, err := failover.Verify(within(t, 30*time.Second), r, nil)
	if err != nil {
		t.Fatalf("Verify() = %v\n%+v", err, rep)
	}
	t.Logf("proven after %v", time.Since(began))
	var kinds []string
	for _, s := range rep.Servers {
		kinds = append(kinds, string(s.Kind))
		t.Logf("%s %s: %s, asked %d times, turned %v after the swing, predicted %v", s.Kind, s.Server, s.State, s.Asked, s.Turned.Sub(began), s.Predicted.Sub(began))
		if s.State != failover.ServerNew {
			t.Errorf("%s is %s", s.Server, s.State)
		}
		if s.Kind == failover.Resolver && s.Asked > 9 {
			t.Errorf("%s was asked %d times: there must be no polling", s.Server, s.Asked)
		}
		if s.Kind == failover.Authoritative && s.Serial == 0 {
			t.Errorf("%s told no serial", s.Server)
		}
	}
	if want := []string{"authoritative", "authoritative", "authoritative", "resolver", "resolver"}; !slices.Equal(kinds, want) {
		t.Errorf("servers asked = %v, want %v", kinds, want)
	}
	if took := time.Since(began); took < 8*time.Second || took > 16*time.Second {
		t.Errorf("it took %v, want about the 10 s to which the second resolver stretches TTLs", took)
	}
}

func TestPeerTTLIsLoweredAndRestored(t *testing.T) {
	for name, start := range primaries {
		t.Run(name, func(t *testing.T) {
			z := editor(t, start(t, siteText(3600)), siteZone)
			r := siteRecord(z)
			was, res, err := r.LowerTTL(t.Context(), 30*time.Second)
			if err != nil || res.Outcome != failover.Applied || was.Longest() != time.Hour {
				t.Fatalf("LowerTTL() = %v, %v, %v", was, res.Outcome, err)
			}
			if err := r.EffectiveTTL(t.Context(), 30*time.Second); err != nil {
				t.Errorf("EffectiveTTL() = %v", err)
			}
			if _, err := r.Swing(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := r.RestoreTTL(t.Context(), was, 30*time.Second); err != nil {
				t.Fatal(err)
			}
			now, err := r.TTLs(t.Context())
			if err != nil || now.Longest() != time.Hour || now.Zones[0].Sets[0].Values[0] != b.String() {
				t.Errorf("after restoring: %+v, %v", now, err)
			}
		})
	}
}

// Hundreds of zones at one server, gathered into few round trips: each is changed once, there and back.
func TestPeerManyZonesAtOnce(t *testing.T) {
	for name, start := range primaries {
		t.Run(name, func(t *testing.T) {
			texts := map[string]string{}
			for i := range 150 {
				texts[fmt.Sprintf("z%d.test", i)] = zoneText([]string{"ns1"}, 60, "access IN A 192.0.2.1")
			}
			addr := start(t, texts)
			first := editor(t, addr, "z0.test.")
			rec := &failover.Record{AtOnce: 64}
			for zone := range texts {
				z := first
				if zone != "z0.test" {
					var err error
					if z, err = first.Server().Zone(zone); err != nil {
						t.Fatal(err)
					}
				}
				rec.Zones = append(rec.Zones, failover.Zone{Editor: z, Moves: []failover.Move{failover.MoveAddress("access."+zone, a, b)}})
			}
			s := failover.Swinger(rec)
			for range 2 {
				res, err := s.Swing(t.Context())
				if err != nil || res.Outcome != failover.Applied {
					t.Fatalf("Swing() = %v, %v", res.Outcome, err)
				}
				for _, p := range res.Parts {
					if p.Outcome != failover.Applied {
						t.Errorf("%s: %v %s", p.On, p.Outcome, p.Detail)
					}
				}
				s = s.Back()
			}
		})
	}
}
