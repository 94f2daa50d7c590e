// Command probe looks, days before an upgrade, whether the page drivers fit an appliance: it signs in, visits every page, and says which labels it
// found. It presses nothing but the sign-in and the menu.
//
//	probe -simulated sps                                       a simulated appliance
//	probe -addr https://sps.example.com -product sps -user admin -password-file pw -ca ca.pem -dir report
//	probe -addr https://access.example.com -dial 192.0.2.11:443 -product pra -user admin -password-file pw \
//	    -appliance-user admin -appliance-password-file pw2 -dir report
//
// It ends with 0 when every label was found, and with 1 when the drivers would leave something to a person.
package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/beyondtrust/praweb"
	"github.com/changeover-sdk/changeover/internal/cli"
	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/sps/spsweb"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// settings are the flags, and what a simulator puts in their place.
type settings struct {
	product, simulated, addr, dial string
	user, passwordFile             string
	applianceUser, applianceSecret string
	ca, fingerprint, labels, dir   string
	version                        string
	pool                           *x509.CertPool
	password, appliancePassword    string
	table                          []byte
	lost                           error                                        // of what could not be written
	evidence                       func(ctx context.Context, e spsweb.Evidence) // praweb's is the same type
}

// report is what both products' probes give.
type report interface {
	OK() bool
	String() string
}

func run(ctx context.Context, args []string, out, errs io.Writer) int {
	var s settings
	fs := flag.NewFlagSet("probe", flag.ContinueOnError)
	fs.SetOutput(errs)
	fs.StringVar(&s.product, "product", "", "sps or pra")
	fs.StringVar(&s.simulated, "simulated", "", "probe a simulated appliance instead: sps or pra")
	fs.StringVar(&s.addr, "addr", "", "the appliance: https://host[:port]")
	fs.StringVar(&s.dial, "dial", "", "host:port to connect to, where the name in -addr is shared by two appliances")
	fs.StringVar(&s.user, "user", "", "an administrator (of pra: of /login)")
	fs.StringVar(&s.passwordFile, "password-file", "", "a file, mode 0600, that holds the password")
	fs.StringVar(&s.applianceUser, "appliance-user", "", "of pra: an administrator of /appliance")
	fs.StringVar(&s.applianceSecret, "appliance-password-file", "", "a file, mode 0600, that holds that password")
	fs.StringVar(&s.ca, "ca", "", "a PEM file with the CA of the appliance's certificate (default: the system's)")
	fs.StringVar(&s.fingerprint, "fingerprint", "", "SHA-256 of the appliance's certificate: only that one is accepted")
	fs.StringVar(&s.labels, "labels", "", "a JSON file with labels of your own")
	fs.StringVar(&s.version, "version", "", "the version that the appliance has: look for its words only (default: those of every version)")
	fs.StringVar(&s.dir, "dir", "", "write the report and a screenshot of each page into this folder, which must not exist yet")
	fs.Usage = func() {
		fmt.Fprint(errs, "Looks whether the page drivers fit an appliance. Presses nothing.\n\nExample: probe -simulated sps\n\n")
		fs.PrintDefaults()
	}
	if code, done := cli.Parse(fs, args); done {
		return code
	}
	ready, end, err := s.prepare()
	if err != nil {
		fmt.Fprintf(errs, "probe: %v\n", err)
		return cli.Usage
	}
	defer end()
	r, err := ready.probe(ctx)
	if r == nil {
		os.Remove(s.dir) // nothing is in it
		fmt.Fprintf(errs, "probe: %v\n", err)
		return cli.Usage
	}
	if err := s.write(r); err != nil {
		fmt.Fprintf(errs, "probe: %v\n", err)
		return 1
	}
	if err != nil { // not even one page
		fmt.Fprintf(errs, "probe: %v\n", err)
		if s.dir != "" {
			fmt.Fprintf(errs, "probe: what was seen is in %s\n", s.dir)
		}
		return 1
	}
	fmt.Fprintln(out, r)
	if s.dir != "" {
		fmt.Fprintf(out, "the report and a picture of each page are in %s\n", s.dir)
	}
	if !r.OK() {
		fmt.Fprintln(out, "outcome: a person would be asked to press some of these")
		return 1
	}
	fmt.Fprintln(out, "outcome: the drivers fit")
	return 0
}

