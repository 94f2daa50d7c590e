package changeover_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/sps/spsweb"
)

// TestCanaryPeerPages drives the pages of a node whose password is the canary, and which repeats it where it may, and searches everything that a driver says.
// What a browser writes on disk is searched by TestCanaryPeerProfile of package internal/browser.
func TestCanaryPeerPages(t *testing.T) {
	browsertest.Need(t)
	n := &spstest.Node{Password: canary, Stored: []string{"7.0.2.1"}}
	addr, err := n.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	at, err := url.Parse(addr)
	if err != nil {
		t.Fatal(err)
	}
	out := &outputs{said: map[string]*bytes.Buffer{}}
	opts := &spsweb.Options{
		CA: n.CA(), Dial: at.Host, Patience: 3 * time.Second, Answer: 3 * time.Second,
		Logger: slog.New(slog.NewTextHandler(lockedWriter{out, "log"}, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Evidence: func(_ context.Context, e spsweb.Evidence) {
			raw, err := json.Marshal(e)
			out.say("evidence", string(raw), err, string(e.PNG), e.What(), fmt.Sprintf("%+v", e.Controls))
		},
	}
	d, err := spsweb.New("https://sps1.example.test", sps.Login{User: "admin", Password: canary}, opts)
	if err != nil {
		t.Fatal(err)
	}
	report, err := d.Probe(t.Context())
	raw, merr := json.Marshal(report)
	out.say("probe", report, string(raw), errors.Join(err, merr), fmt.Sprintf("%+v", report))
	if err := d.Pages().Firmwares.AfterReboot(t.Context(), sps.MustVersion("7.0.2.1")); err != nil {
		t.Error(err)
	}
	for _, traps := range []spstest.Traps{{Alert: "Your password is " + canary}, {Heading: "Your password is " + canary}} {
		n.Change(func() { n.Traps = traps })
		err := d.Pages().System.Reboot(t.Context())
		if !errors.Is(err, sps.ErrNotPressed) {
			t.Errorf("Reboot() = %v, want that nothing was pressed", err)
		}
		out.say("errors", err, fmt.Sprintf("%+v %#v", err, err))
	}
	out.say("values", fmt.Sprintf("%+v %#v", d, d), fmt.Sprintf("%+v", d.Pages()))
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	out.check(t)
}
