package sps

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// Reach is what a stranger sees at the appliance's address: what tells a boot from an outage.
type Reach struct {
	Kind        ReachKind `json:"kind"`
	Status      int       `json:"status,omitempty"` // HTTP status; 0 without an answer
	Title       string    `json:"title,omitempty"`  // of a page
	Text        string    `json:"text,omitempty"`   // of a page, its first 2 KB; scrubbed
	Host        string    `json:"host,omitempty"`   // who answers: host name and domain, when the API does
	Time        time.Time `json:"time,omitzero"`    // the appliance's clock, from the Date header
	Fingerprint string    `json:"fingerprint,omitempty"`
	Error       string    `json:"error,omitempty"` // what the connection said; scrubbed
}

// ReachKind is what came of a probe.
type ReachKind string

// Kinds of reach.
const (
	ReachAPI       ReachKind = "api"       // the API answers in JSON
	ReachPage      ReachKind = "page"      // a page, whatever its status: the appliance boots, or this is not its address
	ReachStatus    ReachKind = "status"    // an answer that is neither
	ReachRedirect  ReachKind = "redirect"  // to another address; not followed
	ReachRefused   ReachKind = "refused"   // nothing listens
	ReachSilent    ReachKind = "silent"    // no answer in time
	ReachBroken    ReachKind = "broken"    // the connection was cut off
	ReachTLS       ReachKind = "tls"       // the TLS handshake failed
	ReachUntrusted ReachKind = "untrusted" // a certificate that is not trusted
	ReachAway      ReachKind = "away"      // no way there: no route, no such name
)

// Ready reports whether the API answers. It does not say which version runs: strangers are not told.
func (r Reach) Ready() bool { return r.Kind == ReachAPI }

// String says it in one line.
func (r Reach) String() string {
	switch {
	case r.Kind == ReachAPI:
		return "the API answers"
	case r.Kind == ReachPage && r.Title != "":
		return fmt.Sprintf("a page answers (status %d): %q", r.Status, r.Title)
	case r.Kind == ReachPage:
		return fmt.Sprintf("a page answers (status %d): %.80q", r.Status, r.Text)
	case r.Status != 0:
		return fmt.Sprintf("status %d, not the API", r.Status)
	}
	return r.Error
}

// probeTimeout bounds a probe: whoever probes asks again.
const probeTimeout = 20 * time.Second

// Probe asks once who is there, without logging in and without retrying (GET /api/info, partly open to strangers: SPS 7.x
// REST API Reference Guide). Whatever is there, or is not, is an answer and no error; only the end of ctx is one.
func (c *Client) Probe(ctx context.Context) (Reach, error) {
	resp, err := c.rest.Do(ctx, rest.Request{Intent: rest.Look, Method: http.MethodGet, URL: c.url(pathInfo),
		Header: http.Header{"Accept": {"application/json"}}, Timeout: min(c.timeout, probeTimeout)})
	if ctx.Err() != nil {
		return Reach{}, &Error{Op: "probe", Method: http.MethodGet, Path: pathInfo, Err: ended(ctx)}
	}
	scrub := c.session.scrub()
	if err != nil {
		r := Reach{Kind: reachOf(err), Error: scrub(err.Error())}
		if e, ok := errors.AsType[*rest.RedirectError](err); ok {
			r.Status = e.Status
		}
		return r, nil
	}
	r := Reach{Kind: ReachStatus, Status: resp.Status, Time: dateOf(resp), Fingerprint: fingerprintOf(resp)}
	var w wireInfo
	err = decode("probe", http.MethodGet, pathInfo, resp, &w, scrub)
	e, _ := errors.AsType[*Error](err)
	switch {
	case err == nil && w.Body.HostName != "":
		r.Kind, r.Host = ReachAPI, infoOf(w, resp, scrub).Name()
	case e != nil && (e.Title != "" || e.Text != ""):
		r.Kind, r.Title, r.Text = ReachPage, e.Title, e.Text
	case e != nil && (e.Is(ErrAuth) || e.Is(ErrForbidden)) && c.setUp(ctx):
		r.Kind = ReachAPI // a release that tells strangers nothing of itself
	case resp.Status >= 300 && resp.Status < 400:
		r.Kind = ReachRedirect
	}
	return r, nil
}

// setUp asks the other question that strangers may ask, once.
func (c *Client) setUp(ctx context.Context) bool {
	var w wireSetup
	_, err := c.call(ctx, request{op: "probe", intent: rest.Look, method: http.MethodGet, path: pathSetup, timeout: min(c.timeout, probeTimeout), anonymous: true}, &w)
	return err == nil && w.status() == SetupCompleted
}

func reachOf(err error) ReachKind {
	for _, kind := range []struct {
		class error
		kind  ReachKind
	}{
		{ErrUntrusted, ReachUntrusted}, {ErrRedirect, ReachRedirect}, {ErrTLS, ReachTLS}, {ErrRefused, ReachRefused},
		{ErrNoAnswer, ReachSilent}, {rest.ErrCut, ReachBroken}, {rest.ErrTooLong, ReachStatus},
	} {
		if errors.Is(err, kind.class) {
			return kind.kind
		}
	}
	return ReachAway
}

// SSHOpen reports whether TCP port 22 of host, a name or an address, accepts a connection. Nothing is sent over it.
//
// When an upgrade fails and the appliance cannot go back, it opens SSH on every active interface, unless it runs in sealed
// mode (SPS 7.0.2.1 LTS Administration Guide, Troubleshooting): an open port after a failed boot is both a sign and a
// security event.
//
// The dialer is net.Dialer's if dial is nil. A connection that cannot be made within 10 seconds is no error; the end of ctx is.
func SSHOpen(ctx context.Context, host string, dial func(ctx context.Context, network, addr string) (net.Conn, error)) (bool, error) {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	limited, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := dial(limited, "tcp", net.JoinHostPort(host, "22"))
	if ctx.Err() != nil {
		err = &Error{Op: "look at SSH of " + host, Err: ended(ctx)}
	} else if err != nil {
		return false, nil
	}
	if conn != nil {
		conn.Close()
	}
	return err == nil, err
}
