package upgrade_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
)

// Every outcome has its class of error, its word, and its advice; errors.Is tells them apart, errors.AsType finds the facts.
func TestOutcomesAndTheirClasses(t *testing.T) {
	classes := map[upgrade.Outcome]error{
		upgrade.Held: upgrade.ErrHeld, upgrade.Cancelled: upgrade.ErrCancelled, upgrade.BlockedRun: upgrade.ErrBlocked,
		upgrade.Failed: upgrade.ErrFailed, upgrade.UnknownEnd: upgrade.ErrUnknown, upgrade.Reverted: upgrade.ErrReverted,
	}
	ends := map[upgrade.Outcome]func(r *rig) (context.Context, []upgrade.Step){
		upgrade.Succeeded: func(r *rig) (context.Context, []upgrade.Step) { return r.t.Context(), []upgrade.Step{r.step("one")} },
		upgrade.AlreadyDone: func(r *rig) (context.Context, []upgrade.Step) {
			return r.t.Context(), []upgrade.Step{{Name: "c", Observe: see(upgrade.Done, "")}}
		},
		upgrade.Held: func(r *rig) (context.Context, []upgrade.Step) {
			return r.t.Context(), []upgrade.Step{r.step("one"), upgrade.Hold("night", "")}
		},
		upgrade.Cancelled: func(r *rig) (context.Context, []upgrade.Step) {
			ctx, cancel := context.WithCancel(r.t.Context())
			cancel()
			return ctx, []upgrade.Step{r.step("one")}
		},
		upgrade.BlockedRun: func(r *rig) (context.Context, []upgrade.Step) {
			return r.t.Context(), []upgrade.Step{{Name: "c", Ref: "3", Advice: "mend it", Observe: see(upgrade.Blocked, "no")}}
		},
		upgrade.Failed: func(r *rig) (context.Context, []upgrade.Step) {
			s := r.dead(9, upgrade.ErrNotSent)
			return r.t.Context(), []upgrade.Step{s}
		},
		upgrade.UnknownEnd: func(r *rig) (context.Context, []upgrade.Step) {
			s := r.step("one")
			s.Observe = stuck
			return r.t.Context(), []upgrade.Step{s}
		},
		upgrade.Reverted: func(r *rig) (context.Context, []upgrade.Step) {
			return r.t.Context(), []upgrade.Step{{Name: "c", Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
				return upgrade.See(upgrade.Blocked, nil, "old version"), upgrade.ErrReverted
			}}}
		},
	}
	next := map[string]bool{}
	for outcome, end := range ends {
		t.Run(outcome.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				ctx, steps := end(r)
				rep := r.mustCtx(ctx, outcome, steps...)
				r.o.Journal = upgrade.NoJournal()
				ctx, steps = end(r)
				r.presses, r.at = map[string]int{}, map[string]time.Time{}
				_, err := r.runCtx(ctx, steps...)
				for other, class := range classes {
					if errors.Is(err, class) != (other == outcome) {
						t.Errorf("errors.Is(%v, %v) = %t", err, class, errors.Is(err, class))
					}
				}
				if !outcome.Good() {
					se := stepError(t, err)
					wantText(t, err.Error(), outcome.String(), se.Ref, se.Advice, se.Seen.Detail)
				}
				if rep.Next == "" || (next[rep.Next] && !outcome.Good()) {
					t.Errorf("what to do next is %q", rep.Next)
				}
				next[rep.Next] = true
				wantText(t, rep.String(), outcome.String(), rep.Next)
			})
		})
	}
}

func TestOutcomeWords(t *testing.T) {
	for o := upgrade.OutcomeNone; o <= upgrade.Reverted; o++ {
		text, err := o.MarshalText()
		var back upgrade.Outcome
		if err != nil || back.UnmarshalText(text) != nil || back != o || string(text) != o.String() {
			t.Errorf("%v: %q, %v, back %v", o, text, err, back)
		}
	}
	for p := upgrade.Unknown; p <= upgrade.Blocked; p++ {
		text, err := p.MarshalText()
		var back upgrade.Phase
		if err != nil || back.UnmarshalText(text) != nil || back != p || string(text) != p.String() {
			t.Errorf("%v: %q, %v, back %v", p, text, err, back)
		}
	}
	var o upgrade.Outcome
	var p upgrade.Phase
	if o.UnmarshalText([]byte("fine")) == nil || p.UnmarshalText([]byte("fine")) == nil {
		t.Error("an unknown word was taken for good")
	}
	for _, bad := range []json.Marshaler{marshal(upgrade.Outcome(99).MarshalText), marshal(upgrade.Outcome(-1).MarshalText), marshal(upgrade.Phase(99).MarshalText), marshal(upgrade.Phase(-1).MarshalText)} {
		if _, err := bad.MarshalJSON(); err == nil {
			t.Error("a number that is nothing was marshalled")
		}
	}
	for _, s := range []string{upgrade.Outcome(99).String(), upgrade.Phase(99).String(), upgrade.Again(99).String(), upgrade.Outcome(99).Next()} {
		if s == "" {
			t.Error("a number that is nothing has no word")
		}
	}
	codes := map[upgrade.Outcome]int{upgrade.Succeeded: 0, upgrade.AlreadyDone: 0, upgrade.Held: 10, upgrade.BlockedRun: 11, upgrade.Failed: 11, upgrade.Reverted: 11, upgrade.UnknownEnd: 12, upgrade.Cancelled: 13, upgrade.OutcomeNone: 12}
	for o, want := range codes {
		if o.ExitCode() != want {
			t.Errorf("%s exits with %d, want %d", o, o.ExitCode(), want)
		}
	}
}

