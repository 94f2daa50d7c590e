package axtree

import (
	"cmp"
	"slices"
	"strings"
)

// Items are the things that a place lists, as pages of their own: what is looked for in one is looked for in it alone. They are the rows of its tables,
// without those of headings and those that hold other items; entries of lists and named groups that have a heading or something to press; and where there is
// none of these, what stands under each heading.
func (s *Snapshot) Items(within ...Label) ([]*Snapshot, error) {
	in, err := s.place(Query{Kind: "table", Within: within})
	if err != nil || len(in) == 0 {
		return nil, err
	}
	var items []*Node
	for _, n := range in[1:] { // not the place itself
		if row(n) && n.data() || card(n) {
			items = append(items, n)
		}
	}
	if row(in[0]) && len(items) == 0 {
		items = append(items, in[0])
	}
	items = slices.DeleteFunc(items, func(n *Node) bool { return row(n) && holdsRows(n) })
	items = inner(items)
	if len(items) == 0 {
		items = s.sections(in)
	}
	return s.each(items), nil
}

// each makes a page of each part of this one.
func (s *Snapshot) each(parts []*Node) (out []*Snapshot) {
	for _, n := range parts {
		out = append(out, &Snapshot{Root: n, URL: s.URL, Document: s.Document, Words: s.Words})
	}
	return out
}

// Under are the smallest parts of a place that stand under a heading and tell a value with the label: for a page whose items are neither rows nor cards, while something
// else on it, a menu or a form, is.
func (s *Snapshot) Under(l Label, within ...Label) ([]*Snapshot, error) {
	in, err := s.place(Query{Kind: "table", Within: within})
	if err != nil || len(in) == 0 {
		return nil, err
	}
	var tell []*Node
	for _, n := range s.sections(in) {
		if v, err := s.each([]*Node{n})[0].Value(l); err == nil && v != "" {
			tell = append(tell, n)
		}
	}
	return s.each(slices.DeleteFunc(slices.Clone(tell), func(n *Node) bool {
		return slices.ContainsFunc(tell, func(m *Node) bool { return m != n && n.holds(m) })
	})), nil
}

// holds reports whether all that stands in m stands in n too, which has more.
func (n *Node) holds(m *Node) bool {
	has := map[*Node]bool{}
	n.All(func(x *Node) bool { has[x] = true; return true })
	here, there := len(has)-1, 0
	all := true
	m.All(func(x *Node) bool {
		if x != m {
			all, there = all && has[x], there+1
		}
		return true
	})
	return all && there < here
}

// card reports whether n is one of several things that are shown beside or below each other without a table.
func card(n *Node) bool {
	switch n.Role {
	case "article", "listitem", "group", "region", "Details":
	default:
		return false
	}
	if n.up(rowRoles...) != nil && n.up("table", "grid", "treegrid") != nil {
		return false // in a table of data it is a part of the row
	}
	own := false
	n.All(func(m *Node) bool {
		own = own || m.is(Heading) || (n.Role == "listitem" || n.Role == "article") && m.is(Button)
		return !own
	})
	return own
}

// sections are what stands under each heading below the one that the place begins with.
func (s *Snapshot) sections(in []*Node) (out []*Node) {
	for _, h := range in[1:] {
		if !h.is(Heading) || in[0].is(Heading) && h.Level <= in[0].Level {
			continue
		}
		under := section(h, in)
		has := make(map[*Node]bool, len(under))
		for _, n := range under {
			has[n] = true
		}
		top := &Node{Role: "section", Parent: h.Parent}
		for _, n := range under {
			if !has[n.Parent] {
				top.Children = append(top.Children, n) // which stay where they are in the tree
			}
		}
		out = append(out, top)
	}
	return out
}

func holdsRows(n *Node) bool {
	return slices.ContainsFunc(n.Children, func(c *Node) bool {
		found := false
		c.All(func(m *Node) bool {
			found = found || row(m)
			return !found
		})
		return found
	})
}

// Head is what an item that [Snapshot.Items] gave is called: the first cell of a row; the heading or the name of another one, or its first text.
func (s *Snapshot) Head() string { return s.Root.head() }

func (n *Node) head() string {
	if row(n) {
		if c := n.cells(); len(c) > 0 {
			return c[0].Text()
		}
		return ""
	}
	heading, first := "", ""
	n.All(func(m *Node) bool {
		switch {
		case heading == "" && m.is(Heading):
			heading = m.Text()
		case first == "" && (m.Role == "StaticText" && strings.TrimSpace(m.Name) != ""):
			first = strings.TrimSpace(m.Name)
		}
		return true
	})
	return cmp.Or(heading, n.legend(), told(n.Name), first)
}

// bare is a label without the colon that leads to what it names.
func bare(label string) string { return strings.TrimRight(told(label), " :") }

// Box is something to tick, or one of several choices.
type Box struct {
	Label string
	On    bool
}

// Boxes lists the boxes, or the choices, in a place.
func (s *Snapshot) Boxes(k Kind, within ...Label) ([]Box, error) {
	in, err := s.place(Query{Kind: k, Within: within})
	if err != nil {
		return nil, err
	}
	var out []Box
	for _, n := range in {
		if n.is(k) {
			out = append(out, Box{Label: bare(n.label()), On: n.Checked == "true"})
		}
	}
	return out, nil
}

// Pair is a label and the text beside it.
type Pair struct{ Label, Text string }

// Pairs lists what a place tells: terms with their definitions, and rows of two cells; where there is none of these, texts with a colon inside.
func (s *Snapshot) Pairs(within ...Label) ([]Pair, error) {
	in, err := s.place(Query{Kind: Value, Within: within})
	if err != nil {
		return nil, err
	}
	var out []Pair
	for _, n := range in {
		switch {
		case n.Role == "term":
			_, text := following(n, "definition")
			out = append(out, Pair{bare(n.Text()), text})
		case row(n) && !holdsRows(n):
			if c := n.cells(); len(c) == 2 && c[1].Role != "columnheader" {
				out = append(out, Pair{bare(c[0].Text()), c[1].Text()})
			}
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	for _, n := range in {
		if n.Role != "paragraph" && n.Role != "listitem" {
			continue
		}
		if label, text, ok := strings.Cut(n.Text(), ":"); ok && strings.TrimSpace(text) != "" {
			out = append(out, Pair{strings.TrimSpace(label), strings.TrimSpace(text)})
		}
	}
	return out, nil
}

// Texts lists the paragraphs of the page, and what is marked as a message.
func (s *Snapshot) Texts() (out []string) {
	s.Root.All(func(n *Node) bool {
		if slices.Contains([]string{"paragraph", "alert", "status"}, n.Role) {
			if text := n.Text(); text != "" {
				out = append(out, text)
			}
			return false
		}
		return true
	})
	return out
}
