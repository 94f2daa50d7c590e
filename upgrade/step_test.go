package upgrade_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
)

// What is done already is found so and not done again.
func TestStepDoneAlreadyIsSkipped(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.press("one")
		time.Sleep(time.Hour)
		rep := r.must(upgrade.AlreadyDone, r.step("one"))
		r.pressed(1, "one")
		if s := stepReport(t, rep, "one"); s.Status != upgrade.StatusAlready || s.Acts != 0 {
			t.Errorf("step one is %+v", s)
		}
	})
}

// The process dies between the act and its answer: the next run looks, and does not send it again.
func TestStepCrashBetweenActAndAnswerIsResolvedByLooking(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.crash(at(upgrade.KindSent, "one"), true, r.step("one"))
		r.pressed(1, "one")
		r.must(upgrade.Succeeded, r.step("one"))
		r.pressed(1, "one")
	})
}

// The process dies when the intent is on disk and the act not sent: a look proves that, and the step may be sent.
func TestStepCrashBetweenIntentAndActIsResolvedByLooking(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.step("one")
		s.Again, s.Settle = upgrade.IfNotBegun, time.Minute
		r.crash(at(upgrade.KindIntent, "one"), false, s)
		r.pressed(0, "one")
		r.must(upgrade.Succeeded, s)
		r.pressed(1, "one")
	})
}

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

// A step done by hand is proven exactly as one done by API: the person's word is not enough.
func TestStepByHandIsProvenLikeByAPI(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		liar := upgrade.OperatorFunc(func(_ context.Context, q upgrade.Question) (upgrade.Answer, error) {
			return upgrade.Answer{Text: q.Options[0], By: "liar"}, nil
		})
		r.o.Operator = upgrade.OperatorFunc(func(ctx context.Context, q upgrade.Question) (upgrade.Answer, error) {
			if q.Kind == upgrade.AskDecide {
				return upgrade.Answer{Text: upgrade.AnswerStop}, nil
			}
			return liar(ctx, q)
		})
		_, err := r.run(r.byHand("one"))
		if !errors.Is(err, upgrade.ErrUnknown) {
			t.Fatalf("a person who says done and did nothing: %v", err)
		}
		r.pressed(0, "one")

		r.o.Journal, r.o.Operator = upgrade.NoJournal(), r.listen(r.person())
		rep := r.must(upgrade.Succeeded, r.byHand("one"))
		if s := stepReport(t, rep, "one"); s.Status != upgrade.StatusDone || s.By != "person" || s.Took() < 3*time.Minute || string(s.Evidence) != `{"on":true}` {
			t.Errorf("step one is %+v", s)
		}
		if q := r.asked[0]; q.Instruction == nil || q.Instruction.Row != "one" || q.Instruction.On != "toy" {
			t.Errorf("the person was told %+v", q)
		}
	})
}

// A step with only a look is a check, or a wait.
func TestStepWithOnlyObserveIsACheckOrAWait(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.press("one")
		wait := upgrade.Step{Name: "wait", Observe: r.look("one")}
		began := time.Now()
		rep := r.must(upgrade.AlreadyDone, wait)
		if took := time.Since(began); took != 3*time.Minute {
			t.Errorf("the wait took %s", took)
		}
		if s := stepReport(t, rep, "wait"); s.Status != upgrade.StatusDone || s.Who != upgrade.WhoCheck {
			t.Errorf("the wait is %+v", s)
		}
		r.o.Journal = upgrade.NoJournal()
		_, err := r.run(upgrade.Step{Name: "check", Observe: see(upgrade.Blocked, "weak certificate"), Advice: "mend it"})
		if se := stepError(t, err); se.Outcome != upgrade.BlockedRun || se.Advice != "mend it" {
			t.Errorf("a failed check: %v", err)
		}
		r.o.Journal = upgrade.NoJournal()
		began = time.Now()
		_, err = r.run(upgrade.Step{Name: "never", Observe: see(upgrade.Ready, "still not"), Limit: time.Hour})
		if !errors.Is(err, upgrade.ErrUnknown) || time.Since(began) < time.Hour {
			t.Errorf("a wait in vain: %v after %s", err, time.Since(began))
		}
	})
}

// The act's error is a hint; what a look finds decides.
func TestStepActErrorIsAHintAndObserveDecides(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.step("one")
		s.Act = func(context.Context, *slog.Logger) error { r.press("one"); return errLost }
		rep := r.must(upgrade.Succeeded, s)
		r.pressed(1, "one")
		if s := stepReport(t, rep, "one"); s.Said != errLost.Error() {
			t.Errorf("the report does not say what the act said: %+v", s)
		}
	})
}

// The intent, with what was just seen, is in the journal before the act.
func TestStepIntentIsJournaledBeforeTheAct(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.step("one")
		act := s.Act
		var last upgrade.Record
		s.Act = func(ctx context.Context, log *slog.Logger) error {
			all := r.o.Journal.Records()
			last = all[len(all)-1]
			return act(ctx, log)
		}
		r.must(upgrade.Succeeded, s)
		if last.Kind != upgrade.KindIntent || last.Path != "one" || string(last.Evidence) != `{"on":false}` {
			t.Errorf("the last record at the act was %+v", last)
		}
	})
}

