package upgrade_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/changeover-sdk/changeover/upgrade"
)

// nilError is an error whose text cannot be had.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

// A step that panics or returns nonsense is that step's failure: there is a report, and the run can be gone on with.
func TestNonsenseOfAStepIsThatStepsFailure(t *testing.T) {
	type observe = func(context.Context, upgrade.Look) (upgrade.Observation, error)
	after := func(r *rig, then observe) observe {
		return func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
			if l.Since == nil {
				return r.look("one")(ctx, l)
			}
			return then(ctx, l)
		}
	}
	var noError *nilError
	tests := map[string]struct {
		step  func(r *rig, s upgrade.Step) upgrade.Step
		want  upgrade.Outcome
		press int
		says  string
	}{
		"a look that panics": {func(_ *rig, s upgrade.Step) upgrade.Step {
			s.Observe = func(context.Context, upgrade.Look) (upgrade.Observation, error) { panic("boom") }
			return s
		}, upgrade.Failed, 0, "its look panicked: boom"},
		"a look that panics after the act": {func(r *rig, s upgrade.Step) upgrade.Step {
			s.Observe = after(r, func(context.Context, upgrade.Look) (upgrade.Observation, error) { panic(errLost) })
			return s
		}, upgrade.UnknownEnd, 1, "connection reset"},
		"a phase that does not exist": {func(_ *rig, s upgrade.Step) upgrade.Step {
			s.Observe = see(upgrade.Phase(42), "")
			return s
		}, upgrade.Failed, 0, "phase 42"},
		"a phase below all": {func(_ *rig, s upgrade.Step) upgrade.Step {
			s.Observe = see(upgrade.Phase(-1), "")
			return s
		}, upgrade.Failed, 0, "phase -1"},
		"evidence that is no JSON": {func(_ *rig, s upgrade.Step) upgrade.Step {
			s.Observe = func(context.Context, upgrade.Look) (upgrade.Observation, error) {
				return upgrade.Observation{Phase: upgrade.Ready, Evidence: json.RawMessage("{on}")}, nil
			}
			return s
		}, upgrade.Failed, 0, "not JSON"},
		"evidence without end": {func(_ *rig, s upgrade.Step) upgrade.Step {
			s.Observe = func(context.Context, upgrade.Look) (upgrade.Observation, error) {
				return upgrade.See(upgrade.Ready, strings.Repeat("x", 2<<20), "much"), nil
			}
			return s
		}, upgrade.Failed, 0, "bytes of evidence"},
		"evidence that cannot be marshalled": {func(_ *rig, s upgrade.Step) upgrade.Step {
			s.Observe = func(context.Context, upgrade.Look) (upgrade.Observation, error) {
				return upgrade.See(upgrade.Ready, func() {}, "a function"), nil
			}
			return s
		}, upgrade.Failed, 0, "unsupported type"},
		"an act that panics": {func(r *rig, s upgrade.Step) upgrade.Step {
			s.Act = func(context.Context, *slog.Logger) error { r.press("one"); panic("boom") }
			return s
		}, upgrade.UnknownEnd, 1, "its act panicked: boom"},
		"an act with nil in hand": {func(_ *rig, s upgrade.Step) upgrade.Step {
			s.Act = func(context.Context, *slog.Logger) error { return nothing() }
			return s
		}, upgrade.UnknownEnd, 0, "nil pointer"},
		"an error without text": {func(r *rig, s upgrade.Step) upgrade.Step {
			s.Act = func(context.Context, *slog.Logger) error { r.press("one"); return noError }
			return s
		}, upgrade.Succeeded, 1, ""},
		"an instruction that panics": {func(_ *rig, s upgrade.Step) upgrade.Step {
			s.Act, s.Ask = nil, func(*upgrade.Mark) *upgrade.Instruction { panic("boom") }
			return s
		}, upgrade.Failed, 0, "its instruction panicked: boom"},
		"no instruction": {func(_ *rig, s upgrade.Step) upgrade.Step {
			s.Act, s.Ask = nil, func(*upgrade.Mark) *upgrade.Instruction { return nil }
			return s
		}, upgrade.Failed, 0, "no instruction"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				good := r.step("one")
				steps := []upgrade.Step{r.step("zero"), tt.step(r, good), r.step("two")}
				rep, err := r.run(steps...)
				if rep == nil || rep.Outcome != tt.want {
					t.Fatalf("Run = %v, %v", rep, err)
				}
				r.pressed(1, "zero")
				r.pressed(tt.press, "one")
				if tt.want.Good() {
					return
				}
				r.pressed(0, "two")
				wantText(t, err.Error(), tt.says)
				if se := stepError(t, err); se.Step != "one" {
					t.Errorf("blamed %q", se.Step)
				}
				r.must(upgrade.Succeeded, r.step("zero"), good, r.step("two")) // mended, it goes on
				r.pressed(1, "zero", "one", "two")
			})
		})
	}
}

