package failover

import (
	"context"
	"errors"
	"strings"

	"github.com/changeover-sdk/changeover/internal/act"
)

// Classes of errors, for errors.Is. The first four are also what an implementer of [RecordEditor], [NAT] or [Address] answers with: they promise that nothing was changed.
var (
	// ErrGuard says that the old value was not there as the change named it, so nothing was changed.
	ErrGuard = errors.New("the guard did not hold, nothing was changed")
	// ErrRefused says that the change was definitely refused (not allowed, bad key, wrong clock, no such zone), so nothing was changed.
	ErrRefused = errors.New("refused, nothing was changed")
	// ErrNotSent says that the request provably never left this machine.
	ErrNotSent = act.ErrNotSent
	// ErrNotPressed says that a page driver pressed nothing, because it was not certain what to press.
	ErrNotPressed = act.ErrNotPressed

	// ErrTooEarly says that a swing was refused because caches may still hold the record with its old, longer TTL. See [Record.NotBefore].
	ErrTooEarly = errors.New("too early, caches may still hold the old TTL")
	// ErrNotProven says that a verification ended before everything was proven: something was wrong, or a limit passed. The [Report] says what.
	ErrNotProven = errors.New("not proven")
	// ErrInvalid says that a swing was described wrongly; nothing was sent.
	ErrInvalid = errors.New("invalid description of a swing")
)

// unchanged reports whether err promises that nothing was changed.
func unchanged(err error) bool {
	return errors.Is(err, ErrGuard) || errors.Is(err, ErrRefused) || errors.Is(err, ErrNotSent) || errors.Is(err, ErrNotPressed)
}

// Error is what went wrong in one operation on one zone, server, address or gateway. Use errors.Is for its class.
type Error struct {
	Op      string  // "swing", "look", "lower ttl"
	On      string  // the zone, address or gateway
	Outcome Outcome // what is known of the state; meaningful for a swing
	Next    string  // what to do about it, empty if there is nothing to say
	Err     error   // the cause
}

// Error returns the package, the operation, the cause and what to do next.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("failover: " + e.Op)
	if e.On != "" {
		b.WriteString(" " + e.On)
	}
	b.WriteString(": ")
	if e.Err != nil {
		b.WriteString(e.Err.Error())
	} else {
		b.WriteString(e.Outcome.String())
	}
	if e.Next != "" {
		b.WriteString("; " + e.Next)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ended returns ctx's own error if ctx is done, and err otherwise, joined so that both classes are found.
func ended(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && err != nil && !errors.Is(err, cause) {
		return errors.Join(cause, err)
	}
	return err
}

// next is the advice that goes with an outcome.
func next(o Outcome) string {
	switch o {
	case Unknown:
		return "read the state before anything else, do not send again blindly"
	case Conflict:
		return "compare what is there with both sides and decide by hand"
	case Unchanged:
		return "repair the cause and try again"
	case AlreadyDone, Applied:
	}
	return ""
}