type marshal func() ([]byte, error)

func (m marshal) MarshalJSON() ([]byte, error) { return m() }

// Cancelled before anything; after an act, at the next safe look, held; while an effect is pending, unknown with what was seen last.
func TestOutcomeOfACancel(t *testing.T) {
	because := errors.New("the site manager called it off")
	bubble(t, func(t *testing.T, r *rig) { // before anything
		ctx, cancel := context.WithCancelCause(t.Context())
		s := r.step("one")
		s.Observe = func(context.Context, upgrade.Look) (upgrade.Observation, error) {
			cancel(because)
			return upgrade.See(upgrade.Ready, nil, "off"), nil
		}
		_, err := r.runCtx(ctx, s)
		if !errors.Is(err, upgrade.ErrCancelled) || !errors.Is(err, because) {
			t.Error(err)
		}
		r.pressed(0, "one")
	})
	bubble(t, func(t *testing.T, r *rig) { // between two steps
		ctx, cancel := context.WithCancelCause(t.Context())
		r.o.Events = func(e upgrade.Event) {
			if e.Kind == upgrade.EventDone {
				cancel(because)
			}
		}
		_, err := r.runCtx(ctx, r.step("one"), r.step("two"))
		if !errors.Is(err, upgrade.ErrHeld) || !errors.Is(err, because) {
			t.Error(err)
		}
		r.pressed(0, "two")
		r.must(upgrade.Succeeded, r.step("one"), r.step("two"))
	})
	bubble(t, func(t *testing.T, r *rig) { // while pending
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := r.runCtx(ctx, r.step("one"), r.step("two"))
		se := stepError(t, err)
		if !errors.Is(err, upgrade.ErrUnknown) || se.Seen.Detail != "one turns" || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		r.must(upgrade.Succeeded, r.step("one"), r.step("two"))
		r.pressed(1, "one", "two")
	})
	bubble(t, func(t *testing.T, r *rig) { // on resume, while the guards are looked at, with an act of the earlier run pending
		s := r.step("one")
		r.crash(at(upgrade.KindSent, "one"), true, s)
		ctx, cancel := context.WithCancel(t.Context())
		r.watch(func(upgrade.Look) (upgrade.Observation, error) { cancel(); return upgrade.Observation{}, ctx.Err() })
		r.guards[0].On = nil
		r.mustCtx(ctx, upgrade.UnknownEnd, s)
	})
	bubble(t, func(t *testing.T, r *rig) { // an act under way is let be for a moment, so that its outcome is known
		ctx, cancel := context.WithCancel(t.Context())
		r.takes = 0
		s := r.step("one")
		s.Act = func(ctx context.Context, _ *slog.Logger) error {
			cancel()
			select {
			case <-time.After(5 * time.Second):
				return r.press("one")
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		rep := r.mustCtx(ctx, upgrade.Succeeded, s)
		if s := stepReport(t, rep, "one"); s.Status != upgrade.StatusDone {
			t.Errorf("step one is %+v", s)
		}
	})
	bubble(t, func(t *testing.T, r *rig) { // but not for ever
		ctx, cancel := context.WithCancel(t.Context())
		s := r.step("one")
		s.Limit = time.Hour
		s.Act = func(ctx context.Context, _ *slog.Logger) error {
			cancel()
			<-ctx.Done()
			return context.Cause(ctx)
		}
		began := time.Now()
		r.mustCtx(ctx, upgrade.UnknownEnd, s)
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("a cancelled act was let be for %s", took)
		}
	})
	bubble(t, func(t *testing.T, r *rig) { // what may be done freely is nobody's unknown
		ctx, cancel := context.WithCancel(t.Context())
		s := upgrade.Step{Name: "backup", Again: upgrade.Freely, Observe: stuck, Act: func(context.Context, *slog.Logger) error { cancel(); return nil }}
		r.mustCtx(ctx, upgrade.Held, s)
	})
}

// An act has its limit, too.
func TestOutcomeOfAnActThatHangs(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.step("one")
		s.Limit = 10 * time.Minute
		s.Act = func(ctx context.Context, _ *slog.Logger) error {
			r.press("one")
			<-ctx.Done()
			return context.Cause(ctx)
		}
		r.must(upgrade.Succeeded, s) // it was a hint
	})
}

