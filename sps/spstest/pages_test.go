package spstest

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	stdhtml "html"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/changeover-sdk/changeover/sps"
)

// browser is a person's browser, as thin as can be.
type browser struct {
	t      *testing.T
	base   string
	hc     *http.Client
	cookie *http.Cookie
}

func newBrowser(t *testing.T, base string, hc *http.Client) *browser {
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{t: t, base: base, hc: hc}
}

func (b *browser) do(method, path, kind string, body io.Reader) (int, http.Header, string) {
	b.t.Helper()
	req, err := http.NewRequest(method, b.base+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if b.cookie != nil {
		req.AddCookie(b.cookie)
	}
	resp, err := b.hc.Do(req)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	for _, c := range resp.Cookies() {
		b.cookie = c
	}
	return resp.StatusCode, resp.Header, string(text)
}

func (b *browser) login(user, password string) {
	b.t.Helper()
	form := url.Values{"username": {user}, "password": {password}}
	if status, _, _ := b.do("POST", "/login", "application/x-www-form-urlencoded", strings.NewReader(form.Encode())); status != 303 {
		b.t.Fatalf("login: %d", status)
	}
}

var hidden = regexp.MustCompile(`"token"(?: value=|,"value":)"([^"]*)"`)

// press sends the form as a browser does: the fields, and the button that was pressed.
func (b *browser) press(path, id string, fields map[string]string, file string, image File) (int, http.Header, string) {
	b.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for k, v := range fields {
		w.WriteField(k, v)
	}
	if image != nil {
		part, _ := w.CreateFormFile(file, "sps.iso")
		io.Copy(part, image)
	}
	for _, accept := range []string{"text/html", "application/json"} { // a script asks for the token
		if m := hidden.FindStringSubmatch(b.see(path, http.Header{"Accept": {accept}})); m != nil {
			w.WriteField("token", m[1])
			break
		}
	}
	w.WriteField("press", id)
	w.Close()
	return b.do("POST", path, w.FormDataContentType(), &body)
}

// readHTML reads the values of a classic page: by part, row and label.
func readHTML(t *testing.T, page string) map[[3]string]string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	out := map[[3]string]string{}
	var part, row, term string
	var heads []string
	column := 0
	var walk func(n *html.Node)
	words := func(n *html.Node) (s string) {
		for d := range n.Descendants() {
			if d.Type == html.TextNode {
				s += d.Data
			}
		}
		return strings.TrimSpace(s)
	}
	walk = func(n *html.Node) {
		switch n.Data {
		case "div", "fieldset":
			if n.Data == "fieldset" || slices.Contains(n.Attr, html.Attribute{Key: "class", Val: "part"}) {
				part = ""
			}
		case "legend":
			part = words(n)
		case "dt":
			term = words(n)
		case "dd":
			out[[3]string{part, "", term}] = words(n)
		case "table":
			heads = nil
		case "tr":
			column = 0
		case "th":
			if n.Attr[0].Val == "col" {
				heads = append(heads, words(n))
			} else {
				row = words(n)
			}
		case "td":
			if column < len(heads) && n.Parent.Parent.Data != "thead" {
				out[[3]string{part, row, heads[column]}] = words(n)
				column++
			}
		}
		for c := range n.ChildNodes() {
			walk(c)
		}
	}
	walk(doc)
	return out
}

// The pages a browser gets, and Press and Read, know the same places.
func TestPagesAreOne(t *testing.T) {
	button := regexp.MustCompile(`<button name="press" value="([^"]*)"`)
	synctest.Test(t, func(t *testing.T) {
		p := &Pair{A: &Node{Stored: []string{"7.0.2.1"}, CoreFiles: []string{"core.1"}}}
		c := &Cluster{MasterPair: p}
		defer c.Close()
		c.begin()
		b := newBrowser(t, p.URL(), p.HTTPClient())
		if status, h, _ := b.do("GET", "/", "", nil); status != 303 || h.Get("Location") != "/login" {
			t.Errorf("without login: %d to %q", status, h.Get("Location"))
		}
		b.login(p.Login())

		var screens []screen
		p.Change(func() { screens = p.active.screens() })
		values, buttons := 0, 0
		for _, s := range screens {
			status, _, text := b.do("GET", href(s.path), "", nil)
			if status != 200 {
				t.Fatalf("%s: %d", s.path, status)
			}
			got := map[string]bool{}
			for _, m := range button.FindAllStringSubmatch(text, -1) {
				got[stdhtml.UnescapeString(m[1])] = true
			}
			told := readHTML(t, text)
			want := map[string]bool{}
			for _, sec := range s.sections {
				for _, r := range sec.rows {
					for _, it := range r.items {
						where := strings.TrimSuffix(s.path+" > "+sec.name, " > ")
						switch it.kind {
						case value:
							values++
							if at := [3]string{sec.name, r.name, it.label}; told[at] != cmp.Or(it.value, "–") {
								t.Errorf("%s: the browser shows %q as %q, want %q", s.path, at, told[at], it.value)
							}
							if read, err := p.Read(t.Context(), where, r.name, it.label); err != nil || read != it.value {
								t.Errorf("Read(%q, %q, %q) = %q, %v; want %q", where, r.name, it.label, read, err, it.value)
							}
						default:
							if it.kind == 1 {
								buttons++
								want[sec.name+"|"+r.name+"|"+it.label] = true
							}
						}
					}
				}
			}
			if d := gocmp.Diff(want, got); d != "" {
				t.Errorf("%s: buttons (-table +browser):\n%s", s.path, d)
			}
		}
		if values < 40 || buttons < 15 {
			t.Errorf("only %d values and %d buttons were compared", values, buttons)
		}
	})
}

