package upgrade

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// restorePath is where the step that puts a change back stands: behind the step that made it.
const restorePath = "/restore"

// restoreChildren puts the temporary changes of a group's own steps back, last first.
func (e *engine) restoreChildren(ctx context.Context, n *node) error {
	for _, k := range slices.Backward(n.kids) {
		if err := e.restore(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

// owed says whether the step changed something for the time being that was not put back yet.
func (e *engine) owed(n *node) bool {
	p := e.progress(n.path)
	r := e.progress(n.path + restorePath)
	return n.Restore != nil && p.sends > 0 && !r.finished()
}

func (e *engine) owes() bool { return slices.ContainsFunc(e.t.leaves, e.owed) }

// restore runs the step that puts n's change back, once, crash-safe like any other. It is a compare-and-set: the step's own
// Observe blocks when a person chose another value, and then that is reported and left.
func (e *engine) restore(ctx context.Context, n *node) error {
	if n.group() || !e.owed(n) {
		return nil
	}
	if err := e.haltedBy(n); err != nil {
		return err
	}
	rn, err := e.restoreNode(n)
	if err == nil {
		err = e.locks.take(rn.On)
	}
	if err != nil {
		return e.stop(&node{Step: &Step{Name: "restore", Ref: n.Ref}, path: n.path + restorePath, whole: n.whole}, Failed, Observation{}, err)
	}
	e.emit(Event{Kind: EventRestore, Path: rn.path, Ref: rn.Ref, Detail: rn.Name})
	r := &running{engine: e, n: rn, asker: e.newAsker(rn.path, rn.Ref), put: true}
	return r.run(ctx)
}

func (e *engine) restoreNode(n *node) (*node, error) {
	p := e.progress(n.path)
	since := Mark{Before: p.before}
	if p.mark != nil {
		since.At, since.Last = p.mark.At, p.mark.Last
	}
	var s Step
	if fault := e.protect("its restore", func() { s = n.Restore(since) }); fault != nil {
		return nil, fmt.Errorf("%w: %w", errBroken, fault)
	}
	if len(s.On) == 0 {
		s.On = n.On
	}
	if s.Ref == "" {
		s.Ref = n.Ref
	}
	rn := &node{Step: &s, path: n.path + restorePath, whole: n.whole}
	var bad error
	rn.check(func(format string, args ...any) { bad = errors.Join(bad, fmt.Errorf(format, args...)) })
	if bad == nil && (s.group() || s.hold || s.Observe == nil) {
		bad = errors.New("a restore looks before it acts: it needs an Observe and has no children")
	}
	if bad != nil {
		return nil, fmt.Errorf("%w: its restore: %w", errBroken, bad)
	}
	return rn, nil
}

// Abandon gives a journal up: it puts back, last first, every temporary change that is still owed, whatever the hour, and
// ends the journal. What could not be put back stays owed: the report names it, the error says why, and Abandon may be called
// again. Guards hold here too, but no effect has to last any more. Abandoning an abandoned journal does nothing.
func Abandon(ctx context.Context, p Procedure, o *Options) (*Report, error) {
	e, err := newEngine(p, o)
	if err != nil {
		return nil, err
	}
	switch {
	case e.o.DryRun:
		return nil, fmt.Errorf("upgrade: %q: Abandon has no dry run", p.Name)
	case e.st.plan == nil:
		return nil, fmt.Errorf("upgrade: %q: the journal is empty: there is nothing to abandon", p.Name)
	}
	if err := e.sameProcedure(); err != nil {
		return nil, err
	}
	if e.st.abandoned {
		return e.report(), nil
	}
	defer e.release()
	if err := e.claim(); err != nil {
		return nil, err
	}
	if err := e.write(Record{Kind: KindRun, Detail: "abandon"}); err != nil {
		return nil, fmt.Errorf("upgrade: %q: nothing was begun: %w", p.Name, err)
	}
	e.emit(Event{Kind: EventRun, Detail: "abandons: puts temporary changes back"})
	if err := e.putAllBack(ctx); err != nil {
		return e.finish(err)
	}
	if err := e.write(Record{Kind: KindAbandoned}); err != nil {
		return e.report(), fmt.Errorf("upgrade: %q: everything is put back, but: %w", p.Name, err)
	}
	e.emit(Event{Kind: EventEnd, Outcome: Cancelled})
	return e.report(), nil
}

// putAllBack tries every restore that is owed, also when one before it could not be done.
func (e *engine) putAllBack(ctx context.Context) error {
	if !e.owes() {
		return nil
	}
	e.abandoning = true
	var errs []error
	for _, n := range slices.Backward(e.t.leaves) {
		errs = append(errs, e.restore(ctx, n))
		if ctx.Err() != nil {
			break
		}
	}
	if err := errors.Join(errs...); err != nil {
		return &allErrors{worst: worst(errs), all: err}
	}
	return nil
}

// allErrors is several errors whose class is that of the worst.
type allErrors struct{ worst, all error }

func (e *allErrors) Error() string   { return e.all.Error() }
func (e *allErrors) Unwrap() []error { return []error{e.worst, e.all} }
