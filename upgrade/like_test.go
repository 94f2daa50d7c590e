package upgrade_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
)

// install is a step with all three limits.
func install(name string, d time.Duration) upgrade.Step {
	s := wait(name, d)
	s.Takes, s.Worry, s.Limit, s.Advice = time.Hour, 2*time.Hour, 3*time.Hour, "Do not restart it."
	return s
}

// of returns the events of a kind, as text.
func (r *rig) of(kind upgrade.EventKind) (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Kind == kind {
			all = append(all, e.Path+": "+e.Detail)
		}
	}
	return all
}

func TestLikeMeasuredSetsTheLimits(t *testing.T) {
	tests := map[string]struct {
		first, second time.Duration
		crash         bool // between the act and the end of the first
		want          upgrade.Outcome
		worries       int
	}{
		"as long as the first":              {20 * time.Minute, 20 * time.Minute, false, upgrade.Succeeded, 0},
		"worry at twice the first":          {20 * time.Minute, 45 * time.Minute, false, upgrade.Succeeded, 1},
		"stop at three times the first":     {20 * time.Minute, 70 * time.Minute, false, upgrade.UnknownEnd, 1},
		"a long first one gives more time":  {150 * time.Minute, 5 * time.Hour, false, upgrade.Succeeded, 1}, // a worry of the first
		"half an hour is no less than that": {10 * time.Minute, 29 * time.Minute, false, upgrade.Succeeded, 1},
		"too short to be one":               {2 * time.Minute, 70 * time.Minute, false, upgrade.Succeeded, 0},
		"not measured across a crash":       {20 * time.Minute, 70 * time.Minute, true, upgrade.Succeeded, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				steps := []upgrade.Step{
					upgrade.Group("update B", install("install", tt.first)),
					upgrade.Hold("second window", "soon"),
					upgrade.Like("update B", upgrade.Group("update A", install("install", tt.second))),
				}
				if tt.crash {
					r.crash(at(upgrade.KindSent, "update B/install"), false, steps...)
				}
				r.must(upgrade.Held, steps...)
				time.Sleep(20 * time.Hour) // another process, with nothing but the journal
				rep := r.must(tt.want, steps...)
				if worries := r.of(upgrade.EventWorry); len(worries) != tt.worries {
					t.Errorf("worries: %q", worries)
				}
				acts := r.of(upgrade.EventAct)
				said := strings.Contains(acts[len(acts)-1], `as "update B/install" did`)
				if believed := !tt.crash && tt.first > 6*time.Minute; said != believed {
					t.Errorf("measured %t: %q", said, acts)
				}
				if tt.want == upgrade.UnknownEnd {
					wantText(t, rep.String(), "much longer than the expected 20m", "Do not restart it.")
				}
			})
		})
	}
}

// A group that must not be left half-way begins only if what was measured fits into the window, not what was guessed.
func TestLikeMeasuredMustFitTheWindow(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		steps := []upgrade.Step{
			upgrade.Whole("update B", install("install", 100*time.Minute)),
			upgrade.Hold("second window", "soon"),
			upgrade.Like("update B", upgrade.Whole("update A", install("install", 100*time.Minute))),
		}
		r.must(upgrade.Held, steps...)
		r.o.Closes = time.Now().Add(90 * time.Minute) // an hour, as guessed, would fit
		rep := r.must(upgrade.Held, steps...)
		wantText(t, rep.String(), `"update A" takes about 1h 40m`)
		r.o.Closes = time.Now().Add(2 * time.Hour)
		r.must(upgrade.Succeeded, steps...)
	})
}

// What a person took to press is not what the appliance takes.
func TestLikeCountsFromThePersonsWord(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		slow := upgrade.OperatorFunc(func(ctx context.Context, q upgrade.Question) (upgrade.Answer, error) {
			if q.Kind == upgrade.AskPress {
				time.Sleep(3 * time.Hour)
			}
			return upgrade.Answer{Text: upgrade.AnswerDone}, nil
		})
		r.o.Operator = slow
		hand := func(name string) upgrade.Step {
			s := install(name, 3*time.Hour+20*time.Minute) // of which the person takes three hours
			s.Act, s.Ask = nil, func(*upgrade.Mark) *upgrade.Instruction { return &upgrade.Instruction{Where: "x", Button: "y"} }
			return s
		}
		steps := []upgrade.Step{upgrade.Group("update B", hand("install")), upgrade.Like("update B", upgrade.Group("update A", install("install", 65*time.Minute)))}
		r.must(upgrade.UnknownEnd, steps...) // 20 minutes were measured: 65 are too many
	})
}

