package markup

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

// sample is a page with everything there is. Each word on it is there once.
func sample() Page {
	return Page{
		Product: "Product", Host: "host.example.test", Home: "/", Leave: "/logout", Title: "Heading", Self: "/page", Action: "/act", Refused: "Turned down", Said: "Was done",
		Menu:  []Entry{{Name: "Menu > Entry", Path: []string{"Menu", "Entry"}, Href: "/page", Here: true}, {Name: "Alone", Path: []string{"Alone"}, Href: "/alone"}},
		Texts: []string{"A sentence."}, Hidden: []Hidden{{"token", "t0ken"}},
		Parts: []Part{
			{Values: []Value{{"Label:", "Content"}, {"Vacant", ""}}, Buttons: []Button{{Label: "Act", Name: "press", Value: "1", Ask: "Certain?"}, {Label: "Lead", Href: "/sub?row=1"}}},
			{Title: "Part", Fields: []Field{
				{Label: "Typed", Name: "a", Kind: Text, Value: "old"}, {Label: "Hush", Name: "b", Kind: Password, Value: "h1dden"}, {Label: "Chosen", Name: "c", Kind: File},
				{Label: "Ticked", Name: "d", Kind: Box, Value: "on", On: true}, {Label: "Several", Name: "e", Kind: Choice, Value: "Two", Options: []string{"One", "Two"}},
				{Label: "Listed", Name: "f", Kind: Select, Value: "Four", Options: []string{"Three", "Four"}},
			}},
			{Title: "Table", Rows: []Row{{Name: "First", Values: []Value{{"Column", "Cell"}}, Buttons: []Button{{Label: "Give", Name: "press", Value: "2", Gives: true}}}}},
		},
	}
}

// words are what a person reads on the sample, besides banner and menu.
var words = []string{"Heading", "Turned down", "Was done", "A sentence.", "Label", "Content", "Vacant", "Act", "Lead", "Part", "Typed", "Hush", "Chosen", "Ticked", "Several",
	"One", "Two", "Listed", "Three", "Four", "Table", "First", "Column", "Cell", "Give"}

// read returns the texts of a document, and its attributes as "name=value".
func read(t *testing.T, body []byte) (texts, attributes []string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "style" && n.Parent.Data != "script" && n.Parent.Data != "title" {
			if s := strings.TrimRight(strings.TrimSpace(n.Data), " :"); s != "" {
				texts = append(texts, s)
			}
		}
		for _, a := range n.Attr {
			attributes = append(attributes, a.Key+"="+a.Val)
		}
	}
	return texts, attributes
}

// Every word is on the page, once, in the styles that have it in their document.
func TestEveryWordOnce(t *testing.T) {
	for _, s := range []Style{"", Classic, Tables, Cards, Panels, Document} {
		texts, _ := read(t, s.Page(nil, 200, sample()).Body)
		for _, w := range words {
			n := 0
			for _, text := range texts {
				if text == w {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%q: %q is there %d times", s, w, n)
			}
		}
	}
}

// A parser of HTML finds nothing in what the script is served with; what is on the page comes as data, whole.
func TestScriptServesNoLabel(t *testing.T) {
	reply := Script.Page(http.Header{"Sec-Fetch-Dest": {"document"}}, 200, sample())
	texts, attributes := read(t, reply.Body)
	if len(texts) > 0 {
		t.Errorf("the document says %q", texts)
	}
	for _, w := range append(words, "t0ken", "h1dden", "Certain?", "/act", "Menu", "Alone") {
		if strings.Contains(strings.Join(attributes, "\n"), w) || regexp.MustCompile(`[">]`+regexp.QuoteMeta(w)+`["<]`).Match(reply.Body) {
			t.Errorf("%q is in the document", w)
		}
	}
	var got Page
	if err := json.Unmarshal(Script.Page(http.Header{"Accept": {"application/json"}}, 200, sample()).Body, &got); err != nil {
		t.Fatal(err)
	}
	want := sample()
	want.number()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the data (-page +sent):\n%s", diff)
	}
}

// Nothing is loaded from anywhere, and no address holds what was filled in or the token.
func TestNothingFromOutside(t *testing.T) {
	outside := regexp.MustCompile(`(https?:)?//[a-z]|@import|\burl\(`)
	comment := regexp.MustCompile(`(?m)(^|\s)//.*$`)
	for _, s := range Styles() {
		for _, dest := range []string{"", "document", "iframe"} {
			p := sample()
			p.Frames = dest != ""
			reply := s.Page(http.Header{"Sec-Fetch-Dest": {dest}}, 200, p)
			if m := outside.Find(comment.ReplaceAll(reply.Body, nil)); m != nil {
				t.Errorf("%s, %q: %q", s, dest, m)
			}
			_, attributes := read(t, reply.Body)
			for _, a := range attributes {
				key, v, _ := strings.Cut(a, "=")
				if key == "href" || key == "src" || key == "action" || key == "formaction" {
					if !strings.HasPrefix(v, "/") && !strings.HasPrefix(v, "#") && v != "data:," || strings.Contains(v, "t0ken") || strings.Contains(v, "h1dden") || strings.Contains(v, "old") {
						t.Errorf("%s, %q: %s", s, dest, a)
					}
				}
			}
			if csp := reply.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; ") || strings.Contains(csp, "http") {
				t.Errorf("%s: %q", s, csp)
			}
		}
	}
}

