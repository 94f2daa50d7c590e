package site

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/changeover-sdk/changeover/internal/browser/axtree"
)

// Reading is one look at a page. What is not on the page reads as nothing; what is there twice is an error of the whole reading.
type Reading struct {
	t    *Table
	now  *axtree.Snapshot
	item bool     // one row: the places of the table lead to it, and are passed
	log  []string // what was read: two readings with the same one are the same
	err  error
}

// Value is the text beside a label, "" where the page does not show it or shows nothing.
func (r *Reading) Value(key string, values Values) string {
	v, err := r.value(key, values)
	if f, ok := errors.AsType[*axtree.FindError](err); ok && f.Miss == axtree.None {
		err = nil
	}
	if err != nil && r.err == nil {
		r.err = err
	}
	return v
}

// Uncounted is Value for what changes while one looks: it does not make two readings differ.
func (r *Reading) Uncounted(key string) string {
	n := len(r.log)
	v := r.Value(key, nil)
	r.log = r.log[:n]
	return v
}

// Word is the first wording of a label.
func (r *Reading) Word(key string) string { return axtree.Label(r.t.Labels[key].Text)[0] }

// Must is Value for what every such page has.
func (r *Reading) Must(key string, values Values) string {
	v, err := r.value(key, values)
	if err != nil && r.err == nil {
		r.err = err
	}
	return v
}

func (r *Reading) value(key string, values Values) (string, error) {
	q, err := r.query(key, values)
	if err != nil {
		return "", err
	}
	text, err := r.now.Value(q.Label, q.Within...)
	if axtree.Label(r.t.Nothing).Fits(text) {
		text = ""
	}
	text = strings.TrimSpace(text)
	r.log = append(r.log, key+"="+text)
	return text, err
}

// Has reports whether a label is there exactly once, disabled or not.
func (r *Reading) Has(key string, values Values) bool {
	q, err := r.query(key, values)
	if err != nil {
		return false
	}
	has := q.Kind == axtree.Value
	if has {
		_, err := r.now.Value(q.Label, q.Within...)
		has = err == nil
	} else {
		has = r.now.Has(q)
	}
	if has {
		r.log = append(r.log, key)
	}
	return has
}

// query is where a label is looked for in this reading.
func (r *Reading) query(key string, values Values) (axtree.Query, error) {
	q, _, err := r.t.query(key, values)
	if r.item && len(q.Label) > 0 {
		q.Within, err = nil, nil
	}
	return q, err
}

// place is where a label is, as far as the table alone knows.
func (r *Reading) place(key string) (out []axtree.Label) {
	for _, w := range r.t.Labels[key].Within {
		if !slices.ContainsFunc(w, open) {
			out = append(out, w)
		}
	}
	return out
}

// Items are the rows of the tables in the place that a label is in, each to be read like a page.
func (r *Reading) Items(key string) (out []*Reading) {
	rows, err := r.now.Items(r.place(key)...)
	if l := r.t.Labels[key]; err == nil && kinds[l.Kind] == axtree.Value && !slices.ContainsFunc(rows, func(s *axtree.Snapshot) bool { _, err := s.Value(l.Text); return err == nil }) {
		if under, _ := r.now.Under(l.Text, r.place(key)...); len(under) > 0 {
			rows = under // what is listed is not what is looked for
		}
	}
	for _, row := range rows {
		r.log = append(r.log, row.Root.Text())
		out = append(out, &Reading{t: r.t, now: row, item: true})
	}
	if f, ok := errors.AsType[*axtree.FindError](err); ok && f.Miss == axtree.None {
		return nil
	}
	r.fail(err)
	return out
}

// Head is the first cell of an item.
func (r *Reading) Head() string { return r.now.Head() }

// Boxes are the boxes or choices in the place of a label.
func (r *Reading) Boxes(key string) []axtree.Box {
	boxes, err := r.now.Boxes(kinds[r.t.Labels[key].Kind], r.place(key)...)
	if f, ok := errors.AsType[*axtree.FindError](err); ok && f.Miss == axtree.None {
		return nil
	}
	r.fail(err)
	for _, b := range boxes {
		r.log = append(r.log, b.Label, strconv.FormatBool(b.On))
	}
	return boxes
}

// Box reports whether a box is ticked; shown is false where there is no such box.
func (r *Reading) Box(key string, values Values) (on, shown bool) {
	q, _, err := r.t.query(key, values)
	if err != nil {
		r.fail(err)
		return false, false
	}
	n, err := r.now.Find(q)
	if f, ok := errors.AsType[*axtree.FindError](err); ok && f.Miss == axtree.None {
		return false, false
	} else if ok && f.Miss == axtree.Off {
		return false, false // a box that cannot be used says nothing certain
	}
	if err != nil {
		r.fail(err)
		return false, false
	}
	r.log = append(r.log, key, n.Checked)
	return n.Checked == "true", true
}

// Pairs is all that the page tells, label by label.
func (r *Reading) Pairs() []axtree.Pair {
	pairs, err := r.now.Pairs()
	r.fail(err)
	for _, p := range pairs {
		r.log = append(r.log, p.Label, p.Text)
	}
	return pairs
}

// Texts are the page's sentences.
func (r *Reading) Texts() []string {
	texts := r.now.Texts()
	r.log = append(r.log, texts...)
	return texts
}

// Says reports whether a wording of the label stands on the page as a text of its own.
func (r *Reading) Says(key string) bool { return r.now.Says(r.t.Labels[key].Text) }

func (r *Reading) fail(err error) {
	if err != nil && r.err == nil {
		r.err = err
	}
}
