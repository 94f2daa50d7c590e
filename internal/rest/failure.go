package rest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/changeover-sdk/changeover/internal/act"
	"github.com/changeover-sdk/changeover/internal/transfer"
)

// Classes of errors that the connection itself gives, beside [act.ErrNotSent] and [ErrRedirect].
//
// [act.ErrNotSent]: https://pkg.go.dev/github.com/changeover-sdk/changeover/internal/act
var (
	ErrRefused   = errors.New("connection refused")
	ErrUntrusted = errors.New("certificate is not trusted")
	ErrTLS       = errors.New("TLS handshake failed") // no certificate to judge was reached, or the peer refused ours
	ErrNoAnswer  = errors.New("no answer in time")    // our own patience with one attempt; the context's end is not meant
	ErrStalled   = transfer.ErrStalled
	ErrCut       = transfer.ErrCut // in the middle of a request or of an answer
	ErrTooLong   = errors.New("the answer is too long")
)

// failure is one failed call. It prints what was asked without the query, and then why it failed.
type failure struct {
	what string // "GET /api/info"
	ctx  error  // the context's end, which is reported first
	err  error
}

func (e *failure) Error() string {
	if e.ctx != nil && !errors.Is(e.ctx, e.err) {
		return fmt.Sprintf("%s: %v (last: %v)", e.what, e.ctx, e.err)
	}
	if e.ctx != nil {
		return fmt.Sprintf("%s: %v", e.what, e.ctx)
	}
	return fmt.Sprintf("%s: %v", e.what, e.err)
}

func (e *failure) Unwrap() []error {
	if e.ctx != nil {
		return []error{e.ctx, e.err}
	}
	return []error{e.err}
}

// explain turns the transport's error into one of ours.
func explain(ctx context.Context, what string, patience time.Duration, err error) error {
	return end(ctx, what, classify(bare(err), patience, ctx.Err() != nil))
}

// explainAct is explain for a request that may have acted: it says so if the request provably did not leave.
func explainAct(ctx context.Context, what string, patience time.Duration, err error, intent Intent, left *sent) error {
	err = bare(err)
	out := classify(err, patience, ctx.Err() != nil)
	if intent == Act && left.never(err) && !errors.Is(out, act.ErrNotSent) {
		out = fmt.Errorf("%w: %w", act.ErrNotSent, out)
	}
	return end(ctx, what, out)
}

// end puts what was asked, and the context's end, before an error.
func end(ctx context.Context, what string, err error) error {
	out := &failure{what: what, err: err}
	if ctx.Err() != nil {
		out.ctx = ctx.Err()
		if cause := context.Cause(ctx); cause != out.ctx {
			out.ctx = fmt.Errorf("%w: %w", out.ctx, cause)
		}
	}
	return out
}

// bare drops the address with its query, which [*url.Error] would print.
func bare(err error) error {
	for {
		u, ok := err.(*url.Error)
		if !ok {
			break
		}
		err = u.Err
	}
	if strings.Contains(err.Error(), "malformed HTTP") {
		return errNoHTTP // net/http would print what came, unseen by anybody who scrubs
	}
	return err
}

var errNoHTTP = fmt.Errorf("%w: what came is no HTTP", ErrCut)

// classify adds the class.
func classify(err error, patience time.Duration, ended bool) error {
	class := classOf(err)
	switch {
	case class == ErrNoAnswer && !ended:
		// Our own limit must not be taken for the end of the caller's context.
		return fmt.Errorf("%w (%v)", ErrNoAnswer, patience)
	case class == nil || class == ErrNoAnswer || errors.Is(err, class):
		return err
	}
	return fmt.Errorf("%w: %w", class, err)
}

func classOf(err error) error {
	if untrusted(err) {
		return ErrUntrusted
	}
	if _, ok := errors.AsType[*RedirectError](err); ok {
		return ErrRedirect
	}
	for _, class := range []error{ErrStalled, ErrTooLong, ErrCut} {
		if errors.Is(err, class) {
			return class
		}
	}
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	if record || alert || strings.Contains(err.Error(), "tls: ") || strings.Contains(err.Error(), "TLS handshake") || strings.Contains(err.Error(), "HTTP response to HTTPS client") {
		return ErrTLS
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return ErrRefused
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return ErrNoAnswer
	}
	if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() {
		return ErrNoAnswer
	}
	dial, ok := errors.AsType[*net.OpError](err)
	if ok && dial.Op == "dial" {
		return nil // no route, no such name: its own words are clear
	}
	if ok || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed) {
		return ErrCut
	}
	return nil
}

func untrusted(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*PinError](err); ok {
		return true
	}
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, name := errors.AsType[x509.HostnameError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	return authority || name || invalid
}

// lasting reports whether the same request would fail the same way again.
func lasting(err error) bool {
	class := classOf(err)
	return class == ErrUntrusted || class == ErrRedirect || class == ErrTooLong
}
