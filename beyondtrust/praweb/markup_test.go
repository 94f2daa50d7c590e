package praweb_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

// look is how the pages are made for a browser.
type look struct {
	markup        pratest.Markup
	frames, newer bool
}

func (l look) String() string {
	words := map[bool]string{false: "the guide's words", true: "newer words"}
	return fmt.Sprintf("%s, %s%s", l.markup, words[l.newer], map[bool]string{true: ", in frames"}[l.frames])
}

func (l look) on(site *pratest.Site) *pratest.Site {
	site.Markup, site.Switches.Frames, site.Switches.Newer = l.markup, l.frames, l.newer
	return site
}

// looks are a sample in which everything comes at least once, or all there are in a long run.
func looks() (list []look) {
	if os.Getenv("CHANGEOVER_SOAK") == "" {
		return []look{{pratest.MarkupClassic, false, false}, {pratest.MarkupScript, false, true}, {pratest.MarkupTables, true, false}}
	}
	for _, m := range pratest.Markups() {
		for _, frames := range []bool{false, true} {
			for _, newer := range []bool{false, true} {
				list = append(list, look{m, frames, newer})
			}
		}
	}
	return list
}

// What is read in a browser is what the simulator tells in Go, however the pages are made.
func TestPeerSoakRead(t *testing.T) {
	for _, l := range looks() {
		t.Run(l.String(), func(t *testing.T) {
			site := l.on(pratest.Pair())
			site.Traffic = pratest.BySharedIP
			d := drive(t, site, &site.A, nil)
			byBrowser, inGo := d.Pages(), site.A.Pages()
			nonce := bytes.Repeat([]byte{7}, 16)
			for name, read := range map[string]func(ctx context.Context, p beyondtrust.Pages) (any, error){
				"failover":     func(ctx context.Context, p beyondtrust.Pages) (any, error) { return p.Failover.Failover(ctx) },
				"updates":      func(ctx context.Context, p beyondtrust.Pages) (any, error) { return p.Updates.Updates(ctx) },
				"installed":    func(ctx context.Context, p beyondtrust.Pages) (any, error) { return p.Updates.Installed(ctx) },
				"addresses":    func(ctx context.Context, p beyondtrust.Pages) (any, error) { return p.Network.IPs(ctx) },
				"jump clients": func(ctx context.Context, p beyondtrust.Pages) (any, error) { return p.JumpClients.Settings(ctx) },
				"certificates": func(ctx context.Context, p beyondtrust.Pages) (any, error) { return p.Certificates.Certificates(ctx) },
				"version":      func(ctx context.Context, p beyondtrust.Pages) (any, error) { return p.Software.Version(ctx) },
				"basics":       func(ctx context.Context, p beyondtrust.Pages) (any, error) { return p.Status.Basics(ctx) },
				"health":       func(ctx context.Context, p beyondtrust.Pages) (any, error) { return p.Status.Health(ctx) },
				"key":          func(ctx context.Context, p beyondtrust.Pages) (any, error) { return p.Security.KeyProof(ctx, nonce) },
			} {
				want, err := read(t.Context(), inGo)
				if err != nil {
					t.Fatalf("%s in Go: %v", name, err)
				}
				got, err := read(t.Context(), byBrowser)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				// A style may write its labels in capitals.
				label := cmp.Transformer("label", func(r beyondtrust.Reading) [2]string { return [2]string{strings.ToLower(r.Label), r.Text} })
				opts := cmp.Options{cmpopts.EquateApproxTime(time.Minute), cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty(), label}
				got = withoutHints(want, got)
				if diff := cmp.Diff(want, got, opts); diff != "" {
					t.Errorf("%s (-in Go +by browser):\n%s", name, diff)
				}
			}
			if presses := pressed(site); len(presses) > 0 {
				t.Errorf("reading pressed %q", presses)
			}
		})
	}
}

