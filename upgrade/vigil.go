package upgrade

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"
)

// A Vigil asks one question all along a run, for the report alone: who answers at the site's name. It decides nothing and stops nothing, that is
// for a [Guard]; but what it hears is journaled whenever it changes, so that the report says how long nobody answered, and for how long nobody watched because no run went on.
//
// It asks every Every; and ten times as often for two minutes after an act and after a change, and while nobody answers. Changes that are shorter than that may go unseen.
type Vigil struct {
	Name  string        // what it asks: "who answers at access.example.com"
	Every time.Duration // default 30 s

	// Ask returns who answers. An error says that nobody does, or the wrong one. It is called from one goroutine, beside everything else, and bounded by 10 seconds, whatever Options.Scale is.
	Ask func(ctx context.Context) (who string, err error)
}

// Bounds of a vigil.
const (
	DefaultVigilEvery = 30 * time.Second
	vigilQuick        = 10              // how many times as often it asks when something may change
	vigilAlert        = 2 * time.Minute // for how long that is
	vigilPatience     = 10 * time.Second
	vigilMost         = 2000 // changes kept of one run; the time without an answer is counted on
)

// vigilSeen is the evidence of a vigil's records.
type vigilSeen struct {
	Every time.Duration `json:"every_ns"`
	Last  time.Time     `json:"last,omitzero"`   // when it asked last before this: the change lies between
	Asked int           `json:"asked"`           // in this run so far
	Away  time.Duration `json:"away_ns"`         // in this run so far: how long nobody answered, at most
	Ended bool          `json:"ended,omitempty"` // the run ends, and with it the asking
	Many  bool          `json:"many,omitempty"`  // changes from here on are only counted
}

// vigils starts the procedure's vigils, and returns what ends them.
func (e *engine) vigils(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // a run that is cancelled may still go on for an hour
	var all sync.WaitGroup
	for _, w := range e.t.p.Vigils {
		all.Go(func() { (&watchman{engine: e, w: w}).stand(ctx) })
	}
	return func() {
		cancel()
		all.Wait()
	}
}

// watchman is what one vigil saw in this run.
type watchman struct {
	*engine
	w       Vigil
	who     string    // who answered last; empty for nobody
	last    time.Time // when it was asked last
	changed time.Time
	seen    vigilSeen
	kept    int
}

func (t *watchman) stand(ctx context.Context) {
	t.seen.Every = orElse(t.w.Every, DefaultVigilEvery)
	for {
		asked := time.Now()
		who, err := t.ask(ctx)
		if ctx.Err() != nil {
			break
		}
		if t.take(asked, who, err) != nil {
			return // the journal is broken, and whoever acts next finds out
		}
		if t.pause(ctx) != nil {
			break
		}
	}
	if t.last.IsZero() {
		return
	}
	t.seen.Ended = true
	t.tell(time.Now(), "", nil)
}

func (t *watchman) ask(ctx context.Context) (who string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, vigilPatience, errors.New("no answer in time")) // not scaled: it bounds a network, not an appliance
	defer cancel()
	if fault := t.protect("a vigil", func() { who, err = t.w.Ask(ctx) }); fault != nil {
		return "", fault
	}
	if err == nil && who == "" {
		err = errors.New("it does not say who answers")
	}
	return who, err
}

// take learns what came of a question, and journals it when it is another answer than before. An answer is of now; that there was none, of when it was asked.
func (t *watchman) take(now time.Time, who string, err error) error {
	if err == nil {
		now = time.Now()
	}
	if err != nil {
		who = ""
	}
	first := t.last.IsZero()
	t.seen.Asked++
	t.seen.Last = t.last
	if !first && (who == "" || t.who == "") { // it went, came back, or is away still
		t.seen.Away += now.Sub(t.last)
	}
	changed := first || who != t.who
	t.who, t.last = who, now
	if !changed {
		return nil
	}
	t.changed = now
	return t.tell(now, who, err)
}

func (t *watchman) tell(now time.Time, who string, why error) error {
	if t.kept++; t.kept > vigilMost && !t.seen.Ended {
		return nil
	}
	t.seen.Many = t.kept == vigilMost
	r := Record{Kind: KindVigil, Path: t.w.Name, Detail: who}
	if why != nil {
		r.Err = errText(why)
	}
	var err error
	if r.Evidence, err = json.Marshal(t.seen); err != nil {
		return err
	}
	if err := t.write(r); err != nil {
		return err
	}
	if !t.seen.Ended {
		t.emit(Event{Kind: EventVigil, Path: t.w.Name, Detail: cmp.Or(who, "nobody: "+r.Err)})
	}
	return nil
}

// pause waits for the next question, and no longer than until something acts.
func (t *watchman) pause(ctx context.Context) error {
	t.mu.Lock()
	acts := t.stir
	t.mu.Unlock()
	next := time.NewTimer(t.o.scale(t.pace()))
	defer next.Stop()
	select {
	case <-next.C:
	case <-acts:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// pace is the pause before the next question.
func (t *watchman) pace() time.Duration {
	alert := t.o.scale(vigilAlert)
	if t.who == "" || time.Since(t.changed) < alert || time.Since(t.newestAct()) < alert {
		return t.seen.Every / vigilQuick
	}
	return t.seen.Every
}

// checkVigils reports what is wrong with the procedure's vigils.
func (p *Procedure) checkVigils(bad func(string, ...any)) {
	seen := map[string]bool{}
	for _, w := range p.Vigils {
		switch {
		case !goodName(w.Name) || w.Ask == nil:
			bad("vigil %q needs an Ask and a name of one line without a slash", w.Name)
		case seen[w.Name]:
			bad("two vigils are called %q", w.Name)
		case w.Every < 0:
			bad("vigil %q has a negative duration", w.Name)
		}
		seen[w.Name] = true
	}
}
