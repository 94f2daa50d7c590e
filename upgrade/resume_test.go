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

// What is finished is not looked at again: "secondary is off" after it was powered on would shut it down once more.
func TestResumeFinishedStepsAreNotLookedAt(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		steps := []upgrade.Step{r.step("off"), r.step("on"), upgrade.Hold("night", ""), r.step("three")}
		r.must(upgrade.Held, steps...)
		_, before := r.count("off")
		r.release("off") // as powering on does
		r.must(upgrade.Succeeded, steps...)
		if _, looks := r.count("off"); looks != before {
			t.Errorf("looked at a finished step %d more times", looks-before)
		}
		r.pressed(1, "off", "on", "three")
	})
}

// An effect that must last is looked at on resume and before every act, until the step that ends it begins.
func TestResumeUntilIsLookedAtOnResumeAndBeforeEveryAct(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		broken := r.step("break failover")
		broken.Until = "establish"
		steps := []upgrade.Step{broken, r.step("two"), r.step("three"), upgrade.Hold("night", ""), r.step("establish"), r.step("five")}
		looks := func() int { _, n := r.count("break failover"); return n }

		r.crash(at(upgrade.KindDone, "break failover"), false, steps...)
		r.did()
		before := looks()
		r.must(upgrade.Held, steps...)
		if got := looks() - before; got != 3 { // on resume, before two, before three
			t.Errorf("looked %d times in the first window, want 3; did %q", got, r.did())
		}
		before = looks()
		r.must(upgrade.Succeeded, steps...)
		if got := looks() - before; got != 2 { // on resume, before establish; not before five
			t.Errorf("looked %d times in the second window, want 2", got)
		}
	})
}

// When it is no longer there, somebody undid it, and nothing is done on top of that.
func TestResumeUntilUndoneIsBlocked(t *testing.T) {
	tests := map[string]struct {
		undo func(r *rig)
	}{
		"during a hold":      {nil},
		"just before an act": {func(r *rig) { r.release("break failover") }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				broken := r.step("break failover").At("4")
				broken.Until, broken.Advice = "establish", "break it again"
				check := upgrade.Step{Name: "check", Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
					if tt.undo != nil {
						tt.undo(r)
					}
					return upgrade.See(upgrade.Done, nil, "fine"), nil
				}}
				steps := []upgrade.Step{broken, upgrade.Hold("night", ""), check, r.step("two"), r.step("establish")}
				r.must(upgrade.Held, steps...)
				time.Sleep(time.Hour)
				if tt.undo == nil {
					r.release("break failover")
				}
				rep, err := r.run(steps...)
				se := stepError(t, err)
				if !errors.Is(err, upgrade.ErrBlocked) || se.Step != "break failover" || se.Ref != "4" || se.Advice != "break it again" {
					t.Errorf("ended %v", err)
				}
				wantText(t, err.Error(), "somebody undid it", "break failover is off")
				r.pressed(0, "two", "establish")
				if s := stepReport(t, rep, "break failover"); s.Status != upgrade.StatusDone || s.Took() != 3*time.Minute {
					t.Errorf("a step that was done is now %+v", s)
				}
			})
		})
	}
}

// An effect that cannot be told is waited for, then stops the run: the step itself is no excuse for not being seen.
func TestResumeUntilThatCannotBeToldStops(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		off := r.step("power off")
		off.Until, off.Down = "power on", []string{"toy"}
		observe, blind := off.Observe, false
		off.Observe = func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
			if blind {
				return upgrade.Observation{}, errLost
			}
			return observe(ctx, l)
		}
		steps := []upgrade.Step{off, upgrade.Hold("night", ""), r.step("two"), r.step("power on")}
		r.must(upgrade.Held, steps...)
		blind = true
		began := time.Now()
		_, err := r.run(steps...)
		if !errors.Is(err, upgrade.ErrBlocked) || time.Since(began) != upgrade.DefaultGuardLimit {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		r.pressed(0, "two")
	})
}

