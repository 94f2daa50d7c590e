package upgrade

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// errHalted is the cause of a context that ended because another step ended the run.
var errHalted = errors.New("another step ended the run")

// halt remembers why no further step begins.
type halt struct {
	first  *StepError
	wholes map[*node]bool // the groups not to be left half-way in which it happened: they stop too
}

// stop ends the run at n. It is the only place that writes a stopped record.
func (e *engine) stop(n *node, outcome Outcome, obs Observation, cause error) error {
	p := e.progress(n.path)
	se := &StepError{Step: n.path, Ref: n.Ref, Outcome: outcome, Seen: obs, Advice: n.Advice, Err: cause}
	if p.sends > 0 && p.mark != nil {
		se.Tried = fmt.Sprintf("%s acted at %s", p.by, p.mark.At.Format(time.DateTime))
		if p.hint != "" && (cause == nil || !strings.Contains(errText(cause), p.hint)) {
			se.Tried += fmt.Sprintf(", which said %q", p.hint)
		}
	}
	r := Record{Kind: KindStopped, Path: n.path, Outcome: outcome, Detail: obs.Detail, Evidence: obs.Evidence, Advice: n.Advice, Phase: &obs.Phase}
	if cause != nil {
		r.Err = errText(cause)
	}
	e.note(r)
	e.haltAt(n, se)
	e.emit(Event{Kind: EventStop, Path: n.path, Ref: n.Ref, Phase: obs.Phase, Detail: obs.Detail, Err: se, Outcome: outcome})
	return se
}

// stopped is stop for an error that came out of waiting: a cancel, a limit, a missing answer, a broken step.
func (e *engine) stopped(ctx context.Context, n *node, obs Observation, err error) error {
	if errors.Is(err, errHalted) {
		e.mu.Lock()
		defer e.mu.Unlock()
		return &haltedError{e.halt.first}
	}
	outcome := Cancelled
	switch {
	case errors.Is(err, errLimit), e.pending(n):
		outcome = UnknownEnd
	case errors.Is(err, errBroken), errors.Is(err, ErrJournal):
		outcome = Failed
	case ctx.Err() == nil: // nobody to ask, or an operator that fails
		outcome = BlockedRun
	case e.acted():
		outcome = Held
	}
	return e.stop(n, outcome, obs, err)
}

// pending says whether an act of n may be having its effect; for the procedure itself, an act of any step. What may be done
// freely counts for nothing.
func (e *engine) pending(n *node) bool {
	if n != e.t.root {
		p := e.progress(n.path)
		return p.inFlight() && n.Again != Freely
	}
	for _, m := range e.t.leaves {
		if p := e.progress(m.path); p.inFlight() && m.Again != Freely {
			return true
		}
	}
	return false
}

// done writes that n is done. Only then does the next step begin.
func (e *engine) done(ctx context.Context, n *node, obs Observation, already bool) error {
	phase := Done
	err := e.write(Record{Kind: KindDone, Path: n.path, Phase: &phase, Detail: obs.Detail, Evidence: obs.Evidence, Already: already})
	if err != nil {
		return e.stopped(ctx, n, obs, err)
	}
	e.emit(Event{Kind: EventDone, Path: n.path, Ref: n.Ref, Phase: Done, Detail: obs.Detail})
	return nil
}

// haltAt keeps every step from beginning that has not, but for those of a group that must not be left half-way, has acted,
// and is not the one in which this happened.
func (e *engine) haltAt(n *node, why *StepError) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.halt.first == nil {
		e.halt = halt{first: why, wholes: map[*node]bool{}}
	}
	if n.whole != nil {
		e.halt.wholes[n.whole] = true
	}
	for m, cancel := range e.waiting {
		if e.haltsLocked(m) {
			cancel(errHalted)
		}
	}
}

func (e *engine) haltsLocked(n *node) bool {
	if e.halt.first == nil || e.abandoning {
		return false
	}
	s := e.scopes[n.whole]
	return !s.committed() || e.halt.wholes[n.whole]
}

// haltedBy returns why n may not begin; nil when it may.
func (e *engine) haltedBy(n *node) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.haltsLocked(n) {
		return &haltedError{e.halt.first}
	}
	return nil
}

// haltedError is what a step returns that did not begin because another one ended the run.
type haltedError struct{ why *StepError }

func (e *haltedError) Error() string { return e.why.Error() }
func (e *haltedError) Unwrap() error { return e.why }

// whileOpen returns a context that also ends when the run is halted, for what n does before it has acted.
func (e *engine) whileOpen(ctx context.Context, n *node) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.haltsLocked(n) {
		cancel(errHalted)
	}
	e.waiting[n] = cancel
	return ctx, func() {
		e.mu.Lock()
		delete(e.waiting, n)
		e.mu.Unlock()
		cancel(nil)
	}
}

// worst returns the error of the gravest outcome: what several steps at the same time ended with is one run's end.
func worst(errs []error) error {
	var worst error
	for _, err := range errs {
		if err != nil && (worst == nil || gravity(err) > gravity(worst)) {
			worst = err
		}
	}
	return worst
}

func gravity(err error) int {
	if _, ok := errors.AsType[*haltedError](err); ok {
		return 0 // the one that ended the run speaks for itself
	}
	se, ok := errors.AsType[*StepError](err)
	if !ok {
		return 7
	}
	return 1 + slices.Index([]Outcome{Cancelled, Held, BlockedRun, Failed, Reverted, UnknownEnd}, se.Outcome)
}
