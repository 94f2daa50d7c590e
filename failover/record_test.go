package failover_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/failovertest"
)

const host = "access.example.com."

var (
	addrA = netip.MustParseAddr("192.0.2.1")
	addrB = netip.MustParseAddr("192.0.2.2")
	addrC = netip.MustParseAddr("192.0.2.3")
	boxes = map[netip.Addr]string{addrA: "guid-a", addrB: "guid-b"}
)

func setA(ttl time.Duration, addrs ...netip.Addr) failover.RecordSet {
	s := failover.RecordSet{Name: host, Type: failover.A, TTL: ttl}
	for _, a := range addrs {
		s.Values = append(s.Values, a.String())
	}
	return s
}

func newZone(name string, sets ...failover.RecordSet) *failovertest.Zone {
	if len(sets) == 0 {
		sets = []failover.RecordSet{setA(time.Hour, addrA)}
	}
	return failovertest.NewZone(name, sets...)
}

func record(zones ...*failovertest.Zone) *failover.Record {
	r := &failover.Record{From: failover.Side{Name: "A", ID: "guid-a"}, To: failover.Side{Name: "B", ID: "guid-b"}}
	for _, z := range zones {
		r.Zones = append(r.Zones, failover.Zone{Editor: z, Authorities: z.Authorities, Moves: []failover.Move{failover.MoveAddress(host, addrA, addrB)}})
	}
	return r
}

func have(t *testing.T, z *failovertest.Zone) []string {
	t.Helper()
	sets, err := z.Read(context.Background(), []failover.Key{{Name: host, Type: failover.A}})
	if err != nil {
		t.Fatal(err)
	}
	return sets[0].Values
}

func TestRecordSwing(t *testing.T) {
	tests := map[string]struct {
		before []netip.Addr
		fault  failovertest.Fault
		reads  failovertest.Fault // for all reads after the change was sent
		want   failover.Outcome
		class  error
		after  []string
		sends  int
	}{
		"applies": {before: []netip.Addr{addrA}, want: failover.Applied, after: []string{"192.0.2.2"}, sends: 1},
		"is done already": {
			before: []netip.Addr{addrB}, want: failover.AlreadyDone, after: []string{"192.0.2.2"},
		},
		"both addresses are there": {
			before: []netip.Addr{addrA, addrB}, want: failover.Conflict, class: failover.ErrGuard, after: []string{"192.0.2.1", "192.0.2.2"},
		},
		"somebody moved it elsewhere": {
			before: []netip.Addr{addrC}, want: failover.Conflict, class: failover.ErrGuard, after: []string{"192.0.2.3"},
		},
		"the name is gone": {want: failover.Conflict, class: failover.ErrGuard},
		"refused": {
			before: []netip.Addr{addrA}, fault: failovertest.Refused, want: failover.Unchanged, class: failover.ErrRefused, after: []string{"192.0.2.1"}, sends: 1,
		},
		"not sent": {
			before: []netip.Addr{addrA}, fault: failovertest.NotSent, want: failover.Unchanged, class: failover.ErrNotSent, after: []string{"192.0.2.1"}, sends: 1,
		},
		"the answer is lost after the act": {
			before: []netip.Addr{addrA}, fault: failovertest.LostAnswer, want: failover.AlreadyDone, after: []string{"192.0.2.2"}, sends: 1,
		},
		"the request is lost": {
			before: []netip.Addr{addrA}, fault: failovertest.LostRequest, want: failover.Unchanged, after: []string{"192.0.2.1"}, sends: 1,
		},
		"the request arrives a second after its answer was given up": {
			before: []netip.Addr{addrA}, fault: failovertest.Late, want: failover.AlreadyDone, after: []string{"192.0.2.2"}, sends: 1,
		},
		"the answer is lost and nobody can be asked since": {
			before: []netip.Addr{addrA}, fault: failovertest.LostAnswer, reads: failovertest.LostRequest, want: failover.Unknown, after: []string{"192.0.2.2"}, sends: 1,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				z := newZone("example.com.", setA(time.Hour, tt.before...))
				z.Fail("Replace", 1, tt.fault)
				if tt.reads != 0 {
					z.Fail("Read", 1, 0)
					z.Fail("Read", 1000, tt.reads)
				}
				res, err := record(z).Swing(t.Context())
				if res.Outcome != tt.want {
					t.Errorf("Swing() outcome = %v, want %v (%v)", res.Outcome, tt.want, err)
				}
				if (err == nil) != tt.want.Good() || tt.class != nil && !errors.Is(err, tt.class) {
					t.Errorf("Swing() error = %v, want class %v", err, tt.class)
				}
				if n := z.Calls("Replace"); n != tt.sends {
					t.Errorf("%d changes were sent, want %d", n, tt.sends)
				}
				z.Heal()
				if d := cmp.Diff(tt.after, have(t, z)); d != "" {
					t.Errorf("values (-want +got):\n%s", d)
				}
			})
		})
	}
}

func TestRecordVerify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone("example.com.", setA(8*time.Second, addrA))
		z.Secondary("ns2", 510*time.Millisecond)
		good, bad := z.Resolver("good"), z.Resolver("stretches")
		bad.MinTTL = 30 * time.Second
		r := record(z)
		r.Zones[0].Resolvers = []failover.Nameserver{good, bad}
		r.Vantages = []failover.Vantage{{From: "here", Ask: failovertest.Site(bad, host, boxes)}}
		for _, ns := range []*failovertest.Resolver{good, bad} { // both have the old value in the cache
			if _, err := ns.Ask(t.Context(), []failover.Key{{Name: host, Type: failover.A}}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := r.Swing(t.Context()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		rep, err := failover.Verify(t.Context(), r, &failover.VerifyOptions{Event: func(rep failover.Report) {
			if raw, err := json.Marshal(rep); err != nil || json.Unmarshal(raw, &rep) != nil {
				t.Errorf("the report does not survive as JSON: %v", err)
			}
		}})
		if err != nil {
			t.Fatalf("Verify() = %v\n%+v", err, rep)
		}
		if took := time.Since(began); took < 29*time.Second || took > 33*time.Second {
			t.Errorf("Verify took %v, want the stretched 30 s and little more", took)
		}
		if n := bad.Calls("Ask"); n > 20 {
			t.Errorf("the resolver was asked %d times: there must be no polling", n)
		}
		if !rep.Identity.Proven() {
			t.Errorf("identity %v is not proven", rep.Identity)
		}
	})
}
