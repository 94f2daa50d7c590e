package markup

// Nothing stands where a page has nothing to show.
const Nothing = "–"

// Page is what a page shows.
type Page struct {
	Product string `json:"product"` // in the banner
	Host    string `json:"host"`
	Home    string `json:"home"` // address where the banner leads; "" nowhere
	Leave   string `json:"leave"`
	Title   string `json:"title"` // the heading
	Bare    bool   `json:"bare"`  // without menu: who sees it is not, or not quite, signed in

	Menu    []Entry  `json:"menu"`
	Refused string   `json:"refused"` // why the last press did nothing
	Said    string   `json:"said"`    // what the last press did
	Texts   []string `json:"texts"`
	Parts   []Part   `json:"parts"`

	Self   string   `json:"self"`   // address of the page
	Action string   `json:"action"` // address that its form is sent to
	Hidden []Hidden `json:"hidden"` // goes with the form

	AskOnPage bool  `json:"ask_on_page"` // where a style can, questions come as a page of the appliance's
	Frames    bool  `json:"frames"`      // the menu is in one document, the rest in a frame in it
	Traps     Traps `json:"traps"`
}

// Entry is a page in the menu.
type Entry struct {
	Name string   `json:"name"` // the whole way: "Basic Settings > System"
	Path []string `json:"path"` // for a menu that is opened step by step: "Basic Settings", "System"
	Href string   `json:"href"`
	Here bool     `json:"here"` // the page that is shown
}

// Part is a part of a page. One without a title is the page itself.
type Part struct {
	Title   string   `json:"title"`
	Values  []Value  `json:"values"`
	Fields  []Field  `json:"fields"`
	Buttons []Button `json:"buttons"`
	Rows    []Row    `json:"rows"` // of a table
	Few     bool     `json:"few"`  // the rows are always the same few: a style may draw each as a part
}

// Row is a row of a table.
type Row struct {
	Name    string   `json:"name"`
	Values  []Value  `json:"values"`
	Buttons []Button `json:"buttons"`
}

// Value is a text beside a label.
type Value struct {
	Label string `json:"label"`
	Text  string `json:"text"`
}

// Field is something to fill in.
type Field struct {
	Label   string   `json:"label"`
	Name    string   `json:"name"` // under which it is sent
	Kind    Kind     `json:"kind"`
	Value   string   `json:"value"` // as it stands; of a box what is sent when it is ticked
	On      bool     `json:"on"`    // of a box
	Options []string `json:"options"`
	ID      string   `json:"id"` // unique in the page; given by this package
}

// Kind is a sort of field.
type Kind string

// Kinds.
const (
	Text     Kind = "text"
	Password Kind = "password"
	File     Kind = "file"
	Box      Kind = "checkbox"
	Choice   Kind = "radio"  // one of a few, all in sight
	Select   Kind = "select" // one of a list
)

// Button is something to press: it sends the form, or leads to a page of its own.
type Button struct {
	Label string `json:"label"`
	Name  string `json:"name"` // sent with Value
	Value string `json:"value"`
	Ask   string `json:"ask"`   // the question that comes first; "" none
	Href  string `json:"href"`  // where a link leads; "" it sends the form
	Gives bool   `json:"gives"` // a file comes of it, and the page stays
	Trap  Trap   `json:"trap"`
}

// Hidden goes with a form.
type Hidden struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// columns are the labels of the values in the rows of a part, each once, in the order in which they come.
func (p Part) columns() (out []string) {
	seen := map[string]bool{}
	for _, r := range p.Rows {
		for _, v := range r.Values {
			if !seen[v.Label] {
				seen[v.Label] = true
				out = append(out, v.Label)
			}
		}
	}
	return out
}

// at is what a row has in a column.
func (r Row) at(column string) string {
	for _, v := range r.Values {
		if v.Label == column {
			return v.Text
		}
	}
	return ""
}

// shown is a text, or what stands for none.
func shown(text string) string {
	if text == "" {
		return Nothing
	}
	return text
}
