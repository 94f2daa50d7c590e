package upgrade

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// walk carries the tree out.
func (e *engine) walk(ctx context.Context) error {
	if e.finished && !e.owes() {
		return nil
	}
	if err := e.lookAround(ctx); err != nil {
		return err
	}
	return e.group(ctx, e.t.root)
}

// node carries out one child of a group.
func (e *engine) node(ctx context.Context, n *node) error {
	if n.group() {
		return e.wholeGroup(ctx, n)
	}
	return e.leaf(ctx, n)
}

// group carries out the children, then puts their temporary changes back.
func (e *engine) group(ctx context.Context, n *node) error {
	if err := e.children(ctx, n); err != nil {
		return err
	}
	return e.restoreChildren(ctx, n)
}

func (e *engine) children(ctx context.Context, n *node) error {
	if n.AtOnce <= 1 {
		for _, k := range n.kids {
			if err := e.node(ctx, k); err != nil {
				return err
			}
		}
		return nil
	}
	var g errgroup.Group
	g.SetLimit(n.AtOnce)
	for _, k := range n.kids {
		g.Go(func() error {
			if e.isHalted() {
				return nil
			}
			return e.node(ctx, k)
		})
	}
	return g.Wait() // the first error; those under way were looked at to their end
}

func (e *engine) acted() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.st.acted()
}

func (e *engine) isHalted() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.halted
}

// scope is the run of a group that must not be left half-way: a cancel takes effect before its first act or after its end.
type scope struct {
	mu     sync.Mutex
	ctx    context.Context // ends with the run's only while nothing was acted
	acted  bool
	cancel context.CancelCauseFunc
}

type scopeKey struct{}

// scopeOf returns the enclosing scope; nil outside of one.
func scopeOf(ctx context.Context) *scope {
	s, _ := ctx.Value(scopeKey{}).(*scope)
	return s
}

// commit makes the scope uncancellable, unless it was cancelled before.
func (s *scope) commit() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ctx.Err(); err != nil {
		return context.Cause(s.ctx)
	}
	s.acted = true
	return nil
}

func (s *scope) committed() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acted
}

// wholeGroup runs a group, shielded from cancels when it is Whole.
func (e *engine) wholeGroup(ctx context.Context, n *node) error {
	e.emit(Event{Kind: EventBegin, Path: n.path, Ref: n.Ref})
	if n.whole != n {
		return e.group(ctx, n)
	}
	s := &scope{acted: e.begun(n)}
	inner, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.acted {
			cancel(context.Cause(ctx))
		}
	})
	defer stop()
	s.ctx, s.cancel = inner, cancel
	if !s.acted && !e.allDone(n) {
		if err := e.fits(ctx, n); err != nil {
			return err
		}
	}
	return e.group(context.WithValue(inner, scopeKey{}, s), n)
}

// begun says whether a step at or below n has acted and the group is not finished.
func (e *engine) begun(n *node) bool {
	var acted, open bool
	n.each(func(m *node) {
		if !m.group() {
			p := e.progress(m.path)
			acted = acted || p.sends > 0
			open = open || !p.finished()
		}
	})
	return acted && open
}

func (e *engine) allDone(n *node) bool {
	done := true
	n.each(func(m *node) {
		if !m.group() {
			p := e.progress(m.path)
			done = done && p.finished()
		}
	})
	return done
}

// fits holds the run when a group that must be finished would not be before the window closes.
func (e *engine) fits(ctx context.Context, n *node) error {
	if err := e.window(ctx, n); err != nil {
		return err
	}
	takes := e.o.scale(n.takes())
	if e.o.Closes.IsZero() || time.Now().Add(takes).Before(e.o.Closes) {
		return nil
	}
	return e.stop(n, Held, Observation{Detail: fmt.Sprintf("%q takes about %s and must not be left half-way; the window closes in %s",
		n.Name, spell(takes), spell(time.Until(e.o.Closes)))}, nil)
}

// window waits for the hour at which acts may begin, and holds the run after the last one.
func (e *engine) window(ctx context.Context, n *node) error {
	if wait := time.Until(e.o.Opens); !e.o.Opens.IsZero() && wait > 0 {
		detail := "the window opens at " + e.o.Opens.Format(time.RFC3339)
		e.note(Record{Kind: KindWaiting, Path: n.path, Detail: detail})
		e.emit(Event{Kind: EventWindow, Path: n.path, Detail: detail})
		if err := pause(ctx, wait); err != nil {
			return e.stopped(n, Observation{Detail: detail}, err)
		}
	}
	if !e.o.Closes.IsZero() && !time.Now().Before(e.o.Closes) {
		return e.stop(n, Held, Observation{Detail: "the window closed at " + e.o.Closes.Format(time.RFC3339)}, nil)
	}
	return nil
}

