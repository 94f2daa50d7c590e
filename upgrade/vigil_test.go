package upgrade_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
)

// site is something to ask, and who answers from when on. An empty name is nobody.
type site struct {
	began time.Time
	turns []turnAt
	asked atomic.Int64
}

type turnAt struct {
	after time.Duration
	who   string
}

func (s *site) ask(context.Context) (string, error) {
	s.asked.Add(1)
	who := ""
	for _, t := range s.turns {
		if time.Since(s.began) >= t.after {
			who = t.who
		}
	}
	if who == "" {
		return "", errors.New("connection refused")
	}
	return who, nil
}

// wait is a step that takes d, with an act at its beginning.
func wait(name string, d time.Duration) upgrade.Step {
	return upgrade.Step{Name: name, On: []string{"toy"}, Act: noAct, Limit: 24 * time.Hour, Every: time.Minute,
		Observe: func(_ context.Context, l upgrade.Look) (upgrade.Observation, error) {
			switch {
			case l.Since == nil:
				return upgrade.See(upgrade.Ready, nil, "may begin"), nil
			case l.Elapsed < d:
				return upgrade.See(upgrade.Pending, nil, "takes %s", d), nil
			}
			return upgrade.See(upgrade.Done, nil, "over"), nil
		}}
}

// underVigil runs a procedure with a vigil.
func (r *rig) underVigil(ctx context.Context, s *site, every time.Duration, steps ...upgrade.Step) (*upgrade.Report, error) {
	p := r.procedure(steps...)
	p.Vigils = []upgrade.Vigil{{Name: "the site", Every: every, Ask: s.ask}}
	return upgrade.Run(ctx, p, &r.o)
}

func vigilOf(t *testing.T, rep *upgrade.Report) upgrade.VigilReport {
	t.Helper()
	if rep == nil || len(rep.Vigils) != 1 {
		t.Fatalf("no vigil in %v", rep)
	}
	return rep.Vigils[0]
}

func TestVigilMeasuresAnOutage(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := &site{began: time.Now(), turns: []turnAt{{0, "A"}, {10 * time.Minute, ""}, {50 * time.Minute, "A"}, {70 * time.Minute, "B"}}}
		rep, err := r.underVigil(t.Context(), s, time.Minute, wait("install", 2*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		w := vigilOf(t, rep)
		if len(w.Gaps) != 1 || w.Away < 40*time.Minute || w.Away > 41*time.Minute+6*time.Second || w.Longest != w.Away {
			t.Errorf("away %s, longest %s, in %+v; want 40m, and at most two pauses more", w.Away, w.Longest, w.Gaps)
		}
		if g := w.Gaps[0]; g.Before != "A" || g.After != "A" || g.Why != "connection refused" || g.Least > 40*time.Minute || g.Least < 39*time.Minute {
			t.Errorf("gap %+v", g)
		}
		if len(w.Turns) != 2 || w.Turns[1].Who != "B" || w.Turns[1].At.Sub(s.began) > 72*time.Minute {
			t.Errorf("turns %+v", w.Turns)
		}
		// Once a minute, ten times as often for two minutes after the act and two changes, and while nobody answers: no flood.
		if n := s.asked.Load(); int(n)-w.Asked > 1 || int(n) < w.Asked || n > 80+10*(40+4*2)+20 {
			t.Errorf("asked %d times, says %d", n, w.Asked)
		}
		wantText(t, rep.String(), "nobody answered for at most 41m of 2h, in 1 gap", "before A, after A", "B answers from")
	})
}

func TestVigilAsksOftenAfterAnAct(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := &site{began: time.Now(), turns: []turnAt{{0, "A"}, {31*time.Minute + 2*time.Second, ""}, {31*time.Minute + 12*time.Second, "B"}}}
		rep, err := r.underVigil(t.Context(), s, 80*time.Second, wait("wait", 31*time.Minute), wait("switch", 2*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if w := vigilOf(t, rep); len(w.Gaps) != 1 || w.Away < 10*time.Second || w.Away > 26*time.Second {
			t.Errorf("an outage of 10 s is seen as %s: %+v", w.Away, w.Gaps)
		}
	})
}

func TestVigilSaysWhenNobodyWatched(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := &site{began: time.Now(), turns: []turnAt{{0, "A"}, {5 * time.Minute, ""}}}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
		defer cancel()
		if rep, err := r.underVigil(ctx, s, time.Minute, wait("install", 11*time.Hour)); err == nil {
			t.Fatal(rep)
		}
		time.Sleep(10 * time.Hour)
		s.turns = append(s.turns, turnAt{0, "B"})
		rep, err := r.underVigil(t.Context(), s, time.Minute, wait("install", 11*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		w := vigilOf(t, rep)
		if len(w.Blind) != 1 || w.Blind[0].Long() < 10*time.Hour || w.Blind[0].Long() > 10*time.Hour+2*time.Minute {
			t.Errorf("blind: %v", w.Blind)
		}
		if w.Away > 16*time.Minute || w.Gaps[0].After != "" {
			t.Errorf("away %s, %+v: what nobody watched is not counted", w.Away, w.Gaps)
		}
		wantText(t, rep.String(), "not watched, for no run went on: 10h")
	})
}

