// Command praupgrade upgrades real PRA appliances along the vendor's guide. You are asked, at the terminal, for what only a person can do. With -web a
// headless browser presses what has no API, as far as it is certain; the same journal can go on with it or without.
//
//	praupgrade -config site.json -journal site.journal -dir artifacts -plan
//
// The site is described in a small file; secrets are in files of their own, of mode 0600:
//
//	{
//	  "site": "https://access.example.com",
//	  "guide": "async",
//	  "credential": "api-account",
//	  "appliances": [
//	    {"name": "A", "dial": "192.0.2.11", "guid": "5e1f…", "login": "a-login", "appliance": "a-appliance"},
//	    {"name": "B", "dial": "192.0.2.12", "guid": "77c0…", "login": "b-login", "appliance": "b-appliance"}
//	  ],
//	  "shared_ip": "192.0.2.10",
//	  "packages": ["Base Software 7.0.0", "BeyondTrust-25.1.1"],
//	  "version": "25.1.1"
//	}
//
// "login" and "appliance" are for -web only: files with a user on the first line and his password on the second.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/changeover-sdk/changeover/internal/cli"
	"github.com/changeover-sdk/changeover/upgrade"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// settings are the flags.
type settings struct {
	config, journal, dir, from string
	opens, closes              string
	dryRun, plan, abandon      bool
	changed                    bool
	web                        cli.Web
}

func (s *settings) flags(errs io.Writer) *flag.FlagSet {
	fs := flag.NewFlagSet("praupgrade", flag.ContinueOnError)
	fs.SetOutput(errs)
	fs.StringVar(&s.config, "config", "", "the file that describes the site")
	fs.StringVar(&s.journal, "journal", "", "the run's memory: use the same file to go on")
	fs.StringVar(&s.dir, "dir", "", "folder for backups and packages; its \"inbox\" is for files you hand in")
	fs.StringVar(&s.from, "from", "", "the journal is lost: begin with this step")
	fs.StringVar(&s.opens, "opens", "", "nothing is changed before this time (RFC 3339)")
	fs.StringVar(&s.closes, "closes", "", "nothing is begun after this time (RFC 3339)")
	fs.BoolVar(&s.dryRun, "dry-run", false, "look at everything, press nothing")
	fs.BoolVar(&s.plan, "plan", false, "only show the plan")
	fs.BoolVar(&s.abandon, "abandon", false, "put temporary settings back and give the journal up")
	fs.BoolVar(&s.changed, "allow-changed", false, "go on with a procedure that changed since the journal began")
	s.web.Flags(fs)
	fs.Usage = func() {
		fmt.Fprint(errs, "Upgrades PRA appliances along the vendor's guide.\n\nExample: praupgrade -config site.json -journal site.journal -dir artifacts -plan\n\n")
		fs.PrintDefaults()
	}
	return fs
}

func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	var s settings
	if code, done := cli.Parse(s.flags(errs), args); done {
		return code
	}
	labels, err := s.web.Ready(errs)
	if err != nil {
		fmt.Fprintf(errs, "praupgrade: %v\n", err)
		return cli.Usage
	}
	defer func() {
		if err := s.web.Close(); err != nil {
			fmt.Fprintf(errs, "praupgrade: end the browser: %v\n", err)
		}
	}()
	job, err := s.job(in, out, labels)
	if err != nil {
		fmt.Fprintf(errs, "praupgrade: %v\nsee praupgrade -h\n", err)
		return cli.Usage
	}
	return job.Do(ctx, out, errs)
}

func (s *settings) job(in io.Reader, out io.Writer, labels []byte) (cli.Job, error) {
	if s.config == "" || s.journal == "" || s.dir == "" {
		return cli.Job{}, fmt.Errorf("want -config, -journal and -dir")
	}
	c, err := readConfig(s.config)
	if err != nil {
		return cli.Job{}, err
	}
	artifacts, err := upgrade.OpenArtifacts(s.dir)
	if err != nil {
		return cli.Job{}, err
	}
	job := cli.Job{Journal: s.journal, Plan: s.plan, Abandon: s.abandon, Options: upgrade.Options{
		Operator: upgrade.Terminal(in, out), DryRun: s.dryRun, From: s.from, AllowChanged: s.changed}}
	if job.Options.Opens, err = hour(s.opens); err != nil {
		return job, err
	}
	if job.Options.Closes, err = hour(s.closes); err != nil {
		return job, err
	}
	job.Procedure, err = c.procedure(artifacts, &s.web, labels)
	return job, err
}

func hour(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339, s)
}
