package ipmi_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/ipmi"
	"github.com/changeover-sdk/changeover/ipmi/ipmitest"
)

// ipmitool takes a closed port for a silent one; the native driver knows at once.
func TestPitfallClosedPort(t *testing.T) {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	_, err = newMachine(t, c.LocalAddr().String(), ipmi.Login{User: "a", Password: "b"}, nil).State(t.Context())
	if !errors.Is(err, ipmi.ErrUnreachable) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("State: %v", err)
	}
}

// IPv6 literals need brackets for go-ipmi and for bmclib's ipmitool driver.
func TestPitfallIPv6(t *testing.T) {
	for _, addr := range []string{"::1", "[::1]", "[::1]:623"} {
		b := &ipmitest.BMC{}
		synctest.Test(t, func(t *testing.T) {
			defer b.Close()
			m := newMachine(t, addr, b.Login(), &ipmi.Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				if address != "[::1]:623" {
					t.Errorf("%q: dialled %q", addr, address)
				}
				return b.Dial(ctx, network, address)
			}})
			if _, err := m.State(t.Context()); err != nil {
				t.Errorf("%q: %v", addr, err)
			}
			_ = m.Close()
		})
	}
}

// ipmitool refuses passwords over 20 bytes only when it is run, go-ipmi user names over 16.
func TestPitfallTooLong(t *testing.T) {
	for name, tt := range map[string]struct {
		login ipmi.Login
		ok    bool
	}{
		"a name of 16 bytes":     {ipmi.Login{User: strings.Repeat("u", 16), Password: "p"}, true},
		"a name of 17 bytes":     {ipmi.Login{User: strings.Repeat("u", 17), Password: "p"}, false},
		"a password of 20 bytes": {ipmi.Login{User: "u", Password: strings.Repeat("p", 20)}, true},
		"a password of 21 bytes": {ipmi.Login{User: "u", Password: strings.Repeat("p", 21)}, false},
	} {
		m, err := ipmi.New("bmc", tt.login, nil)
		if (err == nil) != tt.ok {
			t.Errorf("%s: New: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "ppp") {
			t.Errorf("%s: the password is in the error: %v", name, err)
		}
		if m == nil {
			continue
		}
		b := &ipmitest.BMC{User: tt.login.User, Password: tt.login.Password}
		synctest.Test(t, func(t *testing.T) {
			defer b.Close()
			m := newMachine(t, "bmc", tt.login, &ipmi.Options{Dial: b.Dial})
			if _, err := m.State(t.Context()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			_ = m.Close()
		})
	}
}

// bmclib's client and go-ipmi's are not made for several goroutines: the race detector complains about the first, the
// second takes a full time-out now and then.
func TestPitfallConcurrentQuestions(t *testing.T) {
	var now, most atomic.Int32
	b := newBMC(t, &ipmitest.BMC{Set: func(bool) error { return nil }, Power: func() bool {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		return true
	}})
	m := newMachine(t, b.Addr(), b.Login(), nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if _, err := m.State(t.Context()); err != nil {
					t.Errorf("State: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if got := b.Count(ipmitest.Status); got != 400 || most.Load() != 1 {
		t.Errorf("%d questions, %d at a time; want 400, 1", got, most.Load())
	}
}

// Without pinned suites go-ipmi asks which there are, before a session exists; ipmi_sim does not answer that, and five
// seconds are gone.
func TestPitfallSuitesArePinned(t *testing.T) {
	b := &ipmitest.BMC{Suites: []int{3}}
	inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
		if took := elapsed(func() {
			if _, err := m.State(t.Context()); err != nil {
				t.Error(err)
			}
		}); took != 0 {
			t.Errorf("it took %v", took)
		}
		if got := b.Commands(); got["Get Channel Cipher Suites"] != 0 || got["Get Channel Authentication Capabilities"] != 0 {
			t.Errorf("commands before the session: %v", got)
		}
	})
}

// Cipher suite 0 is no authentication at all.
func TestPitfallSuiteZero(t *testing.T) {
	for _, d := range []ipmi.Driver{ipmi.Native, ipmi.Ipmitool} {
		if _, err := ipmi.New("bmc", ipmi.Login{User: "a", Password: "b"}, &ipmi.Options{Driver: d, Suites: []int{0}}); err == nil || !strings.Contains(err.Error(), "cipher suite 0") {
			t.Errorf("%s: New: %v", d, err)
		}
	}
}

// go-ipmi takes what the BMC chose for what was asked for. Whoever sits in between could choose "none", three times,
// which is suite 0 after all, and say what he likes.
func TestPitfallDowngrade(t *testing.T) {
	b := &ipmitest.BMC{}
	o := &ipmi.Options{Dial: inBetween(b.Dial, func(p []byte) []byte {
		if p[5] == 0x11 && len(p) >= 16+36 {
			p[16+16], p[16+24], p[16+32] = 0, 0, 0
		}
		return p
	})}
	inBubble(t, b, o, func(t *testing.T, m *ipmi.Machine) {
		_, err := m.State(t.Context())
		if !errors.Is(err, ipmi.ErrAuth) || !strings.Contains(err.Error(), "other algorithms") || b.Count(ipmitest.Login) != 1 {
			t.Errorf("State: %v after %d logins", err, b.Count(ipmitest.Login))
		}
	})
}

// flipPower changes the power state in the answer to Get Chassis Status: the first block of what AES-CBC encrypts
// follows the bits of the initialization vector, and the signature is not looked at.
func flipPower(p []byte) []byte {
	const statusAnswer = 68 // RMCP 4, header 12, IV and one block 32, pad 2, trailer 2, AuthCode 16
	if len(p) == statusAnswer && p[5] == 0xc0 {
		p[16+7] ^= 1
	}
	return p
}

// go-ipmi never looks at the signature of what it gets. Here somebody in between turns "off" into "on".
func TestPitfallForgedAnswerIsNotBelieved(t *testing.T) {
	b := &ipmitest.BMC{}
	o := &ipmi.Options{Dial: inBetween(b.Dial, flipPower)}
	inBubble(t, b, o, func(t *testing.T, m *ipmi.Machine) {
		s, err := m.State(t.Context())
		if s != "" || !errors.Is(err, ipmi.ErrTimeout) || !strings.Contains(err.Error(), "signature") {
			t.Errorf("State() = %q, %v; want an error", s, err)
		}
		if err := m.PowerOn(t.Context()); !errors.Is(err, ipmi.ErrNotSent) {
			t.Errorf("PowerOn: %v", err)
		}
	})
}

// The same against go-ipmi alone. When this test fails, a later version does look, and part of the guard may go.
func TestPitfallForgedAnswerIsBelievedByTheLibrary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &ipmitest.BMC{}
		defer b.Close()
		cl, err := client.NewClient("bmc", 623, ipmitest.DefaultUser, ipmitest.DefaultPassword)
		if err != nil {
			t.Fatal(err)
		}
		cl.WithCipherSuiteID(17).WithUDPProxy(proxy{inBetween(b.Dial, flipPower)})
		if err := cl.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer cl.Close(t.Context())
		status, err := cl.GetChassisStatus(t.Context())
		if err != nil || !status.PowerIsOn {
			t.Errorf("go-ipmi says %+v, %v: it does not believe the forgery any more", status, err)
		}
	})
}

