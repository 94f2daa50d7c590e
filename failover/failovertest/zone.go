package failovertest

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/changeover-sdk/changeover/failover"
)

// Zone is a zone in memory, at its primary server. It is a [failover.RecordEditor] with an atomic guard.
type Zone struct {
	Faults
	name string

	mu       sync.Mutex
	versions []version // oldest first; the last one is served by the primary
	late     []late
	servers  []*Server
	skipped  []failover.Skipped
}

type version struct {
	at     time.Time
	serial uint32
	sets   map[failover.Key]failover.RecordSet
}

type late struct {
	at      time.Time
	changes []failover.Change
}

var _ failover.RecordEditor = (*Zone)(nil)

// NewZone returns a zone that holds the given sets, under serial 1. It panics on a set that is not valid.
func NewZone(name string, sets ...failover.RecordSet) *Zone {
	z := &Zone{name: failover.CanonicalName(name)}
	z.versions = []version{{at: time.Now(), serial: 1, sets: map[failover.Key]failover.RecordSet{}}}
	z.servers = []*Server{{zone: z, name: "primary"}}
	z.Edit(sets...)
	return z
}

// String names the zone.
func (z *Zone) String() string { return z.name + " at primary" }

// Guard returns failover.Atomic.
func (z *Zone) Guard() failover.Guard { return failover.Atomic }

// Edit changes sets without a guard, as somebody else would. A set without values removes. It panics on a set that is not valid.
func (z *Zone) Edit(sets ...failover.RecordSet) {
	z.mu.Lock()
	defer z.mu.Unlock()
	canonical := make([]failover.RecordSet, len(sets))
	for i, s := range sets {
		c, err := s.Canonical()
		if err != nil {
			panic(err)
		}
		canonical[i] = c
	}
	z.store(canonical)
}

// SetSerial gives the zone another serial, to let it wrap round for example.
func (z *Zone) SetSerial(serial uint32) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.store(nil)
	z.versions[len(z.versions)-1].serial = serial
}

func (z *Zone) store(sets []failover.RecordSet) {
	now := z.versions[len(z.versions)-1]
	v := version{at: time.Now(), serial: now.serial + 1, sets: maps.Clone(now.sets)}
	for _, s := range sets {
		k := failover.Key{Name: s.Name, Type: s.Type}
		if len(s.Values) == 0 {
			delete(v.sets, k)
		} else {
			v.sets[k] = s
		}
	}
	z.versions = append(z.versions, v)
}

// at returns the version that a server with the given delay serves now.
func (z *Zone) at(delay time.Duration) version {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.arrive()
	for _, v := range slices.Backward(z.versions) {
		if time.Since(v.at) >= delay {
			return v
		}
	}
	return z.versions[0]
}

func (v version) read(keys []failover.Key) []failover.RecordSet {
	out := make([]failover.RecordSet, len(keys))
	for i, k := range keys {
		k.Name = failover.CanonicalName(k.Name)
		s, ok := v.sets[k]
		if !ok {
			s = failover.RecordSet{Name: k.Name, Type: k.Type}
		}
		s.Values = slices.Clone(s.Values)
		out[i] = s
	}
	return out
}

// Read returns what the primary holds.
func (z *Zone) Read(ctx context.Context, keys []failover.Key) ([]failover.RecordSet, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	switch fault := z.begin("Read"); fault {
	case 0:
		return z.at(0).read(keys), nil
	case Stale:
		z.mu.Lock()
		defer z.mu.Unlock()
		return z.versions[max(0, len(z.versions)-2)].read(keys), nil
	default:
		return nil, fault.err()
	}
}

// Replace makes all changes or none.
func (z *Zone) Replace(ctx context.Context, changes []failover.Change) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", failover.ErrNotSent, err)
	}
	do := func() error {
		z.mu.Lock()
		defer z.mu.Unlock()
		z.arrive()
		return z.replace(changes, time.Now())
	}
	switch fault := z.begin("Replace"); fault {
	case 0, Stale:
		return do()
	case LostAnswer:
		if err := do(); err != nil {
			return fmt.Errorf("%w (the answer would have been: %s)", errLost, err)
		}
		return errLost
	case Late:
		z.mu.Lock()
		defer z.mu.Unlock()
		z.late = append(z.late, late{time.Now().Add(time.Second), changes})
		return errLost
	default:
		return fault.err()
	}
}

