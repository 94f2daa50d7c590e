package site

import (
	"slices"
	"strings"
	"testing"
)

const ranged = `{"product": "P", "pages": {"a": {"menu": [["A"]], "heading": ["A"], "source": "s"}},
	"labels": {"a.x": {"page": "a", "kind": "button", "text": ["Old", "New"], "source": "s"}},
	"versions": [{"below": "2.1", "source": "s"}, {"from": "2.1", "below": "4", "labels": {"a.x": {"text": ["New"]}}, "source": "s"}]}`

// For a version there is only what the tables say of it, the embedder's last; for one that no table speaks of there is nothing.
func TestLoad(t *testing.T) {
	tests := map[string]struct {
		version, over string
		want          []string // the wordings of a.x
		used, err     string   // which table it is, or a part of the error
	}{
		"no version":                    {"", "", []string{"Old", "New"}, "every version", ""},
		"an older one":                  {"2.0.9", "", []string{"Old", "New"}, "versions below 2.1", ""},
		"the first of a range":          {"2.1", "", []string{"New"}, "versions from 2.1 to below 4", ""},
		"in a range, with a suffix":     {"3.10.2 LTS", "", []string{"New"}, "versions from 2.1 to below 4", ""},
		"the first behind a range":      {"4", "", nil, "", "nothing is said of version 4"},
		"an embedder's range":           {"4", `{"versions": [{"from": "4", "labels": {"a.x": {"text": ["Newest"]}}, "source": "seen"}]}`, []string{"Newest"}, "versions from 4 on", ""},
		"an embedder's label wins":      {"3", `{"labels": {"a.x": {"text": ["Mine"]}}}`, []string{"Mine"}, "versions from 2.1 to below 4", ""},
		"an embedder's range wins":      {"3", `{"versions": [{"from": "3", "labels": {"a.x": {"also": ["Mine"]}}, "source": "seen"}]}`, []string{"New", "Mine"}, "versions from 3 on", ""},
		"an embedder's word is for all": {"", `{"labels": {"a.x": {"also": ["Mine"]}}}`, []string{"Old", "New", "Mine"}, "every version", ""},
		"two ranges":                    {"5", `{"versions": [{"from": "4", "source": "s"}, {"from": "5", "source": "s"}]}`, nil, "", "more than one range"},
		"no number":                     {"new", "", nil, "", "want numbers"},
		"a range of no number":          {"", `{"versions": [{"from": "new", "source": "s"}]}`, nil, "", "want numbers"},
		"a mistake in another range":    {"3", `{"versions": [{"from": "9", "labels": {"b.x": {"text": ["X"]}}, "source": "s"}]}`, nil, "", "no page"},
		"no label tells the version":    {"", `{"version": "a.y"}`, nil, "", "no label"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			table, err := Load([]byte(ranged), []byte(tt.over), tt.version)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("Load() error = %v, want %q in it", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := table.Labels["a.x"].Text; !slices.Equal(got, tt.want) || table.name() != tt.used {
				t.Errorf("Load() = wordings %q of the table for %s, want %q of %s", got, table.name(), tt.want, tt.used)
			}
		})
	}
}
