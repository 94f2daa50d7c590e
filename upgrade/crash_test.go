package upgrade_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

// everything is a procedure that uses every feature of the engine, on a toy that keeps the books.
func everything(b *toy) upgradetest.Trial {
	b.lag = 20 * time.Second // after a press nothing shows for a while: the trap for who forgets that he pressed
	if b.values["throttle"] == "" {
		b.values["throttle"], b.values["banner"] = "0", "welcome"
	}
	return upgradetest.Trial{Procedure: procedure(b, b.takes), Options: upgrade.Options{Operator: person(b)}, Truth: b.truth}
}

// procedure is everything's, also for a toy in another process.
func procedure(b box, takes time.Duration) upgrade.Procedure {
	step := func(name string) upgrade.Step { return turn(b, takes, name) }
	free := func(s upgrade.Step) upgrade.Step { s.Again = upgrade.Freely; return s }
	settled := func(s upgrade.Step) upgrade.Step { s.Again, s.Settle = upgrade.IfNotBegun, 2*takes; return s }
	until := func(s upgrade.Step, end string) upgrade.Step { s.Until = end; return s }
	on := func(s upgrade.Step, appliance string) upgrade.Step { s.On = []string{appliance}; return s }
	blind := func(name string) upgrade.Step { s := step(name); s.Observe = nil; return s }
	shy := byHand(step("pressed by hand, for the page driver gives up"))
	shy.Act = func(context.Context, *slog.Logger) error { return upgrade.ErrNotPressed }
	lossy := settled(step("loses its answer"))
	act := lossy.Act
	lossy.Act = func(ctx context.Context, log *slog.Logger) error { return errors.Join(act(ctx, log), errLost) }
	backup := free(step("backup"))
	backup.EachRun = true
	check := upgrade.Step{Name: "check", Observe: see(upgrade.Done, "all is well")}
	told := byHand(step("told"))
	told.Observe = nil
	return upgrade.Procedure{
		Name: "everything", Source: "a guide of our own",
		Guards: []upgrade.Guard{{Name: "same toy", On: []string{"toy"}, Observe: func(_ context.Context, l upgrade.Look) (upgrade.Observation, error) {
			if l.Since != nil && text(l.Since.Before) != "toy" {
				return upgrade.See(upgrade.Blocked, "toy", "another toy"), nil
			}
			return upgrade.See(upgrade.Done, "toy", "the same toy"), nil
		}}},
		Steps: []upgrade.Step{
			check.At("1"),
			upgrade.Confirm("drained", "Is all traffic drained?").At("2"),
			backup,
			step("never").At("3"),
			lossy,
			byHand(step("by hand")),
			shy,
			blind("blind"),
			told,
			setting(b, "throttle", "5"),
			until(step("break failover"), "establish"),
			upgrade.Group("first half",
				setting(b, "banner", "we are back soon"),
				upgrade.Whole("without redundancy", until(step("power off"), "power on"), settled(step("reboot")), step("power on")),
			),
			upgrade.Hold("second window", "the site has no failover"),
			upgrade.Together("both", 2, on(step("left"), "a"), on(settled(step("right")), "b"), on(step("left again"), "a")),
			step("establish"),
		},
	}
}

// truth is what the toy's own books say at the end: no act twice, each once, and everything put back.
func (b *toy) truth(rep *upgrade.Report, err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var wrong []error
	if err != nil {
		wrong = append(wrong, fmt.Errorf("the last run: %w", err))
	}
	for _, name := range []string{"never", "loses its answer", "by hand", "pressed by hand, for the page driver gives up", "blind", "told",
		"break failover", "power off", "reboot", "power on", "left", "right", "left again", "establish"} {
		if n := b.presses[name]; n != 1 {
			wrong = append(wrong, fmt.Errorf("%q was pressed %d times", name, n))
		}
	}
	for change, n := range b.sets {
		if n != 1 {
			wrong = append(wrong, fmt.Errorf("%q was set %d times", change, n))
		}
	}
	if b.values["throttle"] != "0" || b.values["banner"] != "welcome" {
		wrong = append(wrong, fmt.Errorf("left behind: %v", b.values))
	}
	if rep != nil && (len(rep.Owed) > 0 || !rep.Outcome.Good()) {
		wrong = append(wrong, fmt.Errorf("the report says %s and owes %v", rep.Outcome, rep.Owed))
	}
	return errors.Join(wrong...)
}

