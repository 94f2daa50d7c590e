package transfer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"syscall"
)

// Classes of errors.
var (
	ErrStalled  = errors.New("the transfer stands still")
	ErrCut      = errors.New("the connection broke")               // and taking it up again did not help, or was not possible; also when there was none
	ErrNoSpace  = errors.New("no space left for the file")         // the disk or the quota is full
	ErrChanged  = errors.New("the file changed while it was read") // it is shorter or longer than it was said to be
	ErrMismatch = errors.New("not the file that was expected")     // by its size or its hash
	ErrUnproven = errors.New("the end of the file is not proven")
	ErrBusy     = errors.New("another download writes the same file")
)

// StatusError is an answer of a status that is of no use.
type StatusError struct {
	Status int
	Header http.Header
	Body   []byte // its beginning, up to 64 KiB. Not part of Error: whoever shows it removes secrets first
}

// Error names the status only.
func (e *StatusError) Error() string {
	return fmt.Sprintf("answered %d %s", e.Status, http.StatusText(e.Status))
}

// GoString hides header and body.
func (e *StatusError) GoString() string {
	return fmt.Sprintf("&transfer.StatusError{Status: %d}", e.Status)
}

// Error is one failed transfer. Whoever has words of his own for what was tried takes Err out of it.
type Error struct {
	Op  string // "upload to /path", "download to NAME"
	Err error
}

// Error says what was tried, and why it failed.
func (e *Error) Error() string { return fmt.Sprintf("transfer: %s: %v", e.Op, e.Err) }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// fault returns what an error is due to: the end of the caller's context before everything, then what ended the inner one, and not the cancelled context it
// shows as.
func fault(ctx, inner context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if cause := context.Cause(inner); cause != nil && !errors.Is(err, ErrNoSpace) {
		return cause
	}
	return err
}

// judge gives errors of the connection their class, and says whether another one may help. A certificate that is not trusted will be no
// better the next time.
func judge(err error) (classed error, again bool) {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return err, false
	}
	if errors.Is(err, ErrCut) {
		return err, true
	}
	return fmt.Errorf("%w: %w", ErrCut, err), true
}

// full gives errors of a full disk their class.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}
