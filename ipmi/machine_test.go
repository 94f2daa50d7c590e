package ipmi_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/ipmi"
	"github.com/changeover-sdk/changeover/ipmi/ipmitest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	bothDrivers(t, func(t *testing.T, o ipmi.Options) {
		ipmitest.TestDriver(t, func(t *testing.T) ipmitest.Rig {
			b := newBMC(t, &ipmitest.BMC{})
			return ipmitest.Rig{Power: newMachine(t, b.Addr(), b.Login(), &o), Set: b.SetPower, Told: b.Told}
		})
	})
}

func TestNewRefuses(t *testing.T) {
	login := ipmi.Login{User: "admin", Password: "secret-Pass"}
	for name, tt := range map[string]struct {
		addr  string
		login ipmi.Login
		opts  *ipmi.Options
		says  string
	}{
		"no address":                    {"", login, nil, "host name or an IP address"},
		"a URL":                         {"https://bmc.example", login, nil, "address"},
		"no user":                       {"bmc", ipmi.Login{Password: "x"}, nil, "user name is empty"},
		"no password":                   {"bmc", ipmi.Login{User: "x"}, nil, "password is empty"},
		"a zero byte":                   {"bmc", ipmi.Login{User: "x\x00y", Password: "x"}, nil, "zero bytes"},
		"an unknown driver":             {"bmc", login, &ipmi.Options{Driver: "redfish"}, `driver "redfish"`},
		"a negative time":               {"bmc", login, &ipmi.Options{Timeout: -1}, "negative"},
		"a path without the driver":     {"bmc", login, &ipmi.Options{IpmitoolPath: "/bin/true"}, "IpmitoolPath"},
		"Dial with ipmitool":            {"bmc", login, &ipmi.Options{Driver: ipmi.Ipmitool, Dial: new(net.Dialer).DialContext}, "Dial"},
		"Operator with ipmitool":        {"bmc", login, &ipmi.Options{Driver: ipmi.Ipmitool, Operator: true}, "Operator"},
		"two suites with ipmitool":      {"bmc", login, &ipmi.Options{Driver: ipmi.Ipmitool, Suites: []int{17, 3}}, "exactly one"},
		"a suite without signatures":    {"bmc", login, &ipmi.Options{Suites: []int{17, 1}}, "cipher suite 1"},
		"a suite with a broken cipher":  {"bmc", login, &ipmi.Options{Suites: []int{4}}, "cipher suite 4"},
		"a suite that does not exist":   {"bmc", login, &ipmi.Options{Suites: []int{-3}}, "cipher suite -3"},
		"an ipmitool that is not there": {"bmc", login, &ipmi.Options{Driver: ipmi.Ipmitool, IpmitoolPath: "/nonexistent/ipmitool"}, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := ipmi.New(tt.addr, tt.login, tt.opts)
			if err == nil || m != nil || !strings.Contains(err.Error(), tt.says) || !strings.HasPrefix(err.Error(), "ipmi: ") {
				t.Errorf("New = %v, %v; want an error that says %q", m, err, tt.says)
			}
		})
	}
}

