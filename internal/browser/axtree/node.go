// Package axtree finds buttons, fields and values on a page by the words a person reads, in the accessibility tree that a
// browser makes of it. It is pure: it needs no browser, and its tests are trees written down as text.
//
// The one rule behind all of it: what is pressed is the only thing on the page that bears the label, in the place that was named, or nothing
// is. Labels are compared for equality after [Normalize], never by prefix, substring or likeness. Nothing and several are
// both errors ([FindError]) that say what is there.
package axtree

import (
	"strings"
)

// Node is an element of a page as assistive technology sees it.
type Node struct {
	Role     string // "button", "textbox", "StaticText"
	Name     string // the accessible name
	Weak     bool   // the name comes from a placeholder or a title, which is no label
	Value    string // of a field; of a password field bullets only
	Backend  int64  // the DOM node's id in its browser; 0 for none
	Level    int    // of a heading
	Disabled bool
	Modal    bool   // of a dialog that blocks the rest of the page
	Checked  string // "true", "false", "mixed" or "" for what cannot be ticked
	File     bool   // a button that is <input type=file>
	Password bool   // a field that is <input type=password>
	Secret   bool   // not to be told to people: see [Snapshot.Hide]

	Names *Node // of a text: the element whose label it is, wherever that stands

	Parent   *Node
	Children []*Node
}

// Snapshot is a page at one moment, the frames in it spliced in.
type Snapshot struct {
	Root     *Node
	URL      string // without query and fragment
	Document string // changes with each new document
	Words    Words
}

// All calls f for each node in the order of the page, until f returns false for a node whose children it does not want.
func (n *Node) All(f func(*Node) bool) {
	if n == nil || !f(n) {
		return
	}
	for _, c := range n.Children {
		c.All(f)
	}
}

// Text is what a person reads in n, blanks between the pieces.
func (n *Node) Text() string { return n.words(true) }

// Shown is [Node.Text] without what is secret.
func (n *Node) Shown() string { return n.words(false) }

func (n *Node) words(secrets bool) string {
	var b strings.Builder
	n.All(func(m *Node) bool {
		if m.Secret && !secrets {
			b.WriteString("(secret) ")
			return false
		}
		switch m.Role {
		case "StaticText", "ListMarker":
			b.WriteString(m.Name)
			b.WriteByte(' ')
			return false
		case "LineBreak":
			b.WriteByte(' ')
		}
		return true
	})
	return strings.Join(strings.Fields(b.String()), " ")
}

// raw is like Text without blanks that are not on the page: the pieces of one word stay together.
func (n *Node) raw() string {
	var b strings.Builder
	n.All(func(m *Node) bool {
		switch m.Role {
		case "StaticText", "ListMarker":
			b.WriteString(m.Name)
			return false
		case "LineBreak":
			b.WriteByte(' ')
		}
		return true
	})
	return b.String()
}

// Inside reports whether n is top or lies in it.
func (n *Node) Inside(top *Node) bool {
	for ; n != nil; n = n.Parent {
		if n == top {
			return true
		}
	}
	return false
}

// up returns the nearest node above n with one of the roles.
func (n *Node) up(roles ...string) *Node {
	for p := n.Parent; p != nil; p = p.Parent {
		for _, r := range roles {
			if p.Role == r {
				return p
			}
		}
	}
	return nil
}

// Add appends a child.
func (n *Node) Add(c *Node) {
	c.Parent = n
	n.Children = append(n.Children, c)
}

// Normalize is what two labels are compared by: white space of every kind as one blank, characters without width dropped,
// trailing " : *" cut off, case folded.
func Normalize(s string) string {
	s = strings.Map(func(r rune) rune {
		switch r {
		case '\u200b', '\ufeff', '\u00ad', '\u200c', '\u200d', '\u2060':
			return -1
		case '\u00a0', '\u202f', '\u2007':
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	s = strings.TrimRight(s, " :*")
	return strings.ToLower(strings.ToUpper(s)) // upper first: some letters have two small forms
}

// Label is a wording and its synonyms: other releases, other guides.
type Label []string

// Fits reports whether s reads like one of the wordings. Nothing fits an empty one.
func (l Label) Fits(s string) bool {
	s = Normalize(s)
	if s == "" {
		return false
	}
	for _, w := range l {
		if Normalize(w) == s {
			return true
		}
	}
	return false
}

// String returns the first wording, and how many others there are.
func (l Label) String() string {
	if len(l) == 0 {
		return ""
	}
	return strings.Join(l, " or ")
}
