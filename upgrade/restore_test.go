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

// Temporary changes are put back when their group ends, last first: the procedure is the outermost group.
func TestRestoreRunsWhenItsGroupEndsInReverseOrder(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.values["a"], r.values["b"], r.values["c"] = "1", "2", "3"
		rep := r.must(upgrade.Succeeded,
			setting(r, "a", "x"),
			upgrade.Group("g", setting(r, "b", "y"), setting(r, "c", "z"), r.step("one")),
			r.step("two"))
		want := []string{"set a=x", "set b=y", "set c=z", "press one", "set c=3", "set b=2", "press two", "set a=1"}
		if did := r.did(); !slices.Equal(did, want) {
			t.Errorf("did  %q\nwant %q", did, want)
		}
		if len(rep.Owed) > 0 {
			t.Errorf("owed %+v", rep.Owed)
		}
		if s := stepReport(t, rep, "g/set b/restore"); s.Status != upgrade.StatusDone || s.Acts != 1 {
			t.Errorf("the restore is %+v", s)
		}
	})
}

// It puts back what was seen before the act, also after a restart, and what was never set is not touched.
func TestRestorePutsBackWhatWasSeenBefore(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.values["a"], r.values["b"] = "as it was", "y"
		steps := []upgrade.Step{setting(r, "a", "x"), setting(r, "b", "y"), upgrade.Hold("night", ""), r.step("one")}
		rep := r.must(upgrade.Held, steps...)
		if len(rep.Owed) != 1 || rep.Owed[0].Path != "set a" || string(rep.Owed[0].Before) != `"as it was"` {
			t.Errorf("owed %+v", rep.Owed)
		}
		if r.values["a"] != "x" {
			t.Error("put back while the procedure is held")
		}
		r.must(upgrade.Succeeded, steps...)
		if r.values["a"] != "as it was" || r.values["b"] != "y" || r.sets["b=y"] != 0 {
			t.Errorf("values %v", r.values)
		}
	})
}

// A restore is a compare-and-set: what a person chose meanwhile is reported and left.
func TestRestoreLeavesAPersonsChange(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.values["a"] = "1"
		steps := []upgrade.Step{setting(r, "a", "x"), upgrade.Hold("night", ""), r.step("one")}
		r.must(upgrade.Held, steps...)
		r.set("a", "by hand")
		rep := r.must(upgrade.Succeeded, steps...)
		if r.values["a"] != "by hand" {
			t.Errorf("overwrote a person's change with %q", r.values["a"])
		}
		if s := stepReport(t, rep, "set a/restore"); s.Status != upgrade.StatusLeft || len(rep.Owed) > 0 {
			t.Errorf("the report says %+v, owed %+v", s, rep.Owed)
		}
		wantText(t, rep.String(), `somebody made a "by hand"`)
		r.must(upgrade.AlreadyDone, steps...)
	})
	bubble(t, func(t *testing.T, r *rig) { // also between a restore's act and its proof, over a crash
		r.values["a"] = "1"
		steps := []upgrade.Step{setting(r, "a", "x"), r.step("one")}
		r.crash(at(upgrade.KindSent, "set a/restore"), true, steps...)
		r.set("a", "by hand")
		rep := r.must(upgrade.Succeeded, steps...)
		if s := stepReport(t, rep, "set a/restore"); s.Status != upgrade.StatusLeft || r.values["a"] != "by hand" {
			t.Errorf("the restore is %+v", s)
		}
	})
}

// A restore is as crash-safe as any step: it is sent once.
func TestRestoreIsSentOnceOverCrashes(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.values["a"] = "1"
		steps := []upgrade.Step{setting(r, "a", "x"), r.step("one")}
		for range 2 {
			r.crash(at(upgrade.KindDone, "set a/restore"), true, steps...)
		}
		r.must(upgrade.Succeeded, steps...)
		if r.sets["a=x"] != 1 || r.sets["a=1"] != 1 {
			t.Errorf("set %v", r.sets)
		}
	})
}

// Restores ignore hours.
func TestRestoreIgnoresHours(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.values["a"] = "1"
		r.o.Closes = time.Now().Add(time.Minute) // it closes while the step is under way
		r.must(upgrade.Succeeded, setting(r, "a", "x"), r.step("one"))
		if r.values["a"] != "1" {
			t.Errorf("a is %q", r.values["a"])
		}
	})
}

