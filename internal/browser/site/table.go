// Package site drives the web pages of one appliance by a table of labels: it signs in, walks the menu, presses and reads. What the pages of
// a product are called is in the table; what is done on them is in the page drivers, packages spsweb and praweb.
package site

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/changeover-sdk/changeover/internal/browser"
	"github.com/changeover-sdk/changeover/internal/browser/axtree"
)

// Table is what the pages of a product are called, and their parts.
type Table struct {
	Product  string           `json:"product"`
	About    string           `json:"about,omitempty"`   // for whoever edits the file
	Nothing  []string         `json:"nothing,omitempty"` // what stands where a page has nothing to show
	Secret   []string         `json:"secret,omitempty"`  // labels of fields that are black on screenshots although they are not password fields
	Version  string           `json:"version,omitempty"` // key of the value that tells which version the appliance has
	Pages    map[string]Page  `json:"pages"`
	Labels   map[string]Label `json:"labels"`
	Versions []Version        `json:"versions,omitempty"` // what is known of single versions only; see [Load]

	used string // which of Versions this is the table of; "" for all
}

// Page is one page.
type Page struct {
	Start    string     `json:"start,omitempty"`    // address at which the way begins, and for which there is a login. Default: "/"
	Optional bool       `json:"optional,omitempty"` // not on every appliance or in every state
	Sub      bool       `json:"sub,omitempty"`      // reached from another page only; a probe does not go there
	Menu     [][]string `json:"menu"`               // what is pressed in turn to get there, each with its synonyms; empty: the start is the page
	Heading  []string   `json:"heading"`            // by which the page is recognised
	Source   string     `json:"source"`
}

// Label is one thing on a page.
type Label struct {
	Page     string     `json:"page"`
	Kind     string     `json:"kind"`               // button, field, box, choice, file, value, or table
	Text     []string   `json:"text"`               // its wordings
	Also     []string   `json:"also,omitempty"`     // more wordings, added to those there are
	Within   [][]string `json:"within,omitempty"`   // where on the page: heading, group, row, column; each with its synonyms. "{x}" is given by the driver
	Ask      *Ask       `json:"ask,omitempty"`      // the question that comes first. Default: none may come
	Then     string     `json:"then,omitempty"`     // of a button: the page that comes afterwards. Default: the same
	Optional bool       `json:"optional,omitempty"` // not on every appliance or in every state
	Secret   bool       `json:"secret,omitempty"`   // of a value: black on screenshots, and in no report
	Source   string     `json:"source"`
}

// Ask is a question before a button does its work.
type Ask struct {
	Type   string   `json:"type"` // alert, confirm, beforeunload: a dialog of the browser; page: a page with a button
	Text   []string `json:"text"`
	Button []string `json:"button,omitempty"` // of type page: what answers yes
}

// Parse reads a table. An unknown word in it is an error: a misspelt one would silently change nothing.
func Parse(raw []byte) (Table, error) {
	var t Table
	return t, t.Merge(raw)
}

// parts are a table as it is written: what is not named is not changed.
type parts struct {
	Product, About, Version *string
	Nothing, Secret         []string
	Pages, Labels           map[string]json.RawMessage
	Versions                []Version
}

func read(raw []byte) (p parts, err error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return p, nil
	}
	if err := strict(raw, &p); err != nil {
		return p, fmt.Errorf("labels: %w", err)
	}
	return p, nil
}

// Merge reads a table over another one: what it names is replaced, part by part, and "also" is added to the wordings. The rest stays. What it
// says of single versions is added to what there is of those.
func (t *Table) Merge(raw []byte) error {
	p, err := read(raw)
	if err != nil {
		return err
	}
	out, err := t.with(p)
	if err != nil {
		return err
	}
	out.Versions = append(slices.Clone(t.Versions), p.Versions...)
	for _, v := range out.Versions { // a mistake in one shows now, and not when an appliance has that version
		if _, err := v.holds(nil); err != nil {
			return fmt.Errorf("labels: %w", err)
		}
		if _, err := out.with(v.parts()); err != nil {
			return fmt.Errorf("%s: %w", v, err)
		}
	}
	*t = out
	return nil
}

// with is the table with what the parts name replaced.
func (t *Table) with(p parts) (Table, error) {
	out := *t
	out.Nothing, out.Secret = append(slices.Clone(t.Nothing), p.Nothing...), append(slices.Clone(t.Secret), p.Secret...)
	out.Pages, out.Labels = maps.Clone(t.Pages), maps.Clone(t.Labels)
	if out.Pages == nil {
		out.Pages, out.Labels = map[string]Page{}, map[string]Label{}
	}
	if p.Product != nil && t.Product != "" && *p.Product != t.Product {
		return out, fmt.Errorf("labels: they are for %q, not for %q", *p.Product, t.Product)
	}
	for _, set := range []struct{ to, from *string }{{&out.Product, p.Product}, {&out.About, p.About}, {&out.Version, p.Version}} {
		if set.from != nil {
			*set.to = *set.from
		}
	}
	for key, raw := range p.Pages {
		page := out.Pages[key].clone()
		if err := strict(raw, &page); err != nil {
			return out, fmt.Errorf("labels: page %q: %w", key, err)
		}
		out.Pages[key] = page
	}
	for key, raw := range p.Labels {
		l := out.Labels[key].clone()
		if err := strict(raw, &l); err != nil {
			return out, fmt.Errorf("labels: %q: %w", key, err)
		}
		l.Text, l.Also = append(slices.Clone(l.Text), l.Also...), nil
		out.Labels[key] = l
	}
	if err := out.check(); err != nil {
		return out, fmt.Errorf("labels: %w", err)
	}
	return out, nil
}