// Scale multiplies every wait of the engine and no hour.
func TestScaleMultipliesEveryWait(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.o.Scale = 1.0 / 600
		r.takes = 20 * time.Minute / 600
		s := r.step("one")
		s.Every, s.Limit = time.Minute, 30*time.Minute
		began := time.Now()
		r.must(upgrade.Succeeded, s)
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("20 minutes became %s", took)
		}
		s = r.step("two")
		s.Observe = stuck
		s.Limit = 10 * time.Minute
		r.o.Journal, began = upgrade.NoJournal(), time.Now()
		r.must(upgrade.UnknownEnd, s)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("a limit of 10 minutes became %s", took)
		}
		r.guards = []upgrade.Guard{{Name: "g", Observe: see(upgrade.Unknown, "?")}}
		r.o.Journal, began = upgrade.NoJournal(), time.Now()
		r.must(upgrade.BlockedRun, r.step("three"))
		r.takes = time.Second
		if took := time.Since(began); took != upgrade.DefaultGuardLimit/600 {
			t.Errorf("a guard's limit became %s", took)
		}
		r.guards = nil
		opens := time.Now().Add(time.Hour)
		r.o.Journal, r.o.Opens = upgrade.NoJournal(), opens
		rep := r.must(upgrade.Succeeded, r.step("four"))
		if acted := stepReport(t, rep, "four").Acted; acted.Before(opens) {
			t.Errorf("acted at %s, before the window opened", acted)
		}
	})
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	p := upgrade.Procedure{Name: "p", Steps: []upgrade.Step{{Name: "c", Observe: see(upgrade.Done, "")}}}
	for name, tt := range map[string]struct {
		o    *upgrade.Options
		want string
	}{
		"no options":       {nil, "Journal is nil"},
		"no journal":       {&upgrade.Options{}, "NoJournal"},
		"scale below 0":    {&upgrade.Options{Journal: upgrade.NoJournal(), Scale: -1}, "Scale"},
		"scale no number":  {&upgrade.Options{Journal: upgrade.NoJournal(), Scale: math.NaN()}, "Scale"},
		"scale no end":     {&upgrade.Options{Journal: upgrade.NoJournal(), Scale: math.Inf(1)}, "Scale"},
		"a closed journal": {&upgrade.Options{Journal: closed(t)}, "nothing was begun"},
	} {
		if rep, err := upgrade.Run(t.Context(), p, tt.o); err == nil || rep != nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), `"p"`) {
			t.Errorf("%s: %v, %v", name, rep, err)
		}
	}
	if _, err := upgrade.Run(t.Context(), p, &upgrade.Options{Journal: upgrade.NoJournal(), Scale: 1e300}); err != nil {
		t.Errorf("a huge scale: %v", err)
	}
}

func closed(t *testing.T) upgrade.Journal {
	j := openJournal(t, t.TempDir()+"/j")
	j.Close()
	return j
}

