package upgrade_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
)

// What is done already is found so and not done again.
func TestStepDoneAlreadyIsSkipped(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.press("one")
		time.Sleep(time.Hour)
		rep := r.must(upgrade.AlreadyDone, r.step("one"))
		r.pressed(1, "one")
		if s := stepReport(t, rep, "one"); s.Status != upgrade.StatusAlready || s.Acts != 0 {
			t.Errorf("step one is %+v", s)
		}
	})
}

// The process dies between the act and its answer: the next run looks, and does not send it again.
func TestStepCrashBetweenActAndAnswerIsResolvedByLooking(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.crash(at(upgrade.KindSent, "one"), true, r.step("one"))
		r.pressed(1, "one")
		r.must(upgrade.Succeeded, r.step("one"))
		r.pressed(1, "one")
	})
}

// The process dies when the intent is on disk and the act not sent: a look proves that, and the step may be sent.
func TestStepCrashBetweenIntentAndActIsResolvedByLooking(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.step("one")
		s.Again, s.Settle = upgrade.IfNotBegun, time.Minute
		r.crash(at(upgrade.KindIntent, "one"), false, s)
		r.pressed(0, "one")
		r.must(upgrade.Succeeded, s)
		r.pressed(1, "one")
	})
}

// A step done by hand is proven exactly as one done by API: the person's word is not enough.
func TestStepByHandIsProvenLikeByAPI(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		liar := upgrade.OperatorFunc(func(_ context.Context, q upgrade.Question) (upgrade.Answer, error) {
			return upgrade.Answer{Text: q.Options[0], By: "liar"}, nil
		})
		r.o.Operator = upgrade.OperatorFunc(func(ctx context.Context, q upgrade.Question) (upgrade.Answer, error) {
			if q.Kind == upgrade.AskDecide {
				return upgrade.Answer{Text: upgrade.AnswerStop}, nil
			}
			return liar(ctx, q)
		})
		_, err := r.run(r.byHand("one"))
		if !errors.Is(err, upgrade.ErrUnknown) {
			t.Fatalf("a person who says done and did nothing: %v", err)
		}
		r.pressed(0, "one")

		r.o.Journal, r.o.Operator = upgrade.NoJournal(), r.listen(r.person())
		rep := r.must(upgrade.Succeeded, r.byHand("one"))
		if s := stepReport(t, rep, "one"); s.Status != upgrade.StatusDone || s.By != "person" || s.Took() < 3*time.Minute || string(s.Evidence) != `{"on":true}` {
			t.Errorf("step one is %+v", s)
		}
		if q := r.asked[0]; q.Instruction == nil || q.Instruction.Row != "one" || q.Instruction.On != "toy" {
			t.Errorf("the person was told %+v", q)
		}
	})
}

// A step with only a look is a check, or a wait.
func TestStepWithOnlyObserveIsACheckOrAWait(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.press("one")
		wait := upgrade.Step{Name: "wait", Observe: r.look("one")}
		began := time.Now()
		rep := r.must(upgrade.AlreadyDone, wait)
		if took := time.Since(began); took != 3*time.Minute {
			t.Errorf("the wait took %s", took)
		}
		if s := stepReport(t, rep, "wait"); s.Status != upgrade.StatusDone || s.Who != upgrade.WhoCheck {
			t.Errorf("the wait is %+v", s)
		}
		r.o.Journal = upgrade.NoJournal()
		_, err := r.run(upgrade.Step{Name: "check", Observe: see(upgrade.Blocked, "weak certificate"), Advice: "mend it"})
		if se := stepError(t, err); se.Outcome != upgrade.BlockedRun || se.Advice != "mend it" {
			t.Errorf("a failed check: %v", err)
		}
		r.o.Journal = upgrade.NoJournal()
		began = time.Now()
		_, err = r.run(upgrade.Step{Name: "never", Observe: see(upgrade.Ready, "still not"), Limit: time.Hour})
		if !errors.Is(err, upgrade.ErrUnknown) || time.Since(began) < time.Hour {
			t.Errorf("a wait in vain: %v after %s", err, time.Since(began))
		}
	})
}

// The act's error is a hint; what a look finds decides.
func TestStepActErrorIsAHintAndObserveDecides(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.step("one")
		s.Act = func(context.Context, *slog.Logger) error { r.press("one"); return errLost }
		rep := r.must(upgrade.Succeeded, s)
		r.pressed(1, "one")
		if s := stepReport(t, rep, "one"); s.Said != errLost.Error() {
			t.Errorf("the report does not say what the act said: %+v", s)
		}
	})
}

// The intent, with what was just seen, is in the journal before the act.
func TestStepIntentIsJournaledBeforeTheAct(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.step("one")
		act := s.Act
		var last upgrade.Record
		s.Act = func(ctx context.Context, log *slog.Logger) error {
			all := r.o.Journal.Records()
			last = all[len(all)-1]
			return act(ctx, log)
		}
		r.must(upgrade.Succeeded, s)
		if last.Kind != upgrade.KindIntent || last.Path != "one" || string(last.Evidence) != `{"on":false}` {
			t.Errorf("the last record at the act was %+v", last)
		}
	})
}