func TestLikeIsValidated(t *testing.T) {
	step := func(name, like string) upgrade.Step {
		s := install(name, time.Minute)
		s.Like = like
		return s
	}
	tests := map[string]struct {
		steps []upgrade.Step
		want  string
	}{
		"nothing is called that": {[]upgrade.Step{step("a", "b")}, "0 steps before it are called that"},
		"only one behind":        {[]upgrade.Step{step("a", "b"), step("b", "")}, "0 steps before it are called that"},
		"two are called that":    {[]upgrade.Step{upgrade.Group("x", step("b", "")), upgrade.Group("y", step("b", "")), step("a", "b")}, "2 steps before it"},
		"a check":                {[]upgrade.Step{step("b", ""), {Name: "c", Like: "b", Observe: see(upgrade.Done, "")}}, "is Like no other"},
		"exposes for ever":       {[]upgrade.Step{{Name: "c", Exposes: "no failover", Observe: see(upgrade.Done, ""), Act: noAct}}, "needs an Until"},
		"remembers and acts":     {[]upgrade.Step{{Name: "c", Remembers: true, Observe: see(upgrade.Done, ""), Act: noAct}}, "so it only looks"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			wantText(t, fmt.Sprint(upgrade.Procedure{Name: "p", Steps: tt.steps}.Validate()), tt.want)
		})
	}
}

func TestExposedIsSaidAtEveryResume(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		broken := r.step("break")
		broken.Exposes, broken.Until = "the site has no failover", "establish"
		steps := []upgrade.Step{broken, upgrade.Hold("second window", "soon"), r.step("update A"), upgrade.Group("again", r.step("establish"))}
		rep := r.must(upgrade.Held, steps...)
		if len(rep.Exposed) != 1 || !rep.Exposed[0].Until.IsZero() {
			t.Errorf("after the first window: %+v", rep.Exposed)
		}
		wantText(t, rep.String(), "the site has no failover since")
		time.Sleep(20 * time.Hour)
		r.crash(at(upgrade.KindSent, "update A"), false, steps...) // a resume that is no hold
		time.Sleep(time.Hour)
		rep = r.must(upgrade.Succeeded, steps...)
		runs := r.of(upgrade.EventRun)
		if len(runs) != 3 || strings.Contains(runs[0], "no failover") || !strings.Contains(runs[1], "no failover, for 20h") || !strings.Contains(runs[2], "no failover, for 21h") {
			t.Errorf("the runs say %q", runs)
		}
		if x := rep.Exposed[0]; x.Until.Sub(x.Since) < 21*time.Hour || x.Until.Sub(x.Since) > 22*time.Hour {
			t.Errorf("exposed %s", x)
		}
		wantText(t, rep.String(), "the site has no failover for 21h")
		last := r.of(upgrade.EventRun)
		r.must(upgrade.AlreadyDone, steps...)
		if again := r.of(upgrade.EventRun); strings.Contains(again[len(last)], "no failover") {
			t.Errorf("failover is back, and it says %q", again[len(last)])
		}
	})
}

func TestRemembersAcrossRuns(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		soak := upgrade.Step{Name: "soak", Remembers: true, Limit: 48 * time.Hour, Every: time.Hour,
			Observe: func(_ context.Context, l upgrade.Look) (upgrade.Observation, error) {
				if l.Since == nil || l.Elapsed < 30*time.Hour {
					return upgrade.See(upgrade.Pending, map[string]int{"hours": int(l.Elapsed.Hours())}, "soaks"), nil
				}
				return upgrade.See(upgrade.Done, nil, "soaked for %s, first with %s", l.Elapsed, l.Since.Before), nil
			}}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Hour)
		defer cancel()
		r.mustCtx(ctx, upgrade.Held, r.step("act"), soak)
		time.Sleep(25 * time.Hour)
		began := time.Now()
		rep := r.must(upgrade.Succeeded, r.step("act"), soak)
		if d := time.Since(began); d > time.Hour {
			t.Errorf("the wait began anew: %s", d)
		}
		wantText(t, stepReport(t, rep, "soak").Detail, "soaked for 3", `first with {"hours":0}`)
		if n := len(r.records(upgrade.KindSeen)); n != 11 { // the switch's, and one an hour
			t.Errorf("%d looks are remembered", n)
		}
	})
}
