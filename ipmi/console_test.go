package ipmi_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/ipmi"
	"github.com/changeover-sdk/changeover/ipmi/ipmitest"
)

// line reads one line.
func line(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	s, err := r.ReadString('\n')
	if err != nil {
		t.Fatalf("Read: %q, %v", s, err)
	}
	return strings.TrimSpace(s)
}

func openConsole(t *testing.T, ctx context.Context, m *ipmi.Machine) *ipmi.Console {
	t.Helper()
	c, err := m.Console(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return c.(*ipmi.Console)
}

func TestConsole(t *testing.T) {
	b := &ipmitest.BMC{}
	inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
		c := openConsole(t, t.Context(), m)
		r := bufio.NewReader(c)
		b.Print("Loading the kernel...\r\nsps login:\r\n")
		for _, want := range []string{"Loading the kernel...", "sps login:"} {
			if got := line(t, r); got != want {
				t.Errorf("line %q, want %q", got, want)
			}
		}
		if err := m.PowerOn(t.Context()); err != nil { // on another session, meanwhile
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("Read after Close: %d, %v; want EOF", n, err)
		}
		if b.Count(ipmitest.CloseConsole) != 1 || b.Count(ipmitest.Logout) != 1 || c.Gaps() != 0 {
			t.Errorf("commands %v, gaps %d; want the console given back", b.Commands(), c.Gaps())
		}
	})
}

// The serial port of a machine simulated elsewhere.
func TestConsoleOfAnotherSimulator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, machine := io.Pipe()
		b := &ipmitest.BMC{Console: r}
		defer b.Close()
		m := newMachine(t, "bmc", b.Login(), &ipmi.Options{Dial: b.Dial})
		c := openConsole(t, t.Context(), m)
		fmt.Fprintln(machine, "from elsewhere")
		if got := line(t, bufio.NewReader(c)); got != "from elsewhere" {
			t.Errorf("line %q", got)
		}
		_ = m.Close()
	})
}

// What has come is read to the end before the end is told.
func TestConsoleEndComesLast(t *testing.T) {
	b := &ipmitest.BMC{}
	inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
		ctx, cancel := context.WithCancel(t.Context())
		c := openConsole(t, ctx, m)
		b.Print("the last words")
		time.Sleep(time.Second)
		cancel()
		time.Sleep(time.Second)
		got, err := io.ReadAll(c)
		if string(got) != "the last words" || !errors.Is(err, context.Canceled) {
			t.Errorf("ReadAll = %q, %v", got, err)
		}
	})
}

func TestFaultConsole(t *testing.T) {
	for name, tt := range map[string]struct {
		bmc   func() *ipmitest.BMC
		fault ipmitest.Fault
		want  []error
		says  string
	}{
		"serial over LAN is off": {bmc: func() *ipmitest.BMC { return &ipmitest.BMC{NoConsole: true} }, want: []error{ipmi.ErrUnsupported, ipmi.ErrRefused}, says: "disabled"},
		"no room":                {fault: ipmitest.Fault{Command: ipmitest.OpenConsole, Code: 0x82}, want: []error{ipmi.ErrBusy}, says: "no room"},
		"no encryption":          {fault: ipmitest.Fault{Command: ipmitest.OpenConsole, Code: 0x83}, want: []error{ipmi.ErrUnsupported}, says: "encrypt"},
		"no privilege":           {fault: ipmitest.Fault{Command: ipmitest.OpenConsole, Code: 0xD4}, want: []error{ipmi.ErrAuth}, says: "privilege"},
		"answer lost":            {fault: ipmitest.Fault{Command: ipmitest.OpenConsole, Lose: true}, want: []error{ipmi.ErrTimeout}},
		"login refused":          {fault: ipmitest.Fault{Command: ipmitest.Login, Code: 0x0d}, want: []error{ipmi.ErrAuth}},
		"silence":                {fault: ipmitest.Fault{Command: ipmitest.Everything, Drop: true, Times: -1}, want: []error{ipmi.ErrTimeout}},
	} {
		t.Run(name, func(t *testing.T) {
			b := &ipmitest.BMC{}
			if tt.bmc != nil {
				b = tt.bmc()
			}
			inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
				if tt.fault.Code+byte(tt.fault.Times) != 0 || tt.fault.Lose {
					b.Fail(tt.fault)
				}
				var err error
				took := elapsed(func() { _, err = m.Console(t.Context()) })
				for _, want := range tt.want {
					if !errors.Is(err, want) {
						t.Errorf("Console: %v; want the class %v", err, want)
					}
				}
				if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.HasPrefix(err.Error(), "ipmi: console bmc.example:623: ") {
					t.Errorf("Console: %v; want it to say %q", err, tt.says)
				}
				if took > ipmi.DefaultTimeout+2*goodbyeTime {
					t.Errorf("it took %v", took)
				}
				if got := b.Count(ipmitest.OpenConsole); got > 1 {
					t.Errorf("the console was asked for %d times", got)
				}
			})
		})
	}
}

// A packet gets lost now and then; the stream goes on and says that there may be a gap.
func TestFaultConsoleSurvivesLostPackets(t *testing.T) {
	b := &ipmitest.BMC{}
	inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
		c := openConsole(t, t.Context(), m)
		r := bufio.NewReader(c)
		b.Print("before\n")
		line(t, r)
		b.Fail(ipmitest.Fault{Command: ipmitest.Everything, Drop: true, Times: 4})
		time.Sleep(20 * time.Second)
		b.Print("after\n")
		if got := line(t, r); got != "after" {
			t.Errorf("line %q", got)
		}
		if c.Gaps() == 0 {
			t.Error("no gap was told")
		}
		_ = c.Close()
	})
}

func TestMachineCloseEndsConsoles(t *testing.T) {
	b := &ipmitest.BMC{}
	inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
		c := openConsole(t, t.Context(), m)
		_ = m.Close()
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("Read after the Machine was closed: %v", err)
		}
		if _, err := m.Console(t.Context()); !errors.Is(err, ipmi.ErrClosed) {
			t.Errorf("Console of a closed Machine: %v", err)
		}
		if b.Sessions() != 0 {
			t.Errorf("%d sessions are left on the BMC", b.Sessions())
		}
	})
}

func TestMachineCloseEndsAConsoleThatIsBeingOpened(t *testing.T) {
	b := &ipmitest.BMC{}
	inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
		b.Fail(ipmitest.Fault{Command: ipmitest.Everything, Drop: true, Times: -1})
		got := make(chan error)
		go func() { _, err := m.Console(t.Context()); got <- err }()
		time.Sleep(time.Second)
		_ = m.Close()
		if err := <-got; !errors.Is(err, ipmi.ErrClosed) {
			t.Errorf("Console during Close: %v", err)
		}
	})
}

// A reader who is slow costs old output, and is told; the BMC is not kept waiting.
func TestConsoleSlowReader(t *testing.T) {
	b := &ipmitest.BMC{}
	inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
		c := openConsole(t, t.Context(), m)
		go func() {
			chunk := strings.Repeat("x", 8000)
			for range 50 {
				b.Print(chunk)
				time.Sleep(time.Second)
			}
			b.Print("the end")
		}()
		time.Sleep(2 * time.Minute)
		_ = c.Close()
		got, err := io.ReadAll(c)
		if err != nil || len(got) != 256<<10 || !bytes.HasSuffix(got, []byte("the end")) || c.Gaps() == 0 {
			t.Errorf("read %d bytes, %v, gaps %d; want the newest 256 KiB and a gap", len(got), err, c.Gaps())
		}
	})
}
