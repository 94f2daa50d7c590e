package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/changeover-sdk/changeover/internal/act"
)

// Request is one small call: what it says and what it hears fits in memory.
type Request struct {
	Intent  Intent // what it is for; the zero value is [Act]
	Method  string
	URL     *url.URL
	Header  http.Header
	Body    []byte        // nil: an empty body; a POST carries its length all the same
	Limit   int64         // bytes of the answer; default [DefaultLimit]. A longer one is an error of class [ErrTooLong]
	Timeout time.Duration // of one attempt, its answer read; default [DefaultTimeout], negative: only the context's
}

// Response is the answer to a [Request], whatever its status.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	Chain  []*x509.Certificate // what the appliance showed, its own certificate first; nil without TLS
	URL    *url.URL            // what answered in the end, after redirects on the same host
}

// Do sends the request as often as its intent allows and returns the last answer. An answer of any status is no error.
//
// Errors are of the classes of this package; an [Act] that provably was not sent is of class act.ErrNotSent.
// When the answer breaks off, Do returns what there is of it together with the error.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	what := r.Method + " " + r.URL.Path
	if ctx.Err() != nil {
		return nil, explain(ctx, what, 0, act.ErrNotSent)
	}
	patience, limit := r.Timeout, r.Limit
	if patience == 0 {
		patience = DefaultTimeout
	}
	if limit <= 0 {
		limit = DefaultLimit
	}
	var left sent
	inner := context.WithValue(left.watch(ctx), intentKey{}, r.Intent)
	req, err := retryablehttp.NewRequestWithContext(inner, r.Method, r.URL.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", act.ErrNotSent, what, err)
	}
	if r.Header != nil {
		req.Header = r.Header.Clone()
	}
	req.Header.Set("User-Agent", c.agent)
	// An empty body that is set would go out chunked: without one, a POST says that its length is 0.
	if len(r.Body) > 0 {
		if err := req.SetBody(r.Body); err != nil {
			return nil, fmt.Errorf("%w: %s: %v", act.ErrNotSent, what, err)
		}
	}

	var out *Response
	req.SetResponseHandler(func(resp *http.Response) (err error) {
		out, err = read(resp, limit)
		return err
	})
	hc := c.httpClient(r.Intent)
	hc.Timeout = max(patience, 0)
	resp, err := c.retrier(r.Intent, hc, c.note(ctx, r.Method, r.URL.Path)).Do(req)
	if err != nil {
		return out, explainAct(ctx, what, patience, err, r.Intent, &left)
	}
	if out == nil { // the last answer of a read that was sent again in vain
		if out, err = read(resp, limit); err != nil {
			return out, explain(ctx, what, patience, err)
		}
	}
	return out, nil
}

// httpClient returns a new client for one call.
func (c *Client) httpClient(intent Intent) *http.Client {
	rt := c.reads
	if intent == Act {
		rt = c.acts
	}
	return &http.Client{Transport: rt, CheckRedirect: followable}
}

// read takes the answer in and closes it.
func read(resp *http.Response, limit int64) (*Response, error) {
	defer resp.Body.Close()
	out := &Response{Status: resp.StatusCode, Header: resp.Header, Chain: shown(resp.TLS), URL: resp.Request.URL}
	var body bytes.Buffer
	_, err := io.Copy(&body, io.LimitReader(resp.Body, limit+1))
	out.Body = body.Bytes()
	if int64(body.Len()) > limit {
		out.Body = out.Body[:limit]
		return out, fmt.Errorf("%w: more than %d bytes", ErrTooLong, limit)
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return out, err
	}
	if err != nil {
		return out, fmt.Errorf("%w: after %d bytes of the answer: %w", ErrCut, body.Len(), err)
	}
	return out, nil
}

func shown(state *tls.ConnectionState) []*x509.Certificate {
	if state == nil {
		return nil
	}
	return state.PeerCertificates
}

// note logs one attempt: an allow list of facts, none of which can hold a secret.
func (c *Client) note(ctx context.Context, method, path string) func(*http.Response, error) {
	start, n := time.Now(), 0
	var last *http.Response
	return func(resp *http.Response, err error) {
		if resp != nil && resp == last {
			if err == nil {
				return // asked a second time, about the body
			}
		} else {
			n++
		}
		last = resp
		attrs := []slog.Attr{slog.String("method", method), slog.String("path", path), slog.Int("attempt", n), slog.Duration("took", time.Since(start))}
		start = time.Now()
		switch {
		case err != nil:
			attrs = append(attrs, slog.String("failed", word(err)))
		case resp != nil:
			attrs = append(attrs, slog.Int("status", resp.StatusCode))
		}
		c.log.LogAttrs(ctx, slog.LevelDebug, "request", attrs...)
	}
}

// word names an error's class, for a log that shows no foreign text.
func word(err error) string {
	if class := classOf(err); class != nil {
		return class.Error()
	}
	if errors.Is(err, context.Canceled) {
		return "cancelled"
	}
	return "other"
}
