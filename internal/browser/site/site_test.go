package site_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/internal/act"
	"github.com/changeover-sdk/changeover/internal/browser"
	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
	"github.com/changeover-sdk/changeover/internal/browser/site"
)

const table = `{"product": "P", "pages": {
	"sign in": {"menu": [], "heading": [], "source": "s"},
	"home": {"menu": [["Home"]], "heading": ["Home page"], "source": "s"}},
"labels": {
	"sign in.user": {"page": "sign in", "kind": "field", "text": ["User"], "source": "s"},
	"sign in.password": {"page": "sign in", "kind": "field", "text": ["Password"], "source": "s"},
	"sign in.button": {"page": "sign in", "kind": "button", "text": ["Login"], "source": "s"},
	"sign in.what's new": {"page": "sign in", "kind": "button", "text": ["Continue"], "source": "s"},
	"home.go": {"page": "home", "kind": "button", "text": ["Go"], "source": "s"}}}`

// door is an appliance that wants a sign-in.
type door struct {
	*browsertest.Appliance
	in     bool   // who is there is signed in
	then   string // a page that comes after the sign-in, before all others
	signed int
}

func newDoor(t *testing.T) *door {
	d := &door{Appliance: browsertest.NewAppliance(t)}
	html := func(w http.ResponseWriter, body string) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!DOCTYPE html><body>"+body)
	}
	page := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			switch {
			case !d.in:
				html(w, `<h1>Welcome</h1><form method="post" action="/in"><label>User <input name="u"></label><label>Password <input name="p" type="password"></label><button>Login</button></form>`)
			case d.then != "":
				html(w, d.then)
			default:
				html(w, body)
			}
		}
	}
	d.Handle("/", page(`<h1>Start</h1><a href="/home">Home</a>`))
	d.Handle("/home", page(`<h1>Home page</h1><form method="post" action="/press/go"><button>Go</button></form>`))
	d.Handle("/done", page(`<h1>Home page</h1>`))
	d.Handle("/in", func(w http.ResponseWriter, r *http.Request) {
		d.signed++
		d.in = r.FormValue("p") == "right"
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	d.Handle("/continue", func(w http.ResponseWriter, r *http.Request) {
		d.then = ""
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	return d
}

func (d *door) site(t *testing.T, password string) *site.Site {
	t.Helper()
	return d.open(t, func(*browser.Config) {}, password, nil)
}

func (d *door) open(t *testing.T, edit func(*browser.Config), password string, evidence func(context.Context, browser.Evidence)) *site.Site {
	t.Helper()
	browsertest.Need(t)
	parsed, err := site.Parse([]byte(table))
	if err != nil {
		t.Fatal(err)
	}
	cfg := browser.Config{Site: d.Site(), Dial: d.Dial(), CA: d.CA.Pool(), Patience: 2 * time.Second, Answer: 3 * time.Second}
	edit(&cfg)
	s := site.New(cfg, parsed, func(string) (string, string, error) { return "admin", password, nil }, evidence)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func press(ctx context.Context, s *site.Site) error {
	return s.Visit(ctx, "home", func(v *site.Visit) error { return v.Press("home.go", nil) })
}

// What happens between two steps is put right before the next one; what happens in a step fails it.
func TestPeerSession(t *testing.T) {
	d := newDoor(t)
	s := d.site(t, "right")
	for _, between := range []struct {
		what string
		do   func()
	}{
		{"first", func() {}},
		{"again", func() {}},
		{"the session has ended", func() { d.in = false }},
		{"an update has brought news", func() {
			d.then = `<h1>What's New</h1><form method="post" action="/continue"><button>Continue</button></form>`
		}},
		{"the certificate was renewed", func() { from, to := browsertest.Now(); d.Show(d.CA.Leaf(t, browsertest.Host, from, to)) }},
	} {
		between.do()
		if err := press(t.Context(), s); err != nil {
			t.Errorf("%s: %v", between.what, err)
		}
		if got := d.Pressed(); len(got) != 1 {
			t.Errorf("%s: pressed %q, want once", between.what, got)
		}
	}
	if d.signed > 3 { // first, after the lost session, and in the new browser
		t.Errorf("signed in %d times", d.signed)
	}
}

// What needs a person after the sign-in is said, and nothing is pressed.
func TestPeerNeedsPerson(t *testing.T) {
	for state, page := range map[string]string{
		"asks for a second factor":           `<p>Enter your authenticator code</p><label>Code <input></label><button>Verify</button>`,
		"asks to accept a licence agreement": `<h1>License Agreement</h1><p>…</p><button>Accept</button>`,
		"the password has expired":           `<p>Your password has expired.</p><label>New Password <input type="password"></label><label>Confirm Password <input type="password"></label>`,
		"unknown page":                       `<h1>Maintenance</h1>`,
	} {
		t.Run(state, func(t *testing.T) {
			d := newDoor(t)
			d.then = page
			err := press(t.Context(), d.site(t, "right"))
			e, ok := errors.AsType[*browser.Error](err)
			if !ok || !errors.Is(err, act.ErrNotPressed) || e.State != state {
				t.Errorf("Press() = %v, want state %q", err, state)
			}
			if got := d.Pressed(); len(got) > 0 {
				t.Errorf("pressed %q", got)
			}
		})
	}
}

// A sign-in that was refused is tried once, whatever is asked for.
func TestPeerRefusedOnce(t *testing.T) {
	d := newDoor(t)
	s := d.site(t, "wrong")
	for range 3 {
		if err := press(t.Context(), s); !errors.Is(err, act.ErrNotPressed) {
			t.Fatalf("Press() = %v", err)
		}
	}
	if d.signed != 1 {
		t.Errorf("signed in %d times, want once", d.signed)
	}
}

// A call that is given up says so first, and leaves a driver that can go on.
func TestPeerGivenUp(t *testing.T) {
	d := newDoor(t)
	s := d.site(t, "right")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	d.Handle("/press/go", func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	err := press(ctx, s)
	if !errors.Is(err, context.Canceled) || errors.Is(err, act.ErrNotPressed) {
		t.Errorf("Press() = %v, want the cancellation, and that it was pressed", err)
	}
	d.Handle("/press/go", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/done", http.StatusSeeOther) })
	if err := press(t.Context(), s); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
