package spstest

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

// No page, in any markup, tells the password, the code of the second factor or the cookie of the session that it is shown to.
func TestCanaryPages(t *testing.T) {
	for _, m := range Markups() {
		t.Run(string(m), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const password, code = "pl4nted/canary", "c0de-planted"
				n := &Node{Markup: m, Password: password, Switches: Switches{SecondFactor: code, Agreement: true, Frames: true}, CoreFiles: []string{"core.1"}, Stored: []string{"7.0.2.1"}}
				defer n.Close()
				b := newBrowser(t, n.URL(), n.HTTPClient())
				pages := 0
				look := func(path string) (text string) {
					for _, header := range []http.Header{{"Sec-Fetch-Dest": {"document"}}, {"Sec-Fetch-Dest": {"iframe"}}, {"Accept": {"application/json"}}} {
						text = b.see(path, header)
						pages++
						for _, secret := range []string{password, code, b.cookie.Value} {
							if strings.Contains(text, secret) {
								t.Errorf("%s shows %q:\n%s", path, secret, text)
							}
						}
					}
					return text
				}
				b.login("admin", password)
				for _, gate := range []struct{ says, field, value string }{
					{"authenticator code", "code", "wrong"}, {"authenticator code", "code", code}, {"License Agreement", "accept", "1"},
				} {
					if text := look("/"); m != MarkupScript && !strings.Contains(text, gate.says) {
						t.Errorf("%q is not asked for:\n%s", gate.says, text)
					}
					b.press("/", "", map[string]string{gate.field: gate.value}, "", nil)
				}
				for _, s := range n.screens() {
					look(href(s.path))
				}
				if pages < 20 || len(n.Record().Of(Agreed)) != 1 {
					t.Errorf("%d pages, record:\n%v", pages, n.Record())
				}
			})
		})
	}
}

// see opens a page with more headers.
func (b *browser) see(path string, header http.Header) string {
	b.t.Helper()
	req, err := http.NewRequest("GET", b.base+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header = header.Clone()
	req.AddCookie(b.cookie)
	resp, err := b.hc.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}
