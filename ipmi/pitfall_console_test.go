package ipmi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/ipmi"
	"github.com/changeover-sdk/changeover/ipmi/ipmitest"
)

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
