package upgrade_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
)

// watch is a guard that counts, and says what it is told to.
func (r *rig) watch(say func(l upgrade.Look) (upgrade.Observation, error)) (looks func() int) {
	n := 0
	r.guards = append(r.guards, upgrade.Guard{Name: "watch", On: []string{"toy"}, Observe: func(_ context.Context, l upgrade.Look) (upgrade.Observation, error) {
		r.set("guard", "looked")
		n++
		if say == nil {
			return upgrade.See(upgrade.Done, nil, "fine"), nil
		}
		return say(l)
	}})
	return func() int { return n }
}

// Guards are looked at before every act: of the machine, of a person, of a restore; not for a check.
func TestGuardIsLookedAtBeforeEveryAct(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.values["a"] = "1"
		looks := r.watch(nil)
		check := upgrade.Step{Name: "check", Observe: see(upgrade.Done, "")}
		r.must(upgrade.Succeeded, check, setting(r, "a", "x"), r.step("one"), r.blind("two"), r.byHand("three"))
		if looks() != 6 { // when the run begins, and before: set, one, two, three, reset
			t.Errorf("looked %d times", looks())
		}
		for i, did := range r.log {
			if did == "set guard=looked" || did[:4] == "look" {
				continue
			}
			j := i - 1
			for j >= 0 && r.log[j][:4] == "look" {
				j--
			}
			if j < 0 || r.log[j] != "set guard=looked" {
				t.Errorf("%q was done without a look at the guard: %q", did, r.log[:i])
			}
		}
	})
}

// Since is the guard's first look in this journal: a pin outlives the process.
func TestGuardPinOutlivesTheProcess(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		path := t.TempDir() + "/j"
		j := openJournal(t, path)
		r.o.Journal = j
		serves := "A"
		looks := r.watch(func(l upgrade.Look) (upgrade.Observation, error) {
			if l.Since != nil && string(l.Since.Before) != `"`+serves+`"` {
				return upgrade.See(upgrade.Blocked, serves, "%s answers, and it was %s", serves, l.Since.Before), nil
			}
			return upgrade.See(upgrade.Done, serves, "%s answers", serves), nil
		})
		steps := []upgrade.Step{r.step("one"), upgrade.Hold("night", ""), r.step("two")}
		r.must(upgrade.Held, steps...)
		j.Close()
		if looks() != 2 || len(r.records(upgrade.KindGuard)) != 1 {
			t.Errorf("%d looks, %d pins", looks(), len(r.records(upgrade.KindGuard)))
		}
		serves = "B"
		r.o.Journal = openJournal(t, path)
		_, err := r.run(steps...)
		if se := stepError(t, err); se.Step != "guard watch" || se.Outcome != upgrade.BlockedRun {
			t.Errorf("ended %v", err)
		}
		wantText(t, err.Error(), `B answers, and it was "A"`)
		r.pressed(0, "two")
	})
}

// A broken guard stops before the act, and says before which.
func TestGuardBlockedStops(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.watch(func(upgrade.Look) (upgrade.Observation, error) {
			if n, _ := r.count("one"); n > 0 {
				return upgrade.See(upgrade.Blocked, nil, "two primaries"), nil
			}
			return upgrade.See(upgrade.Done, nil, "fine"), nil
		})
		rep, err := r.run(r.step("one"), r.step("two"))
		if !errors.Is(err, upgrade.ErrBlocked) {
			t.Fatal(err)
		}
		wantText(t, err.Error(), `before "two"`, "two primaries")
		r.pressed(1, "one")
		r.pressed(0, "two")
		if s := stepReport(t, rep, "guard watch"); s.Status != upgrade.StatusStopped {
			t.Errorf("the guard is %+v", s)
		}
	})
}

// On resume guards come first; what an earlier run left under way is then unknown.
func TestGuardBlockedOnResumeLeavesAnActUnknown(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		bad := false
		r.watch(func(upgrade.Look) (upgrade.Observation, error) {
			if bad {
				return upgrade.See(upgrade.Blocked, nil, "two primaries"), nil
			}
			return upgrade.See(upgrade.Done, nil, "fine"), nil
		})
		s := r.step("one")
		r.crash(at(upgrade.KindSent, "one"), true, s)
		_, before := r.count("one")
		bad = true
		r.must(upgrade.UnknownEnd, s)
		if _, looks := r.count("one"); looks != before {
			t.Error("looked at the step before the guards")
		}
	})
}

