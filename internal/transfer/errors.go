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
	ErrCut      = errors.New("no connection, or it broke")         // and taking it up again did not help, or was not possible
	ErrNoSpace  = errors.New("no space left for the file")         // the disk or the quota is full
	ErrChanged  = errors.New("the file changed while it was sent") // it is shorter or longer than it was said to be
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

// fault puts the operation before an error and the class into it. The end of the caller's context comes before everything.
func fault(ctx, inner context.Context, op string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("transfer: %s: %w", op, context.Cause(ctx))
	}
	if cause := context.Cause(inner); cause != nil && !errors.Is(err, ErrNoSpace) {
		err = cause // and not the cancelled context it shows as
	}
	return fmt.Errorf("transfer: %s: %w", op, err)
}

// cut gives errors of the connection their class. A certificate that is not trusted is none of those: it will be no better the next time.
func cut(err error) error {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok || errors.Is(err, ErrCut) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrCut, err)
}

// full gives errors of a full disk their class.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}
