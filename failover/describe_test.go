package failover_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/failovertest"
)

func TestDescriptionsThatAreWrong(t *testing.T) {
	z := newZone("example.com.")
	six := netip.MustParseAddr("2001:db8::1")
	tests := map[string]failover.Swinger{
		"no zone":         &failover.Record{},
		"no editor":       &failover.Record{Zones: []failover.Zone{{Moves: []failover.Move{failover.MoveAddress(host, addrA, addrB)}}}},
		"no move":         &failover.Record{Zones: []failover.Zone{{Editor: z}}},
		"the same values": &failover.Record{Zones: []failover.Zone{{Editor: z, Moves: []failover.Move{failover.MoveAddress(host, addrA, addrA)}}}},
		"a set that moves twice": &failover.Record{Zones: []failover.Zone{{Editor: z, Moves: []failover.Move{
			failover.MoveAddress(host, addrA, addrB), failover.MoveAddress("ACCESS.example.com", addrA, addrC)}}}},
		"two families":       &failover.Record{Zones: []failover.Zone{{Editor: z, Moves: []failover.Move{failover.MoveAddress(host, addrA, six)}}}},
		"two aliases":        &failover.Record{Zones: []failover.Zone{{Editor: z, Moves: []failover.Move{{Name: host, Type: failover.CNAME, From: []string{"a."}, To: []string{"b.", "c."}}}}}},
		"an alias to itself": &failover.Record{Zones: []failover.Zone{{Editor: z, Moves: []failover.Move{{Name: host, Type: failover.CNAME, From: []string{"a."}, To: []string{host}}}}}},
		"another type":       &failover.Record{Zones: []failover.Zone{{Editor: z, Moves: []failover.Move{{Name: host, Type: "MX", From: []string{"a."}, To: []string{"b."}}}}}},
		"a new name, no TTL": &failover.Record{Zones: []failover.Zone{{Editor: z, Moves: []failover.Move{{Name: host, Type: failover.A, To: []string{"192.0.2.2"}}}}}},
		"a TTL of half a second": &failover.Record{Zones: []failover.Zone{{Editor: z, Moves: []failover.Move{{Name: host, Type: failover.A, From: []string{"192.0.2.1"}, To: []string{"192.0.2.2"},
			TTL: 500 * time.Millisecond}}}}},
		"no gateway":   &failover.NATEntry{},
		"one address":  &failover.NATEntry{NAT: failovertest.NewNAT(addrA), From: failover.Target{Addr: addrA}, To: failover.Target{Addr: addrA}},
		"no addresses": &failover.SharedIP{},
	}
	for name, s := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := s.Look(t.Context()); !errors.Is(err, failover.ErrInvalid) {
				t.Errorf("Look() = %v, want ErrInvalid", err)
			}
			if res, err := s.Swing(t.Context()); !errors.Is(err, failover.ErrInvalid) || res.Outcome != failover.Unchanged {
				t.Errorf("Swing() = %v, %v, want ErrInvalid", res.Outcome, err)
			}
			if _, err := s.Check(t.Context(), nil); !errors.Is(err, failover.ErrInvalid) {
				t.Errorf("Check() = %v, want ErrInvalid", err)
			}
			_ = s.Plan()
			_ = s.Back()
		})
	}
	if z.Calls("Read")+z.Calls("Replace") > 0 {
		t.Error("something was sent")
	}
}
