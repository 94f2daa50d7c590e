package axtree

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The same two updates, listed in every way a page may list them, and what each item is called and holds.
func TestItems(t *testing.T) {
	pages := map[string]string{
		"rows": `
heading "Updates" level=1
heading "Available Updates" level=2
table
	row
		columnheader "Package"
		columnheader "Licenses"
		columnheader
	row
		cell "Base 1"
		cell "5"
		cell
			list
				listitem
					button "Install" id=1
	row
		cell "Site 2"
		cell "6"
		cell
			button "Install" id=2
heading "Manual Installation" level=2
button "Install" id=9
`,
		"rows of a page that is laid out by a table": `
LayoutTable
	LayoutTableRow
		LayoutTableCell
			list
				listitem
					link "Updates"
		LayoutTableCell
			heading "Available Updates" level=2
			LayoutTable
				LayoutTableRow
					LayoutTableCell
						"Base 1"
					LayoutTableCell
						"Licenses: 5"
					LayoutTableCell
						link "Install" id=1
				LayoutTableRow
					LayoutTableCell
						"Site 2"
					LayoutTableCell
						"Licenses: 6"
					LayoutTableCell
						link "Install" id=2
`,
		"list": `
heading "Available Updates" level=2
list
	listitem
		strong
			"Base 1"
		list
			listitem
				"Licenses: 5"
		button "Install" id=1
	listitem
		strong
			"Site 2"
		"Licenses: 6"
		button "Install" id=2
heading "More" level=2
list
	listitem
		button "Other"
`,
		"cards": `
region "Available Updates"
	article
		heading "Base 1" level=3
		DescriptionList
			term
				"Licenses"
			definition
				"5"
		button "Install" id=1
	article
		heading "Site 2" level=3
		DescriptionList
			term
				"Licenses"
			definition
				"6"
		button "Install" id=2
`,
		"headings": `
heading "Available Updates" level=2
heading "Base 1" level=3
"Licenses: 5"
button "Install" id=1
heading "Site 2" level=3
"Licenses: 6"
button "Install" id=2
heading "Manual" level=2
button "Install" id=9
`,
	}
	at := Label{"Available Updates"}
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			s := parse(t, page)
			items, err := s.Items(at)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, item := range items {
				licenses, err := item.Value(Label{"Licenses"})
				if err != nil {
					t.Error(err)
				}
				b, err := item.Find(Query{Kind: Button, Label: Label{"Install"}})
				if err != nil {
					t.Fatal(err)
				}
				again, err := s.Find(Query{Kind: Button, Label: Label{"Install"}, Within: []Label{at, {item.Head()}}})
				if err != nil || again != b {
					t.Errorf("the button in %q: %v, %v, want the item's", item.Head(), again, err)
				}
				got = append(got, fmt.Sprint(item.Head(), ", ", licenses, ", ", b.Backend))
			}
			if diff := cmp.Diff([]string{"Base 1, 5, 1", "Site 2, 6, 2"}, got); diff != "" {
				t.Errorf("Items() (-want +got):\n%s", diff)
			}
		})
	}
	for name, page := range map[string]string{
		"an empty place": "heading \"Available Updates\" level=2\nparagraph\n\t\"There are none.\"\n",
		"an empty group": "region \"Available Updates\"\n\tparagraph\n\t\t\"There are none.\"\n",
	} {
		if items, err := parse(t, page).Items(at); err != nil || len(items) > 0 {
			t.Errorf("%s: %d items, %v; want none", name, len(items), err)
		}
	}
}

// Certificates one below the other, each under its name, are the items also where the menu is a list and a form a group with a heading.
func TestUnder(t *testing.T) {
	s := parse(t, `
navigation
	list
		listitem
			link "Status"
heading "Certificates" level=1
heading "Installed" level=2
heading "access.example.com" level=3
button "Export" id=7
DescriptionList
	term
		"Issued To"
	definition
		"access.example.com"
	term
		"Private Key"
	definition
		"yes"
heading "other.example.com" level=3
button "Export" id=8
DescriptionList
	term
		"Issued To"
	definition
		"other.example.com"
group "Installation"
	heading "Installation" level=2
	button "Import"
`)
	items, err := s.Under(Label{"Issued To"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range items {
		to, err := i.Value(Label{"Issued To"})
		if err != nil {
			t.Error(err)
		}
		key, _ := i.Value(Label{"Private Key"})
		got = append(got, fmt.Sprintf("%s: %s key %q", i.Head(), to, key))
	}
	if d := cmp.Diff([]string{`access.example.com: access.example.com key "yes"`, `other.example.com: other.example.com key ""`}, got); d != "" {
		t.Errorf("Under() (-want +got):\n%s", d)
	}
	if none, err := s.Under(Label{"Serial Number"}); len(none) > 0 || err != nil {
		t.Errorf("Under(Serial Number) = %d items, %v", len(none), err)
	}
}
