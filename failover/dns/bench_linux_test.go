package dns_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/dns"
)

// Benchmarks here compare pairs: the peer, then we, then the peer again, on the same server in the same run, its data in memory. Each iteration is one pair, and there are at least
// seven, whatever -benchtime says. What is reported is the median of the paired ratios with its least and greatest; a median below the gate fails.

// pairs collects paired ratios.
type pairs struct {
	ratios []float64
	peer   []time.Duration
	ours   []time.Duration
}

func (p *pairs) add(peer, ours time.Duration) {
	p.ratios = append(p.ratios, float64(peer)/float64(ours))
	p.peer, p.ours = append(p.peer, peer), append(p.ours, ours)
}

// run makes pairs as long as the benchmark wants, and at least seven.
func (p *pairs) run(b *testing.B, pair func()) {
	for b.Loop() {
		pair()
	}
	for len(p.ratios) < 7 {
		pair()
	}
}

// report reports the ratios and holds the median against the gate.
func (p *pairs) report(b *testing.B, peer string, gate float64) {
	b.Helper()
	slices.Sort(p.ratios)
	slices.Sort(p.peer)
	slices.Sort(p.ours)
	n := len(p.ratios)
	median := p.ratios[n/2]
	b.ReportMetric(0, "ns/op") // of pairs: says nothing
	b.ReportMetric(median, "x-"+peer)
	b.ReportMetric(p.ratios[0], "min-x")
	b.ReportMetric(p.ratios[n-1], "max-x")
	b.ReportMetric(float64(p.peer[n/2].Microseconds()), "peer-µs")
	b.ReportMetric(float64(p.ours[n/2].Nanoseconds())/1000, "our-µs")
	if median < gate {
		b.Errorf("median %.1fx of %s, the gate is %.1fx", median, peer, gate)
	}
}

// nsupdate runs nsupdate or knsupdate with a script on its input.
func nsupdate(b *testing.B, program, keyFile, script string) {
	b.Helper()
	cmd := exec.Command(program, "-k", keyFile)
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil || bytes.Contains(out, []byte("failed")) || bytes.Contains(out, []byte("error")) {
		b.Fatalf("%s: %v: %s", program, err, out)
	}
}

// script is the same guarded change in nsupdate's words.
func script(server, zone, name, from, to string) string {
	host, port, _ := strings.Cut(server, ":")
	return fmt.Sprintf("server %s %s\nzone %s\nprereq yxrrset %s A %s\nupdate delete %s A\nupdate add %s 60 A %s\nsend\n", host, port, zone, name, from, name, name, to)
}

// BenchmarkRatioGuardedSwing has BIND as the server of both programs: Knot handles updates in steps of 10 ms, whoever asks, so there is no ratio to be had there.
func BenchmarkRatioGuardedSwing(b *testing.B) {
	for _, tt := range []struct {
		program, pkg string
		gate         float64
	}{{"nsupdate", "bind9-dnsutils", 15}, {"knsupdate", "knot-dnsutils", 4}} {
		b.Run(tt.program, func(b *testing.B) {
			program := peer(b, tt.program, tt.pkg)
			addr := startBIND(b, siteText(60))
			z := editor(b, addr, siteZone)
			text := keyText
			if tt.program == "knsupdate" {
				text = "hmac-sha256:swing.:" + secret
			}
			key := write(b, b.TempDir(), "swing.key", text)
			set := func(v string) failover.RecordSet {
				return failover.RecordSet{Name: "access.site.test.", Type: failover.A, TTL: time.Minute, Values: []string{v}}
			}
			const rounds = 20
			from, to := set("192.0.2.1"), set("192.0.2.2")
			ours := func() time.Duration {
				began := time.Now()
				for range rounds {
					if err := z.Replace(b.Context(), []failover.Change{{Old: from, New: to}}); err != nil {
						b.Fatal(err)
					}
					from, to = to, from
				}
				return time.Since(began) / rounds
			}
			ours() // the connection is kept, as it is in a swing: it was read from just before
			var p pairs
			p.run(b, func() {
				began := time.Now()
				nsupdate(b, program, key, script(addr, siteZone, from.Name, from.Values[0], to.Values[0]))
				took := time.Since(began)
				from, to = to, from
				p.add(took, ours())
			})
			p.report(b, tt.program, tt.gate)
		})
	}
}