// withoutHints takes from the texts that were read what a style says besides the page's own: all of that must be there.
func withoutHints(want, got any) any {
	switch w := want.(type) {
	case beyondtrust.UpdateStatus:
		if g := got.(beyondtrust.UpdateStatus); strings.Contains(g.Text, w.Text) {
			g.Text = w.Text
			return g
		}
	case beyondtrust.FailoverStatus:
		if g := got.(beyondtrust.FailoverStatus); strings.Contains(g.Text, w.Text) {
			g.Text = w.Text
			return g
		}
	}
	return got
}

func pressed(site *pratest.Site) (list []string) {
	for _, e := range site.Record() {
		if e.What == pratest.Press {
			list = append(list, e.Detail)
		}
	}
	return list
}

// What is pressed in a browser is what the simulator's own driver presses, however the pages are made.
func TestPeerSoakPress(t *testing.T) {
	for _, l := range looks() {
		t.Run(l.String(), func(t *testing.T) {
			inGo, inBrowser := l.on(pratest.Pair()), l.on(pratest.Pair())
			for _, site := range []*pratest.Site{inGo, inBrowser} {
				site.Traffic, site.Scale = pratest.BySharedIP, 0.01
			}
			t.Cleanup(inGo.Close)
			failed := [2][]string{story(t, inGo, inGo.A.Pages()), story(t, inBrowser, drive(t, inBrowser, &inBrowser.A, nil).Pages())}
			if diff := cmp.Diff(pressed(inGo), pressed(inBrowser)); diff != "" {
				t.Errorf("pressed (-in Go +by browser):\n%s", diff)
			}
			if len(failed[0]) > 0 || len(pressed(inGo)) < 11 {
				t.Errorf("%q failed in Go, pressed were %q: the story is not what it should be", failed[0], pressed(inGo))
			}
			t.Logf("by browser this left doubts: %q", failed[1])
		})
	}
}

// story presses most of what there is, and returns what failed.
func story(t *testing.T, site *pratest.Site, p beyondtrust.Pages) (failed []string) {
	shared := netip.MustParseAddr("192.0.2.10")
	var backup, cert bytes.Buffer
	passphrase := beyondtrust.NewSecret("p")
	ctx := t.Context()
	one := beyondtrust.Certificate{IssuedTo: "access.example.com"}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"download backup", func() error {
			return p.Software.DownloadBackup(ctx, &backup, beyondtrust.BackupPageOptions{LogHistory: true})
		}},
		{"set jump clients", func() error {
			return p.JumpClients.Set(ctx, beyondtrust.JumpClientSettings{MaxConcurrent: 5, AutomaticUpgrades: beyondtrust.UpgradesDisabled})
		}},
		{"become backup", func() error {
			return p.Failover.Become(ctx, beyondtrust.RoleBackup, beyondtrust.BecomeOptions{Force: true})
		}},
		{"break", func() error { return p.Failover.Break(ctx) }},
		{"export", func() error { return p.Certificates.Export(ctx, one, passphrase, &cert) }},
		{"import", func() error {
			return p.Certificates.Import(ctx, fstest.MapFS{"cert.pem": {Data: cert.Bytes()}}, "cert.pem", passphrase)
		}},
		{"disable the shared address", func() error { return p.Network.SetEnabled(ctx, shared, false) }},
		{"check for updates", func() error { return p.Updates.Check(ctx) }},
		{"establish", func() error {
			return p.Failover.Establish(ctx, beyondtrust.Establish{Backup: beyondtrust.Endpoint{Host: "192.0.2.12"}, Primary: beyondtrust.Endpoint{Host: "192.0.2.11"}})
		}},
		{"restore", func() error {
			return p.Software.Restore(ctx, fstest.MapFS{"a.nsb": {Data: backup.Bytes()}}, "a.nsb", beyondtrust.Secret{})
		}},
		{"shut down", func() error { return p.Status.ShutDown(ctx) }},
	} {
		for deadline := time.Now().Add(20 * time.Second); !site.A.Up() && time.Now().Before(deadline); { // after a restore
			time.Sleep(time.Millisecond)
		}
		if err := step.do(); err != nil {
			t.Logf("%s: %v", step.name, err)
			failed = append(failed, step.name)
		}
	}
	return failed
}
