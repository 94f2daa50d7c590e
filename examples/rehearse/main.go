// Command rehearse carries a whole upgrade guide out on simulated appliances, and ends with the report.
//
//	go run ./examples/rehearse                              the default guide
//	go run ./examples/rehearse -guide sps-node -fail boots-older-slot
//	go run ./examples/rehearse -guide sps-node -by-hand     you are the person
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/changeover-sdk/changeover/internal/cli"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// stage is a guide set up on simulated appliances.
type stage struct {
	procedure upgrade.Procedure
	pages     map[string]upgradetest.Pages // for the simulated person
	scale     float64                      // of the run's waits; 0: that of the appliances
	truth     func() string                // what the simulated appliances say of themselves afterwards
	close     func()
}

// setting is what a guide is set up with.
type setting struct {
	scale  float64
	fail   string // a scenario; empty: all goes well
	byHand bool   // nothing presses the vendor's pages but a person
	dir    string // for artifacts
	swing  string // how traffic is moved: dns, shared-ip or nat
}

type guide struct {
	set   func(setting) (*stage, error)
	fails func() []string
}

func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	fs := flag.NewFlagSet("rehearse", flag.ContinueOnError)
	fs.SetOutput(errs)
	name := fs.String("guide", defaultGuide, "which guide: "+strings.Join(slices.Sorted(maps.Keys(guides)), ", ")+" (\"list\" lists them)")
	fail := fs.String("fail", "", "play this failure (\"list\" lists them)")
	byHand := fs.Bool("by-hand", false, "you are the person: every button is yours to press, and every question yours to answer")
	swing := fs.String("swing", "dns", "how a PRA guide moves the site's traffic: "+strings.Join(swings, ", "))
	scale := fs.Float64("scale", 1.0/600, "how long a second of the appliances takes")
	dir := fs.String("dir", "", "keep journal and artifacts in this folder (default: a temporary one, removed at the end)")
	fs.Usage = func() {
		fmt.Fprintf(errs, "Carries an upgrade guide out on simulated appliances.\n\nExample: rehearse -guide %s -fail list\n\n", defaultGuide)
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return cli.Usage
	}
	if *name == "list" {
		fmt.Fprintln(out, strings.Join(slices.Sorted(maps.Keys(guides)), "\n"))
		return 0
	}
	g, known := guides[*name]
	if !known || fs.NArg() > 0 || *scale <= 0 {
		fmt.Fprintf(errs, "rehearse: want a known -guide (%s), a -scale above 0 and no further arguments\n", strings.Join(slices.Sorted(maps.Keys(guides)), ", "))
		return cli.Usage
	}
	fails := g.fails()
	if *fail == "list" {
		fmt.Fprintln(out, strings.Join(fails, "\n"))
		return 0
	}
	if *fail != "" && !slices.Contains(fails, *fail) {
		fmt.Fprintf(errs, "rehearse: the guide %s has no failure %q; -fail list lists them\n", *name, *fail)
		return cli.Usage
	}
	if *dir == "" {
		tmp, err := os.MkdirTemp("", "rehearse-")
		if err != nil {
			fmt.Fprintln(errs, "rehearse:", err)
			return upgrade.Failed.ExitCode()
		}
		defer os.RemoveAll(tmp)
		*dir = tmp
	}
	st, err := g.set(setting{scale: *scale, fail: *fail, byHand: *byHand, swing: *swing, dir: filepath.Join(*dir, "artifacts")})
	if err != nil {
		fmt.Fprintln(errs, "rehearse:", err)
		return upgrade.Failed.ExitCode()
	}
	defer st.close()
	return st.play(ctx, filepath.Join(*dir, *name+".journal"), *scale, *byHand, in, out)
}

// play shows the plan, runs the procedure until a person is satisfied or it ends, and shows the report.
func (st *stage) play(ctx context.Context, journal string, scale float64, byHand bool, in io.Reader, out io.Writer) int {
	plan, err := upgrade.Plan(st.procedure)
	if err != nil {
		fmt.Fprintln(out, "rehearse:", err)
		return upgrade.Failed.ExitCode()
	}
	fmt.Fprintf(out, "%s\n", plan)

	person := &upgradetest.Person{Pages: st.pages, Inbox: filepath.Join(filepath.Dir(journal), "artifacts", "inbox"), Patience: 1e9}
	var operator upgrade.Operator = person
	if byHand {
		operator = hands(upgrade.Terminal(in, out), person)
	}
	if st.scale > 0 {
		scale = st.scale
	}
	live, width := cli.Terminal(out)
	opts := &upgrade.Options{Operator: operator, Scale: scale, Logger: slog.New(slog.DiscardHandler), Events: upgrade.Show(out, live && !byHand, width)}
	rep, err := st.runs(ctx, journal, opts)
	if rep != nil {
		fmt.Fprintf(out, "\n%s", rep)
	}
	if err != nil && rep == nil {
		fmt.Fprintln(out, "rehearse:", err)
		return upgrade.Failed.ExitCode()
	}
	fmt.Fprintf(out, "\nthe appliances say: %s\n", st.truth())
	return cli.End(out, rep.Outcome)
}

// runs carries the procedure out. A hold ends a run: the next one, the second maintenance window, follows at once.
func (st *stage) runs(ctx context.Context, journal string, opts *upgrade.Options) (*upgrade.Report, error) {
	j, err := upgrade.OpenJournal(journal)
	if err != nil {
		return nil, err
	}
	defer j.Close()
	opts.Journal = j
	for {
		rep, err := upgrade.Run(ctx, st.procedure, opts)
		if rep == nil || rep.Outcome != upgrade.Held || ctx.Err() != nil || !holding(rep) {
			return rep, err
		}
	}
}

// holding says whether the run ended at a hold, and not because it was stopped.
func holding(rep *upgrade.Report) bool {
	return slices.ContainsFunc(rep.Holds, func(h upgrade.HoldReport) bool { return h.Until.IsZero() })
}

// hands lets somebody at the terminal be the person: when he says done, the button is pressed for him on the simulated appliance.
func hands(term upgrade.Operator, person *upgradetest.Person) upgrade.Operator {
	return upgrade.OperatorFunc(func(ctx context.Context, q upgrade.Question) (upgrade.Answer, error) {
		a, err := term.Ask(ctx, q)
		if err == nil && q.Kind == upgrade.AskPress && a.Text == upgrade.AnswerDone {
			_, err = person.Ask(ctx, q)
		}
		return a, err
	})
}
