package ipmi

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/changeover-sdk/changeover/internal/poll"
)

const (
	// toAnswer is how long the answer to an act is waited for before the state is asked instead.
	toAnswer = 5 * time.Second

	// toFall is how long after an accepted power cycle the machine is expected to be seen off. A machine that was never
	// seen off by then has either been too quick or has not been cycled, and the BMC's word for it counts.
	toFall = 5 * time.Second
)

// PowerOn switches the machine on and returns when the BMC says that it is on.
//
// It reads the state first and does nothing when the machine is on; it sends the command once; then it reads the state
// until it is "on" or [Options].Settle has passed. The command is never repeated, not when its answer is lost and not by
// a library: what counts is the state.
//
// An error of class ErrNotSent, or ErrRefused, means that nothing was done. With any other error the machine may go on
// any moment: the outcome is unknown. A state other than "on" and "off" is not acted upon.
func (m *Machine) PowerOn(ctx context.Context) error {
	return m.act(ctx, "power on", "on", func(s State) (bool, *Error) { return s == On, known(s) }, reached(On))
}

// PowerOff takes the power away from the machine, as holding its button for long does: an operating system that runs is
// not asked. An appliance that can be shut down by its own means should be. Otherwise it is the same as PowerOn.
func (m *Machine) PowerOff(ctx context.Context) error {
	return m.act(ctx, "power off", "off", func(s State) (bool, *Error) { return s == Off, known(s) }, reached(Off))
}

// PowerCycle takes the power away and gives it back. It refuses a machine that is off, with an error of the classes
// ErrUnsupported and ErrNotSent, because BMCs disagree on what to do with it.
//
// It sends the command once and returns nil when the machine was seen off and then on. A machine that is quicker than
// the questions counts as cycled when the BMC accepted the command and says "on" some seconds later. When the answer to
// the command is lost and the machine is never seen off, the outcome is unknown: ErrTimeout.
func (m *Machine) PowerCycle(ctx context.Context) error {
	return m.act(ctx, "power cycle", "cycle", func(s State) (bool, *Error) {
		if s == Off {
			return false, failure(ErrUnsupported, "the machine is off: there is nothing to cycle; use PowerOn").with(ErrNotSent)
		}
		return false, known(s)
	}, cycled)
}

// known refuses to act on a machine of which one does not know what it does.
func known(s State) *Error {
	if s == On || s == Off {
		return nil
	}
	return failure(ErrUnsupported, "the BMC tells the state %q, which is neither on nor off: look at the machine first", s).with(ErrNotSent)
}

// proof says from what was seen whether an act has happened.
type proof func(sent time.Time, accepted bool) func(State) bool

func reached(want State) proof {
	return func(time.Time, bool) func(State) bool { return func(s State) bool { return s == want } }
}

func cycled(sent time.Time, accepted bool) func(State) bool {
	fell := false
	return func(s State) bool {
		fell = fell || s == Off
		return s == On && (fell || accepted && time.Since(sent) >= toFall)
	}
}

// act is the one way in which this package acts: read, send once, look.
func (m *Machine) act(ctx context.Context, op, command string, before func(State) (done bool, refuse *Error), proof proof) error {
	ctx, done, e := m.begin(ctx)
	if e != nil {
		return e.with(ErrNotSent).of(op, m.addr)
	}
	defer done()
	state, e := m.read(ctx)
	if e != nil {
		return e.with(ErrNotSent).of(op, m.addr)
	}
	if ok, refuse := before(state); refuse != nil {
		return refuse.of(op, m.addr)
	} else if ok {
		m.log.DebugContext(ctx, "nothing to do", "op", op, "state", state)
		return nil
	}
	if e := stopped(ctx, nil); e != nil {
		return e.with(ErrNotSent).of(op, m.addr)
	}

	m.log.InfoContext(ctx, "sending", "op", op, "state", state)
	sent := time.Now()
	err := m.send(ctx, command)
	if e, _ := errors.AsType[*Error](err); e != nil && (errors.Is(e, ErrNotSent) || errors.Is(e, ErrRefused)) {
		m.log.InfoContext(ctx, "not done", "op", op, "error", e)
		return e.of(op, m.addr)
	}
	if e := m.look(ctx, proof(sent, err == nil), err); e != nil {
		m.log.InfoContext(ctx, "outcome unknown", "op", op, "error", e)
		return e.of(op, m.addr)
	}
	m.log.InfoContext(ctx, "done", "op", op, "after", time.Since(sent).Round(time.Millisecond))
	return nil
}

// send sends the command once. The session is the one the state was just read on.
func (m *Machine) send(ctx context.Context, command string) error {
	ctx, cancel := context.WithTimeout(ctx, min(toAnswer, m.settle))
	defer cancel()
	ok, err := m.session.SetPowerState(ctx, command)
	if err := m.settled(ctx, err); err != nil {
		return err
	}
	if !ok {
		return failure(ErrTimeout, "the driver does not say whether the BMC accepted")
	}
	return nil
}

// look reads the state until the act is proven or the time for it is over. A driver's word is no proof: bmclib's
// ipmitool driver reports success for commands it could not send. What went wrong with sending is said, but decides
// nothing.
func (m *Machine) look(ctx context.Context, proven func(State) bool, sending error) *Error {
	limited, cancel := context.WithTimeout(ctx, m.settle)
	defer cancel()
	err := poll.Until(limited, pause, func(limited context.Context) error {
		s, e := m.read(limited)
		if e != nil {
			switch {
			case errors.Is(e, ErrAuth):
				return poll.Stop(e)
			case limited.Err() != nil:
				return failure(ErrTimeout, "the BMC does not answer")
			}
			return e
		}
		if !proven(s) {
			return failure(ErrTimeout, "the BMC still says %q", s)
		}
		return nil
	})
	if err == nil {
		return nil
	}
	reason := err
	if gave, ok := errors.AsType[*poll.GaveUpError](err); ok {
		reason = gave.Last
	}
	if e := stopped(ctx, cmp.Or(reason, sending)); e != nil {
		return e.also("the command had been sent, so it may have been carried out")
	}
	e := failure(ErrTimeout, "sent once, and not seen to happen within %v (%s)", m.settle, plain(reason))
	if errors.Is(reason, ErrAuth) {
		e = failure(ErrAuth, "sent once, and then the state could not be read: %s", plain(reason))
	}
	if sending != nil {
		e = e.also("the BMC did not acknowledge it: %s", plain(sending))
	}
	return e.also("the outcome is unknown: read the state, do not send it again before")
}