// redo is what an intent in a journal did to a toy that was made anew.
func (b *toy) redo(intent upgrade.Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	name := intent.Path
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '/' && name[i:] != "/restore" {
			name = name[i+1:]
			break
		}
	}
	switch change := map[string][2]string{
		"set throttle": {"throttle", "5"}, "set throttle/restore": {"throttle", "0"},
		"set banner": {"banner", "we are back soon"}, "set banner/restore": {"banner", "welcome"},
	}[name]; {
	case change[0] != "":
		b.values[change[0]] = change[1]
		b.sets[change[0]+"="+change[1]]++
	default:
		b.at[name] = intent.At
		b.presses[name]++
	}
}

// Ended at every journal and act boundary, no act is sent twice, and every procedure comes to its end.
func TestCrashAtEveryBoundary(t *testing.T) {
	upgradetest.TestCrash(t, func(t *testing.T) upgradetest.Trial { return everything(newToy(3 * time.Minute)) })
}

// A person who only ever says stop gets no second act either: the procedure ends done, or unknown.
func TestCrashAtEveryBoundaryWithAPersonWhoStops(t *testing.T) {
	upgradetest.TestCrash(t, func(t *testing.T) upgradetest.Trial {
		b := newToy(3 * time.Minute)
		trial := everything(b)
		op := trial.Options.Operator
		trial.Options.Operator = upgrade.OperatorFunc(func(ctx context.Context, q upgrade.Question) (upgrade.Answer, error) {
			if q.Kind == upgrade.AskDecide {
				return upgrade.Answer{Text: upgrade.AnswerStop}, nil
			}
			return op.Ask(ctx, q)
		})
		trial.Truth = func(rep *upgrade.Report, err error) error {
			if err == nil {
				return b.truth(rep, err)
			}
			for name, n := range b.presses {
				if n > 1 && name != "backup" {
					return fmt.Errorf("%q was pressed %d times", name, n)
				}
			}
			if !errors.Is(err, upgrade.ErrUnknown) {
				return err
			}
			return nil
		}
		return trial
	})
}

// With consents in front of the person, too.
func TestCrashBehindConsents(t *testing.T) {
	upgradetest.TestCrashes(t, 30, 20260506, func(t *testing.T) upgradetest.Trial {
		trial := everything(newToy(3 * time.Minute))
		q := upgrade.Question{Kind: upgrade.AskConfirm, Step: "drained", Ref: "2", Text: "Is all traffic drained?", Options: []string{upgrade.AnswerYes, upgrade.AnswerNo}}
		trial.Options.Operator = &upgrade.Consents{Given: []upgrade.Consent{{Step: q.Step, Question: q.Hash(), Answer: upgrade.AnswerYes, By: "Anna"}}, Or: trial.Options.Operator}
		truth := trial.Truth
		trial.Truth = func(rep *upgrade.Report, err error) error {
			if rep == nil || rep.Answers[0].By != "Anna (beforehand)" {
				err = errors.Join(err, fmt.Errorf("answers %+v", rep.Answers))
			}
			return truth(rep, err)
		}
		return trial
	})
}

// So it is on real files.
func TestCrashOnFiles(t *testing.T) {
	upgradetest.TestCrashes(t, 12, 20260505, func(t *testing.T) upgradetest.Trial {
		trial := everything(newToy(3 * time.Minute))
		path := t.TempDir() + "/j"
		trial.Open = func() (upgrade.Journal, error) { return upgrade.OpenJournal(path) }
		return trial
	})
}

// And crashed again while it goes on, and again.
func TestCrashSeveralTimesInARow(t *testing.T) {
	upgradetest.TestCrashes(t, 100, 20260504, func(t *testing.T) upgradetest.Trial { return everything(newToy(3 * time.Minute)) })
}

// An engine that journals after success only fails the very same test: the test can fail.
func TestCrashTheTestFailsAnEngineThatJournalsAfterSuccessOnly(t *testing.T) {
	boundaries, err := upgradetest.Sweep(t, func(t *testing.T) upgradetest.Trial {
		trial := everything(newToy(3 * time.Minute))
		j := upgrade.NoJournal()
		trial.Open = func() (upgrade.Journal, error) { return upgradetest.AfterSuccess(j), nil }
		return trial
	})
	if err == nil {
		t.Fatalf("it passed at all %d boundaries", boundaries)
	}
	wantText(t, err.Error(), "pressed 2 times")
	t.Logf("as it should: %v", err)
}
