package ipmi_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/ipmi"
	"github.com/changeover-sdk/changeover/ipmi/ipmitest"
)

// acts are the three ways to act, each with the state from which it does something.
var acts = map[string]struct {
	on bool
	do func(*ipmi.Machine, context.Context) error
}{
	ipmitest.PowerOn:    {false, (*ipmi.Machine).PowerOn},
	ipmitest.PowerOff:   {true, (*ipmi.Machine).PowerOff},
	ipmitest.PowerCycle: {true, (*ipmi.Machine).PowerCycle},
}

// eachAct runs a test for each act, on a BMC in a bubble, and checks in the end that the BMC was told what is wanted.
func eachAct(t *testing.T, told func(command string) []string, test func(t *testing.T, b *ipmitest.BMC, command string, act func(context.Context) error)) {
	t.Helper()
	for command, a := range acts {
		t.Run(command, func(t *testing.T) {
			b := &ipmitest.BMC{On: a.on}
			inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
				test(t, b, command, func(ctx context.Context) error { return a.do(m, ctx) })
				if got := b.Told(); !slices.Equal(got, told(command)) {
					t.Errorf("the BMC was told %q, want %q", got, told(command))
				}
			})
		})
	}
}

func once(command string) []string { return []string{command} }
func never(string) []string        { return nil }

func TestActIsSentOnce(t *testing.T) {
	eachAct(t, once, func(t *testing.T, b *ipmitest.BMC, command string, act func(context.Context) error) {
		if err := act(t.Context()); err != nil {
			t.Error(err)
		}
		if got := b.Count(command); got != 1 {
			t.Errorf("%d commands, want 1", got)
		}
	})
}

// The answer is lost, the act happened: the state proves it, and nothing is sent again.
func TestFaultAnswerLostAfterTheAct(t *testing.T) {
	eachAct(t, once, func(t *testing.T, b *ipmitest.BMC, command string, act func(context.Context) error) {
		b.Fail(ipmitest.Fault{Command: command, Lose: true, Times: -1})
		err := act(t.Context())
		if command == ipmitest.PowerCycle {
			// Off for a second, while the answer was waited for: nobody saw it.
			if !errors.Is(err, ipmi.ErrTimeout) || errors.Is(err, ipmi.ErrNotSent) || errors.Is(err, ipmi.ErrRefused) {
				t.Errorf("err = %v, want unknown", err)
			}
			return
		}
		if err != nil {
			t.Error(err)
		}
	})
}

// A cycle that takes long enough to be seen is proven even when its answer is lost.
func TestFaultAnswerLostAfterASlowCycle(t *testing.T) {
	b := &ipmitest.BMC{On: true, Cycle: 8 * time.Second}
	inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
		b.Fail(ipmitest.Fault{Command: ipmitest.PowerCycle, Lose: true, Times: -1})
		if err := m.PowerCycle(t.Context()); err != nil {
			t.Error(err)
		}
		if !b.IsOn() || !slices.Equal(b.Told(), once(ipmitest.PowerCycle)) {
			t.Errorf("on: %t, told %q", b.IsOn(), b.Told())
		}
	})
}

// The command itself is lost: it is not sent again either, because nobody can tell. The outcome is unknown, not failed,
// and takes as long as the limits say.
func TestFaultCommandLost(t *testing.T) {
	eachAct(t, never, func(t *testing.T, b *ipmitest.BMC, command string, act func(context.Context) error) {
		b.Fail(ipmitest.Fault{Command: command, Drop: true, Times: -1})
		var err error
		took := elapsed(func() { err = act(t.Context()) })
		if !errors.Is(err, ipmi.ErrTimeout) || errors.Is(err, ipmi.ErrNotSent) || !strings.Contains(err.Error(), "the outcome is unknown") || !strings.Contains(err.Error(), "did not acknowledge") {
			t.Errorf("err = %v, want unknown", err)
		}
		if limit := ipmi.DefaultSettle + 5*time.Second + time.Second; took > limit {
			t.Errorf("it took %v, want at most %v", took, limit)
		}
		if got := b.Count(command); got != 1 {
			t.Errorf("the command was sent %d times, want once", got)
		}
	})
}

