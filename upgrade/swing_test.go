package upgrade_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/failovertest"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

var (
	oldBox, newBox = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	boxIDs         = map[netip.Addr]string{oldBox: "guid-a", newBox: "guid-b"}
)

// entry is a gateway's entry with a connection through it, to be swung and the connection cut.
func entry(n *failovertest.NAT) *failover.NATEntry {
	return &failover.NATEntry{NAT: n, Cut: true, Vantages: []failover.Vantage{{From: "here", Ask: n.Probe(boxIDs)}},
		From: failover.Target{Side: failover.Side{Name: "A", ID: "guid-a"}, Addr: oldBox}, To: failover.Target{Side: failover.Side{Name: "B", ID: "guid-b"}, Addr: newBox}}
}

// both says what is wrong when the site's name does not lead to B in all zones, or one of them was changed more than once.
func (s *namedSite) both(_ *upgrade.Report, err error) error {
	for i, z := range s.zones {
		if h := s.have(i); !slices.Equal(h.Values, []string{"192.0.2.2"}) {
			err = errors.Join(err, fmt.Errorf("zone %d: %s", i, h))
		}
		ans, aerr := z.Primary().Ask(s.t.Context(), nil)
		if aerr != nil || ans.Serial != 3 { // 1, the first contents, the swing
			err = errors.Join(err, aerr, fmt.Errorf("zone %d was changed %d times", i, ans.Serial-2))
		}
	}
	return err
}

// Wherever the process dies, also between the two zones of a split horizon, the next one finishes the swing and each zone is changed once.
func TestCrashSwingDNS(t *testing.T) {
	upgradetest.TestCrash(t, func(t *testing.T) upgradetest.Trial {
		s := newNamedSite(t, time.Minute, time.Minute)
		return upgradetest.Trial{Fresh: func() upgrade.Procedure {
			return upgrade.Procedure{Name: "swing", Steps: []upgrade.Step{upgrade.SwingDNS(s.record(), 0)}}
		}, Truth: s.both}
	})
	for calls := 1; ; calls++ { // inside of the act, at every call to a zone
		died := false
		synctest.Test(t, func(t *testing.T) {
			s := newNamedSite(t, time.Minute, time.Minute)
			left := calls
			rec := s.record()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for i, z := range s.zones {
				rec.Zones[i].Editor = &mortalZone{z, &left, cancel}
			}
			o := s.o
			o.Journal = &dyingJournal{Journal: s.o.Journal, when: func(upgrade.Record) bool { return left <= 0 }, before: true, die: cancel}
			_, _ = upgrade.Run(ctx, upgrade.Procedure{Name: "swing", Steps: []upgrade.Step{upgrade.SwingDNS(rec, 0)}}, &o)
			died = left <= 0
			rep, err := s.run([]upgrade.Step{upgrade.SwingDNS(s.record(), 0)})
			if err := s.both(rep, err); err != nil {
				t.Errorf("died at call %d: %v\n%s", calls, err, rep)
			}
		})
		if !died {
			if calls < 8 {
				t.Errorf("there were only %d calls", calls-1)
			}
			return
		}
	}
}

// mortalZone is an editor whose process dies with a call: just before or just after it is carried out. What a dead process calls does nothing.
type mortalZone struct {
	*failovertest.Zone
	left *int
	die  func()
}

func (m *mortalZone) around(do func() error) error {
	if *m.left--; *m.left <= 0 {
		m.die()
		return errDead
	}
	err := do()
	if *m.left--; *m.left <= 0 {
		m.die()
		return errDead
	}
	return err
}

func (m *mortalZone) Read(ctx context.Context, keys []failover.Key) (have []failover.RecordSet, err error) {
	err = m.around(func() error { have, err = m.Zone.Read(ctx, keys); return err })
	return have, err
}

func (m *mortalZone) Replace(ctx context.Context, c []failover.Change) error {
	return m.around(func() error { return m.Zone.Replace(ctx, c) })
}

