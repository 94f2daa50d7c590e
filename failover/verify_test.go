package failover_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/failovertest"
)

// swung is a site that was just swung, with a secondary, and a resolver that had the old value in its cache.
type swung struct {
	zone  *failovertest.Zone
	ns2   *failovertest.Server
	cache *failovertest.Resolver
	rec   *failover.Record
	began time.Time
}

func swing(t *testing.T, ttl time.Duration, set func(*swung)) *swung {
	t.Helper()
	s := &swung{zone: newZone("example.com.", setA(ttl, addrA))}
	s.ns2 = s.zone.Secondary("ns2", 20*time.Millisecond)
	s.cache = s.zone.Resolver("cache")
	s.rec = record(s.zone)
	s.rec.Zones[0].Resolvers = []failover.Nameserver{s.cache}
	s.rec.Vantages = []failover.Vantage{{From: "here", Ask: failovertest.Site(s.cache, host, boxes)}}
	if set != nil {
		set(s)
	}
	time.Sleep(time.Second) // past the secondaries' delays
	if _, err := s.cache.Ask(t.Context(), []failover.Key{{Name: host, Type: failover.A}}); err != nil && s.cache.Calls("Ask") == 0 {
		t.Fatal(err)
	}
	if _, err := s.rec.Swing(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.began = time.Now()
	return s
}

func state(rep failover.Report, server string) failover.ServerReport {
	for _, s := range rep.Servers {
		if s.Server == server {
			return s
		}
	}
	return failover.ServerReport{}
}

func TestTrapResolverIsNotPolled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := swing(t, time.Hour, nil)
		asked := s.cache.Calls("Ask")
		rep, err := failover.Verify(t.Context(), s.rec, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := s.cache.Calls("Ask") - asked; n > 9 { // three questions twice, and three connections to the site
			t.Errorf("the resolver was asked %d times in an hour", n)
		}
		r := state(rep, "cache")
		if early := r.Turned.Sub(r.Predicted); early < 0 || early > time.Second {
			t.Errorf("the resolver turned %v after the predicted moment", early)
		}
		if took := time.Since(s.began); took < time.Hour-2*time.Second || took > time.Hour+5*time.Second {
			t.Errorf("the proof took %v", took)
		}
	})
}

func TestTrapResolverStretchesTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := swing(t, 8*time.Second, func(s *swung) { s.cache.MinTTL = 30 * time.Second })
		rep, err := failover.Verify(t.Context(), s.rec, nil)
		if err != nil || rep.Predicted().Sub(s.began) < 28*time.Second {
			t.Errorf("Verify() = %v, predicted %v after the swing, want the resolver's own 30 s", err, rep.Predicted().Sub(s.began))
		}
		if bound := rep.Bound.Sub(s.began); bound > 10*time.Second {
			t.Errorf("the bound for caches that nobody listed is %v, want the TTL that was published", bound)
		}
	})
}

func TestTrapNewNameIsNotAskedEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const name = "new.example.com."
		z := failovertest.NewZone("example.com.")
		z.Secondary("ns2", 5*time.Second)
		cache := z.Resolver("cache")
		cache.From = z.Secondary("ns3", 10*time.Second)
		r := &failover.Record{To: failover.Side{Name: "B"}, Zones: []failover.Zone{{Editor: z, Authorities: z.Authorities, Resolvers: []failover.Nameserver{cache},
			Moves: []failover.Move{{Name: name, Type: failover.A, To: []string{"192.0.2.2"}, TTL: time.Minute}}}}}
		time.Sleep(time.Minute)
		if _, err := r.Swing(t.Context()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := failover.Verify(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("it took %v: a question before the name was there has planted \"no such name\" for an hour", took)
		}
	})
}

