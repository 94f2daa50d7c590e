package axtree

import (
	"fmt"
	"slices"
)

// Row is a row of a table, its cells by the headings of their columns.
type Row struct {
	Cells []string          // in the order of the page
	By    map[string]string // by the normalised heading of the column; empty where the table has none
	Node  *Node
}

// Cell is the text in the column with one of the headings.
func (r Row) Cell(l Label) string {
	for _, w := range l {
		if v, ok := r.By[Normalize(w)]; ok {
			return v
		}
	}
	return ""
}

// Rows returns the data rows of the one table that has all the columns named. With a label alone a column of that heading is
// enough.
func (s *Snapshot) Rows(column Label, within ...Label) ([]Row, error) {
	q := Query{Kind: "table", Label: column, Within: within}
	in, err := s.place(q)
	if err != nil {
		return nil, err
	}
	var tables []*Node
	var seen []string
	for _, n := range in {
		if !slices.Contains(tableRoles, n.Role) {
			continue
		}
		for _, h := range n.heads() {
			if column.Fits(h.Text()) {
				tables = append(tables, n)
			}
			seen = append(seen, fmt.Sprintf("%q", h.Text()))
		}
	}
	switch {
	case len(tables) == 0:
		return nil, &FindError{Query: q, Miss: None, Seen: seen}
	case len(tables) > 1:
		return nil, &FindError{Query: q, Miss: Several}
	}
	heads := tables[0].heads()
	var out []Row
	for _, r := range tables[0].rows()[1:] {
		row := Row{By: map[string]string{}, Node: r}
		for i, c := range r.cells() {
			text := c.Text()
			row.Cells = append(row.Cells, text)
			if i < len(heads) {
				row.By[Normalize(heads[i].Text())] = text
			}
		}
		out = append(out, row)
	}
	return out, nil
}
