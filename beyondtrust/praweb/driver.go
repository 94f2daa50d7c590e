package praweb

import (
	"context"
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/internal/browser"
	"github.com/changeover-sdk/changeover/internal/browser/site"
	"github.com/changeover-sdk/changeover/internal/rest"
)

//go:embed labels.json
var labels []byte

// Labels returns the table of labels that this package has, as JSON, to read or to start a table of one's own from.
func Labels() []byte { return append([]byte(nil), labels...) }

// ErrNoBrowser says that this machine lacks the browser or certutil. It comes together with [beyondtrust.ErrNotPressed].
var ErrNoBrowser = browser.ErrNoBrowser

// Error is the type of every error of a page: what was tried, what was seen instead, and whether anything was pressed.
type Error = browser.Error

// Account is an administrator of one of the two interfaces.
type Account struct {
	User     string
	Password beyondtrust.Secret
}

// Accounts are the administrators of an appliance's two interfaces, which have separate accounts. Where one is the zero Account, the pages of that
// interface press nothing and read nothing.
type Accounts struct {
	Login     Account // of /login, the site
	Appliance Account // of /appliance, the box
}

// Options are what a Driver may be told. The zero value, and nil, mean the defaults.
type Options struct {
	// CA is what the appliance's certificate is verified against. Default: the system's roots.
	CA *x509.CertPool

	// Fingerprint is the SHA-256 of the appliance's own certificate. Only that one is accepted then; with CA as well, both must hold. The
	// browser insists on the certificate's name and dates all the same. Default: none.
	Fingerprint string

	// Dial is the "host:port" of this one appliance, where the address names the site that two of them share. Default: what the address
	// says.
	Dial string

	// Labels is a table, JSON like [Labels], that replaces what it names in the built-in one and leaves the rest. Default: none.
	Labels []byte

	// Version is the one that the appliance has, like "25.1.2". What the tables say of it alone is used then, and New returns an error when they say
	// nothing of it. A run that changes the version leaves it empty. Default: every wording of every version is looked for, and two of them on
	// one page are too many.
	Version string

	// Browser is the path of the browser's own binary, not of a script that starts it. Default: Debian's chromium-headless-shell,
	// then its chromium.
	Browser string

	// WorkDir is where the browser's private directory is made, which is removed by [Driver.Close]. Files that are uploaded and downloaded lie
	// there for a while. The user nobody must be able to enter it when the program runs as root. Default: the system's directory for
	// temporary files.
	WorkDir string

	// Patience is how long a page may take to show what is looked for. Default: 15 seconds.
	Patience time.Duration

	// Answer is how long the appliance may take to answer when something was pressed, an upload included. Default: one minute; give more for
	// packages and restores.
	Answer time.Duration

	// Evidence gets what a page showed, with a picture of it: before and after each press, of each failure, and of each page of a
	// probe. Passwords and keys are black in the picture and in no text. Its ctx has the values of the one that the method was called with, and does
	// not end with it. It is called from the goroutine that called the driver, which waits. Default: nothing is taken down.
	Evidence func(ctx context.Context, e Evidence)

	// Logger hears at debug level how the browser fares and what is pressed. Default: nobody does.
	Logger *slog.Logger
}

// Driver drives the web pages of one appliance, both interfaces in one browser. It is safe for concurrent use; what it is asked for at the same time
// is done one after the other.
type Driver struct {
	site *site.Site
	host string
}

// New returns a Driver for the appliance at addr, "https://host" or "https://host:port". It talks to nobody and starts nothing: the
// browser starts, and signs in, when it is first needed.
func New(addr string, accounts Accounts, opts *Options) (*Driver, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	base, err := rest.Base(addr)
	if err != nil {
		return nil, fmt.Errorf("praweb: %w", err)
	}
	table, err := site.Load(labels, o.Labels, o.Version)
	if err != nil {
		return nil, fmt.Errorf("praweb: %w", err)
	}
	cfg := browser.Config{
		Site: base, Dial: o.Dial, CA: o.CA, Fingerprint: o.Fingerprint, Path: o.Browser, WorkDir: o.WorkDir, Patience: o.Patience, Answer: o.Answer,
		Logger: o.Logger, Secrets: accounts.secrets,
	}
	return &Driver{host: base.Host, site: site.New(cfg, table, accounts.of, o.Evidence)}, nil
}

// secrets are the passwords, where they can be read.
func (a Accounts) secrets() (list []string) {
	for _, s := range []beyondtrust.Secret{a.Login.Password, a.Appliance.Password} {
		if text, err := s.Reveal(); err == nil && text != "" {
			list = append(list, text)
		}
	}
	return list
}

// of is the account of an interface.
func (a Accounts) of(start string) (user, password string, err error) {
	account := a.Login
	if start == "/appliance" {
		account = a.Appliance
	}
	if account.User == "" || account.Password.IsZero() {
		return "", "", errors.New("no account was given for " + start)
	}
	password, err = account.Password.Reveal()
	return account.User, password, err
}

// Close ends the browser and removes all it wrote. The Driver does nothing any more afterwards.
func (d *Driver) Close() error {
	if err := d.site.Close(); err != nil {
		return fmt.Errorf("praweb: %s: %w", d.host, err)
	}
	return nil
}

// Pages returns the pages. All of them share the driver's browser.
func (d *Driver) Pages() beyondtrust.Pages {
	return beyondtrust.Pages{
		Failover: failover{d}, Updates: updates{d}, Network: network{d}, JumpClients: jumpClients{d},
		Certificates: certificates{d}, Software: software{d}, Status: status{d}, Security: security{d},
	}
}

// visit does something on a page.
func (d *Driver) visit(ctx context.Context, page string, f func(v *site.Visit) error) error {
	if err := d.site.Visit(ctx, page, f); err != nil {
		return fmt.Errorf("praweb: %s: %w", d.host, err)
	}
	return nil
}

// press presses one button of a page.
func (d *Driver) press(ctx context.Context, page, key string, values site.Values) error {
	return d.visit(ctx, page, func(v *site.Visit) error { return v.Press(key, values) })
}

// notPressed is an error of a driver that has decided not to press.
func notPressed(format string, a ...any) error {
	return fmt.Errorf("praweb: "+format+": %w", append(a, beyondtrust.ErrNotPressed)...)
}

// set types a secret into a field. The zero Secret leaves the field as it is.
func set(v *site.Visit, key string, s beyondtrust.Secret) error {
	text, err := s.Reveal()
	if err != nil {
		return notPressed("%s: %w", key, err)
	}
	if text == "" {
		return nil
	}
	return v.SetSecret(key, text, nil)
}

// steps does one thing after the other until one fails.
func steps(list ...func() error) error {
	for _, f := range list {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// at reads a time of the pages. What cannot be read is the zero time: how the pages write times is not documented.
func at(text string) time.Time {
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02 15:04:05 MST", "2006-01-02", time.RFC1123, time.RFC1123Z, "Jan 2, 2006 3:04:05 PM MST"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	return time.Time{}
}

// onOff reads a switch that is written as a word.
func onOff(text string) beyondtrust.Switch {
	for _, w := range []struct {
		word string
		is   beyondtrust.Switch
	}{{"on", beyondtrust.On}, {"yes", beyondtrust.On}, {"enabled", beyondtrust.On}, {"off", beyondtrust.Off}, {"no", beyondtrust.Off}, {"disabled", beyondtrust.Off}} {
		if fold(text) == w.word {
			return w.is
		}
	}
	return ""
}
