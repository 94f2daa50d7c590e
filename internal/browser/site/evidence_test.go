package site_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/internal/browser"
	"github.com/changeover-sdk/changeover/internal/browser/site"
	"github.com/changeover-sdk/changeover/internal/rest"
)

type stepKey struct{}

// Each press is preceded and followed by Evidence, a failure leaves one; it comes with the values of the caller's context, also when that has ended, and
// what is secret is in none of it.
func TestPeerEvidence(t *testing.T) {
	const password = "canary-password-17"
	d := newDoor(t)
	d.in = true
	d.Handle("/home", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!DOCTYPE html><h1>Home page</h1><h2>For %s</h2><form method="post" action="/press/go"><input aria-label="Key" value="%[1]s">
			<button>Go</button><button disabled>%[1]s</button></form>`, password)
	})
	var got []browser.Evidence
	var steps []any
	s := d.recorded(t, password, func(ctx context.Context, e browser.Evidence) {
		got, steps = append(got, e), append(steps, ctx.Value(stepKey{}))
		if ctx.Err() != nil {
			t.Errorf("%s came with a context that has ended", e.Name)
		}
	})
	ctx := context.WithValue(t.Context(), stepKey{}, "activate slave")
	if err := press(ctx, s); err != nil {
		t.Fatal(err)
	}
	d.Handle("/home", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!DOCTYPE html><h1>Home page</h1><script>alert("expired, `+password+`")</script>`)
	})
	ended, cancel := context.WithCancel(ctx)
	d.Handle("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!DOCTYPE html><h1>Start</h1><a href="/home">Home</a>`)
	})
	if err := press(ended, s); err == nil {
		t.Error("a page with an alert was pressed on")
	}
	cancel()
	_ = press(ended, s)

	var names []string
	for i, e := range got {
		names = append(names, e.Name)
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), password) {
			t.Errorf("%s: the password is in %s", e.Name, raw)
		}
		if steps[i] != "activate slave" {
			t.Errorf("%s came with the context of step %v", e.Name, steps[i])
		}
		if len(e.PNG) > 0 {
			if _, err := png.Decode(bytes.NewReader(e.PNG)); err != nil {
				t.Errorf("%s: %v", e.Name, err)
			}
		} else if e.NoPicture == "" {
			t.Errorf("%s has no picture, and no word why", e.Name)
		}
	}
	if want := []string{"001 home.go before", "002 home.go after", "003 home failure"}; !slices.Equal(names[:min(3, len(names))], want) {
		t.Fatalf("Evidence %q, want %q first", names, want)
	}
	before := got[0]
	want := browser.Evidence{
		Name: "001 home.go before", Moment: browser.Before, At: before.At, Site: d.Site().Host, Page: "home", Label: "home.go", Address: d.Site().JoinPath("home").String(),
		Headings: []string{"Home page", "(secret)"}, Remote: d.Dial(), Certificate: rest.Fingerprint(d.Leaf().Leaf), PNG: before.PNG,
		Controls: []browser.Control{{Kind: "field", Label: "Key"}, {Kind: "button", Label: "Go"}, {Kind: "button", Label: "(secret)", Disabled: true}},
	}
	if diff := cmp.Diff(want, before); diff != "" {
		t.Errorf("before the press (-want +got):\n%s", diff)
	}
	if len(before.PNG) == 0 || before.At.Before(time.Now().Add(-time.Minute)) || before.At.After(got[1].At) {
		t.Errorf("before the press: %d bytes of picture, at %v", len(before.PNG), before.At)
	}
	failed := got[2]
	if failed.Error == "" || len(failed.Dialogs) != 1 || failed.Dialogs[0].Accepted || !strings.HasPrefix(failed.Dialogs[0].Text, "expired") {
		t.Errorf("of the failure: error %q, dialogs %+v", failed.Error, failed.Dialogs)
	}
}

func (d *door) recorded(t *testing.T, password string, evidence func(context.Context, browser.Evidence)) *site.Site {
	t.Helper()
	return d.open(t, func(cfg *browser.Config) { cfg.Secrets = func() []string { return []string{password} } }, password, evidence)
}
