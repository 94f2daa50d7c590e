package beyondtrust

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// Probe is the answer of an appliance's liveness page.
type Probe struct {
	Healthy bool      // status 200; 500 is not healthy
	Text    string    // the sentence that came with it, at most 300 bytes
	AsOf    time.Time // when this machine asked
}

// Probe asks https://host/check_health, which needs no account and may be asked at any pace: 200 is healthy, 500 is not (Privileged Remote Access, API
// Command: check_health). Neither is an error. Anything else is, of class [ErrUnavailable] or [ErrAnswer]: while software is installed, connections
// break and other statuses occur. It is sent once.
//
// It does not say which appliance answers: [Client.Identify] does.
func (c *Client) Probe(ctx context.Context) (Probe, error) {
	const op, path = "probe health", "/check_health"
	q := call{op: op, method: http.MethodGet, path: path}
	asked := time.Now()
	resp, err := c.http.Do(ctx, rest.Request{Intent: rest.Look, Method: http.MethodGet, URL: c.url(q), Header: http.Header{"Accept": {"*/*"}}, Limit: 64 << 10})
	if err != nil {
		return Probe{}, explainTransport(ctx, op, http.MethodGet, path, resp, err)
	}
	switch {
	case resp.Status != http.StatusOK && resp.Status != http.StatusInternalServerError:
		return Probe{}, c.explain(q, resp)
	case resp.URL != nil && resp.URL.Path != path, isForm(resp.Body), !isText(resp.Body):
		return Probe{}, c.badAnswer(q, resp, errors.New("another page answers"))
	}
	_, text := c.scrubber().Page(resp.Body)
	return Probe{Healthy: resp.Status == http.StatusOK, Text: shorten(text), AsOf: asked}, nil
}

// isForm reports whether an answer is a page to sign in or to look at, which a busy or a new appliance may put in the place of everything. The probe's own
// answer is a sentence, with or without tags.
func isForm(b []byte) bool {
	b = bytes.ToLower(b)
	return bytes.Contains(b, []byte("<form")) || bytes.Contains(b, []byte("<script"))
}
