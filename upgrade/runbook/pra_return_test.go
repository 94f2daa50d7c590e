package runbook_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// TestPRAStragglersAreNotForgotten ends the process that awaits Jump Clients which never return. A day later, when they have not been seen for a day, the next process still awaits them: who does not come back must
// not become one that nobody expects.
func TestPRAStragglersAreNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := interruptedGuide(t, "node")
		if err := x.site.Play("clients-never-return"); err != nil {
			t.Fatal(err)
		}
		rep, err := x.process(t, "")
		if se, ok := stepError(err); !ok || se.Step != "await Jump Clients" || se.Outcome != upgrade.UnknownEnd {
			t.Fatalf("the first process: %v\n%s", err, rep)
		}
		time.Sleep(40 * time.Hour)
		rep, err = x.process(t, "")
		if se, ok := stepError(err); !ok || se.Step != "await Jump Clients" || !strings.Contains(se.Seen.Detail, "awaited: ") {
			t.Fatalf("the second process: %v\n%s", err, rep)
		}
	})
}

// TestPRAReturnCurve wants how the Jump Clients came back in the journal and in the report, look by look, also when the process that watched ended in between.
func TestPRAReturnCurve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := interruptedGuide(t, "node")
		x.site.Change(func() { x.site.Times.ClientUpgrade = 40 * time.Minute })
		ctx, cancel := context.WithTimeout(t.Context(), 75*time.Minute) // in the middle of the wait
		defer cancel()
		j, err := upgrade.OpenJournal(x.file)
		if err != nil {
			t.Fatal(err)
		}
		rep, err := upgrade.Run(ctx, x.book(), &upgrade.Options{Journal: j, Operator: x.person})
		if rep == nil || rep.Outcome != upgrade.Held || !strings.Contains(errText(err), "await Jump Clients") {
			t.Fatalf("cancelled while clients return: %v\n%s", err, rep)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if rep, err = x.process(t, ""); err != nil {
			t.Fatalf("%v\n%s", err, rep)
		}
		for _, s := range rep.Steps {
			if s.Path != "await Jump Clients" {
				continue
			}
			var seen struct {
				Curve []struct {
					After time.Duration `json:"after_ns"`
					Back  int
				}
			}
			if err := json.Unmarshal(s.Evidence, &seen); err != nil {
				t.Fatal(err)
			}
			if n := len(seen.Curve); n < 4 || seen.Curve[0].Back != 0 || seen.Curve[n-1].Back != 12 || seen.Curve[n-1].After < 30*time.Minute {
				t.Errorf("the curve: %+v", seen.Curve)
			}
			if !strings.Contains(s.Detail, "(0 at once, ") || !strings.Contains(s.Detail, ", 12 after ") {
				t.Error(s.Detail)
			}
		}
	})
}

// TestPRAAutomaticFailover wants known how automatic failover was set, by a driver as by a person, and asked about at the end.
func TestPRAAutomaticFailover(t *testing.T) {
	for name, h := range map[string]hands{"through the pages": byPages, "by a person": byPerson} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newPRARig(t, pairSite(), h)
				if _, _, err := r.site.A.Press(t.Context(), beyondtrust.MenuFailover, "", beyondtrust.ButtonSave, map[string]string{beyondtrust.BoxAutomaticFailover: "on"}, ""); err != nil {
					t.Fatal(err)
				}
				rep, err := upgrade.CheckAutomaticFailover(r.a, r.b).Run(t.Context(), &upgrade.Options{Journal: r.journal, Operator: r.person})
				if err != nil || rep.Steps[0].Detail != "automatic failover is on on A and off on B" || string(rep.Steps[0].Evidence) != `{"A":"on","B":"off"}` {
					t.Errorf("%v\n%s", err, rep)
				}
			})
		})
	}
}

// TestPRAPairWithoutSync refuses a pair that names no data-sync: its age cannot be judged, and a backup that was never synchronised is none.
func TestPRAPairWithoutSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pairSite()
		s.Relation = beyondtrust.RelationNone
		s.Times.FirstSync = 100 * time.Hour
		r := newPRARig(t, s, byPages)
		form := beyondtrust.Establish{Backup: beyondtrust.Endpoint{Host: r.b.Host()}, Primary: beyondtrust.Endpoint{Host: r.a.Host()}}
		if err := r.a.Pages.Failover.Establish(t.Context(), form); err != nil {
			t.Fatal(err)
		}
		rep, err := upgrade.CheckPair(r.a, r.b, 0).Run(t.Context(), &upgrade.Options{Journal: r.journal})
		if se, ok := stepError(err); !ok || se.Outcome != upgrade.BlockedRun || !strings.Contains(se.Seen.Detail, "names no data-sync") {
			t.Errorf("%v\n%s", err, rep)
		}
	})
}

// TestPRARecordedCertificate compares with what was recorded when the package was built: the certificate, or the whole chain.
func TestPRARecordedCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newPRARig(t, pairSite(), byPages)
		check := func(recorded string) (*upgrade.Report, error) {
			return upgrade.CheckCertificates(recorded, 0, r.a, r.b).Run(t.Context(), &upgrade.Options{Journal: upgrade.NoJournal()})
		}
		rep, err := check("")
		if err != nil {
			t.Fatal(err)
		}
		var seen struct{ Certificate, Chain, Names string }
		if err := json.Unmarshal(rep.Steps[0].Evidence, &seen); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(seen.Names, siteName) || seen.Certificate != r.site.A.Fingerprint() {
			t.Errorf("evidence %+v", seen)
		}
		for _, recorded := range []string{seen.Certificate, seen.Chain, strings.ToUpper(seen.Certificate[:2] + ":" + seen.Certificate[2:])} {
			if _, err := check(recorded); err != nil {
				t.Errorf("recorded %s: %v", recorded, err)
			}
		}
		if _, err := check(strings.Repeat("ab", 32)); err == nil {
			t.Error("another certificate passes")
		}
		r.site.B.Reissue(false, time.Time{})
		if rep, err := check(seen.Certificate); err == nil {
			t.Errorf("two appliances with different certificates pass:\n%s", rep)
		}
	})
}

// TestPRADrainCut lets sessions be cut after the wait, in the appliance's time: a run that is scaled waits as much shorter.
func TestPRADrainCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pratest.Single()
		s.Users = []pratest.User{{Name: "grace", Session: true}}
		r := newPRARig(t, s, byPages)
		began := time.Now()
		rep, err := upgrade.DrainSessions(r.a, upgrade.DrainPolicy{Wait: 30 * time.Minute, Cut: true}).Run(t.Context(), &upgrade.Options{Journal: r.journal, Operator: r.person, Scale: 0.1})
		if took := time.Since(began); err != nil || took < 3*time.Minute || took > 4*time.Minute {
			t.Errorf("after %s: %v\n%s", took, err, rep)
		}
		if !strings.Contains(rep.String(), "1 sessions still run and will be cut off") {
			t.Error(rep)
		}
		if rep, err = upgrade.DrainSessions(r.a, upgrade.DrainPolicy{Wait: 30 * time.Minute}).Run(t.Context(), &upgrade.Options{Journal: upgrade.NoJournal(), Operator: r.person}); err == nil {
			t.Errorf("a session that never ends was waited for no longer, and not cut:\n%s", rep)
		}
	})
}
