package nat_test

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/failover/nat"
)

// BenchmarkRatioNATSwing compares the swing of one site with an nft process that makes the same guarded transaction, in pairs, at least seven. Reported is the median of the paired
// ratios; a median below the gate fails.
func BenchmarkRatioNATSwing(b *testing.B) {
	l := newLab(b)
	n := l.open(nat.NFTablesOptions{})
	from, to := boxA, boxB
	const rounds = 200
	ours := func() time.Duration {
		began := time.Now()
		for range rounds {
			if err := n.Replace(b.Context(), from, to); err != nil {
				b.Fatal(err)
			}
			from, to = to, from
		}
		return time.Since(began) / rounds
	}
	peer := func() time.Duration {
		text := fmt.Sprintf("delete element ip swing owner { %v . %v }; add element ip swing owner { %v . %v }; delete element ip swing sites { %v }; add element ip swing sites { %v : %v }",
			site, from, site, to, site, site, to)
		var took time.Duration
		if err := inside(l.gw, func() error { // the child inherits the namespace: nothing is paid for entering it
			began := time.Now()
			out, err := exec.Command("nft", text).CombinedOutput()
			took = time.Since(began)
			if err != nil {
				return fmt.Errorf("nft: %w: %s", err, strings.TrimSpace(string(out)))
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
		from, to = to, from
		return took
	}
	ours()
	var ratios []float64
	var theirs, mine []time.Duration
	pair := func() {
		p, o := peer(), ours()
		ratios = append(ratios, float64(p)/float64(o))
		theirs, mine = append(theirs, p), append(mine, o)
	}
	for b.Loop() {
		pair()
	}
	for len(ratios) < 7 {
		pair()
	}
	slices.Sort(ratios)
	slices.Sort(theirs)
	slices.Sort(mine)
	k := len(ratios)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ratios[k/2], "x-nft")
	b.ReportMetric(ratios[0], "min-x")
	b.ReportMetric(ratios[k-1], "max-x")
	b.ReportMetric(float64(theirs[k/2].Microseconds()), "peer-µs")
	b.ReportMetric(float64(mine[k/2].Nanoseconds())/1000, "our-µs")
	if ratios[k/2] < 100 {
		b.Errorf("median %.0fx of an nft process, the gate is 100x", ratios[k/2])
	}
}
