package ipmi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bmc-toolbox/bmclib/v2"
)

// stub is a driver that does what the test says.
type stub struct {
	state func() (string, error)
	set   func(state string) (bool, error)
	sent  []string
}

func (s *stub) Name() string                                  { return "stub" }
func (s *stub) Open(context.Context) error                    { return nil }
func (s *stub) Close(context.Context) error                   { return nil }
func (s *stub) PowerStateGet(context.Context) (string, error) { return s.state() }

func (s *stub) PowerSet(_ context.Context, state string) (bool, error) {
	s.sent = append(s.sent, state)
	return s.set(state)
}

func withDriver(t *testing.T, d driver) *Machine {
	t.Helper()
	m, err := New("bmc", Login{User: "admin", Password: "secret"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m.newDriver = func() (driver, error) { return d, nil }
	return m
}

// bmclib registers seven drivers by itself, and with an empty registry, which is what a failed Open leaves behind, does
// so again.
func TestPitfallExactlyOneDriver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &stub{state: func() (string, error) { return "on", nil }}
		m := withDriver(t, d)
		defer m.Close()
		check := func() {
			t.Helper()
			if _, err := m.State(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := m.session.Registry.Drivers; len(got) != 1 || got[0].DriverInterface != any(d) {
				t.Errorf("the registry has %d drivers: %v", len(got), got)
			}
			if got := m.session.GetMetadata().ProvidersAttempted; fmt.Sprint(got) != "[stub]" {
				t.Errorf("drivers that were tried: %v", got)
			}
		}
		check()
		d.state = func() (string, error) { return "", failure(ErrBusy, "not now") }
		if _, err := m.State(t.Context()); !errors.Is(err, ErrBusy) {
			t.Fatal(err)
		}
		d.state = func() (string, error) { return "on", nil }
		check()
	})
	if got := len(bmclib.NewClient("bmc", "u", "p").Registry.Drivers); got < 6 {
		t.Errorf("bmclib registers %d drivers by itself: the reason for this test is gone", got)
	}
}

// bmclib's ipmitool driver reports success for commands that were never sent: a driver's word is no proof.
func TestPitfallDriverClaimsSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &stub{state: func() (string, error) { return "Off", nil }, set: func(string) (bool, error) { return true, nil }}
		m := withDriver(t, d)
		defer m.Close()
		err := m.PowerOn(t.Context())
		if !errors.Is(err, ErrTimeout) || errors.Is(err, ErrNotSent) || !strings.Contains(err.Error(), `the BMC still says "off"`) {
			t.Errorf("PowerOn: %v", err)
		}
		if fmt.Sprint(d.sent) != "[on]" {
			t.Errorf("sent %v", d.sent)
		}
	})
}

// And its word that it failed is none either: gofish reports failure for a machine that does shut down.
func TestPitfallDriverClaimsFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := "off"
		d := &stub{state: func() (string, error) { return state, nil }}
		for name, set := range map[string]func(string) (bool, error){
			"false":    func(string) (bool, error) { state = "on"; return false, nil },
			"an error": func(string) (bool, error) { state = "on"; return false, errors.New("failed to set power state") },
		} {
			state, d.set, d.sent = "off", set, nil
			m := withDriver(t, d)
			if err := m.PowerOn(t.Context()); err != nil || fmt.Sprint(d.sent) != "[on]" {
				t.Errorf("%s: PowerOn: %v, sent %v", name, err, d.sent)
			}
			_ = m.Close()
		}
	})
}

// Nobody acts on a machine whose state is a word nobody knows; the word is shown.
func TestUnknownStateIsKeptAndNotActedUpon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &stub{state: func() (string, error) { return "PoweringOn\n", nil }}
		m := withDriver(t, d)
		defer m.Close()
		if s, err := m.State(t.Context()); s != "PoweringOn" || err != nil {
			t.Errorf("State() = %q, %v", s, err)
		}
		for name, act := range map[string]func(context.Context) error{"on": m.PowerOn, "off": m.PowerOff, "cycle": m.PowerCycle} {
			if err := act(t.Context()); !errors.Is(err, ErrUnsupported) || !errors.Is(err, ErrNotSent) || !strings.Contains(err.Error(), "PoweringOn") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if len(d.sent) != 0 {
			t.Errorf("sent %v", d.sent)
		}
	})
}

// bmclib passes "soft" and "reset" on; the drivers do not.
func TestPitfallDriversRefuseSoftAndReset(t *testing.T) {
	for _, d := range []driver{&native{}, &tool{}} {
		for _, state := range []string{"soft", "reset", "diag", ""} {
			ok, err := d.PowerSet(t.Context(), state)
			if ok || !errors.Is(err, ErrUnsupported) || !errors.Is(err, ErrNotSent) {
				t.Errorf("%s: PowerSet(%q) = %t, %v", d.Name(), state, ok, err)
			}
		}
	}
}

// A datagram that cannot even be written was not sent.
func TestNothingWrittenIsNotSent(t *testing.T) {
	n := &native{}
	if _, err := n.PowerSet(t.Context(), "on"); !errors.Is(err, ErrNotSent) {
		t.Errorf("without a session: %v", err)
	}
	if _, err := n.PowerStateGet(t.Context()); err == nil {
		t.Error("PowerStateGet without a session succeeded")
	}
	if err := n.Close(t.Context()); err != nil {
		t.Errorf("Close without a session: %v", err)
	}
}

// What go-ipmi says when nothing came, and what it does not export, is pinned here.
func TestSilence(t *testing.T) {
	passed, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	for name, tt := range map[string]struct {
		ctx  context.Context
		err  error
		want bool
	}{
		"the context ended":    {passed, errors.New("anything"), true},
		"no datagram matched":  {t.Context(), fmt.Errorf("IPMI LAN: …: %w", errors.New("udp exchange: no datagram matched before deadline")), true},
		"a time-out of a read": {t.Context(), &net.OpError{Op: "read", Err: timedOut{}}, true},
		"something else":       {t.Context(), errors.New("unpack failed"), false},
	} {
		if got := silence(tt.ctx, tt.err); got != tt.want {
			t.Errorf("%s: silence = %t, want %t", name, got, tt.want)
		}
	}
}

type timedOut struct{}

func (timedOut) Error() string   { return "i/o timeout" }
func (timedOut) Timeout() bool   { return true }
func (timedOut) Temporary() bool { return true }

func TestPatience(t *testing.T) {
	for n, want := range []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, 32 * time.Second} {
		if got := patience(Native, n); got != want {
			t.Errorf("patience(%d) = %v, want %v", n, got, want)
		}
	}
	for n, want := range []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond, time.Second, time.Second} {
		if got := pause(n); got != want {
			t.Errorf("pause(%d) = %v, want %v", n, got, want)
		}
	}
}
