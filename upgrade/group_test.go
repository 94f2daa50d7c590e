package upgrade_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
)

// gauge counts who acts at the same time, by appliance.
type gauge struct {
	mu        sync.Mutex
	now, most map[string]int
}

func (g *gauge) step(name string, takes time.Duration, on ...string) upgrade.Step {
	limit := 2 * takes
	add := func(n int) {
		g.mu.Lock()
		defer g.mu.Unlock()
		for _, a := range append(on, "") {
			g.now[a] += n
			g.most[a] = max(g.most[a], g.now[a])
		}
	}
	done := false
	return upgrade.Step{
		Name: name, On: on, Takes: takes, Limit: limit,
		Observe: func(_ context.Context, l upgrade.Look) (upgrade.Observation, error) {
			switch {
			case l.Since == nil:
				return upgrade.See(upgrade.Ready, nil, "off"), nil
			case time.Since(l.Since.At) < takes:
				return upgrade.See(upgrade.Pending, nil, "turns"), nil
			}
			if !done {
				done = true
				add(-1)
			}
			return upgrade.See(upgrade.Done, nil, "on"), nil
		},
		Act: func(context.Context, *slog.Logger) error { add(1); return nil },
	}
}

func newGauge() *gauge { return &gauge{now: map[string]int{}, most: map[string]int{}} }

// Two children never act on one appliance at once, not even while the first one's effect is still to come.
func TestGroupTwoChildrenNeverActOnOneApplianceAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		g := newGauge()
		var steps []upgrade.Step
		for _, name := range []string{"a", "b", "c", "d"} {
			steps = append(steps, g.step(name, time.Minute, "x"), g.step(name+"2", time.Minute, "y", "x"), g.step(name+"3", time.Minute, "z", "y"))
		}
		steps = append(steps, g.step("free", 20*time.Minute, "w"))
		r.must(upgrade.Succeeded, upgrade.Together("all", 13, steps...))
		for _, a := range []string{"x", "y", "z"} {
			if g.most[a] != 1 {
				t.Errorf("%d steps acted on %s at once", g.most[a], a)
			}
		}
		if g.most[""] < 2 {
			t.Error("nothing happened at the same time")
		}
	})
}

// AtOnce is how many children run at the same time; 0 and 1 mean one after another.
func TestGroupAtOnce(t *testing.T) {
	for n, want := range map[int]int{0: 1, 1: 1, 3: 3, 9: 5} {
		bubble(t, func(t *testing.T, r *rig) {
			g := newGauge()
			group := upgrade.Group("all", g.step("a", time.Minute), g.step("b", time.Minute), g.step("c", time.Minute), g.step("d", time.Minute), g.step("e", time.Minute))
			group.AtOnce = n
			r.must(upgrade.Succeeded, group)
			if g.most[""] != want {
				t.Errorf("AtOnce %d: %d at once, want %d", n, g.most[""], want)
			}
		})
	}
}

