package upgrade

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A sentinel is something that must stay so: a guard, or the effect of a step that holds until another one begins.
type sentinel struct {
	n       *node // the guard's stand-in, or the step whose effect it is
	on      []string
	observe func(context.Context, Look) (Observation, error)
	every   time.Duration
	limit   time.Duration
	guard   bool
	asker   *asker
	person  bool // its last look asked a person, who is asked again before Never acts and on resume only
}

var errUndone = errors.New("its effect is gone: somebody undid it")

func (e *engine) guardSentinel(g *Guard) *sentinel {
	path := guardPath(g.Name)
	s := e.sentinels[path]
	if s == nil {
		n := &node{Step: &Step{Name: path, On: g.On, Every: g.Every}, path: path}
		s = &sentinel{n: n, on: g.On, observe: g.Observe, every: orElse(g.Every, DefaultEvery), limit: orElse(g.Limit, DefaultGuardLimit),
			guard: true, asker: e.newAsker(path, "")}
		e.sentinels[path] = s
	}
	return s
}

func (e *engine) effectSentinel(n *node) *sentinel {
	s := e.sentinels[n.path]
	if s == nil {
		s = &sentinel{n: n, on: n.On, observe: n.Observe, every: n.every(), limit: DefaultGuardLimit, asker: e.newAsker(n.path, n.Ref)}
		e.sentinels[n.path] = s
	}
	return s
}

// lookAround looks at every guard, and at every effect that still holds, before a run does anything.
func (e *engine) lookAround(ctx context.Context) error {
	if err := e.lookAtGuards(ctx, nil); err != nil {
		return err
	}
	return e.lookAtEffects(ctx, nil)
}

// lookAtGuards passes when every guard holds. n is the step that is about to act; nil at the beginning of a run.
func (e *engine) lookAtGuards(ctx context.Context, n *node) error {
	for i := range e.t.p.Guards {
		if err := e.lookAt(ctx, n, func() *sentinel { return e.guardSentinel(&e.t.p.Guards[i]) }); err != nil {
			return err
		}
	}
	return nil
}

// lookAtEffects passes when every effect that must last until a later step is still there.
func (e *engine) lookAtEffects(ctx context.Context, n *node) error {
	for _, m := range e.t.leaves {
		if m == n || !e.lasts(m) {
			continue
		}
		if err := e.lookAt(ctx, n, func() *sentinel { return e.effectSentinel(m) }); err != nil {
			return err
		}
	}
	return nil
}

// lasts says whether the step is done and the one that ends its effect has not begun.
func (e *engine) lasts(m *node) bool {
	if m.until == nil || !e.progress(m.path).done {
		return false
	}
	lasts := true
	m.until.each(func(k *node) {
		p := e.progress(k.path)
		lasts = lasts && (k.group() || (p.mark == nil && !p.finished()))
	})
	return lasts
}

func (e *engine) lookAt(ctx context.Context, n *node, of func() *sentinel) error {
	select {
	case e.looking <- struct{}{}:
		defer func() { <-e.looking }()
	case <-ctx.Done():
		return e.stopped(ctx, e.stopNode(n), Observation{}, context.Cause(ctx))
	}
	s := of()
	if s.person && n != nil && n.Again != Never {
		return nil
	}
	s.asker.forget()
	lctx, lim, cancel := withLimit(ctx, e.o.scale(s.limit))
	defer cancel()
	s.asker.lim = lim
	for {
		obs, fault := e.observe(lctx, s.observe, e.sinceOf(s), s.asker)
		if fault != nil {
			return e.broken(s, n, obs, BlockedRun, fault)
		}
		s.person = s.asker.asked()
		s.asker.last = obs
		e.emit(Event{Kind: EventLook, Path: s.n.path, Ref: s.n.Ref, Phase: obs.Phase, Detail: obs.Detail})
		switch {
		case obs.Phase == Done:
			return e.pin(ctx, s, obs)
		case obs.Phase == Blocked:
			return e.broken(s, n, obs, blockedOutcome(s.asker.err, BlockedRun), s.asker.err)
		case obs.Phase == Ready && !s.guard:
			return e.broken(s, n, obs, BlockedRun, errUndone)
		case e.excused(s, n):
			return nil
		case noAnswer(s.asker.err):
			return e.broken(s, n, obs, BlockedRun, s.asker.err)
		}
		err := s.asker.again(lctx)
		if err == nil {
			err = pause(lctx, e.o.scale(s.every))
		}
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return e.stopped(ctx, e.stopNode(n), obs, context.Cause(ctx))
		default:
			return e.broken(s, n, obs, BlockedRun, fmt.Errorf("it could not be told: %w", err))
		}
	}
}

// broken stops the run because a sentinel does not hold. An act that is under way makes the outcome unknown.
func (e *engine) broken(s *sentinel, n *node, obs Observation, outcome Outcome, cause error) error {
	if e.pending(e.stopNode(n)) {
		outcome = UnknownEnd
	}
	at := &node{Step: &Step{Name: s.n.Name, Ref: s.n.Ref, Advice: s.n.Advice}, path: s.n.path}
	if n != nil {
		obs.Detail = fmt.Sprintf("before %q: %s", n.path, obs.Detail)
		at.whole = n.whole
	}
	return e.stop(at, outcome, obs, cause)
}

// stopNode is where a run stops: at a step, or at itself.
func (e *engine) stopNode(n *node) *node {
	if n == nil {
		return e.t.root
	}
	return n
}

// sinceOf returns a guard's first look in this journal, or the mark of the step whose effect it is.
func (e *engine) sinceOf(s *sentinel) *Mark {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s.guard {
		return e.st.guards[s.n.path]
	}
	return e.st.of(s.n.path).mark
}

// pin journals a guard's first look.
func (e *engine) pin(ctx context.Context, s *sentinel, obs Observation) error {
	if !s.guard || e.sinceOf(s) != nil {
		return nil
	}
	phase := obs.Phase
	if err := e.write(Record{Kind: KindGuard, Path: s.n.path, Phase: &phase, Detail: obs.Detail, Evidence: obs.Evidence}); err != nil {
		return e.stopped(ctx, s.n, obs, err)
	}
	return nil
}

// excused says whether what a sentinel cannot tell is no wonder: another step has taken the appliance down on purpose, and is
// not proven yet, or its effect lasts. On resume (n is nil) nothing acts before the step that was under way is proven, so
// there any appliance of it will do.
func (e *engine) excused(s *sentinel, n *node) bool {
	meet := func(on []string) bool {
		return slices.ContainsFunc(on, func(a string) bool { return slices.Contains(s.on, a) })
	}
	return slices.ContainsFunc(e.t.leaves, func(m *node) bool {
		p := e.progress(m.path)
		switch {
		case m == s.n, m == n: // its own effect shows or does not; and whoever acts again acts on what answers
			return false
		case n == nil && p.inFlight() && meet(m.On):
			return true
		}
		return (p.inFlight() || p.sends > 0 && e.lasts(m)) && meet(m.Down)
	})
}
