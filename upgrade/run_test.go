package upgrade_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
)

func TestRunCarriesOutAndFindsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newToy(3 * time.Minute)
		p := upgrade.Procedure{Name: "toy", Steps: []upgrade.Step{
			b.step("one").At("1"),
			upgrade.Whole("both", b.step("two"), b.byHand("three")),
			upgrade.Confirm("sure", "Are you sure?"),
		}}
		j := upgrade.NoJournal()
		rep, err := upgrade.Run(t.Context(), p, &upgrade.Options{Journal: j, Operator: b.person()})
		if err != nil || rep.Outcome != upgrade.Succeeded {
			t.Fatalf("Run = %v, %v", rep, err)
		}
		for _, name := range []string{"one", "two", "three"} {
			if b.presses[name] != 1 {
				t.Errorf("%s was pressed %d times", name, b.presses[name])
			}
		}
		t.Log("\n" + rep.String())
		rep, err = upgrade.Run(t.Context(), p, &upgrade.Options{Journal: j, Operator: b.person()})
		if err != nil || rep.Outcome != upgrade.AlreadyDone {
			t.Fatalf("Run again = %v, %v", rep, err)
		}
	})
}
