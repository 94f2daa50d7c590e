package beyondtrust

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// Dialect is one of the two Command APIs.
type Dialect string

// Dialects. Appliances of the 26.1 line offer both; when v2 first came is not documented.
const (
	DialectV2  Dialect = "v2"  // JSON, /api/command/v2
	DialectXML Dialect = "XML" // /api/command
)

const (
	v2Path     = "/api/command/v2"
	xmlPath    = "/api/command"
	jsonType   = "application/json"
	xmlType    = "text/xml, application/xml"
	smallLimit = 1 << 20  // an answer of known size
	listLimit  = 16 << 20 // a list that grows with the sessions, not with the Jump Clients
)

// dialect returns the Command API to use. The first call asks the appliance for v2 and falls back to XML; the answer is remembered until the
// appliance's version changes.
func (c *Client) dialect(ctx context.Context) (Dialect, error) {
	if c.forced != "" {
		return c.forced, nil
	}
	c.mu.Lock()
	d := c.speaks
	c.mu.Unlock()
	if d != "" {
		return d, nil
	}
	_, err := c.infoV2(ctx)
	switch {
	case err == nil, errors.Is(err, ErrForbidden):
		d = DialectV2
	case errors.Is(err, errAbsent):
		if _, err := c.infoXML(ctx); err != nil && !errors.Is(err, ErrForbidden) && !errors.Is(err, ErrRefused) {
			return "", err
		}
		d = DialectXML
	default:
		return "", err
	}
	c.mu.Lock()
	c.speaks = d
	c.mu.Unlock()
	return d, nil
}

// learn forgets what the appliance offers when its version number is another one than before.
func (c *Client) learn(v Version) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v.Number == "" || v.Number == c.number {
		return
	}
	if c.number != "" {
		c.speaks, c.noXML = "", false
	}
	c.number = v.Number
}

// forget makes the next call ask again what the appliance offers.
func (c *Client) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.speaks, c.noXML = "", false
}

// xmlToo reports whether the XML API may be asked by a client that speaks d: always, unless it was found missing or v2 was demanded.
func (c *Client) xmlToo(d Dialect) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return d == DialectXML || c.forced == "" && !c.noXML
}

// lacksXML reports whether err says that there is no XML API to be asked, or not for this account, and remembers it.
func (c *Client) lacksXML(err error) bool {
	if !errors.Is(err, errAbsent) && !errors.Is(err, ErrRefused) && !errors.Is(err, ErrForbidden) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.noXML = true
	return true
}

// errAbsent says that there is no such API at this appliance, as far as the answer tells: no such path, a page, or a way to one.
var errAbsent = errors.New("no such API")

// absent reports whether resp is how an appliance answers a path that it does not have.
func absent(resp *rest.Response) bool {
	switch s := resp.Status; {
	case s == http.StatusNotFound, s == http.StatusMethodNotAllowed, s >= 300 && s < 400:
		return true
	case s == http.StatusOK:
		return isHTML(resp.Body)
	}
	return false
}

// isHTML reports whether an answer is a page for people.
func isHTML(b []byte) bool {
	b = bytes.ToLower(bytes.TrimSpace(b[:min(len(b), 512)]))
	return bytes.HasPrefix(b, []byte("<!doctype html")) || bytes.HasPrefix(b, []byte("<html"))
}

// getV2 reads one answer of Command API v2 that must have status 200.
func (c *Client) getV2(ctx context.Context, op, path string, query url.Values, limit int64) (*rest.Response, call, error) {
	q := call{op: op, intent: rest.Read, method: http.MethodGet, path: v2Path + path, query: query, accept: jsonType, limit: limit}
	resp, err := c.do(ctx, q)
	if err != nil {
		return nil, q, err
	}
	if resp.Status != http.StatusOK {
		return nil, q, c.explain(q, resp)
	}
	return resp, q, nil
}

// commandXML sends one action to the XML API and returns the root of its answer. An error element is an error of class [ErrRefused], whatever
// the status: which one it comes with is not documented. An action that acts is sent as a form, so that no address says it.
func (c *Client) commandXML(ctx context.Context, op string, intent rest.Intent, args url.Values) (*node, *rest.Response, error) {
	q := call{op: op, intent: intent, method: http.MethodGet, path: xmlPath, query: args, accept: xmlType, limit: listLimit}
	if intent == rest.Act {
		q.method, q.query, q.form = http.MethodPost, nil, args
	}
	resp, err := c.do(ctx, q)
	if err != nil {
		return nil, nil, err
	}
	root, bad := parseXML(resp.Body)
	if bad == nil && root.name == "error" {
		return nil, resp, c.refusedXML(q, resp, root.text)
	}
	if absent(resp) {
		e := c.explain(q, resp)
		e.Err = errAbsent
		return nil, resp, e
	}
	if resp.Status != http.StatusOK {
		return nil, resp, c.explain(q, resp)
	}
	if bad != nil {
		return nil, resp, c.badAnswer(q, resp, bad)
	}
	if list := root.all("error"); len(list) > 0 {
		return nil, resp, c.refusedXML(q, resp, list[0].text)
	}
	return root, resp, nil
}

// refusedXML is the error of an error element.
func (c *Client) refusedXML(q call, resp *rest.Response, text string) error {
	e := &Error{Op: q.op, Method: q.method, Path: q.path, Status: resp.Status, Class: ErrRefused, Message: shorten(c.scrubber()(text))}
	if resp.Status == http.StatusForbidden {
		e.Class = ErrForbidden
	}
	return e
}

// badXML is the error of a well-formed answer that lacks something.
func (c *Client) badXML(op string, resp *rest.Response, err error) error {
	return c.badAnswer(call{op: op, method: http.MethodGet, path: xmlPath}, resp, err)
}
