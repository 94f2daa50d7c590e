package axtree

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is what sort of element a label belongs to.
type Kind string

// Kinds.
const (
	Button  Kind = "button"  // also links, menu entries and tabs that are pressed
	Field   Kind = "field"   // to type in or to choose from
	Check   Kind = "box"     // to tick
	Choice  Kind = "choice"  // one of several
	File    Kind = "file"    // to choose a file for
	Heading Kind = "heading" //
	Value   Kind = "value"   // text beside a label; see [Snapshot.Value]
)

var rolesOf = map[Kind][]string{
	Button:  {"button", "link", "menuitem", "tab", "DisclosureTriangle", "DisclosureTriangleGrouped", "PopUpButton"},
	Field:   {"textbox", "searchbox", "spinbutton", "combobox", "listbox", "ComboBoxMenuButton", "ComboBoxSelect", "TextField"},
	Check:   {"checkbox", "switch"},
	Choice:  {"radio"},
	File:    {"button"},
	Heading: {"heading"},
}

// is reports whether n is of the kind.
func (n *Node) is(k Kind) bool {
	return slices.Contains(rolesOf[k], n.Role) && (n.Role != "button" || n.File == (k == File))
}

// holds reports whether n is something a person fills in.
func (n *Node) fillable() bool {
	return n.is(Field) || n.is(Check) || n.is(Choice) || n.is(File)
}

// Query says what is looked for, and where.
type Query struct {
	Kind   Kind
	Label  Label
	Within []Label // each narrows the place: a section by its heading, a group or box by its name, a table's row by one of its cells
}

// Miss says how finding failed.
type Miss int

// Ways to fail.
const (
	None    Miss = iota + 1 // nothing fits
	Several                 // more than one fits
	Off                     // the only one that fits is disabled
)

// FindError says that there is not exactly one element that fits.
type FindError struct {
	Query  Query
	Miss   Miss
	Detail string   // which place was missing or double
	Seen   []string // what there is of the kind, or each place that fits
}

// Error says it in one line.
func (e *FindError) Error() string {
	words := map[Miss]string{None: "there is no", Several: "there is more than one", Off: "disabled is the only"}
	s := fmt.Sprintf("%s %s %q", words[e.Miss], e.Query.Kind, e.Query.Label)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if len(e.Seen) > 0 {
		s += "; there: " + strings.Join(e.Seen, ", ")
	}
	return s
}

// Find returns the one element that fits.
func (s *Snapshot) Find(q Query) (*Node, error) {
	in, err := s.place(q)
	if err != nil {
		return nil, err
	}
	var hits []*Node
	for _, n := range in {
		if n.is(q.Kind) && q.Kind.fits(n, q.Label) {
			hits = append(hits, n)
		}
	}
	hits = inner(hits)
	switch {
	case len(hits) == 0:
		return nil, &FindError{Query: q, Miss: None, Seen: seen(in, q.Kind)}
	case len(hits) > 1:
		return nil, &FindError{Query: q, Miss: Several, Seen: where(hits)}
	case hits[0].Disabled:
		return nil, &FindError{Query: q, Miss: Off}
	}
	return hits[0], nil
}

// Has reports whether exactly one element fits, disabled or not.
func (s *Snapshot) Has(q Query) bool {
	_, err := s.Find(q)
	f, _ := err.(*FindError)
	return err == nil || f != nil && f.Miss == Off
}

// fits compares an element's label with the wanted one.
func (k Kind) fits(n *Node, l Label) bool {
	switch k {
	case Button, Heading:
		return l.Fits(n.Name) || l.Fits(n.Text()) || l.Fits(n.raw())
	}
	if n.Name != "" && !n.Weak {
		return l.Fits(n.Name)
	}
	return l.Fits(n.adjacent())
}

// told is a name as people say it: the blanks around it and within are those of the markup.
func told(name string) string { return strings.Join(strings.Fields(name), " ") }

// label is what an element is called, for people.
func (n *Node) label() string {
	switch {
	case n.Secret && !n.fillable():
		return "(secret)"
	case n.fillable() && (n.Name == "" || n.Weak):
		if a := n.adjacent(); a != "" {
			return a
		}
		return "(without a label)"
	case n.Name != "":
		return told(n.Name)
	}
	return n.Shown()
}

// inner drops every hit that holds another one: of <a><button>X</button></a> the button stays.
func inner(hits []*Node) []*Node {
	return slices.DeleteFunc(slices.Clone(hits), func(n *Node) bool {
		return slices.ContainsFunc(hits, func(m *Node) bool { return m != n && m.Inside(n) })
	})
}

const most = 40 // lines of what was seen

// seen lists what there is of a kind.
func seen(in []*Node, k Kind) []string {
	var out []string
	for _, n := range in {
		if n.is(k) && len(out) < most {
			out = append(out, fmt.Sprintf("%q", n.label()))
		}
	}
	return out
}

// where tells several hits apart by what is above them.
func where(hits []*Node) []string {
	var out []string
	for _, n := range hits {
		at := n.Role + " " + fmt.Sprintf("%q", n.label())
		if place := n.whereabouts(); place != "" {
			at += fmt.Sprintf(" in %q", place)
		}
		if len(out) < most {
			out = append(out, at)
		}
	}
	return out
}

func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// adjacent is the text that stands where a label would: in a row of a table the whole cell to the left, if the field is alone in its cell and
// there is no field in that one; otherwise the text before it, in the smallest box that holds no other field.
func (n *Node) adjacent() string {
	if c := n.up(cellRoles...); c != nil && c.fields() == 1 {
		if left := c.left(); left != nil {
			if left.fields() == 0 && left.Text() != "" {
				return left.Text()
			}
		}
	}
	for box := n.Parent; box != nil && box.fields() == 1; box = box.Parent {
		before, after := box.around(n)
		if before != "" {
			return before
		}
		if after != "" && (n.is(Check) || n.is(Choice)) {
			return after
		}
	}
	return ""
}

// fields counts what can be filled in inside n.
func (n *Node) fields() (count int) {
	n.All(func(m *Node) bool {
		if m.fillable() {
			count++
			return false
		}
		return true
	})
	return count
}

// around is the text of n before and after the element e in it.
func (n *Node) around(e *Node) (before, after string) {
	var b, a []string
	passed := false
	n.All(func(m *Node) bool {
		if m == e {
			passed = true
			return false
		}
		if m.Role == "StaticText" {
			if passed {
				a = append(a, m.Name)
			} else {
				b = append(b, m.Name)
			}
			return false
		}
		return true
	})
	join := func(s []string) string { return strings.Join(strings.Fields(strings.Join(s, " ")), " ") }
	return join(b), join(a)
}
