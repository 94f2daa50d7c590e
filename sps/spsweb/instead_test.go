package spsweb_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/sps/spsweb"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

// counted counts what a driver is asked to press, and keeps what came of it.
type counted struct {
	sps.FirmwaresPage
	errs []error
}

func (c *counted) AfterReboot(ctx context.Context, v sps.Version) error {
	err := c.FirmwaresPage.AfterReboot(ctx, v)
	c.errs = append(c.errs, err)
	return err
}

// What a driver did not press a person is told to press, as if there were no driver, and once; what it may have pressed he is not told to press, and
// nothing is sent again unless another channel proves that nothing happened.
func TestPeerPersonInstead(t *testing.T) {
	instruction := &upgrade.Instruction{Where: sps.PageFirmwares, Row: "7.0.2.1", Button: sps.ButtonAfterReboot}
	tests := map[string]struct {
		traps   spstest.Traps
		want    upgrade.Outcome
		asked   *upgrade.Instruction // to be carried out
		tries   int                  // of the driver
		presses int                  // at the appliance, by whomever
	}{
		"the driver presses":  {spstest.Traps{}, upgrade.Succeeded, nil, 1, 1},
		"nothing was pressed": {spstest.Traps{Twice: sps.ButtonAfterReboot}, upgrade.Succeeded, instruction, 1, 1},
		// The firmware list, which is another channel, says that the first press did nothing: only then is there a second one, and no third.
		"pressed, and nothing came of it": {spstest.Traps{Leave: sps.ButtonAfterReboot}, upgrade.UnknownEnd, nil, 2, 0},
	}
	v, err := sps.ParseVersion("7.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			n := &spstest.Node{Stored: []string{"7.0.2.1"}, Traps: tt.traps}
			page := &counted{FirmwaresPage: drive(t, n, func(o *spsweb.Options) { o.Patience, o.Answer = 4*time.Second, 4*time.Second }).Pages().Firmwares}
			user, password := n.Login()
			c, err := sps.NewClient(n.URL(), sps.Login{User: user, Password: password}, &sps.Options{CA: n.CA()})
			if err != nil {
				t.Fatal(err)
			}
			person := &upgradetest.Person{Pages: map[string]upgradetest.Pages{"": n}}
			rep, err := upgrade.Run(t.Context(), upgrade.Procedure{Name: "test", Steps: []upgrade.Step{upgrade.ActivateAfterReboot(c, page, v, "")}},
				&upgrade.Options{Journal: upgrade.NoJournal(), Operator: person, Scale: 0.01})
			if rep == nil || rep.Outcome != tt.want {
				t.Fatalf("Run() = %v, %v; want %s", rep, err, tt.want)
			}
			if len(page.errs) != tt.tries || errors.Is(page.errs[0], sps.ErrNotPressed) != (tt.asked != nil) {
				t.Errorf("the driver was asked %d times to press, want %d: %v", len(page.errs), tt.tries, page.errs)
			}
			var told *upgrade.Instruction
			for _, q := range person.Asked() {
				if q.Kind == upgrade.AskPress && told == nil {
					told = &upgrade.Instruction{Where: q.Instruction.Where, Row: q.Instruction.Row, Button: q.Instruction.Button}
				} else if q.Kind == upgrade.AskPress {
					t.Errorf("the person was asked again: %+v", q.Instruction)
				}
			}
			if diff := cmp.Diff(tt.asked, told); diff != "" {
				t.Errorf("the person was told (-want +got):\n%s", diff)
			}
			if got := n.Record().Of(spstest.Press); len(got) != tt.presses {
				t.Errorf("pressed %v, want %d times", got, tt.presses)
			}
		})
	}
}
