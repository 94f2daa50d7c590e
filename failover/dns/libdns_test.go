package dns_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libdns/libdns"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/dns"
	"github.com/changeover-sdk/changeover/failover/failovertest"
)

// store is a libdns provider in memory. Its quirks are those of real providers.
type store struct {
	mu      sync.Mutex
	zone    string
	records []libdns.RR

	appends      bool           // SetRecords only adds
	deletesFirst bool           // SetRecords deletes, then fails
	half         bool           // SetRecords sets the first record, then fails
	lies         bool           // SetRecords reports success and does nothing
	fails        error          // SetRecords fails before it does anything
	late         error          // SetRecords fails after it has done everything
	floor        time.Duration  // of TTLs
	meddle       func(s *store) // called at the start of SetRecords: somebody else's change
}

func (s *store) GetRecords(ctx context.Context, zone string) ([]libdns.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if zone != s.zone {
		return nil, errors.New("no such zone")
	}
	var out []libdns.Record
	for i, r := range s.records {
		if i%2 == 0 { // providers may return parsed records or plain ones
			out = append(out, r)
			continue
		}
		p, err := r.Parse()
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func (s *store) SetRecords(ctx context.Context, _ string, recs []libdns.Record) ([]libdns.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.meddle != nil {
		s.meddle(s)
		s.meddle = nil
	}
	if s.fails != nil || s.lies {
		return nil, s.fails
	}
	if !s.appends {
		s.records = slices.DeleteFunc(s.records, func(r libdns.RR) bool {
			return slices.ContainsFunc(recs, func(n libdns.Record) bool { return n.RR().Name == r.Name && n.RR().Type == r.Type })
		})
	}
	if s.deletesFirst {
		s.deletesFirst = false
		return nil, errors.New("internal server error")
	}
	for _, r := range recs {
		rr := r.RR()
		rr.TTL = max(rr.TTL, s.floor)
		if !slices.Contains(s.records, rr) {
			s.records = append(s.records, rr)
		}
		if s.half {
			s.half = false
			return nil, errors.New("rate limit exceeded")
		}
	}
	return recs, s.late
}

// deletable is a store that can delete too.
type deletable struct{ *store }

func (s deletable) DeleteRecords(_ context.Context, _ string, recs []libdns.Record) ([]libdns.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = slices.DeleteFunc(s.records, func(r libdns.RR) bool {
		return slices.ContainsFunc(recs, func(n libdns.Record) bool { return n.RR() == r })
	})
	return recs, nil
}

func newStore(zone string, sets ...failover.RecordSet) *store {
	s := &store{zone: zone}
	for _, set := range sets {
		for _, v := range set.Values {
			s.records = append(s.records, libdns.RR{Name: libdns.RelativeName(set.Name, zone), Type: string(set.Type), TTL: set.TTL, Data: v})
		}
	}
	return s
}

func TestProviderConforms(t *testing.T) {
	failovertest.TestRecordEditor(t, func(_ *testing.T, sets []failover.RecordSet) failover.RecordEditor {
		return dns.NewProvider("memory", deletable{newStore(failovertest.SuiteZone, sets...)}, failovertest.SuiteZone)
	})
}

func TestTrapProviders(t *testing.T) {
	site := failover.RecordSet{Name: host, Type: failover.A, TTL: time.Hour, Values: []string{a.String()}}
	tests := map[string]struct {
		quirk func(*store)
		keeps bool // the provider cannot delete
		want  failover.Outcome
		class error
		after []string
		says  string
	}{
		"conforms": {quirk: func(*store) {}, want: failover.Applied, after: []string{"192.0.2.2"}},
		"only appends": {
			quirk: func(s *store) { s.appends = true }, want: failover.Applied, after: []string{"192.0.2.2"},
		},
		"only appends and cannot delete": {
			quirk: func(s *store) { s.appends = true }, keeps: true, want: failover.Conflict, after: []string{"192.0.2.1", "192.0.2.2"}, says: "cannot delete",
		},
		"deletes, then fails": {
			quirk: func(s *store) { s.deletesFirst = true }, want: failover.Unchanged, class: failover.ErrRefused, after: []string{"192.0.2.1"}, says: "internal server error",
		},
		"sets half, then fails": { // with one record half is all
			quirk: func(s *store) { s.half = true }, want: failover.Applied, after: []string{"192.0.2.2"},
		},
		"fails before it does anything": {
			quirk: func(s *store) { s.fails = libdns.AtomicErr(errors.New("quota")) }, want: failover.Unchanged, class: failover.ErrRefused, after: []string{"192.0.2.1"}, says: "quota",
		},
		"fails after it has done everything": {
			quirk: func(s *store) { s.late = errors.New("gateway time-out") }, want: failover.Applied, after: []string{"192.0.2.2"},
		},
		"reports success and does nothing": {
			quirk: func(s *store) { s.lies = true }, want: failover.Unchanged, after: []string{"192.0.2.1"}, says: "did not do it",
		},
		"somebody else's change comes in between and stays": {
			quirk: func(s *store) {
				s.appends = true
				s.meddle = func(s *store) {
					s.records[0].Data = "192.0.2.77"
				}
			}, want: failover.Conflict, after: []string{"192.0.2.2", "192.0.2.77"}, says: "neither old nor new",
		},
		"has a floor for TTLs": {
			quirk: func(s *store) { s.floor = 2 * time.Hour }, want: failover.Applied, after: []string{"192.0.2.2"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStore(apex, site, failover.RecordSet{Name: apex, Type: failover.A, TTL: time.Hour, Values: []string{"192.0.2.200"}})
				tt.quirk(s)
				var rs dns.RecordStore = deletable{s}
				if tt.keeps {
					rs = s
				}
				p := dns.NewProvider("memory", rs, apex)
				res, err := record(p).Swing(t.Context())
				if res.Outcome != tt.want || (err == nil) != tt.want.Good() || tt.class != nil && !errors.Is(err, tt.class) {
					t.Errorf("Swing() = %v, %v, want %v of class %v", res.Outcome, err, tt.want, tt.class)
				}
				if err != nil && !strings.Contains(err.Error(), tt.says) {
					t.Errorf("error %v does not say %q", err, tt.says)
				}
				have, err := p.Read(t.Context(), []failover.Key{{Name: host, Type: failover.A}, {Name: apex, Type: failover.A}})
				if err != nil || !slices.Equal(have[0].Values, tt.after) {
					t.Errorf("there is %v, %v, want %v", have, err, tt.after)
				}
				if err == nil && !slices.Equal(have[1].Values, []string{"192.0.2.200"}) {
					t.Errorf("another name was changed: %v", have[1])
				}
			})
		})
	}
}