// prepare checks the flags, reads what they name, and starts the simulator if one is wanted.
func (s *settings) prepare() (ready *settings, end func(), err error) {
	if s.labels != "" {
		if s.table, err = os.ReadFile(s.labels); err != nil {
			return nil, nil, err
		}
	}
	if s.simulated != "" {
		if end, err = s.simulate(); err != nil {
			return nil, nil, err
		}
		return s, end, s.folder()
	}
	if s.addr == "" || s.product != "sps" && s.product != "pra" || s.user == "" || s.passwordFile == "" {
		return nil, nil, errors.New("want -addr, -product sps or pra, -user and -password-file, or -simulated; see -h")
	}
	if s.pool, err = cli.CA(s.ca); err != nil {
		return nil, nil, err
	}
	if s.password, err = cli.Secret(s.passwordFile); err != nil {
		return nil, nil, err
	}
	if s.applianceSecret != "" {
		if s.appliancePassword, err = cli.Secret(s.applianceSecret); err != nil {
			return nil, nil, err
		}
	}
	return s, func() {}, s.folder()
}

// folder makes the one for the report, last: what a mistake in the flags leaves behind would be in the way of the next try.
func (s *settings) folder() error {
	if s.dir == "" {
		return nil
	}
	s.evidence = s.keep
	return os.Mkdir(s.dir, 0o700)
}

// simulate starts an appliance on loopback.
func (s *settings) simulate() (end func(), err error) {
	var at string
	s.product = s.simulated
	switch s.simulated {
	case "sps":
		p := new(spstest.Pair)
		at, err = p.Start()
		s.addr, s.pool, end = "https://sps1.example.test", p.A.CA(), p.Close
		s.user, s.password = p.Login()
	case "pra":
		site := pratest.Pair()
		at, err = site.A.Start()
		s.addr, s.pool, end = "https://access.example.com", site.CA(), site.Close
		s.user, s.password, s.applianceUser, s.appliancePassword = pratest.AdminUser, pratest.AdminPassword, pratest.AdminUser, pratest.AdminPassword
	default:
		return nil, fmt.Errorf("-simulated %q: want sps or pra", s.simulated)
	}
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(at)
	if err != nil {
		return nil, err
	}
	s.dial = u.Host
	return end, nil
}

// probe starts a browser and looks.
func (s *settings) probe(ctx context.Context) (report, error) {
	if s.product == "sps" {
		d, err := spsweb.New(s.addr, sps.Login{User: s.user, Password: s.password}, &spsweb.Options{
			CA: s.pool, Fingerprint: s.fingerprint, Dial: s.dial, Labels: s.table, Version: s.version, Evidence: s.evidence,
		})
		if err != nil {
			return nil, err
		}
		r, err := d.Probe(ctx)
		return r, errors.Join(err, d.Close())
	}
	d, err := praweb.New(s.addr, praweb.Accounts{
		Login:     praweb.Account{User: s.user, Password: beyondtrust.NewSecret(s.password)},
		Appliance: praweb.Account{User: s.applianceUser, Password: beyondtrust.NewSecret(s.appliancePassword)},
	}, &praweb.Options{CA: s.pool, Fingerprint: s.fingerprint, Dial: s.dial, Labels: s.table, Version: s.version, Evidence: s.evidence})
	if err != nil {
		return nil, err
	}
	r, err := d.Probe(ctx)
	return r, errors.Join(err, d.Close())
}

// keep writes what a page showed beside the report.
func (s *settings) keep(_ context.Context, e spsweb.Evidence) {
	raw, err := json.MarshalIndent(e, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(s.dir, e.Name+".json"), append(raw, '\n'), 0o600)
	}
	if err == nil && len(e.PNG) > 0 {
		err = os.WriteFile(filepath.Join(s.dir, e.Name+".png"), e.PNG, 0o600)
	}
	s.lost = errors.Join(s.lost, err)
}

// write puts the report beside its screenshots.
func (s *settings) write(r report) error {
	if s.dir == "" {
		return nil
	}
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(s.lost,
		os.WriteFile(filepath.Join(s.dir, "report.json"), append(raw, '\n'), 0o600),
		os.WriteFile(filepath.Join(s.dir, "report.txt"), []byte(r.String()), 0o600),
	)
}
