package upgrade_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/failovertest"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

const (
	swungName = "access.example.com."
	lowTTL    = 30 * time.Second
)

func sets(ttl time.Duration, addrs ...string) failover.RecordSet {
	return failover.RecordSet{Name: swungName, Type: failover.A, TTL: ttl, Values: addrs}
}

// named is a site's name in zones of the given TTLs, each with a secondary that is three seconds late, and a journal.
type namedSite struct {
	t     *testing.T
	zones []*failovertest.Zone
	o     upgrade.Options
}

func newNamedSite(t *testing.T, ttls ...time.Duration) *namedSite {
	s := &namedSite{t: t, o: upgrade.Options{Journal: upgrade.NoJournal()}}
	for i, ttl := range ttls {
		z := failovertest.NewZone([]string{"example.com.", "internal.example.com."}[i], sets(ttl, "192.0.2.1"))
		z.Secondary("ns2", 3*time.Second)
		s.zones = append(s.zones, z)
	}
	time.Sleep(time.Minute) // the secondaries have it
	return s
}

func (s *namedSite) record() *failover.Record {
	r := &failover.Record{From: failover.Side{Name: "A"}, To: failover.Side{Name: "B"}}
	for _, z := range s.zones {
		r.Zones = append(r.Zones, failover.Zone{Editor: z, Authorities: z.Authorities,
			Moves: []failover.Move{{Name: swungName, Type: failover.A, From: []string{"192.0.2.1"}, To: []string{"192.0.2.2"}}}})
	}
	return r
}

// steps are made anew for every run, as a new process makes them.
func (s *namedSite) steps(between ...upgrade.Step) []upgrade.Step {
	rec := s.record()
	lower, await := upgrade.LowerTTL(rec, lowTTL)
	return slices.Concat([]upgrade.Step{lower}, between, []upgrade.Step{await, upgrade.SwingDNS(rec, 0)})
}

func (s *namedSite) run(steps []upgrade.Step) (*upgrade.Report, error) {
	s.t.Helper()
	o := s.o
	return upgrade.Run(s.t.Context(), upgrade.Procedure{Name: "swing", Steps: steps}, &o)
}

func (s *namedSite) must(want upgrade.Outcome, steps []upgrade.Step) *upgrade.Report {
	s.t.Helper()
	rep, err := s.run(steps)
	if rep == nil || rep.Outcome != want || (err == nil) != want.Good() {
		s.t.Fatalf("the run ended %v, want %s\n%v", err, want, rep)
	}
	return rep
}

func (s *namedSite) have(zone int) failover.RecordSet {
	s.t.Helper()
	have, err := s.zones[zone].Read(s.t.Context(), []failover.Key{{Name: swungName, Type: failover.A}})
	if err != nil {
		s.t.Fatal(err)
	}
	return have[0]
}

func (s *namedSite) wantEnd(zone int, addr string, ttl time.Duration) {
	s.t.Helper()
	if h := s.have(zone); h.TTL != ttl || !slices.Equal(h.Values, []string{addr}) {
		s.t.Errorf("zone %d ends with %v ttl %v, want %s ttl %v", zone, h, h.TTL, addr, ttl)
	}
}

func TestLowerTTLGoesAheadOfASwing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newNamedSite(t, time.Hour)
		slow := s.zones[0].Secondary("slow", 10*time.Minute)
		time.Sleep(slow.Delay)
		began := time.Now()
		rep := s.must(upgrade.Succeeded, s.steps())
		s.wantEnd(0, "192.0.2.2", time.Hour)
		if took := time.Since(began) - 2*slow.Delay; took < time.Hour || took > time.Hour+3*time.Minute { // it lowers late, and turns late
			t.Errorf("it took %v: the swing must wait until the old TTL has run out since the last server had the lowered one", took)
		}
		if n := s.zones[0].Calls("Replace"); n != 3 {
			t.Errorf("%d changes were sent, want 3: lowered, swung, restored", n)
		}
		if r := stepReport(t, rep, "lower the TTL/restore"); r.Status != upgrade.StatusDone || len(rep.Owed) > 0 {
			t.Errorf("the restore is %+v, owed %v", r, rep.Owed)
		}
	})
}

