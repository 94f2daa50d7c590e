// Command rehearse carries a whole upgrade guide out on simulated appliances, and ends with the report.
//
//	go run ./examples/rehearse                              the default guide
//	go run ./examples/rehearse -guide sps-node -fail boots-older-slot
//	go run ./examples/rehearse -guide sps-node -hands person    you are the person
//	go run ./examples/rehearse -hands browser -dir rehearsal    a real browser presses, and what it sees is kept in rehearsal/artifacts
package main

import (
	"cmp"
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
	"time"

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
	pages     map[string]upgradetest.Pages                 // for the simulated person
	scale     float64                                      // of the run's waits; 0: that of the appliances
	answer    func(upgrade.Question) string                // of the simulated person, where he is to do more than to say yes
	secret    func(name string) (value string, known bool) // that he was given
	truth     func() string                                // what the simulated appliances say of themselves afterwards
	presses   func() []string                              // the buttons that the simulated appliances know of, in order, each with its appliance
	secrets   []string                                     // what nothing that a run leaves behind may hold
	close     func()
}

// setting is what a guide is set up with.
type setting struct {
	scale  float64
	fail   string // a scenario; empty: all goes well
	hands  string // who presses the vendor's pages
	crew   *crew  // the browsers
	dir    string // for artifacts
	swing  string // how traffic is moved: dns, shared-ip or nat
	manual bool   // a PRA appliance that cannot reach the update server
	style  string // of the simulators' pages
	labels []byte // for a browser, in place of the built-in ones that they name
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
	hands := fs.String("hands", byDriver, "who presses the buttons that have no API: "+byDriver+" (the simulators' own), "+byBrowser+" (a real, headless one), "+byPerson+" (you: every question is yours, too) or "+bySimulated+" (a person who does what he is told)")
	swing := fs.String("swing", "dns", "how a PRA guide moves the site's traffic: "+strings.Join(swings, ", "))
	style := fs.String("style", styles()[0], "how the simulators' pages are made, for a browser: "+strings.Join(styles(), ", "))
	labels := fs.String("labels", "", "for a browser: a JSON file with labels of your own")
	manual := fs.Bool("manual", false, "with pra-node: the appliance cannot reach the update server, so a person fetches its packages")
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
	if !known || !slices.Contains(allHands, *hands) || !slices.Contains(styles(), *style) || fs.NArg() > 0 || *scale <= 0 {
		fmt.Fprintf(errs, "rehearse: want a known -guide (%s), known -hands (%s), a known -style (%s), a -scale above 0 and no further arguments\n", strings.Join(slices.Sorted(maps.Keys(guides)), ", "), strings.Join(allHands, ", "), strings.Join(styles(), ", "))
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
	var err error
	if *dir == "" {
		tmp, err := os.MkdirTemp("", "rehearse-")
		if err != nil {
			fmt.Fprintln(errs, "rehearse:", err)
			return upgrade.Failed.ExitCode()
		}
		defer os.RemoveAll(tmp)
		*dir = tmp
	}
	s := setting{scale: *scale, fail: *fail, hands: *hands, swing: *swing, manual: *manual, style: *style, dir: filepath.Join(*dir, "artifacts")}
	if s.hands == byBrowser {
		s.hands = withoutBrowser(in, errs)
	}
	if *labels != "" {
		if s.labels, err = os.ReadFile(*labels); err != nil {
			fmt.Fprintln(errs, "rehearse:", err)
			return cli.Usage
		}
	}
	if s.crew, err = newCrew(s.dir); err != nil {
		fmt.Fprintln(errs, "rehearse:", err)
		return upgrade.Failed.ExitCode()
	}
	st, err := g.set(s)
	if err != nil {
		fmt.Fprintln(errs, "rehearse:", errors.Join(err, s.crew.Close()))
		return upgrade.Failed.ExitCode()
	}
	code := st.play(ctx, filepath.Join(*dir, *name+".journal"), s, in, out)
	if err := s.crew.Close(); err != nil {
		fmt.Fprintln(errs, "rehearse: end the browser:", err)
	}
	st.close()
	return code
}

// play shows the plan, runs the procedure until a person is satisfied or it ends, and shows the report.
func (st *stage) play(ctx context.Context, journal string, s setting, in io.Reader, out io.Writer) int {
	plan, err := upgrade.Plan(st.procedure)
	if err != nil {
		fmt.Fprintln(out, "rehearse:", err)
		return upgrade.Failed.ExitCode()
	}
	fmt.Fprintf(out, "%s\n", plan)
	if s.scale < 1 {
		fmt.Fprintf(out, "The simulated appliances live %.0f times as fast; the times below are this machine's.\n\n", 1/s.scale)
	}

	person := st.person(s)
	var operator upgrade.Operator = person
	if s.hands == byPerson {
		operator = atTerminal(upgrade.Terminal(in, out), person)
	}
	live, width := cli.Terminal(out)
	opts := &upgrade.Options{Operator: operator, Scale: st.waits(s), Logger: slog.New(slog.DiscardHandler), Events: upgrade.Show(out, live && s.hands != byPerson, width)}
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

// person is a simulated one, who knows the simulated appliances.
func (st *stage) person(s setting) *upgradetest.Person {
	return &upgradetest.Person{Pages: st.pages, Inbox: filepath.Join(s.dir, "inbox"), Patience: time.Second, Answer: st.answer, Secret: st.secret}
}

// waits is how long a second of the run's waits takes.
func (st *stage) waits(s setting) float64 {
	scale := cmp.Or(st.scale, s.scale)
	if s.hands == byBrowser {
		scale = max(scale, slower)
	}
	return scale
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
