package runbook_test

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// TestPRABetweenWindows lets a person do something while the procedure is held for the second window, and another process go on with the journal in its file.
func TestPRABetweenWindows(t *testing.T) {
	tests := map[string]struct {
		meanwhile func(t *testing.T, r *praRig)
		want      upgrade.Outcome
		step      string
	}{
		"nothing": {func(*testing.T, *praRig) {}, upgrade.Succeeded, ""},
		"the throttle is changed": {func(t *testing.T, r *praRig) {
			if err := r.site.B.Pages().JumpClients.Set(t.Context(), beyondtrust.JumpClientSettings{MaxConcurrent: 7}); err != nil {
				t.Fatal(err)
			}
		}, upgrade.Succeeded, ""},
		"A is upgraded by hand": {func(t *testing.T, r *praRig) {
			for _, title := range praPackages() {
				if err := r.a.Pages.Updates.Check(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				if err := r.a.Pages.Updates.Install(t.Context(), title); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour)
			}
		}, upgrade.Succeeded, ""},
		"failover is established again, from B": {func(t *testing.T, r *praRig) {
			// with different versions the appliance refuses; a person has A upgraded first
			for _, title := range praPackages() {
				if err := r.a.Pages.Updates.Check(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				if err := r.a.Pages.Updates.Install(t.Context(), title); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour)
			}
			form := beyondtrust.Establish{Backup: beyondtrust.Endpoint{Host: r.a.Host()}, Primary: beyondtrust.Endpoint{Host: r.b.Host()}}
			if err := r.b.Pages.Failover.Establish(t.Context(), form); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}, upgrade.BlockedRun, "break failover"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := pairSite()
				w := wire(s, pratest.ByDNS)
				r := newPRARig(t, s, byPages)
				file := filepath.Join(t.TempDir(), "journal")
				window := func() (*upgrade.Report, error) {
					j, err := upgrade.OpenJournal(file)
					if err != nil {
						t.Fatal(err)
					}
					defer j.Close()
					r.connect(t, byPages)
					return upgrade.Run(t.Context(), r.async(w, pratest.ByDNS).Procedure(), &upgrade.Options{Journal: j, Operator: r.person})
				}
				rep, err := window()
				if rep == nil || rep.Outcome != upgrade.Held {
					t.Fatalf("the first window: %v\n%s", err, rep)
				}
				tt.meanwhile(t, r)
				time.Sleep(20 * time.Hour)
				rep, err = window()
				step := ""
				if se, ok := stepError(err); ok {
					step = se.Step
				}
				if rep == nil || rep.Outcome != tt.want || step != tt.step {
					t.Fatalf("the second window: want %s at %q: %v\n%s", tt.want, tt.step, err, rep)
				}
				r.check(t, rep)
				if len(rep.Holds) != 1 || rep.Holds[0].Soon == "" {
					t.Errorf("holds: %+v: the report does not say that there was no failover", rep.Holds)
				}
			})
		})
	}
}

// TestPRANameLedBack has the site's name led back to A while the procedure is held: A must not be installed then, for it serves.
func TestPRANameLedBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pairSite()
		w := wire(s, pratest.BySharedIP)
		r := newPRARig(t, s, byPages)
		r.procedure = r.async(w, pratest.BySharedIP).Procedure()
		if rep, err := r.run(t); rep == nil || rep.Outcome != upgrade.Held {
			t.Fatalf("the first window: %v", err)
		}
		for _, to := range []struct {
			p  upgrade.PRA
			on bool
		}{{r.b, false}, {r.a, true}} {
			if err := to.p.Pages.Network.SetEnabled(t.Context(), s.A.SharedIP, to.on); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour)
		rep, err := r.run(t)
		if rep == nil || rep.Outcome != upgrade.BlockedRun {
			t.Fatalf("want it blocked: %v\n%s", err, rep)
		}
		if _, v, _ := s.A.Running(); v != praOld {
			t.Errorf("A, which serves, was upgraded to %s", v)
		}
	})
}
