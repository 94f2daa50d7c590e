package ipmi

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/changeover-sdk/changeover/internal/act"
)

// Classes of errors, for [errors.Is]. When the caller's context ended, that comes first: the error is then of the class
// of ctx.Err() and of none of these but, where it applies, [ErrNotSent].
var (
	// ErrAuth: the BMC refused the login, the privilege level or a command at that level; or it could not prove that it
	// knows the password itself. Trying again with the same login may lock the account.
	ErrAuth = errors.New("the BMC refused the login")

	// ErrUnreachable: the name does not resolve, there is no route, or the port is closed.
	ErrUnreachable = errors.New("the BMC cannot be reached")

	// ErrTimeout: no answer within [Options].Timeout, or no effect seen within [Options].Settle. After an act that
	// means unknown, not failed.
	ErrTimeout = errors.New("no answer in time")

	// ErrUnsupported: this BMC, this driver, or the machine in its present state does not do what was asked.
	ErrUnsupported = errors.New("not supported")

	// ErrBusy: the BMC has no room for another session, is itself starting or being updated, or its console is in use.
	ErrBusy = errors.New("the BMC is busy")

	// ErrClosed: the Machine or the Console was closed.
	ErrClosed = errors.New("closed")

	// ErrNotSent: nothing that acts has left this machine. An act that ends with an error of this class may be tried
	// again; one without it may have happened.
	ErrNotSent = act.ErrNotSent

	// ErrRefused: the BMC answered with a completion code that says that it did not do it. Three codes say something
	// else, "I do not know", and are not of this class: 0xC3, 0xCE and 0xFF.
	ErrRefused = act.ErrRefused
)

// Error is what every method of [Machine] fails with. Its class is found with [errors.Is].
type Error struct {
	Op     string // what was tried: "read power state", "power on", "power off", "power cycle", "console"
	Addr   string // host:port of the BMC
	Code   byte   // completion code (IPMI 2.0, table 5-2) the BMC answered with; 0 when it did not
	Status byte   // RMCP+ status (IPMI 2.0, table 13-15) the BMC refused a session with; 0 when it did not

	says    string  // what came back, and what to do next
	classes []error // sentinels, the context's end first
}

// Error says what was tried, what came back and what to do next.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("ipmi: ")
	if e.Op != "" {
		b.WriteString(e.Op + " " + e.Addr + ": ")
	}
	b.WriteString(e.says)
	return b.String()
}

// Unwrap returns the classes the error belongs to.
func (e *Error) Unwrap() []error { return e.classes }

// failure makes an Error that does not know yet what was tried.
func failure(class error, format string, args ...any) *Error {
	return &Error{says: fmt.Sprintf(format, args...), classes: []error{class}}
}

// refusal is the BMC's completion code as an error.
func refusal(code byte) *Error {
	return &Error{
		Code:    code,
		classes: classesOf(code),
		says:    fmt.Sprintf("the BMC answered with completion code 0x%02x: %s", code, explain(code)),
	}
}

// of returns e for an operation on a machine.
func (e *Error) of(op, addr string) *Error {
	c := *e
	c.Op, c.Addr = op, addr
	return &c
}

// with returns e with one more class.
func (e *Error) with(class error) *Error {
	c := *e
	c.classes = append(append([]error(nil), e.classes...), class)
	return &c
}

// also returns e with one more sentence.
func (e *Error) also(format string, args ...any) *Error {
	c := *e
	c.says += "; " + fmt.Sprintf(format, args...)
	return &c
}

// isCode reports whether err is a completion code of the BMC, and which.
func isCode(err error) (code byte, ok bool) {
	if e, ok := errors.AsType[*Error](err); ok && e.Code != 0 {
		return e.Code, true
	}
	return 0, false
}

// ended returns the error for a caller's context that has ended, nil when it has not. The context's own end comes
// first, the cause the caller gave for it second, and what was seen last is only mentioned.
func ended(ctx context.Context, last error) *Error {
	end := ctx.Err()
	if end == nil {
		return nil
	}
	e := &Error{says: end.Error(), classes: []error{end}}
	if cause := context.Cause(ctx); cause != end {
		e.says += ": " + cause.Error()
		e.classes = append(e.classes, cause)
	}
	if last != nil {
		e.says += " (last: " + plain(last) + ")"
	}
	return e
}

// plain is the text of an error without the words that would be said twice.
func plain(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.says
	}
	return err.Error()
}
