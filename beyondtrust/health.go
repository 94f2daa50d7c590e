package beyondtrust

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// HealthCache is how long v2 may answer a question for health from a cache (Command API 2.0.0, /health). A client asks no more often, and hands
// out the answer it has meanwhile.
const HealthCache = time.Minute

// Health is what one appliance says of itself.
type Health struct {
	GUID               string       // 32 hexadecimal digits in lower case; "" when an unhealthy appliance does not tell
	Hostname           string       // the appliance's own
	Version            Version      // of the site software; the Base software's is in no API. Zero when VersionText cannot be read
	VersionText        string       // the version as worded
	Healthy            bool         // what the appliance finds
	Problem            string       // why it is not healthy, in its words
	ClusterRole        ClusterRole  // "" from the XML API, which does not tell
	FailoverRole       Role         // "" when it does not tell
	SharedIPs          []netip.Addr // the enabled shared addresses
	LastDataSync       time.Time    // by the appliance's clock; zero without failover and, on v2, on a backup
	LastDataSyncStatus string       // in the appliance's words; the vocabulary is not documented
	Dialect            Dialect      // which API told

	// AsOf is the earliest moment, by this machine's clock, whose state this may be. For XML it is when the question was sent. For v2 it is a
	// minute before ([HealthCache]), as somebody else's question may have filled the appliance's cache. What is to be seen after an act
	// has been seen when AsOf is after the act.
	AsOf time.Time

	// Date is the appliance's clock when it answered, from the Date header, in whole seconds; zero when there was none. Answered is the same
	// moment by this machine's clock.
	Date, Answered time.Time
}

// Offset is how far the appliance's clock is ahead of this machine's, to about a second, and whether it is known.
func (h Health) Offset() (d time.Duration, ok bool) {
	if h.Date.IsZero() {
		return 0, false
	}
	return h.Date.Sub(h.Answered.Truncate(time.Second)), true
}

// Health asks the appliance how it is. An unhealthy appliance is no error: see [Health.Healthy].
//
// Over v2 the appliance is asked at most once a minute ([HealthCache]): in between, and to whoever asks at the same time, the newest answer is given
// again with its AsOf. A question that got no answer does not count. It is not retried: ask again later.
//
// Errors: [ErrWrongAppliance] when the client is pinned and another appliance answers; [ErrAnswer] when a fact is missing or cannot be read;
// [ErrUnavailable] and those of every call.
func (c *Client) Health(ctx context.Context) (Health, error) {
	d, err := c.dialect(ctx)
	if err != nil {
		return Health{}, err
	}
	var h Health
	if d == DialectXML {
		h, err = c.healthXML(ctx)
	} else {
		h, err = c.healthV2(ctx, false)
	}
	if err == nil {
		err = c.pinned(h)
	}
	if err != nil {
		return Health{}, err
	}
	return h, nil
}

// Identify asks who answers at this address, now: the client's memory does not stand between. Ask it again and again to see to whom a site's name leads.
// It uses the XML API where there is one, since v2 wants to be asked for health no more than once a minute; over v2 the GUID is of this moment, and
// the rest as old as AsOf says.
//
// Unlike every other call it does not compare the GUID with [Options.GUID]; the caller does, with [SameGUID]. An appliance that does not tell its GUID
// is an error of class [ErrUnavailable]. It is not retried.
func (c *Client) Identify(ctx context.Context) (Health, error) {
	d, err := c.dialect(ctx)
	if err != nil {
		return Health{}, err
	}
	var h Health
	xml := c.xmlToo(d)
	if xml {
		h, err = c.healthXML(ctx)
	}
	if d == DialectV2 && (!xml || c.lacksXML(err)) {
		h, err = c.healthV2(ctx, true)
	}
	if err == nil && h.GUID == "" {
		err = &Error{Op: "identify", Class: ErrUnavailable, Message: h.Problem, Err: errNameless}
	}
	if err != nil {
		return Health{}, err
	}
	return h, nil
}

var errNameless = errors.New("it is not healthy and does not say which appliance it is")

// pinned compares the appliance that answered with the one that was meant.
func (c *Client) pinned(h Health) error {
	switch {
	case c.guid == "" || h.GUID == c.guid:
		return nil
	case h.GUID == "":
		return &Error{Op: opHealth, Class: ErrUnavailable, Message: h.Problem, Err: errNameless}
	}
	return &Error{Op: opHealth, Class: ErrWrongAppliance, GUID: h.GUID, Err: fmt.Errorf("%s (%.60q) at %s, not %s", h.GUID, h.Hostname, c.dial, c.guid)}
}

// prove asks who answers just before an act, so that nothing is done to the wrong appliance, and so that the act leaves with a token that was good a moment
// ago: an act is not sent again for a dead token.
func (c *Client) prove(ctx context.Context, op string) error {
	h, err := c.Identify(ctx)
	if err == nil {
		err = c.pinned(h)
	}
	if err != nil {
		return &Error{Op: op, Class: ErrNotSent, Err: err}
	}
	return nil
}

const opHealth = "check health"

// healthV2 asks over v2, or gives the newest answer again unless now is set.
func (c *Client) healthV2(ctx context.Context, now bool) (Health, error) {
	select {
	case c.asking <- struct{}{}:
	case <-ctx.Done():
		return Health{}, &Error{Op: opHealth, Err: ctx.Err()}
	}
	defer func() { <-c.asking }()
	if !now && !c.asked.IsZero() && time.Since(c.asked) < c.cache {
		return c.health.clone(), nil
	}
	q := call{op: opHealth, intent: rest.Look, method: http.MethodGet, path: v2Path + "/health", accept: jsonType, limit: smallLimit}
	asked := time.Now()
	resp, err := c.do(ctx, q)
	if err != nil {
		return Health{}, err
	}
	if absent(resp) {
		c.forget() // it may be an older release again, without v2
	}
	if resp.Status != http.StatusOK && resp.Status != http.StatusInternalServerError {
		return Health{}, c.explain(q, resp)
	}
	h, err := parseHealthV2(resp.Body, resp.Status == http.StatusOK)
	switch {
	case err != nil && resp.Status == http.StatusOK:
		return Health{}, c.badAnswer(q, resp, err)
	case err != nil:
		return Health{}, c.explain(q, resp) // an error of the server, and not a report of ill health
	}
	h = c.seen(resp, h, asked.Add(-c.cache))
	c.health, c.asked = h, asked
	return h.clone(), nil
}

func (c *Client) healthXML(ctx context.Context) (Health, error) {
	asked := time.Now()
	root, resp, err := c.commandXML(ctx, opHealth, rest.Look, url.Values{"action": {"check_health"}})
	if err != nil {
		return Health{}, err
	}
	h, err := parseHealthXML(root)
	if err != nil {
		return Health{}, c.badXML(opHealth, resp, err)
	}
	return c.seen(resp, h, asked), nil
}

// seen completes an answer.
func (c *Client) seen(resp *rest.Response, h Health, asOf time.Time) Health {
	h.AsOf, h.Answered = asOf, time.Now()
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		h.Date = at
	}
	scrub := c.scrubber()
	h.Problem, h.LastDataSyncStatus = shorten(scrub(h.Problem)), shorten(scrub(h.LastDataSyncStatus))
	h.Hostname, h.VersionText = printable(h.Hostname), printable(h.VersionText)
	c.learn(h.Version)
	return h
}

// clone keeps callers from changing each other's answer.
func (h Health) clone() Health {
	h.SharedIPs = slices.Clone(h.SharedIPs)
	return h
}
