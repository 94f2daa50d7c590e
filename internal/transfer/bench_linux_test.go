package transfer_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/changeover-sdk/changeover/internal/transfer"
)

// Benchmarks here compare pairs: the peer and we alternate on the same server in the same run, each transfer in a process of its own. Every iteration is one pair, and there
// are at least seven, whatever -benchtime says. What is reported is the median of the paired ratios with the least and the greatest, and the median of the processor time; a
// median below its gate fails. The source lies in memory; downloads go to the disk of the temporary folder. As root, all of it happens in a network of its own, whose
// loopback does not pace (see unpaced); otherwise pacing is in, for both.

const benchSize = 1 << 30

// child is the environment variable that makes this program one transfer.
const child = "CHANGEOVER_TRANSFER_CHILD"

func TestMain(m *testing.M) {
	if what := os.Getenv(child); what != "" {
		if err := transferOnce(what, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		// Its own high water: what wait4 says of a child begins with that of the process it was forked from.
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Stdout.Write(status)
		return
	}
	os.Exit(m.Run())
}

// transferOnce does one transfer: address, CA file, local file.
func transferOnce(what string, args []string) error {
	raw, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(raw)
	c := transfer.New(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}})
	u, err := url.Parse(args[0])
	if err != nil {
		return err
	}
	if what == "download" {
		_, err := c.Download(context.Background(), transfer.Download{URL: u, To: args[2]})
		return err
	}
	f, err := os.Open(args[2])
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	up := transfer.Upload{Method: "PUT", URL: u, Header: http.Header{}, Source: transfer.File(f, st.Size())}
	up.Source.Unhashed = what != "hash"
	if what == "multipart" {
		var kind string
		up.Method = "POST"
		up.Source, kind = transfer.Multipart(up.Source, "firmware", "image.iso")
		up.Header.Set("Content-Type", kind)
	}
	sent, err := c.Upload(context.Background(), up)
	if err == nil && (!sent.Whole || sent.Status != 200) {
		err = fmt.Errorf("status %d", sent.Status)
	}
	return err
}

// cost is what one command, or several after another, took.
type cost struct {
	wall, cpu time.Duration
	peak      int64 // KiB of memory, of a child of our own
}

func (c *cost) run(b testing.TB, env string, name string, args ...string) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), name, args...)
	if env != "" {
		cmd.Env = append(os.Environ(), child+"="+env)
	}
	began := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("%s: %v: %s", name, err, out)
	}
	c.wall += time.Since(began)
	c.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if _, line, ok := strings.Cut(string(out), "VmHWM:"); ok {
		fmt.Sscan(line, &c.peak)
	}
}

func benchPeer(b *testing.B, name string) string {
	b.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			b.Fatalf("peer: %s is not installed: apt-get install %s", name, name)
		}
		b.Skipf("peer: %s is not installed: apt-get install %s", name, name)
	}
	return path
}

// unpaced moves the calling goroutine, and what it listens on and starts from now on, into a network of its own, whose loopback has cubic as its congestion control: a machine's
// default may be bbr, which paces loopback down to a fraction of what both sides can do.
func unpaced(b *testing.B) {
	b.Helper()
	const route = "route replace local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1 congctl cubic"
	runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		b.Logf("pacing is in: no network of its own: %v", err)
		return
	}
	for _, args := range []string{"link set lo up", route, strings.Replace(route, "127.0.0.0/8", "127.0.0.1", 1)} {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			b.Fatalf("ip %s: %v: %s", args, err, out)
		}
	}
}

// bench is a server, its CA as a file, and a source in memory.
type bench struct{ url, ca, src string }

func newBench(b *testing.B, size int64) bench {
	b.Helper()
	unpaced(b)
	dir := b.TempDir()
	mem := dir
	if d, err := os.MkdirTemp("/dev/shm", "transfer"); err == nil {
		mem = d
		b.Cleanup(func() { os.RemoveAll(d) })
	} else {
		b.Logf("the source is on the disk: %v", err)
	}
	src := filepath.Join(mem, "image.iso")
	f, err := os.Create(src)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if size > benchSize {
		err = f.Truncate(size) // holes: memory does not care for what is sent
	} else {
		_, err = io.CopyN(f, rand.NewChaCha8([32]byte{1}), size)
	}
	if err != nil {
		b.Fatal(err)
	}
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Header().Set("ETag", `"v1"`)
			http.ServeFile(w, r, src)
			return
		}
		io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r.Body}, make([]byte, 256<<10))
	}))
	b.Cleanup(s.Close)
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		b.Fatal(err)
	}
	return bench{s.URL + "/image.iso", ca, src}
}

// pairs runs peer and ours alternately, the first of the two changing, and holds the medians against the gates. No gate for processor time: 0.
func pairs(b *testing.B, gate, cpuGate float64, size int64, peer, ours func(c *cost)) {
	var ratio, cpu, theirs, mine []float64
	one := func() {
		var p, o cost
		if len(ratio)%2 == 0 {
			peer(&p)
			ours(&o)
		} else {
			ours(&o)
			peer(&p)
		}
		ratio = append(ratio, p.wall.Seconds()/o.wall.Seconds())
		cpu = append(cpu, o.cpu.Seconds()/p.cpu.Seconds())
		gb := float64(size) / 1e9
		theirs, mine = append(theirs, gb/p.wall.Seconds()), append(mine, gb/o.wall.Seconds())
	}
	for b.Loop() {
		one()
	}
	for len(ratio) < 7 {
		one()
	}
	median := func(x []float64) float64 { slices.Sort(x); return x[len(x)/2] }
	b.ReportMetric(0, "ns/op") // of pairs: says nothing
	b.ReportMetric(median(ratio), "x-peer")
	b.ReportMetric(ratio[0], "min-x")
	b.ReportMetric(ratio[len(ratio)-1], "max-x")
	b.ReportMetric(median(cpu), "cpu-x")
	b.ReportMetric(median(theirs), "peer-GB/s")
	b.ReportMetric(median(mine), "our-GB/s")
	b.Logf("speed %.2fx (%.2f-%.2f), processor time %.2fx; %.2f GB/s against %.2f", median(ratio), ratio[0], ratio[len(ratio)-1], median(cpu), median(mine), median(theirs))
	if median(ratio) < gate {
		b.Errorf("median %.2fx of the peer's speed, the gate is %.2fx", median(ratio), gate)
	}
	if cpuGate > 0 && median(cpu) > cpuGate {
		b.Errorf("median %.2fx of the peer's processor time, the gate is %.2fx", median(cpu), cpuGate)
	}
}