func TestNewTalksToNobody(t *testing.T) {
	m, err := ipmi.New("bmc.invalid", ipmi.Login{User: "a", Password: "b"}, &ipmi.Options{Dial: func(context.Context, string, string) (net.Conn, error) {
		t.Error("New dialled")
		return nil, errors.New("no")
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := m.String(); got != "ipmi bmc.invalid:623 (native)" {
		t.Errorf("String() = %q", got)
	}
	_ = m.Close()
}

// Every failure has its class, and only its own.
func TestFaultClasses(t *testing.T) {
	classes := map[string]error{
		"auth": ipmi.ErrAuth, "unreachable": ipmi.ErrUnreachable, "timeout": ipmi.ErrTimeout, "unsupported": ipmi.ErrUnsupported,
		"busy": ipmi.ErrBusy, "refused": ipmi.ErrRefused, "not sent": ipmi.ErrNotSent, "closed": ipmi.ErrClosed,
		"canceled": context.Canceled, "deadline": context.DeadlineExceeded,
	}
	forever := func(f ipmitest.Fault) []ipmitest.Fault { f.Times = -1; return []ipmitest.Fault{f} }
	for name, tt := range map[string]struct {
		faults []ipmitest.Fault
		login  *ipmi.Login
		dial   dial
		opts   ipmi.Options
		suites []int
		lowly  bool
		want   []string
		says   string
		code   byte
		status byte
		within time.Duration
	}{
		"wrong password":      {login: &ipmi.Login{User: "admin", Password: "wrong"}, want: []string{"auth"}, says: "wrong user or password"},
		"unknown user":        {login: &ipmi.Login{User: "nobody", Password: "wrong"}, want: []string{"auth"}, says: "wrong user or password"},
		"privilege too low":   {lowly: true, want: []string{"auth"}, says: "privilege", status: 0x0a},
		"no session free":     {faults: forever(ipmitest.Fault{Command: ipmitest.Login, Code: 0x01}), want: []string{"busy"}, says: "about a minute", status: 0x01},
		"refused user":        {faults: forever(ipmitest.Fault{Command: ipmitest.Login, Code: 0x0d}), want: []string{"auth"}, status: 0x0d},
		"no suite in common":  {suites: []int{17}, opts: ipmi.Options{Suites: []int{3}}, want: []string{"unsupported"}, says: "cipher suite", status: 0x04},
		"silence":             {faults: forever(ipmitest.Fault{Command: ipmitest.Everything, Drop: true}), want: []string{"timeout"}, says: "asked 3 times within 10s", within: 10 * time.Second},
		"silence after login": {faults: forever(ipmitest.Fault{Command: ipmitest.Status, Drop: true}), want: []string{"timeout"}, says: "no answer", within: 10 * time.Second},
		"answers too late":    {faults: forever(ipmitest.Fault{Command: ipmitest.Status, Delay: time.Minute}), want: []string{"timeout"}, within: 10 * time.Second},
		"command not known":   {faults: forever(ipmitest.Fault{Command: ipmitest.Status, Code: 0xC1}), want: []string{"refused", "unsupported"}, code: 0xC1, says: "0xc1: invalid command"},
		"not in this state":   {faults: forever(ipmitest.Fault{Command: ipmitest.Status, Code: 0xD5}), want: []string{"refused", "unsupported"}, code: 0xD5},
		"no privilege":        {faults: forever(ipmitest.Fault{Command: ipmitest.Status, Code: 0xD4}), want: []string{"refused", "auth"}, code: 0xD4},
		"being updated":       {faults: forever(ipmitest.Fault{Command: ipmitest.Status, Code: 0xD1}), want: []string{"refused", "busy"}, code: 0xD1},
		"busy for ever":       {faults: forever(ipmitest.Fault{Command: ipmitest.Status, Code: 0xC0}), want: []string{"refused", "busy"}, code: 0xC0, within: 10 * time.Second},
		"the BMC's own code":  {faults: forever(ipmitest.Fault{Command: ipmitest.Status, Code: 0x9b}), want: []string{"refused"}, code: 0x9b, says: "the vendor's own"},
		"the name is unknown": {dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "bmc.example", IsNotFound: true}}
		}, want: []string{"unreachable"}, says: "no such host"},
		"no route": {dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}
		}, want: []string{"unreachable"}, says: "no route"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &ipmitest.BMC{Suites: tt.suites, Operator: tt.lowly}
				defer b.Close()
				login := b.Login()
				if tt.login != nil {
					login = *tt.login
				}
				tt.opts.Dial = b.Dial
				if tt.dial != nil {
					tt.opts.Dial = tt.dial
				}
				m := newMachine(t, "bmc.example", login, &tt.opts)
				for _, f := range tt.faults {
					b.Fail(f)
				}
				var err error
				took := elapsed(func() { _, err = m.State(t.Context()) })
				if err == nil {
					t.Fatal("State succeeded")
				}
				for class, sentinel := range classes {
					if got, want := errors.Is(err, sentinel), slices.Contains(tt.want, class); got != want {
						t.Errorf("error is of class %q: %t, want %t: %v", class, got, want, err)
					}
				}
				if !strings.Contains(err.Error(), tt.says) || !strings.HasPrefix(err.Error(), "ipmi: read power state bmc.example:623: ") {
					t.Errorf("error = %q, want it to say %q", err, tt.says)
				}
				e, ok := errors.AsType[*ipmi.Error](err)
				if !ok || e.Code != tt.code || e.Status != tt.status || e.Op != "read power state" || e.Addr != "bmc.example:623" {
					t.Errorf("error facts = %+v", e)
				}
				if took > tt.within {
					t.Errorf("it took %v, want at most %v", took, tt.within)
				}
				if err := m.PowerOn(t.Context()); !errors.Is(err, ipmi.ErrNotSent) || b.Count(ipmitest.PowerOn) != 0 {
					t.Errorf("PowerOn: %v: want ErrNotSent and nothing sent", err)
				}
			})
		})
	}
}