// Until holds until a group begins, when it names one, and finds its step in its own group first.
func TestResumeUntilNamesAGroup(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		a := r.step("a")
		a.Until = "end"
		b := r.step("b")
		b.Observe = func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
			r.release("a") // the group has begun: its effect may end
			return r.look("b")(ctx, l)
		}
		r.must(upgrade.Succeeded, a, upgrade.Group("end", r.step("first"), b))
		r.pressed(1, "a", "first", "b")
	})
}

// A box that went and came back as it was is reverted.
func TestResumeReverted(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.step("reboot")
		s.Observe = func(_ context.Context, l upgrade.Look) (upgrade.Observation, error) {
			switch {
			case l.Since == nil:
				return upgrade.See(upgrade.Ready, nil, "runs 7.0.2"), nil
			case time.Since(l.Since.At) < 10*time.Minute:
				return upgrade.See(upgrade.Pending, "outage", "does not answer"), nil
			}
			return upgrade.See(upgrade.Blocked, nil, "runs 7.0.2 again"), fmt.Errorf("after an outage: %w", upgrade.ErrReverted)
		}
		rep := r.must(upgrade.Reverted, s)
		_, err := r.run(s)
		if !errors.Is(err, upgrade.ErrReverted) || errors.Is(err, upgrade.ErrFailed) {
			t.Errorf("the next run: %v", err)
		}
		wantText(t, rep.Next, "the old version runs")
		r.pressed(1, "reboot")
	})
}

// A look that cannot tell what became of an act is unknown at the limit, not ready.
func TestResumeCannotTellIsUnknownNotReady(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.step("reboot")
		s.Again, s.Settle = upgrade.IfNotBegun, time.Second
		s.Observe = func(_ context.Context, l upgrade.Look) (upgrade.Observation, error) {
			if l.Since == nil {
				return upgrade.See(upgrade.Ready, nil, "runs 7.0.2"), nil
			}
			return upgrade.See(upgrade.Unknown, nil, "runs 7.0.2, and no outage was seen: read the boot time"), nil
		}
		_, err := r.run(s)
		wantText(t, err.Error(), "unknown", "read the boot time")
		r.pressed(1, "reboot")
	})
}

// Killed again and again, at every record and act, a step is done once.
func TestResumeAfterManyCrashes(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.step("one")
		for _, kind := range []upgrade.Kind{upgrade.KindPlan, upgrade.KindRun, upgrade.KindIntent} {
			r.crash(at(kind, map[bool]string{true: "one"}[kind == upgrade.KindIntent]), true, s)
		}
		r.pressed(0, "one")
		r.crash(at(upgrade.KindSent, "one"), true, s)
		r.crash(at(upgrade.KindSeen, "one"), true, s)
		r.crash(at(upgrade.KindSeen, "one"), false, s)
		r.crash(at(upgrade.KindDone, "one"), true, s)
		r.crash(at(upgrade.KindDone, "one"), false, s)
		r.crash(at(upgrade.KindEnd, ""), true, s)
		r.must(upgrade.AlreadyDone, s)
		r.pressed(1, "one")
	})
}

