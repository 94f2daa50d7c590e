package spsweb_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/sps/spsweb"
)

// drive starts a node and a driver for it.
func drive(t testing.TB, n *spstest.Node, edit func(*spsweb.Options)) *spsweb.Driver {
	t.Helper()
	browsertest.Need(t)
	addr, err := n.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return driver(t, "https://"+name(n), addr, n, edit)
}

func name(n *spstest.Node) string {
	if n.Name == "" {
		return "sps1.example.test"
	}
	return n.Name + ".example.test"
}

func driver(t testing.TB, site, addr string, n *spstest.Node, edit func(*spsweb.Options)) *spsweb.Driver {
	t.Helper()
	u, err := url.Parse(addr)
	if err != nil {
		t.Fatal(err)
	}
	opts := &spsweb.Options{Dial: u.Host, CA: n.CA(), Patience: 5 * time.Second, Answer: 10 * time.Second}
	if dir := os.Getenv("SHOTS"); dir != "" { // to look at
		opts.Evidence = func(_ context.Context, e spsweb.Evidence) {
			_ = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(t.Name()+" "+e.Name+".png", "/", "-")), e.PNG, 0o600)
		}
	}
	if edit != nil {
		edit(opts)
	}
	user, password := n.Login()
	d, err := spsweb.New(site, sps.Login{User: user, Password: password}, opts)
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

func wantPressed(t *testing.T, n *spstest.Node, want ...string) {
	t.Helper()
	var got []string
	for _, e := range n.Record().Of(spstest.Press) {
		got = append(got, e.Detail)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pressed (-want +got):\n%s", diff)
	}
}

func TestPeerWrongPassword(t *testing.T) {
	n := &spstest.Node{}
	d := drive(t, n, nil)
	_ = d
	browsertest.Need(t)
	u := n.URL()
	at, _ := url.Parse(u)
	wrong, err := spsweb.New("https://sps1.example.test", sps.Login{User: "admin", Password: "not the password"}, &spsweb.Options{Dial: at.Host, CA: n.CA()})
	if err != nil {
		t.Fatal(err)
	}
	defer wrong.Close()
	for range 2 {
		err := wrong.Pages().System.Reboot(t.Context())
		if !errors.Is(err, sps.ErrNotPressed) {
			t.Fatalf("Reboot() = %v, want one that nothing was pressed", err)
		}
		if strings.Contains(err.Error(), "not the password") {
			t.Errorf("the password is in %q", err)
		}
	}
	if refused := n.Record().Of(spstest.LoginRefused); len(refused) != 1 {
		t.Errorf("%d sign-ins were refused, want one: more may lock the account", len(refused))
	}
}

func TestPeerProbe(t *testing.T) {
	n := &spstest.Node{}
	shots := map[string]int{}
	d := drive(t, n, func(o *spsweb.Options) {
		o.Evidence = func(_ context.Context, e spsweb.Evidence) { shots[e.Name] = len(e.PNG) }
	})
	r, err := d.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", r)
	if !r.OK() {
		t.Errorf("problems: %v", r.Problems())
	}
	for _, p := range r.Pages {
		if shots[p.Shot] == 0 {
			t.Errorf("page %q has no screenshot", p.Page)
		}
	}
	if presses := n.Record().Of(spstest.Press); len(presses) > 0 {
		t.Errorf("a probe pressed %v", presses)
	}
}

// A person's labels replace the built-in ones without code; a label that is not there presses nothing.
func TestPeerOtherLabels(t *testing.T) {
	n := &spstest.Node{}
	var seen []string
	d := drive(t, n, func(o *spsweb.Options) {
		o.Labels = []byte(`{"labels": {"system.reboot": {"text": ["Restart appliance"]}}}`)
		o.Patience = time.Second
		o.Evidence = func(_ context.Context, e spsweb.Evidence) { seen = append(seen, e.What()) }
	})
	err := d.Pages().System.Reboot(t.Context())
	e, ok := errors.AsType[*spsweb.Error](err)
	if !ok || !errors.Is(err, sps.ErrNotPressed) || e.Label != "Restart appliance" {
		t.Errorf("Reboot() = %v, want that there is no Restart appliance", err)
	}
	if want := []string{"system.reboot before", "system failure: not found"}; !slices.Equal(seen, want) {
		t.Errorf("evidence of %q, want %q", seen, want)
	}
	wantPressed(t, n)
}

// A question that the table announces is answered; one that it does not, or of which the words differ, is not, and nothing happens.
func TestPeerQuestion(t *testing.T) {
	page := `{"labels": {"system.reboot": {"ask": {"type": "page", "text": ["Reboot this node?"], "button": ["OK"]}}}}`
	dialog := `{"labels": {"system.reboot": {"ask": {"type": "confirm", "text": ["Reboot this node?"]}}}}`
	tests := map[string]struct {
		markup       spstest.Markup
		asks, labels string
		want         bool
	}{
		"announced, on a page":   {spstest.MarkupClassic, "Reboot this node?", page, true},
		"announced":              {spstest.MarkupScript, "Reboot this node?", dialog, true},
		"announced, by a link":   {spstest.MarkupTables, "Reboot this node?", dialog, true},
		"unannounced, on a page": {spstest.MarkupClassic, "Reboot this node?", "", false},
		"unannounced":            {spstest.MarkupTables, "Reboot this node?", "", false},
		"other words, on a page": {spstest.MarkupClassic, "Erase this node?", page, false},
		"other words":            {spstest.MarkupScript, "Erase this node?", dialog, false},
		"announced, another way": {spstest.MarkupScript, "Reboot this node?", page, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			n := &spstest.Node{Markup: tt.markup, Switches: spstest.Switches{Dialogs: map[string]string{sps.ButtonReboot: tt.asks}}}
			d := drive(t, n, func(o *spsweb.Options) {
				o.Labels, o.Patience, o.Answer = []byte(tt.labels), 2*time.Second, 2*time.Second
			})
			err := d.Pages().System.Reboot(t.Context())
			if tt.want {
				if err != nil {
					t.Error(err)
				}
				wantPressed(t, n, "Basic Settings > System > System control > This node > Reboot")
				return
			}
			if err == nil || errors.Is(err, sps.ErrNotPressed) {
				t.Errorf("Reboot() = %v, want that the button was pressed and the outcome is not known", err)
			}
			wantPressed(t, n)
		})
	}
}
