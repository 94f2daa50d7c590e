package ipmi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bougou/go-ipmi/pkg/client"

	"github.com/changeover-sdk/changeover/ipmi"
	"github.com/changeover-sdk/changeover/ipmi/ipmitest"
)

// Each of these tests is about one thing that bmclib v2.3.5, go-ipmi v0.9.1 or ipmitool 1.8.19 does and that would be
// wrong here. Their names say what would go wrong.

// bmclib leaves a missing ipmitool out without a word and later says "no Opener implementations found".
func TestPitfallIpmitoolIsNotInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := ipmi.New("bmc", ipmi.Login{User: "a", Password: "b"}, &ipmi.Options{Driver: ipmi.Ipmitool})
	if !errors.Is(err, ipmi.ErrUnsupported) || !strings.Contains(err.Error(), "package ipmitool") {
		t.Errorf("New: %v", err)
	}
}

// A time-out kills a script and leaves the program it started running.
func TestPitfallIpmitoolBehindAScript(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ipmitool")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nexec /usr/bin/ipmitool \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := ipmi.New("bmc", ipmi.Login{User: "a", Password: "b"}, &ipmi.Options{Driver: ipmi.Ipmitool, IpmitoolPath: path})
	if !errors.Is(err, ipmi.ErrUnsupported) || !strings.Contains(err.Error(), "is a script") {
		t.Errorf("New: %v", err)
	}
}

// bmclib divides the time by the number of drivers: with the seven it registers by itself, an answer after two seconds
// of ten would be too late.
func TestPitfallTimeIsNotDivided(t *testing.T) {
	b := &ipmitest.BMC{On: true}
	inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
		b.Fail(ipmitest.Fault{Command: ipmitest.Status, Delay: 1900 * time.Millisecond})
		if _, err := m.State(t.Context()); err != nil || b.Count(ipmitest.Status) != 1 {
			t.Errorf("State: %v after %d questions", err, b.Count(ipmitest.Status))
		}
	})
}

// bmclib would offer the password to seven endpoints at once, one of them in plain HTTP.
func TestPitfallPasswordGoesToOneEndpoint(t *testing.T) {
	b := &ipmitest.BMC{}
	var dialled []string
	o := &ipmi.Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled = append(dialled, network+" "+address)
		return b.Dial(ctx, network, address)
	}}
	inBubble(t, b, o, func(t *testing.T, m *ipmi.Machine) {
		if err := m.PowerOn(t.Context()); err != nil {
			t.Error(err)
		}
		if want := []string{"udp bmc.example:623"}; !slices.Equal(dialled, want) {
			t.Errorf("dialled %q, want %q", dialled, want)
		}
	})
}

// Without a pinned suite bmclib repeats whatever failed with another one: a wrong password is offered twice.
func TestPitfallWrongPasswordIsOfferedOnce(t *testing.T) {
	bothDrivers(t, func(t *testing.T, o ipmi.Options) {
		b := newBMC(t, &ipmitest.BMC{})
		m := newMachine(t, b.Addr(), ipmi.Login{User: ipmitest.DefaultUser, Password: "wrong"}, &o)
		if err := m.PowerOn(t.Context()); !errors.Is(err, ipmi.ErrAuth) || !errors.Is(err, ipmi.ErrNotSent) {
			t.Errorf("PowerOn: %v", err)
		}
		if got := b.Count(ipmitest.Login); got != 1 {
			t.Errorf("%d logins, want 1", got)
		}
	})
}

// The second suite's error hides the first one's: "invalid authentication algorithm" instead of what was wrong.
func TestPitfallTheFirstErrorCounts(t *testing.T) {
	bothDrivers(t, func(t *testing.T, o ipmi.Options) {
		b := newBMC(t, &ipmitest.BMC{Suites: []int{3}})
		b.Fail(ipmitest.Fault{Command: ipmitest.Status, Code: 0xC1, Times: -1})
		_, err := newMachine(t, b.Addr(), b.Login(), &o).State(t.Context())
		if e, ok := errors.AsType[*ipmi.Error](err); !ok || e.Code != 0xC1 {
			t.Errorf("State: %v, want completion code 0xC1", err)
		}
	})
}

