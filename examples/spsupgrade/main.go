// Command spsupgrade upgrades a real SPS along the vendor's guide. You are asked, at the terminal, for what only a person can do. With -web a headless
// browser presses what has no API, as far as it is certain; the same journal can go on with it or without.
//
//	spsupgrade -addr https://sps1.example.com -user upgrade -password-file pw -ca sps-ca.pem \
//	    -image sps-7.0.2.1.iso -sha256 <from the download page> -version 7.0.2.1 -journal sps1.journal -dir artifacts -plan
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/changeover-sdk/changeover/internal/cli"
	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spsweb"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/runbook"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// settings are the flags.
type settings struct {
	addr, user, passwordFile, ca, fingerprint string
	image, url, sha256, version               string
	journal, dir, from                        string
	opens, closes                             string
	dryRun, plan, abandon                     bool
	virtual, oneCall, changed                 bool
	ha                                        bool
	bmcs                                      bmcFlag
	bmcCredentials                            string
	web                                       cli.Web
	webAccount                                string
}

func (s *settings) flags(errs io.Writer) *flag.FlagSet {
	fs := flag.NewFlagSet("spsupgrade", flag.ContinueOnError)
	fs.SetOutput(errs)
	fs.StringVar(&s.addr, "addr", "", "the appliance: https://host[:port]")
	fs.StringVar(&s.user, "user", "", "a user with the REST server privilege")
	fs.StringVar(&s.passwordFile, "password-file", "", "a file, mode 0600, that holds the user's password")
	fs.StringVar(&s.ca, "ca", "", "a PEM file with the CA of the appliance's certificate (default: the system's)")
	fs.StringVar(&s.fingerprint, "fingerprint", "", "SHA-256 of the appliance's certificate: only that one is accepted")
	fs.StringVar(&s.image, "image", "", "the firmware image")
	fs.StringVar(&s.url, "url", "", "let the appliance download the image from here, instead of -image")
	fs.StringVar(&s.sha256, "sha256", "", "SHA-256 of the image, from the vendor's download page")
	fs.StringVar(&s.version, "version", "", "the target version, such as 7.0.2.1")
	fs.StringVar(&s.journal, "journal", "", "the run's memory: use the same file to go on")
	fs.StringVar(&s.dir, "dir", "", "folder for backups and bundles; its \"inbox\" is for files you hand in")
	fs.StringVar(&s.from, "from", "", "the journal is lost: begin with this step")
	fs.StringVar(&s.opens, "opens", "", "nothing is changed before this time (RFC 3339)")
	fs.StringVar(&s.closes, "closes", "", "nothing is begun after this time (RFC 3339)")
	fs.BoolVar(&s.dryRun, "dry-run", false, "look at everything, press nothing")
	fs.BoolVar(&s.plan, "plan", false, "only show the plan")
	fs.BoolVar(&s.abandon, "abandon", false, "put temporary settings back and give the journal up")
	fs.BoolVar(&s.changed, "allow-changed", false, "go on with a procedure that changed since the journal began")
	fs.BoolVar(&s.virtual, "virtual", false, "the appliance is a virtual machine")
	fs.BoolVar(&s.oneCall, "one-call", false, "upgrade by the REST call in place of the pages \"After reboot\" and \"Reboot\"")
	fs.BoolVar(&s.ha, "ha", false, "the appliance is a High Availability pair")
	fs.Var(&s.bmcs, "bmc", "with -ha, twice: a node's ID, as the High Availability page shows it, and its BMC: ID=host[:port]")
	fs.StringVar(&s.bmcCredentials, "bmc-credentials", "", "with -ha: a file, mode 0600: the BMCs' user on the first line, the password on the second")
	s.web.Flags(fs)
	fs.StringVar(&s.webAccount, "web-account", "", "with -web: a file, mode 0600: the web interface's administrator on the first line, the password on the second (default: -user)")
	fs.Usage = func() {
		fmt.Fprint(errs, "Upgrades an SPS along the vendor's guide.\n\nExample: spsupgrade -addr https://sps1.example.com -user upgrade -password-file pw -ca ca.pem -image sps.iso -sha256 0a1b… -version 7.0.2.1 -journal sps1.journal -dir artifacts -plan\n\n")
		fs.PrintDefaults()
	}
	return fs
}

