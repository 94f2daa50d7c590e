package browser_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"unicode/utf16"

	"github.com/changeover-sdk/changeover/internal/browser"
	"github.com/changeover-sdk/changeover/internal/browser/axtree"
	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
)

// canaries are what must be nowhere but in the appliance, in memory and on the wire.
var canaries = map[string]string{
	"password":    "correct-horse-canary-pw",
	"cookie":      "cookie-canary-4711-abcdef",
	"token":       "script-token-canary-0815",
	"shared key":  "pre-shared-canary-key-99",
	"private key": "BEGIN-PRIVATE-CANARY-KEY",
}

// remembering gives an appliance pages that ask the browser to remember everything: a password to save, a lasting cookie, a page to cache, and a script
// that stores its token in every store there is.
func remembering(a *browsertest.Appliance) {
	a.Page("/page", `<h1>Login</h1><form method="post" action="/in"><label>User <input name="u" autocomplete="username"></label>
		<label>Password <input type="password" name="p" autocomplete="current-password"></label><button>Login</button></form>`)
	a.Handle("/in", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "s", Value: canaries["cookie"], Secure: true, HttpOnly: true, MaxAge: 1 << 20})
		http.Redirect(w, r, "/home", http.StatusSeeOther)
	})
	a.Handle("/home", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=100000")
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!DOCTYPE html><title>%[1]s</title><h1>High Availability</h1><p id="done">Hello, your password is %[1]s</p>
			<form method="post" action="/press/activate" enctype="multipart/form-data"><label>Key <input name="key" autocomplete="on"></label><label>Certificate File <input type="file" name="f"></label>
			<button>Activate Slave</button></form><script>(async () => {
				const token = %[2]q
				for (const s of [localStorage, sessionStorage]) s.setItem('token', token)
				document.cookie = 't=' + token + '; max-age=1000000; secure'
				await (await caches.open('c')).put('/home?x', new Response(token))
				const db = await new Promise((ok, no) => { const o = indexedDB.open('d'); o.onerror = no; o.onupgradeneeded = () => o.result.createObjectStore('s'); o.onsuccess = () => ok(o.result) })
				await new Promise(ok => { const t = db.transaction('s', 'readwrite'); t.objectStore('s').put(token, 'k'); t.oncomplete = ok })
				done.append(' Stored.')
			})().catch(e => done.append(' ' + e))</script>`, canaries["password"], canaries["token"])
	})
	a.Page("/done", page("<p>Done.</p>"))
}

// signedIn signs in at the pages of remembering, waits until they have stored what they want to, and fills in a key.
func signedIn(t testing.TB, b *browser.Browser) *browser.Page {
	t.Helper()
	ctx := t.Context()
	p, err := b.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Goto(ctx, "/page", nil); err != nil {
		t.Fatal(err)
	}
	if err := p.SignIn(ctx, axtree.Label{"User"}, axtree.Label{"Password"}, axtree.Label{"Login"}, "admin", canaries["password"]); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Goto(ctx, "/home", heading); err != nil {
		t.Fatal(err)
	}
	stored := fmt.Sprintf("Hello, your password is %s Stored.", canaries["password"])
	if err := p.Read(ctx, "stored", func(s *axtree.Snapshot) (string, error) {
		if !s.Says(axtree.Label{stored}) {
			return "", errors.New("the page has not stored all it wants to: " + s.Root.Text())
		}
		return "stored", nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := p.SetSecret(ctx, axtree.Query{Label: axtree.Label{"Key"}}, canaries["shared key"]); err != nil {
		t.Fatal(err)
	}
	return p
}

// searchProfile looks for the canaries, as bytes and as a database or a log would spell them, in every file below dir.
func searchProfile(t testing.TB, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // sockets, and files that come and go
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		files++
		searchText(t, path, raw)
		return nil
	})
	if err != nil || files == 0 {
		t.Errorf("searched %d files below %s: %v", files, dir, err)
	}
}

func searchText(t testing.TB, where string, raw []byte) {
	t.Helper()
	for what, canary := range canaries {
		var wide bytes.Buffer
		for _, u := range utf16.Encode([]rune(canary)) {
			wide.Write([]byte{byte(u), byte(u >> 8)})
		}
		for how, spelt := range map[string][]byte{
			"as it is": []byte(canary), "in UTF-16": wide.Bytes(), "in hex": []byte(hex.EncodeToString([]byte(canary))),
			"in base64": []byte(base64.RawStdEncoding.EncodeToString([]byte(canary))[:16]),
		} {
			if bytes.Contains(raw, spelt) {
				t.Errorf("%s holds the %s, %s", where, what, how)
			}
		}
	}
}

// A browser that signs in at pages that want everything remembered writes none of it down, and neither do errors, the log or the Evidence.
func TestCanaryPeerProfile(t *testing.T) {
	a := browsertest.NewAppliance(t)
	remembering(a)
	var log bytes.Buffer
	b := start(t, a, func(c *browser.Config) {
		c.Secrets = func() []string { return []string{canaries["password"], canaries["cookie"], canaries["token"]} }
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	p := signedIn(t, b)
	searchProfile(t, b.Dir())
	evidence := func(p *browser.Page) {
		e := p.See(t.Context())
		raw, err := json.Marshal(e)
		if err != nil || len(e.PNG) == 0 {
			t.Errorf("no evidence: %v, %s", err, e.NoPicture)
		}
		searchText(t, "the evidence", append(raw, e.PNG...))
	}
	evidence(p)
	files := fstest.MapFS{"key.pem": {Data: []byte(canaries["private key"])}}
	if _, err := p.Attach(t.Context(), axtree.Query{Label: axtree.Label{"Certificate File"}}, files, "key.pem"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Press(t.Context(), axtree.Query{Label: axtree.Label{"Activate Slave"}}, browser.Proof{Answer: true}); err != nil {
		t.Fatal(err)
	}
	if err := p.Unstage(); err != nil {
		t.Fatal(err)
	}
	evidence(p)
	searchProfile(t, b.Dir())
	ctx, cancel := context.WithCancel(t.Context())
	_, err := p.Goto(ctx, "/home", axtree.Label{"Nothing"})
	if err == nil {
		t.Fatal("a page without the heading was taken")
	}
	cancel()
	_, again := p.Press(ctx, axtree.Query{Label: axtree.Label{"Activate Slave"}}, browser.Proof{})
	if again == nil {
		t.Error("pressed with a context that has ended")
	}
	searchText(t, "an error", fmt.Appendf(nil, "%v %+v %v", err, err, again))
	if err := p.Crash(t.Context()); err == nil {
		t.Error("the page did not crash")
	}
	searchProfile(t, b.Dir())
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	searchText(t, "the log", log.Bytes())
}
