package praweb_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
	for _, m := range pratest.Markups() {
		t.Run(string(m), func(t *testing.T) {
			site := pratest.Pair()
			site.Markup = m
			site.Switches.Dialogs = map[string]string{beyondtrust.ButtonSyncNow: "Start a data-sync?"}
			d := drive(t, site, &site.A, func(o *praweb.Options) {
				o.Labels = []byte(`{"labels": {"failover.sync now": {"ask": {"type": "confirm", "text": ["Start a data-sync?"]}}}}`)
			})
			if err := d.Pages().Failover.SyncNow(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := len(pressed(site)); n != 1 {
				t.Errorf("%d presses, want one", n)
			}
		})
	}
}