func TestTrapServers(t *testing.T) {
	tests := map[string]struct {
		set   func(*swung)
		after func(t *testing.T, s *swung)
		ttl   time.Duration
		want  failover.Proof
		says  string
		check func(t *testing.T, s *swung, rep failover.Report)
	}{
		"the serial wraps round": {
			set: func(s *swung) { s.zone.SetSerial(1<<32 - 1) }, want: failover.Proven,
		},
		"somebody else's changes do not make the secondaries chase them": {
			set: func(s *swung) { s.ns2.Delay = 30 * time.Second }, ttl: time.Hour,
			after: func(t *testing.T, s *swung) {
				go func() {
					for range 100 {
						s.zone.Edit(failover.RecordSet{Name: "busy.example.com.", Type: failover.A, TTL: time.Minute, Values: []string{"192.0.2.9"}})
						time.Sleep(time.Second)
					}
				}()
			},
			want: failover.Proven, check: func(t *testing.T, s *swung, rep failover.Report) {
				turned := state(rep, "ns2").Turned
				if d := turned.Sub(s.began); d > 35*time.Second {
					t.Errorf("ns2 turned after %v", d)
				}
				if d := rep.Bound.Sub(turned); d != time.Hour {
					t.Errorf("the bound for other caches is %v after the last server turned, want the TTL", d)
				}
			},
		},
		"a dead name server blocks to its limit, not for ever": {
			set: func(s *swung) { s.zone.Secondary("dead", 0).Fail("Ask", 1<<20, failovertest.LostRequest) }, want: failover.TimedOut, says: "dead: unreachable",
			check: func(t *testing.T, s *swung, rep failover.Report) {
				if d := time.Since(s.began); d > 4*time.Minute {
					t.Errorf("it took %v", d)
				}
				if rep.Bound.IsZero() {
					t.Error("there is no bound for other caches")
				}
				if st := state(rep, "cache").State; st != failover.ServerNew {
					t.Errorf("the resolver is %s: a dead server kept it from being asked", st)
				}
			},
		},
		"a dead name server is skipped with a reason": {
			set: func(s *swung) {
				s.zone.Secondary("dead", 0).Fail("Ask", 1<<20, failovertest.LostRequest)
				s.zone.Skip("dead", "retired in May")
			}, want: failover.Proven, check: func(t *testing.T, _ *swung, rep failover.Report) {
				if len(rep.Skipped) != 1 || rep.Skipped[0].Reason != "retired in May" {
					t.Errorf("Skipped = %v", rep.Skipped)
				}
			},
		},
		"a server answers without authority": {
			set: func(s *swung) { s.ns2.Lame = true }, want: failover.TimedOut, says: "not authoritative",
		},
		"a secondary never turns, and resolvers are not asked": {
			set: func(s *swung) { s.ns2.Delay = 1000 * time.Hour; s.rec.Zones[0].Resolvers = nil }, want: failover.TimedOut, says: "ns2: ",
		},
		"a query error is not yet, not failed": {
			after: func(_ *testing.T, s *swung) { s.ns2.Fail("Ask", 3, failovertest.LostRequest) }, want: failover.Proven,
		},
		"several caches behind one address": {
			set: func(s *swung) { s.cache.Caches, s.rec.Vantages = 3, nil }, ttl: time.Minute, want: failover.Proven,
			check: func(t *testing.T, s *swung, _ failover.Report) {
				if d := time.Since(s.began); d < 58*time.Second {
					t.Errorf("it took only %v: a cache with the old value was overlooked", d)
				}
			},
		},
		"a resolver serves stale data past its deadline": {
			set: func(s *swung) { s.cache.Stale = 1000 * time.Hour }, ttl: 10 * time.Second, want: failover.TimedOut, says: "cache: old",
			check: func(t *testing.T, _ *swung, rep failover.Report) {
				r := state(rep, "cache")
				if r.Overdue == 0 || r.Left != 30*time.Second {
					t.Errorf("the report has %d overdue answers with %v left", r.Overdue, r.Left)
				}
			},
		},
		"a dead resolver": {
			after: func(_ *testing.T, s *swung) { s.cache.Fail("Ask", 1<<20, failovertest.LostRequest) }, want: failover.TimedOut, says: "cache: unreachable",
		},
		"somebody adds the old address again": {
			after: func(_ *testing.T, s *swung) { s.zone.Edit(setA(time.Minute, addrA, addrB)) }, want: failover.Contradicted, says: "at both sides",
		},
		"somebody adds an AAAA that no move lists": {
			after: func(_ *testing.T, s *swung) {
				s.zone.Edit(failover.RecordSet{Name: host, Type: failover.AAAA, TTL: time.Minute, Values: []string{"2001:db8::1"}})
			}, want: failover.Contradicted, says: "in no move",
		},
		"the wrong appliance answers behind the right name": {
			after: func(_ *testing.T, s *swung) {
				s.rec.Vantages[0].Ask = func(context.Context) (string, error) { return "guid-a", nil }
			}, want: failover.TimedOut, says: "guid-a answered",
		},
		"the primary cannot be read for a while": {
			after: func(_ *testing.T, s *swung) { s.zone.Fail("Read", 4, failovertest.LostRequest) }, want: failover.Proven,
		},
		"the primary is gone": {
			after: func(_ *testing.T, s *swung) { s.zone.Fail("Read", 1<<20, failovertest.LostRequest) }, want: failover.TimedOut, says: "connection reset",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ttl := tt.ttl
				if ttl == 0 {
					ttl = 5 * time.Second
				}
				s := swing(t, ttl, tt.set)
				if tt.after != nil {
					tt.after(t, s)
				}
				rep, err := failover.Verify(t.Context(), s.rec, nil)
				if rep.State != tt.want || (err == nil) != (tt.want == failover.Proven) || err != nil && !errors.Is(err, failover.ErrNotProven) {
					t.Errorf("Verify() = %v (%s), %v, want %v", rep.State, rep.Detail, err, tt.want)
				}
				if !strings.Contains(rep.Detail, tt.says) {
					t.Errorf("detail %q does not say %q", rep.Detail, tt.says)
				}
				if tt.check != nil {
					tt.check(t, s, rep)
				}
				synctest.Wait()
			})
		})
	}
}

