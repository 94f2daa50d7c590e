package upgrade

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// scope is the run of a group that must not be left half-way: a cancel takes effect before its first act or after its end.
type scope struct {
	run context.Context // the run's own

	mu    sync.Mutex
	acted bool
}

// commit makes the scope uncancellable, unless it was cancelled before.
func (s *scope) commit() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.acted && s.run.Err() != nil {
		return context.Cause(s.run)
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

// scope returns the scope that n stands in; nil outside of one.
func (e *engine) scope(n *node) *scope {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.scopes[n.whole]
}

// wholeGroup runs a group that must not be left half-way, shielded from cancels once it has acted.
func (e *engine) wholeGroup(ctx context.Context, n *node) error {
	s := &scope{run: ctx, acted: e.begun(n)}
	inner, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	stop := context.AfterFunc(ctx, func() {
		if s.commit() != nil {
			cancel(context.Cause(ctx))
		}
	})
	defer stop()
	e.mu.Lock()
	e.scopes[n] = s
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		delete(e.scopes, n)
		e.mu.Unlock()
	}()
	if e.left(n) > 0 {
		if err := e.hour(inner, n); err != nil {
			return err
		}
	}
	return e.group(inner, n)
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

// left returns the expected time of what is not finished at or below n.
func (e *engine) left(n *node) time.Duration {
	if n.group() {
		return n.takesWith(func(i int) time.Duration { return e.left(n.kids[i]) })
	}
	if p := e.progress(n.path); p.finished() {
		return 0
	}
	expected, _, _, _ := e.times(n)
	return expected
}

// hour passes when n may act now. It waits for the window to open, and holds the run once it has closed, or when a group that
// must be finished would not be before it closes. A group that has acted is finished whatever the hour.
func (e *engine) hour(ctx context.Context, n *node) error {
	if e.scope(n).committed() {
		return nil
	}
	if err := e.opens(ctx, n); err != nil {
		return err
	}
	if e.o.Closes.IsZero() {
		return nil
	}
	outcome := Held
	if e.pending(n) {
		outcome = UnknownEnd // it would have been sent again
	}
	now := time.Now()
	if !now.Before(e.o.Closes) {
		return e.stop(n, outcome, Observation{Detail: "the window closed at " + e.o.Closes.Format(time.RFC3339)}, nil)
	}
	if w := n.whole; w != nil {
		if takes := e.o.scale(e.left(w)); !now.Add(takes).Before(e.o.Closes) {
			return e.stop(n, outcome, Observation{Detail: fmt.Sprintf("%q takes about %s and must not be left half-way; the window closes in %s",
				w.Name, spell(takes), spell(e.o.Closes.Sub(now)))}, nil)
		}
	}
	return nil
}

// opens waits for the hour at which acts may begin.
func (e *engine) opens(ctx context.Context, n *node) error {
	for said := false; ; said = true {
		wait := time.Until(e.o.Opens)
		if e.o.Opens.IsZero() || wait <= 0 {
			return nil
		}
		detail := "the window opens at " + e.o.Opens.Format(time.RFC3339)
		if !said {
			e.note(Record{Kind: KindWaiting, Path: n.path, Detail: detail})
			e.emit(Event{Kind: EventWindow, Path: n.path, Detail: detail})
		}
		if err := pause(ctx, wait); err != nil {
			return e.stopped(ctx, n, Observation{Detail: detail}, err)
		}
	}
}
