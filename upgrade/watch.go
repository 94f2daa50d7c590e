package upgrade

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
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
	e.emit(Event{Kind: EventAsk, Path: q.Step, Ref: q.Ref, Detail: q.Text})
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
	fault = e.protect("its look", func() { obs, err = fn(ctx, Look{Since: since.clone(), Elapsed: e.elapsed(since), Ask: a.ask}) })
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

// elapsed returns how long ago the act was, in the appliance's time.
func (e *engine) elapsed(since *Mark) time.Duration {
	if since == nil || since.At.IsZero() {
		return 0
	}
	d := max(time.Since(since.At), 0) // the clock may have been set back
	if e.o.Scale > 0 {
		return time.Duration(min(float64(d)/e.o.Scale, math.MaxInt64/2))
	}
	return d
}