// Guards that panic or return nonsense stop the run, and nothing is done.
func TestNonsenseOfAGuard(t *testing.T) {
	for name, observe := range map[string]func(context.Context, upgrade.Look) (upgrade.Observation, error){
		"it panics": func(context.Context, upgrade.Look) (upgrade.Observation, error) { panic("boom") },
		"no phase":  see(upgrade.Phase(7), ""),
	} {
		bubble(t, func(t *testing.T, r *rig) {
			r.guards = []upgrade.Guard{{Name: "g", Observe: observe}}
			_, err := r.run(r.step("one"))
			if se := stepError(t, err); se.Step != "guard g" || se.Outcome != upgrade.BlockedRun {
				t.Errorf("%s: %v", name, err)
			}
			r.pressed(0, "one")
		})
	}
}

// An operator that panics or gives answers that are none never loses the run.
func TestNonsenseOfAnOperator(t *testing.T) {
	for name, op := range map[string]upgrade.Operator{
		"it panics":            upgrade.OperatorFunc(func(context.Context, upgrade.Question) (upgrade.Answer, error) { panic("boom") }),
		"it is a nil function": upgrade.OperatorFunc(nil),
		"an answer of its own": answers("perhaps"),
		"no answer at all":     answers(""),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) { // where it confirms, it is blocked
				r.o.Operator = op
				_, err := r.run(upgrade.Confirm("sure", "Sure?"), r.step("one"))
				if !errors.Is(err, upgrade.ErrBlocked) || !errors.Is(err, upgrade.ErrNoAnswer) {
					t.Errorf("confirm: %v", err)
				}
				r.o.Operator = r.person()
				r.must(upgrade.Succeeded, upgrade.Confirm("sure", "Sure?"), r.step("one"))
			})
			bubble(t, func(t *testing.T, r *rig) { // where it presses, unknown
				r.o.Operator = op
				r.must(upgrade.UnknownEnd, r.byHand("one"))
			})
			bubble(t, func(t *testing.T, r *rig) { // where it decides, unknown
				r.o.Operator = op
				r.must(upgrade.UnknownEnd, r.dead(9, nil))
				r.pressed(1, "one")
			})
			bubble(t, func(t *testing.T, r *rig) { // where it begins in the middle, blocked
				r.o.Operator, r.o.From = op, "two"
				r.must(upgrade.BlockedRun, r.step("one"), r.step("two"))
			})
		})
	}
}

type badHandler struct{ slog.Handler }

func (badHandler) Enabled(context.Context, slog.Level) bool { return true }

func (badHandler) Handle(context.Context, slog.Record) error { panic("no log") }

func (h badHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

// Listeners and loggers that panic change nothing.
func TestNonsenseOfListenersAndLoggers(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		heard := 0
		r.o.Events = func(upgrade.Event) { heard++; panic("boom") }
		r.o.Logger = slog.New(badHandler{slog.DiscardHandler})
		r.must(upgrade.Succeeded, r.step("one"), upgrade.Together("t", 2, r.on("a", "two"), r.on("b", "three")))
		r.pressed(1, "one", "two", "three")
		if heard < 10 {
			t.Errorf("heard %d events", heard)
		}
	})
}