// What gets lost once is asked again, and nobody notices; but for the time.
func TestFaultOnceIsNoError(t *testing.T) {
	for name, f := range map[string]ipmitest.Fault{
		"a lost question":          {Command: ipmitest.Status, Drop: true},
		"a lost answer":            {Command: ipmitest.Status, Lose: true},
		"two lost answers":         {Command: ipmitest.Status, Lose: true, Times: 2},
		"a late answer":            {Command: ipmitest.Status, Delay: 3 * time.Second},
		"a lost login":             {Command: ipmitest.Login, Drop: true},
		"a BMC that is just busy":  {Command: ipmitest.Status, Code: 0xC0, Times: 3},
		"a BMC that just starts":   {Command: ipmitest.Status, Code: 0xD2, Times: 3},
		"a BMC that lost its word": {Command: ipmitest.Status, Code: 0xCE},
	} {
		t.Run(name, func(t *testing.T) {
			b := &ipmitest.BMC{On: true}
			inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
				b.Fail(f)
				if s, err := m.State(t.Context()); s != ipmi.On || err != nil {
					t.Errorf("State() = %q, %v", s, err)
				}
			})
		})
	}
}

// A BMC that was reset has forgotten its sessions, a session that rested may have been forgotten: either way the next
// question is answered, and the second without waiting.
func TestForgottenSession(t *testing.T) {
	b := &ipmitest.BMC{}
	inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
		state := func() {
			t.Helper()
			if s, err := m.State(t.Context()); s != ipmi.Off || err != nil {
				t.Errorf("State() = %q, %v", s, err)
			}
		}
		state()
		b.Forget()
		if took := elapsed(state); took == 0 || took > 3*time.Second {
			t.Errorf("after a reset of the BMC the answer took %v, want one lost question's time", took)
		}
		time.Sleep(time.Hour)
		if took := elapsed(state); took > goodbyeTime {
			t.Errorf("after an hour of rest the answer took %v, want none", took)
		}
		if got := b.Count(ipmitest.Login); got != 3 {
			t.Errorf("%d logins, want 3", got)
		}
	})
}

// goodbyeTime is what a session that the BMC has forgotten already costs at most to end.
const goodbyeTime = 200 * time.Millisecond

func TestSessionIsKept(t *testing.T) {
	b := &ipmitest.BMC{}
	inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
		for range 100 {
			if _, err := m.State(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		}
		if got := b.Count(ipmitest.Login); got != 1 {
			t.Errorf("%d logins for 100 questions, want 1", got)
		}
		if err := m.Close(); err != nil || b.Sessions() != 0 {
			t.Errorf("Close: %v; %d sessions are left on the BMC, want 0", err, b.Sessions())
		}
	})
}

func TestSuites(t *testing.T) {
	for name, tt := range map[string]struct {
		bmc, offered []int
		logins       int // messages that open a session, over two sessions
	}{
		"17 first by default":                 {[]int{3, 17}, nil, 2},
		"3 where 17 is not known, remembered": {[]int{3}, nil, 3},
		"17 alone":                            {[]int{17}, []int{17}, 2},
		"3 first when told so":                {[]int{3, 17}, []int{3, 17}, 2},
		"17 after 3, remembered":              {[]int{17}, []int{3, 17}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			b := &ipmitest.BMC{Suites: tt.bmc}
			inBubble(t, b, &ipmi.Options{Suites: tt.offered}, func(t *testing.T, m *ipmi.Machine) {
				for range 2 {
					if _, err := m.State(t.Context()); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Minute)
				}
				if got := b.Count(ipmitest.Login); got != tt.logins {
					t.Errorf("%d sessions were asked for, want %d", got, tt.logins)
				}
			})
		})
	}
}

