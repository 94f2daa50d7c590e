package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

// browse is a setting for a browser's hands.
func browse(t *testing.T) setting {
	t.Helper()
	browsertest.Need(t)
	s := setting{scale: 1.0 / 600, hands: byBrowser, swing: swings[0], dir: filepath.Join(t.TempDir(), "artifacts")}
	var err error
	if s.crew, err = newCrew(s.dir); err != nil {
		t.Fatal(err)
	}
	return s
}

// Between two maintenance windows of one run a person hands over to the browser, or the browser to a person.
func TestPeerGuidesBetweenWindows(t *testing.T) {
	browsertest.Need(t)
	if raced {
		t.Skip("runs without the race detector")
	}
	for name, first := range map[string]bool{"a person first": false, "the browser first": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			atOnce <- struct{}{}
			defer func() { <-atOnce }()
			s := browse(t)
			st, err := praSetUp(s, pratest.Pair())
			if err != nil {
				t.Fatal(err)
			}
			driven := st.async(st.a, st.b)
			a, b := st.a, st.b
			a.Pages, b.Pages = beyondtrust.Pages{}, beyondtrust.Pages{}
			told := st.async(a, b)
			stage := st.stage(driven)
			defer stage.close()
			person := stage.person(s)
			j, err := upgrade.OpenJournal(filepath.Join(t.TempDir(), "journal"))
			if err != nil {
				t.Fatal(err)
			}
			defer j.Close()
			windows := []upgrade.Procedure{told, driven}
			by := []string{"person", "machine"}
			if first {
				slices.Reverse(windows)
				slices.Reverse(by)
			}
			var rep *upgrade.Report
			for i, want := range []upgrade.Outcome{upgrade.Held, upgrade.Succeeded} {
				rep, err = upgrade.Run(t.Context(), windows[i], &upgrade.Options{Journal: j, Operator: person, Scale: stage.waits(s)})
				if rep == nil || rep.Outcome != want {
					t.Fatalf("window %d: %v\n%s", i+1, err, rep)
				}
			}
			if err := s.crew.Close(); err != nil {
				t.Error(err)
			}
			if d := cmp.Diff(presses["pra-async by dns"], stage.presses()); d != "" {
				t.Errorf("pressed (-want +got):\n%s", d)
			}
			for path, i := range map[string]int{"break failover": 0, "B first/update B/install Base Software 7.0.0": 0, "update A/install Base Software 7.0.0": 1, "establish failover": 1} {
				s := stepOf(t, rep, path)
				if s.By != by[i] || (len(s.Artifacts) > 0) != (by[i] == "machine") {
					t.Errorf("%s was pressed by %s, with %d artifacts; want by %s", path, s.By, len(s.Artifacts), by[i])
				}
			}
		})
	}
}

func stepOf(t *testing.T, rep *upgrade.Report, path string) upgrade.StepReport {
	t.Helper()
	for _, s := range rep.Steps {
		if s.Path == path {
			return s
		}
	}
	t.Fatalf("the report has no step %q:\n%s", path, rep)
	return upgrade.StepReport{}
}

// What the browser is not certain of in the middle of a guide is offered to the person, with the instruction that he would have had without one; he presses it once, and the
// browser goes on.
func TestPeerGuidesRefused(t *testing.T) {
	if raced {
		t.Skip("runs without the race detector")
	}
	tests := map[string]struct {
		labels string
		traps  spstest.Traps
		steps  []string
		reason string
	}{
		"a missing label": {labels: `{"labels": {"system.reboot": {"text": ["Restart appliance"]}}}`, steps: []string{"reboot"}, reason: "not-found"},
		"two of them":     {traps: spstest.Traps{Twice: "After reboot"}, steps: []string{"activate after reboot"}, reason: "more-than-one"},
		"another page":    {labels: `{"pages": {"system": {"start": "/", "menu": [["Basic Settings"], ["System"]], "heading": ["Appliance"]}}}`, steps: []string{"backup/get the backup", "activate after reboot", "reboot", "fresh backup/get the backup"}, reason: "another-page"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			atOnce <- struct{}{}
			defer func() { <-atOnce }()
			s := browse(t)
			s.labels = []byte(tt.labels)
			node := &spstest.Node{Password: spsPassword, Scale: s.scale, Traps: tt.traps}
			defer node.Close()
			book, err := nodeBook(s, node)
			if err != nil {
				t.Fatal(err)
			}
			alone := book
			alone.Pages = sps.Pages{}
			st := &stage{procedure: book.Procedure(), pages: map[string]upgradetest.Pages{"": node}}
			person := st.person(s)
			rep, err := st.runs(t.Context(), filepath.Join(t.TempDir(), "journal"), &upgrade.Options{Operator: person, Scale: st.waits(s)})
			if cerr := s.crew.Close(); cerr != nil {
				t.Error(cerr)
			}
			if err != nil || rep.Outcome != upgrade.Succeeded {
				t.Fatalf("%v\n%s", err, rep)
			}
			if d := cmp.Diff(presses["sps-node"], spsPresses(node.Record())); d != "" {
				t.Errorf("pressed (-want +got):\n%s", d)
			}
			var told []upgrade.Question
			for _, q := range person.Asked() {
				if q.Kind == upgrade.AskPress {
					told = append(told, q)
				}
			}
			if len(told) != len(tt.steps) {
				t.Fatalf("a person was told to press %+v, want %q", told, tt.steps)
			}
			for i, path := range tt.steps {
				want := *find(t, alone.Procedure().Steps, path).Ask(nil)
				got := *told[i].Instruction
				got.On = ""
				if d := cmp.Diff(want, got); d != "" || told[i].Step != path {
					t.Errorf("%s: the instruction (-without a browser +with one):\n%s", told[i].Step, d)
				}
				step := stepOf(t, rep, path)
				if step.By != "person" || step.Acts != 1 || !slices.ContainsFunc(step.Artifacts, func(a string) bool { return strings.Contains(a, tt.reason) }) {
					t.Errorf("%s was pressed %d times by %s; kept %q, want something of %q", path, step.Acts, step.By, step.Artifacts, tt.reason)
				}
			}
		})
	}
}

// find returns the step at a path.
func find(t *testing.T, steps []upgrade.Step, path string) upgrade.Step {
	t.Helper()
	name, rest, deeper := strings.Cut(path, "/")
	i := slices.IndexFunc(steps, func(s upgrade.Step) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("there is no step %q", path)
	}
	if deeper {
		return find(t, steps[i].Steps, rest)
	}
	return steps[i]
}
