package failover

import (
	"context"
	"time"
)

// Nameserver is one server that answers for a site's name: an authoritative server or a resolver. It is only asked.
//
// # What an implementer must do
//
// Ask goes to exactly that server, over a fresh socket each time, and returns one set for each key in their order; "no such name" and "no such type" are sets without values, not
// errors. An answer that could not be had or not be understood is an error. TTLs are those of the answer: for a resolver the time that is left, also for a set without values.
// An authoritative server is asked without recursion; Authoritative says whether it spoke with authority, Serial is its SOA serial for the
// zone; a resolver need not give one.
type Nameserver interface {
	String() string // for reports: "ns2.example.com. (192.0.2.54:53)"
	Ask(ctx context.Context, keys []Key) (Answer, error)
}

// Answer is what a name server said.
type Answer struct {
	Sets          []RecordSet
	Authoritative bool
	Serial        uint32
	HasSerial     bool
}

// Authorities are the servers that answer for a zone with authority.
type Authorities struct {
	// Primary is the one whose serial the others must reach. Nil: serials are not compared.
	Primary Nameserver
	// Servers are all of them, the primary too if it is asked by users.
	Servers []Nameserver
	// Skipped are servers that are left out on purpose, by name.
	Skipped []Skipped
	// Refresh is the zone's SOA refresh: by then a secondary that lost the notification has asked by itself. 0: not known.
	Refresh time.Duration
}

// Skipped is a server that is left out of a verification, and why.
type Skipped struct {
	Server string `json:"server"`
	Reason string `json:"reason"`
}

// serialReached reports whether serial a is b or later, by the arithmetic of RFC 1982: serials wrap round.
func serialReached(a, b uint32) bool { return int32(a-b) >= 0 }

// askServer asks and checks that the server's driver kept its promise of one set for each key.
func askServer(ctx context.Context, ns Nameserver, keys []Key) (Answer, error) {
	ans, err := ns.Ask(ctx, keys)
	if err != nil {
		return Answer{}, ended(ctx, err)
	}
	return ans, aligned(keys, ans.Sets)
}
