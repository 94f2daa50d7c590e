package upgrade_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

var update = flag.Bool("update", false, "write testdata/*.golden anew")

// golden compares with a file that people have read.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got), -update writes it anew:\n%s", path, d)
	}
}

// The plan and the report of a procedure with every feature, crashed once, held over night, put back: as people read them.
func TestReportGolden(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		trial := everything(r.toy)
		d, err := upgrade.Plan(trial.Procedure)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "plan.golden", d.String())

		j := upgrade.NoJournal()
		trial.Open = func() (upgrade.Journal, error) { return j, nil }
		trial.Again = func(_ *upgrade.Report, err error) bool {
			time.Sleep(20 * time.Hour)
			return errors.Is(err, upgrade.ErrHeld)
		}
		truth := trial.Truth
		trial.Truth = func(rep *upgrade.Report, err error) error {
			golden(t, "report.golden", rep.String())
			raw, jerr := json.MarshalIndent(rep, "", "  ")
			golden(t, "report.json.golden", string(raw)+"\n")
			return errors.Join(jerr, truth(rep, err))
		}
		if _, err := upgradetest.CrashAt(t.Context(), trial, 30); err != nil {
			t.Error(err)
		}
	})
}

// What is owed, what a run that was killed looks like, and a writer that fails.
func TestReportOfWhatIsNotFinished(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.values["a"] = "1"
		r.crash(at(upgrade.KindSent, "one"), true, setting(r, "a", "x"), r.step("one").At("7"))
		rep := upgrade.ReportOf(r.o.Journal.Records())
		if rep.Outcome != upgrade.OutcomeNone || len(rep.Owed) != 1 || !rep.Runs[0].Ended.IsZero() {
			t.Errorf("report %+v", rep)
		}
		if s := stepReport(t, rep, "one"); s.Status != upgrade.StatusInFlight || s.Took() != 0 || s.Ref != "7" {
			t.Errorf("step one is %+v", s)
		}
		wantText(t, rep.String(), "toy: none", "looks before it acts", "still to be put back: set a", "without an end", "in flight")
		if err := rep.WriteText(brokenPipe{}); err == nil {
			t.Error("a writer that fails is no error")
		}
		var b bytes.Buffer
		if err := rep.WriteText(&b); err != nil || b.String() != rep.String() {
			t.Errorf("WriteText: %v", err)
		}
	})
	empty := upgrade.ReportOf(nil)
	wantText(t, empty.String(), "none")
}