// ipmitool says "Chassis Power is on\n", and its wrong password looks like a BMC that is not there.
func TestPitfallSentenceIsNormalised(t *testing.T) {
	bothDrivers(t, func(t *testing.T, o ipmi.Options) {
		b := newBMC(t, &ipmitest.BMC{On: true})
		m := newMachine(t, b.Addr(), b.Login(), &o)
		if s, err := m.State(t.Context()); s != ipmi.On || err != nil {
			t.Errorf("State() = %q, %v", s, err)
		}
		b.SetPower(false)
		if s, err := m.State(t.Context()); s != ipmi.Off || err != nil {
			t.Errorf("State() = %q, %v", s, err)
		}
	})
}

func TestPitfallWrongPasswordIsNotSilence(t *testing.T) {
	bothDrivers(t, func(t *testing.T, o ipmi.Options) {
		o.Timeout = 300 * time.Millisecond
		silent, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		_, err = newMachine(t, silent.LocalAddr().String(), ipmi.Login{User: "a", Password: "b"}, &o).State(t.Context())
		if !errors.Is(err, ipmi.ErrTimeout) || errors.Is(err, ipmi.ErrAuth) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a silent host: %v", err)
		}
	})
}

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

// bmclib's SetPowerState("soft") reports success without having been heard; a reset is not needed for anything.
func TestPitfallSoftIsNotOffered(t *testing.T) {
	var m any = new(ipmi.Machine)
	if _, ok := m.(interface{ PowerSoft(context.Context) error }); ok {
		t.Error("Machine has a PowerSoft")
	}
	if _, ok := m.(interface{ PowerReset(context.Context) error }); ok {
		t.Error("Machine has a PowerReset")
	}
}

// A cancelled ipmitool is "signal: killed", and a deadline while acting is lost in text.
func TestPitfallCancelledIpmitool(t *testing.T) {
	path := ipmitest.Needs(t, "ipmitool", "ipmitool")
	for name, end := range map[string]struct {
		ctx  func(context.Context) (context.Context, context.CancelFunc)
		want error
	}{
		"cancelled": {func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithCancel(ctx) }, context.Canceled},
		"at its deadline": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 2*time.Second)
		}, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := end.ctx(t.Context())
			defer cancel()
			var on atomic.Bool
			b := newBMC(t, &ipmitest.BMC{Power: on.Load, Set: func(bool) error {
				if name == "cancelled" {
					cancel()
				}
				return nil
			}})
			b.Fail(ipmitest.Fault{Command: ipmitest.PowerOn, Lose: true, Times: -1})
			m := newMachine(t, b.Addr(), b.Login(), &ipmi.Options{Driver: ipmi.Ipmitool, IpmitoolPath: path})
			err := m.PowerOn(ctx)
			if !errors.Is(err, end.want) || errors.Is(err, ipmi.ErrNotSent) || errors.Is(err, ipmi.ErrTimeout) {
				t.Errorf("PowerOn: %v", err)
			}
			if got := b.Told(); !slices.Equal(got, once(ipmitest.PowerOn)) {
				t.Errorf("told %q", got)
			}
		})
	}
}

