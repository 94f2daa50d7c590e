package runbook_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/failovertest"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/runbook"
)

// ways are the three swings of the guide.
var ways = map[string]pratest.Traffic{"dns": pratest.ByDNS, "shared-ip": pratest.BySharedIP, "nat": pratest.ByNAT}

// traffic is the thing that moves a site's traffic, outside of the simulator where there is one.
type traffic struct {
	zone     *failovertest.Zone
	resolver *failovertest.Resolver
	nat      *failovertest.NAT
}

const siteName = "access.example.com"

// wire makes the simulated site follow a simulated zone or gateway.
func wire(s *pratest.Site, way pratest.Traffic) *traffic {
	s.Traffic = way
	w := &traffic{}
	a := netip.MustParseAddr("192.0.2.11")
	switch way {
	case pratest.ByDNS:
		w.zone = failovertest.NewZone("example.com.", failover.RecordSet{Name: siteName + ".", Type: failover.A, TTL: 5 * time.Minute, Values: []string{a.String()}})
		w.zone.Secondary("ns2", 30*time.Second)
		w.resolver = w.zone.Resolver("office")
		s.Lookup = func(ctx context.Context, host string) ([]string, error) {
			if host != siteName {
				return nil, fmt.Errorf("no such host: %s", host)
			}
			set, err := w.zone.Read(ctx, []failover.Key{{Name: siteName + ".", Type: failover.A}})
			if err != nil {
				return nil, err
			}
			return set[0].Values, nil
		}
	case pratest.ByNAT:
		w.nat = failovertest.NewNAT(a)
		s.Translate = func(outside netip.Addr) netip.Addr {
			to, err := w.nat.Targets(context.Background())
			if err != nil || len(to) != 1 || outside != s.Outside() {
				return netip.Addr{}
			}
			return to[0]
		}
	}
	return w
}

// record is the site's name in w's zone.
func (r *praRig) record(w *traffic) *failover.Record {
	return &failover.Record{From: failover.Side{Name: "A", ID: r.site.A.GUID}, To: failover.Side{Name: "B", ID: r.site.B.GUID}, Vantages: r.eyes(), Zones: []failover.Zone{{
		Editor: w.zone, Authorities: w.zone.Authorities, Resolvers: []failover.Nameserver{w.resolver},
		Moves: []failover.Move{failover.MoveAddress(siteName+".", r.site.A.Addr, r.site.B.Addr)},
	}}}
}

func (r *praRig) eyes() []failover.Vantage {
	return []failover.Vantage{{From: "this machine", Ask: upgrade.PRAProbe(r.name)}}
}

// swing is the step that moves the traffic from A to B.
func (r *praRig) swing(w *traffic, way pratest.Traffic) upgrade.Step {
	a, b := failover.Side{Name: "A", ID: r.site.A.GUID}, failover.Side{Name: "B", ID: r.site.B.GUID}
	switch way {
	case pratest.ByDNS:
		return upgrade.SwingDNS(r.record(w), 0)
	case pratest.ByNAT:
		return upgrade.SwingNAT(&failover.NATEntry{NAT: w.nat, From: failover.Target{Side: a, Addr: r.site.A.Addr}, To: failover.Target{Side: b, Addr: r.site.B.Addr}, Vantages: r.eyes()}, 0)
	}
	return upgrade.SwingSharedIP(r.a, r.b, r.site.A.SharedIP, r.name)
}

func (r *praRig) sync() runbook.PRASync {
	return runbook.PRASync{Primary: r.a, Backup: r.b, Site: r.name, Artifacts: r.artifacts, Update: r.update, PRASettings: r.set}
}

func (r *praRig) async(w *traffic, way pratest.Traffic) runbook.PRAAsync {
	book := runbook.PRAAsync{Primary: r.a, Backup: r.b, Site: r.name, Swing: r.swing(w, way), Artifacts: r.artifacts, Update: r.update, PRASettings: r.set}
	if way == pratest.ByDNS {
		book.LowerTTL, book.AwaitTTL = upgrade.LowerTTL(r.record(w), 30*time.Second)
	}
	return book
}

