package dns_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/dns"
)

// skewed signs as a machine whose clock is wrong.
func skewed(s dns.Signer, by time.Duration) dns.Signer {
	return func(ctx context.Context) (dns.Signature, error) {
		sig, err := s(ctx)
		sig.Provider = skewedProvider{sig.Provider, by}
		return sig, err
	}
}

type skewedProvider struct {
	mdns.TsigProvider
	by time.Duration
}

func (p skewedProvider) Generate(msg []byte, t *mdns.TSIG) ([]byte, error) {
	t.TimeSigned += uint64(p.by / time.Second)
	at := msg[len(msg)-12:] // time (6), fudge, error, length of other data: none
	binary.BigEndian.PutUint16(at, uint16(t.TimeSigned>>32))
	binary.BigEndian.PutUint32(at[2:], uint32(t.TimeSigned))
	return p.TsigProvider.Generate(msg, t)
}

func TestPeerBadInput(t *testing.T) {
	p2, p3 := port(t), port(t)
	bind := startBIND(t, siteText(60), p2, p3)
	startBINDSecondary(t, "site.test", bind, p2)
	startNSD(t, "site.test", bind, p3)
	knot := startKnot(t, siteText(60))
	good := testKey(t)
	parse := func(text string) dns.Key {
		k, err := dns.ParseKey([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	otherName := parse(strings.Replace(keyText, "swing.", "other.", 1))
	otherSecret := parse(strings.Replace(keyText, "c3dpbmc", "d3dpbmc", 1))
	change := func(from, to string) failover.Change {
		s := failover.RecordSet{Name: "access.site.test.", Type: failover.A, TTL: time.Minute}
		o, n := s, s
		o.Values, n.Values = []string{from}, []string{to}
		return failover.Change{Old: o, New: n}
	}
	move := change("192.0.2.1", "192.0.2.2")
	tests := map[string]struct {
		addr   string
		sign   dns.Signer
		zone   string
		change failover.Change
		class  error
		tsig   string
		says   string
	}{
		"BIND, NXRRSET":                     {bind, good.Signer(), siteZone, change("192.0.2.9", "192.0.2.2"), failover.ErrGuard, "", "NXRRSET"},
		"Knot, NXRRSET":                     {knot, good.Signer(), siteZone, change("192.0.2.9", "192.0.2.2"), failover.ErrGuard, "", "NXRRSET"},
		"BIND, unknown key":                 {bind, otherName.Signer(), siteZone, move, failover.ErrRefused, "BADKEY", ""},
		"Knot, unknown key":                 {knot, otherName.Signer(), siteZone, move, failover.ErrRefused, "BADKEY", ""},
		"BIND, wrong secret":                {bind, otherSecret.Signer(), siteZone, move, failover.ErrRefused, "BADSIG", ""},
		"Knot, wrong secret":                {knot, otherSecret.Signer(), siteZone, move, failover.ErrRefused, "BADSIG", ""},
		"BIND, wrong clock":                 {bind, skewed(good.Signer(), -time.Hour), siteZone, move, failover.ErrRefused, "BADTIME", "clock differs from ours by"},
		"Knot, wrong clock":                 {knot, skewed(good.Signer(), time.Hour), siteZone, move, failover.ErrRefused, "BADTIME", "clock differs from ours by"},
		"BIND, zone not there":              {bind, good.Signer(), "test.", move, failover.ErrRefused, "", "not the primary"},
		"Knot, zone not there":              {knot, good.Signer(), "test.", move, failover.ErrRefused, "", "not the primary"},
		"a BIND secondary is asked":         {local(p2), good.Signer(), siteZone, move, failover.ErrRefused, "", "primary"},
		"an NSD secondary is asked":         {local(p3), good.Signer(), siteZone, move, failover.ErrRefused, "", "NOTIMP"},
		"nobody listens":                    {local(port(t)), good.Signer(), siteZone, move, failover.ErrNotSent, "", "refused"},
		"unsigned, at a server with a rule": {bind, nil, siteZone, move, failover.ErrRefused, "", "REFUSED"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := dns.NewServer(tt.addr, tt.sign, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			z, err := s.Zone(tt.zone)
			if err != nil {
				t.Fatal(err)
			}
			err = z.Replace(t.Context(), []failover.Change{tt.change})
			if !errors.Is(err, tt.class) || !strings.Contains(fmt.Sprint(err), tt.says) {
				t.Errorf("Replace() = %v, want class %v and %q", err, tt.class, tt.says)
			}
			if e, ok := errors.AsType[*dns.Error](err); tt.tsig != "" && (!ok || e.TSIG != tt.tsig) {
				t.Errorf("Replace() = %#v, want the TSIG error %s", e, tt.tsig)
			}
		})
	}
	for name, addr := range map[string]string{"BIND": bind, "Knot": knot} {
		if have, err := editor(t, addr, siteZone).Read(t.Context(), []failover.Key{{Name: "access.site.test.", Type: failover.A}}); err != nil || have[0].Values[0] != a.String() {
			t.Errorf("%s: something was changed: %v, %v", name, have, err)
		}
	}
}

// Knot answers SERVFAIL to every update when it has no place for its journal.
func TestTrapPeerKnotWithoutAJournal(t *testing.T) {
	addr := startKnotIn(t, folder(t), siteText(60))
	key := testKey(t)
	s, err := dns.NewServer(addr, key.Signer(), &dns.Options{ServFail: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	z, err := s.Zone(siteZone)
	if err != nil {
		t.Fatal(err)
	}
	res, err := siteRecord(z).Swing(t.Context())
	if res.Outcome == failover.Applied {
		t.Skip("this Knot makes its own folder")
	}
	if res.Outcome != failover.Unchanged || !errors.Is(err, failover.ErrRefused) || !strings.Contains(err.Error(), "journal") {
		t.Errorf("Swing() = %v, %v", res.Outcome, err)
	}
}
