package changeover_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/sps/spsweb"
	"github.com/changeover-sdk/changeover/upgrade"
)

// TestCanaryPeerBrowser is TestCanaryRun by a real browser that types the canary, on pages that show it: what the pages were like is kept beside the rest.
func TestCanaryPeerBrowser(t *testing.T) {
	browsertest.Need(t)
	n := &spstest.Node{Password: canary, Scale: 1.0 / 600, Traps: spstest.Traps{Alert: "Your password is " + canary}}
	out := &outputs{said: map[string]*bytes.Buffer{}}
	defer n.Close()
	canaryRun(t, n, out, 1.0/12, func(a upgrade.Artifacts, log *slog.Logger) sps.Pages {
		addr, err := n.Start()
		if err != nil {
			t.Fatal(err)
		}
		at, err := url.Parse(addr)
		if err != nil {
			t.Fatal(err)
		}
		d, err := spsweb.New("https://sps1.example.test", sps.Login{User: "admin", Password: canary}, &spsweb.Options{
			CA: n.CA(), Dial: at.Host, Logger: log, Patience: 5 * time.Second, Answer: 10 * time.Second,
			Evidence: func(ctx context.Context, e spsweb.Evidence) {
				if err := upgrade.KeepPage(ctx, a, e.What(), e.PNG, e); err != nil {
					t.Error(err)
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
		return d.Pages()
	})
	out.check(t)
	if !strings.Contains(out.to("report").String(), "Pages as they were seen") {
		t.Errorf("no page was kept:\n%s", out.to("report"))
	}
	if !strings.Contains(out.to("files").String(), "REDACTED") {
		t.Error("no kept page showed the canary: it is not looked for there")
	}
}