// ipmitool is the peer of the ipmitool driver; the password is in its environment, where only the same user can look,
// and never in its arguments, where everybody can.
func TestPitfallPasswordIsNotInTheArguments(t *testing.T) {
	path := ipmitest.Needs(t, "ipmitool", "ipmitool")
	silent, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithCancel(t.Context())
	m := newMachine(t, silent.LocalAddr().String(), ipmi.Login{User: "admin", Password: "canary-Pass"}, &ipmi.Options{Driver: ipmi.Ipmitool, IpmitoolPath: path})
	done := make(chan error)
	go func() { _, err := m.State(ctx); done <- err }()
	if _, _, err := silent.ReadFrom(make([]byte, 64)); err != nil { // it is running, and waits for an answer
		t.Fatal(err)
	}
	children, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(children) == 0 {
		t.Skip("/proc does not tell the children of a process")
	}
	seen := 0
	for _, file := range children {
		pids, _ := os.ReadFile(file)
		for _, pid := range strings.Fields(string(pids)) {
			args, _ := os.ReadFile("/proc/" + pid + "/cmdline")
			env, _ := os.ReadFile("/proc/" + pid + "/environ")
			if !strings.Contains(string(args), "ipmitool") {
				continue
			}
			seen++
			if strings.Contains(string(args), "canary") {
				t.Errorf("the password is in the arguments: %q", args)
			}
			if want := "IPMITOOL_PASSWORD=canary-Pass\x00"; string(env) != want {
				t.Errorf("the environment is %q, want only the password", env)
			}
		}
	}
	if seen != 1 {
		t.Errorf("%d ipmitool processes were seen, want 1", seen)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("State: %v", err)
	}
}

// A command that did its work and lost its answer is run again: by bmclib with another suite, by go-ipmi and by
// ipmitool over the same session.
func TestPitfallLostAnswerIsNotRepeated(t *testing.T) {
	bothDrivers(t, func(t *testing.T, o ipmi.Options) {
		b := newBMC(t, &ipmitest.BMC{})
		b.Fail(ipmitest.Fault{Command: ipmitest.PowerOn, Lose: true, Times: -1})
		if err := newMachine(t, b.Addr(), b.Login(), &o).PowerOn(t.Context()); err != nil {
			t.Error(err)
		}
		if got := b.Count(ipmitest.PowerOn); got != 1 {
			t.Errorf("the command arrived %d times, want once", got)
		}
	})
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

// go-ipmi keeps a session alive with a goroutine of its own, for as long as the client is not closed.
func TestPitfallNothingRunsBetweenCalls(t *testing.T) {
	b := &ipmitest.BMC{}
	inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
		if _, err := m.State(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := b.Commands()
		time.Sleep(time.Hour)
		if got := b.Commands(); fmt.Sprint(got) != fmt.Sprint(before) {
			t.Errorf("an hour later the BMC had heard %v, before %v", got, before)
		}
	})
	// The Machine was not closed in any way that matters to TestMain, which looks for goroutines.
}

// bmclib has no console, and ipmitool's needs a terminal.
func TestPitfallNoConsoleWithIpmitool(t *testing.T) {
	path := ipmitest.Needs(t, "ipmitool", "ipmitool")
	m := newMachine(t, "127.0.0.1:1", ipmi.Login{User: "a", Password: "b"}, &ipmi.Options{Driver: ipmi.Ipmitool, IpmitoolPath: path})
	if _, err := m.Console(t.Context()); !errors.Is(err, ipmi.ErrUnsupported) {
		t.Errorf("Console: %v", err)
	}
}

// Ending somebody else's console is the caller's choice; the other one is told.
func TestPitfallTakingTheConsoleOverIsAChoice(t *testing.T) {
	b := &ipmitest.BMC{}
	inBubble(t, b, &ipmi.Options{TakeOver: true}, func(t *testing.T, bold *ipmi.Machine) {
		polite := newMachine(t, "bmc", b.Login(), &ipmi.Options{Dial: b.Dial})
		defer polite.Close()
		first := openConsole(t, t.Context(), polite)
		if _, err := polite.Console(t.Context()); !errors.Is(err, ipmi.ErrBusy) || !strings.Contains(err.Error(), "TakeOver") {
			t.Errorf("a second console: %v", err)
		}
		second := openConsole(t, t.Context(), bold)
		if _, err := first.Read(make([]byte, 1)); !errors.Is(err, ipmi.ErrBusy) || !strings.Contains(err.Error(), "somebody else took") {
			t.Errorf("the first console: %v", err)
		}
		b.Print("hello\n")
		if got := line(t, bufio.NewReader(second)); got != "hello" {
			t.Errorf("the second console: %q", got)
		}
		_ = second.Close()
	})
}

