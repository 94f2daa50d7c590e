package rest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/internal/transfer"
)

// Agent is the User-Agent of every request. Since 7.5 SPS demands a token from clients that look like a browser
// (safeguard-ps, sessionapi.psm1, comment), so it names the product plainly and holds no browser's name.
const Agent = "changeover/0.1"

// Defaults of [Config].
const (
	DefaultRetries    = 2                      // a read is sent three times at most
	DefaultRetryMin   = 500 * time.Millisecond // before the second time; it doubles
	DefaultRetryMax   = 4 * time.Second
	DefaultRetryAfter = 10 * time.Second // the longest Retry-After that is obeyed in full
	DefaultTimeout    = time.Minute      // one attempt of a small call, its answer read
	DefaultLimit      = 4 << 20          // bytes of a small answer
)

const (
	dialTimeout = 15 * time.Second
	tlsTimeout  = 20 * time.Second
	idleTimeout = 30 * time.Second
	redirects   = 3 // to the same host
)

// Config says how to reach and how to trust an appliance. The zero value trusts the system's roots.
type Config struct {
	CA          *x509.CertPool   // instead of the system's roots
	Fingerprint string           // SHA-256 of the appliance's own certificate in hex; see [ParseFingerprint]
	Certificate *tls.Certificate // the client's own, presented when the appliance asks

	// Dial is a "host:port" to connect to, whatever host an address names. The name in the address stays what the TLS
	// handshake asks for and verifies, and what the Host header says: so one of two appliances is asked as the site.
	Dial string

	// FreshConnections opens a TCP connection for every call instead of keeping one alive.
	FreshConnections bool

	// HTTPClient's transport is used instead of one of our own; its other fields are ignored. An *http.Transport is
	// copied where the fields above ask for a change. To any other one CA, Fingerprint and Dial cannot be applied, which is
	// an error, and Certificate and FreshConnections are its own affair.
	HTTPClient *http.Client

	UserAgent string       // put before [Agent]; must not look like a browser
	Logger    *slog.Logger // requests at debug level: method, path, status, duration. Default: none

	Retries            int           // how often a [Read] is sent again; default [DefaultRetries], negative: never
	RetryMin, RetryMax time.Duration // pauses between; defaults [DefaultRetryMin] and [DefaultRetryMax]
}

// Client sends requests to one appliance. It is safe for concurrent use.
type Client struct {
	reads, acts http.RoundTripper
	up, down    *transfer.Client // over transports of their own, made from acts and reads
	agent       string
	log         *slog.Logger
	retries     int
	min, max    time.Duration
}

// New returns a Client. It does not talk to the network.
func New(cfg Config) (*Client, error) {
	c := &Client{log: cfg.Logger, retries: cfg.Retries, min: cfg.RetryMin, max: cfg.RetryMax, agent: Agent}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.retries == 0 {
		c.retries = DefaultRetries
	}
	c.retries = max(c.retries, 0)
	if c.min <= 0 {
		c.min = DefaultRetryMin
	}
	if c.max <= 0 {
		c.max = DefaultRetryMax
	}
	if cfg.UserAgent != "" {
		if name := browser(cfg.UserAgent); name != "" {
			return nil, fmt.Errorf("rest: user agent %q looks like a browser (%s), and SPS asks browsers for a token", cfg.UserAgent, name)
		}
		c.agent = cfg.UserAgent + " " + Agent
	}
	base, err := cfg.transport()
	if err != nil {
		return nil, err
	}
	c.reads, c.acts = base, base
	if t, ok := base.(*http.Transport); ok {
		if !t.DisableKeepAlives {
			t = t.Clone()
			t.DisableKeepAlives = true
		}
		c.acts = t
		if cfg.FreshConnections {
			c.reads = t
		}
	}
	c.up, c.down = c.courier(c.acts, Act), c.courier(c.reads, Read)
	return c, nil
}

// Retries returns how often a request that only reads is sent again.
func (c *Client) Retries() int { return c.retries }

// CloseIdleConnections closes what is kept alive for the next read. Calls under way are not touched.
func (c *Client) CloseIdleConnections() {
	for _, rt := range []http.RoundTripper{c.reads, c.acts} {
		(&http.Client{Transport: rt}).CloseIdleConnections()
	}
	c.up.CloseIdleConnections()
	c.down.CloseIdleConnections()
}

// transport builds the transport, or fits the given one.
func (cfg Config) transport() (http.RoundTripper, error) {
	changed := cfg.CA != nil || cfg.Fingerprint != "" || cfg.Certificate != nil || cfg.Dial != "" || cfg.FreshConnections
	var t *http.Transport
	switch given := cfg.given().(type) {
	case nil:
		t = &http.Transport{
			DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout: tlsTimeout,
			IdleConnTimeout:     idleTimeout,
			MaxIdleConns:        4,
			// A status page or an answer has a few hundred bytes of head.
			MaxResponseHeaderBytes: 256 << 10,
		}
	case *http.Transport:
		if unverified(given.TLSClientConfig) {
			return nil, errors.New("rest: the given HTTP client does not verify certificates; give a CA or a fingerprint instead")
		}
		if !changed {
			return given, nil
		}
		t = given.Clone()
		if t.DialTLSContext != nil && (cfg.CA != nil || cfg.Fingerprint != "") {
			return nil, errors.New("rest: the given HTTP client makes its own TLS connections, so a CA or a fingerprint would not be checked")
		}
	default:
		if cfg.CA != nil || cfg.Fingerprint != "" || cfg.Dial != "" {
			return nil, fmt.Errorf("rest: the given HTTP client has a %T, to which a CA, a fingerprint or an address to dial cannot be applied", given)
		}
		return given, nil
	}
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{}
	}
	if err := cfg.trust(t.TLSClientConfig); err != nil {
		return nil, err
	}
	if cfg.Dial != "" {
		if _, _, err := net.SplitHostPort(cfg.Dial); err != nil {
			return nil, fmt.Errorf("rest: address to dial %q: want host:port", cfg.Dial)
		}
		redial(t, cfg.Dial)
	}
	return t, nil
}

func (cfg Config) given() http.RoundTripper {
	if cfg.HTTPClient == nil {
		return nil
	}
	return cfg.HTTPClient.Transport
}

// trust completes a TLS configuration that is ours to change.
func (cfg Config) trust(conf *tls.Config) error {
	conf.MinVersion = max(conf.MinVersion, tls.VersionTLS12)
	if cfg.CA != nil {
		conf.RootCAs = cfg.CA
	}
	if cfg.Certificate != nil {
		// Also when the appliance's list of acceptable issuers leaves it out: a refusal says more than a silent absence.
		cert := cfg.Certificate
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	if cfg.Fingerprint == "" {
		return nil
	}
	sum, err := ParseFingerprint(cfg.Fingerprint)
	if err != nil {
		return err
	}
	pin(conf, sum, cfg.CA == nil)
	return nil
}

// browser returns the browser's name that a user agent contains, or nothing.
func browser(agent string) string {
	for _, name := range []string{"Mozilla", "Gecko", "WebKit", "Chrome", "Chromium", "Safari", "Firefox", "Opera", "Edg", "MSIE", "Trident"} {
		if strings.Contains(strings.ToLower(agent), strings.ToLower(name)) {
			return name
		}
	}
	return ""
}