// fixed is a name server that always says the same.
type fixed struct {
	name   string
	answer failover.Answer
}

func (f fixed) String() string { return f.name }

func (f fixed) Ask(_ context.Context, keys []failover.Key) (failover.Answer, error) {
	out := f.answer
	for _, k := range keys {
		set := failover.RecordSet{Name: k.Name, Type: k.Type}
		if k.Type == failover.A {
			set = setA(time.Minute, addrB)
		}
		out.Sets = append(out.Sets, set)
	}
	return out, nil
}

func TestTrapSerialArithmetic(t *testing.T) {
	for name, tt := range map[string]struct {
		primary, server uint32
		want            failover.ServerState
	}{
		"equal":                          {7, 7, failover.ServerNew},
		"later":                          {7, 8, failover.ServerNew},
		"earlier: a node that is behind": {8, 7, failover.ServerBehind},
		"later, wrapped round":           {1<<32 - 1, 3, failover.ServerNew},
		"earlier, wrapped round":         {3, 1<<32 - 1, failover.ServerBehind},
	} {
		t.Run(name, func(t *testing.T) {
			z := newZone("example.com.", setA(time.Minute, addrB))
			r := record(z)
			r.Zones[0].Authorities = func(context.Context) (failover.Authorities, error) {
				return failover.Authorities{
					Primary: fixed{"primary", failover.Answer{Authoritative: true, Serial: tt.primary, HasSerial: true}},
					Servers: []failover.Nameserver{fixed{"ns2", failover.Answer{Authoritative: true, Serial: tt.server, HasSerial: true}}},
				}, nil
			}
			rep, err := r.Check(t.Context(), nil)
			if err != nil || state(rep, "ns2").State != tt.want {
				t.Errorf("Check() = %v, %v, want %s", rep.Servers, err, tt.want)
			}
		})
	}
}