// hold ends this run, or goes on behind a hold that ended an earlier one.
func (e *engine) hold(n *node) error {
	p := e.progress(n.path)
	if p.heldIn == 0 || p.heldIn == e.run {
		if err := e.write(Record{Kind: KindHeld, Path: n.path, Detail: n.soon}); err != nil {
			return e.stop(n, Failed, Observation{}, err)
		}
		return e.stop(n, Held, Observation{Detail: n.soon}, nil)
	}
	obs := Observation{Phase: Done, Detail: "held for " + spell(time.Since(p.held))}
	if n.soon != "" {
		obs.Detail += ": " + n.soon
	}
	return e.done(n, obs, false)
}

// stop ends the run at n. It is the only place that writes a stopped record.
func (e *engine) stop(n *node, outcome Outcome, obs Observation, cause error) error {
	e.mu.Lock()
	e.halted = true
	e.mu.Unlock()
	p := e.progress(n.path)
	se := &StepError{Step: n.path, Ref: n.Ref, Outcome: outcome, Seen: obs, Advice: n.Advice, Err: cause}
	if p.sends > 0 && p.mark != nil {
		se.Tried = fmt.Sprintf("%s acted at %s", p.by, p.mark.At.Format(time.DateTime))
		if p.hint != "" && (cause == nil || !strings.Contains(cause.Error(), p.hint)) {
			se.Tried += fmt.Sprintf(", which said %q", p.hint)
		}
	}
	r := Record{Kind: KindStopped, Path: n.path, Outcome: outcome, Detail: obs.Detail, Evidence: obs.Evidence, Advice: n.Advice, Phase: &obs.Phase}
	if cause != nil {
		r.Err = cause.Error()
	}
	e.note(r)
	e.emit(Event{Kind: EventStop, Path: n.path, Ref: n.Ref, Phase: obs.Phase, Detail: obs.Detail, Err: se, Outcome: outcome})
	return se
}

// stopped is stop for an error that came out of waiting: a cancel, a limit, a missing answer, a broken step.
func (e *engine) stopped(n *node, obs Observation, err error) error {
	p := e.progress(n.path)
	inFlight := p.inFlight() && n.Again != Freely
	outcome := BlockedRun
	switch {
	case errors.Is(err, errLimit):
		outcome = UnknownEnd
	case inFlight:
		outcome = UnknownEnd
	case errors.Is(err, errBroken), errors.Is(err, ErrJournal):
		outcome = Failed
	case errors.Is(err, ErrNoAnswer), errors.Is(err, ErrNoOperator):
	case e.acted():
		outcome = Held
	default:
		outcome = Cancelled
	}
	return e.stop(n, outcome, obs, err)
}

// done writes that n is done. Only then does the next step begin.
func (e *engine) done(n *node, obs Observation, already bool) error {
	phase := Done
	err := e.write(Record{Kind: KindDone, Path: n.path, Phase: &phase, Detail: obs.Detail, Evidence: obs.Evidence, Already: already})
	if err != nil {
		return e.stopped(n, obs, err)
	}
	e.emit(Event{Kind: EventDone, Path: n.path, Ref: n.Ref, Phase: Done, Detail: obs.Detail})
	return nil
}

// refresh lets a step that every run looks at again be looked at, unless something is under way that must not be disturbed
// or nothing is left to act.
func (e *engine) refresh(n *node) {
	rest := e.t.leaves[n.order+1:]
	busy := slices.ContainsFunc(e.t.leaves, func(m *node) bool { p := e.progress(m.path); return p.inFlight() })
	for _, m := range e.t.leaves {
		busy = busy || (m.whole != nil && e.begun(m.whole))
	}
	acts := slices.ContainsFunc(rest, func(m *node) bool {
		p := e.progress(m.path)
		return !p.finished() && (m.Act != nil || m.Ask != nil)
	})
	if busy || !acts {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if p := e.st.step(n.path); p.done && p.doneIn < e.run {
		p.anew()
	}
}
