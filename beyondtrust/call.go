package beyondtrust

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"

	"github.com/changeover-sdk/changeover/internal/redact"
	"github.com/changeover-sdk/changeover/internal/rest"
	"github.com/changeover-sdk/changeover/internal/transfer"
)

// call is one request to the appliance.
type call struct {
	op     string
	intent rest.Intent
	method string
	path   string
	query  url.Values
	form   url.Values // sent as a form, the only kind of body the XML APIs take
	json   []byte     // sent as JSON
	accept string
	limit  int64
}

// again is how often a read is repeated after a pause that the appliance asked for.
const again = 3

// body returns what is sent, and its type.
func (q call) body() ([]byte, string) {
	switch {
	case q.form != nil:
		return []byte(q.form.Encode()), "application/x-www-form-urlencoded"
	case q.json != nil:
		return q.json, jsonType
	}
	return nil, ""
}

// do sends one call and returns an answer of any status.
func (c *Client) do(ctx context.Context, q call) (*rest.Response, error) {
	return c.authorized(ctx, q, func(h http.Header) (*rest.Response, error) {
		b, _ := q.body()
		return c.http.Do(ctx, rest.Request{Intent: q.intent, Method: q.method, URL: c.url(q), Header: h, Body: b, Limit: q.limit})
	})
}

// fetch sends a read whose answer is long and has d take it, if its status is 200. Any other answer is an error. It is asked for once, and again
// only for what is missing where a connection broke, or for nothing at all where the token had died or the account had to wait.
func (c *Client) fetch(ctx context.Context, q call, d transfer.Download) (transfer.Got, error) {
	d.Method, d.URL = q.method, c.url(q)
	d.Body, _ = q.body()
	var got transfer.Got
	var refused *Error
	resp, err := c.authorized(ctx, q, func(h http.Header) (*rest.Response, error) {
		d.Header = h
		first := true
		d.Prepare = func(*http.Request) error {
			if first {
				first = false
				return nil
			}
			return c.account.pace.wait(ctx) // what goes on counts as a request too
		}
		var err error
		got, err = c.http.Download(ctx, d)
		if resp, ok := rest.Refusal(err); ok && got.Moved == 0 {
			return resp, nil
		}
		switch e, ok := errors.AsType[*Error](err); {
		case ok: // what came was looked at, and is not what was asked for
			refused = e
		case onDisk(err):
			refused = &Error{Op: q.op, Err: fmt.Errorf("write it: %w", err)}
		case err != nil && got.Moved > 0:
			return &rest.Response{Status: http.StatusOK}, err
		case err != nil:
			return nil, err
		}
		return &rest.Response{Status: http.StatusOK}, nil
	})
	if refused != nil {
		return got, refused
	}
	if err == nil && resp.Status != http.StatusOK {
		err = c.explain(q, resp)
	}
	return got, err
}

// onDisk reports whether it was our own disk that failed, which says nothing about the appliance.
func onDisk(err error) bool {
	_, path := errors.AsType[*fs.PathError](err)
	_, link := errors.AsType[*os.LinkError](err)
	return path || link || errors.Is(err, transfer.ErrNoSpace) || errors.Is(err, transfer.ErrBusy)
}

// authorized has send send the call, with a token and within the account's limits. A token that was refused is renewed once, and only for a request that
// changes nothing; a read that came too soon is repeated after the pause.
func (c *Client) authorized(ctx context.Context, q call, send func(http.Header) (*rest.Response, error)) (*rest.Response, error) {
	for renewed, waited := false, 0; ; {
		t, err := c.account.token(ctx, c)
		if err == nil {
			err = c.account.pace.wait(ctx)
		}
		if err != nil {
			return nil, unsent(q, err)
		}
		h := http.Header{"Accept": {q.accept}, "Authorization": {"Bearer " + t.text()}}
		if _, kind := q.body(); kind != "" {
			h.Set("Content-Type", kind)
		}
		resp, err := send(h)
		if err != nil {
			return nil, explainTransport(ctx, q.op, q.method, q.path, resp, err)
		}
		c.account.pace.heed(resp)
		if refused := c.refusedToken(q, resp); refused != nil {
			if q.intent == rest.Act || renewed {
				c.account.drop(t, renewed, refused)
				return nil, refused
			}
			c.account.drop(t, false, refused)
			renewed = true
			continue
		}
		if throttled(resp) && q.intent == rest.Read && waited < again {
			waited++
			continue // the pacer waits
		}
		return resp, nil
	}
}

// refusedToken returns the error of an answer that says that the token is of no use. Its body has to say so, with an OAuth error: the Configuration API answers
// an unknown parameter with a 401 as well, and a new token would not cure that. The status is 401 as far as anybody saw, which no document promises.
func (c *Client) refusedToken(q call, resp *rest.Response) error {
	if resp.Status >= 500 || len(resp.Body) > 4<<10 || !bytes.Contains(resp.Body, []byte(`"error"`)) {
		return nil
	}
	if e := c.explain(q, resp); e.Class == ErrUnauthorized {
		return e
	}
	return nil
}

func (c *Client) url(q call) *url.URL {
	return &url.URL{Scheme: c.base.Scheme, Host: c.base.Host, Path: q.path, RawQuery: q.query.Encode()}
}

// explain makes an error of an answer that is not the expected one.
func (c *Client) explain(q call, resp *rest.Response) *Error {
	return explainStatus(q.op, resp, q.method, q.path, c.scrubber())
}

// scrubber knows this client's secrets.
func (c *Client) scrubber() redact.Scrubber {
	if p, err := c.password.Reveal(); err == nil && p != "" {
		return c.account.scrubber(p)
	}
	return c.account.scrubber()
}

// badAnswer is an answer of the right status whose content is not what is documented.
func (c *Client) badAnswer(q call, resp *rest.Response, err error) error {
	return &Error{Op: q.op, Method: q.method, Path: q.path, Status: resp.Status, Class: ErrAnswer, Err: errors.New(shorten(c.scrubber()(err.Error())))}
}

// unsent is the error of a call that did not come to be sent.
func unsent(q call, err error) error {
	if q.intent == rest.Act {
		err = fmt.Errorf("%w: %w", ErrNotSent, err)
	} else if same, ok := err.(*Error); ok && same.Op == q.op {
		return same // a refusal that still stands
	}
	return &Error{Op: q.op, Method: q.method, Path: q.path, Err: err}
}
