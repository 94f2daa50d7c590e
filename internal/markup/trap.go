package markup

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Traps spoil every page on which they find what they name, so that one can see a driver refuse before it meets a page like that. The zero value spoils
// nothing. Labels are compared without case and a colon at the end.
type Traps struct {
	// Twice is a button, or a link, that is there twice.
	Twice string `json:"-"`
	// Missing is a button, a link, a field or a value that is not there.
	Missing string `json:"-"`
	// Disabled, Covered and Moving are a button, or a link, that cannot be pressed, over which something lies, or that never keeps still.
	Disabled, Covered, Moving string `json:"-"`
	// Heading is what every page is headed in place of its own.
	Heading string `json:"-"`
	// Alert comes up in a dialog of the browser whenever a page is shown.
	Alert string `json:"alert"`
	// Late is how much later than the rest of the page what is on it is shown.
	Late time.Duration `json:"late"`
	// Leave is a button that finds the session ended: it does nothing, and the page asks to sign in.
	Leave string `json:"-"`
	// Elsewhere is a button that does nothing and leads to another host, https://elsewhere.example.test.
	Elsewhere string `json:"-"`
}

// parts are the traps that name something, and what they are called.
func (t *Traps) parts() map[string]*string {
	return map[string]*string{
		"twice": &t.Twice, "missing": &t.Missing, "disabled": &t.Disabled, "covered": &t.Covered, "moving": &t.Moving, "heading": &t.Heading,
		"alert": &t.Alert, "leave": &t.Leave, "elsewhere": &t.Elsewhere,
	}
}

// TrapNames are the names that [Traps.Set] knows.
func TrapNames() []string {
	return append(slices.Sorted(maps.Keys(new(Traps).parts())), "late")
}

// Set lays the trap of that name, the field's in small letters: what it takes is a label, a text, or the length of a time.
func (t *Traps) Set(name, what string) error {
	if name == "late" {
		var err error
		t.Late, err = time.ParseDuration(what)
		return err
	}
	part := t.parts()[name]
	if part == nil || what == "" {
		return fmt.Errorf("trap %q of %q: want one of %q, and what it is laid for", name, what, TrapNames())
	}
	*part = what
	return nil
}

// Outside is where [Traps.Elsewhere] leads.
const Outside = "https://elsewhere.example.test/"

// Trap is how one button is spoiled.
type Trap string

// Traps of buttons.
const (
	trapDisabled Trap = "disabled"
	trapCovered  Trap = "covered"
	trapMoving   Trap = "moving"
)

// Same compares two labels as the traps do.
func Same(a, b string) bool {
	plain := func(s string) string { return strings.TrimRight(strings.TrimSpace(s), " :") }
	return a != "" && strings.EqualFold(plain(a), plain(b))
}

// spoil returns the page with the traps laid.
func (p Page) spoil() Page {
	t := p.Traps
	if t == (Traps{}) || p.Bare {
		return p
	}
	if t.Heading != "" {
		p.Title = t.Heading
	}
	buttons := func(in []Button) (out []Button) {
		for _, b := range in {
			switch {
			case Same(t.Missing, b.Label):
				continue
			case Same(t.Disabled, b.Label):
				b.Trap = trapDisabled
			case Same(t.Covered, b.Label):
				b.Trap = trapCovered
			case Same(t.Moving, b.Label):
				b.Trap = trapMoving
			}
			out = append(out, b)
			if Same(t.Twice, b.Label) {
				out = append(out, b)
			}
		}
		return out
	}
	values := func(in []Value) []Value {
		return slices.DeleteFunc(slices.Clone(in), func(v Value) bool { return Same(t.Missing, v.Label) })
	}
	p.Parts = slices.Clone(p.Parts)
	for i := range p.Parts {
		part := &p.Parts[i]
		part.Values, part.Buttons = values(part.Values), buttons(part.Buttons)
		part.Fields = slices.DeleteFunc(slices.Clone(part.Fields), func(f Field) bool { return Same(t.Missing, f.Label) })
		part.Rows = slices.Clone(part.Rows)
		for j := range part.Rows {
			part.Rows[j].Values, part.Rows[j].Buttons = values(part.Rows[j].Values), buttons(part.Rows[j].Buttons)
		}
	}
	return p
}