// A server may move the serial with nothing changed (PowerDNS does, for an update that says what is there): nobody is suspected for that.
func TestTrapSerialMovesWithoutAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := swing(t, 5*time.Second, func(s *swung) { s.zone.SetSerial(500) })
		s.zone.SetSerial(900)
		if _, err := failover.Verify(t.Context(), s.rec, nil); err != nil {
			t.Error(err)
		}
		s.zone.SetSerial(901)
		if res, err := s.rec.Back().Swing(t.Context()); res.Outcome != failover.Applied {
			t.Errorf("back: %v, %v", res.Outcome, err)
		}
	})
}

// All resolvers that were given are asked, and one that has the old value is enough not to be done.
func TestTrapEveryResolverIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var caches []*failovertest.Resolver
		s := swing(t, time.Minute, func(s *swung) {
			for i := range 5 {
				c := s.zone.Resolver(string(rune('a' + i)))
				if i == 4 { // the last one has it in its cache, the others have nothing
					time.Sleep(time.Second)
					if _, err := c.Ask(t.Context(), []failover.Key{{Name: host, Type: failover.A}}); err != nil {
						t.Fatal(err)
					}
				}
				caches = append(caches, c)
				s.rec.Zones[0].Resolvers = append(s.rec.Zones[0].Resolvers, c)
			}
			s.rec.Vantages = nil
		})
		rep, err := failover.Verify(t.Context(), s.rec, nil)
		if took := time.Since(s.began); err != nil || took < 55*time.Second {
			t.Errorf("Verify() = %v (%s), %v after %v: the last resolver had the old value for a minute", rep.State, rep.Detail, err, took)
		}
		for _, c := range caches {
			if c.Calls("Ask") == 0 {
				t.Errorf("resolver %s was not asked", c)
			}
		}
	})
}

// What authoritative servers may take and what resolvers may take are two limits, and each is kept.
func TestTrapDeadlinesAreSeparate(t *testing.T) {
	for name, tt := range map[string]struct {
		set    func(s *swung)
		limits failover.Limits
		want   time.Duration
	}{
		"authoritative servers": {func(s *swung) { s.ns2.Delay = 1000 * time.Hour }, failover.Limits{Authorities: 10 * time.Second, Resolvers: time.Hour}, 10 * time.Second},
		"resolvers":             {func(s *swung) { s.cache.Stale = 1000 * time.Hour }, failover.Limits{Authorities: time.Hour, Resolvers: 3 * time.Minute}, 3 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := swing(t, 5*time.Second, func(s *swung) { tt.set(s); s.rec.Limits = tt.limits })
				rep, err := failover.Verify(t.Context(), s.rec, nil)
				if took := time.Since(s.began); rep.State != failover.TimedOut || !errors.Is(err, failover.ErrNotProven) || took < tt.want || took > tt.want+time.Minute {
					t.Errorf("Verify() = %v (%s), %v after %v, want the limit of %v", rep.State, rep.Detail, err, took, tt.want)
				}
			})
		})
	}
}

func TestVerifyEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := swing(t, time.Hour, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		rep, err := failover.Verify(ctx, s.rec, nil)
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, failover.ErrNotProven) {
			t.Errorf("Verify() = %v, want the deadline", err)
		}
		if rep.State != failover.Pending || !strings.Contains(err.Error(), "cache: old") {
			t.Errorf("the last report is %v, and the error %v does not say who was waited for", rep.State, err)
		}
	})
}

func TestCheckGoesOnInAnotherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := swing(t, time.Hour, nil)
		var rep failover.Report
		for rep.State == failover.Pending {
			var last *failover.Report
			if rep.Checks > 0 {
				copied := roundTrip(t, rep)
				last = &copied
			}
			var err error
			if rep, err = s.rec.Check(t.Context(), last); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Until(rep.Next))
		}
		if rep.State != failover.Proven || time.Since(s.began) > time.Hour+5*time.Second {
			t.Errorf("state %v (%s) after %v", rep.State, rep.Detail, time.Since(s.began))
		}
		if n := s.cache.Calls("Ask"); n > 12 {
			t.Errorf("the resolver was asked %d times: what was predicted did not survive", n)
		}
	})
}
