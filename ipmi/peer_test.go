package ipmi_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/ipmi"
	"github.com/changeover-sdk/changeover/ipmi/ipmitest"
)

// The peers are Debian's ipmi_sim and ipmitool: C programs that share nothing with this module. What ipmi_sim was told
// is in the log of its chassis script.

func TestPeerConformance(t *testing.T) {
	t.Parallel()
	bothDrivers(t, func(t *testing.T, o ipmi.Options) {
		ipmitest.TestDriver(t, func(t *testing.T) ipmitest.Rig {
			s := ipmitest.StartSim(t)
			return ipmitest.Rig{Power: newMachine(t, s.Addr(), s.Login(), &o), Set: s.SetPower, Told: s.Told}
		})
	})
}

func TestPeerErrors(t *testing.T) {
	s := ipmitest.StartSim(t)
	operator := ipmi.Login{User: "operator", Password: ipmitest.DefaultPassword}
	for name, tt := range map[string]struct {
		login  ipmi.Login
		opts   ipmi.Options
		want   error
		says   string
		status byte
	}{
		"wrong password":                {ipmi.Login{User: ipmitest.DefaultUser, Password: "wrong"}, ipmi.Options{}, ipmi.ErrAuth, "wrong user or password", 0},
		"unknown user":                  {ipmi.Login{User: "nobody", Password: "wrong"}, ipmi.Options{}, ipmi.ErrAuth, "no such user", 0x0d},
		"suite 17 is not known":         {s.Login(), ipmi.Options{Suites: []int{17}}, ipmi.ErrUnsupported, "cipher suite", 0x04},
		"operator is enough":            {operator, ipmi.Options{Operator: true}, nil, "", 0},
		"ipmitool: wrong password":      {ipmi.Login{User: ipmitest.DefaultUser, Password: "wrong"}, ipmi.Options{Driver: ipmi.Ipmitool}, ipmi.ErrAuth, "refused the session", 0},
		"ipmitool: unknown user":        {ipmi.Login{User: "nobody", Password: "wrong"}, ipmi.Options{Driver: ipmi.Ipmitool}, ipmi.ErrAuth, "refused the session", 0},
		"ipmitool: suite 17 is unknown": {s.Login(), ipmi.Options{Driver: ipmi.Ipmitool, Suites: []int{17}}, ipmi.ErrUnsupported, "cipher suite", 0},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.opts.Driver == ipmi.Ipmitool {
				ipmitest.Needs(t, "ipmitool", "ipmitool")
			}
			_, err := newMachine(t, s.Addr(), tt.login, &tt.opts).State(t.Context())
			if !errors.Is(err, tt.want) {
				t.Fatalf("State: %v; want the class %v", err, tt.want)
			}
			if err == nil {
				return
			}
			if e, _ := errors.AsType[*ipmi.Error](err); e.Status != tt.status || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("State: %v (status %#x); want it to say %q and status %#x", err, e.Status, tt.says, tt.status)
			}
		})
	}
	if told := s.Told(); len(told) != 0 {
		t.Errorf("ipmi_sim was told %q", told)
	}
}

// relay stands between a client and a BMC and decides about every answer.
func relay(t *testing.T, to string, lose func() bool) string {
	t.Helper()
	front, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var conns []net.Conn
	go func() {
		defer close(done)
		backs := map[string]net.Conn{}
		buf := make([]byte, 4096)
		for {
			n, from, err := front.ReadFrom(buf)
			if err != nil {
				return
			}
			back := backs[from.String()]
			if back == nil {
				if back, err = net.Dial("udp4", to); err != nil {
					return
				}
				backs[from.String()] = back
				conns = append(conns, back)
				go func() {
					buf := make([]byte, 4096)
					for {
						n, err := back.Read(buf)
						if err != nil {
							return
						}
						if !lose() {
							_, _ = front.WriteTo(buf[:n], from)
						}
					}
				}()
			}
			_, _ = back.Write(buf[:n])
		}
	}()
	t.Cleanup(func() {
		_ = front.Close()
		<-done
		for _, c := range conns {
			_ = c.Close()
		}
	})
	return front.LocalAddr().String()
}

// The answer to the act is lost; ipmi_sim's log says how often the act arrived. Both libraries, left to themselves,
// would have told it twice: with this very relay go-ipmi reset a machine twice.
func TestPeerLostAnswerIsNotRepeated(t *testing.T) {
	t.Parallel()
	bothDrivers(t, func(t *testing.T, o ipmi.Options) {
		s := ipmitest.StartSim(t)
		var lost atomic.Int32
		addr := relay(t, s.Addr(), func() bool {
			// ipmi_sim runs the script before it answers: the first answer after the act is the act's own.
			return len(s.Told()) > 0 && lost.CompareAndSwap(0, 1)
		})
		if err := newMachine(t, addr, s.Login(), &o).PowerOn(t.Context()); err != nil {
			t.Error(err)
		}
		if told := s.Told(); !slices.Equal(told, once(ipmitest.PowerOn)) || lost.Load() != 1 {
			t.Errorf("ipmi_sim was told %q, with %d answers lost; want once, with one", told, lost.Load())
		}
	})
}

