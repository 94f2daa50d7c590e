package ipmitest

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/ipmi"
)

func machine(t *testing.T, b *BMC) *ipmi.Machine {
	t.Helper()
	m, err := ipmi.New("bmc", b.Login(), &ipmi.Options{Dial: b.Dial})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestBMC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &BMC{}
		defer b.Close()
		m := machine(t, b)
		defer m.Close()
		if err := m.PowerOn(t.Context()); err != nil || !b.IsOn() {
			t.Errorf("PowerOn: %v, on %t", err, b.IsOn())
		}
		b.SetPower(false)
		if s, err := m.State(t.Context()); s != ipmi.Off || err != nil {
			t.Errorf("State() = %q, %v", s, err)
		}
		if want := []string{PowerOn}; !slices.Equal(b.Told(), want) || b.Count(PowerOn) != 1 || b.Count(Login) != 1 || b.Sessions() != 1 {
			t.Errorf("told %q, commands %v, sessions %d", b.Told(), b.Commands(), b.Sessions())
		}
	})
}

// The machine of another simulator, whose refusal the BMC passes on.
func TestBMCOfAnotherSimulator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var on atomic.Bool
		var refuse atomic.Bool
		b := &BMC{Power: on.Load, Set: func(want bool) error {
			if refuse.Load() {
				return errors.New("no")
			}
			on.Store(want)
			return nil
		}}
		defer b.Close()
		m := machine(t, b)
		defer m.Close()
		if err := m.PowerOn(t.Context()); err != nil || !on.Load() || !b.IsOn() {
			t.Errorf("PowerOn: %v, on %t", err, on.Load())
		}
		refuse.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := m.PowerOff(ctx); err == nil || !on.Load() || !slices.Equal(b.Told(), []string{PowerOn}) {
			t.Errorf("PowerOff: %v, told %q", err, b.Told())
		}
	})
}

// A session without a command for half a minute is gone, whatever the console carried.
func TestBMCForgetsIdleSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &BMC{Idle: 5 * time.Second} // the client sends a command every ten
		defer b.Close()
		m := machine(t, b)
		defer m.Close()
		c, err := m.Console(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("the console lived on")
		}
	})
}

func TestFaultOrder(t *testing.T) {
	b := &BMC{}
	b.Fail(Fault{Command: Status, After: 1, Code: 1})
	b.Fail(Fault{Command: Status, Times: 2, Code: 2})
	b.Fail(Fault{Command: PowerOn, Times: -1, Code: 3})
	var got []byte
	for _, c := range []string{Status, Status, Status, Status, Status, PowerOn, PowerOn, PowerOff} {
		f, _ := b.fault(c)
		got = append(got, f.Code)
	}
	// The first lets one through, which the second then takes; and so on.
	if want := []byte{2, 1, 2, 0, 0, 3, 3, 0}; !bytes.Equal(got, want) {
		t.Errorf("faults %v, want %v", got, want)
	}
	b.Heal()
	if f, ok := b.fault(PowerOn); ok {
		t.Errorf("after Heal: %+v", f)
	}
}

func TestBMCOnASocket(t *testing.T) {
	b := &BMC{}
	addr := b.Addr()
	if again := b.Addr(); again != addr || !strings.HasPrefix(addr, "127.0.0.1:") {
		t.Errorf("Addr() = %q, then %q", addr, again)
	}
	m, err := ipmi.New(addr, b.Login(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := m.PowerOn(t.Context()); err != nil {
		t.Error(err)
	}
	taken := &BMC{Listen: addr}
	defer taken.Close()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("two BMCs have the same address")
			}
		}()
		taken.Addr()
	}()
	for range 2 {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	_ = m.Close()
	later, err := ipmi.New(addr, b.Login(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer later.Close()
	if _, err := later.State(t.Context()); !errors.Is(err, ipmi.ErrUnreachable) {
		t.Errorf("State after Close: %v", err)
	}
}

func TestMisuse(t *testing.T) {
	for name, misuse := range map[string]func(){
		"Power without Set":    func() { (&BMC{Power: func() bool { return true }}).Addr() },
		"a user name too long": func() { (&BMC{User: strings.Repeat("u", 17)}).Addr() },
		"SetPower with Set": func() {
			b := &BMC{Power: func() bool { return true }, Set: func(bool) error { return nil }}
			defer b.Close()
			b.SetPower(true)
		},
		"an address after Close": func() { b := &BMC{}; _ = b.Close(); b.Addr() },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it did not panic")
				}
			}()
			misuse()
		})
	}
}

// The connection in memory keeps deadlines as a socket does, also those that change while somebody reads.
func TestMemoryConnDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &BMC{}
		defer b.Close()
		c, err := b.Dial(t.Context(), "udp", "bmc")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		expect := func(after time.Duration, change func()) {
			t.Helper()
			begin := time.Now()
			change()
			_, err := c.Read(make([]byte, 1))
			if e, ok := errors.AsType[net.Error](err); !ok || !e.Timeout() || time.Since(begin) != after {
				t.Errorf("Read after %v, want %v: %v", time.Since(begin), after, err)
			}
		}
		expect(time.Second, func() { _ = c.SetReadDeadline(time.Now().Add(time.Second)) })
		expect(0, func() { _ = c.SetDeadline(time.Now().Add(-time.Second)) })
		expect(3*time.Second, func() {
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			_ = c.SetReadDeadline(time.Time{})
			time.AfterFunc(3*time.Second, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })
		})
		_ = c.SetReadDeadline(time.Time{})
		time.AfterFunc(time.Second, func() { _ = c.Close() })
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read of a closed connection: %v", err)
		}
		if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Write to a closed connection: %v", err)
		}
	})
}

// Laws: a datagram that no fault is about goes its way, whatever is in it; and with a fault for everything none does.
func FuzzDatagram(f *testing.F) {
	f.Add([]byte{0x06, 0, 0xff, 0x07, 0x06, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 1, 2, 3, 4})
	f.Add([]byte{0x06, 0, 0xff, 0x07, 0x06, 0xc1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0})
	f.Add([]byte{0x06, 0, 0xff, 0x06})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		b := &BMC{}
		defer b.Close()
		b.init()
		p := packet{data, memAddr("console-1")}
		if in, out := b.arriving(p), b.leaving(p); in != (fate{}) || out != (fate{}) {
			t.Errorf("without a fault: %+v, %+v", in, out)
		}
		b.Fail(Fault{Command: Login, Code: 0x01, Times: -1})
		b.Fail(Fault{Command: Login, Code: 0x0d, Times: -1})
		_ = b.arriving(p)
		b.Fail(Fault{Command: Everything, Drop: true, Times: -1})
		if in := b.arriving(p); !in.lost {
			t.Errorf("with everything lost: %+v", in)
		}
	})
}
