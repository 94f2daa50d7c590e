package upgrade

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// next is what follows when a look says Ready for long enough after an act.
type next int

const (
	stopHere next = iota
	lookOn
	sendAgain
)

// prove looks until the effect of the act is there. again says that the act may be sent once more: a look just said Ready, the
// guards held before it, and the step or a person allows it.
func (r *running) prove(ctx context.Context) (again bool, err error) {
	if r.n.Observe == nil {
		next, err := r.believe(ctx)
		return next == sendAgain, err
	}
	_, _, most, _ := r.times(r.n)
	lctx, lim, cancel := withLimit(ctx, r.o.scale(most))
	defer cancel()
	for {
		r.asker.lim = lim
		obs, err := r.watch(lctx, r.settled())
		switch {
		case err != nil && lctx.Err() != nil && !errors.Is(err, errBroken):
			return false, r.lastLook(ctx, obs, context.Cause(lctx))
		case err != nil:
			return false, r.ended(ctx, obs, err)
		case obs.Phase == Done || obs.Phase == Blocked:
			return false, r.verdict(ctx, obs)
		case obs.Phase != Ready:
			return false, r.stop(r.n, UnknownEnd, obs, r.hintErr)
		}
		lim.pause()
		next, err := r.notBegun(ctx, obs)
		lim.resume()
		if err != nil || next != lookOn {
			return next == sendAgain, err
		}
		if err := pause(lctx, r.o.scale(r.n.every())); err != nil {
			return false, r.lastLook(ctx, obs, err)
		}
	}
}

// settled returns the question whether looks have seen enough: the effect, its impossibility, or that for Settle nothing has begun.
func (r *running) settled() func(Observation) bool {
	settle := r.o.scale(r.n.Settle)
	var ready time.Time // since when every look says Ready
	return func(o Observation) bool {
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
	}
}

// verdict ends the proof with what a look says for certain.
func (r *running) verdict(ctx context.Context, obs Observation) error {
	switch {
	case obs.Phase == Done:
		return r.done(ctx, r.n, obs, false)
	case r.put:
		return r.refuse(ctx, obs)
	}
	return r.stop(r.n, blockedOutcome(r.asker.err, Failed), obs, errors.Join(r.asker.err, r.hintErr))
}

// provenNot says whether the act itself proved that nothing happened, so that one Ready is enough.
func (r *running) provenNot() bool {
	return errors.Is(r.hintErr, ErrNotSent) || errors.Is(r.hintErr, ErrNotPressed) || errors.Is(r.hintErr, ErrRefused)
}

func noAnswer(err error) bool { return errors.Is(err, ErrNoAnswer) || errors.Is(err, ErrNoOperator) }

// mayResend says whether the step itself allows one more send.
func (r *running) mayResend() bool {
	switch r.n.Again {
	case Freely:
		return r.tries < maxFreely
	case IfNotBegun:
		p := r.progress(r.n.path)
		return p.sends < maxIfNotBegun && r.tries < maxIfNotBegun
	}
	return false
}

// notBegun decides what follows when a look says Ready for long enough after an act.
func (r *running) notBegun(ctx context.Context, obs Observation) (next, error) {
	switch {
	case r.gaveUp && !r.asked:
		return r.resend(ctx)
	case errors.Is(r.hintErr, ErrNotPressed):
		return stopHere, r.stop(r.n, BlockedRun, obs, r.hintErr)
	case errors.Is(r.hintErr, ErrRefused):
		// The refusal and the look agree: it did not happen, and a later run may try again.
		if err := r.write(Record{Kind: KindSent, Path: r.n.path, Err: errText(r.hintErr), Class: classRefused}); err != nil {
			return stopHere, r.stopped(ctx, r.n, obs, err)
		}
		return stopHere, r.stop(r.n, Failed, obs, r.hintErr)
	case r.mayResend():
		return r.resend(ctx)
	case errors.Is(r.hintErr, ErrNotSent), r.n.Again == Freely:
		return stopHere, r.stop(r.n, Failed, obs, r.hintErr)
	}
	return r.decide(ctx, obs)
}

// resend pauses, passes the guards and looks once more: only Ready sends again.
func (r *running) resend(ctx context.Context) (next, error) {
	ctx, free := r.whileOpen(ctx, r.n)
	defer free()
	if err := pause(ctx, r.o.scale(r.n.every())); err != nil {
		return stopHere, r.notResent(ctx, err)
	}
	if err := r.clear(ctx); err != nil {
		if _, ok := errors.AsType[*haltedError](err); ok {
			err = r.notResent(ctx, errHalted)
		}
		return stopHere, err
	}
	if r.n.Observe == nil {
		return sendAgain, nil
	}
	lctx, lim, cancel := withLimit(ctx, r.o.scale(r.n.limit()))
	defer cancel()
	r.asker.lim = lim
	obs, err := r.watch(lctx, func(Observation) bool { return true })
	switch {
	case err != nil:
		return stopHere, r.notResent(ctx, err)
	case obs.Phase == Ready:
		return sendAgain, nil
	}
	return lookOn, nil
}