func TestPeerConsole(t *testing.T) {
	t.Parallel()
	s := ipmitest.StartSim(t)
	serial := s.Serial(t)
	m := newMachine(t, s.Addr(), s.Login(), nil)
	for range 2 { // the second time shows that the first one was given back
		c := openConsole(t, t.Context(), m)
		if _, err := m.Console(t.Context()); !errors.Is(err, ipmi.ErrBusy) {
			t.Errorf("a second console: %v", err)
		}
		if err := m.PowerOn(t.Context()); err != nil {
			t.Error(err)
		}
		go func() {
			for i := range 200 {
				fmt.Fprintf(serial, "[%4d] starting\r\n", i)
			}
			fmt.Fprint(serial, "sps login: \r\n")
		}()
		r := bufio.NewReader(c)
		for i := range 200 {
			if got, want := line(t, r), fmt.Sprintf("[%4d] starting", i); got != want {
				t.Fatalf("line %q, want %q", got, want)
			}
		}
		if got := line(t, r); got != "sps login:" {
			t.Errorf("line %q", got)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestPeerConsoleTakeOver(t *testing.T) {
	t.Parallel()
	s := ipmitest.StartSim(t)
	serial := s.Serial(t)
	first := openConsole(t, t.Context(), newMachine(t, s.Addr(), s.Login(), nil))
	second := openConsole(t, t.Context(), newMachine(t, s.Addr(), s.Login(), &ipmi.Options{TakeOver: true}))
	if _, err := first.Read(make([]byte, 1)); !errors.Is(err, ipmi.ErrBusy) {
		t.Errorf("the first console: %v", err)
	}
	_ = first.Close()
	go fmt.Fprint(serial, "still here\r\n")
	if got := line(t, bufio.NewReader(second)); got != "still here" {
		t.Errorf("the second console: %q", got)
	}
}

// The in-process BMC understands what an independent client says: users' tests rest on it.
func TestPeerIpmitoolOnOurBMC(t *testing.T) {
	path := ipmitest.Needs(t, "ipmitool", "ipmitool")
	b := newBMC(t, &ipmitest.BMC{Cycle: 100 * time.Millisecond})
	host, port, err := net.SplitHostPort(b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	for _, suite := range []string{"3", "17"} {
		for _, step := range []struct{ args, says string }{
			{"chassis power status", "Chassis Power is off"},
			{"chassis power on", "Chassis Power Control: Up/On"},
			{"chassis power status", "Chassis Power is on"},
			{"chassis power cycle", "Chassis Power Control: Cycle"},
			{"chassis power off", "Chassis Power Control: Down/Off"},
			{"chassis power soft", "failed: Invalid data field in request"},
			{"mc info", "IPMI Version"},
			{"sol info", "Force Encryption"},
		} {
			cmd := exec.CommandContext(t.Context(), path, append([]string{"-I", "lanplus", "-N", "5", "-C", suite, "-H", host, "-p", port, "-U", b.Login().User, "-E"}, strings.Fields(step.args)...)...)
			cmd.Env = []string{"IPMITOOL_PASSWORD=" + b.Login().Password}
			printed, _ := cmd.CombinedOutput()
			if !strings.Contains(string(printed), step.says) {
				t.Errorf("suite %s, %s: printed %q, want it to say %q", suite, step.args, printed, step.says)
			}
		}
	}
	if want := []string{"power on", "power cycle", "power off", "power on", "power cycle", "power off"}; !slices.Equal(b.Told(), want) {
		t.Errorf("the BMC was told %q, want %q", b.Told(), want)
	}
}

// Every completion code comes through ipmitool's words as it comes natively.
func TestPeerCompletionCodes(t *testing.T) {
	t.Parallel()
	bothDrivers(t, func(t *testing.T, o ipmi.Options) {
		b := newBMC(t, &ipmitest.BMC{On: true})
		m := newMachine(t, b.Addr(), b.Login(), &o)
		for _, code := range []byte{0xC1, 0xC2, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xCB, 0xCC, 0xCD, 0xCF, 0xD0, 0xD1, 0xD3, 0xD4, 0xD5, 0xD6, 0xFF, 0x9B} {
			if code == 0xCF && o.Driver == ipmi.Ipmitool {
				continue // ipmitool takes it for a late answer to a repetition and waits for another one
			}
			b.Heal()
			b.Fail(ipmitest.Fault{Command: ipmitest.Status, Code: code, Times: -1})
			_, err := m.State(t.Context())
			if e, ok := errors.AsType[*ipmi.Error](err); !ok || e.Code != code {
				t.Errorf("State: %v; want completion code %#x", err, code)
			}
			if code == 0xFF {
				continue // to an act it is no refusal: see TestFaultCodesThatDoNotSayNo
			}
			b.Heal()
			b.Fail(ipmitest.Fault{Command: ipmitest.PowerCycle, Code: code, Times: -1})
			err = m.PowerCycle(t.Context())
			if e, ok := errors.AsType[*ipmi.Error](err); !ok || e.Code != code || !errors.Is(err, ipmi.ErrRefused) {
				t.Errorf("PowerCycle: %v; want completion code %#x", err, code)
			}
		}
		if told := b.Told(); len(told) != 0 {
			t.Errorf("told %q", told)
		}
	})
}
