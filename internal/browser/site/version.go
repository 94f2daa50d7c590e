package site

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Version is what is known of the pages of one range of versions: it is read over the rest of the table, as an embedder's table is.
type Version struct {
	From   string                     `json:"from,omitempty"`  // the first version; "": there is none
	Below  string                     `json:"below,omitempty"` // the first one that it no longer is for; "": there is none
	Pages  map[string]json.RawMessage `json:"pages,omitempty"`
	Labels map[string]json.RawMessage `json:"labels,omitempty"`
	Source string                     `json:"source"`
}

// String says which versions they are.
func (v Version) String() string {
	switch {
	case v.From == "" && v.Below == "":
		return "every version"
	case v.From == "":
		return "versions below " + v.Below
	case v.Below == "":
		return "versions from " + v.From + " on"
	}
	return "versions from " + v.From + " to below " + v.Below
}

func (v Version) parts() parts { return parts{Pages: v.Pages, Labels: v.Labels} }

// holds reports whether the range holds a version.
func (v Version) holds(number []int) (bool, error) {
	from, err := numbers(v.From)
	if err != nil {
		return false, err
	}
	below, err := numbers(v.Below)
	if err != nil {
		return false, err
	}
	return (len(from) == 0 || slices.Compare(number, from) >= 0) && (len(below) == 0 || slices.Compare(number, below) < 0), nil
}

// numbers reads "7.0.2.1" and "7.0.2.1 LTS".
func numbers(s string) (out []int, err error) {
	digits, _, _ := strings.Cut(strings.TrimSpace(s), " ")
	if digits == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(digits, ".") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("version %q: want numbers with dots between them", s)
		}
		out = append(out, n)
	}
	return out, nil
}

// Load reads a product's own table and an embedder's over it. For a version, what they say of it alone comes into force, the embedder's last; a version of which
// neither says anything is an error, for then it is not known whether the table fits. For no version every wording of every version fits: two of them on
// one page are more than one, and nothing is pressed.
func Load(own, embedder []byte, version string) (Table, error) {
	var all, t Table // all is checked whole, whichever part is used
	for _, raw := range [][]byte{own, embedder} {
		if err := all.Merge(raw); err != nil {
			return t, err
		}
	}
	number, err := numbers(version)
	if err != nil || len(number) == 0 {
		return all, err
	}
	for _, raw := range [][]byte{own, embedder} {
		layer, err := read(raw)
		if err != nil {
			return t, err
		}
		if t, err = t.with(layer); err != nil {
			return t, err
		}
		var fits []Version
		for _, v := range layer.Versions {
			if in, err := v.holds(number); err != nil {
				return t, fmt.Errorf("labels: %w", err)
			} else if in {
				fits = append(fits, v)
			}
		}
		if len(fits) > 1 {
			return t, fmt.Errorf("labels: version %s is in more than one range: %v", version, fits)
		}
		for _, v := range fits {
			if t, err = t.with(v.parts()); err != nil {
				return t, err
			}
			t.used = v.String()
		}
	}
	if t.used == "" {
		return t, fmt.Errorf("labels: nothing is said of version %s, only of %v: add a range to the table of your own, or name no version", version, all.Versions)
	}
	return t, nil
}

// name is which table it is, for a report.
func (t *Table) name() string { return cmp.Or(t.used, "every version") }
