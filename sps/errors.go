package sps

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/changeover-sdk/changeover/internal/act"
	"github.com/changeover-sdk/changeover/internal/rest"
)

// Classes of errors, for [errors.Is]. The facts are in [*Error], for [errors.AsType].
//
// Which status and which word a real appliance answers is documented for a few cases only (SPS REST API Reference Guide);
// the others say here what they are taken from.
var (
	// ErrNotFound: there is no such thing. Status 404 in the API's own words, or error type ResourceNotFound, which is also
	// said of an empty firmware slot.
	ErrNotFound = errors.New("not found")

	// ErrAuth: the appliance does not accept who we are. Status 401, also after one new login. It is never answered with
	// another attempt: wrong logins may lock the account.
	ErrAuth = errors.New("not authenticated")

	// ErrForbidden: the user may not do this. Status 403. Full access needs the REST server privilege.
	ErrForbidden = errors.New("not authorised")

	// ErrLocked: somebody else holds the configuration. What an appliance answers then is not documented: taken from status
	// 423, or a lock in the error type.
	ErrLocked = errors.New("configuration is locked")

	// ErrTestFailed: the firmware test found something. Error type FirmwareTestFailed.
	ErrTestFailed = errors.New("firmware test failed")

	// ErrNotReady: the appliance is not there yet, or not any more: a page instead of JSON, a 5xx, a redirect, or no
	// connection. It says nothing about whether it will be.
	ErrNotReady = errors.New("appliance is not ready")

	// ErrNoFreeSlot: every firmware slot holds a firmware.
	ErrNoFreeSlot = errors.New("no free firmware slot")

	// ErrSlotInUse: the slot is the running one, or the one selected for after the reboot.
	ErrSlotInUse = errors.New("firmware slot is in use")

	// ErrAmbiguous: two slots hold the same version; name the slot by its key.
	ErrAmbiguous = errors.New("more than one firmware slot has this version")

	// ErrChecksum: the image is not the one that was asked for.
	ErrChecksum = errors.New("checksum does not match")

	// ErrReverted: after a reboot the appliance is back, with the old version.
	ErrReverted = act.ErrReverted

	// ErrBadAnswer: an answer that is no JSON of the documented shape, is cut off, or is too long.
	ErrBadAnswer = errors.New("answer not understood")

	// ErrFailed: a job of the appliance, a download or a support bundle, ended without success.
	ErrFailed = errors.New("the appliance's job failed")

	// ErrRefused: nothing listens at the address.
	ErrRefused = rest.ErrRefused

	// ErrUntrusted: the certificate is not signed by whom it should be, names another host, has expired, or is not the pinned
	// one.
	ErrUntrusted = rest.ErrUntrusted

	// ErrTLS: the TLS handshake failed before there was a certificate to judge, or the appliance refused ours.
	ErrTLS = rest.ErrTLS

	// ErrRedirect: the appliance sent us to another host. It was not followed.
	ErrRedirect = rest.ErrRedirect

	// ErrNoAnswer: no answer in the time one request may take. Whether it acted is not known.
	ErrNoAnswer = rest.ErrNoAnswer

	// ErrStalled: an upload or download stands still. A slow one that moves never gets this.
	ErrStalled = rest.ErrStalled

	// ErrNotSent: a request that would have acted provably never left this machine.
	ErrNotSent = act.ErrNotSent
)

// Error is every error that comes from talking to an appliance. No field ever holds a secret: what the appliance said is
// scrubbed.
type Error struct {
	Op      string // what was tried: "test firmware 7.0.2.1"
	Method  string // of the last request; empty when none was made
	Path    string // without the query
	Status  int    // HTTP status; 0 without an answer
	Type    string // the appliance's error type, as it stands; empty when it named none
	Message string // the appliance's own words, for people
	Details string // the rest of the appliance's error object, compact JSON, at most 2 KB
	Title   string // of the page that came instead of JSON
	Text    string // the first 2 KB of that page's text
	Advice  string // what to do next; may be empty
	Err     error  // the cause; may be nil

	class error // further class that the fields do not tell
}

