package beyondtrust

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// Options of a [Client]. The zero value works.
type Options struct {
	// Dial is the address that is connected to, "host" or "host:port", whatever the client's address names. The name there remains the one that
	// TLS verifies and that the Host header says. So one appliance of a pair is asked as the site, which the guide does by editing the hosts
	// file of two machines (Privileged Remote Access Upgrade Guide, Verify and Test). Default: what the name resolves to.
	Dial string

	// GUID pins the appliance: a health answer of another one is an error of class [ErrWrongAppliance], and before every act the client asks who
	// answers. Get it from [Client.Identify]. Default: any appliance.
	GUID string

	// BackupPassword protects what [Client.Backup] writes. A lost one makes the backup useless. Default: none.
	BackupPassword Secret

	// Dialect is the Command API to use. Default: v2 where the appliance offers it, and XML otherwise.
	Dialect Dialect

	// HealthEvery is how long v2 may answer a question for health from a cache: the client asks no more often. A simulation whose time runs fast
	// gives its own; negative is none. Default: [HealthCache].
	HealthEvery time.Duration

	CA          *x509.CertPool // authorities to trust instead of the system's
	Fingerprint string         // SHA-256 of the appliance's certificate in hex; alone it replaces the authorities, with CA both must hold
	HTTPClient  *http.Client   // its transport is used, for simulators and proxies. Default: one of the client's own
	Logger      *slog.Logger   // requests at debug level, without queries, headers and bodies. Default: none
}

// Client asks one appliance. It is safe for concurrent use, and keeps no connection open: the vendor asks for one TCP connection for each API
// call (Command API; Configuration API). See the package documentation for what is retried.
type Client struct {
	http     *rest.Client
	base     *url.URL
	dial     string // where connections go: the account's tokens are kept by it
	guid     string // pinned, in plain spelling; "" for any
	account  *account
	password Secret
	forced   Dialect
	cache    time.Duration // see Options.HealthEvery

	mu     sync.Mutex
	speaks Dialect // found by asking; "" before
	noXML  bool    // the XML API was asked and is not there
	number string  // the version at that time; another one is asked again

	asking chan struct{} // held by whoever asks for health
	health Health        // the newest answer; guarded by asking
	asked  time.Time     // when it was asked for; guarded by asking
}

// NewClient returns a client for the appliance at addr, "https://host" or "https://host:port". It checks what can be checked offline and does not
// talk to the network. Nil options are the defaults.
//
// Make one for each appliance by its own address ([Options.Dial]), and not one for the site's name: what a call does, it does to the appliance
// that answers.
func NewClient(addr string, cred Credential, opts *Options) (*Client, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	base, err := rest.Base(addr)
	if err != nil {
		return nil, fmt.Errorf("beyondtrust: %w", err)
	}
	if err := cred.check(); err != nil {
		return nil, err
	}
	switch o.Dialect {
	case "", DialectV2, DialectXML:
	default:
		return nil, fmt.Errorf("beyondtrust: dialect %q: want %s or %s", o.Dialect, DialectV2, DialectXML)
	}
	guid := plainGUID(o.GUID)
	if o.GUID != "" && guid == "" {
		return nil, fmt.Errorf("beyondtrust: GUID %.60q: want 32 hexadecimal digits", o.GUID)
	}
	dial := rest.HostPort(base)
	if o.Dial != "" {
		if dial, err = hostPort(o.Dial); err != nil {
			return nil, err
		}
	}
	cfg := rest.Config{
		CA: o.CA, Fingerprint: o.Fingerprint, HTTPClient: o.HTTPClient, Logger: o.Logger,
		FreshConnections: true,
	}
	if o.Dial != "" {
		cfg.Dial = dial
	}
	hc, err := rest.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("beyondtrust: %w", err)
	}
	return &Client{
		http: hc, base: base, dial: dial, guid: guid, account: cred.open(dial), password: o.BackupPassword, forced: o.Dialect,
		cache:  max(cmp.Or(o.HealthEvery, HealthCache), 0),
		asking: make(chan struct{}, 1),
	}, nil
}

// hostPort completes an address to dial with the port of HTTPS.
func hostPort(s string) (string, error) {
	if host, port, err := net.SplitHostPort(s); err == nil {
		if host == "" || port == "" {
			return "", fmt.Errorf("beyondtrust: address to dial %.80q: want host or host:port", s)
		}
		return s, nil
	}
	host := s
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		host = s[1 : len(s)-1]
	}
	addr := net.JoinHostPort(host, "443")
	if _, _, err := net.SplitHostPort(addr); err != nil || host == "" {
		return "", fmt.Errorf("beyondtrust: address to dial %.80q: want host or host:port", s)
	}
	return addr, nil
}

// Addr returns the appliance's address as the client speaks to it, "https://access.example.com".
func (c *Client) Addr() string { return c.base.String() }

// Dialed returns the "host:port" that connections go to.
func (c *Client) Dialed() string { return c.dial }

// PinnedGUID returns the GUID the client is pinned to, in lower case, and "" when it is pinned to none.
func (c *Client) PinnedGUID() string { return c.guid }

// String names the appliance.
func (c *Client) String() string {
	if c.dial == rest.HostPort(c.base) {
		return "PRA at " + c.base.Host
	}
	return "PRA at " + c.dial + " as " + c.base.Host
}
