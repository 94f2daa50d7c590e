package upgrade

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// answerLook is one more answer to AskDecide: look once more.
const answerLook = "look"

// prove looks until the effect of the act is there. again says that the act may be sent once more: a look just said Ready, the
// guards held before it, and the step or a person allows it.
func (r *running) prove(ctx context.Context) (again bool, err error) {
	if r.n.Observe == nil {
		return r.believe(ctx)
	}
	lctx, lim, cancel := withLimit(ctx, r.o.scale(r.n.limit()))
	defer cancel()
	r.asker.lim = lim
	settle := r.o.scale(r.n.Settle)
	var ready time.Time // since when every look says Ready
	obs, err := r.watch(lctx, func(o Observation) bool {
		switch o.Phase {
		case Done, Blocked:
			return true
		case Ready:
			if ready.IsZero() {
				ready = time.Now()
			}
			return time.Since(ready) >= settle || r.provenNot()
		}
		ready = time.Time{}
		return noAnswer(r.hintErr) // one look, for nobody is there to press
	})
	switch {
	case err != nil && ctx.Err() != nil && !errors.Is(err, errLimit) && !errors.Is(err, errBroken):
		return false, r.lastLook(ctx, obs)
	case err != nil:
		return false, r.ended(ctx, obs, err)
	case obs.Phase == Done:
		return false, r.done(r.n, obs, false)
	case obs.Phase == Blocked:
		return false, r.stop(r.n, blockedOutcome(r.asker.err, Failed), obs, errors.Join(r.asker.err, r.hintErr))
	case obs.Phase != Ready:
		return false, r.stop(r.n, UnknownEnd, obs, r.hintErr)
	}
	return r.notBegun(ctx, obs)
}

// provenNot says whether the act itself proved that nothing happened, so that one Ready is enough.
func (r *running) provenNot() bool {
	return errors.Is(r.hintErr, ErrNotSent) || errors.Is(r.hintErr, ErrNotPressed) || errors.Is(r.hintErr, ErrRefused)
}

func noAnswer(err error) bool { return errors.Is(err, ErrNoAnswer) || errors.Is(err, ErrNoOperator) }

// notBegun decides what follows when a look says Ready for long enough after an act.
func (r *running) notBegun(ctx context.Context, obs Observation) (again bool, err error) {
	p := r.progress(r.n.path)
	switch {
	case errors.Is(r.hintErr, ErrNotPressed):
		return false, r.stop(r.n, BlockedRun, obs, r.hintErr)
	case errors.Is(r.hintErr, ErrRefused):
		// The refusal and the look agree: it did not happen, and a later run may try again.
		if err := r.write(Record{Kind: KindSent, Path: r.n.path, Err: r.hintErr.Error(), Class: classRefused}); err != nil {
			return false, r.stopped(r.n, obs, err)
		}
		return false, r.stop(r.n, Failed, obs, r.hintErr)
	case r.n.Again == Freely && r.tries < maxFreely,
		r.n.Again == IfNotBegun && p.sends < 2 && r.tries < 2:
		if err := pause(ctx, r.o.scale(r.n.every())); err != nil {
			return false, r.ended(ctx, obs, err)
		}
		return r.resend(ctx)
	case errors.Is(r.hintErr, ErrNotSent):
		return false, r.stop(r.n, Failed, obs, r.hintErr)
	case r.n.Again == Freely:
		return false, r.stop(r.n, Failed, obs, r.hintErr)
	}
	return r.decide(ctx, obs)
}

// resend passes the guards and looks once more: only Ready sends again.
func (r *running) resend(ctx context.Context) (again bool, err error) {
	if err := r.clear(ctx); err != nil {
		return false, err
	}
	if r.n.Observe == nil {
		return true, nil
	}
	lctx, lim, cancel := withLimit(ctx, r.o.scale(r.n.limit()))
	defer cancel()
	r.asker.lim = lim
	obs, err := r.watch(lctx, func(o Observation) bool { return o.Phase != Unknown })
	switch {
	case err != nil:
		return false, r.ended(ctx, obs, err)
	case obs.Phase == Ready:
		return true, nil
	}
	return r.prove(ctx)
}

// decide asks the person about an act whose effect does not show. Without one the outcome is unknown.
func (r *running) decide(ctx context.Context, obs Observation) (again bool, err error) {
	if r.o.Operator == nil {
		return false, r.stop(r.n, UnknownEnd, obs, errors.Join(errors.New("it was sent and does not show; it may not be sent twice"), r.hintErr))
	}
	q := Question{
		Kind: AskDecide, Step: r.n.path, Ref: r.n.Ref, Seen: obs.Detail,
		Text:    fmt.Sprintf("%q may have been carried out, and it does not show. Look at the appliance yourself: should it be sent again?", r.n.Name),
		Options: []string{AnswerAgain, answerLook, AnswerStop},
	}
	if r.n.Observe == nil {
		q.Text = fmt.Sprintf("%q may have been carried out, and nothing but you can tell. Was it done?", r.n.Name)
		q.Options = []string{AnswerDone, AnswerAgain, AnswerStop}
	}
	a, err := r.ask(ctx, q)
	switch {
	case err != nil:
		return false, r.stop(r.n, UnknownEnd, obs, errors.Join(err, r.hintErr))
	case a == AnswerAgain:
		return r.resend(ctx)
	case a == answerLook:
		if err := pause(ctx, r.o.scale(r.n.every())); err != nil {
			return false, r.ended(ctx, obs, err)
		}
		return r.prove(ctx)
	case a == AnswerDone:
		return false, r.done(r.n, Observation{Detail: "a person says that it is done"}, false)
	}
	return false, r.stop(r.n, UnknownEnd, obs, r.hintErr)
}

// believe takes the word of an act that cannot be seen.
func (r *running) believe(ctx context.Context) (again bool, err error) {
	obs := Observation{Detail: "carried out"}
	p := r.progress(r.n.path)
	switch {
	case r.tries == 0 && (p.hidden || p.hint != ""): // an earlier run's
		return r.decide(ctx, Observation{Detail: "an earlier run ended before it knew"})
	case r.hintErr == nil:
		if p.by == "person" {
			obs.Detail = "a person says that it is done"
		}
		return false, r.done(r.n, obs, false)
	case noAnswer(r.hintErr):
		return false, r.stop(r.n, UnknownEnd, Observation{Detail: "the instruction was given, and nobody said what became of it"}, r.hintErr)
	case r.provenNot() && !errors.Is(r.hintErr, ErrNotSent):
		return false, r.stop(r.n, BlockedRun, Observation{}, r.hintErr)
	case r.n.Again != Never && r.tries < maxFreely && (r.n.Again == Freely || errors.Is(r.hintErr, ErrNotSent)):
		if err := pause(ctx, r.o.scale(r.n.every())); err != nil {
			return false, r.ended(ctx, obs, err)
		}
		return r.resend(ctx)
	}
	return false, r.stop(r.n, Failed, Observation{}, r.hintErr)
}

// lastLook says how it stands when a cancel came while an effect was pending.
func (r *running) lastLook(ctx context.Context, seen Observation) error {
	lctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), r.o.scale(cancelGrace), errLimit)
	defer cancel()
	p := r.progress(r.n.path)
	obs, fault := r.observe(lctx, r.n.Observe, p.mark, r.asker)
	switch {
	case fault != nil || obs.Phase == Unknown:
		obs = seen
	case obs.Phase == Done:
		return r.done(r.n, obs, false)
	}
	return r.stopped(r.n, obs, context.Cause(ctx))
}

func sorted(names []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(names)))
}
