package site

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/internal/browser/axtree"
)

const small = `{"product": "P", "pages": {"a": {"menu": [["A"]], "heading": ["A"], "source": "s"}},
	"labels": {"a.x": {"page": "a", "kind": "button", "text": ["X"], "within": [["Row {n}"]], "source": "s"}}}`

func TestMerge(t *testing.T) {
	tests := map[string]struct {
		over string
		want Label  // of a.x
		err  string // or a part of the error
	}{
		"nothing":               {"", Label{Page: "a", Kind: "button", Text: []string{"X"}, Within: [][]string{{"Row {n}"}}, Source: "s"}, ""},
		"another wording":       {`{"labels": {"a.x": {"text": ["Y"]}}}`, Label{Page: "a", Kind: "button", Text: []string{"Y"}, Within: [][]string{{"Row {n}"}}, Source: "s"}, ""},
		"one more wording":      {`{"labels": {"a.x": {"also": ["Y"]}}}`, Label{Page: "a", Kind: "button", Text: []string{"X", "Y"}, Within: [][]string{{"Row {n}"}}, Source: "s"}, ""},
		"a question":            {`{"labels": {"a.x": {"ask": {"type": "confirm", "text": ["Really?"]}}}}`, Label{Page: "a", Kind: "button", Text: []string{"X"}, Within: [][]string{{"Row {n}"}}, Source: "s", Ask: &Ask{Type: "confirm", Text: []string{"Really?"}}}, ""},
		"a misspelt field":      {`{"labels": {"a.x": {"txt": ["Y"]}}}`, Label{}, "unknown field"},
		"a misspelt section":    {`{"label": {}}`, Label{}, "unknown field"},
		"another product":       {`{"product": "Q"}`, Label{}, "not for"},
		"a label on no page":    {`{"labels": {"b.x": {"page": "b", "kind": "button", "text": ["X"]}}}`, Label{}, "no page"},
		"no kind":               {`{"labels": {"b.x": {"page": "a", "text": ["X"]}}}`, Label{}, "no kind"},
		"no text":               {`{"labels": {"b.x": {"page": "a", "kind": "button"}}}`, Label{}, "no text"},
		"a question of no type": {`{"labels": {"a.x": {"ask": {"text": ["Really?"]}}}}`, Label{}, "question"},
		"two values":            {`{} {}`, Label{}, "behind the end"},
		"half a value":          {`{"labels"`, Label{}, "unexpected"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			table, err := Parse([]byte(small))
			if err != nil {
				t.Fatal(err)
			}
			before, _ := json.Marshal(table)
			err = table.Merge([]byte(tt.over))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("Merge(%s) = %v, want %q in it", tt.over, err, tt.err)
				}
				if after, _ := json.Marshal(table); string(before) != string(after) {
					t.Errorf("Merge(%s) failed and changed the table to %s", tt.over, after)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, table.Labels["a.x"]); diff != "" {
				t.Errorf("Merge(%s) (-want +got):\n%s", tt.over, diff)
			}
		})
	}
}

func TestQuery(t *testing.T) {
	table, err := Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := table.query("a.x", nil); err == nil {
		t.Error("a place that waits for a value was taken for one")
	}
	q, _, err := table.query("a.x", Values{"n": {"7.0.2", "7.0.2 LTS"}})
	want := axtree.Query{Kind: axtree.Button, Label: axtree.Label{"X"}, Within: []axtree.Label{{"Row 7.0.2", "Row 7.0.2 LTS"}}}
	if diff := cmp.Diff(want, q); diff != "" || err != nil {
		t.Errorf("query() error %v (-want +got):\n%s", err, diff)
	}
	if table.Labels["a.x"].Within[0][0] != "Row {n}" {
		t.Error("filling in changed the table")
	}
}

// The built-in tables: each label has a source, and none is twice on a page under other keys.
func TestTablesHaveSources(t *testing.T) {
	for _, file := range []string{"../../../sps/spsweb/labels.json", "../../../beyondtrust/praweb/labels.json"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		table, err := Parse(raw)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for key, l := range table.Labels {
			if l.Source == "" || strings.Contains(l.Source, "http") {
				t.Errorf("%s: %q: source %q: want a title", file, key, l.Source)
			}
		}
		for key, p := range table.Pages {
			if p.Source == "" {
				t.Errorf("%s: page %q has no source", file, key)
			}
		}
		for _, v := range table.Versions {
			if v.Source == "" {
				t.Errorf("%s: %v have no source", file, v)
			}
		}
	}
}

// The law of Merge: a table that was taken can be written down, read again and is the same; one that was refused changed nothing.
func FuzzMerge(f *testing.F) {
	f.Add(`{"labels": {"a.x": {"also": ["Y"]}}}`)
	f.Add(`{"versions": [{"from": "1", "labels": {"a.x": {"text": ["Z"]}}, "source": ""}]}`)
	f.Add(`{"pages": {"b": {"menu": [], "heading": ["B"], "source": ""}}, "nothing": ["-"]}`)
	f.Fuzz(func(t *testing.T, over string) {
		table, err := Parse([]byte(small))
		if err != nil {
			t.Fatal(err)
		}
		before, _ := json.Marshal(table)
		if err := table.Merge([]byte(over)); err != nil {
			if after, _ := json.Marshal(table); string(after) != string(before) {
				t.Fatalf("refused %q, and the table changed", over)
			}
			return
		}
		written, err := json.Marshal(table)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(written)
		if err != nil {
			t.Fatalf("%q made a table that is refused: %v", over, err)
		}
		if back, _ := json.Marshal(again); string(back) != string(written) {
			t.Fatalf("%q: %s became %s", over, written, back)
		}
	})
}
