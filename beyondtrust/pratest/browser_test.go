package pratest_test

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

// browser is a person's browser at one appliance: it knows pages by what they show, and no field name.
type browser struct {
	t    *testing.T
	http *http.Client
	base string
}

func newBrowser(t *testing.T, site *pratest.Site, box *pratest.Box, password string) *browser {
	t.Helper()
	c := site.HTTPClient()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Jar = jar
	b := &browser{t: t, http: c, base: "https://" + box.Host()}
	for _, root := range []string{"/appliance", "/login"} {
		word := pratest.AdminPassword
		if root == "/login" {
			word = password
		}
		page := b.get(root)
		if !strings.Contains(page, "<h1>Sign in</h1>") {
			t.Fatalf("%s does not ask to sign in:\n%s", root, page)
		}
		b.signIn(root, word)
	}
	return b
}

func (b *browser) signIn(root, password string) {
	b.t.Helper()
	path := map[string]string{"/appliance": "/appliance/login.ns", "/login": "/login/login"}[root]
	resp, err := b.http.PostForm(b.base+path, url.Values{"login[username]": {"admin"}, "login[password]": {password}})
	page := b.body(resp, err)
	if strings.Contains(page, "<h1>Sign in</h1>") {
		b.t.Fatalf("%s: signing in failed:\n%s", root, page)
	}
}

func (b *browser) body(resp *http.Response, err error) string {
	b.t.Helper()
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

func (b *browser) get(path string) string {
	b.t.Helper()
	resp, err := b.http.Get(b.base + path)
	return b.body(resp, err)
}

// path finds a page by its menu path, as the index has it.
func (b *browser) path(where string) string {
	b.t.Helper()
	index := b.get(strings.SplitN(where, " ", 2)[0] + "/")
	m := regexp.MustCompile(`<a href="([^"]*)">` + regexp.QuoteMeta(html.EscapeString(where)) + `</a>`).FindStringSubmatch(index)
	if m == nil {
		b.t.Fatalf("no link to %q in:\n%s", where, index)
	}
	return m[1]
}

var hidden = regexp.MustCompile(`name="token" value="([^"]*)"`)

var labels = regexp.MustCompile(`<fieldset[^>]*><legend>([^<]*)</legend>|</fieldset>|<label for="(f[0-9]+)">([^<]*)</label>|<input type="radio" id="[^"]*" name="(f[0-9]+)"`)

// press fills fields in by label and presses a button by label, following the link before it if link is not empty.
func (b *browser) press(where, row, link, button string, set map[string]string, boxes ...string) string {
	b.t.Helper()
	path := b.path(where)
	page := b.get(path)
	if link != "" {
		m := regexp.MustCompile(`<a class="button" href="([^"]*row=` + regexp.QuoteMeta(url.QueryEscape(row)) + `[^"]*)">` + regexp.QuoteMeta(link) + `</a>`).FindStringSubmatch(page)
		if m == nil {
			b.t.Fatalf("no link %q of %q in:\n%s", link, row, page)
		}
		path = html.UnescapeString(m[1])
		page, row = b.get(path), ""
	}
	var buf bytes.Buffer
	form := multipart.NewWriter(&buf)
	if m := hidden.FindStringSubmatch(page); m != nil {
		form.WriteField("token", m[1])
	}
	names := map[string]string{}
	group := ""
	for _, m := range labels.FindAllStringSubmatch(page, -1) {
		switch {
		case m[4] != "":
			names[group] = m[4] // radio buttons: the legend is their label
		case m[2] != "":
			names[html.UnescapeString(m[3])], names[group+" > "+html.UnescapeString(m[3])] = m[2], m[2]
		default:
			group = html.UnescapeString(m[1])
		}
	}
	for _, v := range regexp.MustCompile(`<input type="(?:text|password)" id="(f[0-9]+)" name="f[0-9]+" value="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !contains(set, names, v[1]) {
			form.WriteField(v[1], html.UnescapeString(v[2]))
		}
	}
	for _, v := range regexp.MustCompile(`<input type="(?:checkbox|radio)" id="[^"]*" name="(f[0-9]+)" value="([^"]*)" checked`).FindAllStringSubmatch(page, -1) {
		if !contains(set, names, v[1]) {
			form.WriteField(v[1], html.UnescapeString(v[2]))
		}
	}
	for label, value := range set {
		name, ok := names[label]
		if !ok {
			b.t.Fatalf("no field %q in:\n%s", label, page)
		}
		if file, isFile := strings.CutPrefix(value, "file:"); isFile {
			part, _ := form.CreateFormFile(name, filepath.Base(file))
			data, err := os.ReadFile(file)
			if err != nil {
				b.t.Fatal(err)
			}
			part.Write(data)
			continue
		}
		if value != "off" {
			form.WriteField(name, value)
		}
	}
	press := fmt.Sprintf("press[%s]", row)
	if !strings.Contains(page, fmt.Sprintf(`<button name="%s" value="%s"`, html.EscapeString(press), html.EscapeString(button))) {
		b.t.Fatalf("no button %q in row %q:\n%s", button, row, page)
	}
	form.WriteField(press, button)
	form.Close()
	resp, err := b.http.Post(b.base+path, form.FormDataContentType(), &buf)
	return b.body(resp, err)
}

func contains(set, names map[string]string, field string) bool {
	for label := range set {
		if names[label] == field {
			return true
		}
	}
	return false
}
