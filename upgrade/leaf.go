package upgrade

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// errBroken is the class of a step that panicked or returned nonsense.
var errBroken = errors.New("the step itself is broken")

// cancelGrace is how long an act under way is let be after a cancel: cutting it off at once would make its outcome unknown for
// the sake of seconds.
const cancelGrace = 10 * time.Second

// maxFreely bounds the sends of one run for steps that may be sent freely.
const maxFreely = 3

// running is one step being carried out by this run.
type running struct {
	*engine
	n       *node
	asker   *asker
	tries   int  // of this run
	put     bool // this is a restore: it ignores hours, and a person's change is left alone
	held    []string
	hintErr error
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
		return e.hold(n)
	}
	r := &running{engine: e, n: n, asker: e.newAsker(n.path, n.Ref)}
	return r.run(ctx)
}

func (r *running) run(ctx context.Context) error {
	defer r.giveUpBoxes()
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
// guards held before that look.
func (r *running) prepare(ctx context.Context) (done bool, err error) {
	n := r.n
	if n.Observe == nil {
		return false, r.clear(ctx)
	}
	lctx, lim, cancel := withLimit(ctx, r.o.scale(n.limit()))
	defer cancel()
	r.asker.lim = lim
	check := n.Act == nil && n.Ask == nil
	for {
		obs, err := r.watch(lctx, func(o Observation) bool {
			return o.Phase == Done || o.Phase == Blocked || (o.Phase == Ready && !check)
		})
		if err != nil {
			return false, r.ended(ctx, obs, err)
		}
		switch obs.Phase {
		case Done:
			return true, r.done(n, obs, !check)
		case Blocked:
			return false, r.refuse(obs)
		}
		if err := r.clear(ctx); err != nil {
			return false, err
		}
		// The guards took time: the act follows a look, not a memory.
		obs, err = r.watch(lctx, func(o Observation) bool { return o.Phase != Unknown })
		if err != nil {
			return false, r.ended(ctx, obs, err)
		}
		if obs.Phase == Ready {
			return false, nil
		}
	}
}

// refuse ends the run before an act, or leaves a person's change alone when this is a restore.
func (r *running) refuse(obs Observation) error {
	if r.put {
		if err := r.write(Record{Kind: KindLeft, Path: r.n.path, Detail: obs.Detail, Evidence: obs.Evidence}); err != nil {
			return r.stopped(r.n, obs, err)
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
	if !r.put && !scopeOf(ctx).committed() {
		if err := r.window(ctx, r.n); err != nil {
			return err
		}
	}
	if err := r.takeBoxes(ctx); err != nil {
		return r.stopped(r.n, Observation{}, err)
	}
	if err := r.lookAtEffects(ctx, r.n); err != nil {
		return err
	}
	return r.lookAtGuards(ctx, r.n)
}

// act writes the intent, then acts or asks a person to. A returned error ends the run.
func (r *running) act(ctx context.Context) error {
	n := r.n
	if err := ctx.Err(); err != nil {
		return r.stopped(n, r.asker.last, context.Cause(ctx))
	}
	if err := scopeOf(ctx).commit(); err != nil {
		return r.stopped(n, r.asker.last, err)
	}
	r.tries++
	if n.Act == nil {
		return r.press(ctx)
	}
	if err := r.intend("machine"); err != nil {
		return err
	}
	r.hintErr = r.call(ctx)
	if errors.Is(r.hintErr, errBroken) {
		return r.stop(n, UnknownEnd, r.asker.last, r.hintErr)
	}
	if err := r.sent(r.hintErr); err != nil {
		return err
	}
	if errors.Is(r.hintErr, ErrNotPressed) && n.Ask != nil && canPress(r.o.Operator) {
		return r.press(ctx)
	}
	return nil
}

func (r *running) intend(by string) error {
	r.asker.forget()
	if err := r.write(Record{Kind: KindIntent, Path: r.n.path, By: by, Evidence: r.asker.last.Evidence, Detail: r.asker.last.Detail}); err != nil {
		return r.stopped(r.n, r.asker.last, fmt.Errorf("nothing was done, for the intent could not be written: %w", err))
	}
	r.emit(Event{Kind: EventAct, Path: r.n.path, Ref: r.n.Ref, Detail: by + " acts"})
	return nil
}

// sent writes what the act said.
func (r *running) sent(err error) error {
	rec := Record{Kind: KindSent, Path: r.n.path}
	if err != nil {
		rec.Err = err.Error()
	}
	switch {
	case errors.Is(err, ErrNotSent):
		rec.Class = classNotSent
	case errors.Is(err, ErrNotPressed):
		rec.Class = classNotPressed
	}
	if werr := r.write(rec); werr != nil {
		return r.stopped(r.n, r.asker.last, werr)
	}
	r.emit(Event{Kind: EventSent, Path: r.n.path, Ref: r.n.Ref, Err: err})
	return nil
}

// call runs the step's Act: bounded by the limit, let be for a moment when cancelled, and never able to take the run with it.
func (r *running) call(ctx context.Context) (err error) {
	inner, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), r.o.scale(r.n.limit()), errLimit)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		grace := time.AfterFunc(r.o.scale(cancelGrace), cancel)
		context.AfterFunc(inner, func() { grace.Stop() })
	})
	defer stop()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: its act panicked: %v", errBroken, p)
		}
	}()
	return r.n.Act(inner, r.o.Logger.With(slog.String("step", r.n.path)))
}