// What a procedure may not look like, each with its sentence.
func TestValidate(t *testing.T) {
	act := func(context.Context, *slog.Logger) error { return nil }
	done := see(upgrade.Done, "")
	ok := upgrade.Step{Name: "ok", Act: act}
	p := func(steps ...upgrade.Step) upgrade.Procedure { return upgrade.Procedure{Name: "p", Steps: steps} }
	restore := func(upgrade.Mark) upgrade.Step { return ok }
	guards := func(g ...upgrade.Guard) upgrade.Procedure {
		p := p(ok)
		p.Guards = g
		return p
	}
	tests := map[string]struct {
		p    upgrade.Procedure
		want string
	}{
		"no name":                    {upgrade.Procedure{Steps: []upgrade.Step{ok}}, "no name"},
		"no steps":                   {upgrade.Procedure{Name: "p"}, "no steps"},
		"a step without a name":      {p(upgrade.Step{Act: act}), "has the name"},
		"a slash":                    {p(upgrade.Step{Name: "a/b", Act: act}), "slash"},
		"a line break":               {p(upgrade.Step{Name: "a\nb", Act: act}), "one line"},
		"an escape":                  {p(upgrade.Step{Name: "a\x1bb", Act: act}), "one line"},
		"two of a name":              {p(ok, ok), "two steps"},
		"two of a name in a group":   {p(upgrade.Group("g", ok, ok)), `two steps of "g"`},
		"nothing to do":              {p(upgrade.Step{Name: "x"}), "neither"},
		"an empty group":             {p(upgrade.Group("g")), "neither"},
		"a group that acts":          {p(upgrade.Step{Name: "g", Steps: []upgrade.Step{ok}, Act: act}), "functions of its own"},
		"a hold that acts":           {p(ok, func() upgrade.Step { h := upgrade.Hold("h", ""); h.Act = act; return h }()), "functions of its own"},
		"whole without children":     {p(upgrade.Step{Name: "x", Act: act, Whole: true}), "no group"},
		"at once without children":   {p(upgrade.Step{Name: "x", Act: act, AtOnce: 2}), "no group"},
		"IfNotBegun without Settle":  {p(upgrade.Step{Name: "x", Act: act, Observe: done, Again: upgrade.IfNotBegun}), "Settle above 0"},
		"an Again that is none":      {p(upgrade.Step{Name: "x", Act: act, Again: 9}), "does not exist"},
		"Restore without Observe":    {p(upgrade.Step{Name: "x", Act: act, Restore: restore}), "needs an Observe"},
		"Until without Observe":      {p(upgrade.Step{Name: "x", Act: act, Until: "ok"}, ok), "needs an Observe"},
		"Until that leads nowhere":   {p(upgrade.Step{Name: "x", Act: act, Observe: done, Until: "nowhere"}, ok), "0 steps behind it"},
		"Until that leads back":      {p(ok, upgrade.Step{Name: "x", Act: act, Observe: done, Until: "ok"}), "0 steps behind it"},
		"Until that leads to two":    {p(upgrade.Step{Name: "x", Act: act, Observe: done, Until: "ok"}, upgrade.Group("g", ok), upgrade.Group("h", ok)), "2 steps behind it"},
		"EachRun without a look":     {p(upgrade.Step{Name: "x", Act: act, EachRun: true, Again: upgrade.Freely}), "needs an Observe"},
		"EachRun that acts once":     {p(upgrade.Step{Name: "x", Act: act, Observe: done, EachRun: true}), "Freely"},
		"EachRun that is put back":   {p(upgrade.Step{Name: "x", Act: act, Observe: done, EachRun: true, Again: upgrade.Freely, Restore: restore}), "cannot last"},
		"a negative duration":        {p(upgrade.Step{Name: "x", Act: act, Limit: -1}), "negative"},
		"Down outside of On":         {p(upgrade.Step{Name: "x", Act: act, On: []string{"a"}, Down: []string{"b"}}), "name it in On"},
		"a guard without a name":     {guards(upgrade.Guard{Observe: done}), "guard"},
		"a guard that cannot look":   {guards(upgrade.Guard{Name: "g"}), "Observe"},
		"two guards of a name":       {guards(upgrade.Guard{Name: "g", Observe: done}, upgrade.Guard{Name: "g", Observe: done}), "two guards"},
		"a guard's limit below 0":    {guards(upgrade.Guard{Name: "g", Observe: done, Limit: -1}), "negative"},
		"a guard and a step, a name": {upgrade.Procedure{Name: "p", Guards: []upgrade.Guard{{Name: "g", Observe: done}}, Steps: []upgrade.Step{{Name: "guard g", Act: act}}}, "both called"},
	}
	for name, tt := range tests {
		if err := tt.p.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Validate() = %v, want it to say %q", name, err, tt.want)
		}
		if _, err := upgrade.Run(t.Context(), tt.p, &upgrade.Options{Journal: upgrade.NoJournal()}); err == nil {
			t.Errorf("%s: it was run", name)
		}
		if _, err := upgrade.Plan(tt.p); err == nil {
			t.Errorf("%s: it was planned", name)
		}
	}
	both := upgrade.Procedure{Steps: []upgrade.Step{{Name: "a/b"}}}
	wantText(t, both.Validate().Error(), "no name", "slash", "neither") // everything at once
}

func TestProcedureIndex(t *testing.T) {
	p := upgrade.Procedure{Steps: []upgrade.Step{{Name: "a"}, upgrade.Group("g", upgrade.Step{Name: "b"}, upgrade.Group("h", upgrade.Step{Name: "c"}))}}
	for name, want := range map[string]int{"a": 0, "g": 1, "b": 1, "c": 1, "d": -1} {
		if got := p.Index(name); got != want {
			t.Errorf("Index(%q) = %d, want %d", name, got, want)
		}
	}
}

// One step is run as a procedure of its own.
func TestStepRun(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		rep, err := r.step("one").Run(t.Context(), &r.o)
		if err != nil || rep.Procedure != "one" {
			t.Errorf("Run = %+v, %v", rep, err)
		}
		r.pressed(1, "one")
	})
}
