package upgrade_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
)

func consent(step, question, answer string, until time.Time) upgrade.Consent {
	q := upgrade.Question{Kind: upgrade.AskConfirm, Step: step, Text: question, Options: []string{answer, upgrade.AnswerNo}}
	return upgrade.Consent{Step: step, Question: q.Hash(), Answer: answer, By: "Anna", Until: until}
}

// Consents: answers given beforehand make a run unattended; the report says who gave them.
func TestConsentsMakeARunUnattended(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.o.Operator = &upgrade.Consents{Given: []upgrade.Consent{consent("g/eula", "Accept the EULA?", "yes", time.Now().Add(time.Hour))}}
		rep := r.must(upgrade.Succeeded, upgrade.Group("g", upgrade.Confirm("eula", "Accept the EULA?")), r.step("one"))
		if a := rep.Answers; len(a) != 1 || a[0].By != "Anna (beforehand)" || a[0].Answer != "yes" {
			t.Errorf("answers %+v", a)
		}
	})
}

// They are bound to the step, to the exact question, and to a time.
func TestConsentsAreBoundToStepQuestionAndTime(t *testing.T) {
	tests := map[string]struct {
		given func(now time.Time) upgrade.Consent
		want  upgrade.Outcome
	}{
		"as it was asked": {func(time.Time) upgrade.Consent { return consent("eula", "Accept the EULA?", "yes", time.Time{}) }, upgrade.Succeeded},
		"another wording": {func(time.Time) upgrade.Consent { return consent("eula", "Accept the EULA", "yes", time.Time{}) }, upgrade.BlockedRun},
		"another step":    {func(time.Time) upgrade.Consent { return consent("other", "Accept the EULA?", "yes", time.Time{}) }, upgrade.BlockedRun},
		"the hash, elsewhere": {func(time.Time) upgrade.Consent {
			c := consent("eula", "Accept the EULA?", "yes", time.Time{})
			c.Step = "other"
			return c
		}, upgrade.BlockedRun},
		"it has ended": {func(now time.Time) upgrade.Consent {
			return consent("eula", "Accept the EULA?", "yes", now.Add(-time.Second))
		}, upgrade.BlockedRun},
		"an answer that is none": {func(time.Time) upgrade.Consent {
			c := consent("eula", "Accept the EULA?", "yes", time.Time{})
			c.Answer = "whatever"
			return c
		}, upgrade.BlockedRun},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				r.o.Operator = &upgrade.Consents{Given: []upgrade.Consent{tt.given(time.Now())}}
				rep := r.must(tt.want, upgrade.Confirm("eula", "Accept the EULA?"), r.step("one"))
				r.pressed(map[bool]int{true: 1}[tt.want == upgrade.Succeeded], "one")
				if name == "another wording" { // it says what to consent to
					wantText(t, rep.Err, consent("eula", "Accept the EULA?", "yes", time.Time{}).Question, "eula")
				}
			})
		})
	}
}

// They neither press nor decide what became of an act: nobody can know that beforehand. Or is asked.
func TestConsentsNeitherPressNorDecide(t *testing.T) {
	for _, kind := range []upgrade.QuestionKind{upgrade.AskPress, upgrade.AskDecide, upgrade.AskLook} {
		q := upgrade.Question{Kind: kind, Step: "one"}
		c := &upgrade.Consents{Given: []upgrade.Consent{{Step: "one", Question: q.Hash(), Answer: upgrade.AnswerAgain}}}
		if a, err := c.Ask(t.Context(), q); !errors.Is(err, upgrade.ErrNoAnswer) {
			t.Errorf("%s: answered %q, %v", kind, a.Text, err)
		}
		c.Or = answers("from a person")
		if a, err := c.Ask(t.Context(), q); err != nil || a.Text != "from a person" {
			t.Errorf("%s: %q, %v", kind, a.Text, err)
		}
	}
	bubble(t, func(t *testing.T, r *rig) {
		r.o.Operator = &upgrade.Consents{Or: r.person()}
		r.must(upgrade.Succeeded, r.byHand("one"))
	})
}

// A question's hash covers every word of it but what was last seen.
func TestQuestionHash(t *testing.T) {
	q := upgrade.Question{Kind: upgrade.AskConfirm, Step: "one", Ref: "3", Text: "Sure?", On: "sps", Where: "HA", Row: "r", Label: "l", Options: []string{"yes", "no"}}
	seen := q
	seen.Seen = "it boots"
	if q.Hash() != seen.Hash() {
		t.Error("what was last seen is in the hash")
	}
	all := map[string]bool{q.Hash(): true}
	for i, change := range []func(*upgrade.Question){
		func(q *upgrade.Question) { q.Kind = upgrade.AskValue }, func(q *upgrade.Question) { q.Step = "two" }, func(q *upgrade.Question) { q.Ref = "4" },
		func(q *upgrade.Question) { q.Text = "Sure." }, func(q *upgrade.Question) { q.On = "other" }, func(q *upgrade.Question) { q.Where = "X" },
		func(q *upgrade.Question) { q.Row = "X" }, func(q *upgrade.Question) { q.Label = "X" }, func(q *upgrade.Question) { q.Options = []string{"yesno"} },
		func(q *upgrade.Question) { q.Instruction = &upgrade.Instruction{Button: "b"} },
	} {
		other := q
		change(&other)
		if all[other.Hash()] {
			t.Errorf("change %d is not in the hash", i)
		}
		all[other.Hash()] = true
	}
}