type panickingJournal struct {
	upgrade.Journal
	at upgrade.Kind
}

func (j panickingJournal) Append(r upgrade.Record) error {
	if r.Kind == j.at {
		panic("disk on fire")
	}
	return j.Journal.Append(r)
}

// A journal that panics is one that could not be written: the run ends, and what was not journaled was not done.
func TestNonsenseOfAJournal(t *testing.T) {
	for kind, want := range map[upgrade.Kind]upgrade.Outcome{
		upgrade.KindIntent: upgrade.Failed, upgrade.KindSent: upgrade.UnknownEnd, upgrade.KindDone: upgrade.UnknownEnd, upgrade.KindEnd: upgrade.Succeeded,
	} {
		bubble(t, func(t *testing.T, r *rig) {
			good := r.o.Journal
			r.o.Journal = panickingJournal{good, kind}
			rep := r.must(want, r.step("one"))
			if want != upgrade.Succeeded {
				wantText(t, rep.Err, "disk on fire")
			}
			r.pressed(map[bool]int{false: 1}[kind == upgrade.KindIntent], "one")
			r.o.Journal = good
			rep, err := r.run(r.step("one"))
			if err != nil {
				t.Errorf("%s: going on: %v", kind, err)
			}
			r.pressed(1, "one")
			wantText(t, rep.String(), "one is on")
		})
	}
	r := &rig{t: t, toy: newToy(0)}
	r.o.Journal = panickingJournal{upgrade.NoJournal(), upgrade.KindRun}
	if rep, err := r.run(r.step("one")); !errors.Is(err, upgrade.ErrJournal) || rep != nil {
		t.Errorf("nothing should have begun: %v, %v", rep, err)
	}
}

// An Observe function cannot change what the engine knows.
func TestNonsenseOfALookThatWritesToItsMark(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.step("one")
		s.Observe = func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
			o, err := r.look("one")(ctx, l)
			if l.Since != nil {
				*l.Since = upgrade.Mark{At: time.Now().Add(100 * time.Hour), Last: json.RawMessage(`{"turning":"one"}`)}
			}
			return o, err
		}
		r.must(upgrade.Succeeded, s)
		if len(r.records(upgrade.KindSeen)) == 0 {
			t.Error("the engine believed what the look wrote")
		}
	})
}

// Details, hints and answers of any length and any bytes are kept short and printable.
func TestNonsenseTextIsClippedAndPrintable(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		long := strings.Repeat("ä\xff\x1b[31m\n", 10000)
		s := r.step("one")
		observe := s.Observe
		s.Observe = func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
			o, err := observe(ctx, l)
			o.Detail = long
			return o, err
		}
		act := s.Act
		s.Act = func(ctx context.Context, log *slog.Logger) error { act(ctx, log); return errors.New(long) }
		r.o.Operator = answers(long)
		asks := upgrade.Step{Name: "asks", Observe: func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
			v, err := l.Ask(ctx, upgrade.Question{Kind: upgrade.AskValue, Label: "Value"})
			return upgrade.See(upgrade.Blocked, v, "%s", v), err
		}}
		rep, err := r.run(s, asks)
		for _, rec := range r.o.Journal.Records() {
			for _, text := range []string{rec.Detail, rec.Err, rec.Answer} {
				if len(text) > 10<<10 || !utf8.ValidString(text) {
					t.Errorf("%s of %s keeps %d bytes, valid %t", rec.Kind, rec.Path, len(text), utf8.ValidString(text))
				}
			}
		}
		for what, text := range map[string]string{"error": err.Error(), "report": rep.String()} {
			if strings.Contains(text, "\x1b") || !utf8.ValidString(text) {
				t.Errorf("the %s plays with the terminal", what)
			}
		}
	})
}

// nothing is a function that nobody has filled in.
var nothing func() error
