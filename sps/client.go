package sps

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// Defaults of [Options].
const (
	DefaultPoll    = 10 * time.Second
	DefaultTimeout = time.Minute
	DefaultAct     = 30 * time.Minute
	DefaultStall   = 2 * time.Minute
)

// Options are what a Client may be told. The zero value, and nil, mean the defaults.
type Options struct {
	// CA is what the appliance's certificate is verified against, usually the appliance's own internal CA (SPS 7.0.5.1 LTS
	// REST API Reference Guide). Default: the system's roots.
	CA *x509.CertPool

	// Fingerprint is the SHA-256 of the appliance's own certificate, 64 hexadecimal digits with or without colons. Only that
	// certificate is accepted then; with CA as well, both must hold. Default: none.
	Fingerprint string

	// HTTPClient's transport is used instead of one of our own: a simulator's, for example. Default: none.
	HTTPClient *http.Client

	// UserAgent is put before our own. It must not look like a browser: from 7.5 on SPS asks browsers for a token.
	UserAgent string

	// Logger hears of every request at debug level: method, path, status, duration; no bodies, queries or headers. Default:
	// nobody does.
	Logger *slog.Logger

	// Poll is the pause between two looks at a job of the appliance. Default: 10 seconds.
	Poll time.Duration

	// Timeout bounds one small request, its answer read. Default: one minute.
	Timeout time.Duration

	// Act bounds the wait for the answer to a firmware test, an upgrade and a finished upload, which the appliance answers when
	// it is done. How long that takes is not documented. Default: 30 minutes.
	Act time.Duration

	// Stall is the longest time an upload or download may stand still. Default: two minutes.
	Stall time.Duration

	// Retries is how often a request that only reads is sent again when the connection fails or the appliance is busy (429,
	// 502, 503, 504). Default: 2; negative: never.
	Retries int
}

// Client speaks the REST API of one SPS appliance. It is safe for concurrent use.
//
// The login happens when it is first needed, and again when the appliance has forgotten it, for example after a boot.
// A Client holds network connections for a short while after its last request; [Client.Logout] closes them.
type Client struct {
	base    *url.URL
	rest    *rest.Client
	session session
	log     *slog.Logger

	poll, timeout, act, stall time.Duration
	retries                   int

	keyAsText atomic.Bool // the appliance wants slot_id as a text
}

// NewClient returns a Client for the appliance at addr, "https://host" or "https://host:port". It does not talk to the
// network. What it returns an error for can be read from its arguments.
func NewClient(addr string, login Login, opts *Options) (*Client, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	base, err := rest.Base(addr)
	if err != nil {
		return nil, fmt.Errorf("sps: %w", err)
	}
	switch {
	case login.Certificate != nil && login.Password != "":
		return nil, errors.New("sps: login: a password or a client certificate, not both")
	case login.Certificate == nil && (login.User == "" || login.Password == ""):
		return nil, errors.New("sps: login: want a user and a password, or a client certificate")
	}
	var cert *tls.Certificate
	if login.Certificate != nil {
		copied := *login.Certificate
		cert, login.Certificate = &copied, &copied
	}
	rc, err := rest.New(rest.Config{
		CA: o.CA, Fingerprint: o.Fingerprint, Certificate: cert,
		HTTPClient: o.HTTPClient, UserAgent: o.UserAgent, Logger: o.Logger, Retries: o.Retries,
	})
	if err != nil {
		return nil, fmt.Errorf("sps: %w", err)
	}
	c := &Client{base: base, rest: rc, log: o.Logger, retries: rc.Retries(),
		poll: or(o.Poll, DefaultPoll), timeout: or(o.Timeout, DefaultTimeout), act: or(o.Act, DefaultAct), stall: or(o.Stall, DefaultStall)}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.session = newSession(login, func(ctx context.Context, r rest.Request) (*rest.Response, error) {
		r.Timeout = c.timeout
		return rc.Do(ctx, r)
	}, base)
	return c, nil
}

func or(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

// Addr returns the appliance's address as it was given, "https://host[:port]".
func (c *Client) Addr() string { return c.base.String() }

// Host returns the host name or IP address of Addr, without the port.
func (c *Client) Host() string { return c.base.Hostname() }

// String is Addr.
func (c *Client) String() string { return c.Addr() }

// Login logs in now, also if an earlier login was refused, in which case the Client does not try again by itself. Calling it
// is never needed otherwise. The error is of class [ErrAuth] or [ErrForbidden] if the appliance refuses.
func (c *Client) Login(ctx context.Context) error { return c.session.force(ctx) }

// Logout forgets the session and closes idle connections. No REST endpoint for it is documented, so the appliance ends the
// session itself after 20 minutes (SPS 7.0.5.1 LTS REST API Reference Guide). The Client can be used again.
func (c *Client) Logout() {
	c.session.drop()
	c.rest.CloseIdleConnections()
}
