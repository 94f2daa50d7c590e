package axtree

import (
	"fmt"
	"slices"
	"strings"
)

// Value returns the text beside a label: in the same cell behind it, in the next cell of the row, under it in a column, in the
// definition of a term, behind a colon, or in a field. Exactly one place must bear the label.
func (s *Snapshot) Value(l Label, within ...Label) (string, error) {
	q := Query{Kind: Value, Label: l, Within: within}
	in, err := s.place(q)
	if err != nil {
		return "", err
	}
	hits := hitsOf(in, l)
	switch len(hits) {
	case 1:
		return hits[0].text, nil
	case 0:
		return "", &FindError{Query: q, Miss: None, Seen: texts(in)}
	}
	e := &FindError{Query: q, Miss: Several}
	for _, h := range hits {
		text := h.text
		if h.at.hides() {
			text = "(secret)"
		}
		e.Seen = append(e.Seen, fmt.Sprintf("%q", clip(text)))
	}
	return "", e
}

// onlyField is n itself or the one field in it.
func (n *Node) onlyField() (f *Node) {
	if n.fields() != 1 {
		return nil
	}
	n.All(func(m *Node) bool {
		if m.is(Field) {
			f = m
		}
		return f == nil
	})
	return f
}

// beside returns what stands beside a piece of text that is the label.
func (n *Node) beside(l Label) (*Node, string) {
	if p := n.up("button", "link", "menuitem", "tab", "heading", "option", "textbox", "searchbox", "spinbutton", "combobox", "Legend", "columnheader"); p != nil {
		return nil, ""
	}
	if before, after, ok := strings.Cut(n.Name, ":"); ok && strings.TrimSpace(after) != "" && l.Fits(before) {
		return n, strings.TrimSpace(after)
	}
	if !l.Fits(n.Name) {
		return nil, ""
	}
	if n.Names != nil && n.Names.is(Field) { // the label may stand behind its field, and what follows is another thing
		return n.Names, n.Names.Value
	}
	if t := n.up("term"); t != nil && l.Fits(t.Text()) {
		return following(t, "definition")
	}
	if c := n.up(cellRoles...); c != nil && l.Fits(c.Text()) {
		cells := c.up(rowRoles...).cells()
		if i := slices.Index(cells, c); i >= 0 && i+1 < len(cells) {
			return cells[i+1], cells[i+1].Text()
		}
		return nil, ""
	}
	return following(n, "")
}

// following is the next thing with a text behind n, of the role if one is given; what is only punctuation does not count. It
// does not leave the cell, row or section that n is in.
func following(n *Node, role string) (*Node, string) {
	for at := n; at.Parent != nil; at = at.Parent {
		if cell(at) || row(at) || group(at) || at.Role == "form" {
			return nil, ""
		}
		siblings := at.Parent.Children
		for _, m := range siblings[slices.Index(siblings, at)+1:] {
			text := strings.TrimLeft(m.Text(), ": ")
			if role != "" && m.Role != role {
				if m.Role == "term" {
					return nil, "" // a term without a definition
				}
				continue
			}
			if text != "" || m.onlyField() != nil {
				return m, text
			}
		}
	}
	return nil, ""
}

// across returns the cell itself when the heading of its column, or the first cell of its row, is the label.
func (n *Node) across(l Label, inside map[*Node]bool) (*Node, string) {
	r := n.up(rowRoles...)
	if r == nil || n.Role == "columnheader" {
		return nil, ""
	}
	cells := r.cells()
	i := slices.Index(cells, n)
	if i > 0 && !inside[cells[0]] && l.Fits(cells[0].Text()) { // a column was named: the row's own heading is outside it
		return n, n.Text()
	}
	if t := r.up(tableRoles...); t != nil && i >= 0 {
		if heads := t.heads(); i < len(heads) && l.Fits(heads[i].Text()) {
			return n, n.Text()
		}
	}
	return nil, ""
}

// texts lists the pieces of text of a place.
func texts(in []*Node) (out []string) {
	for _, n := range in {
		if n.Role == "StaticText" && !n.Secret && strings.TrimSpace(n.Name) != "" && len(out) < most {
			out = append(out, fmt.Sprintf("%q", clip(strings.TrimSpace(n.Name))))
		}
	}
	return out
}

// Says reports whether a piece of text on the page, or all the text of a box, reads like the label.
func (s *Snapshot) Says(l Label) bool {
	found := false
	s.top().All(func(n *Node) bool {
		found = found || l.Fits(n.Name) && n.Role == "StaticText" || len(n.Children) > 0 && l.Fits(n.Text())
		return !found
	})
	return found
}

// hit is a text beside a label, and the element it stands in.
type hit struct {
	at   *Node
	text string
}

// hitsOf finds every text beside the label, each once.
func hitsOf(in []*Node, l Label) []hit {
	var hits []hit
	add := func(at *Node, text string) {
		if at == nil {
			return
		}
		if f := at.onlyField(); f != nil {
			at, text = f, f.Value
		}
		if !slices.ContainsFunc(hits, func(h hit) bool { return h.at == at }) {
			hits = append(hits, hit{at, text})
		}
	}
	inside := make(map[*Node]bool, len(in))
	for _, n := range in {
		inside[n] = true
	}
	for _, n := range in {
		switch {
		case n.is(Field) && Field.fits(n, l):
			add(n, n.Value)
		case n.Role == "StaticText":
			add(n.beside(l))
		case cell(n):
			add(n.across(l, inside))
		}
	}
	return hits
}