// press asks a person to carry the instruction out.
func (r *running) press(ctx context.Context) error {
	n := r.n
	if !canPress(r.o.Operator) {
		return r.stop(n, BlockedRun, r.asker.last, fmt.Errorf("%w: %w", ErrNoOperator, r.hintErr))
	}
	before := r.progress(n.path)
	ins, err := r.instruction(before.mark)
	if err != nil {
		return r.stop(n, Failed, r.asker.last, err)
	}
	if err := r.intend("person"); err != nil {
		return err
	}
	q := Question{Kind: AskPress, Step: n.path, Ref: n.Ref, Text: n.Name, Instruction: ins, Options: []string{AnswerDone, AnswerNotDone}, Seen: r.asker.last.Detail}
	a, err := r.ask(ctx, q)
	switch {
	case err != nil:
		r.hintErr = err // what he did before he went, a look will tell
	case a == AnswerNotDone:
		r.hintErr = fmt.Errorf("%w: the person says it was not done", ErrNotPressed)
	default:
		r.hintErr = nil
	}
	return r.sent(r.hintErr)
}

func (r *running) instruction(since *Mark) (ins *Instruction, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: its instruction panicked: %v", errBroken, p)
		}
	}()
	if ins = r.n.Ask(since); ins == nil {
		return nil, fmt.Errorf("%w: it has no instruction", errBroken)
	}
	told := *ins
	if told.On == "" && len(r.n.On) > 0 {
		told.On = r.n.On[0]
	}
	return &told, nil
}

// ended stops the run after waiting came to an end by itself.
func (r *running) ended(ctx context.Context, obs Observation, err error) error {
	if cause := context.Cause(ctx); ctx.Err() != nil && !errors.Is(err, errLimit) {
		err = cause
	}
	return r.stopped(r.n, obs, err)
}

// takeBoxes waits until no other step acts on this step's appliances. They are taken in one
// global order, so that two steps never wait for each other.
func (r *running) takeBoxes(ctx context.Context) error {
	if r.held != nil {
		return nil
	}
	for _, name := range sorted(r.n.On) {
		box := r.boxes[name]
		if box == nil {
			continue // a restore's own appliance, which no step of the procedure touches
		}
		select {
		case box <- struct{}{}:
			r.held = append(r.held, name)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (r *running) giveUpBoxes() {
	for _, name := range r.held {
		<-r.boxes[name]
	}
	r.held = nil
}
