package markup

import (
	"strings"
	"testing"
)

// A table is drawn only where there are columns to compare; every row has its name and what it holds in any case.
func TestDocumentRows(t *testing.T) {
	values := func(labels ...string) (out []Value) {
		for _, l := range labels {
			out = append(out, Value{l, "of " + l})
		}
		return out
	}
	tests := map[string]struct {
		part Part
		want string
	}{
		"nothing but buttons": {Part{Title: "Part", Rows: []Row{{Name: "Row"}}}, `<dt id="p0r0">Row</dt>`},
		"one column":          {Part{Title: "Part", Rows: []Row{{"Row", values("A"), nil}}}, `<h3 id="p0r0">Row</h3>`},
		"two":                 {Part{Title: "Part", Rows: []Row{{"Row", values("A", "B"), nil}}}, `<caption>Part</caption>`},
		"two of the same few": {Part{Title: "Part", Few: true, Rows: []Row{{"Row", values("A", "B"), nil}}}, `<h3 id="p0r0">Row</h3>`},
		"beside a value":      {Part{Title: "Part", Values: values("C"), Rows: []Row{{"Row", values("A", "B"), nil}}}, `<table aria-labelledby="p0">`},
		"too many":            {Part{Rows: []Row{{"Row", values("A", "B", "D", "E", "F", "G"), nil}}}, `<h2 id="p0r0">Row</h2>`},
	}
	for name, tt := range tests {
		body := Document.Page(nil, 200, Page{Parts: []Part{tt.part}}).Body
		if !strings.Contains(string(body), tt.want) {
			t.Errorf("%s: no %s", name, tt.want)
		}
		texts, _ := read(t, body)
		all := "\n" + strings.Join(texts, "\n") + "\n"
		for _, v := range append(tt.part.Rows[0].Values, Value{"Row", tt.part.Title}) {
			if strings.Count(all, "\n"+v.Label+"\n") != 1 || v.Text != "" && strings.Count(all, "\n"+v.Text+"\n") != 1 {
				t.Errorf("%s: %q", name, texts)
			}
		}
	}
}

// The page asks, unless the appliance does. A button stands out where it is the only one that sends the form.
func TestDocumentButtons(t *testing.T) {
	fields := []Field{{Label: "Typed", Name: "a", Kind: Text}}
	act, lead := Button{Label: "Act", Name: "press", Value: "1", Ask: "Certain?"}, Button{Label: "Lead", Href: "/"}
	const quiet = `<button class="quiet" name="press" value="1" data-ask="Certain?">Act</button>`
	for _, tt := range []struct {
		page Page
		want string
	}{
		{Page{Parts: []Part{{Buttons: []Button{act}}}}, quiet},
		{Page{Parts: []Part{{Fields: fields, Buttons: []Button{lead, act}}}}, `<button name="press" value="1" data-ask="Certain?">Act</button>`},
		{Page{Parts: []Part{{Fields: fields, Buttons: []Button{act, act}}}}, quiet + " " + quiet},
		{Page{AskOnPage: true, Bare: true, Parts: []Part{{Buttons: []Button{act}}}}, `<button name="press" value="1">Act</button>`},
	} {
		if body := string(Document.Page(nil, 200, tt.page).Body); !strings.Contains(body, tt.want) {
			t.Errorf("no %s", tt.want)
		}
	}
}
