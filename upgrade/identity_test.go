package upgrade_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
)

func digest(t *testing.T, p upgrade.Procedure) string {
	t.Helper()
	d, err := upgrade.Plan(p)
	if err != nil {
		t.Fatal(err)
	}
	return d.Digest
}

// The digest covers each step's path, reference, inputs, appliances and the shape of groups; not functions, not who does it, not
// limits or texts.
func TestDigestCoversWhatItSaysAndNotTheRest(t *testing.T) {
	act := func(context.Context, *slog.Logger) error { return nil }
	base := func() upgrade.Procedure {
		return upgrade.Procedure{Name: "p", Steps: []upgrade.Step{
			{Name: "one", Ref: "1", On: []string{"a", "b"}, With: map[string]string{"version": "7"}, Observe: see(upgrade.Done, ""), Act: act},
			upgrade.Whole("g", upgrade.Step{Name: "two", Act: act}, upgrade.Together("t", 2, upgrade.Step{Name: "three", Act: act})),
			{Name: "four", Act: act},
		}}
	}
	want := digest(t, base())
	covered := map[string]func(*upgrade.Procedure){
		"the procedure's name": func(p *upgrade.Procedure) { p.Name = "q" },
		"a name":               func(p *upgrade.Procedure) { p.Steps[0].Name = "uno" },
		"a group's name":       func(p *upgrade.Procedure) { p.Steps[1].Name = "h" },
		"a reference":          func(p *upgrade.Procedure) { p.Steps[0].Ref = "2" },
		"an input":             func(p *upgrade.Procedure) { p.Steps[0].With = map[string]string{"version": "8"} },
		"an appliance":         func(p *upgrade.Procedure) { p.Steps[0].On = []string{"a"} },
		"whole":                func(p *upgrade.Procedure) { p.Steps[1].Whole = false },
		"at once":              func(p *upgrade.Procedure) { p.Steps[1].Steps[1].AtOnce = 3 },
		"the order":            func(p *upgrade.Procedure) { p.Steps[0], p.Steps[2] = p.Steps[2], p.Steps[0] },
		"a step more":          func(p *upgrade.Procedure) { p.Steps = append(p.Steps, upgrade.Step{Name: "five", Act: act}) },
		"a step less":          func(p *upgrade.Procedure) { p.Steps = p.Steps[:2] },
		"a step moved out":     func(p *upgrade.Procedure) { g := &p.Steps[1]; p.Steps[2] = g.Steps[0]; g.Steps = g.Steps[1:] },
		"a step that holds":    func(p *upgrade.Procedure) { p.Steps[2] = upgrade.Hold("four", "") },
	}
	seen := map[string]string{want: "the base"}
	for name, change := range covered {
		p := base()
		change(&p)
		d := digest(t, p)
		if other, twice := seen[d]; twice {
			t.Errorf("%s has the digest of %s", name, other)
		}
		seen[d] = name
	}
	rest := map[string]func(*upgrade.Procedure){
		"who does it":        func(p *upgrade.Procedure) { p.Steps[0] = byHand(p.Steps[0]) },
		"functions":          func(p *upgrade.Procedure) { p.Steps[0].Observe = see(upgrade.Ready, "other") },
		"limits":             func(p *upgrade.Procedure) { p.Steps[0].Limit, p.Steps[0].Every = time.Hour, time.Minute },
		"sending again":      func(p *upgrade.Procedure) { p.Steps[0].Again = upgrade.Freely },
		"texts":              func(p *upgrade.Procedure) { p.Steps[0].Advice, p.Source = "ask the vendor", "guide" },
		"expected times":     func(p *upgrade.Procedure) { p.Steps[0].Takes, p.Steps[0].Outage = time.Hour, time.Hour },
		"guards":             func(p *upgrade.Procedure) { p.Guards = []upgrade.Guard{{Name: "g", Observe: see(upgrade.Done, "")}} },
		"appliances' order":  func(p *upgrade.Procedure) { p.Steps[0].On = []string{"b", "a"} },
		"0 and 1 at once":    func(p *upgrade.Procedure) { p.Steps[1].AtOnce = 1 },
		"empty is like none": func(p *upgrade.Procedure) { p.Steps[2].On, p.Steps[2].With = []string{}, map[string]string{} },
	}
	for name, change := range rest {
		p := base()
		change(&p)
		if digest(t, p) != want {
			t.Errorf("%s is in the digest", name)
		}
	}
}