// At the first unknown or failed one no sibling starts, at any depth, and those under way are looked at to their end.
func TestGroupFirstUnknownStopsSiblingsAndRunningOnesAreLookedAtToTheirEnd(t *testing.T) {
	ends := map[string]struct {
		step func(r *rig) upgrade.Step
		want upgrade.Outcome
	}{
		"unknown": {func(r *rig) upgrade.Step { s := r.on("a", "bad"); s.Observe, s.Limit = stuck, time.Minute; return s }, upgrade.UnknownEnd},
		"failed": {func(r *rig) upgrade.Step {
			s := r.on("a", "bad")
			s.Observe = func(_ context.Context, l upgrade.Look) (upgrade.Observation, error) {
				switch {
				case l.Since == nil:
					return upgrade.See(upgrade.Ready, nil, "off"), nil
				case time.Since(l.Since.At) < time.Minute:
					return upgrade.See(upgrade.Pending, nil, "turns"), nil
				}
				return upgrade.See(upgrade.Blocked, nil, "broke"), nil
			}
			return s
		}, upgrade.Failed},
	}
	for name, tt := range ends {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				waits := r.on("w", "waits") // has not acted: looks for something that does not come
				waits.Observe = see(upgrade.Pending, "not yet")
				waits.Limit = 24 * time.Hour
				queued, began := r.on("a", "queued"), time.Now()
				queued.Observe = func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
					if time.Since(began) < time.Second {
						return upgrade.See(upgrade.Unknown, nil, "after the bad one"), nil
					}
					return r.look("queued")(ctx, l)
				}
				rep, err := r.run(upgrade.Together("all", 4,
					tt.step(r),
					upgrade.Group("g", r.on("b", "running"), r.on("b", "next")),
					waits,
					queued,            // waits for its appliance
					r.on("c", "late"), // waits for its turn
				), r.on("d", "behind"))
				if se := stepError(t, err); se.Outcome != tt.want || se.Step != "all/bad" {
					t.Fatalf("ended %v", err)
				}
				r.pressed(1, "bad", "running")
				r.pressed(0, "next", "queued", "late", "behind")
				if s := stepReport(t, rep, "all/g/running"); s.Status != upgrade.StatusDone {
					t.Errorf("the one under way is %+v", s)
				}
				for _, path := range []string{"all/g/next", "all/waits", "all/queued", "all/late", "behind"} {
					if s := stepReport(t, rep, path); s.Status != upgrade.StatusOpen {
						t.Errorf("%s is %+v", path, s)
					}
				}
			})
		})
	}
}

func stuck(_ context.Context, l upgrade.Look) (upgrade.Observation, error) {
	if l.Since == nil {
		return upgrade.See(upgrade.Ready, nil, "off"), nil
	}
	return upgrade.See(upgrade.Pending, nil, "turns for ever"), nil
}

// What would be sent again is not, once a sibling ended the run.
func TestGroupFirstFailureSendsNothingAgain(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		bad := r.on("a", "bad")
		bad.Observe, bad.Limit = stuck, time.Minute
		again := r.dead(1, nil)
		again.On, again.Again, again.Settle = []string{"b"}, upgrade.IfNotBegun, 5*time.Minute
		rep, err := r.run(upgrade.Together("all", 2, bad, again))
		if !errors.Is(err, upgrade.ErrUnknown) {
			t.Fatal(err)
		}
		r.pressed(1, "one")
		if s := stepReport(t, rep, "all/one"); s.Status != upgrade.StatusInFlight {
			t.Errorf("the other is %+v", s)
		}
	})
}

// The end of several steps is the gravest: a cancel holds one, and leaves the other unknown.
func TestGroupEndsWithTheGravestOutcome(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		ctx, cancel := context.WithCancel(t.Context())
		slow := r.on("a", "slow")
		slow.Observe = func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
			if l.Since != nil && ctx.Err() == nil {
				time.AfterFunc(time.Second, cancel)
			}
			return stuck(ctx, l)
		}
		waits := r.on("b", "waits")
		waits.Observe = see(upgrade.Pending, "not yet")
		_, err := r.runCtx(ctx, upgrade.Together("all", 2, waits, slow))
		if se := stepError(t, err); se.Outcome != upgrade.UnknownEnd || se.Step != "all/slow" {
			t.Errorf("ended %v", err)
		}
	})
}

// A hold may not stand where a run must not end: in a group that is done whole, or whose children run at the same time.
func TestGroupHoldInsideWholeOrParallelIsRefused(t *testing.T) {
	hold := upgrade.Hold("night", "")
	check := upgrade.Step{Name: "check", Observe: see(upgrade.Done, "")}
	for name, s := range map[string]upgrade.Step{
		"whole":               upgrade.Whole("w", check, hold),
		"parallel":            upgrade.Together("t", 2, check, hold),
		"deep in whole":       upgrade.Whole("w", upgrade.Group("g", check, hold)),
		"deep in parallel":    upgrade.Together("t", 2, upgrade.Group("g", hold), check),
		"parallel in a group": upgrade.Group("g", upgrade.Together("t", 2, check, upgrade.Group("h", hold))),
	} {
		if err := (upgrade.Procedure{Name: "p", Steps: []upgrade.Step{s}}).Validate(); err == nil {
			t.Errorf("%s: not refused", name)
		}
	}
	ok := upgrade.Procedure{Name: "p", Steps: []upgrade.Step{upgrade.Group("g", check, hold), upgrade.Together("t", 1, hold)}}
	if err := ok.Validate(); err != nil {
		t.Errorf("refused: %v", err)
	}
}