// A whole upgrade by hand in a browser, with the words of the guide.
func TestUpgradeInBrowser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Node{Switches: Switches{Dialogs: map[string]string{"Reboot": "Really reboot?"}}}
		b := newBrowser(t, n.URL(), n.HTTPClient())
		b.login(n.Login())
		const page = "/ui/basic-settings/system"
		if status, _, text := b.press(page, "Firmwares||Upload", nil, "Firmwares||Browse", ImageFile{Version: "7.0.2.1"}.Open()); status != 303 {
			t.Fatalf("upload: %d %s", status, text)
		}
		for _, id := range []string{"Firmwares|7.0.2.1|Test", "Firmwares|7.0.2.1|After reboot"} {
			if status, _, text := b.press(page, id, nil, "", nil); status != 303 {
				t.Fatalf("%s: %d %s", id, status, text)
			}
		}
		status, _, text := b.press(page, "System control|This node|Reboot", nil, "", nil)
		if status != 200 || !strings.Contains(text, "Really reboot?") || len(n.Record().Of(Reboot)) != 0 {
			t.Fatalf("the page does not ask: %d %s", status, text)
		}
		b.press(page, "System control|This node|Reboot", map[string]string{"dialog": "Really reboot?"}, "", nil)
		time.Sleep(30 * time.Minute)
		b.login(n.Login())
		if _, _, text := b.do("GET", page, "", nil); readHTML(t, text)[[3]string{"Version details", "", "Firmware version"}] != "7.0.2.1" || n.Running() != "7.0.2.1" {
			t.Errorf("runs %s, the page shows:\n%s", n.Running(), text)
		}
		if got := n.Record().Of(Press); len(got) != 4 {
			t.Errorf("presses:\n%v", got)
		}
	})
}

// A browser is logged out after 10 minutes in which nothing was done, also where the simulation goes a thousand times as fast.
func TestBrowserIsLoggedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Node{Scale: 0.001}
		b := newBrowser(t, n.URL(), n.HTTPClient())
		b.login(n.Login())
		for _, tt := range []struct {
			after  time.Duration
			status int
		}{{9 * time.Minute, 200}, {9 * time.Minute, 200}, {10 * time.Minute, 303}} {
			time.Sleep(tt.after)
			if status, _, _ := b.do("GET", href(sps.PageSystem), "", nil); status != tt.status {
				t.Errorf("after %v: %d, want %d", tt.after, status, tt.status)
			}
		}
	})
}

func TestExport(t *testing.T) {
	tests := map[string]struct {
		node *Node
		set  map[string]string
		name string
		err  bool
		gzip bool
	}{
		"plain":               {name: "sps1-20000101T0000.config", gzip: true},
		"with a password":     {set: map[string]string{"Encryption": "Encrypt with password", "Encryption password": "s"}, name: "sps1-20000101T0000.config-encrypted"},
		"gpg":                 {set: map[string]string{"encryption": "gpg encryption"}, name: "sps1-20000101T0000.config-gpg"},
		"the suffix before":   {node: &Node{Switches: Switches{EncryptedSuffix: "before"}}, set: map[string]string{"Encryption": "GPG encryption"}, name: "sps1-20000101T0000-gpg.config"},
		"no password":         {set: map[string]string{"Encryption": "Encrypt with password"}, err: true},
		"a word that is none": {set: map[string]string{"Encryption": "ROT13"}, err: true},
		"a page instead":      {node: &Node{ExportAs: []byte("<html>")}, name: "sps1-20000101T0000.config"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := node(tt.node)
				got, file, err := n.Press(t.Context(), sps.PageExport, "", "Export", tt.set, "")
				if (err != nil) != tt.err || got != tt.name {
					t.Fatalf("Export = %q, %v; want %q, error %t", got, err, tt.name, tt.err)
				}
				if err != nil {
					return
				}
				_, err = gzip.NewReader(file)
				if (err == nil) != tt.gzip {
					t.Errorf("gzip: %v, want %t", err, tt.gzip)
				}
			})
		})
	}
}

