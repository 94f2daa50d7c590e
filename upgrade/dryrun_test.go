package upgrade_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
)

// A dry run looks at everything, guards too, and presses nothing, asks nobody and writes nothing.
func TestStepDryRunLooksAtEverythingAndPressesNothing(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		guarded := 0
		r.guards = []upgrade.Guard{{Name: "calm", Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
			guarded++
			return upgrade.See(upgrade.Done, nil, "all is calm"), nil
		}}}
		r.press("one")
		time.Sleep(time.Hour)
		r.did()
		r.o.DryRun, r.o.Journal = true, nil
		rep := r.must(upgrade.Held, r.step("one"), upgrade.Group("g", r.step("two"), r.byHand("three")), r.blind("four"), upgrade.Confirm("sure", "Sure?"))
		if did := r.did(); len(did) > 0 || len(r.asked) > 0 {
			t.Errorf("a dry run did %q and asked %v", did, r.asked)
		}
		for _, name := range []string{"one", "two", "three"} {
			if _, looks := r.count(name); looks != 1 {
				t.Errorf("%q was looked at %d times", name, looks)
			}
		}
		if guarded != 1 || !rep.DryRun {
			t.Errorf("the guard was looked at %d times; report %+v", guarded, rep)
		}
		if s := stepReport(t, rep, "one"); s.Status != upgrade.StatusAlready {
			t.Errorf("step one is %+v", s)
		}
		if s := stepReport(t, rep, "g/two"); s.Status != upgrade.StatusOpen || s.Detail != "two is off" {
			t.Errorf("step two is %+v", s)
		}
		wantText(t, rep.Next, "nothing was pressed")
	})
}

func TestStepDryRunOutcomes(t *testing.T) {
	broken := upgrade.Step{Name: "broken", Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) { panic("boom") }}
	blocked := upgrade.Step{Name: "blocked", Observe: see(upgrade.Blocked, "not today")}
	done := upgrade.Step{Name: "done", Observe: see(upgrade.Done, "so it is")}
	bad := []upgrade.Guard{{Name: "bad", Observe: see(upgrade.Blocked, "two primaries")}}
	tests := map[string]struct {
		guards []upgrade.Guard
		steps  func(r *rig) []upgrade.Step
		want   upgrade.Outcome
	}{
		"everything is done":                             {nil, func(*rig) []upgrade.Step { return []upgrade.Step{done} }, upgrade.AlreadyDone},
		"a broken look is one that cannot tell":          {nil, func(*rig) []upgrade.Step { return []upgrade.Step{broken} }, upgrade.Held},
		"the first open step is blocked":                 {nil, func(*rig) []upgrade.Step { return []upgrade.Step{done, blocked} }, upgrade.BlockedRun},
		"what comes behind an open step may be blocked":  {nil, func(r *rig) []upgrade.Step { return []upgrade.Step{r.step("one"), blocked} }, upgrade.Held},
		"a guard that is broken blocks in a dry run too": {bad, func(r *rig) []upgrade.Step { return []upgrade.Step{r.step("one")} }, upgrade.BlockedRun},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				r.o.DryRun, r.guards = true, tt.guards
				r.must(tt.want, tt.steps(r)...)
			})
		})
	}
}

// A dry run on the journal of a procedure under way shows what is finished, and whether what must last still does.
func TestStepDryRunInMidProcedure(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		lasting := r.step("one")
		lasting.Until = "three"
		steps := []upgrade.Step{lasting, r.step("two"), upgrade.Hold("night", ""), r.step("three")}
		r.must(upgrade.Held, steps...)
		before := len(r.o.Journal.Records())
		r.o.DryRun = true
		rep := r.must(upgrade.Held, steps...)
		if s := stepReport(t, rep, "two"); s.Status != upgrade.StatusSkipped {
			t.Errorf("step two is %+v", s)
		}
		r.release("one")
		_, err := r.run(steps...)
		if se := stepError(t, err); !errors.Is(err, upgrade.ErrBlocked) || se.Step != "one" {
			t.Errorf("with an effect undone a dry run says %v", err)
		}
		if len(r.o.Journal.Records()) != before {
			t.Error("a dry run wrote to the journal")
		}
		r.pressed(0, "three")
	})
}

func TestStepDryRunEndsWithItsContext(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		ctx, cancel := context.WithCancel(t.Context())
		r.o.DryRun = true
		s := r.step("one")
		s.Observe = func(context.Context, upgrade.Look) (upgrade.Observation, error) {
			cancel()
			return upgrade.See(upgrade.Done, nil, "on"), nil
		}
		_, err := r.runCtx(ctx, s, r.step("two"))
		if _, looks := r.count("two"); !errors.Is(err, upgrade.ErrCancelled) || !errors.Is(err, context.Canceled) || looks != 0 {
			t.Errorf("a cancelled dry run: %v, %d looks at the second step", err, looks)
		}
	})
}
