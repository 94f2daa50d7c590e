package upgrade

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// asker lets one Observe function ask a person, and remembers what he said until it is time to look again.
type asker struct {
	e      *engine
	path   string
	ref    string
	lim    *limit // stands still while a person thinks; nil where there is none
	closed bool   // nobody is asked any more
	n      *node  // the step that looks; nil for a guard and for an effect that must last
	began  time.Time

	mu      sync.Mutex
	answers map[string]string
	used    bool // since the last forget

	kept kept // of what its looks showed

	last Observation
	err  error // what the last look said beside it
}

func (e *engine) newAsker(path, ref string) *asker {
	return &asker{e: e, path: path, ref: ref, answers: map[string]string{}}
}

func (a *asker) ask(ctx context.Context, q Question) (string, error) {
	q.Step, q.Ref = a.path, a.ref
	hash := q.Hash()
	a.mu.Lock()
	a.used = true
	answer, known := a.answers[hash]
	a.mu.Unlock()
	switch {
	case known:
		return answer, nil
	case a.closed:
		return "", fmt.Errorf("%w: the run ends", ErrNoAnswer)
	}
	if a.lim != nil {
		a.lim.pause()
		defer a.lim.resume()
	}
	q.Seen = a.last.Detail
	answer, err := a.e.ask(ctx, q)
	if err != nil {
		return "", err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answers[hash] = answer
	return answer, nil
}

// again asks whether it is time to look again, if the last look asked a person: only he knows. It forgets what he said.
func (a *asker) again(ctx context.Context) error {
	if !a.asked() {
		return nil
	}
	a.lim.pause()
	defer a.lim.resume()
	if _, err := a.e.ask(ctx, Question{Kind: AskLook, Step: a.path, Ref: a.ref, Text: "Say when it is time to look again.", Seen: a.last.Detail}); err != nil {
		return err
	}
	a.forget()
	return nil
}

// forget drops the answers: what a person read before the act says nothing about after it.
func (a *asker) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.answers)
	a.used = false
}

func (a *asker) asked() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.used
}

// ask puts a question to the operator and journals the answer with who gave it.
func (e *engine) ask(ctx context.Context, q Question) (string, error) {
	if e.o.DryRun || e.o.Operator == nil {
		return "", fmt.Errorf("%w: %s", ErrNoOperator, q.Text)
	}
	if err := context.Cause(ctx); err != nil {
		return "", err
	}
	e.emit(Event{Kind: EventAsk, Path: q.Step, Ref: q.Ref, Detail: q.brief()})
	var a Answer
	var err error
	if broken := e.protect("the operator", func() { a, err = e.o.Operator.Ask(ctx, q) }); broken != nil {
		return "", fmt.Errorf("%w: %w", ErrNoAnswer, broken)
	}
	if err != nil {
		return "", fmt.Errorf("asking a person: %w", err)
	}
	if len(q.Options) > 0 && !slices.Contains(q.Options, a.Text) {
		return "", fmt.Errorf("%w: the operator said %q, which is none of %q", ErrNoAnswer, clip(a.Text), q.Options)
	}
	if err := e.write(Record{Kind: KindAnswer, Path: q.Step, Question: &q, Answer: clip(a.Text), By: clip(a.By)}); err != nil {
		return "", err
	}
	return a.Text, nil
}

// observe calls an Observe function. fault is set when it panicked or returned nonsense; an error it returns makes the
// observation Unknown, unless it is Blocked. What the channel saw before the newest act says nothing about now.
func (e *engine) observe(ctx context.Context, fn func(context.Context, Look) (Observation, error), since *Mark, a *asker) (obs Observation, fault error) {
	var err error
	ctx, over := e.witnessed(ctx, a.path, false, &a.kept)
	defer over()
	look := Look{Since: since.clone(), Elapsed: e.elapsed(since), Ask: a.ask}
	if a.n != nil {
		look.Expected, _, _, _ = e.times(a.n)
		if since == nil && a.n.Act == nil && a.n.Ask == nil {
			look.Elapsed = e.unscaled(time.Since(a.began))
		}
	}
	fault = e.protect("its look", func() { obs, err = fn(ctx, look) })
	a.err = err
	if fault != nil {
		return Observation{}, fmt.Errorf("%w: %w", errBroken, fault)
	}
	if fault := obs.check(); fault != nil {
		return Observation{}, fmt.Errorf("%w: its %w", errBroken, fault)
	}
	if err != nil && obs.Phase != Blocked {
		obs.Phase = Unknown
		if obs.Detail == "" {
			obs.Detail = errText(err)
		}
	}
	if obs.AsOf.IsZero() {
		obs.AsOf = time.Now()
	} else if obs.AsOf.Before(e.newestAct()) && obs.Phase != Unknown {
		obs.Phase, obs.Detail = Pending, "seen before the newest act: "+obs.Detail
	}
	return obs, nil
}