// Once a whole group has acted it is finished, whatever a cancel says; before its first act the cancel counts.
func TestGroupWholeIsFinishedBeforeACancelTakesEffect(t *testing.T) {
	steps := func(r *rig, cancel func(), when string) []upgrade.Step {
		hook := func(s upgrade.Step) upgrade.Step {
			if s.Name != when {
				return s
			}
			observe := s.Observe
			s.Observe = func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
				cancel()
				return observe(ctx, l)
			}
			return s
		}
		inner := upgrade.Step{Name: "inner check", Observe: see(upgrade.Done, "fine")}
		return []upgrade.Step{r.step("before"), upgrade.Whole("both", hook(inner), hook(r.step("off")), r.step("on")), r.step("behind")}
	}
	bubble(t, func(t *testing.T, r *rig) { // cancelled in its check, before it acts
		ctx, cancel := context.WithCancel(t.Context())
		r.mustCtx(ctx, upgrade.Held, steps(r, cancel, "inner check")...)
		r.pressed(0, "off", "on", "behind")
	})
	bubble(t, func(t *testing.T, r *rig) { // cancelled by the very look before its first act
		ctx, cancel := context.WithCancel(t.Context())
		r.mustCtx(ctx, upgrade.Held, steps(r, cancel, "off")...)
		r.pressed(0, "off", "on", "behind")
	})
	bubble(t, func(t *testing.T, r *rig) { // cancelled while its first act has its effect
		ctx, cancel := context.WithCancel(t.Context())
		all := steps(r, cancel, "")
		act := all[1].Steps[1].Act
		all[1].Steps[1].Act = func(ctx context.Context, log *slog.Logger) error { cancel(); return act(ctx, log) }
		_, err := r.runCtx(ctx, all...)
		if !errors.Is(err, upgrade.ErrHeld) || !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		r.pressed(1, "off", "on")
		r.pressed(0, "behind")
		r.must(upgrade.Succeeded, all...)
		r.pressed(1, "off", "on", "behind")
	})
	bubble(t, func(t *testing.T, r *rig) { // gone on with half-way, under a cancel that was there from the beginning
		all := steps(r, nil, "")
		r.crash(at(upgrade.KindDone, "both/off"), false, all...)
		ctx, cancel := context.WithCancel(t.Context())
		r.o.Events = func(e upgrade.Event) {
			if e.Kind == upgrade.EventBegin && e.Path == "both" {
				cancel()
			}
		}
		r.mustCtx(ctx, upgrade.Held, all...)
		r.pressed(1, "off", "on")
		r.pressed(0, "behind")
	})
}