// Each call goes wrong once in each way, at each zone. What the report says is the truth, and a second run, after everything is mended, ends well.
func TestFaultSwingDNS(t *testing.T) {
	faults := map[string]failovertest.Fault{"answer lost": failovertest.LostAnswer, "request lost": failovertest.LostRequest, "refused": failovertest.Refused, "not sent": failovertest.NotSent,
		"stale": failovertest.Stale, "late": failovertest.Late}
	for _, op := range []string{"Read", "Replace"} {
		for name, fault := range faults {
			if op == "Read" && (fault == failovertest.Late || fault == failovertest.LostAnswer) {
				continue // for a read they are a lost request
			}
			for zone := range 2 {
				for nth := range 3 {
					t.Run(fmt.Sprintf("%s %d of zone %d %s", op, nth+1, zone+1, name), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							s := newNamedSite(t, time.Minute, time.Minute)
							z := s.zones[zone]
							z.Fail(op, nth, 0)
							z.Fail(op, 1, fault)
							rep, err := s.run([]upgrade.Step{upgrade.SwingDNS(s.record(), 0)})
							good := s.have(0).Values[0] == "192.0.2.2" && s.have(1).Values[0] == "192.0.2.2"
							if rep.Outcome.Good() != (err == nil) || rep.Outcome.Good() != good {
								t.Errorf("the report says %s (%v), but the zones have %s and %s\n%s", rep.Outcome, err, s.have(0), s.have(1), rep)
							}
							if rep.Outcome == upgrade.UnknownEnd {
								t.Errorf("nobody knows, although everything can be read: %v\n%s", err, rep)
							}
							z.Heal()
							rep, err = s.run([]upgrade.Step{upgrade.SwingDNS(s.record(), 0)})
							for i := range s.zones {
								if h := s.have(i); err != nil || h.Values[0] != "192.0.2.2" {
									t.Errorf("the second run: %v, zone %d has %s\n%s", err, i, h, rep)
								}
							}
						})
					})
				}
			}
		}
	}
}

// What is neither old nor new stops the run before anything is sent.
func TestSwingDNSStopsWhereNobodyKnowsWhoIsRight(t *testing.T) {
	for name, set := range map[string]failover.RecordSet{"both sides": sets(time.Minute, "192.0.2.1", "192.0.2.2"), "elsewhere": sets(time.Minute, "192.0.2.9"), "nowhere": sets(0)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newNamedSite(t, time.Minute)
				s.zones[0].Edit(set)
				s.must(upgrade.BlockedRun, []upgrade.Step{upgrade.SwingDNS(s.record(), 0)})
				if n := s.zones[0].Calls("Replace"); n != 0 {
					t.Errorf("%d changes were sent", n)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // half of it was done before, and not by us
		s := newNamedSite(t, time.Minute, time.Minute)
		s.zones[0].Edit(sets(time.Minute, "192.0.2.2"))
		s.must(upgrade.BlockedRun, []upgrade.Step{upgrade.SwingDNS(s.record(), 0)})
	})
}

// A swing that is too early waits, and sends nothing meanwhile.
func TestSwingDNSWaitsUntilTheOldTTLHasRunOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newNamedSite(t, time.Minute)
		rec := s.record()
		rec.NotBefore = time.Now().Add(5 * time.Hour)
		s.must(upgrade.Succeeded, []upgrade.Step{upgrade.SwingDNS(rec, 0)})
		if n := s.zones[0].Calls("Replace"); n != 1 || time.Now().Before(rec.NotBefore) {
			t.Errorf("%d changes were sent, and it ended %v too early", n, time.Until(rec.NotBefore))
		}
	})
}