// The loop: guards before the look that allows the act, and the look before the act.
func TestStepLoopLooksAfterTheGuardsAndBeforeTheAct(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.guards = []upgrade.Guard{{Name: "g", Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
			r.set("guard", "looked")
			return upgrade.See(upgrade.Done, nil, "holds"), nil
		}}}
		r.must(upgrade.Succeeded, r.step("one"))
		press := slices.Index(r.log, "press one")
		if press < 2 || r.log[press-1] != "look one" || r.log[press-2] != "set guard=looked" {
			t.Errorf("before the act: %q", r.log[:press])
		}
	})
}

// When looks after the guards say that it may not act any more, the guards are passed again before it does.
func TestStepThatIsNoLongerReadyPassesTheGuardsAgain(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		guarded := 0
		r.guards = []upgrade.Guard{{Name: "g", Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
			guarded++
			return upgrade.See(upgrade.Done, nil, "holds"), nil
		}}}
		s := r.step("one")
		n := 0
		s.Observe = func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
			if n++; n == 2 {
				return upgrade.See(upgrade.Unknown, nil, "busy"), nil
			}
			return r.look("one")(ctx, l)
		}
		r.must(upgrade.Succeeded, s)
		if guarded != 3 { // when the run began, and twice before the act
			t.Errorf("the guard was looked at %d times", guarded)
		}
	})
}

// The machine acts; where it pressed nothing, the person is asked to, after the guards and a look have passed again.
func TestStepAskIsToldWhenTheDriverPressedNothing(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		guarded := 0
		r.guards = []upgrade.Guard{{Name: "g", Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
			guarded++
			return upgrade.See(upgrade.Done, nil, "holds"), nil
		}}}
		tried := 0
		s := r.byHand("one")
		s.Act = func(context.Context, *slog.Logger) error {
			tried++
			return fmt.Errorf("page: %w", upgrade.ErrNotPressed)
		}
		rep := r.must(upgrade.Succeeded, s)
		r.pressed(1, "one")
		if got := stepReport(t, rep, "one"); tried != 1 || got.By != "person" || got.Acts != 1 || got.Who != upgrade.WhoEither {
			t.Errorf("the driver was tried %d times; %+v", tried, got)
		}
		if guarded != 3 { // at the beginning, before the driver, before the person
			t.Errorf("the guard was looked at %d times", guarded)
		}
	})
}

// Without a person, or with one who will not, a step that pressed nothing is blocked, and a later run tries again.
func TestStepThatPressedNothingIsBlockedWithoutAPerson(t *testing.T) {
	tests := map[string]upgrade.Operator{
		"no operator":        nil,
		"consents only":      &upgrade.Consents{},
		"he says not done":   answers(upgrade.AnswerNotDone),
		"the answer is none": answers("maybe"),
	}
	for name, op := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				r.o.Operator = op
				s := r.byHand("one")
				s.Act = func(context.Context, *slog.Logger) error { return upgrade.ErrNotPressed }
				want := upgrade.BlockedRun
				if name == "the answer is none" {
					want = upgrade.UnknownEnd // he may have pressed it
				}
				r.must(want, s)
				s.Act = r.step("one").Act
				r.o.Operator = r.person()
				r.must(upgrade.Succeeded, s)
				r.pressed(1, "one")
			})
		})
	}
}

// answers says the same to everything.
func answers(text string) upgrade.Operator {
	return upgrade.OperatorFunc(func(context.Context, upgrade.Question) (upgrade.Answer, error) {
		return upgrade.Answer{Text: text, By: "tester"}, nil
	})
}

// A step with Ask alone is done when the person says so, and only then.
func TestStepWithOnlyAskIsDoneWhenThePersonSaysSo(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.byHand("one")
		s.Observe = nil
		rep := r.must(upgrade.Succeeded, s)
		wantText(t, stepReport(t, rep, "one").Detail, "a person says that it is done")

		r.o.Journal, r.o.Operator = upgrade.NoJournal(), answers(upgrade.AnswerNotDone)
		r.must(upgrade.BlockedRun, s)

		r.o.Journal = upgrade.NoJournal()
		r.o.Operator = upgrade.OperatorFunc(func(context.Context, upgrade.Question) (upgrade.Answer, error) {
			return upgrade.Answer{}, upgrade.ErrNoAnswer
		})
		r.must(upgrade.UnknownEnd, s)
	})
}

// Inputs are printable data: they are in the plan, the journal and the digest.
func TestStepInputsArePrintable(t *testing.T) {
	s := upgrade.Step{Name: "one", With: map[string]string{"version": "7.0.2.1"}, Observe: see(upgrade.Done, "")}.At("3")
	d, err := upgrade.Plan(upgrade.Procedure{Name: "p", Steps: []upgrade.Step{s}})
	if err != nil || d.Steps[0].With["version"] != "7.0.2.1" || d.Steps[0].Ref != "3" {
		t.Fatalf("Plan = %+v, %v", d, err)
	}
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, string(raw)+d.String(), `"version":"7.0.2.1"`, "version 7.0.2.1")
}