// Who presses wrongly is told what there is, and nothing happens.
func TestPressRefused(t *testing.T) {
	tests := map[string]struct {
		where, row, button string
		set                map[string]string
		dialog             string
		says               string
	}{
		"no such page":           {where: "Basic Settings > Reboot", button: "Reboot", says: `there are ["Basic Settings > High Availability"`},
		"no such section":        {where: "Basic Settings > System > Reboot", button: "Reboot", says: `the page has ["System control > This node"`},
		"no such row":            {where: sps.PageFirmwares, row: "9.9", button: "Test", says: `"Firmwares > 7.0.2"`},
		"no such button":         {where: sps.PageHA, row: sps.RowThisNode, button: "Restart", says: `there are ["Basic Settings > High Availability > This node > Reboot"`},
		"a label is no button":   {where: sps.PageHA, button: "Status", says: `there is no button "Status"`},
		"more than one":          {where: sps.PageSystem, row: "", button: "After reboot", says: `there are 2 of the button "After reboot"`},
		"no such field":          {where: sps.PageExport, button: "Export", set: map[string]string{"Cipher": "x"}, says: `there are "Encryption", "Encryption password"`},
		"no such file":           {where: sps.PageFirmwares, button: "Upload", set: map[string]string{"Browse": "none.iso"}, says: "none.iso"},
		"an unexpected question": {where: sps.PageSystemControl, row: sps.RowThisNode, button: "Shutdown", says: `asks "Sure?", expected was ""`},
		"a question in vain":     {where: sps.PageSystemControl, row: sps.RowThisNode, button: "Reboot", dialog: "Sure?", says: `asks "", expected was "Sure?"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &Node{Stored: []string{"7.0.1"}, Files: Image("7.0.2.1", 0), Switches: Switches{Dialogs: map[string]string{"Shutdown": "Sure?"}}}
				_, _, err := n.Press(t.Context(), tt.where, tt.row, tt.button, tt.set, tt.dialog)
				if !errors.Is(err, sps.ErrNotPressed) || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("err = %v\nwant %q", err, tt.says)
				}
				if r := n.Record(); len(r) != 0 {
					t.Errorf("something happened:\n%v", r)
				}
			})
		})
	}
}

func TestPressFindsByMenuPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, p := range [][3]string{
			{"Basic Settings > System > System control > This node", "", "Reboot"},
			{"Basic Settings > System > System control", "This node", "Reboot"},
			{"Basic Settings > High Availability", "This node", "Reboot"},
			{"basic settings>high availability > this node", "", "reboot"},
		} {
			n := new(Node)
			if _, _, err := n.Press(t.Context(), p[0], p[1], p[2], nil, ""); err != nil || len(n.Record().Of(Reboot)) != 1 {
				t.Errorf("Press(%q) = %v", p, err)
			}
		}
	})
}

func TestFaultOnPages(t *testing.T) {
	tests := map[string]struct {
		fault   Fault
		err     bool
		reboots int
	}{
		"before the act": {Fault{Kind: FaultReset}, true, 0},
		"after the act":  {Fault{Kind: FaultReset, Acts: true}, true, 1},
		"no answer":      {Fault{Kind: FaultHang, Acts: true}, true, 1},
		"late":           {Fault{Kind: FaultSlow}, false, 1},
		"an error page":  {Fault{Kind: FaultAnswer, Status: 500}, true, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := new(Node)
				n.Inject("press Reboot", tt.fault)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				err := n.Pages().System.Reboot(ctx)
				if (err != nil) != tt.err || len(n.Record().Of(Reboot)) != tt.reboots {
					t.Errorf("Reboot = %v with %d reboots, want error %t and %d", err, len(n.Record().Of(Reboot)), tt.err, tt.reboots)
				}
				if errors.Is(err, sps.ErrNotPressed) {
					t.Errorf("nobody can be certain that nothing was pressed: %v", err)
				}
			})
		})
	}
}

func TestPagesOfADownNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(Node)
		n.PowerOff()
		if err := n.Pages().System.Reboot(t.Context()); !errors.Is(err, sps.ErrNotPressed) {
			t.Errorf("err = %v, want ErrNotPressed", err)
		}
		if _, err := n.Read(t.Context(), "System Monitor", "", "Issues"); err == nil {
			t.Error("a node without power was read")
		}
		n.Close()
	})
}
