package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/changeover-sdk/changeover/internal/act"
	"github.com/changeover-sdk/changeover/internal/transfer"
)

// Defaults of files on their way, for [Client.Upload] and [Client.Download].
const (
	DefaultStall  = transfer.DefaultStall
	DefaultAnswer = transfer.DefaultAnswer
)

// Upload sends a file as an [Act] and returns the answer, of whatever status, and what was sent. It is sent once; u.Again counts only
// connections that failed before a byte of the file was asked for.
//
// Errors are of the classes of this package, of transfer.ErrChanged, or of act.ErrNotSent if the request provably did not leave.
func (c *Client) Upload(ctx context.Context, u transfer.Upload) (*Response, *transfer.Sent, error) {
	what := u.Method + " " + u.URL.Path
	if ctx.Err() != nil {
		return nil, nil, explain(ctx, what, 0, act.ErrNotSent)
	}
	var left sent
	u.Header = c.named(u.Header)
	got, err := c.up.Upload(left.watch(ctx), u)
	if err != nil {
		err = inner(err)
		if left.never(err) && !errors.Is(err, act.ErrNotSent) {
			err = fmt.Errorf("%w: %w", act.ErrNotSent, err)
		}
		return nil, nil, end(ctx, what, err)
	}
	return &Response{Status: got.Status, Header: got.Header, Body: got.Body, URL: u.URL}, got, nil
}

// Download fetches a file as a [Read], which is sent again only to go on where a connection broke. An answer of another status than the file's is an error that
// [Refusal] knows.
//
// Errors are of the classes of this package and of transfer's, or what d.Look, d.Prove or the writer said.
func (c *Client) Download(ctx context.Context, d transfer.Download) (transfer.Got, error) {
	if d.Method == "" {
		d.Method = http.MethodGet
	}
	what := d.Method + " " + d.URL.Path
	d.Header = c.named(d.Header)
	got, err := c.down.Download(ctx, d)
	if err == nil {
		return got, nil
	}
	return got, end(ctx, what, inner(err))
}

// Refusal returns the answer that came in place of a file.
func Refusal(err error) (*Response, bool) {
	e, ok := errors.AsType[*transfer.StatusError](err)
	if !ok {
		return nil, false
	}
	return &Response{Status: e.Status, Header: e.Header, Body: e.Body}, true
}

// named returns a copy of a header, with our name.
func (c *Client) named(h http.Header) http.Header {
	if h = h.Clone(); h == nil {
		h = http.Header{}
	}
	h.Set("User-Agent", c.agent)
	return h
}

// inner returns a transfer's error without transfer's own words for what was tried.
func inner(err error) error {
	if e, ok := errors.AsType[*transfer.Error](err); ok {
		return e.Err
	}
	return err
}

// judge gives errors of connections their class, and says whether another connection may help.
func judge(err error) (classed error, again bool) {
	err = bare(err)
	return classify(err, dialTimeout, false), !lasting(err)
}

// courier carries the requests of a transfer: logged, and never to another host.
type courier struct {
	c      *Client
	rt     http.RoundTripper
	intent Intent
}

func (c *Client) courier(rt http.RoundTripper, intent Intent) *transfer.Client {
	if t, ok := rt.(*http.Transport); ok {
		rt = transfer.Transport(t)
	}
	return transfer.New(&courier{c, rt, intent}).Judged(judge)
}

// RoundTrip sends one request, and follows redirects as far as its intent allows.
func (k *courier) RoundTrip(req *http.Request) (*http.Response, error) {
	note := k.c.note(req.Context(), req.Method, req.URL.Path)
	hc := &http.Client{Transport: k.rt, CheckRedirect: followable}
	resp, err := hc.Do(req.WithContext(context.WithValue(req.Context(), intentKey{}, k.intent)))
	note(resp, err)
	return resp, err
}

// CloseIdleConnections is looked for by net/http.
func (k *courier) CloseIdleConnections() { (&http.Client{Transport: k.rt}).CloseIdleConnections() }
