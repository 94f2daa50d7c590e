package markup

import (
	"slices"
	"strings"
	"testing"
)

// What the browser has to send itself, what it asks first, and where a link takes the place of a row's name.
func TestCardsKeys(t *testing.T) {
	p := sample()
	p.Parts[2].Rows = append(p.Parts[2].Rows, Row{Name: "Second", Buttons: []Button{{Label: "Second", Href: "/second"}}})
	count := func(p Page) (plain, asks, second int) {
		texts, attributes := read(t, Cards.Page(nil, 200, p).Body)
		for _, a := range attributes {
			if strings.HasPrefix(a, "data-plain=") {
				plain++
			}
			if a == "data-confirm=Certain?" {
				asks++
			}
		}
		for _, text := range texts {
			if text == "Second" {
				second++
			}
		}
		if !slices.Contains(attributes, "href=/second") {
			t.Error("no link to /second")
		}
		return plain, asks, second
	}
	if plain, asks, second := count(p); plain != 1 || asks != 1 || second != 1 { // plain: Give, of which a file comes
		t.Errorf("%d plain, %d questions, %d times Second", plain, asks, second)
	}
	p.AskOnPage, p.Traps.Elsewhere = true, "act"
	if plain, asks, _ := count(p); plain != 2 || asks != 0 {
		t.Errorf("elsewhere and asked on a page: %d plain, %d questions", plain, asks)
	}
	p = sample()
	p.Traps.Twice = "Second"
	p.Parts[2].Rows = append(p.Parts[2].Rows, Row{Name: "Second", Buttons: []Button{{Label: "Second", Href: "/second"}}})
	if _, _, second := count(p); second != 2 {
		t.Errorf("a link that is there twice: %d times", second)
	}
}