func BenchmarkRatioUploadRaw(b *testing.B) {
	curl, x := benchPeer(b, "curl"), newBench(b, benchSize)
	pairs(b, 0.95, 1.0, benchSize, func(c *cost) {
		c.run(b, "", curl, "-sSf", "--http1.1", "--cacert", x.ca, "-T", x.src, x.url)
	}, func(c *cost) { c.run(b, "raw", os.Args[0], x.url, x.ca, x.src) })
}

func BenchmarkRatioUploadMultipart(b *testing.B) {
	curl, x := benchPeer(b, "curl"), newBench(b, benchSize)
	pairs(b, 0.95, 1.0, benchSize, func(c *cost) {
		c.run(b, "", curl, "-sSf", "--http1.1", "--cacert", x.ca, "-F", "firmware=@"+x.src, x.url)
	}, func(c *cost) { c.run(b, "multipart", os.Args[0], x.url, x.ca, x.src) })
}

func BenchmarkRatioHashAndUpload(b *testing.B) {
	curl, openssl, x := benchPeer(b, "curl"), benchPeer(b, "openssl"), newBench(b, benchSize)
	pairs(b, 1.15, 0, benchSize, func(c *cost) {
		c.run(b, "", openssl, "dgst", "-sha256", x.src)
		c.run(b, "", curl, "-sSf", "--http1.1", "--cacert", x.ca, "-T", x.src, x.url)
	}, func(c *cost) { c.run(b, "hash", os.Args[0], x.url, x.ca, x.src) })
}

func BenchmarkRatioDownload(b *testing.B) {
	curl, openssl, x := benchPeer(b, "curl"), benchPeer(b, "openssl"), newBench(b, benchSize)
	to := filepath.Join(b.TempDir(), "backup")
	gone := func() {
		if err := os.Remove(to); err != nil {
			b.Fatal(err)
		}
	}
	pairs(b, 1.1, 0, benchSize, func(c *cost) {
		c.run(b, "", curl, "-sSf", "--http1.1", "--cacert", x.ca, "-o", to, x.url)
		c.run(b, "", "sync", to)
		c.run(b, "", openssl, "dgst", "-sha256", to)
		gone()
	}, func(c *cost) {
		c.run(b, "download", os.Args[0], x.url, x.ca, to)
		gone()
	})
}

// BenchmarkMemory is the growth of a whole process over one that moves nothing to speak of.
func BenchmarkMemory(b *testing.B) {
	const gate = 24 << 10 // KiB
	grown := map[string]int64{}
	for _, what := range []string{"hash", "download"} {
		peak := func(size int64) int64 {
			x := newBench(b, size)
			local := x.src
			if what == "download" {
				local = filepath.Join(b.TempDir(), "backup")
				defer os.Remove(local)
			}
			var c cost
			c.run(b, what, os.Args[0], x.url, x.ca, local)
			os.Remove(x.src)
			if c.peak == 0 {
				b.Fatal("the kernel does not say how much memory was used")
			}
			return c.peak
		}
		base := peak(1)
		for name, size := range map[string]int64{"64MiB": 64 << 20, "4GiB": 4 << 30} {
			grown[what+"-"+name] = peak(size) - base
		}
	}
	for range b.N { // once is enough: a peak is a peak
	}
	b.ReportMetric(0, "ns/op")
	for name, kib := range grown {
		b.ReportMetric(float64(kib)/1024, strings.ReplaceAll(name, "hash", "upload")+"-MiB")
		if kib > gate {
			b.Errorf("%s: memory grows by %d MiB, the gate is %d", name, kib>>10, gate>>10)
		}
	}
}

// BenchmarkRefused counts what of a body is sent into a refusal.
func BenchmarkRefused(b *testing.B) {
	most := 0
	for b.Loop() {
		for _, status := range []int{401, 403, 413} {
			most = max(most, bodyBytesInto(b, status))
		}
	}
	b.ReportMetric(float64(most), "body-bytes")
	if most > 0 {
		b.Errorf("%d bytes of a body were sent into a refusal, the gate is 0", most)
	}
}

// BenchmarkDownloadCut counts, over a hundred seeds, what is moved too much when connections break, in buffers of 1 MiB a cut.
func BenchmarkDownloadCut(b *testing.B) {
	worst, right := 0.0, 0
	for seed := range uint64(100) {
		excess, cuts := cutAtRandomPoints(b, seed)
		worst = max(worst, float64(excess)/float64(cuts)/(1<<20))
		right++
	}
	for range b.N { // once is enough
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(right), "right")
	b.ReportMetric(worst, "buffers/cut")
	if worst > 1 {
		b.Errorf("%.2f buffers a cut were moved again, the gate is 1", worst)
	}
}