// A backup is taken by every run that will act: an older one is taken again, a fresh one is not.
func TestResumeEachRunTakesABackupThatGrewOld(t *testing.T) {
	var taken []time.Time
	backup := func(r *rig) upgrade.Step {
		return upgrade.Step{
			Name: "backup", EachRun: true, Again: upgrade.Freely, On: []string{"toy"},
			Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
				if n := len(taken); n > 0 && time.Since(taken[n-1]) < 12*time.Hour {
					return upgrade.See(upgrade.Done, taken[n-1], "%s old", time.Since(taken[n-1])), nil
				}
				return upgrade.See(upgrade.Ready, nil, "no fresh backup"), nil
			},
			Act: func(context.Context, *slog.Logger) error { taken = append(taken, time.Now()); return nil },
		}
	}
	bubble(t, func(t *testing.T, r *rig) {
		taken = nil
		steps := []upgrade.Step{backup(r), r.step("one"), upgrade.Hold("night", ""), r.step("two"), upgrade.Hold("day", ""), r.step("three")}
		r.must(upgrade.Held, steps...)
		time.Sleep(time.Hour)
		r.must(upgrade.Held, steps...)
		if len(taken) != 1 {
			t.Errorf("a fresh backup was taken again: %v", taken)
		}
		time.Sleep(24 * time.Hour)
		r.must(upgrade.Succeeded, steps...)
		if len(taken) != 2 {
			t.Errorf("after a day %d backups", len(taken))
		}
		time.Sleep(24 * time.Hour)
		r.must(upgrade.AlreadyDone, steps...) // nothing left to act
		if len(taken) != 2 {
			t.Errorf("a run with nothing to do took a backup")
		}
	})
	bubble(t, func(t *testing.T, r *rig) { // nor when what is left does not act
		taken = nil
		steps := []upgrade.Step{backup(r), r.step("one"), upgrade.Hold("watch it", ""), {Name: "check", Observe: see(upgrade.Done, "fine")}}
		r.must(upgrade.Held, steps...)
		time.Sleep(24 * time.Hour)
		r.must(upgrade.Succeeded, steps...)
		if len(taken) != 1 {
			t.Errorf("%d backups", len(taken))
		}
	})
	bubble(t, func(t *testing.T, r *rig) { // nor while something is under way
		taken = nil
		steps := []upgrade.Step{backup(r), r.step("one"), r.step("two")}
		r.crash(at(upgrade.KindSent, "one"), true, steps...)
		time.Sleep(24 * time.Hour)
		r.did()
		r.must(upgrade.Succeeded, steps...)
		if len(taken) != 1 {
			t.Errorf("%d backups: one was taken with an act under way", len(taken))
		}
	})
	bubble(t, func(t *testing.T, r *rig) { // nor when a group that must not be left half-way is
		taken = nil
		steps := []upgrade.Step{backup(r), upgrade.Whole("both", r.step("one"), r.step("two"))}
		r.crash(at(upgrade.KindDone, "both/one"), false, steps...)
		time.Sleep(24 * time.Hour)
		r.must(upgrade.Succeeded, steps...)
		if len(taken) != 1 {
			t.Errorf("%d backups: one was taken half-way", len(taken))
		}
	})
	bubble(t, func(t *testing.T, r *rig) { // a person's backup makes the next run need one again
		taken = nil
		s := byHand(backup(r))
		steps := []upgrade.Step{s, upgrade.Hold("night", ""), r.step("two")}
		r.o.Operator = upgrade.OperatorFunc(func(context.Context, upgrade.Question) (upgrade.Answer, error) {
			taken = append(taken, time.Now())
			return upgrade.Answer{Text: upgrade.AnswerDone}, nil
		})
		r.must(upgrade.Held, steps...)
		r.o.Operator = nil
		if _, err := r.run(steps...); !errors.Is(err, upgrade.ErrNoOperator) {
			t.Errorf("a run that will need a person again: %v", err)
		}
	})
}

// Restarting in mid-procedure, nothing of what was said is asked again.
func TestResumeAnswersAreKept(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		steps := []upgrade.Step{upgrade.Confirm("sure", "Sure?"), r.step("one")}
		r.crash(at(upgrade.KindIntent, "one"), true, steps...)
		rep := r.must(upgrade.Succeeded, steps...)
		if want := []upgrade.QuestionKind{upgrade.AskConfirm}; !slices.Equal(r.kinds(), want) {
			t.Errorf("asked %q", r.kinds())
		}
		if len(rep.Answers) != 1 || rep.Answers[0].Question != "Sure?" || rep.Answers[0].By != "tester" {
			t.Errorf("the report has %+v", rep.Answers)
		}
	})
}