type proxy struct{ dial dial }

func (p proxy) Dial(network, address string) (net.Conn, error) {
	return p.dial(context.Background(), network, address)
}

// A payload of the wrong length makes go-ipmi panic in a goroutine of its own: the program ends.
func TestPitfallMalformedAnswerDoesNotEndTheProgram(t *testing.T) {
	for name, change := range map[string]func([]byte) []byte{
		"an empty payload": func(p []byte) []byte { p[14], p[15] = 0, 0; return p[:16] },
		"half a block":     func(p []byte) []byte { p[14], p[15] = 24, 0; return p[:40] },
		"noise":            func(p []byte) []byte { p[40] ^= 0xff; return p },
		"cut short":        func(p []byte) []byte { return p[:20] },
	} {
		t.Run(name, func(t *testing.T) {
			b := &ipmitest.BMC{}
			o := &ipmi.Options{Timeout: 3 * time.Second, Dial: inBetween(b.Dial, func(p []byte) []byte {
				if p[5] == 0xc0 {
					return change(p)
				}
				return p
			})}
			inBubble(t, b, o, func(t *testing.T, m *ipmi.Machine) {
				if _, err := m.State(t.Context()); !errors.Is(err, ipmi.ErrTimeout) {
					t.Errorf("State: %v", err)
				}
			})
		})
	}
}

