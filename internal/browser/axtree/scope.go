package axtree

import (
	"fmt"
	"slices"
	"strings"
)

var (
	cellRoles  = []string{"cell", "gridcell", "rowheader", "columnheader", "LayoutTableCell"}
	rowRoles   = []string{"row", "LayoutTableRow"}
	tableRoles = []string{"table", "grid", "treegrid", "LayoutTable"}
	groupRoles = []string{"group", "region", "form", "tabpanel", "radiogroup", "article", "dialog", "alertdialog", "table", "grid", "Details"}
)

func row(n *Node) bool   { return slices.Contains(rowRoles, n.Role) }
func cell(n *Node) bool  { return slices.Contains(cellRoles, n.Role) }
func group(n *Node) bool { return slices.Contains(groupRoles, n.Role) }

// cells are the cells of a row, not those of a table inside it.
func (n *Node) cells() (out []*Node) {
	for _, c := range n.Children {
		c.All(func(m *Node) bool {
			if cell(m) {
				out = append(out, m)
				return false
			}
			return !row(m)
		})
	}
	return out
}

// left is the cell directly to the left of a cell, if any.
func (n *Node) left() *Node {
	r := n.up(rowRoles...)
	if r == nil {
		return nil
	}
	cells := r.cells()
	if i := slices.Index(cells, n); i > 0 {
		return cells[i-1]
	}
	return nil
}

// rows are the rows of a table, not those of a table inside it.
func (n *Node) rows() (out []*Node) {
	for _, c := range n.Children {
		c.All(func(m *Node) bool {
			if row(m) {
				out = append(out, m)
				return false
			}
			return !slices.Contains(tableRoles, m.Role)
		})
	}
	return out
}

// data reports whether a row has anything but headings of columns and cells that hold nothing.
func (n *Node) data() bool {
	return slices.ContainsFunc(n.cells(), func(c *Node) bool { return c.Role != "columnheader" && (c.Text() != "" || len(c.Children) > 0) })
}

// heads are the column headings of a table: its first row, if it has nothing but headings.
func (n *Node) heads() []*Node {
	rows := n.rows()
	if len(rows) == 0 {
		return nil
	}
	cells := rows[0].cells()
	if len(cells) == 0 || slices.ContainsFunc(cells, func(c *Node) bool { return c.Role != "columnheader" && c.Text() != "" }) {
		return nil
	}
	return cells
}

// place returns the elements of the named place, in the order of the page. An open modal box hides the rest of the page before
// anything is looked for.
func (s *Snapshot) place(q Query) ([]*Node, error) {
	in := flat(s.top())
	for _, l := range q.Within {
		var found [][]*Node
		for _, n := range in {
			found = append(found, n.containers(l, in)...)
		}
		found = innermost(found)
		detail := fmt.Sprintf("the place %q", l)
		if len(found) == 0 {
			return nil, &FindError{Query: q, Miss: None, Detail: detail + " is not there", Seen: places(in)}
		}
		if len(found) > 1 {
			return nil, &FindError{Query: q, Miss: Several, Detail: detail + " is there more than once"}
		}
		in = found[0]
	}
	return in, nil
}

// top is the open modal box, the innermost where one lies over another, or the page.
func (s *Snapshot) top() *Node {
	top := s.Root
	s.Root.All(func(n *Node) bool {
		if n.Modal {
			top = n
		}
		return true
	})
	return top
}

func flat(n *Node) (out []*Node) {
	n.All(func(m *Node) bool {
		out = append(out, m)
		return true
	})
	return out
}

// containers returns what n, fitting l, holds: a row for one of its cells, a group for its name, a section for its heading, a column for its
// heading.
func (n *Node) containers(l Label, in []*Node) (found [][]*Node) {
	switch {
	case row(n):
		if n.data() && slices.ContainsFunc(n.cells(), func(c *Node) bool { return l.Fits(c.Text()) }) {
			found = append(found, flat(n))
		}
	case n.called(l):
		found = append(found, flat(n))
	case n.is(Heading) && Heading.fits(n, l) && !n.headed(l):
		found = append(found, section(n, in))
	}
	if slices.Contains(tableRoles, n.Role) {
		for i, h := range n.heads() {
			if l.Fits(h.Text()) {
				var column []*Node
				for _, r := range n.rows()[1:] {
					if c := r.cells(); i < len(c) {
						column = append(column, flat(c[i])...)
					}
				}
				found = append(found, column)
			}
		}
	}
	return found
}

// legend is the text of a group's legend or caption.
func (n *Node) legend() string {
	for _, c := range n.Children {
		if c.Role == "Legend" || c.Role == "caption" || c.Role == "Caption" {
			return c.Text()
		}
	}
	return ""
}

// headed reports whether a heading is that of a group which is itself the place: what the group holds is meant then, and not what follows it.
func (n *Node) headed(l Label) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.called(l) {
			return true
		}
	}
	return false
}

// called reports whether n is a group or a card of that name.
func (n *Node) called(l Label) bool {
	return group(n) && (l.Fits(n.Name) || l.Fits(n.legend())) || card(n) && l.Fits(n.head())
}

// section is what stands under a heading, up to the next one of the same or a higher level, or to the box that one stands in.
func section(h *Node, in []*Node) []*Node {
	i := slices.Index(in, h)
	end := len(in)
	for j := i + 1; j < len(in); j++ {
		if in[j].is(Heading) && in[j].Level <= h.Level {
			end = j
			for end > i+1 && in[j].Inside(in[end-1]) {
				end--
			}
			break
		}
	}
	return in[i:end]
}

// innermost keeps, of places that lie in one another, the inner one. With more places than a page has that is worth pressing on it keeps all, which is
// too many in any case.
func innermost(found [][]*Node) [][]*Node {
	const most = 64
	if len(found) > most {
		return found
	}
	sets := make([]map[*Node]bool, len(found))
	for i, place := range found {
		sets[i] = make(map[*Node]bool, len(place))
		for _, n := range place {
			sets[i][n] = true
		}
	}
	var out [][]*Node
	for i, a := range found {
		holds := slices.ContainsFunc(found, func(b []*Node) bool { // a holds all of b, and more
			return len(b) > 0 && len(b) < len(a) && !slices.ContainsFunc(b, func(n *Node) bool { return !sets[i][n] })
		})
		if !holds {
			out = append(out, a)
		}
	}
	return out
}

// places lists what could be named as a place.
func places(in []*Node) (out []string) {
	add := func(s string) {
		if s = strings.TrimSpace(s); s != "" && len(out) < most {
			out = append(out, fmt.Sprintf("%q", clip(s)))
		}
	}
	for _, n := range in {
		switch {
		case n.is(Heading):
			add(n.Shown())
		case group(n) && !n.Secret:
			add(n.Name)
		case row(n):
			if c := n.cells(); len(c) > 0 {
				add(c[0].Shown())
			}
		}
	}
	return out
}

// Headings lists the headings of the page, for people.
func (s *Snapshot) Headings() (out []string) {
	s.Root.All(func(n *Node) bool {
		if n.is(Heading) {
			out = append(out, clip(n.Shown()))
			return false
		}
		return true
	})
	return out
}
