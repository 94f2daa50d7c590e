package upgrade

import (
	"context"
	"errors"
	"time"
)

// errBroken is the class of a step that panicked or returned nonsense.
var errBroken = errors.New("the step itself is broken")

// cancelGrace is how long an act under way is let be after a cancel: cutting it off at once would make its outcome unknown for
// the sake of seconds. It also bounds the last look at an effect.
const cancelGrace = 10 * time.Second

// Sends of one run, at most.
const (
	maxIfNotBegun = 2
	maxFreely     = 3
)

// running is one step being carried out by this run.
type running struct {
	*engine
	n       *node
	asker   *asker
	tries   int      // of this run
	gaveUp  bool     // the driver pressed nothing, so the next act is a person's
	asked   bool     // a person was told to act
	put     bool     // this is a restore: it ignores hours, and a person's change is left alone
	held    []string // appliances that no other step acts on
	hintErr error    // what this run's newest act said
	worried bool     // said that it takes long
}

func (r *running) run(ctx context.Context) error {
	defer r.giveUpBoxes()
	r.asker.n, r.asker.began = r.n, time.Now()
	r.emit(Event{Kind: EventBegin, Path: r.n.path, Ref: r.n.Ref})
	if p := r.progress(r.n.path); p.mark == nil {
		if done, err := r.prepare(ctx); done || err != nil {
			return err
		}
		if err := r.act(ctx); err != nil {
			return err
		}
	}
	for {
		again, err := r.prove(ctx)
		if err != nil || !again {
			return err
		}
		if err := r.act(ctx); err != nil {
			return err
		}
	}
}

// prepare looks until the step is done already, is blocked, or may act. When it returns false, a look just said Ready, and the
// guards held just before that look.
func (r *running) prepare(ctx context.Context) (done bool, err error) {
	n := r.n
	ctx, free := r.whileOpen(ctx, n)
	defer free()
	if err := context.Cause(ctx); err != nil {
		return false, r.stopped(ctx, n, Observation{}, err)
	}
	if n.Observe == nil {
		return false, r.clear(ctx)
	}
	lctx, lim, cancel := withLimit(ctx, r.o.scale(n.limit()))
	defer cancel()
	r.asker.lim = lim
	check := n.Act == nil && n.Ask == nil
	for cleared := false; ; {
		obs, err := r.watch(lctx, func(o Observation) bool {
			return cleared || o.Phase == Done || o.Phase == Blocked || (o.Phase == Ready && !check)
		})
		switch {
		case err != nil:
			return false, r.ended(ctx, obs, err)
		case obs.Phase == Done:
			return true, r.done(ctx, n, obs, !check)
		case obs.Phase == Blocked:
			return true, r.refuse(ctx, obs)
		case obs.Phase == Ready && cleared:
			return false, nil
		case obs.Phase == Ready:
			lim.pause()
			err = r.clear(ctx)
			lim.resume()
			cleared = true // the guards took time: the act follows a look, not a memory
		default: // no longer Ready: look on, and pass the guards again
			err = r.lookAgain(lctx, obs)
			if err != nil {
				err = r.ended(ctx, obs, err)
			}
			cleared = false
		}
		if err != nil {
			return false, err
		}
	}
}

// refuse ends the run before an act, or leaves a person's change alone when this is a restore.
func (r *running) refuse(ctx context.Context, obs Observation) error {
	if r.put {
		if err := r.write(Record{Kind: KindLeft, Path: r.n.path, Detail: obs.Detail, Evidence: obs.Evidence}); err != nil {
			return r.stopped(ctx, r.n, obs, err)
		}
		r.emit(Event{Kind: EventDone, Path: r.n.path, Ref: r.n.Ref, Phase: Blocked, Detail: "left as a person changed it: " + obs.Detail})
		return nil
	}
	return r.stop(r.n, blockedOutcome(r.asker.err, BlockedRun), obs, r.asker.err)
}

func blockedOutcome(err error, otherwise Outcome) Outcome {
	if errors.Is(err, ErrReverted) {
		return Reverted
	}
	return otherwise
}

// clear passes when this step may act now: the hour is right, its appliances are its own, no effect was undone, guards hold.
func (r *running) clear(ctx context.Context) error {
	if !r.put {
		if err := r.hour(ctx, r.n); err != nil {
			return err
		}
	}
	if err := r.takeBoxes(ctx); err != nil {
		return r.stopped(ctx, r.n, r.asker.last, err)
	}
	if !r.abandoning { // what is given up needs no effect to last
		if err := r.lookAtEffects(ctx, r.n); err != nil {
			return err
		}
	}
	return r.lookAtGuards(ctx, r.n)
}

// ended stops the run after waiting came to an end by itself.
func (r *running) ended(ctx context.Context, obs Observation, err error) error {
	if cause := context.Cause(ctx); ctx.Err() != nil && !errors.Is(err, errLimit) {
		err = cause
	}
	return r.stopped(ctx, r.n, obs, err)
}

// takeBoxes waits until no other step acts on this step's appliances. They are taken in one
// global order, so that two steps never wait for each other.
func (r *running) takeBoxes(ctx context.Context) error {
	if r.held != nil {
		return nil
	}
	for _, name := range sorted(r.n.On) {
		select {
		case r.box(name) <- struct{}{}:
			r.held = append(r.held, name)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (r *running) giveUpBoxes() {
	for _, name := range r.held {
		<-r.box(name)
	}
	r.held = nil
}

// box returns the token of an appliance: who put it in may act.
func (e *engine) box(name string) chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.boxes[name] == nil {
		e.boxes[name] = make(chan struct{}, 1)
	}
	return e.boxes[name]
}