// notResent stops a step that would have sent again: with what is known of the first time.
func (r *running) notResent(ctx context.Context, err error) error {
	if !errors.Is(err, errHalted) {
		return r.ended(ctx, r.asker.last, err)
	}
	outcome := UnknownEnd
	if r.provenNot() {
		outcome = Failed
	}
	return r.stop(r.n, outcome, r.asker.last, errors.Join(errHalted, r.hintErr))
}

// decide asks the person about an act whose effect does not show. Without one the outcome is unknown.
func (r *running) decide(ctx context.Context, obs Observation) (next, error) {
	if r.o.Operator == nil {
		return stopHere, r.stop(r.n, UnknownEnd, obs, errors.Join(errors.New("it was sent and does not show; it may not be sent twice"), r.hintErr))
	}
	q := Question{
		Kind: AskDecide, Step: r.n.path, Ref: r.n.Ref, Seen: obs.Detail,
		Text:    fmt.Sprintf("%q may have been carried out, and it does not show. Look at the appliance yourself: should it be sent again?", r.n.Name),
		Options: []string{AnswerAgain, AnswerLook, AnswerStop},
	}
	if r.n.Observe == nil {
		q.Text = fmt.Sprintf("%q may have been carried out, and nothing but you can tell. Was it done?", r.n.Name)
		q.Options = []string{AnswerDone, AnswerAgain, AnswerStop}
	}
	a, err := r.ask(ctx, q)
	switch {
	case err != nil && ctx.Err() != nil:
		return stopHere, r.ended(ctx, obs, err)
	case err != nil:
		return stopHere, r.stop(r.n, UnknownEnd, obs, errors.Join(err, r.hintErr))
	case a == AnswerAgain:
		return r.resend(ctx)
	case a == AnswerLook:
		return lookOn, nil
	case a == AnswerDone:
		return stopHere, r.done(ctx, r.n, Observation{Detail: "a person says that it is done"}, false)
	}
	return stopHere, r.stop(r.n, UnknownEnd, obs, r.hintErr)
}

// believe takes the word of an act that cannot be seen.
func (r *running) believe(ctx context.Context) (next, error) {
	p := r.progress(r.n.path)
	switch {
	case r.tries == 0 && !r.gaveUp && (p.hidden || p.hint != ""): // an earlier run's
		return r.decide(ctx, Observation{Detail: "an earlier run ended before it knew"})
	case r.hintErr == nil && p.by == "person":
		return stopHere, r.done(ctx, r.n, Observation{Detail: "a person says that it is done"}, false)
	case r.hintErr == nil:
		return stopHere, r.done(ctx, r.n, Observation{Detail: "carried out"}, false)
	case ctx.Err() != nil:
		return stopHere, r.ended(ctx, Observation{}, r.hintErr)
	case noAnswer(r.hintErr):
		return stopHere, r.stop(r.n, UnknownEnd, Observation{Detail: "the instruction was given, and nobody said what became of it"}, r.hintErr)
	case r.gaveUp && !r.asked:
		return r.resend(ctx)
	case errors.Is(r.hintErr, ErrNotPressed):
		return stopHere, r.stop(r.n, BlockedRun, Observation{}, r.hintErr)
	case (r.n.Again == Freely || errors.Is(r.hintErr, ErrNotSent)) && r.mayResend():
		return r.resend(ctx)
	case errors.Is(r.hintErr, ErrNotSent), r.n.Again == Freely:
		return stopHere, r.stop(r.n, Failed, Observation{}, r.hintErr)
	}
	return r.decide(ctx, Observation{Detail: "the act said: " + errText(r.hintErr)})
}

// lastLook says how it stands when a cancel or the limit came while an effect was pending. Nobody is asked any more.
func (r *running) lastLook(ctx context.Context, seen Observation, why error) error {
	lctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), r.o.scale(cancelGrace), errLimit)
	defer cancel()
	r.asker.closed = true
	p := r.progress(r.n.path)
	obs, fault := r.observe(lctx, r.n.Observe, p.mark, r.asker)
	switch {
	case fault != nil || obs.Phase == Unknown:
		obs = seen
	case obs.Phase == Done || obs.Phase == Blocked:
		return r.verdict(ctx, obs)
	default:
		r.worry(&obs, p.mark)
	}
	return r.stopped(ctx, r.n, obs, why)
}

func sorted(names []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(names)))
}
