package pratest_test

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

// No page, in any markup, tells a password, the code of the second factor, an API account's secret or the cookie of the session that it is shown to. The
// pre-shared key and the download key are each on the one page that is there to show them.
func TestCanaryPages(t *testing.T) {
	const key, code = "pl4nted-pre-shared", "c0de-planted"
	site := pratest.Pair()
	site.A.Key = key
	site.Switches.SecondFactor, site.Switches.Agreement, site.Switches.Frames = code, true, true
	bubble(t, site, func(t *testing.T) {
		b := newBrowser(t, site, &site.A, pratest.AdminPassword)
		for _, gate := range [][2]string{{"/appliance/", code}, {"/login/", "wrong"}, {"/login/", code}} {
			b.answer(gate[0], "code", gate[1])
		}
		b.answer("/login/", "accept", "1")
		_, secret := site.Account()
		secrets := []string{pratest.AdminPassword, code, secret, key, "SIM-"}
		at, err := url.Parse(b.base)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range b.http.Jar.Cookies(at) {
			secrets = append(secrets, c.Value)
		}
		todo, seen := []string{"/login/", "/appliance/"}, map[string]bool{}
		links := regexp.MustCompile(`href="(/(?:login|appliance)/[^"]*)"`)
		for len(todo) > 0 {
			path := todo[0]
			todo = todo[1:]
			if seen[path] || strings.HasSuffix(path, "/logout") {
				continue
			}
			seen[path] = true
			for _, m := range links.FindAllStringSubmatch(b.get(path), -1) {
				todo = append(todo, html.UnescapeString(m[1]))
			}
			for _, markup := range pratest.Markups() {
				site.Change(func() { site.Markup = markup })
				for _, header := range []http.Header{{"Sec-Fetch-Dest": {"document"}}, {"Sec-Fetch-Dest": {"iframe"}}, {"Accept": {"application/json"}}} {
					text := b.see(path, header)
					for _, s := range secrets {
						allowed := s == key && path == "/login/security" || s == "SIM-" && path == "/appliance/updates"
						if strings.Contains(text, s) && !allowed {
							t.Errorf("%s, %s shows %q:\n%s", markup, path, s, text)
						}
					}
				}
			}
			site.Change(func() { site.Markup = "" })
		}
		if len(seen) < 15 || len(secrets) != 7 {
			t.Errorf("looked at %d pages for %d secrets", len(seen), len(secrets))
		}
		if n := strings.Count(strings.Join(record(site), "\n"), "agreement /login"); n != 1 {
			t.Errorf("the agreement was accepted %d times", n)
		}
	})
}

func record(site *pratest.Site) (lines []string) {
	for _, e := range site.Record() {
		lines = append(lines, string(e.What)+" "+e.Detail)
	}
	return lines
}

// answer sends one field of a page that comes before the others.
func (b *browser) answer(path, field, value string) {
	b.t.Helper()
	form := url.Values{field: {value}}
	if m := hidden.FindStringSubmatch(b.get(path)); m != nil {
		form.Set("token", m[1])
	}
	b.body(b.http.PostForm(b.base+path, form))
}

// see opens a page with more headers.
func (b *browser) see(path string, header http.Header) string {
	b.t.Helper()
	req, err := http.NewRequest("GET", b.base+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header = header.Clone()
	resp, err := b.http.Do(req)
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
