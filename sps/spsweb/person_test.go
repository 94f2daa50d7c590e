package spsweb_test

import (
	"bytes"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/internal/browser"
	"github.com/changeover-sdk/changeover/internal/browser/axtree"
	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
)

// What a person does on the page of firmwares, and no driver: an image is uploaded, tested and deleted, an export is encrypted. The page works in every sort of
// markup, says what was done and why something was not, and takes an image of any size.
func TestPeerSoakPerson(t *testing.T) {
	browsertest.Need(t)
	size := int64(8 << 20)
	if os.Getenv("CHANGEOVER_SOAK") != "" {
		size = 1 << 30
	}
	for _, l := range looks() {
		t.Run(l.String(), func(t *testing.T) {
			n := l.on(&spstest.Node{Scale: 0.001})
			addr, err := n.Start()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(n.Close)
			p := person(t, n, addr)
			ctx := t.Context()
			at := func(kind axtree.Kind, label string, within ...string) axtree.Query {
				q := axtree.Query{Kind: kind, Label: axtree.Label{label}}
				for _, w := range within {
					q.Within = append(q.Within, axtree.Label{w, w + " LTS"})
				}
				return q
			}
			sent, err := p.Attach(ctx, at(axtree.File, "Browse", "Firmwares"), spstest.Image("7.0.2.1", size), spstest.ImageName("7.0.2.1"))
			if err != nil {
				t.Fatal(err)
			}
			press := func(q axtree.Query) (*axtree.Snapshot, error) {
				return p.Press(ctx, q, browser.Proof{Answer: true, Limit: time.Minute})
			}
			if _, err := press(at(axtree.Button, sps.ButtonUpload)); err != nil {
				t.Fatal(err)
			}
			uploads := n.Record().Of(spstest.Upload)
			if len(uploads) != 1 || sent.Size != size || !strings.Contains(uploads[0].Detail, "7.0.2.1") {
				t.Errorf("%d bytes were sent, record: %v", sent.Size, uploads)
			}
			if _, err := press(at(axtree.Button, sps.ButtonTest, "Firmwares", "7.0.2.1")); err != nil {
				t.Fatal(err)
			}
			for label, want := range map[string]string{"Test result": "ok", "Current": "no"} {
				if got, err := p.Value(ctx, axtree.Label{label}, axtree.Label{"Firmwares"}, axtree.Label{"7.0.2.1", "7.0.2.1 LTS"}); err != nil || got != want {
					t.Errorf("%s: %q, %v; want %q", label, got, err, want)
				}
			}
			if _, err := press(at(axtree.Button, "Delete", "Firmwares", "7.0.2")); err == nil || !strings.Contains(err.Error(), "refused") {
				t.Errorf("the firmware in use was deleted: %v", err)
			}
			if s, err := p.Goto(ctx, "/", axtree.Label{"Basic Settings > System"}); err != nil || len(s.Texts()) > 0 {
				t.Errorf("what was said is said again: %v", err)
			}
			s, err := press(at(axtree.Button, "Delete", "Firmwares", "7.0.2.1"))
			if err != nil {
				t.Fatal(err)
			}
			if texts := strings.Join(s.Texts(), " "); len(n.Record().Of(spstest.DeleteSlot)) != 1 || !strings.Contains(texts, "Delete: done.") {
				t.Errorf("the page says %q, record:\n%v", texts, n.Record())
			}
			if err := p.Choose(ctx, at(axtree.Field, "Encryption", "Export configuration"), axtree.Label{"Encrypt with password"}); err != nil {
				t.Fatal(err)
			}
			if err := p.SetSecret(ctx, at(axtree.Field, "Encryption password", "Export configuration"), "secret"); err != nil {
				t.Fatal(err)
			}
			var file bytes.Buffer
			if got, err := p.Save(ctx, at(axtree.Button, "Export", "Export configuration"), nil, &file); err != nil || !strings.HasSuffix(got.Name, "config-encrypted") || file.Len() == 0 {
				t.Errorf("the export is %q of %d bytes, %v", got.Name, file.Len(), err)
			}
		})
	}
}

// person signs in to a node and is on the page System.
func person(t *testing.T, n *spstest.Node, addr string) *browser.Page {
	t.Helper()
	at, err := url.Parse(addr)
	if err != nil {
		t.Fatal(err)
	}
	b, err := browser.Start(t.Context(), browser.Config{Site: &url.URL{Scheme: "https", Host: "sps1.example.test"}, Dial: at.Host, CA: n.CA(), Patience: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	p, err := b.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Goto(t.Context(), "/", nil); err != nil {
		t.Fatal(err)
	}
	user, password := n.Login()
	if err := p.SignIn(t.Context(), axtree.Label{"Username"}, axtree.Label{"Password"}, axtree.Label{"Login"}, user, password); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Goto(t.Context(), "/", axtree.Label{"Basic Settings > System"}); err != nil {
		t.Fatal(err)
	}
	return p
}
