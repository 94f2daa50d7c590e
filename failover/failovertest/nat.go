package failovertest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/changeover-sdk/changeover/failover"
)

// NAT is a gateway's entry for one site, with the connections that go through it. It is a [failover.NAT] with an atomic guard, [failover.Sessions] and [failover.Persister].
type NAT struct {
	Faults
	mu        sync.Mutex
	targets   []netip.Addr
	before    []netip.Addr
	persisted []netip.Addr
	conns     map[*Conn]netip.Addr
}

var (
	_ failover.NAT       = (*NAT)(nil)
	_ failover.Sessions  = (*NAT)(nil)
	_ failover.Persister = (*NAT)(nil)
)

// NewNAT returns an entry that leads to the target, running and persisted.
func NewNAT(target netip.Addr) *NAT {
	t := []netip.Addr{target}
	return &NAT{targets: t, before: t, persisted: t, conns: map[*Conn]netip.Addr{}}
}

// Conn is an established connection through the gateway.
type Conn struct{ nat *NAT }

// Connect establishes a connection and returns the address of the appliance that it was led to.
func (n *NAT) Connect() (*Conn, netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.targets) == 0 {
		return nil, netip.Addr{}, errors.New("connection timed out")
	}
	c := &Conn{n}
	n.conns[c] = n.targets[len(n.conns)%len(n.targets)]
	return c, n.conns[c], nil
}

// Alive reports whether the connection has not been cut or closed.
func (c *Conn) Alive() bool {
	c.nat.mu.Lock()
	defer c.nat.mu.Unlock()
	_, ok := c.nat.conns[c]
	return ok
}

// Close ends the connection.
func (c *Conn) Close() {
	c.nat.mu.Lock()
	defer c.nat.mu.Unlock()
	delete(c.nat.conns, c)
}

// Edit leads the entry elsewhere without a guard, as somebody else would.
func (n *NAT) Edit(targets ...netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.before, n.targets = n.targets, targets
}

// Reboot brings the gateway back with the state that was persisted, and without connections.
func (n *NAT) Reboot() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.targets = n.persisted
	clear(n.conns)
}

// Probe returns a probe that connects through the gateway; appliances leads from address to identity.
func (n *NAT) Probe(appliances map[netip.Addr]string) failover.Probe {
	return func(ctx context.Context) (string, error) {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		c, addr, err := n.Connect()
		if err != nil {
			return "", err
		}
		c.Close()
		if id, ok := appliances[addr]; ok {
			return id, nil
		}
		return "", fmt.Errorf("connect %v: no route to host", addr)
	}
}

// String names the entry.
func (n *NAT) String() string { return "NAT entry in memory" }

// Guard returns failover.Atomic.
func (n *NAT) Guard() failover.Guard { return failover.Atomic }

// Targets returns where the entry leads.
func (n *NAT) Targets(ctx context.Context) ([]netip.Addr, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	fault := n.begin("Targets")
	n.mu.Lock()
	defer n.mu.Unlock()
	if fault == Stale {
		return slices.Clone(n.before), nil
	}
	return slices.Clone(n.targets), fault.err()
}

// Replace leads the entry to another address if it leads to exactly from.
func (n *NAT) Replace(ctx context.Context, from, to netip.Addr) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", failover.ErrNotSent, err)
	}
	return n.Act("Replace", func() error {
		n.mu.Lock()
		defer n.mu.Unlock()
		if !slices.Equal(n.targets, []netip.Addr{from}) {
			return fmt.Errorf("%w: the entry leads to %v", failover.ErrGuard, n.targets)
		}
		n.before, n.targets = n.targets, []netip.Addr{to}
		return nil
	})
}

// Established counts connections with the target.
func (n *NAT) Established(ctx context.Context, target netip.Addr) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	fault := n.begin("Established")
	n.mu.Lock()
	defer n.mu.Unlock()
	count := 0
	for _, addr := range n.conns {
		if addr == target {
			count++
		}
	}
	return count, fault.err()
}

// Cut ends connections with the target.
func (n *NAT) Cut(ctx context.Context, target netip.Addr) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	count := 0
	return count, n.Act("Cut", func() error {
		n.mu.Lock()
		defer n.mu.Unlock()
		for c, addr := range n.conns {
			if addr == target {
				delete(n.conns, c)
				count++
			}
		}
		return nil
	})
}

// Persist keeps the running state for the next reboot.
func (n *NAT) Persist(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return n.Act("Persist", func() error {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.persisted = n.targets
		return nil
	})
}

// Persisted says whether the next reboot brings the running state back.
func (n *NAT) Persisted(ctx context.Context) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	fault := n.begin("Persisted")
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Equal(n.targets, n.persisted), fault.err()
}
