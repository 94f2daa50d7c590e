package upgrade_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
)

// dead is a step whose act has no effect, n times.
func (r *rig) dead(n int, hint error) upgrade.Step {
	s := r.step("one")
	s.Observe = func(context.Context, upgrade.Look) (upgrade.Observation, error) {
		pressed, since, _ := r.state("one")
		switch {
		case !pressed || r.presses["one"] <= n:
			return upgrade.See(upgrade.Ready, nil, "one is off"), nil
		case since < r.takes:
			return upgrade.See(upgrade.Pending, nil, "one turns"), nil
		}
		return upgrade.See(upgrade.Done, nil, "one is on"), nil
	}
	s.Act = func(context.Context, *slog.Logger) error {
		r.press("one")
		if r.presses["one"] <= n {
			return hint
		}
		return nil
	}
	return s
}

// Never, which is the zero value: a Ready seen after the act ends unknown without a person.
func TestAgainNeverEndsUnknown(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.o.Operator = nil
		s := r.dead(1, nil)
		_, err := r.run(s)
		if !errors.Is(err, upgrade.ErrUnknown) {
			t.Fatal(err)
		}
		wantText(t, err.Error(), "may not be sent twice")
		_, err = r.run(s)
		if !errors.Is(err, upgrade.ErrUnknown) {
			t.Errorf("the next run: %v", err)
		}
		r.pressed(1, "one")
	})
}

// Never: or asks the person, who may look again, send it again, or stop.
func TestAgainNeverAsksThePerson(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		script := []string{upgrade.AnswerLook, upgrade.AnswerAgain}
		r.o.Operator = r.listen(upgrade.OperatorFunc(func(_ context.Context, q upgrade.Question) (upgrade.Answer, error) {
			if !slices.Equal(q.Options, []string{upgrade.AnswerAgain, upgrade.AnswerLook, upgrade.AnswerStop}) {
				t.Errorf("asked %+v", q)
			}
			a := script[0]
			script = script[1:]
			return upgrade.Answer{Text: a, By: "tester"}, nil
		}))
		rep := r.must(upgrade.Succeeded, r.dead(1, nil))
		r.pressed(2, "one")
		if s := stepReport(t, rep, "one"); s.Acts != 2 {
			t.Errorf("the report says %d acts", s.Acts)
		}
		if len(rep.Answers) != 2 || rep.Answers[1].Answer != upgrade.AnswerAgain || rep.Answers[1].By != "tester" {
			t.Errorf("the report has the answers %+v", rep.Answers)
		}

		r.o.Journal, r.o.Operator = upgrade.NoJournal(), answers(upgrade.AnswerStop)
		r.must(upgrade.UnknownEnd, r.dead(9, nil))
		r.pressed(3, "one")
	})
}

// IfNotBegun: sent again once Ready has lasted Settle, and not before.
func TestAgainIfNotBegunWaitsForSettle(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.dead(1, nil)
		s.Again, s.Settle = upgrade.IfNotBegun, 10*time.Minute
		var sent []time.Time
		act := s.Act
		s.Act = func(ctx context.Context, log *slog.Logger) error {
			sent = append(sent, time.Now())
			return act(ctx, log)
		}
		r.must(upgrade.Succeeded, s)
		if len(sent) != 2 || sent[1].Sub(sent[0]) < 10*time.Minute {
			t.Errorf("sent at %v", sent)
		}
	})
}

// A look that is not Ready begins the wait anew.
func TestAgainSettleBeginsAnewWhenSomethingMoves(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.dead(1, nil)
		s.Again, s.Settle, s.Every, s.Limit = upgrade.IfNotBegun, time.Minute, 20*time.Second, time.Hour
		observe, moved := s.Observe, time.Time{}
		n := 0
		s.Observe = func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
			if l.Since != nil && r.presses["one"] == 1 {
				if n++; n%3 == 0 && n < 30 {
					moved = time.Now()
					return upgrade.See(upgrade.Pending, nil, "moves"), nil
				}
			}
			return observe(ctx, l)
		}
		var again time.Time
		act := s.Act
		s.Act = func(ctx context.Context, log *slog.Logger) error { again = time.Now(); return act(ctx, log) }
		r.must(upgrade.Succeeded, s)
		if again.Sub(moved) < time.Minute {
			t.Errorf("sent again %s after it moved", again.Sub(moved))
		}
		r.pressed(2, "one")
	})
}

// IfNotBegun: also when the act returned ErrNotSent, and then one Ready is enough.
func TestAgainIfNotBegunBelievesErrNotSent(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.dead(1, fmt.Errorf("dial: %w", upgrade.ErrNotSent))
		s.Again, s.Settle = upgrade.IfNotBegun, 24*time.Hour
		began := time.Now()
		rep := r.must(upgrade.Succeeded, s)
		r.pressed(2, "one")
		if took := time.Since(began); took > time.Hour {
			t.Errorf("took %s", took)
		}
		if got := stepReport(t, rep, "one"); got.Acts != 1 {
			t.Errorf("the report says %d acts", got.Acts)
		}
	})
}