// What is pressed is put together alike: names and values of fields and buttons are in every style.
func TestNamesAreSent(t *testing.T) {
	for _, s := range []Style{Classic, Tables, Cards, Panels, Document} {
		_, attributes := read(t, s.Page(nil, 200, sample()).Body)
		all := "\n" + strings.Join(attributes, "\n") + "\n"
		for _, want := range []string{"name=a", "name=b", "name=c", "name=d", "name=e", "name=f", "value=old", "value=h1dden", "value=t0ken", "action=/act", "enctype=multipart/form-data"} {
			if !strings.Contains(all, "\n"+want+"\n") {
				t.Errorf("%s: no %s", s, want)
			}
		}
		for _, want := range []string{"name=press", "value=1", "value=2"} {
			if !strings.Contains(all, want+"\n") { // data-name, data-value of links
				t.Errorf("%s: no %s", s, want)
			}
		}
	}
}

// Frames: the menu is in one document, the content in the other, the banner in one.
func TestFrames(t *testing.T) {
	p := sample()
	p.Frames = true
	for _, s := range []Style{Classic, Tables, Cards, Panels, Document} {
		for dest, want := range map[string]string{"document": "Alone", "iframe": "Content", "": "Alone Content"} {
			texts, attributes := read(t, s.Page(http.Header{"Sec-Fetch-Dest": {dest}}, 200, p).Body)
			var got []string
			for _, w := range texts {
				if w == "Alone" || w == "Content" {
					got = append(got, w)
				}
			}
			if strings.Join(got, " ") != want || strings.Contains(strings.Join(attributes, " "), "src=/page") != (dest == "document") {
				t.Errorf("%s, %q: %q", s, dest, got)
			}
		}
	}
}

func TestTraps(t *testing.T) {
	tests := map[string]struct {
		word string
		want int // times that the word is there
		attr string
	}{
		"twice=act":                     {"Act", 2, ""},
		"missing=Act":                   {"Act", 0, ""},
		"missing=typed":                 {"Typed", 0, ""},
		"missing=Label:":                {"Content", 0, ""},
		"missing=Column":                {"Cell", 0, ""},
		"missing=Lead":                  {"Lead", 0, ""},
		"twice=Give":                    {"Give", 2, ""},
		"disabled=Act":                  {"Act", 1, "disabled="},
		"covered=Act":                   {"Act", 1, "class=covered"},
		"moving=Act":                    {"Act", 1, "class=moving"},
		"heading=Another":               {"Heading", 0, ""},
		"disabled=Nothing of that name": {"Act", 1, ""},
	}
	for set, tt := range tests {
		p := sample()
		name, what, _ := strings.Cut(set, "=")
		if err := p.Traps.Set(name, what); err != nil {
			t.Fatal(err)
		}
		for _, s := range []Style{Classic, Tables, Cards, Panels, Document} {
			texts, attributes := read(t, s.Page(nil, 200, p).Body)
			got := 0
			for _, text := range texts {
				if text == tt.word {
					got++
				}
			}
			if got != tt.want || !strings.Contains(strings.Join(attributes, "\n"), tt.attr) {
				t.Errorf("%s, %s: %q is there %d times, want %d; %q", s, set, tt.word, got, tt.want, tt.attr)
			}
		}
		data := string(Script.Page(http.Header{"Accept": {"application/json"}}, 200, p).Body)
		value, label := strings.Count(data, fmt.Sprintf(`"text":%q`, tt.word)), strings.Count(data, fmt.Sprintf(`"label":%q`, tt.word))+strings.Count(data, fmt.Sprintf(`"title":%q`, tt.word))
		if got := value + label; got != tt.want {
			t.Errorf("script, %s: %q is there %d times, want %d", set, tt.word, got, tt.want)
		}
	}
	if p := sample().spoil(); !cmp.Equal(p, sample()) {
		t.Error("no trap spoils something")
	}
	for _, bad := range []string{"pit=Act", "twice="} {
		name, what, _ := strings.Cut(bad, "=")
		if new(Traps).Set(name, what) == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	var late Traps
	if err := late.Set("late", "2s"); err != nil || late.Late != 2*time.Second {
		t.Errorf("late: %v, %v", late.Late, err)
	}
}

func TestNoSuchStyle(t *testing.T) {
	if r := Style("gopher").Page(nil, 200, sample()); r.Status != 500 || !strings.Contains(string(r.Body), `there is no markup "gopher"`) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	for _, s := range append(Styles(), "") {
		if err := s.Check(); err != nil {
			t.Error(err)
		}
	}
}
