package runbook_test

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// interrupted is a PRA guide of which a process ends, and another one goes on.
type interrupted struct {
	*praRig
	swing *traffic
	book  func() upgrade.Procedure // with clients that remember nothing
	file  string                   // the journal
}

func interruptedGuide(t *testing.T, guide string) *interrupted {
	t.Helper()
	x := &interrupted{file: filepath.Join(t.TempDir(), "journal")}
	switch guide {
	case "node":
		s := pratest.Single()
		s.Users = []pratest.User{{Name: "ada"}}
		x.praRig = newPRARig(t, s, byPages)
		x.raiseThrottle(t, 77)
		x.book = func() upgrade.Procedure { x.connect(t, byPages); return x.node().Procedure() }
	case "hardware":
		r, book := migration(t, byPages)
		x.praRig = r
		book.Soak = time.Hour
		x.book = book.Procedure
	case "sync":
		x.praRig = newPRARig(t, pairSite(), byPages)
		x.raiseThrottle(t, 77)
		x.book = func() upgrade.Procedure { x.connect(t, byPages); return x.sync().Procedure() }
	default:
		s := pairSite()
		x.swing = wire(s, pratest.BySharedIP)
		x.praRig = newPRARig(t, s, byPages)
		x.raiseThrottle(t, 77)
		x.book = func() upgrade.Procedure {
			x.connect(t, byPages)
			return x.async(x.swing, pratest.BySharedIP).Procedure()
		}
	}
	return x
}

// raiseThrottle sets more concurrent upgrades than a run allows, so that it has something to lower and to put back.
func (r *praRig) raiseThrottle(t *testing.T, n int) {
	t.Helper()
	for _, b := range r.site.Boxes() {
		if b.Role() == beyondtrust.RoleBackup { // which has no such page, and what the primary has
			continue
		}
		if err := b.Pages().JumpClients.Set(t.Context(), beyondtrust.JumpClientSettings{MaxConcurrent: n}); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.site.Boxes()) == 2 {
		if err := r.site.A.Pages().Failover.SyncNow(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
	}
}

// process goes on with the journal in its file, until it dies just before the act of the step called cut, or to its end.
func (x *interrupted) process(t *testing.T, before string) (*upgrade.Report, error) {
	t.Helper()
	j, err := upgrade.OpenJournal(x.file)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	var journal upgrade.Journal = j
	if before != "" {
		journal = &cut{j, before}
	}
	return upgrade.Run(t.Context(), x.book(), &upgrade.Options{Journal: journal, Operator: x.person})
}

// install does by hand what the vendor's page offers.
func install(t *testing.T, p upgrade.PRA) {
	t.Helper()
	for _, title := range praPackages() {
		if err := p.Pages.Updates.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if err := p.Pages.Updates.Install(t.Context(), title); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
	}
}

func establish(t *testing.T, primary, backup upgrade.PRA) {
	t.Helper()
	form := beyondtrust.Establish{Backup: beyondtrust.Endpoint{Host: backup.Host()}, Primary: beyondtrust.Endpoint{Host: primary.Host()}}
	if err := primary.Pages.Failover.Establish(t.Context(), form); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Hour)
}

func throttle(t *testing.T, p upgrade.PRA, n int) {
	t.Helper()
	if err := p.Pages.JumpClients.Set(t.Context(), beyondtrust.JumpClientSettings{MaxConcurrent: n}); err != nil {
		t.Fatal(err)
	}
}

func swapRoles(t *testing.T, x *interrupted) {
	t.Helper()
	if err := x.b.Pages.Failover.Become(t.Context(), beyondtrust.RolePrimary, beyondtrust.BecomeOptions{}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Minute)
}