// secrets are the labels of what is black on screenshots beside password fields.
func (t *Table) secrets() (out []string) {
	out = slices.Clone(t.Secret)
	for _, key := range slices.Sorted(maps.Keys(t.Labels)) {
		if l := t.Labels[key]; l.Secret {
			out = append(out, l.Text...)
		}
	}
	return out
}

// kinds are those a label may have.
var kinds = map[string]axtree.Kind{
	"button": axtree.Button, "field": axtree.Field, "box": axtree.Check, "choice": axtree.Choice, "file": axtree.File, "value": axtree.Value, "heading": axtree.Heading,
	"table": "table",
}

func (t *Table) check() error {
	for key, l := range t.Labels {
		_, page := t.Pages[l.Page]
		switch {
		case !page:
			return fmt.Errorf("%q: there is no page %q", key, l.Page)
		case l.Then != "" && len(t.Pages[l.Then].Heading) == 0:
			return fmt.Errorf("%q: there is no page %q", key, l.Then)
		case kinds[l.Kind] == "":
			return fmt.Errorf("%q: there is no kind %q", key, l.Kind)
		case len(l.Text) == 0 || slices.Contains(l.Text, ""):
			return fmt.Errorf("%q: it has no text", key)
		case l.Ask != nil && (len(l.Ask.Text) == 0 && l.Ask.Type != "beforeunload" || !slices.Contains([]string{"alert", "confirm", "beforeunload", browser.AskPage}, l.Ask.Type)):
			return fmt.Errorf("%q: a question has a text and the type alert, confirm, beforeunload or page", key)
		case l.Ask != nil && l.Ask.Type == browser.AskPage && len(l.Ask.Button) == 0:
			return fmt.Errorf("%q: a question on a page has a button", key)
		}
	}
	if _, ok := t.Labels[t.Version]; t.Version != "" && !ok {
		return fmt.Errorf("version: there is no label %q", t.Version)
	}
	for key, p := range t.Pages {
		if len(p.Heading) == 0 && key != signIn {
			return fmt.Errorf("page %q has no heading", key)
		}
	}
	return nil
}

// clone shares nothing with p: a list that is decoded over another one is written into its place.
func (p Page) clone() Page {
	p.Heading, p.Menu = slices.Clone(p.Heading), slices.Clone(p.Menu)
	for i, m := range p.Menu {
		p.Menu[i] = slices.Clone(m)
	}
	return p
}

// clone shares nothing with l.
func (l Label) clone() Label {
	l.Text, l.Also, l.Within = slices.Clone(l.Text), slices.Clone(l.Also), slices.Clone(l.Within)
	for i, w := range l.Within {
		l.Within[i] = slices.Clone(w)
	}
	if l.Ask != nil {
		ask := *l.Ask
		ask.Text, ask.Button = slices.Clone(ask.Text), slices.Clone(ask.Button)
		l.Ask = &ask
	}
	return l
}

// strict decodes one JSON value over what is there, and nothing else.
func strict(raw []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something behind the end")
	}
	return nil
}

// query is where a label is looked for. Values replace "{name}" in the places that lead to it, and in it.
func (t *Table) query(key string, values map[string][]string) (axtree.Query, Label, error) {
	l, ok := t.Labels[key]
	if !ok {
		return axtree.Query{}, l, fmt.Errorf("labels: there is no %q", key)
	}
	q := axtree.Query{Kind: kinds[l.Kind], Label: fill(l.Text, values)}
	missing := slices.ContainsFunc(q.Label, open)
	for _, w := range l.Within {
		place := fill(w, values)
		missing = missing || slices.ContainsFunc(place, open)
		q.Within = append(q.Within, place)
	}
	if missing {
		return q, l, fmt.Errorf("labels: %q is in a place, or has a wording, that is not known here", key)
	}
	return q, l, nil
}

// open reports whether a wording waits for a value.
func open(s string) bool { return strings.Contains(s, "{") }

// fill puts values in the place of "{name}". A name with several values makes several wordings.
func fill(words []string, values map[string][]string) axtree.Label {
	out := slices.Clone(words)
	for name, list := range values {
		var next []string
		for _, w := range out {
			if !strings.Contains(w, "{"+name+"}") {
				next = append(next, w)
				continue
			}
			for _, v := range list {
				next = append(next, strings.ReplaceAll(w, "{"+name+"}", v))
			}
		}
		out = next
	}
	return out
}

// ask is the question before a button, as the browser is told of it.
func (l Label) ask() *browser.Ask {
	if l.Ask == nil {
		return nil
	}
	return &browser.Ask{Type: l.Ask.Type, Text: l.Ask.Text, Button: l.Ask.Button, Accept: true}
}
