package upgradetest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

// oven is a simulated appliance that keeps its own books: how often it was switched on.
type oven struct{ presses int }

// heat switches the oven on. Nobody can see whether it is: only its books can tell.
func (o *oven) heat() upgrade.Procedure {
	return upgrade.Procedure{Name: "bake", Steps: []upgrade.Step{{
		Name: "switch on", Act: func(context.Context, *slog.Logger) error { o.presses++; return nil },
	}}}
}

// cook is who is asked when a crash hid what became of the act.
func (o *oven) cook(_ context.Context, q upgrade.Question) (upgrade.Answer, error) {
	if o.presses > 0 {
		return upgrade.Answer{Text: upgrade.AnswerDone, By: "the cook"}, nil
	}
	return upgrade.Answer{Text: upgrade.AnswerAgain, By: "the cook"}, nil
}

func (o *oven) truth(_ *upgrade.Report, err error) error {
	if o.presses != 1 {
		return fmt.Errorf("it was switched on %d times", o.presses)
	}
	return err
}

// Crash a run at every boundary, and ask the simulator's own books. In a test, [upgradetest.TestCrash] does the same in bubbles.
func ExampleCrashAt() {
	for boundary := 1; ; boundary++ {
		o := new(oven)
		crashed, err := upgradetest.CrashAt(context.Background(), upgradetest.Trial{
			Procedure: o.heat(), Options: upgrade.Options{Operator: upgrade.OperatorFunc(o.cook), Scale: 1.0 / 1000}, Truth: o.truth,
		}, boundary)
		if err != nil {
			fmt.Println("boundary", boundary, err)
			return
		}
		if crashed == 0 {
			fmt.Println("crashed at each of", boundary-1, "boundaries, and switched on once each time")
			return
		}
	}
	// Output:
	// crashed at each of 14 boundaries, and switched on once each time
}

// A test that cannot fail proves nothing: with the journal of a careless engine this one does.
func ExampleAfterSuccess() {
	for boundary := 1; boundary < 100; boundary++ {
		o, j := new(oven), upgrade.NoJournal()
		_, err := upgradetest.CrashAt(context.Background(), upgradetest.Trial{
			Procedure: o.heat(), Options: upgrade.Options{Operator: upgrade.OperatorFunc(o.cook), Scale: 1.0 / 1000}, Truth: o.truth,
			Open: func() (upgrade.Journal, error) { return upgradetest.AfterSuccess(j), nil },
		}, boundary)
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	// Output:
	// crashed ["after the act of switch on"]: it was switched on 2 times
}

// A trial that crashes may end in any way its truth allows: here a person who never answers leaves it unknown, and not twice on.
func ExampleTrial() {
	o := new(oven)
	crashed, err := upgradetest.CrashAt(context.Background(), upgradetest.Trial{
		Procedure: o.heat(),
		Truth: func(rep *upgrade.Report, err error) error {
			fmt.Println(rep.Outcome, errors.Is(err, upgrade.ErrUnknown), o.presses)
			return nil
		},
	}, 8)
	fmt.Println(crashed, err)
	// Output:
	// unknown true 1
	// 1 <nil>
}
