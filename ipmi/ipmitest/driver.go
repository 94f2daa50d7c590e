package ipmitest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/changeover-sdk/changeover/ipmi"
)

// Power is what the conformance suite is about: the methods of [ipmi.Machine] that concern the power. A driver for other
// hardware (a Redfish service, a switched outlet) has the same ones.
type Power interface {
	// State returns "on", "off", or whatever else it was told.
	State(ctx context.Context) (string, error)

	// PowerOn, PowerOff and PowerCycle read, send once, and return nil when the effect was seen.
	PowerOn(ctx context.Context) error
	PowerOff(ctx context.Context) error
	PowerCycle(ctx context.Context) error

	Close() error
}

var _ Power = (*ipmi.Machine)(nil)

// Rig is a driver with the machine it is tested on.
type Rig struct {
	Power Power
	Set   func(on bool)   // puts the machine into a state, not by way of the driver
	Told  func() []string // the acts the machine was told, in order; a cycle is PowerCycle, or PowerOff and PowerOn
}

// TestDriver checks that a driver keeps the promises that a runbook relies on: that it reads what is, does nothing that
// is done already, sends what acts exactly once, refuses to cycle a machine that is off, says when nothing was sent,
// reports the caller's context first, and can be used by several goroutines and closed twice. newRig makes a new machine
// for every check and ends it with the test it is given.
func TestDriver(t *testing.T, newRig func(t *testing.T) Rig) {
	for name, check := range checks() {
		t.Run(name, func(t *testing.T) { check(t, newRig(t)) })
	}
}

func checks() map[string]func(testing.TB, Rig) {
	return map[string]func(testing.TB, Rig){
		"reads the state there is":               readsState,
		"powers on once":                         powersOnOnce,
		"powers off once":                        powersOffOnce,
		"does nothing that is done already":      doesNothingTwice,
		"cycles once":                            cyclesOnce,
		"does not cycle a machine that is off":   refusesToCycle,
		"reports the caller's context first":     contextFirst,
		"is safe for several goroutines":         several,
		"can be closed twice and not used again": closes,
	}
}

func wantTold(t testing.TB, r Rig, want ...string) {
	t.Helper()
	if got := r.Told(); !slices.Equal(got, want) {
		t.Errorf("the machine was told %q, want %q", got, want)
	}
}

func wantState(t testing.TB, r Rig, want ipmi.State) {
	t.Helper()
	if got, err := r.Power.State(t.Context()); err != nil || got != want {
		t.Errorf("State() = %q, %v; want %q", got, err, want)
	}
}

func readsState(t testing.TB, r Rig) {
	wantState(t, r, ipmi.Off)
	r.Set(true)
	wantState(t, r, ipmi.On)
	r.Set(false)
	wantState(t, r, ipmi.Off)
	wantTold(t, r)
}

func powersOnOnce(t testing.TB, r Rig) {
	if err := r.Power.PowerOn(t.Context()); err != nil {
		t.Fatalf("PowerOn: %v", err)
	}
	wantState(t, r, ipmi.On)
	wantTold(t, r, PowerOn)
}

func powersOffOnce(t testing.TB, r Rig) {
	r.Set(true)
	if err := r.Power.PowerOff(t.Context()); err != nil {
		t.Fatalf("PowerOff: %v", err)
	}
	wantState(t, r, ipmi.Off)
	wantTold(t, r, PowerOff)
}

func doesNothingTwice(t testing.TB, r Rig) {
	if err := r.Power.PowerOff(t.Context()); err != nil {
		t.Errorf("PowerOff of a machine that is off: %v", err)
	}
	r.Set(true)
	if err := r.Power.PowerOn(t.Context()); err != nil {
		t.Errorf("PowerOn of a machine that is on: %v", err)
	}
	wantTold(t, r)
}

func cyclesOnce(t testing.TB, r Rig) {
	r.Set(true)
	if err := r.Power.PowerCycle(t.Context()); err != nil {
		t.Fatalf("PowerCycle: %v", err)
	}
	wantState(t, r, ipmi.On)
	if got := r.Told(); !slices.Equal(got, []string{PowerCycle}) && !slices.Equal(got, []string{PowerOff, PowerOn}) {
		t.Errorf("the machine was told %q, want one cycle", got)
	}
}

func refusesToCycle(t testing.TB, r Rig) {
	if err := r.Power.PowerCycle(t.Context()); !errors.Is(err, ipmi.ErrUnsupported) || !errors.Is(err, ipmi.ErrNotSent) {
		t.Errorf("PowerCycle of a machine that is off: %v; want the classes ErrUnsupported and ErrNotSent", err)
	}
	wantTold(t, r)
}

func contextFirst(t testing.TB, r Rig) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Power.State(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("State with a cancelled context: %v", err)
	}
	r.Set(true)
	for name, act := range map[string]func(context.Context) error{PowerOn: r.Power.PowerOn, PowerOff: r.Power.PowerOff, PowerCycle: r.Power.PowerCycle} {
		if err := act(ctx); !errors.Is(err, context.Canceled) || !errors.Is(err, ipmi.ErrNotSent) {
			t.Errorf("%s with a cancelled context: %v; want the classes context.Canceled and ErrNotSent", name, err)
		}
	}
	wantTold(t, r)
}

func several(t testing.TB, r Rig) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := r.Power.State(t.Context()); err != nil {
				t.Errorf("State: %v", err)
			}
		})
		wg.Go(func() {
			if err := r.Power.PowerOn(t.Context()); err != nil {
				t.Errorf("PowerOn: %v", err)
			}
		})
	}
	wg.Wait()
	wantTold(t, r, PowerOn)
}

func closes(t testing.TB, r Rig) {
	wantState(t, r, ipmi.Off)
	for range 2 {
		if err := r.Power.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if _, err := r.Power.State(t.Context()); !errors.Is(err, ipmi.ErrClosed) {
		t.Errorf("State after Close: %v", err)
	}
	if err := r.Power.PowerOn(t.Context()); !errors.Is(err, ipmi.ErrClosed) || !errors.Is(err, ipmi.ErrNotSent) {
		t.Errorf("PowerOn after Close: %v; want the classes ErrClosed and ErrNotSent", err)
	}
	wantTold(t, r)
}
