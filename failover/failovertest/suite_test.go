package failovertest

import (
	"net/netip"
	"testing"

	"github.com/changeover-sdk/changeover/failover"
)

func TestZoneConforms(t *testing.T) {
	TestRecordEditor(t, func(_ *testing.T, sets []failover.RecordSet) failover.RecordEditor {
		return NewZone(SuiteZone, sets...)
	})
}

func TestNATConforms(t *testing.T) {
	TestNAT(t, func(_ *testing.T, target netip.Addr) failover.NAT { return NewNAT(target) })
}