// Stuck power: the BMC says yes, and nothing happens.
func TestFaultStuckPower(t *testing.T) {
	eachAct(t, once, func(t *testing.T, b *ipmitest.BMC, command string, act func(context.Context) error) {
		b.Fail(ipmitest.Fault{Command: command, Ignore: true, Times: -1})
		err := act(t.Context())
		if command == ipmitest.PowerCycle {
			// On before, acknowledged, on after: the BMC's word is all there is.
			if err != nil {
				t.Error(err)
			}
			return
		}
		if !errors.Is(err, ipmi.ErrTimeout) || errors.Is(err, ipmi.ErrNotSent) || !strings.Contains(err.Error(), "the BMC still says") {
			t.Errorf("err = %v, want unknown", err)
		}
	})
}

// The BMC refuses: nothing was done, and nothing is tried again, not even when it was only busy.
func TestFaultRefusedAct(t *testing.T) {
	for _, code := range []byte{0xC0, 0xC1, 0xCC, 0xD2, 0xD4, 0xD5, 0x80} {
		eachAct(t, never, func(t *testing.T, b *ipmitest.BMC, command string, act func(context.Context) error) {
			b.Fail(ipmitest.Fault{Command: command, Code: code, Times: -1})
			var err error
			if took := elapsed(func() { err = act(t.Context()) }); took != 0 {
				t.Errorf("code %#x: it took %v", code, took)
			}
			e, ok := errors.AsType[*ipmi.Error](err)
			if !ok || e.Code != code || e.Op != command || !errors.Is(err, ipmi.ErrRefused) || errors.Is(err, ipmi.ErrTimeout) {
				t.Errorf("code %#x: err = %v", code, err)
			}
			if got := b.Count(command); got != 1 {
				t.Errorf("code %#x: sent %d times, want once", code, got)
			}
		})
	}
}

// Three codes do not say no, they say that nobody knows: then the state is looked at.
func TestFaultCodesThatDoNotSayNo(t *testing.T) {
	for _, code := range []byte{0xC3, 0xCE, 0xFF} {
		var sent atomic.Int32
		var on atomic.Bool
		b := &ipmitest.BMC{Power: on.Load, Set: func(bool) error { return nil }}
		inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
			b.Fail(ipmitest.Fault{Command: ipmitest.PowerOn, Code: code, Times: -1})
			time.AfterFunc(3*time.Second, func() { on.Store(true); sent.Add(1) }) // it did happen
			if err := m.PowerOn(t.Context()); err != nil || sent.Load() != 1 {
				t.Errorf("code %#x: err = %v", code, err)
			}
			if got := b.Count(ipmitest.PowerOn); got != 1 {
				t.Errorf("code %#x: sent %d times, want once", code, got)
			}
		})
	}
}

// A machine takes its time, and the BMC is silent for a while after the act: both are waited for.
func TestSlowMachine(t *testing.T) {
	var on atomic.Bool
	b := &ipmitest.BMC{Power: on.Load}
	b.Set = func(want bool) error {
		time.AfterFunc(20*time.Second, func() { on.Store(want) })
		return nil
	}
	inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
		b.Fail(ipmitest.Fault{Command: ipmitest.Status, Drop: true, After: 1, Times: 2})
		var err error
		if took := elapsed(func() { err = m.PowerOn(t.Context()) }); err != nil || took < 20*time.Second || took > 22*time.Second {
			t.Errorf("PowerOn took %v: %v", took, err)
		}
	})
}

