package upgrade_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
)

// A hold ends a run; the next run of the same procedure goes on and says how long it was held: two windows are two runs.
func TestHoldEndsARunAndTheNextSaysHowLong(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		steps := []upgrade.Step{r.step("one"), upgrade.Hold("second window", "the site has no failover"), r.step("two")}
		rep, err := r.run(steps...)
		if !errors.Is(err, upgrade.ErrHeld) {
			t.Fatal(err)
		}
		wantText(t, err.Error(), "second window", "the site has no failover")
		if h := rep.Holds; len(h) != 1 || !h[0].Until.IsZero() || h[0].Soon != "the site has no failover" {
			t.Errorf("held %+v", h)
		}
		r.pressed(0, "two")
		time.Sleep(26*time.Hour + 30*time.Minute)
		rep = r.must(upgrade.Succeeded, steps...)
		if h := rep.Holds; len(h) != 1 || h[0].Until.Sub(h[0].Since) != 26*time.Hour+30*time.Minute {
			t.Errorf("held %+v", h)
		}
		if len(rep.Runs) != 2 || rep.Runs[0].Outcome != upgrade.Held || rep.Runs[1].Outcome != upgrade.Succeeded {
			t.Errorf("runs %+v", rep.Runs)
		}
		wantText(t, rep.String(), "1d 2h", "held for 1d 2h: the site has no failover")
		r.pressed(1, "one", "two")
	})
}

// A hold that is the last step is gone on with, too, and a crash while it is written holds once more or not at all.
func TestHoldAtTheEndAndUnderACrash(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		steps := []upgrade.Step{r.step("one"), upgrade.Hold("watch it", "")}
		r.must(upgrade.Held, steps...)
		rep := r.must(upgrade.Succeeded, steps...)
		if h := rep.Holds; len(h) != 1 || h[0].Until.IsZero() {
			t.Errorf("held %+v", h)
		}
		r.must(upgrade.AlreadyDone, steps...)
	})
	bubble(t, func(t *testing.T, r *rig) {
		steps := []upgrade.Step{r.step("one"), upgrade.Hold("night", ""), r.step("two")}
		r.crash(at(upgrade.KindHeld, "night"), true, steps...)
		r.must(upgrade.Held, steps...)
		r.must(upgrade.Succeeded, steps...)
	})
}

// No act begins outside the window: before it opens the run waits, looking is free.
func TestWindowOpensIsWaitedFor(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		opens := time.Now().Add(5 * time.Hour)
		r.o.Opens = opens
		s := r.step("one")
		rep := r.must(upgrade.Succeeded, upgrade.Confirm("sure", "Sure?"), s)
		if acted := stepReport(t, rep, "one").Acted; acted.Before(opens) {
			t.Errorf("acted at %s, and the window opens at %s", acted, opens)
		}
		if a := rep.Answers[0].At; !a.Before(opens) {
			t.Errorf("asked only at %s", a)
		}
		said := 0
		for _, e := range r.events {
			if e.Kind == upgrade.EventWindow {
				said++
			}
		}
		if said != 1 || len(r.records(upgrade.KindWaiting)) != 1 {
			t.Errorf("said %d times that it waits", said)
		}
	})
	bubble(t, func(t *testing.T, r *rig) { // and a cancel ends the wait
		r.o.Opens = time.Now().Add(5 * time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err := r.runCtx(ctx, r.step("one"))
		if !errors.Is(err, upgrade.ErrCancelled) || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// After it closed nothing begins, by whomever; what is under way is looked at to its end, and the next window goes on.
func TestWindowClosesHolds(t *testing.T) {
	for _, hand := range []bool{false, true} {
		bubble(t, func(t *testing.T, r *rig) {
			two := r.step("two")
			if hand {
				two = byHand(two)
			}
			steps := []upgrade.Step{r.step("one"), two}
			r.o.Closes = time.Now().Add(2 * time.Minute)
			rep, err := r.run(steps...)
			if !errors.Is(err, upgrade.ErrHeld) || len(r.asked) > 0 {
				t.Fatalf("%v; asked %v", err, r.asked)
			}
			wantText(t, err.Error(), "the window closed at")
			if s := stepReport(t, rep, "one"); s.Status != upgrade.StatusDone {
				t.Errorf("what was under way is %+v", s)
			}
			r.pressed(0, "two")
			r.o.Closes = time.Time{}
			r.must(upgrade.Succeeded, steps...)
		})
	}
}

// Not even when it closes while guards and effects are looked at, or while an appliance is waited for.
func TestWindowThatClosesDuringTheGuardsHolds(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		began := time.Now()
		r.guards = []upgrade.Guard{{Name: "slow", Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
			time.Sleep(time.Minute)
			return upgrade.See(upgrade.Done, nil, "fine"), nil
		}}}
		r.o.Closes = began.Add(90 * time.Second)
		r.must(upgrade.Held, r.step("one"))
		r.pressed(0, "one")
	})
	bubble(t, func(t *testing.T, r *rig) {
		r.o.Closes = time.Now().Add(2 * time.Minute)
		_, err := r.run(upgrade.Together("t", 2, r.step("one"), r.step("two")))
		if !errors.Is(err, upgrade.ErrHeld) || r.presses["one"]+r.presses["two"] != 1 {
			t.Errorf("%v; pressed %v", err, r.presses)
		}
	})
}

// What would be sent again after the window closed is not, and then its outcome is unknown.
func TestWindowThatClosedSendsNothingAgain(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.dead(1, nil)
		s.Again, s.Settle = upgrade.IfNotBegun, 10*time.Minute
		r.o.Closes = time.Now().Add(time.Minute)
		r.must(upgrade.UnknownEnd, s)
		r.pressed(1, "one")
	})
}

// A resumed step may end outside the window: proving is no act.
func TestWindowIsNotForLooking(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.step("one")
		r.crash(at(upgrade.KindSent, "one"), true, s)
		r.o.Closes = time.Now().Add(-time.Hour)
		r.must(upgrade.Succeeded, s)
	})
}

func TestWindowThatNeverOpensIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.o.Opens, r.o.Closes = time.Now().Add(2*time.Hour), time.Now().Add(time.Hour)
		if _, err := r.run(r.step("one")); err == nil || !strings.Contains(err.Error(), "not before") {
			t.Errorf("err = %v", err)
		}
	})
}

// A confirmation asks; no is blocked; the answer stands, and the report says who gave it.
func TestConfirmAsksAPerson(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.o.Operator = r.listen(answers(upgrade.AnswerNo))
		steps := []upgrade.Step{upgrade.ConfirmWord("overwrite", "B overwrites A. Type the name of the one that survives.", "pra-b"), r.step("one")}
		_, err := r.run(steps...)
		if se := stepError(t, err); se.Outcome != upgrade.BlockedRun || !strings.Contains(se.Seen.Detail, `answered "no"`) {
			t.Errorf("no: %v", err)
		}
		r.o.Operator = r.listen(answers("pra-b"))
		rep := r.must(upgrade.Succeeded, steps...)
		if a := rep.Answers; len(a) != 2 || a[1].Answer != "pra-b" || a[1].By != "tester" || a[1].Step != "overwrite" {
			t.Errorf("answers %+v", a)
		}
		r.o.Operator = nil
		r.must(upgrade.AlreadyDone, steps...)
		if len(r.asked) != 2 {
			t.Errorf("asked %d times", len(r.asked))
		}
		wantText(t, rep.String(), "tester", "pra-b")
	})
}
