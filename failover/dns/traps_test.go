package dns_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/dns"
	"github.com/changeover-sdk/changeover/failover/dns/dnstest"
	"github.com/changeover-sdk/changeover/failover/failovertest"
)

const (
	apex   = "example.com."
	host   = "access.example.com."
	secret = "c3dpbmcgdGhlIHNpdGUsIG5vdCB0aGUgc2VjcmV0IQ==" // the canary of these tests: it must appear nowhere
)

var a, b = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")

func testKey(t testing.TB) dns.Key {
	t.Helper()
	k, err := dns.ParseKey([]byte(`key "swing." { algorithm hmac-sha256; secret "` + secret + `"; };`))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// start returns a primary in memory and an editor of its zone. It must be called in the bubble, which ends only when the server has.
func start(t testing.TB, sets ...failover.RecordSet) (*dnstest.Server, *dns.Zone) {
	t.Helper()
	if sets == nil {
		sets = []failover.RecordSet{{Name: host, Type: failover.A, TTL: time.Hour, Values: []string{a.String()}}}
	}
	srv := &dnstest.Server{Zone: failovertest.NewZone(apex, sets...), Name: apex, Key: testKey(t), NS: []string{"ns1.example.com."}}
	s, err := dns.NewServer("192.0.2.53", testKey(t).Signer(), &dns.Options{Dial: srv.Dial})
	if err != nil {
		t.Fatal(err)
	}
	z, err := s.Zone(apex)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(); _ = srv.Close() })
	return srv, z
}

func record(e failover.RecordEditor) *failover.Record {
	return &failover.Record{From: failover.Side{Name: "A"}, To: failover.Side{Name: "B"},
		Zones: []failover.Zone{{Editor: e, Moves: []failover.Move{failover.MoveAddress(host, a, b)}}}}
}

// swings runs one swing against each fault and checks what is said of it and how often the update was sent.
func swings(t *testing.T, tests map[dnstest.Fault]swingCase) {
	for fault, tt := range tests {
		t.Run(fmt.Sprintf("fault %d %s", fault, tt.what), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, z := start(t)
				srv.Fail(fault)
				res, err := record(z).Swing(t.Context())
				if res.Outcome != tt.want || (err == nil) != tt.want.Good() {
					t.Errorf("Swing() = %v, %v, want %v", res.Outcome, err, tt.want)
				}
				if tt.class != nil && !errors.Is(err, tt.class) {
					t.Errorf("error %v is not of class %v", err, tt.class)
				}
				if n := srv.Updates(); n != 1 {
					t.Errorf("%d updates were sent, want exactly 1", n)
				}
				if e, ok := errors.AsType[*dns.Error](err); tt.tsig != "" && (!ok || e.TSIG != tt.tsig) {
					t.Errorf("error %v has not the TSIG error %s", err, tt.tsig)
				}
				for _, w := range tt.says {
					if !strings.Contains(fmt.Sprint(err), w) {
						t.Errorf("error %v does not say %q", err, w)
					}
				}
				if strings.Contains(fmt.Sprintf("%v %+v %#v %+v", err, err, z, res), secret) {
					t.Error("the secret is in an output")
				}
			})
		})
	}
}

type swingCase struct {
	what  string
	want  failover.Outcome
	class error
	tsig  string
	says  []string
}

func TestTrapUnsignedAnswer(t *testing.T) {
	swings(t, map[dnstest.Fault]swingCase{
		dnstest.Unsigned:       {what: "success that was carried out", want: failover.AlreadyDone},
		dnstest.ForgedSuccess:  {what: "success that was not carried out", want: failover.Unchanged, says: []string{"not signed"}},
		dnstest.ForgedGuard:    {what: "broken guard that was none", want: failover.Unchanged, says: []string{"not signed"}},
		dnstest.OtherSignature: {what: "signed with another secret", want: failover.AlreadyDone},
		dnstest.Echo:           {what: "our own signature comes back", want: failover.AlreadyDone},
		dnstest.Garbage:        {what: "bytes that are no message", want: failover.AlreadyDone},
	})
}

func TestTrapNotAuthHasManyMeanings(t *testing.T) {
	swings(t, map[dnstest.Fault]swingCase{
		dnstest.BadKey:      {what: "unknown key", want: failover.Unchanged, class: failover.ErrRefused, tsig: "BADKEY", says: []string{"does not know a key"}},
		dnstest.BadSig:      {what: "wrong secret", want: failover.Unchanged, class: failover.ErrRefused, tsig: "BADSIG", says: []string{"secret differs"}},
		dnstest.NotPrimary:  {what: "not the primary", want: failover.Unchanged, class: failover.ErrRefused, says: []string{"not the primary"}},
		dnstest.UnknownZone: {what: "unknown zone, unsigned", want: failover.Unchanged, class: failover.ErrRefused, says: []string{"not the primary"}},
	})
}

func TestTrapClockSkewIsReported(t *testing.T) {
	swings(t, map[dnstest.Fault]swingCase{
		dnstest.BadTime: {what: "wrong clock", want: failover.Unchanged, class: failover.ErrRefused, tsig: "BADTIME", says: []string{"differs from ours by 1h0m0s", "set both clocks right"}},
	})
}

func TestTrapServersDifferForOneFault(t *testing.T) {
	swings(t, map[dnstest.Fault]swingCase{
		dnstest.Refused:        {what: "BIND, a policy or a secondary", want: failover.Unchanged, class: failover.ErrRefused},
		dnstest.PlainRefused:   {what: "PowerDNS, a wrong key", want: failover.Unchanged, class: failover.ErrRefused},
		dnstest.NotImplemented: {what: "NSD, a secondary", want: failover.Unchanged, class: failover.ErrRefused, says: []string{"secondary"}},
		dnstest.FormErr:        {what: "not understood", want: failover.Unchanged, class: failover.ErrRefused},
	})
}

