package pratest

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// page is one page of the two interfaces. There is one table of them, see pages; the HTML, [Box.Press], [Box.Read] and [Box.Pages] are all made from it.
type page struct {
	where   string            // the menu path
	newer   string            // the menu path of newer releases, where it differs
	path    string            // of the URL. The vendor's are not public; these are this package's own
	distant bool              // not a page of the appliance: the person's own program, or the update server's page
	shown   func(b *Box) bool // nil: always
	view    func(b *Box) *view
}

// view is what a page shows at a moment: texts, values, one form, and a table whose rows may have buttons.
type view struct {
	heading string
	texts   []string
	values  []value
	form
	caption string // over the table
	rows    []row
}

// form is fields and buttons.
type form struct {
	fields  []field
	buttons []button
}

// row is a row of the page's table.
type row struct {
	name   string
	values []value
	form
}

// value is a text beside a label.
type value struct{ label, text string }

// field is something to fill in.
type field struct {
	group   string // the heading above it, where labels are there twice
	label   string
	kind    fieldKind
	value   string   // as it stands: "on" and "off" for a box
	options []string // of a choice
}

type fieldKind string

const (
	fieldText     fieldKind = "text"
	fieldPassword fieldKind = "password"
	fieldBox      fieldKind = "checkbox"
	fieldChoice   fieldKind = "radio"
	fieldFile     fieldKind = "file"
)

// name is how a field is called where labels must be unique: "Group > Label".
func (f field) name() string {
	if f.group == "" {
		return f.label
	}
	return f.group + " > " + f.label
}

// button is something to press.
type button struct {
	group  string // of the fields that it goes with; "" of the whole page
	label  string
	dialog string // the question that comes up first; "" none
	link   bool
	sub    *form  // the form that a link leads to: its one button is what is pressed in the end
	title  string // of that form's page
	gives  bool   // a file comes of it
	do     func(in input) (*download, error)
}

// input is a filled-in form.
type input struct {
	values map[string]string // by field.name
	files  map[string]upload
}

func (in input) on(name string) bool { return in.values[name] == string(beyondtrust.On) }

// upload is a file that was read to its end outside the lock, because it may be long: what it turned out to be.
type upload struct {
	name        string
	pkg, guid   string // as a package
	pkgErr      error
	head        []byte // its beginning, for small files
	backup      func(password string) (backupFile, error)
	certificate func(passphrase string) (*certificate, error)
}

// download is a file that a button gives.
type download struct {
	name string
	body io.Reader
	size int64
}

// nothing makes an act without a download of one that may be refused.
func nothing(act func(in input) *refusal) func(input) (*download, error) {
	return func(in input) (*download, error) {
		if err := act(in); err != nil {
			return nil, err
		}
		return nil, nil
	}
}

// plain is a label as it is compared: without the colon and the case.
func plain(label string) string {
	return strings.ToLower(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(label), ":")))
}

// page finds a page by its menu path, the guide's or the newer one's.
func (b *Box) page(where string) (*page, error) {
	var there []string
	for i := range pages {
		p := &pages[i]
		if p.shown != nil && !p.shown(b) {
			continue
		}
		if where == p.where || p.newer != "" && where == p.newer {
			return p, nil
		}
		there = append(there, p.menu(b))
	}
	return nil, fmt.Errorf("there is no page %q; there are: %s", where, strings.Join(there, "; "))
}

// menu is the menu path in the words of the release that is simulated.
func (p *page) menu(b *Box) string {
	if p.newer != "" && b.site.Switches.Newer {
		return p.newer
	}
	return p.where
}

// row finds a row by its name.
func (v *view) row(name string) (*row, error) {
	var there []string
	for i := range v.rows {
		if v.rows[i].name == name {
			return &v.rows[i], nil
		}
		there = append(there, v.rows[i].name)
	}
	return nil, fmt.Errorf("there is no row %q; there are: %s", name, listed(there))
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, "; ")
}

// button finds a button by its label: one of the form, or the one behind a link of the form. It returns the form whose fields go with it.
func (f *form) button(label string) (*button, *form, error) {
	var there []string
	for i := range f.buttons {
		bt := &f.buttons[i]
		there = append(there, bt.label)
		if bt.sub == nil {
			if plain(bt.label) == plain(label) {
				return bt, f, nil
			}
			continue
		}
		last := &bt.sub.buttons[0]
		there = append(there, last.label)
		if plain(bt.label) == plain(label) || plain(last.label) == plain(label) {
			return last, bt.sub, nil
		}
	}
	return nil, nil, fmt.Errorf("there is no button %q; there are: %s", label, listed(slices.Compact(there)))
}

// field finds a field by its label, or by group and label where the label is there twice.
func (f *form) field(label string) (*field, error) {
	var there, found []string
	var hit *field
	for i := range f.fields {
		fd := &f.fields[i]
		there = append(there, fd.name())
		switch {
		case plain(fd.name()) == plain(label):
			return fd, nil
		case plain(fd.label) == plain(label) || fd.long(label):
			hit, found = fd, append(found, fd.name())
		}
	}
	if len(found) == 1 {
		return hit, nil
	}
	if len(found) > 1 {
		return nil, fmt.Errorf("label %q is there more than once: %s", label, listed(found))
	}
	return nil, fmt.Errorf("there is no field %q; there are: %s", label, listed(there))
}

// long reports whether label is the beginning of a label that goes on with a name.
func (f *field) long(label string) bool {
	return label == beyondtrust.BoxDataSyncFirst && strings.HasPrefix(f.label, label)
}

// set gives a field a value, in the field's own spelling.
func (f *field) set(v string) (string, error) {
	switch f.kind {
	case fieldBox:
		switch strings.ToLower(v) {
		case "on", "yes", "true", "1", "ticked":
			return string(beyondtrust.On), nil
		case "off", "no", "false", "0", "":
			return string(beyondtrust.Off), nil
		}
		return "", fmt.Errorf("field %q: %q is neither on nor off", f.name(), v)
	case fieldChoice:
		if !slices.Contains(f.options, v) {
			return "", fmt.Errorf("field %q: there is no choice %q; there are: %s", f.name(), v, listed(f.options))
		}
	}
	return v, nil
}
