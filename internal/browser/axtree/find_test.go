package axtree

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNormalize(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"blanks of all kinds":       {"\tActivate\u00a0 \n Slave ", "activate slave"},
		"characters without width":  {"Re\u00adboot\u200b\ufeff", "reboot"},
		"a colon and a star":        {"Host Name or IP Address: *", "host name or ip address"},
		"upper-casing style sheets": {"ACTIVATE SLAVE", "activate slave"},
		"a colon inside stays":      {"Failover :: Configuration", "failover :: configuration"},
		"nothing":                   {" :* ", ""},
		"what has two small forms":  {"ΣΑΣ", "σασ"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Normalize(tt.in); got != tt.want {
				t.Errorf("Normalize(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

const pair = `
heading "High Availability" level=1
table
	row
		cell "Status"
		cell "HA"
	row
		cell "This node"
		cell
			button "Reboot" id=101
		cell
			button "Shutdown" id=102
	row
		cell "Other node"
		cell
			button "Reboot" id=103
		cell
			button "Shutdown" id=104
button "Activate Slave" id=105
button "Save and reboot" id=106
`

func TestFind(t *testing.T) {
	tests := map[string]struct {
		page   string
		kind   Kind
		label  Label
		within []Label
		want   int64 // the element's id, or
		miss   Miss
	}{
		"the only one":                     {page: pair, label: Label{"Activate Slave"}, want: 105},
		"whatever its case and blanks":     {page: pair, label: Label{"ACTIVATE\u00a0slave:"}, want: 105},
		"never a part of a label":          {page: pair, label: Label{"Activate"}, miss: None},
		"never a label in a longer one":    {page: pair, label: Label{"Save"}, miss: None},
		"two without a row":                {page: pair, label: Label{"Shutdown"}, miss: Several},
		"one with a row":                   {page: pair, label: Label{"Shutdown"}, within: []Label{{"Other node"}}, want: 104},
		"a row that is not there":          {page: pair, label: Label{"Shutdown"}, within: []Label{{"Third node"}}, miss: None},
		"an empty label":                   {page: pair, label: Label{""}, miss: None},
		"no label":                         {page: pair, miss: None},
		"two synonyms, both there":         {page: pair, label: Label{"Activate Slave", "Save and reboot"}, miss: Several},
		"under a heading":                  {page: pair, label: Label{"Activate Slave"}, within: []Label{{"High Availability"}}, want: 105},
		"disabled":                         {page: "button \"Upload\" disabled", label: Label{"Upload"}, miss: Off},
		"a link that looks like a button":  {page: "link \"Sync Now\" id=7", label: Label{"Sync Now"}, want: 7},
		"a button in a link":               {page: "link \"Go\" id=7\n\tbutton \"Go\" id=8", label: Label{"Go"}, want: 8},
		"visible text beside another name": {page: "button \"Save account settings\" id=7\n\t\"Save\"", label: Label{"Save"}, want: 7},
		"the other name":                   {page: "button \"Save account settings\" id=7\n\t\"Save\"", label: Label{"Save account settings"}, want: 7},
		"text in pieces":                   {page: "button \"\" id=7\n\t\"Re\"\n\t\"boot\"", label: Label{"Reboot"}, want: 7},
		"a file field is no button":        {page: "button \"Browse\" file id=7", label: Label{"Browse"}, miss: None},
		"a file field":                     {page: "button \"Browse\" file id=7", kind: File, label: Label{"Browse"}, want: 7},
		"plain text is no button":          {page: "\"Reboot\"", label: Label{"Reboot"}, miss: None},

		"a field by its label":                  {page: "textbox \"Port\" id=7", kind: Field, label: Label{"TLS Port:", "Port"}, want: 7},
		"a placeholder is no label":             {page: "textbox \"Port\" weak id=7", kind: Field, label: Label{"Port"}, miss: None},
		"the cell to the left":                  {page: "table\n\trow\n\t\tcell \"Port:\"\n\t\tcell\n\t\t\ttextbox \"\" id=7", kind: Field, label: Label{"Port"}, want: 7},
		"the cell to the left of a placeholder": {page: "table\n\trow\n\t\tcell \"Port:\"\n\t\tcell\n\t\t\ttextbox \"443\" weak id=7", kind: Field, label: Label{"Port"}, want: 7},
		"two fields share a cell":               {page: "table\n\trow\n\t\tcell \"Port:\"\n\t\tcell\n\t\t\ttextbox \"\" id=7\n\t\t\ttextbox \"\" id=8", kind: Field, label: Label{"Port"}, miss: None},
		"text before it in its box":             {page: "generic\n\t\"Port\"\n\ttextbox \"\" id=7\ngeneric\n\t\"Host\"\n\ttextbox \"\" id=8", kind: Field, label: Label{"Port"}, want: 7},
		"a box of two fields names neither":     {page: "generic\n\t\"Port\"\n\ttextbox \"\" id=7\n\ttextbox \"\" id=8", kind: Field, label: Label{"Port"}, miss: None},
		"strong and adjacent are two":           {page: "textbox \"Port\" id=7\ngeneric\n\t\"Port\"\n\ttextbox \"\" id=8", kind: Field, label: Label{"Port"}, miss: Several},
		"text behind a box to tick":             {page: "generic\n\tcheckbox \"\" id=7\n\t\"Enabled\"", kind: Check, label: Label{"Enabled"}, want: 7},

		"a modal box hides the page":         {page: "button \"OK\" id=7\ndialog \"Sure?\" modal\n\tbutton \"OK\" id=8", label: Label{"OK"}, want: 8},
		"what is behind a modal box":         {page: "button \"Reboot\" id=7\ndialog \"Sure?\" modal\n\tbutton \"OK\" id=8", label: Label{"Reboot"}, miss: None},
		"a section ends at the next heading": {page: "heading \"A\" level=2\nbutton \"Save\" id=7\nheading \"B\" level=2\nbutton \"Save\" id=8", label: Label{"Save"}, within: []Label{{"A"}}, want: 7},
		"a deeper heading does not end it":   {page: "heading \"A\" level=2\nheading \"A1\" level=3\nbutton \"Save\" id=7\nheading \"B\" level=2\nbutton \"Save\" id=8", label: Label{"Save"}, within: []Label{{"A"}}, want: 7},
		"a group by its name":                {page: "group \"System control\"\n\tbutton \"Reboot\" id=7\nbutton \"Reboot\" id=8", label: Label{"Reboot"}, within: []Label{{"System control"}}, want: 7},
		"two places of one name":             {page: "group \"A\"\n\tbutton \"Save\"\ngroup \"A\"\n\tbutton \"Save\"", label: Label{"Save"}, within: []Label{{"A"}}, miss: Several},
		"a column": {page: "table\n\trow\n\t\tcolumnheader \"\"\n\t\tcolumnheader \"This node\"\n\t\tcolumnheader \"Other node\"\n\trow\n\t\tcell \"\"\n\t\tcell\n\t\t\tbutton \"Shutdown\" id=7\n\t\tcell\n\t\t\tbutton \"Shutdown\" id=8",
			label: Label{"Shutdown"}, within: []Label{{"Other node"}}, want: 8},
		"a row of a table inside another": {page: "LayoutTable\n\tLayoutTableRow\n\t\tLayoutTableCell\n\t\t\ttable\n\t\t\t\trow\n\t\t\t\t\tcell \"7.0.2\"\n\t\t\t\t\tcell\n\t\t\t\t\t\tbutton \"Test\" id=7\n\t\t\t\trow\n\t\t\t\t\tcell \"7.0.3\"\n\t\t\t\t\tcell\n\t\t\t\t\t\tbutton \"Test\" id=8",
			label: Label{"Test"}, within: []Label{{"7.0.3"}}, want: 8},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.kind == "" {
				tt.kind = Button
			}
			n, err := parse(t, tt.page).Find(Query{Kind: tt.kind, Label: tt.label, Within: tt.within})
			if err == nil {
				if tt.miss != 0 || n.Backend != tt.want {
					t.Errorf("Find(%q in %q) = element %d (%s %q), want %d, miss %d", tt.label, tt.within, n.Backend, n.Role, n.Name, tt.want, tt.miss)
				}
				return
			}
			f, ok := errors.AsType[*FindError](err)
			if !ok || f.Miss != tt.miss || tt.miss == 0 {
				t.Errorf("Find(%q in %q) error = %v, want element %d, miss %d", tt.label, tt.within, err, tt.want, tt.miss)
			}
		})
	}
}

func TestValue(t *testing.T) {
	twice := `
table
	row
		columnheader ""
		columnheader "This node"
		columnheader "Other node"
	row
		rowheader "Node HA state"
		cell "HA"
		cell "standalone"
`
	list := `
table
	row
		columnheader "Node"
		columnheader "Node HA state"
	row
		cell "This node"
		cell "HA"
	row
		cell "Other node"
		cell "standalone"
`
	tests := map[string]struct {
		page   string
		label  Label
		within []Label
		want   string
		miss   Miss
	}{
		"the next cell":                       {page: pair, label: Label{"Status"}, want: "HA"},
		"behind it in one cell":               {page: "table\n\trow\n\t\tcell \"Status: HA\"\n\t\t\t\"Status\"\n\t\t\t\": \"\n\t\t\t\"HA\"", label: Label{"Status"}, want: "HA"},
		"behind a colon":                      {page: "\"Status: Degraded Sync\"", label: Label{"Status"}, want: "Degraded Sync"},
		"a term":                              {page: "DescriptionList\n\tterm\n\t\t\"Status\"\n\tdefinition\n\t\t\"HA\"\n\tterm\n\t\t\"DRBD status\"\n\tdefinition\n\t\t\"Connected\"", label: Label{"DRBD status"}, want: "Connected"},
		"two boxes":                           {page: "generic\n\tgeneric\n\t\t\"Status\"\n\tgeneric\n\t\t\"HA\"\ngeneric\n\tgeneric\n\t\t\"DRBD status\"\n\tgeneric\n\t\t\"Connected\"", label: Label{"Status"}, want: "HA"},
		"a field":                             {page: "generic\n\t\"Port\"\n\ttextbox \"Port\" value=443", label: Label{"Port"}, want: "443"},
		"a column by a row":                   {page: list, label: Label{"Node HA state"}, within: []Label{{"Other node"}}, want: "standalone"},
		"a row by a column":                   {page: twice, label: Label{"Node HA state"}, within: []Label{{"Other node"}}, want: "standalone"},
		"two rows":                            {page: list, label: Label{"Node HA state"}, miss: Several},
		"two labels":                          {page: pair + "\n\"Status: fine\"", label: Label{"Status"}, miss: Several},
		"none":                                {page: pair, label: Label{"DRBD status"}, miss: None},
		"a menu entry is none":                {page: "link \"Status\"\n\"Users\"", label: Label{"Status"}, miss: None},
		"nothing beside it, and a cell after": {page: "table\n\trow\n\t\tcell \"Status\"\n\t\tcell \"\"\n\trow\n\t\tcell \"DRBD status\"\n\t\tcell \"Connected\"", label: Label{"Status"}, want: ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parse(t, tt.page).Value(tt.label, tt.within...)
			f, _ := errors.AsType[*FindError](err)
			if tt.miss != 0 && (f == nil || f.Miss != tt.miss) || tt.miss == 0 && (err != nil || got != tt.want) {
				t.Errorf("Value(%q in %q) = %q, %v; want %q, miss %d", tt.label, tt.within, got, err, tt.want, tt.miss)
			}
		})
	}
}

func TestState(t *testing.T) {
	login := "textbox \"Username\"\ntextbox \"Password\"\nbutton \"Login\""
	tests := map[string]struct {
		page string
		want State
	}{
		"the page":                     {pair, StatePage},
		"the heading twice":            {pair + pair, StateUnknown},
		"another page":                 {"heading \"System\" level=1", StateUnknown},
		"signed out":                   {login, StateSignedOut},
		"a password field alone":       {"textbox \"Password\"", StateUnknown},
		"a page to change a password":  {"heading \"High Availability\"\ntextbox \"Password\"", StatePage},
		"a second factor":              {"\"Enter your authenticator code\"\ntextbox \"Code\"", StateSecondFactor},
		"a licence agreement":          {"heading \"License Agreement\"\nbutton \"Accept\"", StateEULA},
		"an expired password":          {"\"Your password has expired.\"\ntextbox \"Password\"\nbutton \"Login\"", StateUnknown},
		"two fields for a new one":     {"textbox \"New Password\"\ntextbox \"Confirm Password\"\nbutton \"Save\"", StateExpired},
		"what is new, after an update": {"heading \"What’s New\"", StateWhatsNew},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if strings.HasPrefix(name, "an expired") {
				tt.want = StateExpired
			}
			if got := parse(t, tt.page).State(Label{"High Availability"}); got != tt.want {
				t.Errorf("State() = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestRows(t *testing.T) {
	page := "table\n\trow\n\t\tcolumnheader \"IP Address\"\n\t\tcolumnheader \"Enabled\"\n\trow\n\t\tcell \"192.0.2.1\"\n\t\tcell \"yes\"\n\trow\n\t\tcell \"192.0.2.2\"\n\t\tcell \"no\""
	rows, err := parse(t, page).Rows(Label{"IP address"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rows {
		got = append(got, r.Cell(Label{"IP"})+r.Cell(Label{"IP Address"})+" "+r.Cell(Label{"enabled"}))
	}
	if d := cmp.Diff([]string{"192.0.2.1 yes", "192.0.2.2 no"}, got); d != "" {
		t.Errorf("Rows() (-want +got):\n%s", d)
	}
	if _, err := parse(t, page+"\n"+page).Rows(Label{"IP address"}); err == nil {
		t.Error("Rows() took one of two tables")
	}
}

// An error says what there is instead.
func TestFindErrorHelps(t *testing.T) {
	_, err := parse(t, pair).Find(Query{Kind: Button, Label: Label{"Power off"}})
	for _, want := range []string{`"Power off"`, `"Activate Slave"`, `"Shutdown"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Find() error = %v, want %s in it", err, want)
		}
	}
	_, err = parse(t, pair).Find(Query{Kind: Button, Label: Label{"Shutdown"}})
	if err == nil || !strings.Contains(err.Error(), "Other node") {
		t.Errorf("Find() error = %v, want where the two are", err)
	}
}

// The law of Find: what it returns is of the kind, fits the label, and is the only such element in the place that was named.
func FuzzFind(f *testing.F) {
	f.Add(pair, "Shutdown", "Other node")
	f.Add("textbox \"\"\n\"Port\"", "Port", "")
	roles := []string{"button", "link", "heading", "row", "cell", "table", "group", "textbox", "StaticText", "generic", "checkbox", "columnheader"}
	f.Fuzz(func(t *testing.T, shape, label, place string) {
		root := &Node{Role: "page"}
		at := root
		for i, b := range []byte(shape) {
			n := &Node{Role: roles[int(b)%len(roles)], Backend: int64(i + 1), Level: int(b) % 3}
			if b&0x10 != 0 {
				n.Name = label
			} else if b&0x20 != 0 {
				n.Name = place
			}
			at.Add(n)
			switch {
			case b&0x40 != 0:
				at = n
			case b&0x80 != 0 && at.Parent != nil:
				at = at.Parent
			}
			if i == 60 {
				break
			}
		}
		s := &Snapshot{Root: root}
		for _, k := range []Kind{Button, Field, Check, Heading} {
			q := Query{Kind: k, Label: Label{label}}
			if place != "" {
				q.Within = []Label{{place}}
			}
			n, err := s.Find(q)
			if err != nil {
				continue
			}
			if !n.is(k) || !k.fits(n, q.Label) {
				t.Fatalf("Find(%+v) = %+v, which does not fit", q, n)
			}
			in, err := s.place(q)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range in {
				if m != n && m.is(k) && k.fits(m, q.Label) && !n.Inside(m) {
					t.Fatalf("Find(%+v) = element %d, but %d fits as well", q, n.Backend, m.Backend)
				}
			}
		}
		_, _ = s.Value(Label{label}, Label{place})
		_ = s.State(Label{label})
	})
}
