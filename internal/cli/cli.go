// Package cli is what the example programs share: secrets from files, a run shown on a terminal or in a pipe, and how they end.
package cli

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/term"

	"github.com/changeover-sdk/changeover/upgrade"
)

// Usage is the exit code for wrong usage.
const Usage = 64

// Parse reads the arguments and refuses what is left over. done says that the program is to end now, with code.
func Parse(fs *flag.FlagSet, args []string) (code int, done bool) {
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0, true
	case err != nil:
		return Usage, true
	case fs.NArg() > 0:
		fmt.Fprintf(fs.Output(), "%s: %q is no flag; see -h\n", fs.Name(), fs.Arg(0))
		return Usage, true
	}
	return 0, false
}

// Secret reads a secret from a file, without the line break behind it. A file that others may read is refused.
func Secret(path string) (string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if st.Mode().IsRegular() && st.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s may be read by others (mode %04o): chmod 600 it", path, st.Mode().Perm())
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return "", err
	}
	secret := string(bytes.TrimRight(raw, "\r\n"))
	if secret == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return secret, nil
}

// CA reads certificates from a PEM file; no path means none.
func CA(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", path)
	}
	return pool, nil
}

// Terminal says whether out is one, and how wide.
func Terminal(out io.Writer) (live bool, width int) {
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return false, 0
	}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		return true, width
	}
	return true, 80
}

// A Job is a procedure and what is to be done with it.
type Job struct {
	Procedure upgrade.Procedure
	Journal   string // path
	Plan      bool   // only show the plan
	Abandon   bool   // put temporary settings back and give the journal up
	Options   upgrade.Options
}

// Do does the job and returns the program's exit code. The last line of out is the outcome.
func (j Job) Do(ctx context.Context, out, errs io.Writer) int {
	plan, err := upgrade.Plan(j.Procedure)
	if err != nil {
		fmt.Fprintln(errs, err)
		return Usage
	}
	fmt.Fprintf(out, "%s\n", plan)
	if j.Plan {
		return 0
	}
	if j.Options.Events == nil {
		live, width := Terminal(out)
		j.Options.Events = upgrade.Show(out, live && j.Options.Operator == nil, width)
	}
	rep, err := j.run(ctx)
	if rep == nil {
		fmt.Fprintf(errs, "%v\n", err)
		fmt.Fprintf(out, "outcome: %s\n", upgrade.BlockedRun)
		return upgrade.BlockedRun.ExitCode()
	}
	fmt.Fprintf(out, "\n%s", rep)
	return End(out, rep.Outcome)
}

// End writes the last line and returns the exit code.
func End(out io.Writer, o upgrade.Outcome) int {
	fmt.Fprintf(out, "outcome: %s\n", o)
	return o.ExitCode()
}

func (j Job) run(ctx context.Context) (*upgrade.Report, error) {
	if j.Options.Journal == nil && !(j.Options.DryRun && missing(j.Journal)) {
		if err := os.MkdirAll(filepath.Dir(j.Journal), 0o700); err != nil {
			return nil, err
		}
		journal, err := upgrade.OpenJournal(j.Journal)
		if err != nil {
			return nil, err
		}
		defer journal.Close()
		j.Options.Journal = journal
	}
	if j.Abandon {
		return upgrade.Abandon(ctx, j.Procedure, &j.Options)
	}
	return upgrade.Run(ctx, j.Procedure, &j.Options)
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, os.ErrNotExist)
}