// One that cannot tell is waited for to its limit, then the run stops.
func TestGuardThatCannotTellWaitsThenStops(t *testing.T) {
	for name, cannot := range map[string]func() (upgrade.Observation, error){
		"an error": func() (upgrade.Observation, error) { return upgrade.Observation{}, errLost },
		"unknown":  func() (upgrade.Observation, error) { return upgrade.Observation{Detail: "no answer"}, nil },
		"pending":  func() (upgrade.Observation, error) { return upgrade.See(upgrade.Pending, nil, "not yet"), nil },
		"ready":    func() (upgrade.Observation, error) { return upgrade.See(upgrade.Ready, nil, "what?"), nil },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				r.watch(func(upgrade.Look) (upgrade.Observation, error) { return cannot() })
				r.guards[0].Limit = 7 * time.Minute
				began := time.Now()
				_, err := r.run(r.step("one"))
				if !errors.Is(err, upgrade.ErrBlocked) || time.Since(began) != 7*time.Minute {
					t.Errorf("after %s: %v", time.Since(began), err)
				}
				wantText(t, err.Error(), "could not be told")
				r.pressed(0, "one")
			})
			bubble(t, func(t *testing.T, r *rig) { // and goes on when it can
				n := 0
				r.watch(func(upgrade.Look) (upgrade.Observation, error) {
					if n++; n%3 != 0 {
						return cannot()
					}
					return upgrade.See(upgrade.Done, nil, "fine"), nil
				})
				r.must(upgrade.Succeeded, r.step("one"))
			})
		})
	}
}

// Except for a box that an unfinished step has taken down on purpose.
func TestGuardThatCannotTellOfABoxTakenDownOnPurpose(t *testing.T) {
	blind := func(r *rig, off string) func(upgrade.Look) (upgrade.Observation, error) {
		return func(upgrade.Look) (upgrade.Observation, error) {
			if pressed, _, _ := r.state(off); pressed {
				return upgrade.Observation{}, errLost
			}
			return upgrade.See(upgrade.Done, nil, "fine"), nil
		}
	}
	steps := func(r *rig, down bool) []upgrade.Step {
		off := r.step("power off")
		off.Until = "power on"
		if down {
			off.Down = []string{"toy"}
		}
		return []upgrade.Step{off, r.on("other", "two"), r.on("other", "power on"), r.on("other", "last")}
	}
	bubble(t, func(t *testing.T, r *rig) { // it is off until "power on" begins
		r.watch(blind(r, "power off"))
		_, err := r.run(steps(r, true)...)
		if se := stepError(t, err); se.Step != "guard watch" { // which has begun: now the guard must be able to tell
			t.Fatal(err)
		}
		r.pressed(1, "two", "power on")
		r.pressed(0, "last")
	})
	bubble(t, func(t *testing.T, r *rig) { // a step that lasts, but takes nothing down, excuses nothing
		r.watch(blind(r, "power off"))
		r.must(upgrade.BlockedRun, steps(r, false)...)
		r.pressed(0, "two")
	})
	bubble(t, func(t *testing.T, r *rig) { // a sibling's reboot
		r.watch(blind(r, "reboot"))
		reboot := r.on("toy", "reboot")
		reboot.Down = []string{"toy"}
		second := r.on("b", "second")
		second.Observe = func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
			if n, _ := r.count("reboot"); n == 0 {
				return upgrade.See(upgrade.Unknown, nil, "after the reboot"), nil
			}
			return r.look("second")(ctx, l)
		}
		r.must(upgrade.Succeeded, upgrade.Together("t", 2, reboot, second))
	})
	bubble(t, func(t *testing.T, r *rig) { // on resume in mid-reboot: nothing acts before that is proven
		r.watch(func(upgrade.Look) (upgrade.Observation, error) {
			if pressed, since, _ := r.state("reboot"); pressed && since < r.takes {
				return upgrade.Observation{}, errLost
			}
			return upgrade.See(upgrade.Done, nil, "fine"), nil
		})
		steps := []upgrade.Step{r.step("reboot"), r.step("two")}
		r.crash(at(upgrade.KindSent, "reboot"), true, steps...)
		r.must(upgrade.Succeeded, steps...)
		r.pressed(1, "reboot", "two")
	})
	bubble(t, func(t *testing.T, r *rig) { // but who would send it again needs the guard
		down := false
		r.watch(func(upgrade.Look) (upgrade.Observation, error) {
			if down {
				return upgrade.Observation{}, errLost
			}
			return upgrade.See(upgrade.Done, nil, "fine"), nil
		})
		s := r.dead(1, nil)
		s.Down, s.Again, s.Settle = []string{"toy"}, upgrade.IfNotBegun, time.Minute
		act := s.Act
		s.Act = func(ctx context.Context, log *slog.Logger) error { down = true; return act(ctx, log) }
		r.must(upgrade.UnknownEnd, s)
		r.pressed(1, "one")
	})
}