// TestPRABetweenRuns lets a person do something while no process runs: at the hold between the two windows, or after a process died just before an act. The next process, which knows nothing but the journal in
// its file, finds it by looking: it stops where going on would be wrong, leaves what somebody chose, and goes on where what was done is what it was about to do.
func TestPRABetweenRuns(t *testing.T) {
	nothing := func(*testing.T, *interrupted) {}
	tests := map[string]struct {
		guide     string
		dies      string // just before this step's act; empty: held for the second window
		meanwhile func(*testing.T, *interrupted)
		want      upgrade.Outcome
		step      string // that ends the second process
		throttle  int    // of the appliance that has the clients, at a good end
	}{
		"asynchronous, nothing":                      {"async", "", nothing, upgrade.Succeeded, "", 77},
		"asynchronous, the throttle is changed":      {"async", "", func(t *testing.T, x *interrupted) { throttle(t, x.b, 7) }, upgrade.Succeeded, "", 7},
		"asynchronous, changed while it was lowered": {"async", "B first/update B/install BeyondTrust-25.1.1", func(t *testing.T, x *interrupted) { throttle(t, x.b, 7) }, upgrade.Succeeded, "", 7},
		"asynchronous, A is upgraded by hand":        {"async", "", func(t *testing.T, x *interrupted) { install(t, x.a) }, upgrade.Succeeded, "", 77},
		"asynchronous, established again, from B": {"async", "", func(t *testing.T, x *interrupted) {
			install(t, x.a) // with different versions the appliance refuses
			establish(t, x.b, x.a)
		}, upgrade.BlockedRun, "break failover", 0},
		"asynchronous, roles swapped before the break": {"async", "break failover", swapRoles, upgrade.BlockedRun, "check that A serves", 0},
		"asynchronous, broken by hand before the break": {"async", "break failover", func(t *testing.T, x *interrupted) {
			if err := x.a.Pages.Failover.Break(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, upgrade.Succeeded, "", 77},
		"asynchronous, dies before the swing":        {"async", "B first/shared IP switch/disable the shared IP on A", nothing, upgrade.Succeeded, "", 77},
		"asynchronous, dies before it is whole":      {"async", "establish failover", nothing, upgrade.Succeeded, "", 77},
		"asynchronous, established where it was due": {"async", "establish failover", func(t *testing.T, x *interrupted) { establish(t, x.b, x.a) }, upgrade.BlockedRun, "break failover", 0},

		"synchronous, nothing":                      {"sync", "", nothing, upgrade.Succeeded, "", 77},
		"synchronous, the throttle is changed":      {"sync", "", func(t *testing.T, x *interrupted) { throttle(t, x.a, 7) }, upgrade.Succeeded, "", 7},
		"synchronous, changed while it was lowered": {"sync", "A first/update A/install BeyondTrust-25.1.1", func(t *testing.T, x *interrupted) { throttle(t, x.a, 7) }, upgrade.Succeeded, "", 7},
		"synchronous, B is upgraded by hand":        {"sync", "", func(t *testing.T, x *interrupted) { install(t, x.b) }, upgrade.Succeeded, "", 77},
		"synchronous, established again, from A": {"sync", "", func(t *testing.T, x *interrupted) {
			install(t, x.b)
			establish(t, x.a, x.b)
		}, upgrade.BlockedRun, "break failover", 0},
		"synchronous, roles swapped before the break": {"sync", "break failover", swapRoles, upgrade.BlockedRun, "break failover", 0},

		"one appliance, upgraded by hand":              {"node", "throttle Jump Clients", func(t *testing.T, x *interrupted) { install(t, x.a) }, upgrade.Succeeded, "", 77},
		"one appliance, changed while it was lowered":  {"node", "update A/install BeyondTrust-25.1.1", func(t *testing.T, x *interrupted) { throttle(t, x.a, 7) }, upgrade.Succeeded, "", 7},
		"one appliance, dies while it is to be backed": {"node", "update A/backup before BeyondTrust-25.1.1", nothing, upgrade.Succeeded, "", 77},

		"new hardware, dies before the import": {"hardware", "move with a lowered TTL/import the certificate", nothing, upgrade.Succeeded, "", 0},
		"new hardware, the name was led to it too early": {"hardware", "move with a lowered TTL/restore the backup", func(t *testing.T, x *interrupted) {
			x.site.SetDNS(siteName, x.site.B.Addr)
			x.site.Lookup = nil
		}, upgrade.BlockedRun, "check that A serves", 0},
		"new hardware, dies before the swing": {"hardware", "move with a lowered TTL/swing DNS", nothing, upgrade.Succeeded, "", 0},
		"new hardware, dies before the reset": {"hardware", "return A/reset A", nothing, upgrade.Succeeded, "", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			sample(t)
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				x := interruptedGuide(t, tt.guide)
				rep, err := x.process(t, tt.dies)
				if tt.dies != "" && rep != nil && rep.Outcome == upgrade.Held {
					time.Sleep(20 * time.Hour)
					rep, err = x.process(t, tt.dies) // in the second window
				}
				if died := strings.Contains(errText(err), errCut.Error()); rep == nil || (tt.dies != "") != died || tt.dies == "" && rep.Outcome != upgrade.Held {
					t.Fatalf("the first process: %v\n%s", err, rep)
				}
				tt.meanwhile(t, x)
				time.Sleep(8 * time.Hour)
				rep, err = x.process(t, "")
				if tt.dies != "" && rep != nil && rep.Outcome == upgrade.Held {
					rep, err = x.process(t, "") // the hold that comes after
				}
				step := ""
				if se, ok := stepError(err); ok {
					step = se.Step[strings.LastIndex(se.Step, "/")+1:]
				}
				if rep == nil || rep.Outcome != tt.want || step != tt.step {
					t.Fatalf("the second process: want %s at %q, is at %q: %v\n%s\n%s", tt.want, tt.step, step, err, rep, x.site.Record())
				}
				x.interrupted(t, rep, tt.want, tt.throttle)
			})
		})
	}
}

