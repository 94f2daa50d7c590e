package upgrade

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"time"
)

// witness is in the context of every Observe and Act function: it takes the names of artifacts that show what was seen there to the journal.
type witness struct {
	e    *engine
	path string
	act  bool
	kept *kept

	mu   sync.Mutex
	over bool // the function has returned
}

type witnessKey struct{}

// witnessOf returns the witness of a context; nil outside a run.
func witnessOf(ctx context.Context) *witness {
	w, _ := ctx.Value(witnessKey{}).(*witness)
	return w
}

// witnessed returns a context for one call of an Observe or Act function, and what ends it.
func (e *engine) witnessed(ctx context.Context, path string, act bool, k *kept) (context.Context, func()) {
	w := &witness{e: e, path: path, act: act, kept: k}
	return context.WithValue(ctx, witnessKey{}, w), func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.over = true
	}
}

// note journals names under the step. Where some could not be stored, why is journaled beside them.
func (w *witness) note(names []string, failed error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return fmt.Errorf("upgrade: evidence of %q: its function has returned", w.path)
	}
	r := Record{Kind: KindEvidence, Path: w.path, Artifacts: names}
	if failed != nil {
		r.Err = errText(failed)
	}
	return w.e.write(r)
}

// kept is what was kept of a step's looks since it acted last.
type kept struct {
	mu   sync.Mutex
	what map[string]bool
}

// first says whether what is kept for the first time. An act's evidence always is: a step acts a few times, and looks for hours.
func (w *witness) first(what string) bool {
	if w.act {
		return true
	}
	w.kept.mu.Lock()
	defer w.kept.mu.Unlock()
	if w.kept.what == nil {
		w.kept.what = map[string]bool{}
	}
	before := w.kept.what[what]
	w.kept.what[what] = true
	return !before
}

func (k *kept) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.what)
}

// NoteArtifacts tells the run that artifacts which show what was seen or done are stored under these names: the journal and the report name them at the
// step. ctx is the one that an Observe or Act function was called with, or one made of it; with any other, and once that function has returned, it is an
// error. A name is never a secret.
func NoteArtifacts(ctx context.Context, names ...string) error {
	w := witnessOf(ctx)
	if w == nil {
		return errors.New("upgrade: evidence: this context is not that of a step")
	}
	return w.note(names, nil)
}

// KeepPage stores what a page showed as two artifacts, a picture and facts as JSON, either of which may be nil, and tells the run as [NoteArtifacts] does.
// It is all that a page driver's Options.Evidence has to do:
//
//	Evidence: func(ctx context.Context, e spsweb.Evidence) { upgrade.KeepPage(ctx, artifacts, e.What(), e.PNG, e) }
//
// What says what is seen, such as "failover.break before", and becomes part of the artifacts' names with the time and the step: a new name for each, never a
// secret. Everything an act shows is kept. Of what a step's looks show, which come every few seconds for hours, only the first of each what is, once before
// and once after each act.
//
// What cannot be stored is an error, is said in the report, and stops no step. Outside a run all is stored, and nobody told.
func KeepPage(ctx context.Context, a Artifacts, what string, png []byte, facts any) error {
	w := witnessOf(ctx)
	if w != nil && !w.first(what) {
		return nil
	}
	path := ""
	if w != nil {
		path = w.path + "-"
	}
	var raw []byte
	var bad error
	if facts != nil {
		raw, bad = json.MarshalIndent(facts, "", "  ")
	}
	stem := "page-" + time.Now().UTC().Format("20060102T150405.000Z") + "-" + pageName(path+what)
	names, err := putPage(context.WithoutCancel(ctx), a, stem, png, raw) // what a cancelled step saw last is worth most
	err = cmp.Or(err, bad)
	if w == nil || err == nil && len(names) == 0 {
		return err
	}
	return cmp.Or(err, w.note(names, err))
}

// putPage stores what there is under stem, or under the first name after it that is free.
func putPage(ctx context.Context, a Artifacts, stem string, png, facts []byte) (names []string, err error) {
	parts := []struct {
		ending string
		data   []byte
	}{{".json", facts}, {".png", png}}
	for n := 1; ; n++ {
		free := stem
		if n > 1 {
			free = fmt.Sprintf("%s-%d", stem, n)
		}
		names, err = nil, nil
		for _, p := range parts {
			if len(p.data) == 0 {
				continue
			}
			_, perr := a.Put(ctx, free+p.ending, func(w io.Writer) error { _, err := w.Write(p.data); return err })
			if perr == nil {
				names = append(names, free+p.ending)
			}
			err = cmp.Or(err, perr)
		}
		if len(names) > 0 || !errors.Is(err, fs.ErrExist) {
			return names, err
		}
	}
}

// pageName makes a part of a file's name of s, short enough for any.
func pageName(s string) string {
	const long = 120
	s = strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '_')
	}), "-")
	if len(s) > long {
		s = s[:long/2] + "-" + s[len(s)-long/2:]
	}
	return s
}
