package markup

import "strconv"

// columnsAtMost is how many columns of values can be read side by side.
const columnsAtMost = 5

// paper is a page of the document style.
type paper struct {
	view
	Nav   []branch
	Parts []passage
}

// passage is a part of it, and how its rows are drawn: as a table where there are columns to compare and room for them, as a list of keys where there is nothing
// but buttons, and else each under a heading of its own.
type passage struct {
	Part
	ID      string
	Buttons []action
	Rows    []item
	Columns []string
	Table   bool
	Caption bool // the title is the table's
	Lines   bool
}

// item is a row.
type item struct {
	Row
	ID      string
	Buttons []action
}

// action is a button. What it is about is told to who cannot see beside what it stands.
type action struct {
	Button
	Quiet bool
	About string // id of the name of the row
}

func document(v view) []byte {
	out := paper{view: v, Nav: menu(v.Menu)}
	for i, p := range v.Page.Parts {
		part := passage{Part: p, ID: "p" + strconv.Itoa(i), Columns: p.columns()}
		part.Buttons = v.actions(p.Buttons, "")
		if n := only(p.Buttons); n >= 0 && (len(p.Fields) > 0 || v.Bare) {
			part.Buttons[n].Quiet = false
		}
		for j, r := range p.Rows {
			id := part.ID + "r" + strconv.Itoa(j)
			part.Rows = append(part.Rows, item{r, id, v.actions(r.Buttons, id)})
		}
		part.Table = len(p.Rows) > 0 && len(part.Columns) > 1 && len(part.Columns) <= columnsAtMost && !p.Few
		part.Caption = part.Table && p.Title != "" && len(p.Values)+len(p.Fields)+len(p.Buttons) == 0
		part.Lines = len(part.Columns) == 0
		out.Parts = append(out.Parts, part)
	}
	return draw("document.html", out)
}

// only is which of the buttons sends the form, where just one does, and else -1. That one stands out.
func only(in []Button) int {
	out := -1
	for i, b := range in {
		switch {
		case b.Href != "":
		case out >= 0:
			return -1
		default:
			out = i
		}
	}
	return out
}

// actions are buttons as they are drawn. Where the appliance asks, the page does not.
func (v view) actions(in []Button, about string) (out []action) {
	for _, b := range in {
		if v.AskOnPage {
			b.Ask = ""
		}
		out = append(out, action{b, true, about})
	}
	return out
}
