package browser_test

import (
	"testing"

	"github.com/changeover-sdk/changeover/internal/browser/axtree"
	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
)

// A label belongs to the one field it names, wherever it stands: what comes behind it is the next field.
func TestPeerLabelBehindItsField(t *testing.T) {
	a := browsertest.NewAppliance(t)
	b := start(t, a, nil)
	pages := map[string]string{
		"by for":             `<div><input id="a" value="20"><label for="a">Most at once</label></div><div><input id="b" value="100"><label for="b">Rate</label></div>`,
		"by for, in a row":   `<p><input id="a" value="20"> <label for="a">Most at once:</label> <input id="b" value="100"> <label for="b">Rate:</label></p>`,
		"by aria-labelledby": `<div><input aria-labelledby="a" value="20"><span id="a"><b>Most at once</b></span></div><div><input aria-labelledby="b" value="100"><span id="b">Rate</span></div>`,
		"around it":          `<div><label><input value="20"> Most at once</label></div><div><label><input value="100"> Rate</label></div>`,
	}
	for name, body := range pages {
		t.Run(name, func(t *testing.T) {
			a.Page("/", `<h1>Settings</h1>`+body)
			p, err := b.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Goto(t.Context(), "/", axtree.Label{"Settings"}); err != nil {
				t.Fatal(err)
			}
			for label, want := range map[string]string{"Most at once": "20", "Rate": "100"} {
				if got, err := p.Value(t.Context(), axtree.Label{label}); got != want || err != nil {
					t.Errorf("Value(%s) = %q, %v; want %q", label, got, err, want)
				}
			}
		})
	}
}