func TestTrapLostAnswerIsReadNotResent(t *testing.T) {
	swings(t, map[dnstest.Fault]swingCase{
		dnstest.Lost:      {what: "carried out", want: failover.AlreadyDone},
		dnstest.Swallowed: {what: "not carried out", want: failover.Unchanged},
		dnstest.Silent:    {what: "never answered", want: failover.Unchanged},
	})
}

func TestTrapServFail(t *testing.T) {
	tests := map[string]struct {
		faults  int
		somehow func(*failovertest.Zone) // what somebody else does meanwhile
		want    failover.Outcome
		updates int
	}{
		"for a moment after a reload": {faults: 2, want: failover.Applied, updates: 3},
		"for ever without a journal":  {faults: 1000, want: failover.Unchanged, updates: 8},
		"and somebody moved it meanwhile": {
			faults: 1, somehow: func(z *failovertest.Zone) {
				z.Edit(failover.RecordSet{Name: host, Type: failover.A, TTL: time.Hour, Values: []string{"192.0.2.77"}})
			}, want: failover.Conflict, updates: 1,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, z := start(t)
				for range tt.faults {
					srv.Fail(dnstest.ServFail)
				}
				e := failover.RecordEditor(z)
				if tt.somehow != nil {
					e = meddler{z, func() { tt.somehow(srv.Zone) }}
				}
				res, err := record(e).Swing(t.Context())
				if res.Outcome != tt.want {
					t.Errorf("Swing() = %v, %v, want %v", res.Outcome, err, tt.want)
				}
				if n := srv.Updates(); n != tt.updates {
					t.Errorf("%d updates were sent, want %d", n, tt.updates)
				}
			})
		})
	}
}

// meddler changes the zone just before an update is sent.
type meddler struct {
	*dns.Zone
	meddle func()
}

func (m meddler) Replace(ctx context.Context, c []failover.Change) error {
	m.meddle()
	return m.Zone.Replace(ctx, c)
}

func TestTrapSecondMessageOnOneConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, z := start(t)
		r := failover.Swinger(record(z))
		for i := range 10 { // a client that chains signatures fails at the second one
			if res, err := r.Swing(t.Context()); res.Outcome != failover.Applied {
				t.Fatalf("swing %d = %v, %v", i, res.Outcome, err)
			}
			r = r.Back()
		}
		if n := srv.Dials(); n != 1 {
			t.Errorf("%d connections were made, want 1: kept ones are used again", n)
		}
	})
}

func TestTrapSignedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, z := start(t)
		srv.Fail(dnstest.ServFail) // the message goes out a second time; with two signatures it would be FORMERR
		if res, err := record(z).Swing(t.Context()); res.Outcome != failover.Applied {
			t.Errorf("Swing() = %v, %v", res.Outcome, err)
		}
	})
}

func TestTrapIdleConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, z := start(t)
		if _, err := record(z).Swing(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second) // longer than a connection is kept
		synctest.Wait()
		if _, err := record(z).Back().Swing(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := srv.Dials(); n != 2 {
			t.Errorf("%d connections were made, want 2: an idle one must not be trusted", n)
		}
	})
}

func TestTrapManyConnectionsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, z := start(t)
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				if _, err := z.Read(t.Context(), []failover.Key{{Name: host, Type: failover.A}}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := srv.Dials(); n > 4 {
			t.Errorf("%d connections were made for 64 reads, want 4 at most: BIND's backlog is 10", n)
		}
	})
}

func TestTrapAliasBesideOtherData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, z := start(t, failover.RecordSet{Name: "x.example.com.", Type: failover.CNAME, TTL: time.Hour, Values: []string{"a.example.com."}})
		srv.Fail(dnstest.None)
		dropper := &failover.Record{Zones: []failover.Zone{{Editor: z, Moves: []failover.Move{{Name: "x.example.com.", Type: failover.CNAME, From: []string{"a.example.com."}, To: []string{"b.example.com."}}}}}}
		srv.Zone.Fail("Replace", 1, failovertest.Stale) // carried out; the reading back then sees the old one
		srv.Zone.Fail("Read", 3, 0)
		srv.Zone.Fail("Read", 1, failovertest.Stale)
		res, err := dropper.Swing(t.Context())
		if res.Outcome == failover.Applied {
			t.Errorf("Swing() = %v, %v, but the alias was not read back", res.Outcome, err)
		}
	})
}

func TestTrapNameIsNotOfTheZone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, z := start(t)
		set := failover.RecordSet{Name: "access.example.org.", Type: failover.A, TTL: time.Hour, Values: []string{"192.0.2.1"}}
		err := z.Replace(t.Context(), []failover.Change{{Old: set, New: set}})
		if !errors.Is(err, failover.ErrNotSent) || !errors.Is(err, failover.ErrInvalid) || srv.Updates() != 0 {
			t.Errorf("Replace() = %v after %d updates, want ErrNotSent and none", err, srv.Updates())
		}
	})
}

func TestNotSentWithoutAConnection(t *testing.T) {
	s, err := dns.NewServer("192.0.2.53", testKey(t).Signer(), &dns.Options{Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no route to host")
	}})
	if err != nil {
		t.Fatal(err)
	}
	z, err := s.Zone(apex)
	if err != nil {
		t.Fatal(err)
	}
	set := failover.RecordSet{Name: host, Type: failover.A, Values: []string{a.String()}}
	if err := z.Replace(t.Context(), []failover.Change{{Old: set, New: set}}); !errors.Is(err, failover.ErrNotSent) {
		t.Errorf("Replace() = %v, want ErrNotSent", err)
	}
}