// The first step goes days ahead, and the second one, in another process, counts from what the journal says.
func TestLowerTTLInAnotherProcess(t *testing.T) {
	for name, tt := range map[string]struct{ between, waits time.Duration }{
		"20 minutes later, it waits for the rest": {20 * time.Minute, 40 * time.Minute},
		"three days later, it does not wait":      {72 * time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newNamedSite(t, time.Hour)
				hold := upgrade.Hold("the window", "the TTL is lowered")
				rep := s.must(upgrade.Held, s.steps(hold))
				if len(rep.Owed) != 1 {
					t.Errorf("owed %+v, want the TTL", rep.Owed)
				}
				s.wantEnd(0, "192.0.2.1", lowTTL)
				time.Sleep(tt.between)
				began := time.Now()
				s.must(upgrade.Succeeded, s.steps(hold))
				s.wantEnd(0, "192.0.2.2", time.Hour)
				if took := time.Since(began); took < tt.waits-time.Minute || took > tt.waits+2*time.Minute {
					t.Errorf("the second run took %v, want %v", took, tt.waits)
				}
			})
		})
	}
}

func TestLowerTTLThatSomebodyRaisesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newNamedSite(t, time.Hour)
		hold := upgrade.Hold("the window", "")
		s.must(upgrade.Held, s.steps(hold))
		s.zones[0].Edit(sets(2*time.Hour, "192.0.2.1"))
		rep := s.must(upgrade.BlockedRun, s.steps(hold))
		wantText(t, rep.String(), "somebody has raised it again")
		s.wantEnd(0, "192.0.2.1", 2*time.Hour) // nothing was swung

		// He lowers it himself and the run goes on; what he chose later is left alone, and said.
		s.zones[0].Edit(sets(lowTTL, "192.0.2.1"))
		steps := s.steps(hold)
		look := steps[3].Observe
		steps[3].Observe = func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
			o, err := look(ctx, l)
			if o.Phase == upgrade.Done {
				s.zones[0].Edit(sets(10*time.Minute, "192.0.2.2"))
			}
			return o, err
		}
		rep = s.must(upgrade.Succeeded, steps)
		s.wantEnd(0, "192.0.2.2", 10*time.Minute)
		if r := stepReport(t, rep, "lower the TTL/restore"); r.Status != upgrade.StatusLeft {
			t.Errorf("the restore is %+v, want it left", r)
		}
	})
}

// A name server that is down between the two steps stops nothing.
func TestLowerTTLAsksNobodyInBetween(t *testing.T) {
	for name, ttl := range map[string]time.Duration{"lowered": time.Hour, "low already": lowTTL} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { askNobody(t, ttl) }) })
	}
}

func askNobody(t *testing.T, ttl time.Duration) {
	s, r := newNamedSite(t, ttl), &rig{t: t, toy: newToy(time.Minute)}
	down := upgrade.Step{Name: "the name server goes down", Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
		s.zones[0].Fail("Read", 1<<10, failovertest.LostRequest)
		return upgrade.See(upgrade.Done, nil, "down"), nil
	}}
	up := upgrade.Step{Name: "and comes back", Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
		s.zones[0].Heal()
		return upgrade.See(upgrade.Done, nil, "up"), nil
	}}
	s.must(upgrade.Succeeded, s.steps(down, r.step("update"), up))
	s.wantEnd(0, "192.0.2.2", ttl)
}

func TestLowerTTLThatIsLowAlready(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newNamedSite(t, 10*time.Second)
		began := time.Now()
		rep := s.must(upgrade.Succeeded, s.steps())
		s.wantEnd(0, "192.0.2.2", 10*time.Second)
		if n := s.zones[0].Calls("Replace"); n != 1 || time.Since(began) > 2*time.Minute {
			t.Errorf("%d changes were sent in %v, want the swing only", n, time.Since(began))
		}
		if r := stepReport(t, rep, "lower the TTL"); r.Status != upgrade.StatusAlready {
			t.Errorf("the step is %+v", r)
		}
	})
}

// Two zones: what the first had before counts, also when the second refused at first and the act was sent again.
func TestLowerTTLInTwoZones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newNamedSite(t, 24*time.Hour, time.Hour)
		s.zones[1].Fail("Replace", 1, failovertest.Refused)
		began := time.Now()
		s.must(upgrade.Succeeded, s.steps())
		s.wantEnd(0, "192.0.2.2", 24*time.Hour)
		s.wantEnd(1, "192.0.2.2", time.Hour)
		if took := time.Since(began); took < 24*time.Hour {
			t.Errorf("it took %v: the first zone's old TTL was a day", took)
		}
		if n := s.zones[0].Calls("Replace"); n != 3 {
			t.Errorf("the first zone was changed %d times, want 3", n)
		}
	})
}

