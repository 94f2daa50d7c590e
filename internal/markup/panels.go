package markup

import "strings"

// console is a page as the panels draw it.
type console struct {
	view
	Trail  []string // the way to the page, as the breadcrumbs say it
	Panels []panel
}

// panel is a part as it is drawn: with a heading, what is in it, and its buttons at the foot.
type panel struct {
	Title         string
	Values        []Value
	Fields        []Field
	Columns       []string // of its table
	Lines         []record
	Boxes         []panel // panels in it, side by side, where its rows are always the same few
	Buttons       []press
	Stacked, Void bool // labels above the fields; nothing in it
}

// record is a row of a table. Where a link in it is called like the row, the name itself is what one clicks.
type record struct {
	Row
	Open    *press
	Buttons []press
}

// press is a button as it is drawn.
type press struct {
	Button
	Look string // classes of its colour
}

// panels draws a document of [Panels].
func panels(v view) []byte {
	c := console{view: v}
	for _, e := range v.Menu {
		if e.Here {
			c.Trail = e.Path
		}
	}
	for _, part := range v.Parts {
		c.Panels = append(c.Panels, v.panel(part))
	}
	return draw("panels.html", c)
}

func (v view) panel(part Part) panel {
	out := panel{
		Title: part.Title, Values: part.Values, Fields: part.Fields, Buttons: v.presses(part.Buttons, "btn-primary"), Stacked: v.Bare,
		Void: len(part.Values)+len(part.Fields)+len(part.Buttons)+len(part.Rows) == 0,
	}
	if part.Few {
		for _, r := range part.Rows {
			out.Boxes = append(out.Boxes, panel{Title: r.Name, Values: r.Values, Buttons: v.presses(r.Buttons, "btn-default")})
		}
		return out
	}
	out.Columns = part.columns()
	for _, r := range part.Rows {
		l := record{Row: r}
		for _, b := range v.presses(r.Buttons, "btn-default btn-sm") {
			if l.Open == nil && b.Label == r.Name && b.Href != "" {
				l.Open = &press{b.Button, "btn-link"}
				continue
			}
			l.Buttons = append(l.Buttons, b)
		}
		out.Lines = append(out.Lines, l)
	}
	return out
}

// presses are buttons in their colours: the first in that of look, the others plain, and red what has a question. Where the appliance asks, none has one.
func (v view) presses(buttons []Button, look string) (out []press) {
	plain := strings.Replace(look, "btn-primary", "btn-default", 1)
	for i, b := range buttons {
		p := press{b, plain}
		if i == 0 {
			p.Look = look
		}
		if b.Ask != "" {
			p.Look = strings.NewReplacer("btn-primary", "btn-danger", "btn-default", "btn-danger").Replace(p.Look)
		}
		if v.AskOnPage {
			p.Ask = ""
		}
		out = append(out, p)
	}
	return out
}
