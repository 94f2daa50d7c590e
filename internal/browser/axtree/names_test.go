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

// Blanks of the markup are no part of a name: a choice that is told to be " on" is not the one that is known as "on".
func TestNamesWithoutBlanks(t *testing.T) {
	s := parse(t, "radiogroup \"Upgrades\"\n\tradio \" permanently\u00a0 enable: \"\n\tradio \"disable\"")
	boxes, err := s.Boxes(Choice)
	if err != nil || !slices.Equal(boxes, []Box{{Label: "permanently enable"}, {Label: "disable"}}) {
		t.Errorf("Boxes() = %+v, %v", boxes, err)
	}
	controls := s.Controls()
	if len(controls) != 2 || controls[0].Label != "permanently enable:" {
		t.Errorf("Controls() = %+v", controls)
	}
}
