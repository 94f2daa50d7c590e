package spsweb_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/internal/browser"
	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/sps/spsweb"
)

// The traps that a simulated appliance can lay, each in one sort of markup, or in every one in a long run. The record shows that nothing was pressed, or
// that it was pressed once and is reported as pressed. The table of all traps is above browser.TestPeerTrap.
func TestPeerSoakTraps(t *testing.T) {
	const label = sps.ButtonAfterReboot
	tests := []struct {
		name  string
		traps spstest.Traps
		want  browser.Reason // "" for a press that succeeds
		says  bool           // the error says that it was pressed
	}{
		{"two equal buttons", spstest.Traps{Twice: label}, browser.Ambiguous, false},
		{"missing label", spstest.Traps{Missing: label}, browser.NotFound, false},
		{"other heading", spstest.Traps{Heading: "Basic Settings > Something else"}, browser.UnknownPage, false},
		{"stray alert", spstest.Traps{Alert: "Your session is about to expire."}, browser.Dialog, false},
		{"moving button", spstest.Traps{Moving: label}, browser.Moving, false},
		{"covered button", spstest.Traps{Covered: label}, browser.Covered, false},
		{"disabled control", spstest.Traps{Disabled: label}, browser.Disabled, false},
		{"lost session in the middle", spstest.Traps{Leave: label}, browser.UnknownPage, true},
		{"redirect to another host", spstest.Traps{Elsewhere: label}, browser.UnknownPage, true},
		{"slow data", spstest.Traps{Late: time.Second}, "", false},
	}
	v, err := sps.ParseVersion("7.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range spstest.Markups() {
		t.Run(string(m), func(t *testing.T) {
			n := &spstest.Node{Stored: []string{"7.0.2.1", "7.0.3"}, Markup: m}
			d := drive(t, n, func(o *spsweb.Options) { o.Patience, o.Answer = 4*time.Second, 4*time.Second })
			for j, tt := range tests {
				if os.Getenv("CHANGEOVER_SOAK") == "" && j%len(spstest.Markups()) != i {
					continue
				}
				t.Run(tt.name, func(t *testing.T) {
					n.Change(func() { n.Traps = tt.traps })
					before := len(n.Record().Of(spstest.Press))
					err := d.Pages().Firmwares.AfterReboot(t.Context(), v)
					presses := len(n.Record().Of(spstest.Press)) - before
					if tt.want == "" {
						if err != nil || presses != 1 {
							t.Errorf("AfterReboot() = %v, %d presses; want one", err, presses)
						}
						return
					}
					e, ok := errors.AsType[*spsweb.Error](err)
					if !ok || e.Reason != tt.want || errors.Is(err, sps.ErrNotPressed) == tt.says {
						t.Errorf("AfterReboot() = %v; want %q, and that it was pressed: %t", err, tt.want, tt.says)
					}
					if presses != 0 { // where it was pressed, the simulator did not take it
						t.Errorf("%d presses are recorded, want none", presses)
					}
				})
			}
		})
	}
}

// What must be answered between the sign-in and the pages is a person's; nothing is pressed.
func TestPeerGates(t *testing.T) {
	for want, set := range map[string]func(*spstest.Switches){
		"asks for a second factor":           func(s *spstest.Switches) { s.SecondFactor = "123456" },
		"asks to accept a licence agreement": func(s *spstest.Switches) { s.Agreement = true },
		"the password has expired":           func(s *spstest.Switches) { s.PasswordExpired = true },
	} {
		t.Run(want, func(t *testing.T) {
			browsertest.Need(t)
			n := &spstest.Node{Markup: spstest.Markups()[len(want)%3]}
			set(&n.Switches)
			err := drive(t, n, nil).Pages().System.Reboot(t.Context())
			if e, ok := errors.AsType[*spsweb.Error](err); !ok || e.State != want || !errors.Is(err, sps.ErrNotPressed) {
				t.Errorf("Reboot() = %v, want state %q and nothing pressed", err, want)
			}
			wantPressed(t, n)
			if got := n.Record().Of(spstest.Agreed); len(got) > 0 {
				t.Errorf("the driver agreed: %v", got)
			}
		})
	}
}