// go-ipmi's Connect joins the errors of the suites as text, so that errors.Is finds nothing. The texts that are still
// looked at are pinned by the tests that rely on them.
func TestPitfallLoginErrorsAreTyped(t *testing.T) {
	b := &ipmitest.BMC{}
	synctest.Test(t, func(t *testing.T) {
		defer b.Close()
		m := newMachine(t, "bmc", ipmi.Login{User: ipmitest.DefaultUser, Password: "wrong"}, &ipmi.Options{Dial: b.Dial})
		defer m.Close()
		if _, err := m.State(t.Context()); !errors.Is(err, ipmi.ErrAuth) {
			t.Errorf("State: %v", err)
		}
	})
}

// With a deadline go-ipmi says "no matching IPMI response", and not that the deadline passed.
func TestPitfallDeadlineIsADeadline(t *testing.T) {
	b := &ipmitest.BMC{}
	inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
		b.Fail(ipmitest.Fault{Command: ipmitest.Status, Drop: true, Times: -1})
		ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
		defer cancel()
		var err error
		took := elapsed(func() { _, err = m.State(ctx) })
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ipmi.ErrTimeout) {
			t.Errorf("State: %v", err)
		}
		if took > 700*time.Millisecond+goodbyeTime {
			t.Errorf("it took %v", took)
		}
	})
}

// go-ipmi's Close after a failed Connect waits as long as a command; not calling it leaks the socket.
func TestPitfallCloseAfterAFailedLogin(t *testing.T) {
	b := &ipmitest.BMC{}
	open := 0
	o := &ipmi.Options{Timeout: time.Second, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := b.Dial(ctx, network, address)
		open++
		return closing{c, func() { open-- }}, err
	}}
	inBubble(t, b, o, func(t *testing.T, m *ipmi.Machine) {
		b.Fail(ipmitest.Fault{Command: ipmitest.Everything, Drop: true, Times: -1})
		if _, err := m.State(t.Context()); !errors.Is(err, ipmi.ErrTimeout) {
			t.Errorf("State: %v", err)
		}
		if took := elapsed(func() { _ = m.Close() }); took != 0 {
			t.Errorf("Close took %v", took)
		}
		if open != 0 {
			t.Errorf("%d sockets are still open", open)
		}
	})
}

type closing struct {
	net.Conn
	closed func()
}

func (c closing) Close() error { c.closed(); return c.Conn.Close() }

// The second Close of a go-ipmi client panics.
func TestPitfallCloseTwice(t *testing.T) {
	b := &ipmitest.BMC{}
	inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
		if _, err := m.State(t.Context()); err != nil {
			t.Fatal(err)
		}
		c := openConsole(t, t.Context(), m)
		for range 3 {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// go-ipmi keeps a session alive with a goroutine of its own, for as long as its client is not closed. A Machine that was
// forgotten costs nothing: this bubble ends only when no goroutine is left in it.
func TestPitfallNothingRunsBetweenCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &ipmitest.BMC{}
		defer b.Close()
		m, err := ipmi.New("bmc", b.Login(), &ipmi.Options{Dial: b.Dial})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.State(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := b.Commands()
		time.Sleep(time.Hour)
		if d := cmp.Diff(before, b.Commands()); d != "" {
			t.Errorf("what the BMC heard in an hour without a question (-want +got):\n%s", d)
		}
	})
}
