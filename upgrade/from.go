package upgrade

import (
	"context"
	"fmt"
)

// beginning finds the step of Options.From, and refuses it on a journal that knows better.
func (e *engine) beginning() (*node, error) {
	switch n := e.t.byPath[e.o.From]; {
	case n == nil:
		return nil, fmt.Errorf("upgrade: %q: Options.From: there is no step %q", e.t.p.Name, e.o.From)
	case len(e.st.steps) > 0:
		return nil, fmt.Errorf("upgrade: %q: Options.From is for a new journal, when the old one is lost: this one knows where it stopped", e.t.p.Name)
	case e.o.Operator == nil:
		return nil, fmt.Errorf("upgrade: %q: Options.From: %w: somebody has to confirm that everything before %q is done", e.t.p.Name, ErrNoOperator, e.o.From)
	default:
		return n, nil
	}
}

// beginAt begins in the middle: every guard is looked at, a person confirms, and what stands before is skipped.
func (e *engine) beginAt(ctx context.Context, from *node) error {
	if err := e.lookAtGuards(ctx, nil); err != nil {
		_, err = e.finish(err)
		return err
	}
	q := Question{Kind: AskConfirm, Step: from.path, Ref: from.Ref, Options: []string{AnswerYes, AnswerNo},
		Text: fmt.Sprintf("The journal is lost. Is everything before %q done, and proven on the appliances?", from.path)}
	a, err := e.ask(ctx, q)
	if err == nil && a != AnswerYes {
		err = fmt.Errorf("answered %q", a)
	}
	if err == nil {
		err = e.write(Record{Kind: KindFrom, Path: from.path})
	}
	for _, n := range e.t.leaves[:from.first()] {
		if err == nil {
			err = e.write(Record{Kind: KindSkipped, Path: n.path, Detail: "before the step that this journal begins with"})
		}
	}
	if err != nil {
		_, err = e.finish(e.stop(from, BlockedRun, Observation{}, fmt.Errorf("beginning in the middle: %w", err)))
	}
	return err
}
