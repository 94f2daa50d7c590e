package site

import (
	"errors"
	"strings"

	"github.com/changeover-sdk/changeover/internal/browser/axtree"
)

// Reading is one look at a page. What is not on the page reads as nothing; what is there twice is an error of the whole reading.
type Reading struct {
	t   *Table
	now *axtree.Snapshot
	log []string // what was read: two readings with the same one are the same
	err error
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

// Must is Value for what every such page has.
func (r *Reading) Must(key string, values Values) string {
	v, err := r.value(key, values)
	if err != nil && r.err == nil {
		r.err = err
	}
	return v
}

func (r *Reading) value(key string, values Values) (string, error) {
	q, _, err := r.t.query(key, values)
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
	q, _, err := r.t.query(key, values)
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

// Snapshot is the page itself.
func (r *Reading) Snapshot() *axtree.Snapshot { return r.now }