// interrupted looks at the appliances and the report after the second process.
func (x *interrupted) interrupted(t *testing.T, rep *upgrade.Report, want upgrade.Outcome, throttle int) {
	t.Helper()
	if v := x.site.Violations(); len(v) > 0 {
		t.Errorf("violations: %v\n%s", v, x.site.Record())
	}
	if !want.Good() {
		return // what is owed stays so while a run can go on
	}
	x.check(t, rep)
	at := x.site.At()
	if len(at) != 1 {
		t.Fatalf("the site's name leads to %v", at)
	}
	for _, b := range x.site.Boxes() {
		if b.Name == at[0] && throttle != 0 && b.Throttle().MaxConcurrent != throttle {
			t.Errorf("the throttle of %s is %d, want %d\n%s", b.Name, b.Throttle().MaxConcurrent, throttle, rep)
		}
	}
	if len(x.site.Boxes()) < 2 || x.site.Topology == pratest.TopologyMigrate {
		return
	}
	if len(rep.Exposed) != 1 || rep.Exposed[0].Until.Sub(rep.Exposed[0].Since) < time.Hour || !strings.Contains(rep.String(), "the site has no failover for ") {
		t.Errorf("the report does not say for how long there was no failover: %v", rep.Exposed)
	}
	if len(rep.Holds) != 1 || rep.Holds[0].Soon == "" {
		t.Errorf("holds: %+v", rep.Holds)
	}
}

// TestPRANameLedBack has the site's name led back to A while the procedure is held: A must not be installed then, for it serves.
func TestPRANameLedBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := interruptedGuide(t, "async")
		if rep, err := x.process(t, ""); rep == nil || rep.Outcome != upgrade.Held {
			t.Fatalf("the first window: %v", err)
		}
		for _, to := range []struct {
			p  upgrade.PRA
			on bool
		}{{x.b, false}, {x.a, true}} {
			if err := to.p.Pages.Network.SetEnabled(t.Context(), x.site.A.SharedIP, to.on); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour)
		rep, err := x.process(t, "")
		if rep == nil || rep.Outcome != upgrade.BlockedRun {
			t.Fatalf("want it blocked: %v\n%s", err, rep)
		}
		if _, v, _ := x.site.A.Running(); v != praOld {
			t.Errorf("A, which serves, was upgraded to %s", v)
		}
	})
}

// TestPRASecondIsJudgedByTheFirst has both appliances full of recordings: B takes three times as long as usual, and so does A, in another process and window, without a worry. Then A alone stalls, and that is said earlier than B's
// own limits would have had it.
func TestPRASecondIsJudgedByTheFirst(t *testing.T) {
	for name, tt := range map[string]struct {
		a    float64
		want upgrade.Outcome
	}{
		"as slow as the first": {5, upgrade.Succeeded},
		"far slower":           {30, upgrade.UnknownEnd},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := interruptedGuide(t, "async")
				x.site.Change(func() { x.site.A.Recordings, x.site.B.Recordings = tt.a, 5 }) // 90 minutes and 2.5 hours in place of 15 and 25 minutes
				if rep, err := x.process(t, ""); rep == nil || rep.Outcome != upgrade.Held {
					t.Fatalf("the first window: %v\n%s", err, rep)
				}
				time.Sleep(20 * time.Hour)
				var said, worries []string
				j, err := upgrade.OpenJournal(x.file)
				if err != nil {
					t.Fatal(err)
				}
				defer j.Close()
				rep, err := upgrade.Run(t.Context(), x.book(), &upgrade.Options{Journal: j, Operator: x.person, Events: func(e upgrade.Event) {
					switch {
					case e.Kind == upgrade.EventAct && strings.Contains(e.Detail, "as \"B first/update B/install"):
						said = append(said, e.Detail)
					case e.Kind == upgrade.EventWorry:
						worries = append(worries, e.Detail)
					}
				}})
				if rep == nil || rep.Outcome != tt.want {
					t.Fatalf("want %s: %v\n%s", tt.want, err, rep)
				}
				if len(said) == 0 || !strings.Contains(said[0], "expected to take 1h 3") {
					t.Errorf("the first's time is not the second's: %q", said)
				}
				if good := tt.want.Good(); good != (len(worries) == 0) {
					t.Errorf("worries: %q", worries)
				}
			})
		})
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
