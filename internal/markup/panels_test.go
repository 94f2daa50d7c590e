package markup

import (
	"slices"
	"strings"
	"testing"
)

// A question is asked by the page's script, or by nobody where the appliance asks.
func TestPanelsAsk(t *testing.T) {
	for _, onPage := range []bool{false, true} {
		p := sample()
		p.AskOnPage = onPage
		_, attributes := read(t, Panels.Page(nil, 200, p).Body)
		if got := slices.Contains(attributes, "data-confirm=Certain?"); got == onPage {
			t.Errorf("the appliance asks: %t; the page asks: %t", onPage, got)
		}
	}
}

// An address that is edited by clicking on it is there once, and leads where it should.
func TestPanelsNameIsLink(t *testing.T) {
	p := sample()
	p.Parts = []Part{{Rows: []Row{{Name: "192.0.2.1", Values: []Value{{"Interface", "eth0"}}, Buttons: []Button{{Label: "192.0.2.1", Href: "/edit?row=1"}, {Label: "Remove", Name: "press", Value: "1"}}}}}}
	texts, attributes := read(t, Panels.Page(nil, 200, p).Body)
	if n := strings.Count(strings.Join(texts, "\n"), "192.0.2.1"); n != 1 || !slices.Contains(attributes, "href=/edit?row=1") {
		t.Errorf("%q is there %d times, %q", "192.0.2.1", n, attributes)
	}
	if !slices.Contains(texts, "Remove") {
		t.Errorf("no other button of the row: %q", texts)
	}
}

// Rows that are always the same few are panels of their own: each has every label, its heading and its button.
func TestPanelsFewRows(t *testing.T) {
	p := sample()
	row := func(name, value string) Row {
		return Row{Name: name, Values: []Value{{"State", value}, {"Vacant", ""}}, Buttons: []Button{{Label: "Stop", Name: "press", Value: name}}}
	}
	p.Parts = []Part{{Title: "Nodes", Few: true, Rows: []Row{row("This", "up"), row("Other", "down")}}}
	texts, attributes := read(t, Panels.Page(nil, 200, p).Body)
	at := slices.Index(texts, "Nodes")
	want := []string{"Nodes", "This", "State", "up", "Vacant", Nothing, "Stop", "Other", "State", "down", "Vacant", Nothing, "Stop"}
	if at < 0 || !slices.Equal(texts[at:], want) {
		t.Errorf("%q, want %q", texts[max(at, 0):], want)
	}
	if !slices.Contains(attributes, "value=This") || !slices.Contains(attributes, "value=Other") {
		t.Errorf("the buttons send %q", attributes)
	}
}
