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

// Progress is the newest look's detail.
func TestStepProgressIsTheLastDetail(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.step("one")
		s.Every = time.Minute
		s.Observe = func(_ context.Context, l upgrade.Look) (upgrade.Observation, error) {
			if l.Since == nil {
				return upgrade.See(upgrade.Ready, nil, "off"), nil
			}
			if so := time.Since(l.Since.At); so < 3*time.Minute {
				return upgrade.See(upgrade.Pending, nil, "turns, %s so far", so), nil
			}
			return upgrade.See(upgrade.Done, nil, "on"), nil
		}
		r.must(upgrade.Succeeded, s)
		var details []string
		for _, e := range r.events {
			if e.Kind == upgrade.EventLook && e.Phase == upgrade.Pending {
				details = append(details, e.Detail)
				if e.Since.IsZero() || e.At.Sub(e.Since).String()+" so far" != e.Detail[len("turns, "):] {
					t.Errorf("event %+v does not say since when", e)
				}
			}
		}
		if want := []string{"turns, 0s so far", "turns, 1m0s so far", "turns, 2m0s so far"}; !slices.Equal(details, want) {
			t.Errorf("details %q, want %q", details, want)
		}
	})
}

// A limit that passes means unknown, never failed, and nothing is sent because of it.
func TestStepLimitMeansUnknownNeverFailed(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.takes = time.Hour
		s := r.step("one")
		s.Limit = 10 * time.Minute
		began := time.Now()
		_, err := r.run(s)
		se := stepError(t, err)
		if !errors.Is(err, upgrade.ErrUnknown) || errors.Is(err, upgrade.ErrFailed) || se.Seen.Detail != "one turns" || time.Since(began) != 10*time.Minute {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		wantText(t, err.Error(), "machine acted at", "10m")
		r.pressed(1, "one")

		time.Sleep(time.Hour) // the effect comes later, as it may
		r.must(upgrade.Succeeded, s)
		r.pressed(1, "one")
	})
}

// At the limit one more look is taken, so that a long pause between two looks hides nothing.
func TestStepLimitTakesALastLook(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.step("one")
		s.Every, s.Limit = time.Hour, 10*time.Minute
		r.must(upgrade.Succeeded, s)
	})
}

// The limit bounds the machine, not the person: neither his answers nor the wait for the window count.
func TestStepLimitDoesNotCountThePersonsTime(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		slow := func(op upgrade.Operator) upgrade.Operator {
			return upgrade.OperatorFunc(func(ctx context.Context, q upgrade.Question) (upgrade.Answer, error) {
				time.Sleep(5 * time.Hour)
				if q.Kind == upgrade.AskValue {
					return upgrade.Answer{Text: "primary"}, nil
				}
				return op.Ask(ctx, q)
			})
		}
		r.o.Operator = slow(r.person())
		asks := r.byHand("one")
		asks.Limit = 4 * time.Minute
		observe := asks.Observe
		asks.Observe = func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
			if _, err := l.Ask(ctx, upgrade.Question{Kind: upgrade.AskValue, Label: "Role"}); err != nil {
				return upgrade.Observation{}, err
			}
			return observe(ctx, l)
		}
		r.guards = []upgrade.Guard{{Name: "asks", Limit: time.Minute, Observe: func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
			_, err := l.Ask(ctx, upgrade.Question{Kind: upgrade.AskValue, Label: "Status"})
			return upgrade.See(upgrade.Done, nil, "fine"), err
		}}}
		r.o.Opens = time.Now().Add(72 * time.Hour)
		confirm := upgrade.Confirm("sure", "Sure?")
		confirm.Limit = time.Second
		r.must(upgrade.Succeeded, confirm, asks)
		r.pressed(1, "one")
	})
}

// What an Observe function is told of the act survives the process: what was seen before it, and the newest change since.
func TestStepMarkKeepsBeforeAndLastAcrossARestart(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		j := openJournal(t, t.TempDir()+"/j")
		r.o.Journal = j
		n := 0
		var marks []upgrade.Mark
		s := upgrade.Step{Name: "one", Again: upgrade.Never, Limit: 20 * time.Second,
			Observe: func(_ context.Context, l upgrade.Look) (upgrade.Observation, error) {
				if l.Since == nil {
					return upgrade.See(upgrade.Ready, "before", "off"), nil
				}
				marks = append(marks, *l.Since)
				n++
				return upgrade.See(upgrade.Pending, min(n, 3), "turns"), nil
			},
			Act: func(context.Context, *slog.Logger) error { return nil },
		}
		_, err := r.run(s)
		if !errors.Is(err, upgrade.ErrUnknown) {
			t.Fatal(err)
		}
		if len(r.records(upgrade.KindSeen)) != 3 {
			t.Errorf("journaled %d changes of the evidence, want 3", len(r.records(upgrade.KindSeen)))
		}
		if string(marks[0].Before) != `"before"` || marks[0].Last != nil || string(marks[1].Last) != "1" || string(marks[2].Last) != "2" {
			t.Errorf("marks %s", marks)
		}
		j.Close()
		r.o.Journal = openJournal(t, j.Path())
		marks = nil
		r.run(s)
		if string(marks[0].Before) != `"before"` || string(marks[0].Last) != "3" || marks[0].At.IsZero() {
			t.Errorf("marks after a restart %s", marks)
		}
	})
}

