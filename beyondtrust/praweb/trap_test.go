package praweb_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/beyondtrust/praweb"
	"github.com/changeover-sdk/changeover/internal/browser"
)

// presses are the buttons that the site has recorded.
func presses(site *pratest.Site) (out []string) {
	for _, e := range site.Record() {
		if e.What == pratest.Press {
			out = append(out, e.Detail)
		}
	}
	return out
}

// The button that breaks a pair, among the traps that a simulated site can lay: one sort of markup each, or every one in a long run. It is not pressed, or
// pressed without an effect and reported as pressed.
func TestPeerSoakTraps(t *testing.T) {
	const label = beyondtrust.ButtonBreak
	tests := []struct {
		in    pratest.Markup
		traps pratest.Traps
		want  browser.Reason
	}{
		{pratest.MarkupClassic, pratest.Traps{Twice: label}, browser.Ambiguous},
		{pratest.MarkupClassic, pratest.Traps{Moving: label}, browser.Moving},
		{pratest.MarkupScript, pratest.Traps{Leave: label}, browser.UnknownPage},
		{pratest.MarkupScript, pratest.Traps{Covered: label}, browser.Covered},
		{pratest.MarkupScript, pratest.Traps{Alert: "The session is about to expire."}, browser.Dialog},
		{pratest.MarkupTables, pratest.Traps{Elsewhere: label}, browser.UnknownPage},
		{pratest.MarkupTables, pratest.Traps{Disabled: label}, browser.Disabled},
		{pratest.MarkupTables, pratest.Traps{Missing: label}, browser.NotFound},
	}
	for _, m := range pratest.Markups() {
		t.Run(string(m), func(t *testing.T) {
			site := pratest.Pair()
			site.Markup = m
			d := drive(t, site, &site.A, func(o *praweb.Options) { o.Patience, o.Answer = 4*time.Second, 4*time.Second })
			for _, tt := range tests {
				if tt.in != m && os.Getenv("CHANGEOVER_SOAK") == "" {
					continue
				}
				site.Change(func() { site.Traps = tt.traps })
				err := d.Pages().Failover.Break(t.Context())
				says := tt.traps.Leave != "" || tt.traps.Elsewhere != ""
				if e, ok := errors.AsType[*praweb.Error](err); !ok || e.Reason != tt.want || errors.Is(err, beyondtrust.ErrNotPressed) == says {
					t.Errorf("%+v: Break() = %v; want %q, and that it was pressed: %t", tt.traps, err, tt.want, says)
				}
			}
			if got := presses(site); len(got) > 0 {
				t.Errorf("pressed %q", got)
			}
		})
	}
}

// What must be answered between the sign-in and the pages is a person's; nothing is pressed.
func TestPeerGates(t *testing.T) {
	for want, set := range map[string]func(*pratest.Switches){
		"asks for a second factor":           func(s *pratest.Switches) { s.SecondFactor = "123456" },
		"asks to accept a licence agreement": func(s *pratest.Switches) { s.Agreement = true },
		"the password has expired":           func(s *pratest.Switches) { s.PasswordExpired = true },
	} {
		t.Run(want, func(t *testing.T) {
			site := pratest.Pair()
			site.Markup = pratest.Markups()[len(want)%3]
			set(&site.Switches)
			err := drive(t, site, &site.A, nil).Pages().Failover.Break(t.Context())
			if e, ok := errors.AsType[*praweb.Error](err); !ok || e.State != want || !errors.Is(err, beyondtrust.ErrNotPressed) {
				t.Errorf("Break() = %v, want state %q and nothing pressed", err, want)
			}
			if got := presses(site); len(got) > 0 {
				t.Errorf("pressed %q", got)
			}
		})
	}
}
