package praweb_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/beyondtrust/praweb"
	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
)

// drive starts the appliance b of a site and a driver for it.
func drive(t testing.TB, site *pratest.Site, b *pratest.Box, edit func(*praweb.Options)) *praweb.Driver {
	t.Helper()
	browsertest.Need(t)
	addr, err := b.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(site.Close)
	u, err := url.Parse(addr)
	if err != nil {
		t.Fatal(err)
	}
	opts := &praweb.Options{Dial: u.Host, CA: site.CA(), Patience: 5 * time.Second, Answer: 10 * time.Second}
	if dir := os.Getenv("SHOTS"); dir != "" { // to look at
		opts.Evidence = func(_ context.Context, e praweb.Evidence) {
			_ = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(t.Name()+" "+e.Name+".png", "/", "-")), e.PNG, 0o600)
		}
	}
	if edit != nil {
		edit(opts)
	}
	account := praweb.Account{User: pratest.AdminUser, Password: beyondtrust.NewSecret(pratest.AdminPassword)}
	d, err := praweb.New("https://access.example.com", praweb.Accounts{Login: account, Appliance: account}, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// What is read in a browser is what the simulator tells in Go.
func TestPeerRead(t *testing.T) {
	for _, newer := range []bool{false, true} {
		t.Run(map[bool]string{false: "the guide's words", true: "newer words"}[newer], func(t *testing.T) {
			site := pratest.Pair()
			site.Traffic = pratest.BySharedIP
			site.Switches.Newer = newer
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
				near := cmpopts.EquateApproxTime(time.Minute)
				if diff := cmp.Diff(want, got, near, cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s (-in Go +by browser):\n%s", name, diff)
				}
			}
			for _, e := range site.Record() {
				if e.What == pratest.Press {
					t.Errorf("reading pressed %s", e.Detail)
				}
			}
		})
	}
}

// What is pressed in a browser is what the simulator's own driver presses.
func TestPeerPress(t *testing.T) {
	shared := netip.MustParseAddr("192.0.2.10")
	var backup, cert bytes.Buffer
	passphrase := beyondtrust.NewSecret("p")
	stories := map[string][]string{}
	act := func(t *testing.T, site *pratest.Site, p beyondtrust.Pages) {
		ctx := t.Context()
		backup.Reset()
		cert.Reset()
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
			{"restore", func() error {
				return p.Software.Restore(ctx, fstest.MapFS{"a.nsb": {Data: backup.Bytes()}}, "a.nsb", beyondtrust.Secret{})
			}},
			{"establish", func() error {
				return p.Failover.Establish(ctx, beyondtrust.Establish{Backup: beyondtrust.Endpoint{Host: "192.0.2.12"}, Primary: beyondtrust.Endpoint{Host: "192.0.2.11"}})
			}},
			{"shut down", func() error { return p.Status.ShutDown(ctx) }},
		} {
			if err := step.do(); err != nil {
				t.Logf("%s: %v", step.name, err)
			}
		}
	}
	for _, name := range []string{"in Go", "by browser"} {
		t.Run(name, func(t *testing.T) {
			site := pratest.Pair()
			site.Traffic = pratest.BySharedIP
			if name == "in Go" {
				t.Cleanup(site.Close)
				act(t, site, site.A.Pages())
			} else {
				act(t, site, drive(t, site, &site.A, nil).Pages())
			}
			for _, e := range site.Record() {
				if e.What == pratest.Press {
					stories[name] = append(stories[name], e.Detail)
				}
			}
		})
	}
	if diff := cmp.Diff(stories["in Go"], stories["by browser"]); diff != "" {
		t.Errorf("pressed (-in Go +by browser):\n%s", diff)
	}
}

func TestCanaryPeerProbe(t *testing.T) {
	site := pratest.Pair()
	d := drive(t, site, &site.A, nil)
	r, err := d.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", r)
	if !r.OK() {
		t.Errorf("problems: %q", r.Problems())
	}
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"SIM-", pratest.AdminPassword} { // the download key is served once, so it is a secret
		if strings.Contains(string(raw)+r.String(), secret) {
			t.Errorf("%q is in the report", secret)
		}
	}
}

// What is not certain is not pressed.
func TestPeerNotPressed(t *testing.T) {
	site := pratest.Single()
	site.Switches.Dialogs = map[string]string{beyondtrust.ButtonCheckForUpdates: "Ask the vendor now?"}
	d := drive(t, site, &site.A, func(o *praweb.Options) { o.Patience = time.Second })
	p := d.Pages()
	for name, act := range map[string]func() error{
		"no relationship": func() error { return p.Failover.Break(t.Context()) },
		"no such package": func() error { return p.Updates.Install(t.Context(), "Base Software 99") },
		"no such certificate": func() error {
			return p.Certificates.AssignIP(t.Context(), beyondtrust.Certificate{IssuedTo: "x"}, netip.Addr{})
		},
		"no agreement":                func() error { return p.Updates.AcceptEULA(t.Context(), "some text") },
		"a role that is none":         func() error { return p.Failover.Become(t.Context(), "king", beyondtrust.BecomeOptions{}) },
		"no such address":             func() error { return p.Network.SetEnabled(t.Context(), netip.MustParseAddr("192.0.2.99"), true) },
		"a data-sync that is not one": func() error { return p.Failover.SyncNow(t.Context()) },
	} {
		if err := act(); !errors.Is(err, beyondtrust.ErrNotPressed) {
			t.Errorf("%s: %v, want that nothing was pressed", name, err)
		}
	}
	if err := p.Updates.Check(t.Context()); err == nil || errors.Is(err, beyondtrust.ErrNotPressed) || !strings.Contains(err.Error(), "Ask the vendor now?") {
		t.Errorf("Check() = %v, want the question in it, and that the button was pressed", err)
	}
	for _, e := range site.Record() {
		if e.What == pratest.Press {
			t.Errorf("pressed %s", e.Detail)
		}
	}
}

// A question that the table announces is answered with yes.
func TestPeerQuestion(t *testing.T) {
	site := pratest.Pair()
	site.Switches.Dialogs = map[string]string{beyondtrust.ButtonSyncNow: "Start a data-sync?"}
	d := drive(t, site, &site.A, func(o *praweb.Options) {
		o.Labels = []byte(`{"labels": {"failover.sync now": {"ask": {"type": "confirm", "text": ["Start a data-sync?"]}}}}`)
	})
	if err := d.Pages().Failover.SyncNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	presses := 0
	for _, e := range site.Record() {
		if e.What == pratest.Press {
			presses++
		}
	}
	if presses != 1 {
		t.Errorf("%d presses, want one", presses)
	}
}