// IfNotBegun: two sends at most, over all runs.
func TestAgainIfNotBegunSendsTwiceAtMost(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.o.Operator = nil
		s := r.dead(9, nil)
		s.Again, s.Settle = upgrade.IfNotBegun, time.Minute
		for range 3 {
			if _, err := r.run(s); !errors.Is(err, upgrade.ErrUnknown) {
				t.Fatal(err)
			}
			r.pressed(2, "one")
		}
	})
}

// A send that provably never left does not count, and the step failed with its state known: a later run may try again.
func TestAgainNotSentIsFailedAndTriedLater(t *testing.T) {
	for _, again := range []upgrade.Again{upgrade.Never, upgrade.IfNotBegun} {
		t.Run(again.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				s := r.dead(4, upgrade.ErrNotSent)
				s.Again, s.Settle = again, time.Minute
				rep := r.must(upgrade.Failed, s)
				if got := stepReport(t, rep, "one"); got.Acts != 0 || !got.Acted.IsZero() {
					t.Errorf("the report says %+v", got)
				}
				for range 5 {
					if rep, _ = r.run(s); rep.Outcome == upgrade.Succeeded {
						break
					}
				}
				if rep.Outcome != upgrade.Succeeded {
					t.Errorf("ended %s", rep.Outcome)
				}
				r.pressed(5, "one")
			})
		})
	}
}

// An act that was refused did not happen, if a look agrees: failed, and a later run may try again.
func TestAgainRefusedIsFailedAndTriedLater(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.o.Operator = nil
		s := r.dead(1, upgrade.ErrRefused)
		rep := r.must(upgrade.Failed, s)
		if got := stepReport(t, rep, "one"); got.Acts != 0 || got.Status != upgrade.StatusStopped {
			t.Errorf("the report says %+v", got)
		}
		r.must(upgrade.Succeeded, s)
		r.pressed(2, "one")
	})
}

// A refusal that a look contradicts is none.
func TestAgainRefusedIsNotBelievedAgainstALook(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.step("one")
		s.Act = func(context.Context, *slog.Logger) error { r.press("one"); return upgrade.ErrRefused }
		r.must(upgrade.Succeeded, s)
		r.pressed(1, "one")
	})
}

// When the second send never left, the first one is still there: the run after that does not take it for never begun.
func TestAgainAnUnsentSecondSendDoesNotHideTheFirst(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		n := 0
		s := r.step("one")
		s.Observe = func(_ context.Context, l upgrade.Look) (upgrade.Observation, error) {
			if n > 0 && l.Since == nil {
				t.Errorf("look %d was told that nothing was done yet", n)
			}
			return upgrade.See(upgrade.Ready, nil, "off"), nil
		}
		s.Act = func(context.Context, *slog.Logger) error {
			if n++; n == 1 {
				return nil
			}
			return upgrade.ErrNotSent
		}
		r.o.Operator = upgrade.OperatorFunc(func(_ context.Context, q upgrade.Question) (upgrade.Answer, error) {
			if n == 1 {
				return upgrade.Answer{Text: upgrade.AnswerAgain}, nil
			}
			return upgrade.Answer{Text: upgrade.AnswerStop}, nil
		})
		r.must(upgrade.Failed, s)
		r.must(upgrade.UnknownEnd, s)
		if n != 2 {
			t.Errorf("%d sends", n)
		}
	})
}

// Freely: reads and backups are sent again, three times a run at most.
func TestAgainFreely(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.dead(2, errLost)
		s.Again = upgrade.Freely
		r.must(upgrade.Succeeded, s)
		r.pressed(3, "one")
	})
	bubble(t, func(t *testing.T, r *rig) {
		s := r.dead(5, errLost)
		s.Again = upgrade.Freely
		rep := r.must(upgrade.Failed, s)
		r.pressed(3, "one")
		wantText(t, rep.Err, errLost.Error())
		r.must(upgrade.Succeeded, s)
	})
	bubble(t, func(t *testing.T, r *rig) { // without a look
		n := 0
		s := upgrade.Step{Name: "read", Again: upgrade.Freely, Act: func(context.Context, *slog.Logger) error {
			if n++; n < 3 {
				return errLost
			}
			return nil
		}}
		r.must(upgrade.Succeeded, s)
	})
}

// The guards hold before every send, also before the second.
func TestAgainPassesTheGuardsBeforeEverySend(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		broken := false
		r.guards = []upgrade.Guard{{Name: "g", Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
			if broken {
				return upgrade.See(upgrade.Blocked, nil, "two primaries"), nil
			}
			return upgrade.See(upgrade.Done, nil, "holds"), nil
		}}}
		s := r.dead(1, nil)
		s.Again, s.Settle = upgrade.IfNotBegun, time.Minute
		act := s.Act
		s.Act = func(ctx context.Context, log *slog.Logger) error { broken = true; return act(ctx, log) }
		_, err := r.run(s)
		if se := stepError(t, err); se.Step != "guard g" || se.Outcome != upgrade.UnknownEnd {
			t.Errorf("ended %v", err)
		}
		r.pressed(1, "one")
	})
}