func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	var s settings
	fs := s.flags(errs)
	if code, done := cli.Parse(fs, args); done {
		return code
	}
	labels, err := s.web.Ready(errs)
	if err != nil {
		fmt.Fprintf(errs, "spsupgrade: %v\n", err)
		return cli.Usage
	}
	defer func() {
		if err := s.web.Close(); err != nil {
			fmt.Fprintf(errs, "spsupgrade: end the browser: %v\n", err)
		}
	}()
	job, cleanup, err := s.job(in, out, labels)
	if err != nil {
		fmt.Fprintf(errs, "spsupgrade: %v\nsee spsupgrade -h\n", err)
		return cli.Usage
	}
	defer cleanup()
	return job.Do(ctx, out, errs)
}

func (s *settings) job(in io.Reader, out io.Writer, labels []byte) (job cli.Job, cleanup func(), err error) {
	cleanup = func() {}
	c, err := s.client()
	if err != nil {
		return job, cleanup, err
	}
	v, err := sps.ParseVersion(s.version)
	if err != nil {
		return job, cleanup, err
	}
	if s.journal == "" || s.dir == "" {
		return job, cleanup, fmt.Errorf("want -journal and -dir")
	}
	artifacts, err := upgrade.OpenArtifacts(s.dir)
	if err != nil {
		return job, cleanup, err
	}
	node := runbook.SPSNode{Client: c, Artifacts: artifacts, Version: v, SHA256: s.sha256, ImageURL: s.url, OneCall: s.oneCall, Virtual: s.virtual}
	if s.web.On {
		if node.Pages, err = s.pages(artifacts, labels); err != nil {
			return job, cleanup, err
		}
	}
	if s.image != "" {
		node.Images, node.Image = os.DirFS(filepath.Dir(s.image)), filepath.Base(s.image)
	}
	job = cli.Job{Journal: s.journal, Plan: s.plan, Abandon: s.abandon, Options: upgrade.Options{
		Operator: upgrade.Terminal(in, out), DryRun: s.dryRun, From: s.from, AllowChanged: s.changed}}
	if job.Options.Opens, err = hour(s.opens); err != nil {
		return job, cleanup, err
	}
	if job.Options.Closes, err = hour(s.closes); err != nil {
		return job, cleanup, err
	}
	if s.ha {
		return s.pair(job, node)
	}
	job.Procedure = node.Procedure()
	return job, cleanup, node.Check()
}

func (s *settings) client() (*sps.Client, error) {
	if s.passwordFile == "" {
		return nil, fmt.Errorf("want -password-file: a password never stands on the command line")
	}
	password, err := cli.Secret(s.passwordFile)
	if err != nil {
		return nil, err
	}
	pool, err := cli.CA(s.ca)
	if err != nil {
		return nil, err
	}
	return sps.NewClient(s.addr, sps.Login{User: s.user, Password: password}, &sps.Options{CA: pool, Fingerprint: s.fingerprint})
}

// pages are driven by a browser, as the web interface's administrator.
func (s *settings) pages(artifacts upgrade.Artifacts, labels []byte) (sps.Pages, error) {
	user, password := s.user, ""
	var err error
	if s.webAccount != "" {
		user, password, err = cli.Account(s.webAccount)
	} else {
		password, err = cli.Secret(s.passwordFile)
	}
	if err != nil {
		return sps.Pages{}, err
	}
	pool, err := cli.CA(s.ca)
	if err != nil {
		return sps.Pages{}, err
	}
	d, err := spsweb.New(s.addr, sps.Login{User: user, Password: password}, &spsweb.Options{CA: pool, Fingerprint: s.fingerprint, Labels: labels, Evidence: cli.Keep(artifacts)})
	if err != nil {
		return sps.Pages{}, err
	}
	s.web.Add(d)
	return d.Pages(), nil
}

func hour(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339, s)
}
