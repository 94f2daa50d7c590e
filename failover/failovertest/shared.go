package failovertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/changeover-sdk/changeover/failover"
)

// Shared is a shared IP address on two appliances, enabled on the first. The network in front of them is played too: two holders at once are a conflict, none is an outage, and a
// neighbour that nobody told goes on sending to the old holder for a while.
type Shared struct {
	mu        sync.Mutex
	boxes     [2]*Box
	history   []holders
	conflicts int
}

type holders struct {
	at    time.Time
	holds [2]bool
}

// Box is one appliance's end of the address. It is a [failover.Address].
type Box struct {
	Faults
	// Slow is how long after Enable or Disable was accepted it takes effect. Default 0.
	Slow time.Duration

	shared *Shared
	index  int
	id     string
}

var _ failover.Address = (*Box)(nil)

// NewShared returns an address shared by the appliances with these identities.
func NewShared(first, second string) *Shared {
	s := &Shared{history: []holders{{time.Now(), [2]bool{true, false}}}}
	s.boxes = [2]*Box{{shared: s, id: first}, {shared: s, index: 1, id: second}}
	return s
}

// Box returns the first (0) or the second (1) appliance's end.
func (s *Shared) Box(i int) *Box { return s.boxes[i] }

// now returns who holds the address; changes that take effect later are in the future of the history.
func (s *Shared) at(t time.Time) holders {
	out := s.history[0]
	for _, h := range s.history {
		if !h.at.After(t) {
			out = h
		}
	}
	return out
}

// Conflicts returns how often the address came to be held by both.
func (s *Shared) Conflicts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conflicts
}

// Outage returns how long nobody has held the address, in all.
func (s *Shared) Outage() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var d time.Duration
	for i, h := range s.history {
		end := time.Now()
		if i+1 < len(s.history) {
			end = s.history[i+1].at
		}
		if h.holds == [2]bool{} && end.After(h.at) {
			d += end.Sub(h.at)
		}
	}
	return d
}

// Probe returns a probe from one place. Stale is how long that place goes on sending to the old holder after a move, because its neighbour cache was not told; 0 for a place that
// learns at once. On Linux 28 to 34 s were measured without an announcement.
func (s *Shared) Probe(stale time.Duration) failover.Probe {
	turn := 0
	return func(ctx context.Context) (string, error) {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		now, before := s.at(time.Now()).holds, s.at(time.Now().Add(-stale)).holds
		if before != now && before != [2]bool{} {
			for i, b := range s.boxes {
				if before[i] && now[i] {
					return b.id, nil
				}
			}
			return "", errors.New("connection timed out")
		}
		turn++
		switch now {
		case [2]bool{true, true}:
			return s.boxes[turn%2].id, nil
		case [2]bool{true, false}:
			return s.boxes[0].id, nil
		case [2]bool{false, true}:
			return s.boxes[1].id, nil
		}
		return "", errors.New("no route to host")
	}
}

// String names the box and the address.
func (b *Box) String() string { return "shared address on " + b.id }

// Prepare does nothing.
func (b *Box) Prepare(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.Act("Prepare", func() error { return nil })
}

// Holds says whether the address is enabled here.
func (b *Box) Holds(ctx context.Context) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	fault := b.begin("Holds")
	b.shared.mu.Lock()
	defer b.shared.mu.Unlock()
	now := b.shared.at(time.Now()).holds[b.index]
	if fault == Stale {
		return !now, nil
	}
	return now, fault.err()
}

// Enable enables the address here.
func (b *Box) Enable(ctx context.Context) error { return b.set(ctx, "Enable", true) }

// Disable disables the address here.
func (b *Box) Disable(ctx context.Context) error { return b.set(ctx, "Disable", false) }

func (b *Box) set(ctx context.Context, op string, on bool) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", failover.ErrNotSent, err)
	}
	return b.Act(op, func() error {
		s := b.shared
		s.mu.Lock()
		defer s.mu.Unlock()
		h := s.history[len(s.history)-1]
		if h.holds[b.index] == on {
			return nil
		}
		h.at = time.Now().Add(b.Slow)
		h.holds[b.index] = on
		if h.holds == [2]bool{true, true} {
			s.conflicts++
		}
		s.history = append(s.history, h)
		return nil
	})
}