// What begins after all, while the guards are passed for the second send, is not sent again.
func TestAgainLooksOnceMoreBeforeTheSecondSend(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.step("one")
		s.Again, s.Settle = upgrade.IfNotBegun, time.Minute
		sent, begun := false, time.Time{}
		r.guards = []upgrade.Guard{{Name: "g", Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
			if sent {
				begun = time.Now()
			}
			return upgrade.See(upgrade.Done, nil, "holds"), nil
		}}}
		s.Act = func(context.Context, *slog.Logger) error { sent = true; return r.press("one") }
		s.Observe = func(context.Context, upgrade.Look) (upgrade.Observation, error) {
			switch {
			case begun.IsZero():
				return upgrade.See(upgrade.Ready, nil, "off"), nil
			case time.Since(begun) < time.Minute:
				return upgrade.See(upgrade.Pending, nil, "turns"), nil
			}
			return upgrade.See(upgrade.Done, nil, "on"), nil
		}
		r.must(upgrade.Succeeded, s)
		r.pressed(1, "one")
	})
}

// A step that only acts, whose outcome a crash hid, is asked about and never sent by itself.
func TestAgainActOnlyHiddenByACrashIsAskedAbout(t *testing.T) {
	for _, again := range []upgrade.Again{upgrade.Never, upgrade.IfNotBegun, upgrade.Freely} {
		t.Run(again.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				s := r.blind("one")
				s.Again, s.Settle = again, time.Minute
				r.crash(at(upgrade.KindSent, "one"), true, s)
				op := r.o.Operator
				r.o.Operator = nil
				r.must(upgrade.UnknownEnd, s)
				r.o.Operator = op
				rep := r.must(upgrade.Succeeded, s)
				r.pressed(1, "one")
				if q := r.asked[0]; q.Kind != upgrade.AskDecide || !slices.Equal(q.Options, []string{upgrade.AnswerDone, upgrade.AnswerAgain, upgrade.AnswerStop}) {
					t.Errorf("asked %+v", q)
				}
				wantText(t, stepReport(t, rep, "one").Detail, "a person says")
			})
		})
	}
	bubble(t, func(t *testing.T, r *rig) { // and where it was not, it is sent on the person's word
		s := r.blind("one")
		r.crash(at(upgrade.KindIntent, "one"), false, s)
		r.must(upgrade.Succeeded, s)
		r.pressed(1, "one")
	})
	bubble(t, func(t *testing.T, r *rig) { // what it said before the crash is known, and not asked about
		s := r.blind("one")
		r.crash(at(upgrade.KindDone, "one"), true, s)
		r.must(upgrade.Succeeded, s)
		r.pressed(1, "one")
		if len(r.asked) > 0 {
			t.Errorf("asked %v", r.asked)
		}
	})
}

// A step that only acts and ends in an error may have happened: the person is asked, and without one it is unknown.
func TestAgainActOnlyWithAnError(t *testing.T) {
	tests := map[string]struct {
		err  error
		op   upgrade.Operator
		want upgrade.Outcome
	}{
		"an error says nothing":         {errLost, nil, upgrade.UnknownEnd},
		"the person says it was done":   {errLost, answers(upgrade.AnswerDone), upgrade.Succeeded},
		"a refusal without a look":      {upgrade.ErrRefused, nil, upgrade.UnknownEnd},
		"it never left":                 {upgrade.ErrNotSent, nil, upgrade.Failed},
		"nothing was pressed":           {upgrade.ErrNotPressed, nil, upgrade.BlockedRun},
		"nothing was pressed by a page": {fmt.Errorf("page: %w", upgrade.ErrNotPressed), answers(upgrade.AnswerDone), upgrade.BlockedRun},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				r.o.Operator = tt.op
				sent := 0
				s := upgrade.Step{Name: "one", Act: func(context.Context, *slog.Logger) error { sent++; return tt.err }}
				rep := r.must(tt.want, s)
				if sent != 1 {
					t.Errorf("sent %d times", sent)
				}
				if !rep.Outcome.Good() {
					wantText(t, rep.Err, tt.err.Error())
				}
			})
		})
	}
	bubble(t, func(t *testing.T, r *rig) { // IfNotBegun sends once more what never left
		n := 0
		s := upgrade.Step{Name: "one", Again: upgrade.IfNotBegun, Settle: time.Second, Act: func(context.Context, *slog.Logger) error {
			if n++; n == 1 {
				return upgrade.ErrNotSent
			}
			return nil
		}}
		r.must(upgrade.Succeeded, s)
	})
}
