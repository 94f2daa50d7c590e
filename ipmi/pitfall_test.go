package ipmi_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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
	t.Parallel()
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
	t.Parallel()
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
