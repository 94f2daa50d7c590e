package axtree

import (
	"slices"
	"testing"
)

// A colon leads from a label to what it names; it is not part of a name that is told to anybody.
func TestNamesWithoutColon(t *testing.T) {
	s := parse(t, `
LayoutTable
	LayoutTableRow
		LayoutTableCell
			"CPU:"
		LayoutTableCell
			"OK: cool"
	LayoutTableRow
		LayoutTableCell
			"Shared IP 192.0.2.10 :"
		LayoutTableCell
			checkbox
`)
	pairs, err := s.Pairs()
	if err != nil || len(pairs) == 0 || pairs[0] != (Pair{"CPU", "OK: cool"}) {
		t.Errorf("Pairs() = %q, %v; want CPU first", pairs, err)
	}
	boxes, err := s.Boxes(Check)
	if err != nil || !slices.Equal(boxes, []Box{{Label: "Shared IP 192.0.2.10"}}) {
		t.Errorf("Boxes() = %+v, %v", boxes, err)
	}
}
