package upgrade

import (
	"cmp"
	"context"
	"errors"
	"fmt"
)

const detailDryRun = "dry run: looks at everything, presses nothing"

// rehearsal is a dry run: what it found so far.
type rehearsal struct {
	*engine
	blocked *StepError // the first that would stop the run
	open    bool       // a step is still to be done
}

// dryRun looks at everything once. It writes to a journal of its own, which nobody keeps.
func (e *engine) dryRun(ctx context.Context) (*Report, error) {
	if e.st.abandoned {
		return nil, fmt.Errorf("upgrade: %q: this journal was abandoned: begin a new one", e.t.p.Name)
	}
	if err := e.sameProcedure(); err != nil {
		return nil, err
	}
	e.o.Journal = NoJournal() // never fails
	e.write(Record{Kind: KindPlan, Plan: e.t.plan(), Skips: e.skips})
	e.write(Record{Kind: KindRun, Detail: detailDryRun})
	e.emit(Event{Kind: EventRun, Detail: detailDryRun})
	r := &rehearsal{engine: e}
	r.look(ctx)
	end := r.blocked
	switch {
	case ctx.Err() != nil:
		end = &StepError{Outcome: Cancelled, Err: context.Cause(ctx)}
	case end == nil && r.open:
		end = &StepError{Outcome: Held, Seen: Observation{Detail: "a dry run presses nothing"}}
	case end == nil:
		return e.finish(nil)
	}
	return e.finish(end)
}

func (r *rehearsal) look(ctx context.Context) {
	for i := range r.t.p.Guards {
		s := r.guardSentinel(&r.t.p.Guards[i])
		if obs, err := r.once(ctx, s.n, s.observe, r.sinceOf(s)); obs.Phase == Blocked {
			r.block(s.n, obs, err)
		}
	}
	for _, n := range r.t.leaves {
		if ctx.Err() != nil {
			return
		}
		p := r.progress(n.path)
		lasts := r.lasts(n)
		switch {
		case p.finished() && !lasts && !n.EachRun:
			r.write(Record{Kind: KindSkipped, Path: n.path, Detail: "finished by an earlier run"})
			r.emit(Event{Kind: EventSkip, Path: n.path, Ref: n.Ref, Phase: Done, Detail: "finished before"})
			continue
		case n.Observe == nil:
			r.open = true
			continue
		}
		obs, err := r.once(ctx, n, n.Observe, p.mark)
		switch {
		case obs.Phase == Done:
			continue
		case lasts && (obs.Phase == Blocked || obs.Phase == Ready):
			r.block(n, obs, cmp.Or(err, errUndone))
		case obs.Phase == Blocked && !r.open: // what comes after the first open step may be blocked by what that has not done yet
			r.block(n, obs, err)
		}
		r.open = true
	}
}

func (r *rehearsal) block(n *node, obs Observation, err error) {
	if r.blocked == nil {
		r.blocked = &StepError{Step: n.path, Ref: n.Ref, Outcome: BlockedRun, Seen: obs, Advice: n.Advice, Err: err}
	}
}

// once looks once, bounded as a guard is. A broken look is one that cannot tell.
func (r *rehearsal) once(ctx context.Context, n *node, observe func(context.Context, Look) (Observation, error), since *Mark) (Observation, error) {
	a := r.newAsker(n.path, n.Ref)
	ctx, cancel := context.WithTimeoutCause(ctx, r.o.scale(DefaultGuardLimit), errLimit)
	defer cancel()
	obs, fault := r.observe(ctx, observe, since, a)
	if fault != nil {
		obs = Observation{Phase: Unknown, Detail: errText(fault)}
	}
	r.emit(Event{Kind: EventLook, Path: n.path, Ref: n.Ref, Phase: obs.Phase, Detail: obs.Detail})
	r.write(Record{Kind: KindSeen, Path: n.path, Phase: &obs.Phase, Detail: obs.Detail, Evidence: obs.Evidence})
	return obs, errors.Join(a.err, fault)
}
