package upgrade_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
)

// lamp is the smallest appliance there is: it is off, and can be switched on.
type lamp struct{ on bool }

func (l *lamp) step(name string) upgrade.Step {
	return upgrade.Step{
		Name: name,
		Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
			if l.on {
				return upgrade.See(upgrade.Done, nil, "the lamp is on"), nil
			}
			return upgrade.See(upgrade.Ready, nil, "the lamp is off"), nil
		},
		Act: func(context.Context, *slog.Logger) error { l.on = true; return nil },
	}
}

func ExampleRun() {
	p := upgrade.Procedure{Name: "light", Steps: []upgrade.Step{new(lamp).step("switch on").At("1")}}
	rep, err := upgrade.Run(context.Background(), p, &upgrade.Options{Journal: upgrade.NoJournal()})
	fmt.Println(rep.Outcome, err)
	fmt.Println(rep.Steps[0].Path, "-", rep.Steps[0].Status, "-", rep.Steps[0].Detail)
	// Output:
	// succeeded <nil>
	// switch on - done - the lamp is on
}

func ExampleOpenJournal() {
	dir, err := os.MkdirTemp("", "journal")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	j, err := upgrade.OpenJournal(filepath.Join(dir, "light.journal"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer j.Close()
	l := new(lamp)
	p := upgrade.Procedure{Name: "light", Steps: []upgrade.Step{l.step("switch on")}}
	for range 2 { // killed in between or not: the second run goes on where the journal ends
		rep, err := upgrade.Run(context.Background(), p, &upgrade.Options{Journal: j})
		fmt.Println(rep.Outcome, err)
	}
	// Output:
	// succeeded <nil>
	// already done <nil>
}

func ExampleReadJournal() {
	_, err := upgrade.ReadJournal("nowhere.journal")
	fmt.Println(errors.Is(err, os.ErrNotExist))
	// Output: true
}

func ExamplePlan() {
	l := new(lamp)
	p := upgrade.Procedure{Name: "light", Steps: []upgrade.Step{
		upgrade.Confirm("eyes shut", "Are all eyes shut?").At("1"),
		upgrade.Whole("lights", l.step("switch on").At("2")),
	}}
	plan, err := upgrade.Plan(p)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range plan.Steps {
		fmt.Printf("%s|%s|%s\n", s.Ref, s.Path, s.Who)
	}
	// Output:
	// 1|eyes shut|check
	// |lights|group
	// 2|lights/switch on|machine
}

func ExampleHold() {
	p := upgrade.Procedure{Name: "light", Steps: []upgrade.Step{
		new(lamp).step("first lamp"),
		upgrade.Hold("second window", "one lamp is dark until then"),
		new(lamp).step("second lamp"),
	}}
	j := upgrade.NoJournal()
	rep, err := upgrade.Run(context.Background(), p, &upgrade.Options{Journal: j})
	fmt.Println(rep.Outcome, errors.Is(err, upgrade.ErrHeld))
	rep, err = upgrade.Run(context.Background(), p, &upgrade.Options{Journal: j})
	fmt.Println(rep.Outcome, err)
	// Output:
	// held true
	// succeeded <nil>
}

func ExampleTerminal() {
	in := strings.NewReader("Ada\nyes\n")
	op := upgrade.Terminal(in, io.Discard) // os.Stdin and os.Stdout, mostly
	a, err := op.Ask(context.Background(), upgrade.Question{Kind: upgrade.AskConfirm, Step: "sure", Text: "Are you sure?", Options: []string{"yes", "no"}})
	fmt.Printf("%s says %s, %v\n", a.By, a.Text, err)
	// Output: Ada says yes, <nil>
}

func ExampleConsents() {
	q := upgrade.Question{Kind: upgrade.AskConfirm, Step: "sure", Text: "Are you sure?", Options: []string{"yes", "no"}}
	op := &upgrade.Consents{Given: []upgrade.Consent{{Step: "sure", Question: q.Hash(), Answer: "yes", By: "Ada", Until: time.Now().Add(time.Hour)}}}
	a, err := op.Ask(context.Background(), q)
	fmt.Println(a.Text, a.By, err)
	q.Text = "Are you quite sure?"
	_, err = op.Ask(context.Background(), q)
	fmt.Println(errors.Is(err, upgrade.ErrNoAnswer))
	// Output:
	// yes Ada (beforehand) <nil>
	// true
}

func ExampleAbandon() {
	value := "normal"
	set := func(name, from, to string) upgrade.Step {
		return upgrade.Step{
			Name: name,
			Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
				if value == to {
					return upgrade.See(upgrade.Done, value, "it is %s", value), nil
				}
				return upgrade.See(upgrade.Ready, value, "it is %s", value), nil
			},
			Act: func(context.Context, *slog.Logger) error { value = to; return nil },
		}
	}
	throttle := set("throttle", "normal", "low")
	throttle.Restore = func(upgrade.Mark) upgrade.Step { return set("put the throttle back", "low", "normal") }
	p := upgrade.Procedure{Name: "quiet", Steps: []upgrade.Step{throttle, upgrade.Hold("tonight", "it is slow until then")}}
	o := &upgrade.Options{Journal: upgrade.NoJournal()}
	upgrade.Run(context.Background(), p, o)
	fmt.Println(value)
	rep, err := upgrade.Abandon(context.Background(), p, o)
	fmt.Println(value, len(rep.Owed), err)
	// Output:
	// low
	// normal 0 <nil>
}

func ExampleOpenArtifacts() {
	dir, err := os.MkdirTemp("", "artifacts")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	d, err := upgrade.OpenArtifacts(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = d.List(context.Background())
	fmt.Println(err)
	// Output: <nil>
}

func ExampleStepError() {
	p := upgrade.Procedure{Name: "light", Steps: []upgrade.Step{{
		Name: "check the fuse", Ref: "1", Advice: "Replace the fuse.",
		Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
			return upgrade.See(upgrade.Blocked, nil, "the fuse is blown"), nil
		},
	}}}
	_, err := upgrade.Run(context.Background(), p, &upgrade.Options{Journal: upgrade.NoJournal()})
	if e, ok := errors.AsType[*upgrade.StepError](err); ok {
		fmt.Println("stopped at the guide's step", e.Ref, "-", e.Seen.Detail, "-", e.Advice)
	}
	// Output: stopped at the guide's step 1 - the fuse is blown - Replace the fuse.
}

func ExampleReportOf() {
	j := upgrade.NoJournal()
	p := upgrade.Procedure{Name: "light", Steps: []upgrade.Step{new(lamp).step("switch on")}}
	upgrade.Run(context.Background(), p, &upgrade.Options{Journal: j})
	fmt.Println(upgrade.ReportOf(j.Records()).Outcome)
	// Output: succeeded
}
