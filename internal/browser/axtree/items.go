package axtree

import "slices"

// Items are the rows of the tables in a place, as pages of their own: what is looked for in one is looked for in that row. Rows of headings, and
// rows that hold other rows, are left out.
func (s *Snapshot) Items(within ...Label) ([]*Snapshot, error) {
	in, err := s.place(Query{Kind: "table", Within: within})
	if err != nil {
		return nil, err
	}
	var out []*Snapshot
	for _, n := range in {
		if !row(n) || holdsRows(n) || !slices.ContainsFunc(n.cells(), func(c *Node) bool { return c.Role != "columnheader" }) {
			continue
		}
		out = append(out, &Snapshot{Root: n, URL: s.URL, Document: s.Document})
	}
	return out, nil
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

// Head is the text of the first cell of a row that [Snapshot.Items] gave.
func (s *Snapshot) Head() string {
	if c := s.Root.cells(); len(c) > 0 {
		return c[0].Text()
	}
	return ""
}

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
			out = append(out, Box{Label: n.label(), On: n.Checked == "true"})
		}
	}
	return out, nil
}

// Pair is a label and the text beside it.
type Pair struct{ Label, Text string }

// Pairs lists what a place tells: terms with their definitions, and rows of two cells.
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
			out = append(out, Pair{n.Text(), text})
		case row(n) && !holdsRows(n):
			if c := n.cells(); len(c) == 2 && c[1].Role != "columnheader" {
				out = append(out, Pair{c[0].Text(), c[1].Text()})
			}
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
