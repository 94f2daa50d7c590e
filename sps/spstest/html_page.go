package spstest

import (
	"net/http"

	"github.com/changeover-sdk/changeover/internal/markup"
	"github.com/changeover-sdk/changeover/sps"
)

// show answers with a page. What the last press had to say is on it once.
func (n *Node) show(w http.ResponseWriter, r *http.Request, status int, title string, s *session) {
	p := n.drawn(title, s)
	drawing := n.Markup != MarkupScript || r.Header.Get("Accept") == "application/json" // and not the empty document that fetches the page
	n.world.in(func() {
		p.Said, p.Refused = s.said, s.refused
		if drawing && !(n.Switches.Frames && r.Header.Get("Sec-Fetch-Dest") == "document") {
			s.said, s.refused = "", ""
		}
	})
	n.Markup.Page(r.Header, status, p).Write(w)
}

// blank is what every page has.
func (n *Node) blank() markup.Page {
	return markup.Page{Product: "One Identity Safeguard for Privileged Sessions", Host: n.host(), Frames: n.Switches.Frames, Traps: n.Traps, AskOnPage: n.asksOnPage()}
}

// asksOnPage reports whether questions come on a page of the appliance's own.
func (n *Node) asksOnPage() bool { return n.Markup == "" || n.Markup == MarkupClassic }

// drawn makes a page of the screen with that title.
func (n *Node) drawn(title string, s *session) markup.Page {
	p := n.blank()
	p.Title, p.Home, p.Leave, p.Self, p.Action = title, "/", "/logout", href(title), href(title)
	if !n.Switches.NoToken {
		p.Hidden = []markup.Hidden{{Name: "token", Value: s.token}}
	}
	n.world.in(func() {
		for _, s := range n.screens() {
			p.Menu = append(p.Menu, markup.Entry{Name: s.path, Path: split(s.path), Href: href(s.path), Here: s.path == title})
			if s.path == title {
				for _, sec := range s.sections {
					p.Parts = append(p.Parts, n.part(sec))
				}
			}
		}
	})
	return p
}

// part makes a part of a page of a section. Rows without a name are the part's own.
func (n *Node) part(sec section) markup.Part {
	out := markup.Part{Title: sec.name}
	for _, r := range sec.rows {
		var row markup.Row
		for _, it := range r.items {
			id := sec.name + "|" + r.name + "|" + it.label
			switch it.kind {
			case value:
				row.Values = append(row.Values, markup.Value{Label: it.label, Text: it.value})
			case button:
				row.Buttons = append(row.Buttons, markup.Button{Label: it.label, Name: "press", Value: id, Ask: n.Switches.Dialogs[it.label], Gives: it.gives})
			case text:
				out.Fields = append(out.Fields, markup.Field{Label: it.label, Name: id, Kind: markup.Text, Value: it.value})
			case secret:
				out.Fields = append(out.Fields, markup.Field{Label: it.label, Name: id, Kind: markup.Password})
			case file:
				out.Fields = append(out.Fields, markup.Field{Label: it.label, Name: id, Kind: markup.File})
			case choice:
				out.Fields = append(out.Fields, markup.Field{Label: it.label, Name: id, Kind: markup.Select, Value: it.value, Options: it.choices})
			}
		}
		if r.name == "" {
			out.Values, out.Buttons = append(out.Values, row.Values...), append(out.Buttons, row.Buttons...)
			continue
		}
		row.Name = n.rowName(r.name)
		out.Few = out.Few || r.name == sps.RowThisNode
		out.Rows = append(out.Rows, row)
	}
	return out
}

// rowName is how a row is headed: the guides write 7.0.2.1 and 7.0.2.1 LTS for one firmware.
func (n *Node) rowName(name string) string {
	if v, err := sps.ParseVersion(name); err == nil && n.Switches.Newer && v.String() == name {
		return name + " LTS"
	}
	return name
}

// askPage asks the question of a button, and keeps what was filled in.
func (n *Node) askPage(title, question, id string, fields map[string]string) markup.Page {
	p := n.blank()
	p.Self, p.Action = href(title), href(title)
	filled := []markup.Hidden{{Name: "dialog", Value: question}}
	for name, v := range fields {
		if name != "press" && name != "dialog" {
			filled = append(filled, markup.Hidden{Name: name, Value: v})
		}
	}
	return markup.Ask(p, question, markup.Button{Name: "press", Value: id}, filled)
}