// Hundreds of zones with their servers must fit the journal.
func TestSwingDNSOfManyZones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &namedSite{t: t, o: upgrade.Options{Journal: upgrade.NoJournal()}}
		for range 500 {
			z := failovertest.NewZone("a-zone-with-a-name-of-some-length.example.com.", sets(time.Minute, "192.0.2.1"))
			for i := range 4 {
				z.Secondary(fmt.Sprintf("ns%d.a-name-server-with-a-name-of-some-length.example.com. (192.0.2.%d:53)", i, i), time.Second)
			}
			s.zones = append(s.zones, z)
		}
		rec := &failover.Record{AtOnce: 8}
		for _, z := range s.zones {
			rec.Zones = append(rec.Zones, failover.Zone{Editor: z, Authorities: z.Authorities, Moves: []failover.Move{failover.MoveAddress(swungName, oldBox, newBox)}})
		}
		s.must(upgrade.Succeeded, []upgrade.Step{upgrade.SwingDNS(rec, 0)})
		for _, r := range s.o.Journal.Records() {
			if len(r.Evidence) > 512<<10 {
				t.Errorf("%s of %s carries %d bytes", r.Kind, r.Path, len(r.Evidence))
			}
		}
	})
}

// Wherever the process dies: the entry leads to B, the old connection is cut, and the gateway would start so.
func TestCrashSwingNAT(t *testing.T) {
	begin := func(t *testing.T) (*failovertest.NAT, *failovertest.Conn) {
		n := failovertest.NewNAT(oldBox)
		c, _, err := n.Connect()
		if err != nil {
			t.Fatal(err)
		}
		return n, c
	}
	truth := func(n *failovertest.NAT, c *failovertest.Conn, err error) error {
		if c.Alive() {
			err = errors.Join(err, errors.New("the old connection was not cut"))
		}
		n.Reboot()
		if to, terr := n.Targets(context.Background()); terr != nil || !slices.Equal(to, []netip.Addr{newBox}) {
			err = errors.Join(err, terr, fmt.Errorf("after a reboot the entry leads to %v", to))
		}
		return err
	}
	upgradetest.TestCrash(t, func(t *testing.T) upgradetest.Trial {
		n, c := begin(t)
		return upgradetest.Trial{Fresh: func() upgrade.Procedure {
			return upgrade.Procedure{Name: "swing", Steps: []upgrade.Step{upgrade.SwingNAT(entry(n), 0)}}
		},
			Truth: func(_ *upgrade.Report, err error) error { return truth(n, c, err) }}
	})
	for _, op := range []string{"Replace", "Cut", "Persist", "Targets", "Established", "Persisted"} { // inside of the act
		for name, fault := range map[string]failovertest.Fault{"answer lost": failovertest.LostAnswer, "request lost": failovertest.LostRequest, "not sent": failovertest.NotSent} {
			t.Run(op+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n, c := begin(t)
					n.Fail(op, 1, fault)
					s := &namedSite{t: t, o: upgrade.Options{Journal: upgrade.NoJournal()}}
					rep, err := s.run([]upgrade.Step{upgrade.SwingNAT(entry(n), 0)})
					if err := truth(n, c, err); err != nil {
						t.Errorf("%v\n%s", err, rep)
					}
				})
			})
		}
	}
}

// What was cut is in the report, and what cannot be persisted stops the run: the gateway would lead back to A after a reboot.
func TestSwingNATSaysWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := failovertest.NewNAT(oldBox)
		if _, _, err := n.Connect(); err != nil {
			t.Fatal(err)
		}
		s := &namedSite{t: t, o: upgrade.Options{Journal: upgrade.NoJournal()}}
		rep := s.must(upgrade.Succeeded, []upgrade.Step{upgrade.SwingNAT(entry(n), 0)})
		wantText(t, rep.String(), "1 established connections were cut")
	})
	synctest.Test(t, func(t *testing.T) {
		n := failovertest.NewNAT(oldBox)
		n.Fail("Persist", 1<<10, failovertest.LostRequest)
		s := &namedSite{t: t, o: upgrade.Options{Journal: upgrade.NoJournal()}}
		rep, err := s.run([]upgrade.Step{upgrade.SwingNAT(entry(n), 0)})
		if !errors.Is(err, upgrade.ErrUnknown) || !strings.Contains(rep.String(), "would start with something else") {
			t.Errorf("the run ended %v\n%s", err, rep)
		}
		if n.Calls("Replace") != 1 {
			t.Errorf("the entry was changed %d times", n.Calls("Replace"))
		}
	})
}
