package sps

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/changeover-sdk/changeover/internal/redact"
	"github.com/changeover-sdk/changeover/internal/rest"
)

// request is one small call of the API.
type request struct {
	op        string // what is being tried, for errors
	intent    rest.Intent
	method    string
	path      string
	query     string
	body      any           // sent as JSON; nil: an empty body with a length, without which a POST is refused with 411
	timeout   time.Duration // default Options.Timeout
	anonymous bool          // without a session
	secrets   []string      // in the body, so that an answer that repeats them is scrubbed
}

// call sends r and decodes the answer into out, if out is not nil. A read that the appliance answers with 401 is sent once
// more after a new login. A request that acts is not, although 401 says that it was not carried out: each of them comes
// right behind a read, which has renewed the session, so that a 401 is a surprise, and surprises are the caller's.
func (c *Client) call(ctx context.Context, r request, out any) (*rest.Response, error) {
	req := rest.Request{Intent: r.intent, Method: r.method, URL: c.url(r.path), Header: http.Header{"Accept": {"application/json"}}, Timeout: r.timeout}
	req.URL.RawQuery = r.query
	if req.Timeout == 0 {
		req.Timeout = c.timeout
	}
	if r.body != nil {
		body, err := json.Marshal(r.body)
		if err != nil {
			return nil, &Error{Op: r.op, Err: fmt.Errorf("%w: %w", ErrNotSent, err)}
		}
		req.Body = body
		req.Header.Set("Content-Type", "application/json")
	} else if r.method == http.MethodPost {
		req.Body = []byte{}
	}
	if r.anonymous {
		return c.send(ctx, r, req, out)
	}
	cookie := c.session.cookie()
	if cookie == "" {
		var err error
		if cookie, err = c.session.renew(ctx, ""); err != nil {
			return nil, notBegun(r, err)
		}
	}
	setCookie(req.Header, cookie)
	resp, err := c.send(ctx, r, req, out)
	if r.intent != rest.Act && errors.Is(err, ErrAuth) {
		if cookie, err = c.session.renew(ctx, cookie); err != nil {
			return nil, notBegun(r, err)
		}
		setCookie(req.Header, cookie)
		resp, err = c.send(ctx, r, req, out)
	}
	return resp, err
}

// notBegun puts the operation before an error of the login, which came instead of it. An act that only got as far as the
// login was not sent.
func notBegun(r request, err error) error {
	if r.intent == rest.Act {
		return notSent(r.op, err)
	}
	return within(r.op, err)
}

func (c *Client) send(ctx context.Context, r request, req rest.Request, out any) (*rest.Response, error) {
	resp, err := c.rest.Do(ctx, req)
	if err != nil {
		return resp, &Error{Op: r.op, Method: r.method, Path: r.path, Err: err, class: badAnswer(err)}
	}
	return resp, decode(r.op, r.method, r.path, resp, out, c.session.scrub(r.secrets...))
}

func badAnswer(err error) error {
	if errors.Is(err, rest.ErrTooLong) {
		return ErrBadAnswer
	}
	return nil
}

func (c *Client) url(path string) *url.URL {
	u := *c.base
	u.Path = path
	return &u
}

func setCookie(h http.Header, value string) { h.Set("Cookie", cookieName+"="+value) }

// decode judges an answer: an error object is an error under any status, and a 2xx whose body is not the JSON that was asked
// for is one too.
func decode(op, method, path string, resp *rest.Response, out any, scrub redact.Scrubber) error {
	e := &Error{Op: op, Method: method, Path: path, Status: resp.Status}
	good := resp.Status >= 200 && resp.Status < 300
	body := bytes.TrimSpace(resp.Body)
	if len(body) > 0 && body[0] != '{' && body[0] != '[' {
		e.Title, e.Text = scrub.Page(body)
		return e
	}
	var envelope struct {
		Error *wireError `json:"error"`
	}
	broken := json.Unmarshal(body, &envelope)
	if envelope.Error != nil {
		envelope.Error.fill(e, scrub)
		return e
	}
	switch {
	case !good:
		return e
	case out == nil && len(body) == 0:
		return nil // what deletes may have nothing to say
	case broken != nil:
		e.class, e.Message = ErrBadAnswer, scrub(broken.Error())
		return e
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		e.class, e.Message = ErrBadAnswer, scrub(err.Error())
		return e
	}
	return nil
}

// wireError is the error object (SPS REST API Reference Guide, Testing new firmware): a type and details are documented, a
// message is not.
type wireError struct {
	Type    lenient         `json:"type"`
	Message lenient         `json:"message"`
	Details json.RawMessage `json:"details"`
}

// UnmarshalJSON also takes an error that is a bare text.
func (w *wireError) UnmarshalJSON(data []byte) error {
	type plain wireError
	if err := json.Unmarshal(data, (*plain)(w)); err != nil {
		*w = wireError{Details: data}
	}
	return nil
}

func (w *wireError) fill(e *Error, scrub redact.Scrubber) {
	e.Type, e.Message = scrub.Short(string(w.Type)), scrub.Short(string(w.Message))
	var compact bytes.Buffer
	if len(w.Details) > 0 && string(w.Details) != "null" && json.Compact(&compact, w.Details) == nil {
		e.Details = scrub.Short(compact.String())
	}
}