// Once it has acted it is finished before the window closes takes effect, also on resume; and it does not begin at all when its
// expected time does not fit.
func TestGroupWholeIsFinishedBeforeAWindowCloses(t *testing.T) {
	whole := func(r *rig) []upgrade.Step {
		off, on := r.step("off"), r.step("on")
		off.Takes, on.Takes = 20*time.Minute, 10*time.Minute
		return []upgrade.Step{upgrade.Whole("both", off, on), r.step("behind")}
	}
	bubble(t, func(t *testing.T, r *rig) {
		r.takes = 40 * time.Minute // slower than expected
		r.o.Closes = time.Now().Add(31 * time.Minute)
		all := whole(r)
		all[0].Steps[0].Limit, all[0].Steps[1].Limit = 2*time.Hour, 2*time.Hour
		r.must(upgrade.Held, all...)
		r.pressed(1, "off", "on")
		r.pressed(0, "behind")
	})
	bubble(t, func(t *testing.T, r *rig) {
		r.o.Closes = time.Now().Add(30 * time.Minute)
		rep := r.must(upgrade.Held, whole(r)...)
		r.pressed(0, "off", "on", "behind")
		wantText(t, rep.Err, "both", "30m", "must not be left half-way")
	})
	bubble(t, func(t *testing.T, r *rig) { // half-way on resume: whatever the hour, and although the window has not opened
		all := whole(r)
		r.crash(at(upgrade.KindDone, "both/off"), false, all...)
		r.o.Closes = time.Now().Add(-time.Hour)
		r.must(upgrade.Held, all...)
		r.pressed(1, "off", "on")
		r.pressed(0, "behind")
	})
	bubble(t, func(t *testing.T, r *rig) { // the window is measured again before the first act: a check in front may take long
		all := whole(r)
		began := time.Now()
		slow := upgrade.Step{Name: "slow check", Limit: time.Hour, Takes: time.Second, Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
			if time.Since(began) < 15*time.Minute {
				return upgrade.See(upgrade.Pending, nil, "not yet"), nil
			}
			return upgrade.See(upgrade.Done, nil, "fine"), nil
		}}
		all[0].Steps = slices.Insert(all[0].Steps, 0, slow)
		r.o.Closes = time.Now().Add(40 * time.Minute)
		r.must(upgrade.Held, all...)
		r.pressed(0, "off", "on")
	})
	bubble(t, func(t *testing.T, r *rig) { // what is finished needs no time any more
		all := whole(r)
		all[0].Steps[0].Observe = func(context.Context, upgrade.Look) (upgrade.Observation, error) {
			time.Sleep(5 * time.Minute)
			return upgrade.See(upgrade.Done, nil, "off before"), nil
		}
		r.o.Closes = time.Now().Add(31 * time.Minute)
		r.must(upgrade.Succeeded, all[0])
	})
}

// A sibling's failure does not leave a whole group half-way either.
func TestGroupWholeIsFinishedThoughASiblingFails(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		bad := r.on("a", "bad")
		bad.Observe, bad.Limit = stuck, time.Minute
		_, err := r.run(upgrade.Together("all", 3, bad,
			upgrade.Whole("both", r.on("b", "off"), r.on("b", "on")),
			upgrade.Group("g", r.on("c", "running"), r.on("c", "next"))))
		if se := stepError(t, err); se.Step != "all/bad" {
			t.Fatal(err)
		}
		r.pressed(1, "off", "on", "running")
		r.pressed(0, "next")
	})
	bubble(t, func(t *testing.T, r *rig) { // but its own failure does
		bad := r.on("b", "bad")
		bad.Observe, bad.Limit = stuck, time.Minute
		r.must(upgrade.UnknownEnd, upgrade.Whole("both", upgrade.Together("t", 2, bad, upgrade.Group("g", r.on("c", "running"), r.on("c", "next"))), r.on("b", "on")))
		r.pressed(1, "running")
		r.pressed(0, "next", "on")
	})
}

// The expected time of children at the same time is that of each batch's longest, and their sum where they wait for one appliance.
func TestGroupExpectedTime(t *testing.T) {
	step := func(name string, takes time.Duration, on ...string) upgrade.Step {
		return upgrade.Step{Name: name, On: on, Takes: takes, Act: func(context.Context, *slog.Logger) error { return nil }}
	}
	m := time.Minute
	tests := map[string]struct {
		group upgrade.Step
		want  time.Duration
	}{
		"one after another":  {upgrade.Group("g", step("a", m), step("b", 2*m), step("c", 3*m)), 6 * m},
		"two at a time":      {upgrade.Together("g", 2, step("a", m), step("b", 2*m), step("c", 3*m)), 5 * m},
		"one appliance":      {upgrade.Together("g", 3, step("a", m, "x"), step("b", 2*m, "x"), step("c", 3*m)), 6 * m},
		"one appliance deep": {upgrade.Together("g", 2, upgrade.Group("h", step("a", m, "x")), step("b", 2*m, "x")), 3 * m},
	}
	for name, tt := range tests {
		d, err := upgrade.Plan(upgrade.Procedure{Name: "p", Steps: []upgrade.Step{tt.group}})
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := d.Expected(); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