// What was lowered is put back when the journal is given up, also where the second zone never took it.
func TestLowerTTLIsPutBackByAbandon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newNamedSite(t, 24*time.Hour, time.Hour)
		s.zones[1].Fail("Replace", 1<<10, failovertest.Refused)
		rep := s.must(upgrade.Failed, s.steps())
		if len(rep.Owed) != 1 {
			t.Errorf("owed %+v, want the TTL", rep.Owed)
		}
		s.wantEnd(0, "192.0.2.1", lowTTL)
		o := s.o
		if rep, err := upgrade.Abandon(t.Context(), upgrade.Procedure{Name: "swing", Steps: s.steps()}, &o); err != nil || len(rep.Owed) > 0 {
			t.Errorf("Abandon() = %v, owed %v", err, rep.Owed)
		}
		s.wantEnd(0, "192.0.2.1", 24*time.Hour)
		s.wantEnd(1, "192.0.2.1", time.Hour)
	})
	synctest.Test(t, func(t *testing.T) { // where nothing was changed nothing is owed
		s := newNamedSite(t, time.Hour)
		s.zones[0].Fail("Replace", 1, failovertest.Refused)
		if rep := s.must(upgrade.Failed, s.steps()); len(rep.Owed) > 0 {
			t.Errorf("owed %+v", rep.Owed)
		}
		s.must(upgrade.Succeeded, s.steps()) // and the next run may try again
		s.wantEnd(0, "192.0.2.2", time.Hour)
	})
}

// paper is a zone that only a person may edit.
type paper struct{ *failovertest.Zone }

func (paper) Replace(context.Context, []failover.Change) error { return failover.ErrNotPressed }

func TestLowerTTLByAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newNamedSite(t, time.Hour)
		addr := map[string]string{}
		var told []string
		s.o.Operator = upgrade.OperatorFunc(func(_ context.Context, q upgrade.Question) (upgrade.Answer, error) {
			if q.Instruction == nil {
				return upgrade.Answer{}, errors.New("asked something else")
			}
			told = append(told, q.Step)
			switch q.Step {
			case "lower the TTL":
				s.zones[0].Edit(sets(lowTTL, "192.0.2.1"))
				addr[q.Step] = q.Instruction.Set[0].Value
			case "swing DNS":
				s.zones[0].Edit(sets(lowTTL, "192.0.2.2"))
			case "lower the TTL/restore":
				s.zones[0].Edit(sets(time.Hour, "192.0.2.2"))
				addr[q.Step] = q.Instruction.Set[0].Value
			}
			return upgrade.Answer{Text: upgrade.AnswerDone, By: "tester"}, nil
		})
		rec := s.record()
		rec.Zones[0].Editor = paper{s.zones[0]}
		lower, await := upgrade.LowerTTL(rec, lowTTL)
		s.must(upgrade.Succeeded, []upgrade.Step{lower, await, upgrade.SwingDNS(rec, 0)})
		if want := []string{"lower the TTL", "swing DNS", "lower the TTL/restore"}; !slices.Equal(told, want) {
			t.Errorf("a person was told %q, want %q", told, want)
		}
		if addr["lower the TTL"] != "30" || addr["lower the TTL/restore"] != "3600, as before" {
			t.Errorf("told the TTLs %v", addr)
		}
	})
}

// A wait without its lowering must not pass.
func TestLowerTTLBelongsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newNamedSite(t, 10*time.Second)
		steps := s.steps()
		if rep, err := s.run(steps[1:]); !errors.Is(err, upgrade.ErrBlocked) {
			t.Errorf("a wait alone ends %v\n%s", err, rep)
		}
		s.o.Journal = upgrade.NoJournal()
		if _, err := s.run(slices.Delete(slices.Clone(steps), 1, 2)); err == nil {
			t.Error("a lowering without its wait is a valid procedure")
		}
	})
}

// Whatever is crashed: the TTL is as it was, the name is at B, and each zone was changed three times.
func TestCrashLowerTTL(t *testing.T) {
	upgradetest.TestCrash(t, func(t *testing.T) upgradetest.Trial {
		s := newNamedSite(t, time.Hour, 2*time.Hour)
		return upgradetest.Trial{Fresh: func() upgrade.Procedure { return upgrade.Procedure{Name: "swing", Steps: s.steps()} }, Truth: func(_ *upgrade.Report, err error) error {
			for i, ttl := range []time.Duration{time.Hour, 2 * time.Hour} {
				h := s.have(i)
				if n := s.zones[i].Calls("Replace"); h.TTL != ttl || h.Values[0] != "192.0.2.2" || n != 3 {
					err = errors.Join(err, errors.New(h.String()+" ttl "+h.TTL.String()))
				}
			}
			return err
		}}
	})
}