// What the channel saw before the act counts as under way, never as "may act": it may be a cache.
func TestStepObservationOlderThanTheActIsPending(t *testing.T) {
	for _, phase := range []upgrade.Phase{upgrade.Ready, upgrade.Done, upgrade.Blocked} {
		t.Run(phase.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				s := r.step("one")
				s.Again, s.Settle = upgrade.IfNotBegun, time.Second
				cached := time.Now()
				s.Observe = func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
					o, err := r.look("one")(ctx, l)
					if l.Since != nil && time.Since(l.Since.At) < time.Minute {
						o = upgrade.See(phase, nil, "cached")
						o.AsOf = cached.Add(-time.Second)
					}
					return o, err
				}
				r.must(upgrade.Succeeded, s)
				r.pressed(1, "one")
			})
		})
	}
}

// That holds for every look after an act, also of a guard and of the next step: their channels may cache, too.
func TestStepObservationOlderThanAnotherStepsActIsPending(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		began := time.Now()
		time.Sleep(time.Second)
		next := upgrade.Step{Name: "verify", Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
			o := upgrade.See(upgrade.Done, nil, "well")
			if o.AsOf = began; time.Since(began) > 10*time.Minute {
				o.AsOf = time.Now()
			}
			return o, nil
		}}
		r.must(upgrade.Succeeded, r.step("one"), next)
		if time.Since(began) < 10*time.Minute {
			t.Errorf("the old view was believed after %s", time.Since(began))
		}
	})
}

// A clock that was set back between act and look is no cache.
func TestStepObservationWithoutATimeIsNew(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.step("one")
		r.crash(at(upgrade.KindSent, "one"), true, s)
		j := upgrade.NoJournal()
		for _, rec := range r.o.Journal.Records() {
			rec.At = rec.At.Add(30 * 24 * time.Hour)
			j.Append(rec)
		}
		r.o.Journal = j
		time.Sleep(time.Hour)
		r.must(upgrade.Succeeded, s)
		r.pressed(1, "one")
	})
}

// A person's answer stands until he says that it is time to look again.
func TestStepAnswersStandUntilLookAgain(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		values := []string{"booting", "booting", "ready"}
		r.o.Operator = r.listen(upgrade.OperatorFunc(func(_ context.Context, q upgrade.Question) (upgrade.Answer, error) {
			if q.Kind == upgrade.AskLook {
				return upgrade.Answer{Text: "now"}, nil
			}
			v := values[0]
			values = values[1:]
			return upgrade.Answer{Text: v, By: "tester"}, nil
		}))
		check := upgrade.Step{Name: "check", Attended: true, Observe: func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
			q := upgrade.Question{Kind: upgrade.AskValue, Where: "HA", Label: "Status"}
			v, err := l.Ask(ctx, q)
			if err != nil {
				return upgrade.Observation{}, err
			}
			if twice, _ := l.Ask(ctx, q); twice != v {
				t.Errorf("asked twice in one look: %q, %q", v, twice)
			}
			if v == "ready" {
				return upgrade.See(upgrade.Done, nil, "ready"), nil
			}
			return upgrade.See(upgrade.Pending, nil, "%s", v), nil
		}}
		rep := r.must(upgrade.AlreadyDone, check)
		want := []upgrade.QuestionKind{upgrade.AskValue, upgrade.AskLook, upgrade.AskValue, upgrade.AskLook, upgrade.AskValue}
		if !slices.Equal(r.kinds(), want) {
			t.Errorf("asked %q, want %q", r.kinds(), want)
		}
		if len(rep.Answers) != 3 || rep.Answers[0].By != "tester" || rep.Answers[0].Question != "HA > Status" {
			t.Errorf("the report has the answers %+v", rep.Answers)
		}
	})
}

// What a person read before the act says nothing about after it: he is asked again.
func TestStepAnswersDoNotOutliveTheAct(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.takes = 0
		r.o.Operator = r.listen(upgrade.OperatorFunc(func(ctx context.Context, q upgrade.Question) (upgrade.Answer, error) {
			if q.Kind != upgrade.AskValue {
				return r.person().Ask(ctx, q)
			}
			pressed, err := r.was("one")
			return upgrade.Answer{Text: map[bool]string{false: "off", true: "on"}[pressed]}, err
		}))
		s := r.step("one")
		s.Observe = func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
			v, err := l.Ask(ctx, upgrade.Question{Kind: upgrade.AskValue, Label: "State"})
			return upgrade.See(map[string]upgrade.Phase{"off": upgrade.Ready, "on": upgrade.Done}[v], v, "it is %s", v), err
		}
		r.must(upgrade.Succeeded, s)
		r.pressed(1, "one")
		if want := []upgrade.QuestionKind{upgrade.AskValue, upgrade.AskValue}; !slices.Equal(r.kinds(), want) {
			t.Errorf("asked %q", r.kinds())
		}
	})
}