func TestTrapProviderSetsHalf(t *testing.T) {
	old := []failover.RecordSet{
		{Name: host, Type: failover.A, TTL: time.Hour, Values: []string{a.String()}},
		{Name: host, Type: failover.AAAA, TTL: time.Hour, Values: []string{"2001:db8::1"}},
	}
	s := newStore(apex, old...)
	s.half = true
	p := dns.NewProvider("memory", deletable{s}, apex)
	r := &failover.Record{Zones: []failover.Zone{{Editor: p, Moves: []failover.Move{
		{Name: host, Type: failover.A, From: []string{a.String()}, To: []string{b.String()}},
		{Name: host, Type: failover.AAAA, From: []string{"2001:db8::1"}, To: []string{"2001:db8::2"}},
	}}}}
	if res, err := r.Swing(t.Context()); res.Outcome != failover.Unchanged || !errors.Is(err, failover.ErrRefused) {
		t.Errorf("Swing() = %v, %v, want Unchanged: the old values were put back", res.Outcome, err)
	}
	view, err := r.Look(t.Context())
	if err != nil || view.Position != failover.AtFrom || view.Wait != time.Hour {
		t.Errorf("Look() = %+v, %v, want the old values with their TTL", view, err)
	}
}

func TestTrapProviderFloorOfTTLs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore(apex, failover.RecordSet{Name: host, Type: failover.A, TTL: time.Hour, Values: []string{a.String()}})
		s.floor = 5 * time.Minute
		_, res, err := record(dns.NewProvider("memory", deletable{s}, apex)).LowerTTL(t.Context(), 30*time.Second)
		if err == nil || res.Outcome != failover.Conflict || !strings.Contains(err.Error(), "floor") {
			t.Errorf("LowerTTL() = %v, %v, want a conflict that names the floor", res.Outcome, err)
		}
	})
}

func TestTrapProviderTypeChangeHasAGap(t *testing.T) {
	s := newStore(apex, failover.RecordSet{Name: host, Type: failover.A, TTL: time.Hour, Values: []string{a.String()}})
	r := &failover.Record{Zones: []failover.Zone{{Editor: dns.NewProvider("memory", deletable{s}, apex), Moves: []failover.Move{
		{Name: host, Type: failover.A, From: []string{a.String()}},
		{Name: host, Type: failover.CNAME, To: []string{"b.example.com."}, TTL: time.Hour},
	}}}}
	if res, err := r.Swing(t.Context()); res.Outcome != failover.Unchanged || !errors.Is(err, failover.ErrNotSent) {
		t.Errorf("Swing() = %v, %v, want Unchanged and ErrNotSent", res.Outcome, err)
	}
}
