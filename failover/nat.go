package failover

import (
	"context"
	"net/netip"
)

// NAT is one site's destination translation on a gateway: the entry that leads the site's address to an appliance. Package failover/nat has several; package failovertest has a
// conformance suite, TestNAT.
//
// # What an implementer must do
//
// Targets returns where the entry leads now, as the gateway itself says, never from a cache: one address as a rule, none if there is no entry, several if the gateway spreads.
//
// Replace leads the entry from one address to the other in one transaction, so that no connection finds no entry, and only if the entry leads to exactly from. It sends the change
// once. Its answer says what is known, by the same rules as [RecordEditor]: nil, an error of class [ErrGuard], [ErrRefused] or [ErrNotSent] (nothing was changed), or any other error
// (not known; [NATEntry] reads and decides).
type NAT interface {
	String() string // for plans: "198.51.100.1 at gateway gw1"; no secret
	Guard() Guard
	Targets(ctx context.Context) ([]netip.Addr, error)
	Replace(ctx context.Context, from, to netip.Addr) error
}

// Sessions is implemented by a [NAT] that can see established connections. They stay with the appliance at which they began: a gateway decides at the first packet.
type Sessions interface {
	// Established counts connections through the entry that are still led to the target.
	Established(ctx context.Context, target netip.Addr) (int, error)
	// Cut ends them: their clients get a reset or an end of file. It returns how many there were.
	Cut(ctx context.Context, target netip.Addr) (int, error)
}

// Persister is implemented by a [NAT] whose running state is not what the gateway starts with.
type Persister interface {
	// Persist writes the running state where the gateway reads it at boot, so that it is there whole or not at all. It may be called again.
	// An error of class [ErrRefused] says that there is nowhere to write it: that is told in the result, and is no failure.
	Persist(ctx context.Context) error
	// Persisted says whether the gateway would start with what runs now. An error of class [ErrRefused] says that there is nowhere to write it.
	Persisted(ctx context.Context) (bool, error)
}

// Witness is implemented by a [NAT] whose change leaves evidence: what a command printed, the number of a firewall's commit. [NATEntry] calls ReplaceSeen in place of Replace, by the same
// rules. The evidence goes into the [Result]; it must hold no secret.
type Witness interface {
	ReplaceSeen(ctx context.Context, from, to netip.Addr) (evidence string, err error)
}