// What stays set when a run fails stays set as long as it may be gone on with, is owed, and is put back by Abandon.
func TestRestoreOnAbandonInReverseOrder(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.values["a"], r.values["b"] = "1", "2"
		bad := r.step("bad")
		bad.Observe, bad.Limit = stuck, time.Minute
		steps := []upgrade.Step{setting(r, "a", "x"), upgrade.Group("g", setting(r, "b", "y"), bad)}
		rep := r.must(upgrade.UnknownEnd, steps...)
		if len(rep.Owed) != 2 || r.values["a"] != "x" {
			t.Errorf("owed %+v, values %v", rep.Owed, r.values)
		}
		wantText(t, rep.Next, "still to be put back", "set a", "g/set b")
		wantText(t, rep.String(), "Temporary changes not put back", `before: "1"`)
		r.did()

		r.o.Closes = time.Now().Add(-time.Hour)
		rep, err := upgrade.Abandon(t.Context(), r.procedure(steps...), &r.o)
		if err != nil || !rep.Abandoned || len(rep.Owed) > 0 || rep.Outcome != upgrade.Cancelled {
			t.Fatalf("Abandon = %+v, %v", rep, err)
		}
		if did := r.did(); !slices.Equal(did, []string{"set b=2", "set a=1"}) {
			t.Errorf("did %q", did)
		}
		wantText(t, rep.Next, "look at the appliance yourself", "g/bad") // which acted, and nobody knows

		if _, err := r.run(steps...); err == nil {
			t.Error("an abandoned journal was run again")
		}
		again, err := upgrade.Abandon(t.Context(), r.procedure(steps...), &r.o)
		if err != nil || !again.Abandoned || len(r.did()) > 0 {
			t.Errorf("abandoned twice: %+v, %v", again, err)
		}
	})
}

// When one cannot be put back the others are, it stays owed, and Abandon may be called again.
func TestRestoreThatFailsStaysOwed(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.values["a"], r.values["b"] = "1", "2"
		failing := true
		b := setting(r, "b", "y")
		restore := b.Restore
		b.Restore = func(since upgrade.Mark) upgrade.Step {
			s := restore(since)
			act := s.Act
			s.Act = func(ctx context.Context, log *slog.Logger) error {
				if failing {
					return upgrade.ErrRefused
				}
				return act(ctx, log)
			}
			return s
		}
		steps := []upgrade.Step{setting(r, "a", "x"), b, upgrade.Hold("night", "")}
		r.must(upgrade.Held, steps...)

		rep, err := upgrade.Abandon(t.Context(), r.procedure(steps...), &r.o)
		if !errors.Is(err, upgrade.ErrFailed) || rep.Abandoned || rep.Outcome != upgrade.Failed {
			t.Fatalf("Abandon = %+v, %v", rep, err)
		}
		if len(rep.Owed) != 1 || rep.Owed[0].Path != "set b" || r.values["a"] != "1" {
			t.Errorf("owed %+v, values %v", rep.Owed, r.values)
		}
		wantText(t, rep.Owed[0].Detail, "refused")
		failing = false
		rep, err = upgrade.Abandon(t.Context(), r.procedure(steps...), &r.o)
		if err != nil || !rep.Abandoned || len(rep.Owed) > 0 || r.values["b"] != "2" || r.sets["a=1"] != 1 {
			t.Errorf("Abandon again = %+v, %v; values %v", rep, err, r.values)
		}
	})
	bubble(t, func(t *testing.T, r *rig) { // at the end of its group it ends the run, and the next run tries again
		r.values["a"] = "1"
		broken := true
		a := setting(r, "a", "x")
		restore := a.Restore
		a.Restore = func(since upgrade.Mark) upgrade.Step {
			if broken {
				panic("boom")
			}
			return restore(since)
		}
		_, err := r.run(a, r.step("one"))
		if se := stepError(t, err); se.Outcome != upgrade.Failed || se.Step != "set a/restore" {
			t.Errorf("ended %v", err)
		}
		broken = false
		r.must(upgrade.Succeeded, a, r.step("one"))
		r.pressed(1, "one")
	})
}

// What is given up needs no effect to last any more; but guards still hold.
func TestRestoreOnAbandonNeedsGuardsButNoEffects(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.values["a"] = "1"
		guard := upgrade.Done
		r.guards = []upgrade.Guard{{Name: "g", Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
			return upgrade.See(guard, nil, "as it is"), nil
		}}}
		broken := r.step("break failover")
		broken.Until = "establish"
		steps := []upgrade.Step{broken, setting(r, "a", "x"), upgrade.Hold("night", ""), r.step("establish")}
		r.must(upgrade.Held, steps...)
		r.release("break failover") // established by hand: that is why it is given up
		guard = upgrade.Blocked
		if rep, err := upgrade.Abandon(t.Context(), r.procedure(steps...), &r.o); !errors.Is(err, upgrade.ErrBlocked) || len(rep.Owed) != 1 || r.values["a"] != "x" {
			t.Errorf("with a broken guard: %v, values %v", err, r.values)
		}
		guard = upgrade.Done
		if _, err := upgrade.Abandon(t.Context(), r.procedure(steps...), &r.o); err != nil || r.values["a"] != "1" {
			t.Errorf("Abandon: %v, values %v", err, r.values)
		}
	})
}