// A BMC that says nothing to a suite it does not know costs time once, and not the answer.
func TestSuiteThatMeetsSilence(t *testing.T) {
	b := &ipmitest.BMC{}
	first := true
	o := &ipmi.Options{Dial: inBetween(b.Dial, func(p []byte) []byte {
		if first && len(p) > 5 && p[5] == 0x11 {
			first = false
			return nil
		}
		return p
	})}
	inBubble(t, b, o, func(t *testing.T, m *ipmi.Machine) {
		if s, err := m.State(t.Context()); s != ipmi.Off || err != nil {
			t.Errorf("State() = %q, %v", s, err)
		}
	})
}

func TestOperator(t *testing.T) {
	b := &ipmitest.BMC{Operator: true}
	inBubble(t, b, &ipmi.Options{Operator: true}, func(t *testing.T, m *ipmi.Machine) {
		if err := m.PowerOn(t.Context()); err != nil {
			t.Errorf("PowerOn as operator: %v", err)
		}
	})
}

func TestClose(t *testing.T) {
	t.Run("ends a call that is under way", func(t *testing.T) {
		b := &ipmitest.BMC{}
		inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
			b.Fail(ipmitest.Fault{Command: ipmitest.Everything, Drop: true, Times: -1})
			got := make(chan error)
			go func() { _, err := m.State(t.Context()); got <- err }()
			synctest.Wait()
			took := elapsed(func() {
				_ = m.Close()
				if err := <-got; !errors.Is(err, ipmi.ErrClosed) || errors.Is(err, context.Canceled) {
					t.Errorf("State during Close: %v", err)
				}
			})
			if took > goodbyeTime {
				t.Errorf("Close took %v", took)
			}
		})
	})
	t.Run("after an act was sent says so", func(t *testing.T) {
		b := &ipmitest.BMC{}
		inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
			b.Fail(ipmitest.Fault{Command: ipmitest.PowerOn, Ignore: true})
			got := make(chan error)
			go func() { got <- m.PowerOn(t.Context()) }()
			time.Sleep(time.Second)
			_ = m.Close()
			if err := <-got; !errors.Is(err, ipmi.ErrClosed) || errors.Is(err, ipmi.ErrNotSent) || !strings.Contains(err.Error(), "may have been carried out") {
				t.Errorf("PowerOn during Close: %v", err)
			}
		})
	})
	t.Run("does not wait for a BMC that is gone", func(t *testing.T) {
		b := &ipmitest.BMC{}
		inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
			if _, err := m.State(t.Context()); err != nil {
				t.Fatal(err)
			}
			b.Fail(ipmitest.Fault{Command: ipmitest.Everything, Drop: true, Times: -1})
			if took := elapsed(func() { _ = m.Close() }); took > goodbyeTime {
				t.Errorf("Close took %v", took)
			}
		})
	})
}

// A call that waits for its turn does not outlive its own context.
func TestWaitingForTheTurnEndsWithTheContext(t *testing.T) {
	b := &ipmitest.BMC{}
	inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
		b.Fail(ipmitest.Fault{Command: ipmitest.Everything, Drop: true, Times: -1})
		done := make(chan struct{})
		go func() { defer close(done); _, _ = m.State(t.Context()) }()
		synctest.Wait()
		cause := errors.New("the window closes")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
		defer cancel()
		var err error
		if took := elapsed(func() { err = m.PowerOn(ctx) }); took != time.Second {
			t.Errorf("it took %v, want 1s", took)
		}
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, cause) || !errors.Is(err, ipmi.ErrNotSent) || errors.Is(err, ipmi.ErrTimeout) {
			t.Errorf("PowerOn: %v", err)
		}
		if want := "ipmi: power on bmc.example:623: context deadline exceeded: the window closes (last: another call was under way)"; fmt.Sprint(err) != want {
			t.Errorf("error = %q, want %q", err, want)
		}
		<-done
	})
}