// The caller's context ends first, and the error says whether something had been sent.
func TestFaultContextEnds(t *testing.T) {
	t.Run("before", func(t *testing.T) {
		eachAct(t, never, func(t *testing.T, b *ipmitest.BMC, command string, act func(context.Context) error) {
			b.Fail(ipmitest.Fault{Command: ipmitest.Status, Drop: true, Times: -1})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := act(ctx)
			if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ipmi.ErrNotSent) || errors.Is(err, ipmi.ErrTimeout) {
				t.Errorf("err = %v", err)
			}
		})
	})
	t.Run("after", func(t *testing.T) {
		eachAct(t, once, func(t *testing.T, b *ipmitest.BMC, command string, act func(context.Context) error) {
			b.Fail(ipmitest.Fault{Command: command, Lose: true})
			b.Fail(ipmitest.Fault{Command: ipmitest.Status, Drop: true, After: 1, Times: -1})
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			var err error
			if took := elapsed(func() { err = act(ctx) }); took > time.Second+goodbyeTime {
				t.Errorf("it took %v after the cancel", took-time.Second)
			}
			if !errors.Is(err, context.Canceled) || errors.Is(err, ipmi.ErrNotSent) || errors.Is(err, ipmi.ErrTimeout) || !strings.Contains(err.Error(), "may have been carried out") {
				t.Errorf("err = %v", err)
			}
		})
	})
}

// Nothing at all is sent when the network goes away between the reading and the act.
func TestFaultPortClosedBeforeTheAct(t *testing.T) {
	b := &ipmitest.BMC{}
	inBubble(t, b, &ipmi.Options{Settle: 3 * time.Second}, func(t *testing.T, m *ipmi.Machine) {
		if _, err := m.State(t.Context()); err != nil {
			t.Fatal(err)
		}
		_ = b.Close()
		err := m.PowerOn(t.Context())
		if !errors.Is(err, ipmi.ErrUnreachable) || !errors.Is(err, ipmi.ErrNotSent) {
			t.Errorf("err = %v", err)
		}
	})
}

// The network refuses the very datagram with the command: it was not sent, and that can be proven.
func TestFaultCommandCannotBeWritten(t *testing.T) {
	b := &ipmitest.BMC{}
	writes := 1 << 20 // how many more datagrams the network takes
	o := &ipmi.Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := b.Dial(ctx, network, address)
		return limited{c, &writes}, err
	}}
	inBubble(t, b, o, func(t *testing.T, m *ipmi.Machine) {
		if _, err := m.State(t.Context()); err != nil {
			t.Fatal(err)
		}
		writes = 1 // the reading before the act
		err := m.PowerOn(t.Context())
		if !errors.Is(err, ipmi.ErrNotSent) || !errors.Is(err, ipmi.ErrUnreachable) || b.Count(ipmitest.PowerOn) != 0 || b.Count(ipmitest.Status) != 2 {
			t.Errorf("PowerOn: %v, commands %v", err, b.Commands())
		}
	})
}

type limited struct {
	net.Conn
	left *int
}

func (c limited) Write(b []byte) (int, error) {
	if *c.left == 0 {
		return 0, &net.OpError{Op: "write", Err: syscall.ENETUNREACH}
	}
	*c.left--
	return c.Conn.Write(b)
}

// Two callers who want the same get it, once.
func TestActsAtTheSameTime(t *testing.T) {
	b := &ipmitest.BMC{}
	inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
		errs := make(chan error)
		for range 5 {
			go func() { errs <- m.PowerOn(t.Context()) }()
		}
		for range 5 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if got := b.Told(); !slices.Equal(got, once(ipmitest.PowerOn)) {
			t.Errorf("told %q", got)
		}
	})
}

// Somebody holds the turn for long; a cancelled act was not sent.
func TestActThatNeverGotItsTurn(t *testing.T) {
	b := &ipmitest.BMC{}
	inBubble(t, b, nil, func(t *testing.T, m *ipmi.Machine) {
		b.Fail(ipmitest.Fault{Command: ipmitest.PowerOn, Ignore: true})
		go func() { _ = m.PowerOn(t.Context()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := m.PowerOff(ctx); !errors.Is(err, ipmi.ErrNotSent) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
		_ = m.Close()
	})
}
