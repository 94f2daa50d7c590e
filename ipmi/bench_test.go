package ipmi_test

import (
	"context"
	"flag"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/changeover-sdk/changeover/ipmi"
	"github.com/changeover-sdk/changeover/ipmi/ipmitest"
)

// gate makes BenchmarkStatusBesideIpmitool fail when the native driver is not so many times as fast as the process.
var gate = flag.Float64("ipmi.gate", 20, "fail the benchmark beside ipmitool below this ratio; 0: only report it")

// BenchmarkStatusBesideIpmitool reads the power state natively, and reports how many times longer the ipmitool process
// takes on the same BMC (x-ipmitool, the median of 15 runs). Reference: 100; gate: 20, see -ipmi.gate.
func BenchmarkStatusBesideIpmitool(b *testing.B) {
	path := ipmitest.Needs(b, "ipmitool", "ipmitool")
	bmc := newBMC(b, &ipmitest.BMC{On: true})
	process := newMachine(b, bmc.Addr(), bmc.Login(), &ipmi.Options{Driver: ipmi.Ipmitool, IpmitoolPath: path})
	var took []time.Duration
	for range 15 {
		begin := time.Now()
		read(b, b.Context(), process)
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	slow := took[len(took)/2]

	native := newMachine(b, bmc.Addr(), bmc.Login(), nil)
	read(b, b.Context(), native) // logs in
	b.ReportAllocs()
	for b.Loop() {
		read(b, b.Context(), native)
	}
	each := b.Elapsed() / time.Duration(b.N)
	ratio := float64(slow) / float64(each)
	b.ReportMetric(ratio, "x-ipmitool")
	b.ReportMetric(float64(slow.Microseconds())/1000, "ipmitool-ms")
	if *gate > 0 && b.N > 100 && ratio < *gate {
		b.Fatalf("native %v, ipmitool %v: %.0f times as fast, want %.0f", each, slow, ratio, *gate)
	}
}

// BenchmarkLoginAndStatus is the first question to a BMC: five messages and the question.
func BenchmarkLoginAndStatus(b *testing.B) {
	bmc := newBMC(b, &ipmitest.BMC{On: true})
	b.ReportAllocs()
	for b.Loop() {
		m := newMachine(b, bmc.Addr(), bmc.Login(), nil)
		read(b, b.Context(), m)
		_ = m.Close()
	}
}

// BenchmarkHundredBMCs reads a hundred BMCs, sixteen at a time, as a checklist would.
func BenchmarkHundredBMCs(b *testing.B) {
	machines := hundred(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := readAll(b.Context(), machines, 16); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(machines)), "ns/BMC")
}

func hundred(t testing.TB) []*ipmi.Machine {
	t.Helper()
	var machines []*ipmi.Machine
	for range 100 {
		bmc := newBMC(t, &ipmitest.BMC{On: true})
		machines = append(machines, newMachine(t, bmc.Addr(), bmc.Login(), nil))
	}
	return machines
}

func readAll(ctx context.Context, machines []*ipmi.Machine, atOnce int) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, m := range machines {
		g.Go(func() error {
			_, err := m.State(ctx)
			return err
		})
	}
	return g.Wait()
}

func read(t testing.TB, ctx context.Context, m *ipmi.Machine) {
	t.Helper()
	if s, err := m.State(ctx); s != ipmi.On || err != nil {
		t.Fatalf("State() = %q, %v", s, err)
	}
}

// A hundred machines cost no goroutine while nobody asks them, and while somebody does no more than a few for each
// question that is under way.
func TestHundredBMCsWithBoundedGoroutines(t *testing.T) {
	machines := hundred(t)
	if err := readAll(t.Context(), machines, 16); err != nil {
		t.Fatal(err)
	}
	quiet := runtime.NumGoroutine()
	stop, most := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for {
			n = max(n, runtime.NumGoroutine())
			select {
			case <-stop:
				most <- n
				return
			default:
				runtime.Gosched()
			}
		}
	}()
	for range 3 {
		if err := readAll(t.Context(), machines, 16); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	// The asking goroutine and go-ipmi's reading one for each question, the simulated BMC's one for each datagram, and
	// as much again for those that are just ending.
	if n := <-most; n-quiet > 16*6 {
		t.Errorf("%d goroutines while sixteen questions were under way, %d before", n, quiet)
	}
}