// Abandon goes on where a crash ended it.
func TestRestoreOnAbandonOverACrash(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.values["a"], r.values["b"] = "1", "2"
		steps := []upgrade.Step{setting(r, "a", "x"), setting(r, "b", "y"), upgrade.Hold("night", "")}
		r.must(upgrade.Held, steps...)
		o := r.o
		ctx, cancel := context.WithCancel(t.Context())
		o.Journal = &dyingJournal{Journal: r.o.Journal, when: at(upgrade.KindSent, "set b/restore"), before: true, die: cancel}
		upgrade.Abandon(ctx, r.procedure(steps...), &o)
		rep, err := upgrade.Abandon(t.Context(), r.procedure(steps...), &r.o)
		if err != nil || !rep.Abandoned || r.sets["b=2"] != 1 || r.sets["a=1"] != 1 {
			t.Errorf("Abandon = %+v, %v; set %v", rep, err, r.sets)
		}
	})
}

func TestRestoreRefusals(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		p := r.procedure(r.step("one"))
		if _, err := upgrade.Abandon(t.Context(), p, &r.o); err == nil {
			t.Error("an empty journal was abandoned")
		}
		o := r.o
		o.DryRun = true
		if _, err := upgrade.Abandon(t.Context(), p, &o); err == nil {
			t.Error("Abandon in a dry run")
		}
		r.must(upgrade.Succeeded, r.step("one"))
		if _, err := upgrade.Abandon(t.Context(), upgrade.Procedure{Name: "other", Steps: []upgrade.Step{r.step("one")}}, &r.o); !errors.Is(err, upgrade.ErrChanged) {
			t.Errorf("another procedure's journal: %v", err)
		}
	})
	for name, bad := range map[string]upgrade.Step{
		"it cannot look":    {Name: "reset", Act: func(context.Context, *slog.Logger) error { return nil }},
		"it has children":   upgrade.Group("reset", upgrade.Step{Name: "x", Observe: see(upgrade.Done, "")}),
		"it is a hold":      upgrade.Hold("reset", ""),
		"it is no step":     {},
		"it makes no sense": {Name: "reset", Observe: see(upgrade.Done, ""), Again: upgrade.IfNotBegun},
	} {
		bubble(t, func(t *testing.T, r *rig) {
			s := setting(r, "a", "x")
			s.Restore = func(upgrade.Mark) upgrade.Step { return bad }
			if rep, err := r.run(s); !errors.Is(err, upgrade.ErrFailed) || len(rep.Owed) != 1 {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// A restore that acts on another appliance than its step waits for it like everybody else.
func TestRestoreTakesItsOwnAppliances(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		g := newGauge()
		temporary := func(name, on string) upgrade.Step {
			s := g.step(name, time.Minute, on)
			s.Restore = func(upgrade.Mark) upgrade.Step { return g.step("back", time.Minute, "dns") }
			return s
		}
		r.must(upgrade.Succeeded, upgrade.Together("t", 2, upgrade.Group("a", temporary("one", "a")), upgrade.Group("b", temporary("two", "b"))))
		if g.most["dns"] != 1 || g.most[""] != 2 {
			t.Errorf("at once %v", g.most)
		}
	})
}

// And it is locked against other runs, too.
func TestRestoreLocksItsOwnAppliances(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.o.LockDir = t.TempDir()
		other := r.o
		other.Journal = upgrade.NoJournal()
		on := func() error {
			_, err := upgrade.Step{Name: "elsewhere", On: []string{"dns"}, Observe: see(upgrade.Done, "")}.Run(t.Context(), &other)
			return err
		}
		var during error
		s := setting(r, "a", "x")
		restore := s.Restore
		s.Restore = func(since upgrade.Mark) upgrade.Step {
			s := restore(since)
			s.On = []string{"dns"}
			act := s.Act
			s.Act = func(ctx context.Context, log *slog.Logger) error { during = on(); return act(ctx, log) }
			return s
		}
		r.must(upgrade.Succeeded, s)
		if !errors.Is(during, upgrade.ErrLocked) {
			t.Errorf("another run on the restore's appliance: %v", during)
		}
		if other.Journal = upgrade.NoJournal(); on() != nil {
			t.Errorf("the lock was not given up: %v", on())
		}
	})
}
