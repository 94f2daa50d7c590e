package upgrade

import (
	"context"
	"fmt"
)

// dryRun looks at everything once. It writes to a journal of its own, which nobody keeps.
func (e *engine) dryRun(ctx context.Context) (*Report, error) {
	e.o.Journal = NoJournal()
	var err error
	if err = e.write(Record{Kind: KindPlan, Plan: e.t.plan()}); err == nil {
		err = e.write(Record{Kind: KindRun, Detail: detailDryRun})
	}
	if err != nil {
		return nil, err
	}
	e.emit(Event{Kind: EventRun, Detail: detailDryRun})
	outcome, firstOpen := AlreadyDone, true
	var stop *StepError
	look := func(n *node, s *sentinel) error {
		a := e.newAsker(n.path, n.Ref)
		lctx, cancel := context.WithTimeoutCause(ctx, e.o.scale(DefaultGuardLimit), errLimit)
		defer cancel()
		obs, fault := e.observe(lctx, n.Observe, e.sinceOf(s), a)
		if fault != nil {
			obs = Observation{Phase: Unknown, Detail: fault.Error()}
		}
		e.emit(Event{Kind: EventLook, Path: n.path, Ref: n.Ref, Phase: obs.Phase, Detail: obs.Detail})
		if err := e.write(Record{Kind: KindSeen, Path: n.path, Phase: &obs.Phase, Detail: obs.Detail, Evidence: obs.Evidence}); err != nil {
			return err
		}
		if obs.Phase == Done {
			return nil
		}
		// What comes after the first open step may well be blocked by what it has not done yet.
		if obs.Phase == Blocked && (firstOpen || s.guard) && stop == nil {
			outcome = BlockedRun
			stop = &StepError{Step: n.path, Ref: n.Ref, Outcome: BlockedRun, Seen: obs, Advice: n.Advice, Err: a.err}
		}
		if !s.guard {
			firstOpen = false
		}
		return nil
	}
	for i := range e.t.p.Guards {
		s := e.guardSentinel(&e.t.p.Guards[i])
		s.n.Observe = s.observe
		if err := look(s.n, s); err != nil {
			return nil, err
		}
	}
	for _, n := range e.t.leaves {
		if err := context.Cause(ctx); err != nil {
			return e.report(), fmt.Errorf("upgrade: dry run of %q: %w", e.t.p.Name, err)
		}
		switch p := e.progress(n.path); {
		case p.finished():
			if err := e.write(Record{Kind: KindSkipped, Path: n.path, Detail: "finished by an earlier run"}); err != nil {
				return nil, err
			}
			e.emit(Event{Kind: EventSkip, Path: n.path, Ref: n.Ref, Phase: Done, Detail: "finished before"})
		case n.Observe == nil:
			firstOpen = false
		default:
			if err := look(n, &sentinel{n: n}); err != nil {
				return nil, err
			}
		}
	}
	if outcome == AlreadyDone && !firstOpen {
		outcome = Held
		stop = &StepError{Outcome: Held, Seen: Observation{Detail: "a dry run presses nothing"}}
	}
	if err := e.write(Record{Kind: KindEnd, Outcome: outcome}); err != nil {
		return nil, err
	}
	e.emit(Event{Kind: EventEnd, Outcome: outcome})
	if stop == nil {
		return e.report(), nil
	}
	return e.report(), stop
}

const detailDryRun = "dry run: looks at everything, presses nothing"
