package markup

import "strings"

// sheet is a view as [Cards] lays it out: what belongs to the page itself stands beside its heading, everything else in cards.
type sheet struct{ view }

// cards draws a document of [Cards].
func cards(v view) []byte { return draw("cards.html", sheet{v}) }

// own reports whether the buttons of a part are the page's own and stand beside the heading. Where there is something to fill in, they stay under it.
func (s sheet) own(p Part) bool { return !s.Bare && p.Title == "" && len(p.Fields) == 0 }

// Bar are the buttons beside the heading.
func (s sheet) Bar() (out []key) {
	for _, p := range s.Parts {
		if s.own(p) {
			out = append(out, s.keys(p.Buttons)...)
		}
	}
	return out
}

// card is a part as it is drawn.
type card struct {
	Part
	Keys    []key
	Lines   []line
	Columns []string
	Doing   bool // some line has keys
}

// line is a row as it is drawn: a line of a table, or a card in a card.
type line struct {
	Row
	Link *key // what the name of the row leads to
	Keys []key
}

// Cards are the parts, but for what is in the bar.
func (s sheet) Cards() (out []card) {
	for _, p := range s.Parts {
		c := card{Part: p, Columns: p.columns()}
		if !s.own(p) {
			c.Keys = s.keys(p.Buttons)
		}
		for _, r := range p.Rows {
			l := s.line(r)
			c.Lines, c.Doing = append(c.Lines, l), c.Doing || len(l.Keys) > 0
		}
		if p.Title != "" || len(p.Values)+len(p.Fields)+len(p.Rows)+len(c.Keys) > 0 {
			out = append(out, c)
		}
	}
	return out
}

// line draws a link that is called as its row by making the row's name that link: two equal texts side by side would look like a mistake.
func (s sheet) line(r Row) line {
	l := line{Row: r}
	for _, k := range s.keys(r.Buttons) {
		if l.Link == nil && k.Href != "" && k.Label == r.Name {
			l.Link = &k
			continue
		}
		l.Keys = append(l.Keys, k)
	}
	return l
}

// key is a button as it is drawn.
type key struct {
	Button
	Question string // asked by the browser
	Plain    bool   // sent by the browser itself: the script has no page to put in place of this one
	Icon     string // the path of a drawing in a square of 16
	Grave    bool   // in the colour of what cannot be taken back
}

func (s sheet) keys(buttons []Button) (out []key) {
	for _, b := range buttons {
		k := key{Button: b, Question: b.Ask, Plain: b.Gives || Same(s.Traps.Elsewhere, b.Label), Icon: "M5 3l7 5-7 5z"}
		if s.AskOnPage {
			k.Question = ""
		}
		for _, l := range looks {
			if strings.Contains(strings.ToLower(b.Label), l.word) {
				k.Icon, k.Grave = l.icon, l.grave
				break
			}
		}
		out = append(out, k)
	}
	return out
}

// Drawings that stand for more than one word.
const (
	iconPower = "M8 1v7M4.5 3.5a5.5 5.5 0 1 0 7 0"
	iconTurn  = "M13 8a5 5 0 1 1-1.5-3.6M12 1v4H8"
	iconDown  = "M8 2v8M4.5 6.5L8 10l3.5-3.5M2 14h12"
	iconUp    = "M8 11V3M4.5 6.5L8 3l3.5 3.5M2 14h12"
	iconCross = "M4 4l8 8M12 4l-8 8"
	iconCheck = "M3 8.5l3.5 3.5L13 5"
)

// looks are how buttons with a word in their label look. The first that fits counts.
var looks = []struct {
	word, icon string
	grave      bool
}{
	{"after", iconCheck, false}, {"reset", iconTurn, true}, {"reboot", iconTurn, true}, {"restart", iconTurn, false}, {"sync", iconTurn, false},
	{"shut", iconPower, true}, {"delete", iconCross, true}, {"break", iconCross, true}, {"cancel", iconCross, false}, {"stop", iconCross, false},
	{"export", iconDown, false}, {"download", iconDown, false}, {"install", iconDown, false}, {"upload", iconUp, false}, {"import", iconUp, false}, {"update", iconUp, false},
	{"save", iconCheck, false}, {"accept", iconCheck, false}, {"test", iconCheck, false}, {"ok", iconCheck, false},
}
