package upgrade

import (
	"context"
	"fmt"
)

// beginning finds the step of Options.From, and refuses it on a journal that knows better. A journal that began there goes on,
// so that one command line may be repeated until the end.
func (e *engine) beginning() error {
	if e.o.From == "" || e.st.from == e.o.From {
		return nil
	}
	n := e.t.byPath[e.o.From]
	switch {
	case n == nil:
		return fmt.Errorf("upgrade: %q: Options.From: there is no step %q", e.t.p.Name, e.o.From)
	case len(e.st.steps) > 0:
		return fmt.Errorf("upgrade: %q: Options.From is for a new journal, when the old one is lost: this one knows where it stopped", e.t.p.Name)
	case e.o.Operator == nil:
		return fmt.Errorf("upgrade: %q: Options.From: %w: somebody has to confirm that everything before %q is done", e.t.p.Name, ErrNoOperator, e.o.From)
	}
	e.from = n
	return nil
}

// beginAt begins in the middle: every guard is looked at, a person confirms, and what stands before is skipped. One record says
// so at once: a crash leaves the whole beginning or none of it.
func (e *engine) beginAt(ctx context.Context, from *node) error {
	if err := e.lookAtGuards(ctx, nil); err != nil {
		return err
	}
	q := Question{Kind: AskConfirm, Step: from.path, Ref: from.Ref, Options: []string{AnswerYes, AnswerNo},
		Text: fmt.Sprintf("The journal is lost. Is everything before %q done, and proven on the appliances?", from.path)}
	var skips []string
	for _, n := range e.t.leaves[:from.first()] {
		skips = append(skips, n.path)
	}
	a, err := e.ask(ctx, q)
	if err == nil && a != AnswerYes {
		err = fmt.Errorf("%w: answered %q", ErrNoAnswer, a)
	}
	if err == nil {
		err = e.write(Record{Kind: KindFrom, Path: from.path, Skips: skips, Detail: "before the step that this journal begins with"})
	}
	if err != nil {
		return e.stopped(ctx, from, Observation{}, fmt.Errorf("beginning in the middle: %w", err))
	}
	e.finished = e.allFinished()
	return nil
}
