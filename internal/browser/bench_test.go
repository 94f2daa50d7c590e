package browser_test

import (
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/internal/browser"
	"github.com/changeover-sdk/changeover/internal/browser/axtree"
	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
)

// paired runs ours and its peer in turn, seven times each whatever -benchtime says, and reports the medians and the median of the ratios; one above the gate
// fails.
func paired(b *testing.B, gate float64, ours, peer func()) {
	b.Helper()
	const n = 7
	took := func(f func()) time.Duration {
		begin := time.Now()
		f()
		return time.Since(begin)
	}
	var mine, theirs, ratios []float64
	for range n {
		m, p := took(ours), took(peer)
		mine, theirs = append(mine, float64(m.Microseconds())/1000), append(theirs, float64(p.Microseconds())/1000)
		ratios = append(ratios, float64(m)/float64(p))
	}
	for _, list := range [][]float64{mine, theirs, ratios} {
		slices.Sort(list)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(mine[n/2], "our-ms")
	b.ReportMetric(theirs[n/2], "peer-ms")
	b.ReportMetric(ratios[n/2], "x-peer")
	if ratios[n/2] > gate {
		b.Errorf("median %.1fx of the peer, the gate is %.1fx", ratios[n/2], gate)
	}
}

// From nothing to a browser that has answered, certificate verified and pinned, and to its end with nothing left. The peer is the same browser, started as the same user by
// hand to print an empty page. The reference measured 0.1 to 0.3 s from the start of the process to its first answer.
func BenchmarkStart(b *testing.B) {
	browsertest.Need(b)
	a := browsertest.NewAppliance(b)
	cfg := browser.Config{Site: a.Site(), Dial: a.Dial(), CA: a.CA.Pool()}
	home := b.TempDir()
	var owner *syscall.Credential
	if os.Geteuid() == 0 {
		owner = &syscall.Credential{Uid: 65534, Gid: 65534}
		for dir := home; strings.HasPrefix(dir, os.TempDir()+"/"); dir = dir[:strings.LastIndex(dir, "/")] {
			if err := os.Chmod(dir, 0o777); err != nil {
				b.Fatal(err)
			}
		}
	}
	paired(b, 4, func() {
		br, err := browser.Start(b.Context(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		if err := br.Close(); err != nil {
			b.Fatal(err)
		}
	}, func() {
		cmd := exec.Command("/usr/lib/chromium/chromium-headless-shell", "--headless", "--disable-gpu", "--user-data-dir="+home+"/profile", "--dump-dom", "about:blank")
		cmd.Dir, cmd.Env, cmd.SysProcAttr = home, []string{"HOME=" + home, "PATH=/usr/bin:/bin"}, &syscall.SysProcAttr{Credential: owner}
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	})
}

// A press with its proof: found twice, steady, hit, pressed, answered by a redirect, and the page proven to be there. The peer is what a press is mostly made of: the
// same page loaded and looked at. The reference measured 86 to 113 ms.
func BenchmarkPress(b *testing.B) {
	a := browsertest.NewAppliance(b)
	a.Page("/page", page(button("activate", "Activate Slave")))
	a.Handle("/press/activate", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/page", http.StatusSeeOther) })
	p := open(b, start(b, a, nil), "/page")
	paired(b, 5, func() {
		if _, err := p.Press(b.Context(), axtree.Query{Label: axtree.Label{"Activate Slave"}}, browser.Proof{Answer: true}); err != nil {
			b.Fatal(err)
		}
	}, func() {
		if _, err := p.Goto(b.Context(), "/page", heading); err != nil {
			b.Fatal(err)
		}
	})
}
