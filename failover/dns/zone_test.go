package dns_test

import (
	"testing"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/dns"
	"github.com/changeover-sdk/changeover/failover/dns/dnstest"
	"github.com/changeover-sdk/changeover/failover/failovertest"
)

func TestZoneConforms(t *testing.T) {
	failovertest.TestRecordEditor(t, func(t *testing.T, sets []failover.RecordSet) failover.RecordEditor {
		srv := &dnstest.Server{Zone: failovertest.NewZone(failovertest.SuiteZone, sets...), Name: failovertest.SuiteZone, Key: testKey(t)}
		s, err := dns.NewServer("192.0.2.53", testKey(t).Signer(), &dns.Options{Dial: srv.Dial})
		if err != nil {
			t.Fatal(err)
		}
		z, err := s.Zone(failovertest.SuiteZone)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close(); _ = srv.Close() })
		return z
	})
}
