package ipmitest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/changeover-sdk/changeover/ipmi"
)

// Switch is a power button without a BMC: it has the methods of [ipmi.Machine] that concern the power, needs no network,
// takes no time unless the machine does, and can be waited for in a synctest bubble. The zero value works; the machine
// is off.
//
// It behaves as Machine does: a machine that is in the state already is told nothing, what acts is told once, and a
// failure before the act is of class [ipmi.ErrNotSent].
type Switch struct {
	// Power and Set connect a machine simulated elsewhere. They come in pairs. Default: a machine that is nothing but
	// its power, off at first.
	Power func() bool
	Set   func(on bool) error

	start sync.Once
	turn  chan struct{} // one act at a time

	mu     sync.Mutex
	on     bool
	stuck  bool
	closed bool
	told   []string
	before map[string][]error
	after  map[string][]error
}

var _ Power = (*Switch)(nil)

// FailBefore makes the next call of a kind (Status, PowerOn, PowerOff, PowerCycle) fail before anything is done. Called
// again it adds a failure for the call after that.
func (s *Switch) FailBefore(command string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.before == nil {
		s.before = make(map[string][]error)
	}
	s.before[command] = append(s.before[command], err)
}

// FailAfter makes the next call of a kind do its work and then fail, as when an answer gets lost and the state cannot be
// read any more.
func (s *Switch) FailAfter(command string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.after == nil {
		s.after = make(map[string][]error)
	}
	s.after[command] = append(s.after[command], err)
}

// Stick makes the power stay as it is, whatever the machine is told; Stick(false) loosens it.
func (s *Switch) Stick(stuck bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stuck = stuck
}

// Told returns the acts, in order: PowerOn, PowerOff, PowerCycle.
func (s *Switch) Told() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.told)
}

// State returns ipmi.On or ipmi.Off.
func (s *Switch) State(ctx context.Context) (ipmi.State, error) {
	if err := s.begin(ctx, Status); err != nil {
		return "", err
	}
	state := s.state()
	return state, s.take(&s.after, Status)
}

// PowerOn switches the machine on.
func (s *Switch) PowerOn(ctx context.Context) error { return s.act(ctx, PowerOn, ipmi.On) }

// PowerOff switches the machine off.
func (s *Switch) PowerOff(ctx context.Context) error { return s.act(ctx, PowerOff, ipmi.Off) }

// PowerCycle switches a machine that is on off and on again.
func (s *Switch) PowerCycle(ctx context.Context) error { return s.act(ctx, PowerCycle, "") }

// Close makes every later call fail with [ipmi.ErrClosed]. It may be called again; it returns nil.
func (s *Switch) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func (s *Switch) state() ipmi.State {
	if s.Power != nil {
		return word(s.Power())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return word(s.on)
}

func word(on bool) ipmi.State {
	if on {
		return ipmi.On
	}
	return ipmi.Off
}

func (s *Switch) begin(ctx context.Context, command string) error {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("ipmitest: %s: %w", command, ctx.Err())
	case closed:
		return fmt.Errorf("ipmitest: %s: %w", command, ipmi.ErrClosed)
	}
	return s.take(&s.before, command)
}

func (s *Switch) act(ctx context.Context, command string, want ipmi.State) error {
	s.start.Do(func() { s.turn = make(chan struct{}, 1) })
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
	}
	if err := s.begin(ctx, command); err != nil {
		return fmt.Errorf("%w: %w", err, ipmi.ErrNotSent)
	}
	switch state := s.state(); {
	case state == want:
		return nil
	case command == PowerCycle && state == ipmi.Off:
		return fmt.Errorf("ipmitest: %s: the machine is off: %w: %w", command, ipmi.ErrUnsupported, ipmi.ErrNotSent)
	case command == PowerCycle:
		want = ipmi.On
	}
	s.mu.Lock()
	s.told = append(s.told, command)
	stuck := s.stuck
	s.mu.Unlock()
	if !stuck && command != PowerOn {
		if err := s.put(false); err != nil {
			return fmt.Errorf("ipmitest: %s: %w", command, err)
		}
	}
	if !stuck && command != PowerOff {
		if err := s.put(true); err != nil {
			return fmt.Errorf("ipmitest: %s: %w", command, err)
		}
	}
	if err := s.await(ctx, command, want, stuck); err != nil {
		return err
	}
	return s.take(&s.after, command)
}

func (s *Switch) put(on bool) error {
	if s.Set != nil {
		return s.Set(on)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = on
	return nil
}

// await looks until the machine is as wanted, as long as a Machine would.
func (s *Switch) await(ctx context.Context, command string, want ipmi.State, stuck bool) error {
	limit := time.NewTimer(ipmi.DefaultSettle)
	defer limit.Stop()
	for stuck || s.state() != want {
		select {
		case <-time.After(time.Second):
		case <-limit.C:
			return fmt.Errorf("ipmitest: %s: not seen to happen within %v: %w", command, ipmi.DefaultSettle, ipmi.ErrTimeout)
		case <-ctx.Done():
			return fmt.Errorf("ipmitest: %s: %w", command, ctx.Err())
		}
	}
	return nil
}

// take removes and returns the first failure of a kind.
func (s *Switch) take(m *map[string][]error, command string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := (*m)[command]
	if len(list) == 0 {
		return nil
	}
	(*m)[command] = list[1:]
	return list[0]
}
