package axtree

import "testing"

// A place that is named by a heading ends where the next one begins, whatever boxes they stand in.
func TestPlace(t *testing.T) {
	pages := map[string]string{
		"headings in a row": `
heading "Node" level=1
heading "This node" level=2
button "Shutdown" id=1
heading "Other node" level=2
button "Shutdown" id=2
button "Log out"
`,
		"a named group each, headed alike": `
region "This node"
	heading "This node" level=2
	button "Shutdown" id=1
region "Other node"
	heading "Other node" level=2
	button "Shutdown" id=2
contentinfo
	button "Log out"
`,
		"a group each, without a name": `
article
	heading "This node" level=2
	button "Shutdown" id=1
article
	heading "Other node" level=2
	button "Shutdown" id=2
paragraph
	"Shutdown means off."
`,
		"boxes": `
section
	heading "This node" level=2
	button "Shutdown" id=1
section
	section
		heading "Other node" level=2
	button "Shutdown" id=2
`,
		"columns": `
table
	row
		columnheader
		columnheader "This node"
		columnheader "Other node"
	row
		rowheader "State"
		cell "HA"
		cell "HA"
	row
		rowheader
		cell
			button "Shutdown" id=1
		cell
			button "Shutdown" id=2
`,
		"columns under an empty cell": `
table
	row
		cell
		columnheader "This node"
		columnheader "Other node"
	row
		rowheader
		cell
			button "Shutdown" id=1
		cell
			button "Shutdown" id=2
`,
		"groups with a legend": `
group
	Legend
		"This node"
	button "Shutdown" id=1
group
	Legend
		"Other node"
	button "Shutdown" id=2
`,
	}
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			for place, want := range map[string]int64{"This node": 1, "Other node": 2} {
				n, err := parse(t, page).Find(Query{Kind: Button, Label: Label{"Shutdown"}, Within: []Label{{place}}})
				if err != nil {
					t.Error(err)
				} else if n.Backend != want {
					t.Errorf("in %s: found button %d, want %d", place, n.Backend, want)
				}
			}
		})
	}
}