// Error says what was tried, what came back and what to do next.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("sps")
	part := func(s string) {
		if s != "" {
			b.WriteString(": ")
			b.WriteString(s)
		}
	}
	part(e.Op)
	if e.Status != 0 {
		part(fmt.Sprintf("%s %s answers %d", e.Method, e.Path, e.Status))
	}
	part(e.Type)
	part(e.Message)
	if e.Details != "" && e.Details != "{}" {
		part(e.Details)
	}
	if e.Title != "" {
		part(fmt.Sprintf("page %q", e.Title))
	}
	if e.Err != nil {
		part(e.Err.Error())
	} else if e.class != nil && e.Message == "" {
		part(e.class.Error())
	}
	if e.Advice != "" {
		b.WriteString("; ")
		b.WriteString(e.Advice)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether e belongs to the class that target names.
func (e *Error) Is(target error) bool {
	if target == e.class && target != nil {
		return true
	}
	switch target {
	case ErrNotFound:
		return (e.Status == http.StatusNotFound && !e.page()) || e.Type == "ResourceNotFound"
	case ErrAuth:
		return e.Status == http.StatusUnauthorized
	case ErrForbidden:
		return e.Status == http.StatusForbidden
	case ErrLocked:
		return e.Status == http.StatusLocked || strings.Contains(strings.ToLower(e.Type), "lock")
	case ErrTestFailed:
		return e.Type == "FirmwareTestFailed"
	case ErrNotReady:
		return e.notReady()
	case act.ErrRefused:
		// A session that ended is no refusal of what was asked: after a new login it may well be granted.
		return e.Type != "" && e.Status >= 200 && e.Status < 500 && e.Status != http.StatusUnauthorized
	}
	return false
}

// page reports whether a page came instead of JSON. Its status is that of whatever serves pages while the API is away.
func (e *Error) page() bool { return e.Title != "" || e.Text != "" }

// notReady holds for what an appliance that boots may answer (the guides do not say what it does): a page, 502 to 504, another 5xx
// without a word of the API, a redirect, or nothing. A wrong certificate is not a matter of waiting.
func (e *Error) notReady() bool {
	switch {
	case errors.Is(e.Err, ErrUntrusted), errors.Is(e.Err, ErrRedirect):
		return false
	case e.Status == 0:
		return errors.Is(e.Err, ErrRefused) || errors.Is(e.Err, ErrTLS) || errors.Is(e.Err, ErrNoAnswer) || errors.Is(e.Err, rest.ErrCut) || unreachable(e.Err)
	case e.Status == http.StatusLengthRequired, e.Status == http.StatusRequestEntityTooLarge:
		return false // it speaks of the request
	case e.page(), e.Status == http.StatusBadGateway, e.Status == http.StatusServiceUnavailable, e.Status == http.StatusGatewayTimeout:
		return true
	}
	return e.Type == "" && e.Message == "" && e.Details == "" && (e.Status >= 500 || (e.Status >= 300 && e.Status < 400))
}

// unreachable holds for a connection that could not be made. A name that does not exist is a mistake, not an outage.
func unreachable(err error) bool {
	dial, ok := errors.AsType[*net.OpError](err)
	if !ok || dial.Op != "dial" {
		return false
	}
	name, ok := errors.AsType[*net.DNSError](err)
	return !ok || !name.IsNotFound
}

// ended is the error of a context that has ended: its own, with its cause.
func ended(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != ctx.Err() {
		return fmt.Errorf("%w: %w", ctx.Err(), cause)
	}
	return ctx.Err()
}

// within says what an error came in the middle of. The facts stay at hand.
func within(op string, err error) *Error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return &Error{Op: op, Err: err}
	}
	out := *e
	if e.Op != op {
		out.Op = op + ": " + e.Op
	}
	return &out
}

// notSent says of an act that did not come about because what precedes it failed.
func notSent(op string, err error) error {
	e := within(op, err)
	switch {
	case e.Err == nil:
		e.Err = ErrNotSent
	case !errors.Is(e.Err, ErrNotSent):
		e.Err = fmt.Errorf("%w: %w", ErrNotSent, e.Err)
	}
	return e
}

// pathElement refuses a key that would lead to another path than the one it names.
func pathElement(op, key string) error {
	for _, r := range key {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.", r) {
			key = ""
			break
		}
	}
	if strings.Trim(key, ".") == "" {
		return &Error{Op: op, class: ErrNotFound, Err: ErrNotSent, Message: "not a key: want letters, digits, dots and dashes"}
	}
	return nil
}
