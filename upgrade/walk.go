package upgrade

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// walk carries the tree out.
func (e *engine) walk(ctx context.Context) error {
	if e.from != nil {
		if err := e.beginAt(ctx, e.from); err != nil {
			return err
		}
	}
	if e.finished {
		return nil
	}
	if err := e.lookAround(ctx); err != nil {
		return err
	}
	return e.group(ctx, e.t.root)
}

// node carries out one child of a group.
func (e *engine) node(ctx context.Context, n *node) error {
	if err := e.haltedBy(n); err != nil {
		return err
	}
	if n.group() {
		e.emit(Event{Kind: EventBegin, Path: n.path, Ref: n.Ref})
		if n.whole == n {
			return e.wholeGroup(ctx, n)
		}
		return e.group(ctx, n)
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
	var (
		g    errgroup.Group
		mu   sync.Mutex
		errs []error
	)
	g.SetLimit(n.AtOnce)
	for _, k := range n.kids {
		g.Go(func() error {
			err := e.node(ctx, k)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
			return nil // every child under way is looked at to its end
		})
	}
	g.Wait()
	return worst(errs)
}

// leaf carries out one step.
func (e *engine) leaf(ctx context.Context, n *node) error {
	if n.EachRun {
		e.refresh(n)
	}
	if p := e.progress(n.path); p.finished() {
		e.emit(Event{Kind: EventSkip, Path: n.path, Ref: n.Ref, Phase: Done, Detail: "finished before"})
		return nil
	}
	if n.hold {
		return e.hold(ctx, n)
	}
	r := &running{engine: e, n: n, asker: e.newAsker(n.path, n.Ref)}
	return r.run(ctx)
}

// refresh lets a step that every run looks at again be looked at, unless something is under way that must not be disturbed
// or nothing is left to act.
func (e *engine) refresh(n *node) {
	for _, m := range e.t.leaves {
		if p := e.progress(m.path); p.inFlight() || (m.whole != nil && e.begun(m.whole)) {
			return
		}
	}
	if !e.actsBehind(n) {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if p := e.st.step(n.path); p.done && p.doneIn < e.run {
		p.anew()
	}
}

// actsBehind says whether a step behind n is still to act.
func (e *engine) actsBehind(n *node) bool {
	return slices.ContainsFunc(e.t.leaves[n.order+1:], func(m *node) bool {
		p := e.progress(m.path)
		return !p.finished() && (m.Act != nil || m.Ask != nil)
	})
}

// hold ends this run, or goes on behind a hold that ended an earlier one.
func (e *engine) hold(ctx context.Context, n *node) error {
	p := e.progress(n.path)
	if p.heldIn == 0 {
		if err := e.write(Record{Kind: KindHeld, Path: n.path, Detail: n.soon}); err != nil {
			return e.stopped(ctx, n, Observation{}, err)
		}
		return e.stop(n, Held, Observation{Detail: n.soon}, nil)
	}
	obs := Observation{Phase: Done, Detail: "held for " + spell(time.Since(p.held))}
	if n.soon != "" {
		obs.Detail += ": " + n.soon
	}
	return e.done(ctx, n, obs, false)
}