// Going from a person to a driver between two windows just works.
func TestDigestPersonToDriverBetweenTwoWindows(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		steps := []upgrade.Step{r.byHand("one"), upgrade.Hold("night", ""), r.byHand("two")}
		r.must(upgrade.Held, steps...)
		steps = []upgrade.Step{r.step("one"), upgrade.Hold("night", ""), r.step("two")}
		r.o.Operator = nil
		rep := r.must(upgrade.Succeeded, steps...)
		if one, two := stepReport(t, rep, "one"), stepReport(t, rep, "two"); one.By != "person" || two.By != "machine" {
			t.Errorf("acted: %s, %s", one.By, two.By)
		}
	})
}

// A changed procedure is refused unless that is allowed; a new step before the last finished one is then never run, and
// reported as skipped.
func TestChangedProcedure(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.must(upgrade.Held, r.step("one"), r.step("two"), upgrade.Hold("night", ""), r.step("three"))
		changed := []upgrade.Step{r.step("new"), r.step("one"), r.step("new 2"), r.step("two"), r.step("new 3"), upgrade.Hold("night", ""), r.step("three"), r.step("new 4")}
		_, err := r.run(changed...)
		if !errors.Is(err, upgrade.ErrChanged) {
			t.Fatal(err)
		}
		wantText(t, err.Error(), `"new" stands where "one" stood`, "AllowChanged")
		r.o.AllowChanged = true
		// A crash between the record of the change and anything else loses none of its meaning.
		r.crash(func(rec upgrade.Record) bool { return rec.Kind == upgrade.KindChanged }, false, changed...)
		rep := r.must(upgrade.Succeeded, changed...)
		r.pressed(0, "new", "new 2")
		r.pressed(1, "one", "two", "new 3", "three", "new 4")
		for _, path := range []string{"new", "new 2"} {
			if s := stepReport(t, rep, path); s.Status != upgrade.StatusSkipped || !strings.Contains(s.Detail, "before the last finished step") {
				t.Errorf("%s is %+v", path, s)
			}
		}
		if len(rep.Changes) != 1 || rep.Digest == "" || rep.Steps[0].Path != "new" {
			t.Errorf("the report has the changes %q", rep.Changes)
		}
		r.must(upgrade.AlreadyDone, changed...)
	})
	bubble(t, func(t *testing.T, r *rig) { // a step that is merely not finished is not new
		bad := r.on("a", "bad")
		bad.Observe, bad.Limit = stuck, time.Minute
		waits := r.on("b", "waits")
		waits.Observe = see(upgrade.Pending, "not yet")
		all := func(waits upgrade.Step) []upgrade.Step {
			return []upgrade.Step{upgrade.Together("t", 2, waits, bad)}
		}
		r.must(upgrade.UnknownEnd, all(waits)...)
		bad.Observe = see(upgrade.Done, "after all")
		r.o.AllowChanged = true
		r.must(upgrade.Succeeded, append(all(r.on("b", "waits")), r.step("new"))...)
		r.pressed(1, "waits", "new")
	})
}

func TestChangedProcedureThatLosesSomethingIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) { // a step under way
		r.crash(at(upgrade.KindSent, "one"), true, r.step("one"), r.step("two"))
		r.o.AllowChanged = true
		_, err := r.run(r.step("two"))
		if !errors.Is(err, upgrade.ErrChanged) || !strings.Contains(err.Error(), `"one"`) {
			t.Error(err)
		}
	})
	bubble(t, func(t *testing.T, r *rig) { // a change that is still to be put back
		r.values["a"] = "1"
		r.must(upgrade.Held, setting(r, "a", "x"), upgrade.Hold("night", ""))
		r.o.AllowChanged = true
		_, err := r.run(upgrade.Hold("night", ""))
		if !errors.Is(err, upgrade.ErrChanged) || !strings.Contains(err.Error(), "put back") {
			t.Error(err)
		}
	})
}

