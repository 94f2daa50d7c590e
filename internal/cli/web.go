package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/changeover-sdk/changeover/internal/browser"
	"github.com/changeover-sdk/changeover/upgrade"
)

// Web is whether a browser presses what has no API, and what it is told.
type Web struct {
	On      bool
	labels  string
	drivers []io.Closer
}

// Flags adds -web and -labels.
func (w *Web) Flags(fs *flag.FlagSet) {
	fs.BoolVar(&w.On, "web", false, "experimental: a headless browser reads and presses the pages; what it is not certain of it leaves to you. Run probe first")
	fs.StringVar(&w.labels, "labels", "", "with -web: a JSON file with labels of your own")
}

// Ready reads the labels. Where this machine has no browser it says so, and leaves the pages to the person at the terminal.
func (w *Web) Ready(errs io.Writer) (labels []byte, err error) {
	switch {
	case !w.On && w.labels != "":
		return nil, errors.New("-labels is for -web")
	case !w.On:
		return nil, nil
	}
	if err := browser.Lacking(); err != nil {
		fmt.Fprintf(errs, "%v; you press instead\n", err)
		w.On = false
		return nil, nil
	}
	if w.labels == "" {
		return nil, nil
	}
	return os.ReadFile(w.labels)
}

// Keep returns what a driver's Options.Evidence wants: what the browser sees becomes artifacts, which the report names.
func Keep(a upgrade.Artifacts) func(ctx context.Context, e browser.Evidence) {
	return func(ctx context.Context, e browser.Evidence) {
		_ = upgrade.KeepPage(ctx, a, e.What(), e.PNG, e) // the report says what could not be kept
	}
}

// Add hands a driver over that Close is to end.
func (w *Web) Add(d io.Closer) { w.drivers = append(w.drivers, d) }

// Close ends the browsers.
func (w *Web) Close() (err error) {
	for _, d := range w.drivers {
		err = errors.Join(err, d.Close())
	}
	return err
}

// Account reads a user from the first line of a file and his password from the second. A file that others may read is refused.
func Account(path string) (user, password string, err error) {
	both, err := Secret(path)
	if err != nil {
		return "", "", err
	}
	user, password, ok := strings.Cut(strings.ReplaceAll(both, "\r\n", "\n"), "\n")
	if !ok || user == "" || password == "" {
		return "", "", fmt.Errorf("%s: want the user on the first line and the password on the second", path)
	}
	return user, password, nil
}