// checkTTL wants the TTL of w's zone as it was, after a lowering, the swing and a restoring.
func (r *praRig) checkTTL(t *testing.T, w *traffic) {
	t.Helper()
	have, err := w.zone.Read(t.Context(), []failover.Key{{Name: siteName + ".", Type: failover.A}})
	if err != nil || have[0].TTL != 5*time.Minute || w.zone.Calls("Replace") != 3 {
		t.Errorf("the name ends with %v ttl %v, %v, after %d changes", have, have[0].TTL, err, w.zone.Calls("Replace"))
	}
}

// windows carries the procedure out in as many runs as it has holds.
func (r *praRig) windows(t *testing.T) (*upgrade.Report, error) {
	t.Helper()
	rep, err := r.run(t)
	if err == nil || rep == nil || rep.Outcome != upgrade.Held {
		return rep, err
	}
	time.Sleep(20 * time.Hour) // the next night
	return r.run(t)
}

// pairSite is a pair without sessions that never end.
func pairSite() *pratest.Site {
	s := pratest.Pair()
	s.Users = []pratest.User{{Name: "ada"}}
	return s
}

// checkPairEnd looks at what the appliances are after a run that succeeded.
func (r *praRig) checkPairEnd(t *testing.T, primary *pratest.Box) {
	t.Helper()
	for _, b := range r.site.Boxes() {
		if _, v, _ := b.Running(); v != praNew {
			t.Errorf("%s runs %s", b.Name, v)
		}
		want := beyondtrust.RoleBackup
		if b == primary {
			want = beyondtrust.RolePrimary
		}
		if b.Role() != want {
			t.Errorf("%s is %s, want %s", b.Name, b.Role(), want)
		}
	}
	if at := r.site.At(); len(at) != 1 || at[0] != primary.Name {
		t.Errorf("the site's name leads to %v", at)
	}
}

func TestPRASync(t *testing.T) {
	for name, h := range map[string]hands{"through the pages": byPages, "by a person": byPerson} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newPRARig(t, pairSite(), h)
				r.procedure = r.sync().Procedure()
				rep, err := r.windows(t)
				if err != nil || rep.Outcome != upgrade.Succeeded {
					t.Fatalf("Run: %v\n%s\n%s", err, rep, r.site.Record())
				}
				r.check(t, rep)
				r.checkPairEnd(t, &r.site.A)
			})
		})
	}
}

func TestPRAAsync(t *testing.T) {
	for way, kind := range ways {
		for name, h := range map[string]hands{"through the pages": byPages, "by a person": byPerson} {
			t.Run(way+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := pairSite()
					w := wire(s, kind)
					r := newPRARig(t, s, h)
					r.procedure = r.async(w, kind).Procedure()
					rep, err := r.windows(t)
					if err != nil || rep.Outcome != upgrade.Succeeded {
						t.Fatalf("Run: %v\n%s\n%s", err, rep, r.site.Record())
					}
					r.check(t, rep)
					r.checkPairEnd(t, &s.B)
					if kind == pratest.ByDNS {
						r.checkTTL(t, w)
					}
					if kind == pratest.BySharedIP && name == "through the pages" && !strings.Contains(rep.String(), "nobody held the address for") {
						t.Errorf("the report does not say how long nobody held the address:\n%s", rep)
					}
				})
			})
		}
	}
}

// Half of a lowering is refused before anything is asked of anybody.
func TestPRALowerTTLBelongsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pairSite()
		w := wire(s, pratest.ByDNS)
		r := newPRARig(t, s, byPages)
		book := r.async(w, pratest.ByDNS)
		if err := book.Check(); err != nil {
			t.Fatal(err)
		}
		book.AwaitTTL = upgrade.Step{}
		if err := book.Check(); err == nil {
			t.Error("a lowering without its wait passes")
		}
		_, move := migration(t, byPages)
		move.LowerTTL = upgrade.Step{}
		if err := move.Check(); err == nil {
			t.Error("a wait without its lowering passes")
		}
	})
}