// Console traffic does not keep a session alive, and go-ipmi's own keep-alive comes when it is too late.
func TestPitfallConsoleIsKeptAlive(t *testing.T) {
	b := &ipmitest.BMC{}
	inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
		c := openConsole(t, t.Context(), m)
		r := bufio.NewReader(c)
		for i := range 3 {
			time.Sleep(3 * time.Minute) // and silence is no reason to end it
			want := fmt.Sprintf("still here, look %d", i+1)
			b.Print(want + "\n")
			if got := line(t, r); got != want {
				t.Errorf("line %q, want %q", got, want)
			}
		}
		if got := b.Count(ipmitest.Status); got < 50 || got > 56 {
			t.Errorf("%d commands kept the session alive in nine minutes, want one every ten seconds", got)
		}
		if c.Gaps() != 0 {
			t.Errorf("%d gaps", c.Gaps())
		}
		_ = c.Close()
	})
}

func TestPitfallConsoleLosesNothing(t *testing.T) {
	b := &ipmitest.BMC{}
	inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
		c := openConsole(t, t.Context(), m)
		go func() {
			for i := range 2000 {
				b.Print(fmt.Sprintf("line %04d of a boot that prints a lot of them\n", i))
				time.Sleep(4 * time.Millisecond) // 115200 baud
			}
		}()
		r := bufio.NewReader(c)
		for i := range 2000 {
			if got, want := line(t, r), fmt.Sprintf("line %04d of a boot that prints a lot of them", i); got != want {
				t.Fatalf("line %q, want %q", got, want)
			}
		}
		if c.Gaps() != 0 {
			t.Errorf("%d gaps", c.Gaps())
		}
		_ = c.Close()
	})
}

// A BMC that went away is noticed, and the console then ends.
func TestPitfallConsoleNoticesADeadBMC(t *testing.T) {
	b := &ipmitest.BMC{}
	inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
		c := openConsole(t, t.Context(), m)
		b.Fail(ipmitest.Fault{Command: ipmitest.Everything, Drop: true, Times: -1})
		var err error
		took := elapsed(func() { _, err = c.Read(make([]byte, 1)) })
		if !errors.Is(err, ipmi.ErrTimeout) || took > 15*time.Second {
			t.Errorf("Read after %v: %v", took, err)
		}
	})
}

// The end of go-ipmi's input ends its stream, and a reader that stays leaks: here there is no input, and a cancel is
// quick.
func TestPitfallConsoleIsCancelled(t *testing.T) {
	b := &ipmitest.BMC{}
	inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
		ctx, cancel := context.WithCancel(t.Context())
		c := openConsole(t, ctx, m)
		time.Sleep(time.Minute)
		cancel()
		var err error
		took := elapsed(func() { _, err = c.Read(make([]byte, 1)) })
		if !errors.Is(err, context.Canceled) || took != 0 {
			t.Errorf("Read after %v: %v", took, err)
		}
		_ = c.Close()
		if b.Sessions() != 0 {
			t.Errorf("%d sessions are left on the BMC", b.Sessions())
		}
	})
}

// go-ipmi's SOLActivate installs a signal handler and changes the terminal; its Close panics the second time. Neither
// is called.
func TestPitfallCallsThatAreNotMade(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d files: %v", len(files), err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range []string{".SOLActivate(", ".cl.Close(", ".cl.Connect(", "FilterForCompatible(", "InsecureSkipVerify"} {
			if strings.Contains(string(source), call) {
				t.Errorf("%s calls %s", file, call)
			}
		}
	}
}