func TestVigilOfARunThatWasKilled(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := &site{began: time.Now(), turns: []turnAt{{0, "A"}, {5 * time.Minute, ""}}}
		o := r.o
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		o.Journal = &dyingJournal{Journal: r.o.Journal, when: at(upgrade.KindIntent, "second"), die: cancel}
		p := r.procedure(wait("first", 20*time.Minute), wait("second", time.Hour))
		p.Vigils = []upgrade.Vigil{{Name: "the site", Ask: s.ask}}
		if _, err := upgrade.Run(ctx, p, &o); err == nil {
			t.Fatal("it did not die")
		}
		w := vigilOf(t, upgrade.ReportOf(r.o.Journal.Records()))
		if len(w.Gaps) != 1 || w.Away < 15*time.Minute || w.Away > 17*time.Minute {
			t.Errorf("away %s: want it counted to the last record", w.Away)
		}
	})
}

// A vigil that finds the journal broken must not be the only one who knows.
func TestVigilThatCannotWriteStopsActs(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := &site{began: time.Now(), turns: []turnAt{{0, "A"}, {5 * time.Minute, ""}}}
		j := &brokenOnce{Journal: r.o.Journal}
		r.o.Journal = j
		rep, err := r.underVigil(t.Context(), s, 0, wait("first", 20*time.Minute), r.step("second"))
		if !errors.Is(err, upgrade.ErrJournal) {
			t.Fatalf("%v\n%s", err, rep)
		}
		r.pressed(0, "second")
	})
}

// brokenOnce cannot keep the second word of a vigil.
type brokenOnce struct {
	upgrade.Journal
	told int
}

func (j *brokenOnce) Append(r upgrade.Record) error {
	if r.Kind == upgrade.KindVigil {
		if j.told++; j.told == 2 {
			return errors.New("no space left on device")
		}
	}
	return j.Journal.Append(r)
}

func TestVigilThatPanicsOrSaysNothing(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		p := r.procedure(wait("first", 20*time.Minute))
		p.Vigils = []upgrade.Vigil{
			{Name: "panics", Ask: func(context.Context) (string, error) { panic("oh") }},
			{Name: "mute", Ask: func(context.Context) (string, error) { return "", nil }},
			{Name: "hangs", Ask: func(ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() }},
		}
		rep, err := upgrade.Run(t.Context(), p, &r.o)
		if err != nil || len(rep.Vigils) != 3 {
			t.Fatalf("%v\n%s", err, rep)
		}
		for _, w := range rep.Vigils {
			if len(w.Gaps) != 1 || w.Away < 19*time.Minute {
				t.Errorf("%+v", w)
			}
		}
	})
}

func TestVigilFloodIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		n := 0
		p := r.procedure(wait("long", 20*time.Hour))
		p.Vigils = []upgrade.Vigil{{Name: "flaps", Every: 30 * time.Second, Ask: func(context.Context) (string, error) {
			if n++; n%2 == 0 {
				return "", errors.New("away")
			}
			return "A", nil
		}}}
		rep, err := upgrade.Run(t.Context(), p, &r.o)
		if err != nil {
			t.Fatal(err)
		}
		w := vigilOf(t, rep)
		if k := len(r.records(upgrade.KindVigil)); k > 2100 {
			t.Errorf("%d records", k)
		}
		if !w.Many || w.Away < 19*time.Hour || w.Away > 21*time.Hour {
			t.Errorf("many %t, away %s", w.Many, w.Away)
		}
	})
}

func TestVigilIsValidated(t *testing.T) {
	ask := func(context.Context) (string, error) { return "A", nil }
	p := upgrade.Procedure{Name: "p", Steps: []upgrade.Step{upgrade.Confirm("c", "?")}, Vigils: []upgrade.Vigil{{Name: "x/y", Ask: ask}, {Name: "w"}, {Name: "v", Ask: ask, Every: -1}, {Name: "u", Ask: ask}, {Name: "u", Ask: ask}}}
	wantText(t, fmt.Sprint(p.Validate()), `vigil "x/y"`, `vigil "w" needs an Ask`, `vigil "v" has a negative`, `two vigils are called "u"`)
}

// noAct does nothing, well.
func noAct(context.Context, *slog.Logger) error { return nil }