// A procedure that will need a person and has none does not start, and says which steps need one.
func TestOperatorIsNeededAndTheStepsAreNamed(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.o.Operator = nil
		either := r.byHand("either") // a driver may press it
		either.Act = r.step("either").Act
		steps := []upgrade.Step{r.step("machine"), either, upgrade.Group("g", r.byHand("hand")), upgrade.Confirm("sure", "Sure?")}
		rep, err := r.run(steps...)
		if !errors.Is(err, upgrade.ErrNoOperator) || rep != nil {
			t.Fatalf("Run = %v, %v", rep, err)
		}
		wantText(t, err.Error(), "g/hand", "sure")
		if strings.Contains(err.Error(), "machine,") || strings.Contains(err.Error(), "either") {
			t.Errorf("names steps that need nobody: %v", err)
		}
		r.o.Operator = &upgrade.Consents{}
		if _, err = r.run(steps...); !errors.Is(err, upgrade.ErrNoOperator) || strings.Contains(err.Error(), "sure") {
			t.Errorf("with consents only: %v", err)
		}
		if len(r.o.Journal.Records()) > 0 || len(r.did()) > 0 {
			t.Error("something was begun")
		}
		r.o.Operator = r.person() // what is finished needs nobody
		r.must(upgrade.Succeeded, steps...)
		r.o.Operator = nil
		r.must(upgrade.AlreadyDone, steps...)
	})
}

// A step whose driver turns out to need a person, when there is none, is blocked and named.
func TestOperatorIsMissedInMidRun(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.o.Operator = nil
		s := r.step("one")
		observe := s.Observe
		s.Observe = func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
			if _, err := l.Ask(ctx, upgrade.Question{Kind: upgrade.AskValue, Text: "Which one?"}); err != nil {
				return upgrade.Observation{}, err
			}
			return observe(ctx, l)
		}
		_, err := r.run(s)
		if !errors.Is(err, upgrade.ErrBlocked) || !errors.Is(err, upgrade.ErrNoOperator) {
			t.Errorf("ended %v", err)
		}
		r.pressed(0, "one")
	})
}

// An operator that fails is no cancel: the step is blocked; and one that was told to press may have done it.
func TestOperatorThatFails(t *testing.T) {
	down := errors.New("the chat is down")
	op := upgrade.OperatorFunc(func(context.Context, upgrade.Question) (upgrade.Answer, error) { return upgrade.Answer{}, down })
	bubble(t, func(t *testing.T, r *rig) {
		r.o.Operator = op
		_, err := r.run(upgrade.Confirm("sure", "Sure?"))
		if !errors.Is(err, upgrade.ErrBlocked) || !errors.Is(err, down) {
			t.Errorf("ended %v", err)
		}
	})
	bubble(t, func(t *testing.T, r *rig) {
		r.o.Operator = op
		r.must(upgrade.UnknownEnd, r.byHand("one"))
		r.o.Operator = r.person()
		r.must(upgrade.Succeeded, r.byHand("one"))
	})
}

// A cancel while a person is told to press is unknown: he may have.
func TestOperatorCancelledWhilePressingIsUnknown(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		ctx, cancel := context.WithCancel(t.Context())
		r.o.Operator = upgrade.OperatorFunc(func(ctx context.Context, q upgrade.Question) (upgrade.Answer, error) {
			cancel()
			<-ctx.Done()
			return upgrade.Answer{}, context.Cause(ctx)
		})
		_, err := r.runCtx(ctx, r.byHand("one"))
		if !errors.Is(err, upgrade.ErrUnknown) || !errors.Is(err, context.Canceled) {
			t.Errorf("ended %v", err)
		}
	})
	bubble(t, func(t *testing.T, r *rig) {
		ctx, cancel := context.WithCancel(t.Context())
		r.o.Operator = upgrade.OperatorFunc(func(context.Context, upgrade.Question) (upgrade.Answer, error) {
			cancel()
			r.press("one")
			return upgrade.Answer{}, context.Canceled
		})
		r.takes = 0
		rep := r.mustCtx(ctx, upgrade.Succeeded, r.byHand("one")) // the last look saw it
		if s := stepReport(t, rep, "one"); s.Status != upgrade.StatusDone {
			t.Errorf("step one is %+v", s)
		}
	})
}

// Under a cancel nobody is asked any more: the last look does without.
func TestOperatorIsNotAskedAfterACancel(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		ctx, cancel := context.WithCancel(t.Context())
		s := r.step("one")
		s.Act = func(context.Context, *slog.Logger) error { cancel(); return nil }
		s.Observe = func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
			if l.Since == nil {
				return upgrade.See(upgrade.Ready, nil, "off"), nil
			}
			if _, err := l.Ask(ctx, upgrade.Question{Kind: upgrade.AskConfirm, Text: "Is it on?", Options: []string{"yes"}}); err != nil {
				return upgrade.Observation{}, fmt.Errorf("cannot tell: %w", err)
			}
			return upgrade.See(upgrade.Done, nil, "on"), nil
		}
		_, err := r.runCtx(ctx, s)
		if !errors.Is(err, upgrade.ErrUnknown) {
			t.Errorf("ended %v", err)
		}
		for _, q := range r.asked {
			t.Errorf("asked %+v", q)
		}
	})
}
