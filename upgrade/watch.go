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
	e    *engine
	path string
	ref  string
	lim  *limit // stands still while a person thinks; nil where there is none

	mu      sync.Mutex
	answers map[string]string
	used    bool // since the last forget

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
	if known {
		return answer, nil
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
	e.emit(Event{Kind: EventAsk, Path: q.Step, Ref: q.Ref, Detail: q.Text})
	a, err := e.o.Operator.Ask(ctx, q)
	if err != nil {
		return "", fmt.Errorf("asking a person: %w", err)
	}
	if len(q.Options) > 0 && !slices.Contains(q.Options, a.Text) {
		return "", fmt.Errorf("%w: the operator said %q, which is none of %q", ErrNoAnswer, a.Text, q.Options)
	}
	if err := e.write(Record{Kind: KindAnswer, Path: q.Step, Question: &q, Answer: a.Text, By: a.By}); err != nil {
		return "", err
	}
	return a.Text, nil
}

// observe calls an Observe function. fault is set when it panicked or returned nonsense; an error it returns makes the
// observation Unknown, unless it is Blocked.
func (e *engine) observe(ctx context.Context, fn func(context.Context, Look) (Observation, error), since *Mark, a *asker) (obs Observation, fault error) {
	defer func() {
		if p := recover(); p != nil {
			obs, fault = Observation{}, fmt.Errorf("%w: its look panicked: %v", errBroken, p)
		}
	}()
	obs, err := fn(ctx, Look{Since: since, Ask: a.ask})
	a.err = err
	if fault := obs.check(); fault != nil {
		return Observation{}, fmt.Errorf("%w: its %w", errBroken, fault)
	}
	if err != nil && obs.Phase != Blocked {
		obs.Phase = Unknown
		if obs.Detail == "" {
			obs.Detail = err.Error()
		}
	}
	if obs.AsOf.IsZero() {
		obs.AsOf = time.Now()
	}
	if since != nil && obs.AsOf.Before(since.At) && (obs.Phase == Ready || obs.Phase == Done) {
		obs.Phase, obs.Detail = Pending, "seen before the act: "+obs.Detail
	}
	return obs, nil
}

// watch looks at the step again and again until the caller has seen enough, and returns the last observation. After an act
// it journals the evidence whenever that changes.
func (r *running) watch(ctx context.Context, enough func(Observation) bool) (Observation, error) {
	a := r.asker
	for {
		p := r.progress(r.n.path)
		obs, fault := r.observe(ctx, r.n.Observe, p.mark, a)
		if fault != nil {
			return a.last, fault
		}
		if err := context.Cause(ctx); err != nil && obs.Phase != Done && obs.Phase != Blocked {
			if a.last.Detail == "" {
				a.last = obs
			}
			return a.last, err // a look that the end cut short says nothing new
		}
		a.last = obs
		r.show(obs, p.mark)
		if err := r.remember(obs, p.mark); err != nil {
			return obs, err
		}
		if enough(obs) {
			return obs, nil
		}
		if obs.Phase == Unknown && noAnswer(a.err) || errors.Is(a.err, ErrJournal) {
			return obs, a.err
		}
		if err := r.lookAgain(ctx, obs); err != nil {
			return obs, err
		}
	}
}

// lookAgain waits until it is time for the next look. Where a person was asked, only he knows when that is.
func (r *running) lookAgain(ctx context.Context, obs Observation) error {
	if r.asker.asked() {
		r.asker.lim.pause()
		_, err := r.ask(ctx, Question{Kind: AskLook, Step: r.n.path, Ref: r.n.Ref, Text: "Say when it is time to look again.", Seen: obs.Detail})
		r.asker.lim.resume()
		if err != nil {
			return err
		}
		r.asker.forget()
	}
	return pause(ctx, r.o.scale(r.n.every()))
}

func (r *running) remember(obs Observation, mark *Mark) error {
	if mark == nil || len(obs.Evidence) == 0 || bytes.Equal(obs.Evidence, mark.Last) || obs.Phase == Done {
		return nil // a done record carries its own evidence
	}
	return r.write(Record{Kind: KindSeen, Path: r.n.path, Phase: &obs.Phase, Detail: obs.Detail, Evidence: obs.Evidence})
}

func (r *running) show(obs Observation, mark *Mark) {
	ev := Event{Kind: EventLook, Path: r.n.path, Ref: r.n.Ref, Phase: obs.Phase, Detail: obs.Detail}
	if mark != nil {
		ev.Since = mark.At
	}
	r.emit(ev)
}