// A guard whose only channel is a person is asked before acts that are never sent twice, and on resume, and not before others.
func TestGuardOfAPersonIsAskedBeforeNeverActsAndOnResumeOnly(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.guards = []upgrade.Guard{{Name: "roles", Observe: func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
			a, err := l.Ask(ctx, upgrade.Question{Kind: upgrade.AskConfirm, Text: "Is A still primary?", Options: []string{"yes", "no"}})
			if err != nil || a == "no" {
				return upgrade.See(upgrade.Blocked, nil, "it is not"), err
			}
			return upgrade.See(upgrade.Done, nil, "it is"), nil
		}}}
		asked := func(when string, want int) {
			t.Helper()
			if len(r.asked) != want {
				t.Errorf("%s: asked %d times, want %d", when, len(r.asked), want)
			}
			r.asked = nil
		}
		free, twice := r.step("free"), r.step("twice")
		free.Again = upgrade.Freely
		twice.Again, twice.Settle = upgrade.IfNotBegun, time.Minute
		steps := []upgrade.Step{free, twice, r.step("never"), upgrade.Hold("night", ""), free, r.step("never 2")}
		steps[4].Name = "free 2"
		r.must(upgrade.Held, steps...)
		asked("first run: at its beginning, before never", 2)
		r.must(upgrade.Succeeded, steps...)
		asked("second run: on resume, before never 2", 2)
	})
	bubble(t, func(t *testing.T, r *rig) { // nobody there: nothing is done
		r.o.Operator = nil
		r.guards = []upgrade.Guard{{Name: "roles", Observe: func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
			_, err := l.Ask(ctx, upgrade.Question{Kind: upgrade.AskConfirm, Text: "Is A still primary?"})
			return upgrade.See(upgrade.Done, nil, "it is"), err
		}}}
		_, err := r.run(r.step("one"))
		if !errors.Is(err, upgrade.ErrBlocked) || !errors.Is(err, upgrade.ErrNoOperator) {
			t.Errorf("ended %v", err)
		}
	})
	bubble(t, func(t *testing.T, r *rig) { // who cannot tell says when to look again
		r.o.Operator = r.listen(upgrade.OperatorFunc(func(_ context.Context, q upgrade.Question) (upgrade.Answer, error) {
			if q.Kind == upgrade.AskLook {
				time.Sleep(time.Hour)
			}
			return upgrade.Answer{Text: "yes"}, nil
		}))
		n := 0
		r.guards = []upgrade.Guard{{Name: "roles", Observe: func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
			_, err := l.Ask(ctx, upgrade.Question{Kind: upgrade.AskConfirm, Text: "Is A still primary?"})
			if n++; n < 4 {
				return upgrade.See(upgrade.Unknown, nil, "one more time"), err
			}
			return upgrade.See(upgrade.Done, nil, "it is"), err
		}}}
		r.must(upgrade.AlreadyDone, upgrade.Step{Name: "check", Observe: see(upgrade.Done, "")})
		q, l := upgrade.AskConfirm, upgrade.AskLook
		if want := []upgrade.QuestionKind{q, l, q, l, q, l, q}; !slices.Equal(r.kinds(), want) {
			t.Errorf("asked %q", r.kinds())
		}
	})
}

// A guard's reason may be that the appliance came back as it was.
func TestGuardMayFindReverted(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.watch(func(upgrade.Look) (upgrade.Observation, error) {
			return upgrade.See(upgrade.Blocked, nil, "old version"), upgrade.ErrReverted
		})
		r.must(upgrade.Reverted, r.step("one"))
	})
}

// A cancel while a guard cannot tell is a cancel.
func TestGuardWaitEndsWithTheContext(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r.watch(func(upgrade.Look) (upgrade.Observation, error) { return upgrade.Observation{}, errLost })
		_, err := r.runCtx(ctx, r.step("one"))
		if !errors.Is(err, upgrade.ErrCancelled) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended %v", err)
		}
	})
}