// The loop: guards before the look that allows the act, and the look before the act.
func TestStepLoopLooksAfterTheGuardsAndBeforeTheAct(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.guards = []upgrade.Guard{{Name: "g", Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
			r.set("guard", "looked")
			return upgrade.See(upgrade.Done, nil, "holds"), nil
		}}}
		r.must(upgrade.Succeeded, r.step("one"))
		press := slices.Index(r.log, "press one")
		if press < 2 || r.log[press-1] != "look one" || r.log[press-2] != "set guard=looked" {
			t.Errorf("before the act: %q", r.log[:press])
		}
	})
}

// When looks after the guards say that it may not act any more, the guards are passed again before it does.
func TestStepThatIsNoLongerReadyPassesTheGuardsAgain(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		guarded := 0
		r.guards = []upgrade.Guard{{Name: "g", Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
			guarded++
			return upgrade.See(upgrade.Done, nil, "holds"), nil
		}}}
		s := r.step("one")
		n := 0
		s.Observe = func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
			if n++; n == 2 {
				return upgrade.See(upgrade.Unknown, nil, "busy"), nil
			}
			return r.look("one")(ctx, l)
		}
		r.must(upgrade.Succeeded, s)
		if guarded != 3 { // when the run began, and twice before the act
			t.Errorf("the guard was looked at %d times", guarded)
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

// The machine acts; where it pressed nothing, the person is asked to, after the guards and a look have passed again.
func TestStepAskIsToldWhenTheDriverPressedNothing(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		guarded := 0
		r.guards = []upgrade.Guard{{Name: "g", Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
			guarded++
			return upgrade.See(upgrade.Done, nil, "holds"), nil
		}}}
		tried := 0
		s := r.byHand("one")
		s.Act = func(context.Context, *slog.Logger) error {
			tried++
			return fmt.Errorf("page: %w", upgrade.ErrNotPressed)
		}
		rep := r.must(upgrade.Succeeded, s)
		r.pressed(1, "one")
		if got := stepReport(t, rep, "one"); tried != 1 || got.By != "person" || got.Acts != 1 || got.Who != upgrade.WhoEither {
			t.Errorf("the driver was tried %d times; %+v", tried, got)
		}
		if guarded != 3 { // at the beginning, before the driver, before the person
			t.Errorf("the guard was looked at %d times", guarded)
		}
	})
}

// Without a person, or with one who will not, a step that pressed nothing is blocked, and a later run tries again.
func TestStepThatPressedNothingIsBlockedWithoutAPerson(t *testing.T) {
	tests := map[string]upgrade.Operator{
		"no operator":        nil,
		"consents only":      &upgrade.Consents{},
		"he says not done":   answers(upgrade.AnswerNotDone),
		"the answer is none": answers("maybe"),
	}
	for name, op := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				r.o.Operator = op
				s := r.byHand("one")
				s.Act = func(context.Context, *slog.Logger) error { return upgrade.ErrNotPressed }
				want := upgrade.BlockedRun
				if name == "the answer is none" {
					want = upgrade.UnknownEnd // he may have pressed it
				}
				r.must(want, s)
				s.Act = r.step("one").Act
				r.o.Operator = r.person()
				r.must(upgrade.Succeeded, s)
				r.pressed(1, "one")
			})
		})
	}
}

// answers says the same to everything.
func answers(text string) upgrade.Operator {
	return upgrade.OperatorFunc(func(context.Context, upgrade.Question) (upgrade.Answer, error) {
		return upgrade.Answer{Text: text, By: "tester"}, nil
	})
}

// A step with Ask alone is done when the person says so, and only then.
func TestStepWithOnlyAskIsDoneWhenThePersonSaysSo(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s := r.byHand("one")
		s.Observe = nil
		rep := r.must(upgrade.Succeeded, s)
		wantText(t, stepReport(t, rep, "one").Detail, "a person says that it is done")

		r.o.Journal, r.o.Operator = upgrade.NoJournal(), answers(upgrade.AnswerNotDone)
		r.must(upgrade.BlockedRun, s)

		r.o.Journal = upgrade.NoJournal()
		r.o.Operator = upgrade.OperatorFunc(func(context.Context, upgrade.Question) (upgrade.Answer, error) {
			return upgrade.Answer{}, upgrade.ErrNoAnswer
		})
		r.must(upgrade.UnknownEnd, s)
	})
}

// Inputs are printable data: they are in the plan, the journal and the digest.
func TestStepInputsArePrintable(t *testing.T) {
	s := upgrade.Step{Name: "one", With: map[string]string{"version": "7.0.2.1"}, Observe: see(upgrade.Done, "")}.At("3")
	d, err := upgrade.Plan(upgrade.Procedure{Name: "p", Steps: []upgrade.Step{s}})
	if err != nil || d.Steps[0].With["version"] != "7.0.2.1" || d.Steps[0].Ref != "3" {
		t.Fatalf("Plan = %+v, %v", d, err)
	}
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, string(raw)+d.String(), `"version":"7.0.2.1"`, "version 7.0.2.1")
}
