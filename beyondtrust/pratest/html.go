package pratest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/internal/markup"
)

// Markup is how the pages are made for a browser. What is on them is the same in every one; the vendor's own markup is not public.
type Markup = markup.Style

// Sorts of markup. The zero value is MarkupClassic.
const (
	MarkupClassic  = markup.Classic  // plain forms with a hidden token
	MarkupScript   = markup.Script   // drawn by a script that fetches what is on the page; questions are dialogs of the browser
	MarkupTables   = markup.Tables   // tables for layout, links as buttons, a menu that must be opened
	MarkupCards    = markup.Cards    // cards with definition lists, floating labels and switches, a form that is sent without leaving the page
	MarkupPanels   = markup.Panels   // a bar with drop-down menus, panels, labels left of their fields, tables of labels and values; questions are dialogs of the browser
	MarkupDocument = markup.Document // one column of plain HTML: summary lists, labels above their fields, big boxes, field sets; questions are dialogs of the browser
)

// Markups returns all sorts of markup.
func Markups() []Markup { return markup.Styles() }

// Traps spoil the pages in a browser, so that a driver can be seen to refuse.
type Traps = markup.Traps

// TrapNames are the names by which [Traps] are laid with their method Set.
func TrapNames() []string { return markup.TrapNames() }

// blank is what every page of an interface has.
func (b *Box) blank(root, self string) markup.Page {
	return markup.Page{
		Product: "BeyondTrust Privileged Remote Access " + root, Host: b.host(), Self: self, Action: self,
		Frames: b.site.Switches.Frames, Traps: b.site.Traps,
	}
}

// answers is what a Reply is here.
func answers(r markup.Reply) answer {
	return answer{status: r.Status, kind: r.Header.Get("Content-Type"), header: r.Header, body: r.Body}
}

// draw answers with a page.
func (b *Box) draw(k *call, p markup.Page) answer {
	return answers(b.site.Markup.Page(k.header, http.StatusOK, p))
}

// inside is a page of somebody who is signed in: with the menu of the interface.
func (b *Box) inside(root, self, title, id string) markup.Page {
	p := b.blank(root, self)
	p.Title, p.Home, p.Leave, p.Hidden = title, root+"/", root+"/logout", b.token(id)
	for i := range pages {
		m := &pages[i]
		if m.distant || !strings.HasPrefix(m.path, root+"/") || m.shown != nil && !m.shown(b) {
			continue
		}
		name := m.menu(b)
		p.Menu = append(p.Menu, markup.Entry{Name: name, Path: strings.Split(name, " > ")[1:], Href: m.path, Here: m.path == self})
	}
	return p
}

// token is hidden in every form of a session.
func (b *Box) token(id string) []markup.Hidden {
	if b.site.Switches.NoToken {
		return nil
	}
	return []markup.Hidden{{Name: "token", Value: tokenOf(id)}}
}

// tokenOf is made of a session's cookie, so that the cookie itself is on no page.
func tokenOf(id string) string { return revision("token of " + id) }

// fill puts what a view shows on a page. What the page said last comes as a refusal.
func (v *view) fill(b *Box, m *page, p *markup.Page) {
	p.Texts = v.texts
	if said := b.message(m.where); said != nil && len(v.texts) > 0 && v.texts[0] == said[0] {
		p.Refused, p.Texts = said[0], v.texts[1:]
	}
	top := markup.Part{Values: pairs(v.values)}
	var groups []markup.Part
	group := func(title string) *markup.Part {
		i := slices.IndexFunc(groups, func(g markup.Part) bool { return g.Title == title })
		if i < 0 {
			groups = append(groups, markup.Part{Title: title})
			i = len(groups) - 1
		}
		return &groups[i]
	}
	for i, fd := range v.fields {
		to := &top
		if fd.group != "" {
			to = group(fd.group)
		}
		to.Fields = append(to.Fields, fd.markup(i))
	}
	grouped := slices.ContainsFunc(v.buttons, func(bt button) bool { return bt.group != "" })
	var last markup.Part // where only fields are in groups, the buttons are for all of them
	for i, bt := range b.buttons(m, "", v.buttons) {
		switch g := v.buttons[i].group; {
		case g != "":
			group(g).Buttons = append(group(g).Buttons, bt)
		case grouped || len(groups) == 0:
			top.Buttons = append(top.Buttons, bt)
		default:
			last.Buttons = append(last.Buttons, bt)
		}
	}
	table := markup.Part{Title: v.caption}
	for _, r := range v.rows {
		table.Rows = append(table.Rows, markup.Row{Name: r.name, Values: pairs(r.values), Buttons: b.buttons(m, r.name, r.buttons)})
	}
	for _, part := range append(append([]markup.Part{top}, groups...), last, table) {
		if len(part.Values)+len(part.Fields)+len(part.Buttons)+len(part.Rows) > 0 {
			p.Parts = append(p.Parts, part)
		}
	}
}

func pairs(list []value) (out []markup.Value) {
	for _, x := range list {
		out = append(out, markup.Value{Label: x.label, Text: x.text})
	}
	return out
}

// buttons are those of a row, "" for the page's own.
func (b *Box) buttons(m *page, row string, list []button) (out []markup.Button) {
	for i := range list {
		bt := &list[i]
		if bt.sub != nil {
			out = append(out, markup.Button{Label: bt.label, Href: m.path + "?" + url.Values{"row": {row}, "open": {bt.label}}.Encode()})
			continue
		}
		out = append(out, markup.Button{Label: bt.label, Name: "press[" + row + "]", Value: bt.label, Ask: b.question(bt), Gives: bt.gives})
	}
	return out
}

// markup is a field, called by its place in the form.
func (f field) markup(i int) markup.Field {
	out := markup.Field{Label: f.label, Name: "f" + strconv.Itoa(i), Value: f.value, Options: f.options}
	switch f.kind {
	case fieldChoice:
		out.Kind = markup.Choice
	case fieldBox:
		out.Kind, out.Value, out.On = markup.Box, "on", f.value == string(beyondtrust.On)
	case fieldFile:
		out.Kind = markup.File
	case fieldPassword:
		out.Kind = markup.Password
	default:
		out.Kind = markup.Text
	}
	return out
}