// arrive carries out requests that were late, if their time has come. Guards are looked at then.
func (z *Zone) arrive() {
	for len(z.late) > 0 && !time.Now().Before(z.late[0].at) {
		l := z.late[0]
		z.late = z.late[1:]
		_ = z.replace(l.changes, l.at) // nobody waits for this answer
	}
}

// replace changes the newest version, as of the given time. The caller holds the lock.
func (z *Zone) replace(changes []failover.Change, at time.Time) error {
	now := z.versions[len(z.versions)-1]
	var sets []failover.RecordSet
	for _, c := range changes {
		old, err := c.Old.Canonical()
		if err != nil {
			return fmt.Errorf("%w: %w", failover.ErrRefused, err)
		}
		set, err := c.New.Canonical()
		if err != nil {
			return fmt.Errorf("%w: %w", failover.ErrRefused, err)
		}
		if have := now.read([]failover.Key{{Name: old.Name, Type: old.Type}})[0]; !have.Same(old) {
			return fmt.Errorf("%w: want %s, have %s", failover.ErrGuard, old, have)
		}
		if old.Type != set.Type {
			sets = append(sets, failover.RecordSet{Name: old.Name, Type: old.Type})
		}
		sets = append(sets, set)
	}
	z.store(sets)
	z.versions[len(z.versions)-1].at = at
	return nil
}

// Secondary adds an authoritative server that serves every change after a delay, and returns it.
func (z *Zone) Secondary(name string, delay time.Duration) *Server {
	z.mu.Lock()
	defer z.mu.Unlock()
	s := &Server{zone: z, name: name, Delay: delay}
	z.servers = append(z.servers, s)
	return s
}

// Primary returns the primary as a server that can be asked.
func (z *Zone) Primary() *Server { return z.servers[0] }

// Skip makes Authorities leave a server out, with a reason.
func (z *Zone) Skip(server, reason string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.skipped = append(z.skipped, failover.Skipped{Server: server, Reason: reason})
}

// Authorities returns the primary and the secondaries.
func (z *Zone) Authorities(context.Context) (failover.Authorities, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	out := failover.Authorities{Primary: z.servers[0], Skipped: slices.Clone(z.skipped)}
	for _, s := range z.servers {
		if !slices.ContainsFunc(z.skipped, func(k failover.Skipped) bool { return k.Server == s.name }) {
			out.Servers = append(out.Servers, s)
		}
	}
	return out, nil
}

// Server is an authoritative server of a zone. It is a [failover.Nameserver].
type Server struct {
	Faults
	Delay time.Duration // how long after a change it serves it
	Lame  bool          // answers without authority
	zone  *Zone
	name  string
}

// String returns the server's name.
func (s *Server) String() string { return s.name }

// Ask returns what this server serves.
func (s *Server) Ask(ctx context.Context, keys []failover.Key) (failover.Answer, error) {
	if err := ctx.Err(); err != nil {
		return failover.Answer{}, err
	}
	if fault := s.begin("Ask"); fault != 0 && fault != Stale {
		return failover.Answer{}, fault.err()
	}
	v := s.zone.at(s.Delay)
	return failover.Answer{Sets: v.read(keys), Authoritative: !s.Lame, Serial: v.serial, HasSerial: true}, nil
}

// Site returns a probe that looks a name up at a resolver, connects to one of its addresses in turn, and meets the appliance that has it: appliances leads from address to identity. An
// address that is not in the map does not answer.
func Site(resolver failover.Nameserver, name string, appliances map[netip.Addr]string) failover.Probe {
	var mu sync.Mutex
	turn := 0
	return func(ctx context.Context) (string, error) {
		ans, err := resolver.Ask(ctx, []failover.Key{{Name: name, Type: failover.A}})
		if err != nil {
			return "", err
		}
		addrs := ans.Sets[0].Values
		if len(addrs) == 0 {
			return "", fmt.Errorf("lookup %s: no such host", name)
		}
		mu.Lock()
		addr := addrs[turn%len(addrs)]
		turn++
		mu.Unlock()
		id, ok := appliances[netip.MustParseAddr(addr)]
		if !ok {
			return "", fmt.Errorf("connect %s: connection timed out", addr)
		}
		return id, nil
	}
}
