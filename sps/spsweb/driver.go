package spsweb

import (
	"context"
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/changeover-sdk/changeover/internal/browser"
	"github.com/changeover-sdk/changeover/internal/browser/site"
	"github.com/changeover-sdk/changeover/internal/rest"
	"github.com/changeover-sdk/changeover/sps"
)

//go:embed labels.json
var labels []byte

// Labels returns the table of labels that this package has, as JSON, to read or to start a table of one's own from.
func Labels() []byte { return append([]byte(nil), labels...) }

// ErrNoBrowser says that this machine lacks the browser or certutil. It comes together with [sps.ErrNotPressed].
var ErrNoBrowser = browser.ErrNoBrowser

// Error is the type of every error of a page: what was tried, what was seen instead, and whether anything was pressed.
type Error = browser.Error

// Options are what a Driver may be told. The zero value, and nil, mean the defaults.
type Options struct {
	// CA is what the appliance's certificate is verified against. Default: the system's roots.
	CA *x509.CertPool

	// Fingerprint is the SHA-256 of the appliance's own certificate. Only that one is accepted then; with CA as well, both must hold. The
	// browser insists on the certificate's name and dates all the same. Default: none.
	Fingerprint string

	// Dial is a "host:port" to connect to, whatever the address names. Default: what the address says.
	Dial string

	// Labels is a table, JSON like [Labels], that replaces what it names in the built-in one and leaves the rest. Default: none.
	Labels []byte

	// Version is the one that the appliance has, like "7.0.2.1". What the tables say of it alone is used then, and New returns an error when they say
	// nothing of it. A run that changes the version leaves it empty. Default: every wording of every version is looked for, and two of them on
	// one page are too many.
	Version string

	// Browser is the path of the browser's own binary, not of a script that starts it. Default: Debian's chromium-headless-shell,
	// then its chromium.
	Browser string

	// WorkDir is where the browser's private directory is made, which is removed by [Driver.Close]. The user nobody must be able to
	// enter it when the program runs as root. Default: the system's directory for temporary files.
	WorkDir string

	// Patience is how long a page may take to show what is looked for. Default: 15 seconds.
	Patience time.Duration

	// Answer is how long the appliance may take to answer when something was pressed. Default: one minute.
	Answer time.Duration

	// Evidence gets what a page showed, with a picture of it: before and after each press, of each failure, and of each page of a
	// probe. Passwords are black in the picture and in no text. Its ctx has the values of the one that the method was called with, and does
	// not end with it. It is called from the goroutine that called the driver, which waits. Default: nothing is taken down.
	Evidence func(ctx context.Context, e Evidence)

	// Logger hears at debug level how the browser fares and what is pressed. Default: nobody does.
	Logger *slog.Logger
}

// Driver drives the web pages of one SPS appliance. It is safe for concurrent use; what it is asked for at the same time is done one after the
// other.
type Driver struct {
	site *site.Site
	host string
}

// New returns a Driver for the appliance at addr, "https://host" or "https://host:port". It talks to nobody and starts nothing: the
// browser starts, and signs in, when it is first needed. The login is with a user and a password: the pages know no other that a driver could
// use.
func New(addr string, login sps.Login, opts *Options) (*Driver, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	base, err := rest.Base(addr)
	if err != nil {
		return nil, fmt.Errorf("spsweb: %w", err)
	}
	if login.User == "" || login.Password == "" {
		return nil, errors.New("spsweb: login: want a user and a password")
	}
	table, err := site.Load(labels, o.Labels, o.Version)
	if err != nil {
		return nil, fmt.Errorf("spsweb: %w", err)
	}
	user, password := login.User, login.Password
	cfg := browser.Config{
		Site: base, Dial: o.Dial, CA: o.CA, Fingerprint: o.Fingerprint, Path: o.Browser, WorkDir: o.WorkDir, Patience: o.Patience, Answer: o.Answer,
		Logger: o.Logger, Secrets: func() []string { return []string{password} },
	}
	return &Driver{host: base.Host, site: site.New(cfg, table, func(string) (string, string, error) { return user, password, nil }, o.Evidence)}, nil
}

// Close ends the browser and removes all it wrote. The Driver does nothing any more afterwards.
func (d *Driver) Close() error {
	if err := d.site.Close(); err != nil {
		return fmt.Errorf("spsweb: %s: %w", d.host, err)
	}
	return nil
}

// Pages returns the pages. All of them share the driver's browser.
func (d *Driver) Pages() sps.Pages {
	return sps.Pages{Firmwares: firmwares{d}, HA: highAvailability{d}, System: system{d}, Export: export{d}}
}

// visit does something on a page.
func (d *Driver) visit(ctx context.Context, page string, f func(v *site.Visit) error) error {
	if err := d.site.Visit(ctx, page, f); err != nil {
		return fmt.Errorf("spsweb: %s: %w", d.host, err)
	}
	return nil
}

// press presses one button of a page.
func (d *Driver) press(ctx context.Context, page, key string, values site.Values) error {
	return d.visit(ctx, page, func(v *site.Visit) error { return v.Press(key, values) })
}