func (e *engine) newestAct() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.st.lastAct
}

// watch looks at the step again and again until the caller has seen enough, and returns the last observation. After an act
// it journals the evidence whenever that changes.
func (r *running) watch(ctx context.Context, enough func(Observation) bool) (Observation, error) {
	a := r.asker
	for {
		p := r.progress(r.n.path)
		since := p.mark
		if r.n.Remembers {
			since = p.first
		}
		obs, fault := r.observe(ctx, r.n.Observe, since, a)
		if fault != nil {
			return a.last, fault
		}
		if err := context.Cause(ctx); err != nil && obs.Phase != Done && obs.Phase != Blocked {
			if a.last.Detail == "" {
				a.last = obs
			}
			return a.last, err // a look that the end cut short says nothing new
		}
		r.worry(&obs, p.mark)
		a.last = obs
		r.show(obs, p.mark)
		if err := r.remember(obs, since); err != nil {
			return obs, err
		}
		if errors.Is(a.err, ErrJournal) {
			return obs, a.err
		}
		if enough(obs) {
			return obs, nil
		}
		if err := r.lookAgain(ctx, obs); err != nil {
			return obs, err
		}
	}
}

// lookAgain waits until it is time for the next look.
func (r *running) lookAgain(ctx context.Context, obs Observation) error {
	if obs.Phase == Unknown && noAnswer(r.asker.err) {
		return r.asker.err
	}
	if err := r.asker.again(ctx); err != nil {
		return err
	}
	return pause(ctx, r.o.scale(r.n.every()))
}

func (r *running) remember(obs Observation, mark *Mark) error {
	if r.n.Remembers && mark == nil && obs.Phase != Done && obs.Phase != Blocked {
		return r.write(Record{Kind: KindSeen, Path: r.n.path, Phase: &obs.Phase, Detail: obs.Detail, Evidence: obs.Evidence})
	}
	if mark == nil || len(obs.Evidence) == 0 || bytes.Equal(obs.Evidence, mark.Last) || obs.Phase == Done {
		return nil // a done record carries its own evidence
	}
	return r.write(Record{Kind: KindSeen, Path: r.n.path, Phase: &obs.Phase, Detail: obs.Detail, Evidence: obs.Evidence})
}

// worry says, once as an event and from then on with every look, that an act takes much longer than expected.
func (r *running) worry(obs *Observation, mark *Mark) {
	expected, worry, _, _ := r.times(r.n)
	if mark == nil || worry <= 0 || obs.Phase == Done || r.elapsed(mark) < worry {
		return
	}
	text := fmt.Sprintf("much longer than the expected %s", spell(expected))
	if r.n.Advice != "" {
		text += ": " + r.n.Advice
	}
	if !r.worried {
		r.worried = true
		r.emit(Event{Kind: EventWorry, Path: r.n.path, Ref: r.n.Ref, Phase: obs.Phase, Detail: obs.Detail + ", " + text, Since: mark.At})
	}
	obs.Detail += ", " + text
}

func (r *running) show(obs Observation, mark *Mark) {
	ev := Event{Kind: EventLook, Path: r.n.path, Ref: r.n.Ref, Phase: obs.Phase, Detail: obs.Detail}
	if mark != nil {
		ev.Since = mark.At
	}
	r.emit(ev)
}

// elapsed returns how long ago the act was, in the appliance's time.
func (e *engine) elapsed(since *Mark) time.Duration {
	if since == nil || since.At.IsZero() {
		return 0
	}
	return e.unscaled(max(time.Since(since.At), 0)) // the clock may have been set back
}
