package upgrade

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// act writes the intent, then acts or asks a person to. A returned error ends the run.
func (r *running) act(ctx context.Context) error {
	n := r.n
	if err := context.Cause(ctx); err != nil {
		return r.stopped(ctx, n, r.asker.last, err)
	}
	if !r.put { // looking took time, too
		if err := r.hour(ctx, n); err != nil {
			return err
		}
	}
	if err := r.commit(n); err != nil {
		if s := r.scope(n); s != nil {
			ctx = s.run // whose cancel has not come through to here yet
		}
		return r.stopped(ctx, n, r.asker.last, err)
	}
	r.tries++
	if n.Act == nil || r.gaveUp {
		return r.press(ctx)
	}
	if err := r.intend(ctx, "machine"); err != nil {
		return err
	}
	r.hintErr = r.call(ctx)
	if errors.Is(r.hintErr, errBroken) {
		return r.stop(n, UnknownEnd, r.asker.last, r.hintErr)
	}
	if r.gaveUp = errors.Is(r.hintErr, ErrNotPressed) && n.Ask != nil && canPress(r.o.Operator); r.gaveUp {
		r.tries-- // a person is asked once the guards and a look have passed again
	}
	return r.sent(ctx, r.hintErr)
}

// commit is the last word before an intent: from here on n's group that must not be left half-way is finished. It says
// errHalted when another step ended the run.
func (e *engine) commit(n *node) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.haltsLocked(n) {
		return errHalted
	}
	return e.scopes[n.whole].commit()
}

func (r *running) intend(ctx context.Context, by string) error {
	r.asker.forget()
	r.asker.kept.forget()
	if err := r.write(Record{Kind: KindIntent, Path: r.n.path, By: by, Evidence: r.asker.last.Evidence, Detail: r.asker.last.Detail}); err != nil {
		return r.stopped(ctx, r.n, r.asker.last, fmt.Errorf("nothing was done, for the intent could not be written: %w", err))
	}
	r.emit(Event{Kind: EventAct, Path: r.n.path, Ref: r.n.Ref, Detail: by + " acts" + r.expecting(r.n)})
	return nil
}

// sent writes what the act said.
func (r *running) sent(ctx context.Context, err error) error {
	rec := Record{Kind: KindSent, Path: r.n.path}
	if err != nil {
		rec.Err = errText(err)
	}
	switch {
	case errors.Is(err, ErrNotSent):
		rec.Class = classNotSent
	case errors.Is(err, ErrNotPressed):
		rec.Class = classNotPressed
	}
	if werr := r.write(rec); werr != nil {
		return r.stopped(ctx, r.n, r.asker.last, errors.Join(werr, err))
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
	inner, over := r.witnessed(inner, r.n.path, true, &r.asker.kept)
	defer over()
	if fault := r.protect("its act", func() { err = r.n.Act(inner, r.o.Logger.With(slog.String("step", r.n.path))) }); fault != nil {
		return fmt.Errorf("%w: %w", errBroken, fault)
	}
	return err
}

// press asks a person to carry the instruction out.
func (r *running) press(ctx context.Context) error {
	n := r.n
	if !canPress(r.o.Operator) {
		return r.stop(n, BlockedRun, r.asker.last, fmt.Errorf("%w who can press buttons", ErrNoOperator))
	}
	before := r.progress(n.path)
	ins, err := r.instruction(before.mark)
	if err != nil {
		return r.stopped(ctx, n, r.asker.last, err)
	}
	if err := r.intend(ctx, "person"); err != nil {
		return err
	}
	q := Question{Kind: AskPress, Step: n.path, Ref: n.Ref, Text: n.Name, Instruction: ins, Options: []string{AnswerDone, AnswerNotDone}, Seen: r.asker.last.Detail}
	r.asked = true
	a, err := r.ask(ctx, q)
	switch {
	case err != nil:
		r.hintErr = err // what he did before he went, a look will tell
	case a == AnswerNotDone:
		r.hintErr = fmt.Errorf("%w: the person says it was not done", ErrNotPressed)
	default:
		r.hintErr = nil
	}
	return r.sent(ctx, r.hintErr)
}

func (r *running) instruction(since *Mark) (*Instruction, error) {
	var ins *Instruction
	if fault := r.protect("its instruction", func() { ins = r.n.Ask(since.clone()) }); fault != nil {
		return nil, fmt.Errorf("%w: %w", errBroken, fault)
	}
	if ins == nil {
		return nil, fmt.Errorf("%w: it has no instruction", errBroken)
	}
	told := *ins
	if told.On == "" && len(r.n.On) > 0 {
		told.On = r.n.On[0]
	}
	return &told, nil
}