func BenchmarkRatioFiveHundredZones(b *testing.B) {
	const zones, atOnce = 500, 64
	program := peer(b, "nsupdate", "bind9-dnsutils")
	texts := map[string]string{}
	for i := range zones {
		texts[fmt.Sprintf("z%d.test", i)] = zoneText([]string{"ns1"}, 60, "access IN A 192.0.2.1")
	}
	addr := startBIND(b, texts)
	keyFile := write(b, b.TempDir(), "swing.key", keyText)
	key, err := dns.ReadKey(keyFile)
	if err != nil {
		b.Fatal(err)
	}
	server, err := dns.NewServer(addr, key.Signer(), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	rec := &failover.Record{AtOnce: atOnce}
	for i := range zones {
		z, err := server.Zone(fmt.Sprintf("z%d.test.", i))
		if err != nil {
			b.Fatal(err)
		}
		rec.Zones = append(rec.Zones, failover.Zone{Editor: z, Moves: []failover.Move{{Name: fmt.Sprintf("access.z%d.test.", i), Type: failover.A, From: []string{"192.0.2.1"}, To: []string{"192.0.2.2"}}}})
	}
	all := func(from, to string) string {
		var s strings.Builder
		for i := range zones {
			s.WriteString(script(addr, fmt.Sprintf("z%d.test", i), fmt.Sprintf("access.z%d.test.", i), from, to))
		}
		return s.String()
	}
	// The same job: 500 guarded updates. What a swing adds, reading all zones before, is measured beside it.
	updates := func(from, to string) time.Duration {
		began := time.Now()
		var wg sync.WaitGroup
		work := make(chan int)
		for range atOnce {
			wg.Go(func() {
				for i := range work {
					set := failover.RecordSet{Name: fmt.Sprintf("access.z%d.test.", i), Type: failover.A, TTL: time.Minute, Values: []string{from}}
					next := set
					next.Values = []string{to}
					if err := rec.Zones[i].Editor.Replace(b.Context(), []failover.Change{{Old: set, New: next}}); err != nil {
						b.Error(err)
					}
				}
			})
		}
		for i := range zones {
			work <- i
		}
		close(work)
		wg.Wait()
		return time.Since(began)
	}
	var p, whole pairs
	s := failover.Swinger(rec)
	p.run(b, func() {
		began := time.Now()
		nsupdate(b, program, keyFile, all("192.0.2.1", "192.0.2.2"))
		took := time.Since(began)
		p.add(took, updates("192.0.2.2", "192.0.2.1"))
		began = time.Now()
		if res, err := s.Swing(b.Context()); err != nil || res.Outcome != failover.Applied {
			b.Fatal(res.Outcome, err)
		}
		whole.add(took, time.Since(began))
		if res, err := s.Back().Swing(b.Context()); err != nil || res.Outcome != failover.Applied {
			b.Fatal(res.Outcome, err)
		}
	})
	slices.Sort(whole.ratios)
	b.ReportMetric(whole.ratios[len(whole.ratios)/2], "x-with-reading")
	p.report(b, "nsupdate", 1.5)
}

// BenchmarkPredictedEnd measures how early the predicted end of propagation is, at a resolver that keeps to TTLs and at one that stretches them. The gate is 3 s.
func BenchmarkPredictedEnd(b *testing.B) {
	for _, tt := range []struct {
		name   string
		minTTL int
	}{{"resolver", 0}, {"stretching", 7}} {
		b.Run(tt.name, func(b *testing.B) {
			addr := startBIND(b, siteText(4))
			z := editor(b, addr, siteZone)
			cache := startUnbound(b, "site.test", addr, tt.minTTL)
			r := failover.Swinger(siteRecord(z))
			key := []failover.Key{{Name: "access.site.test.", Type: failover.A}}
			ns := dns.Resolvers(nil, cache)[0]
			worst, latest := -time.Hour, -time.Hour
			for b.Loop() {
				if _, err := ns.Ask(b.Context(), key); err != nil { // it has the old value in its cache
					b.Fatal(err)
				}
				if _, err := r.Swing(b.Context()); err != nil {
					b.Fatal(err)
				}
				rec := r.(*failover.Record)
				rec.Zones[0].Resolvers = []failover.Nameserver{ns}
				rep, err := rec.Check(b.Context(), nil)
				if err != nil {
					b.Fatal(err)
				}
				predicted := rep.Predicted()
				var turned time.Time // asked all along, from outside
				for turned.IsZero() {
					ans, err := ns.Ask(b.Context(), key)
					if err != nil {
						b.Fatal(err)
					}
					if slices.Equal(ans.Sets[0].Values, rec.Zones[0].Moves[0].To) {
						turned = time.Now()
					} else if time.Since(predicted) > 30*time.Second {
						b.Fatal("the resolver never turned")
					}
					time.Sleep(20 * time.Millisecond)
				}
				early := turned.Sub(predicted)
				worst, latest = max(worst, early), max(latest, -early)
				r = r.Back()
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(worst.Seconds(), "s-early-at-most")
			b.ReportMetric(latest.Seconds(), "s-late-at-most")
			if worst > 3*time.Second {
				b.Errorf("the predicted end was %v early, the gate is 3 s", worst)
			}
		})
	}
}