// The journal of another procedure is refused, whatever is allowed, and stays as it is.
func TestJournalOfAnotherProcedureIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.must(upgrade.Succeeded, r.step("one"))
		n := len(r.o.Journal.Records())
		r.o.AllowChanged = true
		_, err := upgrade.Run(t.Context(), upgrade.Procedure{Name: "other", Steps: []upgrade.Step{r.step("two")}}, &r.o)
		if !errors.Is(err, upgrade.ErrChanged) || !strings.Contains(err.Error(), `"toy"`) {
			t.Error(err)
		}
		r.o.DryRun = true
		if _, err = upgrade.Run(t.Context(), upgrade.Procedure{Name: "other", Steps: []upgrade.Step{r.step("two")}}, &r.o); !errors.Is(err, upgrade.ErrChanged) {
			t.Errorf("a dry run: %v", err)
		}
		if len(r.o.Journal.Records()) != n {
			t.Error("the journal was written to")
		}
	})
}

// From begins in the middle when the journal is lost: after every guard, with a person's word in the report.
func TestFromBeginsInTheMiddle(t *testing.T) {
	steps := func(r *rig) []upgrade.Step {
		return []upgrade.Step{r.step("one"), upgrade.Group("g", r.byHand("two"), upgrade.Confirm("sure", "Sure?")), upgrade.Group("h", r.step("three"), r.step("four"))}
	}
	bubble(t, func(t *testing.T, r *rig) {
		looks := r.watch(nil)
		r.o.From = "h"
		rep := r.must(upgrade.Succeeded, steps(r)...)
		r.pressed(0, "one", "two")
		r.pressed(1, "three", "four")
		if a := rep.Answers; len(a) != 1 || a[0].Answer != upgrade.AnswerYes || a[0].By != "tester" || a[0].Step != "h" {
			t.Errorf("answers %+v", a)
		}
		if first := r.records(upgrade.KindGuard); looks() < 3 || first[0].At.After(rep.Answers[0].At) {
			t.Error("the guards were not looked at first")
		}
		for _, path := range []string{"one", "g/two", "g/sure"} {
			if s := stepReport(t, rep, path); s.Status != upgrade.StatusSkipped {
				t.Errorf("%s is %+v", path, s)
			}
		}
		r.must(upgrade.AlreadyDone, steps(r)...) // the same command line once more
	})
	bubble(t, func(t *testing.T, r *rig) { // killed at any record, it never runs what stands before
		r.o.From = "h"
		for _, when := range []func(upgrade.Record) bool{at(upgrade.KindRun, ""), at(upgrade.KindAnswer, "h"), at(upgrade.KindFrom, "h"), at(upgrade.KindIntent, "h/three"), at(upgrade.KindDone, "h/three")} {
			r.crash(when, true, steps(r)...)
		}
		for _, when := range []func(upgrade.Record) bool{at(upgrade.KindDone, "h/three")} {
			r.crash(when, false, steps(r)...)
		}
		r.o.From = ""
		r.must(upgrade.Succeeded, steps(r)...)
		r.pressed(0, "one", "two")
		r.pressed(1, "three", "four")
	})
	bubble(t, func(t *testing.T, r *rig) { // no means no, and may be asked again
		r.o.From, r.o.Operator = "h", answers(upgrade.AnswerNo)
		_, err := r.run(steps(r)...)
		if !errors.Is(err, upgrade.ErrBlocked) {
			t.Error(err)
		}
		r.o.Operator = r.person()
		r.must(upgrade.Succeeded, steps(r)...)
	})
	bubble(t, func(t *testing.T, r *rig) { // a guard that is broken comes before the question
		r.watch(func(upgrade.Look) (upgrade.Observation, error) {
			return upgrade.See(upgrade.Blocked, nil, "two primaries"), nil
		})
		r.o.From = "h"
		rep := r.must(upgrade.BlockedRun, steps(r)...)
		if len(rep.Answers) > 0 {
			t.Errorf("asked %+v", rep.Answers)
		}
	})
}

func TestFromIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.o.From = "nowhere"
		if _, err := r.run(r.step("one")); err == nil || !strings.Contains(err.Error(), `"nowhere"`) {
			t.Errorf("a step that is not there: %v", err)
		}
		r.o.From, r.o.Operator = "two", nil
		if _, err := r.run(r.step("one"), r.step("two")); !errors.Is(err, upgrade.ErrNoOperator) {
			t.Errorf("without anybody to confirm: %v", err)
		}
		r.o.Operator = r.person()
		o := r.o
		r.o.From = ""
		r.must(upgrade.Held, r.step("one"), upgrade.Hold("night", ""), r.step("two"))
		r.o = o
		if _, err := r.run(r.step("one"), upgrade.Hold("night", ""), r.step("two")); err == nil || !strings.Contains(err.Error(), "knows where it stopped") {
			t.Errorf("with a journal that knows better: %v", err)
		}
	})
}

