package upgrade_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
)

// rig is a toy, a journal that outlives runs, and everything a run was told to say.
type rig struct {
	t *testing.T
	*toy
	o      upgrade.Options
	guards []upgrade.Guard

	mu     sync.Mutex
	events []upgrade.Event
	asked  []upgrade.Question
}

// bubble runs a test of the engine in a bubble, on a toy whose switches take three minutes.
func bubble(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, toy: newToy(3 * time.Minute)}
		r.o = upgrade.Options{Journal: upgrade.NoJournal(), Events: r.hear, Operator: r.listen(r.person())}
		test(t, r)
	})
}

func (r *rig) hear(e upgrade.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// listen keeps what an operator is asked.
func (r *rig) listen(op upgrade.Operator) upgrade.Operator {
	return upgrade.OperatorFunc(func(ctx context.Context, q upgrade.Question) (upgrade.Answer, error) {
		r.mu.Lock()
		r.asked = append(r.asked, q)
		r.mu.Unlock()
		return op.Ask(ctx, q)
	})
}

// kinds returns what was asked, in order.
func (r *rig) kinds() []upgrade.QuestionKind {
	r.mu.Lock()
	defer r.mu.Unlock()
	var kinds []upgrade.QuestionKind
	for _, q := range r.asked {
		kinds = append(kinds, q.Kind)
	}
	return kinds
}

func (r *rig) procedure(steps ...upgrade.Step) upgrade.Procedure {
	return upgrade.Procedure{Name: "toy", Guards: r.guards, Steps: steps}
}

func (r *rig) run(steps ...upgrade.Step) (*upgrade.Report, error) {
	r.t.Helper()
	return r.runCtx(r.t.Context(), steps...)
}

func (r *rig) runCtx(ctx context.Context, steps ...upgrade.Step) (*upgrade.Report, error) {
	r.t.Helper()
	o := r.o
	return upgrade.Run(ctx, r.procedure(steps...), &o)
}

// must runs and wants an outcome.
func (r *rig) must(want upgrade.Outcome, steps ...upgrade.Step) *upgrade.Report {
	r.t.Helper()
	return r.mustCtx(r.t.Context(), want, steps...)
}

func (r *rig) mustCtx(ctx context.Context, want upgrade.Outcome, steps ...upgrade.Step) *upgrade.Report {
	r.t.Helper()
	rep, err := r.runCtx(ctx, steps...)
	if rep == nil {
		r.t.Fatalf("the run did not begin: %v", err)
	}
	if rep.Outcome != want || (err == nil) != want.Good() {
		r.t.Fatalf("the run ended %s (%v), want %s\n%s", rep.Outcome, err, want, rep)
	}
	return rep
}

// pressed wants exact counts of presses.
func (r *rig) pressed(want int, names ...string) {
	r.t.Helper()
	for _, name := range names {
		if got, _ := r.count(name); got != want {
			r.t.Errorf("%q was pressed %d times, want %d", name, got, want)
		}
	}
}

// records returns the journal's records of a kind.
func (r *rig) records(kind upgrade.Kind) []upgrade.Record {
	return slices.DeleteFunc(slices.Clone(r.o.Journal.Records()), func(rec upgrade.Record) bool { return rec.Kind != kind })
}

// crash ends a run just before or after something happens: the journal has nothing from then on.
func (r *rig) crash(when func(upgrade.Record) bool, before bool, steps ...upgrade.Step) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	o := r.o
	j := &dyingJournal{Journal: r.o.Journal, when: when, before: before, die: cancel}
	o.Journal = j
	upgrade.Run(ctx, r.procedure(steps...), &o)
	if !j.dead {
		r.t.Fatal("the run did not come to the record at which it should crash")
	}
}

// afterIntent and others are moments to crash at.
func at(kind upgrade.Kind, path string) func(upgrade.Record) bool {
	return func(r upgrade.Record) bool { return r.Kind == kind && r.Path == path }
}

var errDead = errors.New("the process is dead")

// dyingJournal loses everything from one record on. What the run does without a journal it must not do: act.
type dyingJournal struct {
	upgrade.Journal
	when   func(upgrade.Record) bool
	before bool
	die    func()
	mu     sync.Mutex
	dead   bool
}

func (j *dyingJournal) Append(r upgrade.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	hit := !j.dead && j.when(r)
	if hit && j.before {
		j.dead = true
	}
	if j.dead {
		j.die()
		return errDead
	}
	if err := j.Journal.Append(r); err != nil {
		return err
	}
	if hit {
		j.dead = true
		j.die()
		return errDead
	}
	return nil
}

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return string(raw)
	}
	return s
}

// stepReport returns what a report says of one step.
func stepReport(t *testing.T, rep *upgrade.Report, path string) upgrade.StepReport {
	t.Helper()
	for _, s := range rep.Steps {
		if s.Path == path {
			return s
		}
	}
	t.Fatalf("the report has no step %q:\n%s", path, rep)
	return upgrade.StepReport{}
}

func stepError(t *testing.T, err error) *upgrade.StepError {
	t.Helper()
	se, ok := errors.AsType[*upgrade.StepError](err)
	if !ok {
		t.Fatalf("%v is no *StepError", err)
	}
	return se
}

func wantText(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is missing in:\n%s", p, text)
		}
	}
}

// see is a look that always finds the same.
func see(phase upgrade.Phase, detail string) func(context.Context, upgrade.Look) (upgrade.Observation, error) {
	return func(context.Context, upgrade.Look) (upgrade.Observation, error) {
		return upgrade.See(phase, nil, "%s", detail), nil
	}
}
