package markup

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Style is a sort of markup.
type Style string

// Styles of markup.
const (
	// Classic is plain forms with a hidden token, tables with headings, a list of links as the menu. It works without script. The zero Style is this one.
	Classic Style = "classic"
	// Script is an empty document whose script fetches what is on the page and draws it. Questions are dialogs of the browser.
	Script Style = "script"
	// Tables is tables for layout: a label is the text in the cell to the left, buttons are links that send the form by script, and the menu must be opened.
	Tables Style = "tables"
	// Cards is landmarks, a card for every part, definition lists, floating labels, switches and drop areas; the buttons of the page itself are beside its heading and
	// the menu folds. A script sends the form without leaving the page and puts the page that comes in place; without it the browser sends the form.
	Cards Style = "cards"
	// Panels is an administrator's console: a bar with drop-down menus, breadcrumbs, a panel with heading and foot for every part, labels in a column left of their
	// fields, tables of labels and values. A file is chosen with a button beside which its name is shown. A script opens the menus and asks the questions.
	Panels Style = "panels"
	// Document is one column of plain HTML in the manner of public services: a skip link, nested lists of pages of which the branch shown is open, summary lists,
	// big boxes with their labels after them, groups in field sets, an error summary, a table only where there are columns to compare. Questions are dialogs of the
	// browser.
	Document Style = "document"
)

// Styles returns all of them.
func Styles() []Style { return []Style{Classic, Script, Tables, Cards, Panels, Document} }

// Check is an error for a style that there is not.
func (s Style) Check() error {
	if s != "" && !slices.Contains(Styles(), s) {
		return fmt.Errorf("there is no markup %q; there are %q", s, Styles())
	}
	return nil
}

// Reply is an answer to a browser.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Write sends it.
func (r Reply) Write(w http.ResponseWriter) {
	for k, v := range r.Header {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(r.Body)))
	w.WriteHeader(r.Status)
	w.Write(r.Body)
}

// data reports whether a request comes from the script of a page and not from a browser that opens one.
func (s Style) data(h http.Header) bool { return s == Script && h.Get("Accept") == kindJSON }

const (
	kindJSON = "application/json"
	kindHTML = "text/html; charset=utf-8"
	// policy lets a page load nothing from anywhere else, and be framed by nobody else.
	policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; connect-src 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'self'"
	// posts keeps its forms at home too, where a trap does not want them elsewhere.
	posts = "; form-action 'self'"
)

// Page answers a request, of which h are the headers, with a page.
func (s Style) Page(h http.Header, status int, p Page) Reply {
	if err := s.Check(); err != nil {
		return Reply{http.StatusInternalServerError, http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, []byte(err.Error() + "\n")}
	}
	p = p.spoil()
	p.number()
	if s.data(h) {
		return Reply{status, headers(kindJSON), must(json.Marshal(p))}
	}
	v := view{Page: p, Part: whole}
	if p.Frames && !p.Bare {
		switch h.Get("Sec-Fetch-Dest") {
		case "document":
			v.Part = outer
		case "iframe":
			v.Part = inner
		}
	}
	out := Reply{status, headers(kindHTML), s.document(v)}
	if p.Traps.Elsewhere != "" {
		out.Header.Set("Content-Security-Policy", policy)
	}
	return out
}

// Go answers a press with where it leads.
func (s Style) Go(h http.Header, to string) Reply {
	if s.data(h) {
		return Reply{http.StatusOK, headers(kindJSON), must(json.Marshal(lead{To: to}))}
	}
	return redirect(to)
}

// Enter is [Style.Go] for what changes who is signed in, and where to: the page is loaded anew.
func (s Style) Enter(h http.Header, to string) Reply {
	if s.data(h) {
		return Reply{http.StatusOK, headers(kindJSON), must(json.Marshal(lead{To: to, Anew: true}))}
	}
	return redirect(to)
}

// SignedOut answers a request of somebody who is not signed in.
func (s Style) SignedOut(h http.Header, to string) Reply {
	if s.data(h) {
		return Reply{http.StatusUnauthorized, headers(kindJSON), must(json.Marshal(lead{To: to, Anew: true}))}
	}
	return redirect(to)
}

// lead sends a script somewhere.
type lead struct {
	To   string `json:"to"`
	Anew bool   `json:"anew"`
}

func redirect(to string) Reply {
	h := headers(kindHTML)
	h.Set("Location", to)
	return Reply{http.StatusSeeOther, h, nil}
}

func headers(kind string) http.Header {
	return http.Header{
		"Content-Type": {kind}, "Cache-Control": {"no-store"}, "Content-Security-Policy": {policy + posts}, "Referrer-Policy": {"same-origin"}, "X-Content-Type-Options": {"nosniff"},
	}
}

// number gives every field its id.
func (p *Page) number() {
	n := 0
	p.Parts = slices.Clone(p.Parts)
	for i := range p.Parts {
		p.Parts[i].Fields = slices.Clone(p.Parts[i].Fields)
		for j := range p.Parts[i].Fields {
			p.Parts[i].Fields[j].ID = "f" + strconv.Itoa(n)
			n++
		}
	}
}

// view is what a template draws: a page, or the part of it that is in or around a frame.
type view struct {
	Page
	Part string
}

const (
	whole = "whole"
	outer = "outer" // banner, menu and a frame
	inner = "inner" // what is in it
)

//go:embed *.html *.css *.js
var files embed.FS

// document draws a whole document.
func (s Style) document(v view) []byte {
	switch s {
	case Script:
		return draw("script.html", v)
	case Tables:
		return draw("tables.html", v)
	case Cards:
		return cards(v)
	case Panels:
		return panels(v)
	case Document:
		return document(v)
	}
	return draw("classic.html", v)
}

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"css":     func(name string) template.CSS { return template.CSS(must(files.ReadFile(name))) },
	"js":      func(name string) template.JS { return template.JS(must(files.ReadFile(name))) },
	"columns": Part.columns, "at": func(r Row, column string) string { return shown(r.at(column)) }, "shown": shown, "menu": menu,
	"milliseconds": func(t Traps) int64 { return t.Late.Milliseconds() },
	"plain":        func(label string) string { return strings.TrimRight(label, " :") },
	"beside":       func(v view, b Button) pressed { return pressed{b, v.AskOnPage, v.Part == inner} },
}).ParseFS(files, "*.html"))

// pressed is a button as a template draws it.
type pressed struct {
	Button
	AskOnPage, Inner bool
}

func draw(name string, v any) []byte {
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, name, v); err != nil {
		panic(err) // of a template of this package's
	}
	return out.Bytes()
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // of what this package itself made
	}
	return v
}

// branch is an entry of a menu that is opened step by step: a page, or a name with pages under it.
type branch struct {
	Name, Href string
	Here       bool // it, or a page under it, is shown
	Under      []branch
}

// menu makes branches of entries.
func menu(entries []Entry) (out []branch) {
	for _, e := range entries {
		if len(e.Path) == 0 {
			continue
		}
		i := slices.IndexFunc(out, func(b branch) bool { return b.Name == e.Path[0] && b.Href == "" })
		if len(e.Path) == 1 {
			out = append(out, branch{Name: e.Path[0], Href: e.Href, Here: e.Here})
			continue
		}
		if i < 0 {
			out = append(out, branch{Name: e.Path[0]})
			i = len(out) - 1
		}
		e.Path = e.Path[1:]
		out[i].Under = append(out[i].Under, menu([]Entry{e})...)
		out[i].Here = out[i].Here || e.Here
	}
	return out
}