// One process a journal: a kernel lock, which a dead owner does not hold.
func TestLockJournalOneProcessAndNoGhosts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	child := lockHolder(t, "journal", path)
	if _, err := upgrade.OpenJournal(path); !errors.Is(err, upgrade.ErrLocked) {
		t.Errorf("a journal that another process has: %v", err)
	}
	if _, err := upgrade.ReadJournal(path); err != nil {
		t.Errorf("reading beside it: %v", err)
	}
	child.Process.Kill()
	child.Wait()
	j, err := upgrade.OpenJournal(path)
	if err != nil {
		t.Fatalf("a ghost holds the lock: %v", err)
	}
	defer j.Close()
	if _, err := upgrade.OpenJournal(path); !errors.Is(err, upgrade.ErrLocked) {
		t.Errorf("opened twice in one process: %v", err)
	}
}

// One run an appliance on this machine, in folders that are shared; ghosts hold nothing.
func TestLockApplianceOneRunAndNoGhosts(t *testing.T) {
	dir := t.TempDir()
	child := lockHolder(t, "appliance", dir)
	run := func(on string) error {
		_, err := upgrade.Run(t.Context(), upgrade.Procedure{Name: "p", Steps: []upgrade.Step{{Name: "one", On: []string{on}, Observe: see(upgrade.Done, "")}}},
			&upgrade.Options{Journal: openJournal(t, filepath.Join(t.TempDir(), "j")), LockDir: dir})
		return err
	}
	if err := run("sps1"); !errors.Is(err, upgrade.ErrLocked) || !strings.Contains(err.Error(), "sps1") {
		t.Errorf("an appliance that another process acts on: %v", err)
	}
	if err := run("sps2"); err != nil {
		t.Errorf("another appliance: %v", err)
	}
	child.Process.Kill()
	child.Wait()
	if err := run("sps1"); err != nil {
		t.Errorf("a ghost holds the lock: %v", err)
	}
}

// lockHolder starts this test binary as a process that holds a lock until it is killed.
func lockHolder(t *testing.T, what, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childEnv+"="+what, childPath+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil { // which it waits for, in vain
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	line := make([]byte, 5)
	if _, err := out.Read(line); err != nil || string(line) != "held\n" {
		t.Fatalf("the child said %q, %v", line, err)
	}
	return cmd
}

// By default the locks are in the journal's folder; two names never share one, and odd names are safe.
func TestLockFiles(t *testing.T) {
	dir := t.TempDir()
	names := []string{"sps1", "a b", "a_b", "../../etc/passwd", strings.Repeat("x", 300), "b:22", "Sps1"}
	var steps []upgrade.Step
	for i, n := range names {
		steps = append(steps, upgrade.Step{Name: "step " + string(rune('a'+i)), On: []string{n}, Observe: see(upgrade.Done, "")})
	}
	if _, err := upgrade.Run(t.Context(), upgrade.Procedure{Name: "p", Steps: steps}, &upgrade.Options{Journal: openJournal(t, dir+"/j")}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var locks []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "appliance-") {
			locks = append(locks, e.Name())
			if info, _ := e.Info(); info.Mode() != 0o600 {
				t.Errorf("%s has mode %s", e.Name(), info.Mode())
			}
		}
	}
	if len(locks) != len(names) || !slices.Contains(locks, "appliance-sps1.lock") {
		t.Errorf("locks %q", locks)
	}
}

// One journal carries one run at a time, also inside one process.
func TestLockJournalCarriesOneRunAtATime(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		for name, j := range map[string]upgrade.Journal{"in memory": upgrade.NoJournal(), "a file": openJournal(t, t.TempDir()+"/j")} {
			r.o.Journal = j
			var inner error
			s := upgrade.Step{Name: "one", Act: func(context.Context, *slog.Logger) error {
				_, inner = r.run(upgrade.Step{Name: "one", Act: func(context.Context, *slog.Logger) error { t.Error("acted twice"); return nil }})
				return nil
			}}
			r.must(upgrade.Succeeded, s)
			if !errors.Is(inner, upgrade.ErrLocked) {
				t.Errorf("%s: a run inside a run: %v", name, inner)
			}
			r.must(upgrade.AlreadyDone, s)
		}
	})
}
