package browser_test

import (
	"crypto/x509"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/internal/browser"
	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
	"github.com/changeover-sdk/changeover/sps/spstest"
)

// fill types texts into the fields of a page, in their order, and presses what bears the label, as a person does and no driver may.
const fill = `(texts, label) => {
	const fields = [...document.querySelectorAll('input[type=text], input[type=password]')];
	texts.forEach((t, i) => { fields[i].value = t });
	[...document.querySelectorAll('button, a')].find(e => e.textContent.trim() === label).click();
}`

// A person passes what stands between the sign-in and the pages, in every sort of markup: what is wrong is refused and said, and what is right leads on.
func TestPeerGatesByPerson(t *testing.T) {
	browsertest.Need(t)
	steps := []struct {
		texts         []string
		press, brings string // the heading that comes, "" for the product's first page
		says          string
	}{
		{[]string{"admin", "wrong"}, "Login", "", "rong"},
		{[]string{"admin", "%PASSWORD%"}, "Login", "Two-factor Authentication", ""},
		{[]string{"0"}, "Continue", "Two-factor Authentication", "The code is wrong."},
		{[]string{"271828"}, "Continue", "License Agreement", ""},
		{nil, "Accept", "Change Password", ""},
		{[]string{"one", "two"}, "Change Password", "Change Password", "The passwords must be the same"},
		{[]string{"another", "another"}, "Change Password", "*", ""},
	}
	for _, m := range spstest.Markups() {
		sps := &spstest.Node{Markup: m, Switches: spstest.Switches{SecondFactor: "271828", Agreement: true, PasswordExpired: true, Frames: true}}
		pra := pratest.Single()
		pra.Markup = m
		pra.Switches.SecondFactor, pra.Switches.Agreement, pra.Switches.PasswordExpired, pra.Switches.Frames = "271828", true, true, true
		_, password := sps.Login()
		for _, tt := range []struct {
			name, host, start, password, first, signIn string
			listen                                     func() (string, error)
			ca                                         func() *x509.CertPool
			end                                        func()
		}{
			{"SPS", "sps1.example.test", "/", password, "Basic Settings > System", "Login", sps.Start, sps.CA, sps.Close},
			{"PRA", "access.example.com", "/login/", pratest.AdminPassword, "Home", "Sign in", pra.A.Start, pra.CA, pra.Close},
		} {
			t.Run(fmt.Sprintf("%s, %s", tt.name, m), func(t *testing.T) {
				addr, err := tt.listen()
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(tt.end)
				at, err := url.Parse(addr)
				if err != nil {
					t.Fatal(err)
				}
				b, err := browser.Start(t.Context(), browser.Config{Site: &url.URL{Scheme: "https", Host: tt.host}, Dial: at.Host, CA: tt.ca()})
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
				if _, err := p.Goto(t.Context(), tt.start, nil); err != nil {
					t.Fatal(err)
				}
				for _, s := range steps {
					texts := make([]any, len(s.texts))
					for i, text := range s.texts {
						if texts[i] = text; text == "%PASSWORD%" {
							texts[i] = tt.password
						}
					}
					if _, err := p.Script(t.Context(), fmt.Sprintf("(%s)(%s, %q)", fill, list(texts), s.press)); err != nil {
						t.Fatal(err)
					}
					want := s.brings
					switch want {
					case "":
						want = tt.signIn
					case "*":
						want = tt.first
					}
					if !comes(t, p, want, s.says) {
						t.Fatalf("after %s came %q, want %q and %q", s.press, said(t, p), want, s.says)
					}
				}
			})
		}
	}
}

func list(texts []any) string {
	out := "["
	for _, x := range texts {
		out += fmt.Sprintf("%q,", x)
	}
	return out + "]"
}

// said is the heading of the page, or of the frame in it, and its text.
func said(t *testing.T, p *browser.Page) string {
	t.Helper()
	out, err := p.Script(t.Context(), `(() => {
		const d = [document, ...[...document.querySelectorAll('iframe')].map(f => f.contentDocument)].find(d => d && d.querySelector('h1'));
		return d ? d.querySelector('h1').textContent + '|' + d.body.innerText : '' })()`)
	if err != nil {
		return "" // the page is just changing
	}
	text, _ := out.(string)
	return text
}

// comes waits for a heading, and for what is said with it.
func comes(t *testing.T, p *browser.Page, heading, says string) bool {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); <-tick.C {
		head, text, _ := strings.Cut(said(t, p), "|")
		if strings.TrimSpace(head) == heading && strings.Contains(text, says) {
			return true
		}
	}
	return false
}
