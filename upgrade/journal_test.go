package upgrade_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

func openJournal(t testing.TB, path string) *upgrade.FileJournal {
	t.Helper()
	j, err := upgrade.OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func TestFileJournalPassesTheSuite(t *testing.T) {
	upgradetest.TestJournal(t, func(t *testing.T) (upgrade.Journal, func() upgrade.Journal) {
		path := filepath.Join(t.TempDir(), "j")
		j := openJournal(t, path)
		return j, func() upgrade.Journal {
			j.Close()
			j = openJournal(t, path)
			return j
		}
	})
}

func TestNoJournalPassesTheSuite(t *testing.T) {
	upgradetest.TestJournal(t, func(*testing.T) (upgrade.Journal, func() upgrade.Journal) { return upgrade.NoJournal(), nil })
}

// realJournal is the file of a procedure that was crashed, held and gone on with.
func realJournal(t *testing.T) []byte {
	t.Helper()
	var file []byte
	synctest.Test(t, func(t *testing.T) {
		path := t.TempDir() + "/j"
		toy := newToy(3 * time.Minute)
		trial := everything(toy)
		trial.Open = func() (upgrade.Journal, error) { return upgrade.OpenJournal(path) }
		if _, err := upgradetest.CrashAt(t.Context(), trial, 40, 12); err != nil {
			t.Fatal(err)
		}
		var err error
		if file, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	})
	return file
}

// smallJournal is one in which every byte can be tried.
func smallJournal(t *testing.T) []byte {
	t.Helper()
	var file []byte
	bubble(t, func(t *testing.T, r *rig) {
		steps := []upgrade.Step{upgrade.Confirm("sure", "Sure?"), upgrade.Hold("night", ""), r.step("one")}
		r.run(steps...)
		r.run(steps...)
		var err error
		if file, _, err = upgrade.EncodeJournal(r.o.Journal.Records()); err != nil {
			t.Fatal(err)
		}
	})
	return file
}

// The file is JSON lines of mode 0600, and each hash is over the one before it and the record.
func TestJournalFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j := openJournal(t, path)
	upgrade.Run(t.Context(), upgrade.Procedure{Name: "p", Steps: []upgrade.Step{{Name: "one", Observe: see(upgrade.Done, "<fine>")}}}, &upgrade.Options{Journal: j})
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(file) {
		var l struct {
			Hash string
			Rec  upgrade.Record
		}
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&l); err != nil || len(l.Hash) != 64 {
			t.Errorf("line %q: %v", line, err)
		}
	}
	wantText(t, string(file), `"detail":"<fine>"`)
	again, back, err := upgrade.EncodeJournal(j.Records())
	if err != nil || !bytes.Equal(again, file) {
		t.Errorf("the records make another chain: %v", err)
	}
	if d := cmp.Diff(back, j.Records()); d != "" {
		t.Errorf("what is in memory is not what reads back:\n%s", d)
	}
	records, err := upgrade.ReadJournal(path)
	if d := cmp.Diff(records, j.Records()); d != "" || err != nil {
		t.Errorf("ReadJournal: %v\n%s", err, d)
	}
}

// Every byte prefix of a real journal reopens with the records that were whole, and a run on it never acts twice.
func TestJournalEveryBytePrefixReopens(t *testing.T) {
	file := smallJournal(t)
	lines := 0
	start := 0 // of the line that byte n is in
	for n := range len(file) + 1 {
		if n > 0 && file[n-1] == '\n' {
			lines, start = lines+1, n
		}
		records, torn, err := upgrade.ReadJournalFrom(bytes.NewReader(file[:n]))
		if err != nil || len(records) != lines || torn != n-start {
			t.Fatalf("%d bytes: %d records and %d torn bytes, %v; want %d and %d", n, len(records), torn, err, lines, n-start)
		}
	}
	file = realJournal(t)
	all, torn, err := upgrade.ReadJournalFrom(bytes.NewReader(file))
	if err != nil || torn != 0 {
		t.Fatalf("the whole file: %d torn, %v", torn, err)
	}
	t.Logf("%d bytes, %d records", len(file), len(all))
	for n := range all {
		for _, happened := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) { runOnPrefix(t, all[:n+1], happened) })
		}
	}
}

// runOnPrefix goes on from records as a crash behind the last one leaves things: an act whose answer is missing may have
// happened or not, every other one did what the records say.
func runOnPrefix(t *testing.T, records []upgrade.Record, happened bool) {
	toy := newToy(3 * time.Minute)
	trial := everything(toy)
	j := upgrade.NoJournal()
	open := map[string]upgrade.Record{} // intents without an answer
	for _, r := range records {
		j.Append(r)
		switch r.Kind {
		case upgrade.KindIntent:
			open[r.Path] = r
		case upgrade.KindSent, upgrade.KindAnswer:
			if i, ok := open[r.Path]; ok && r.Class == "" {
				toy.redo(i)
			}
			delete(open, r.Path)
		}
	}
	for _, i := range open {
		if happened {
			toy.redo(i)
		}
	}
	time.Sleep(time.Until(records[len(records)-1].At.Add(time.Hour)))
	trial.Open = func() (upgrade.Journal, error) { return j, nil }
	if _, err := upgradetest.CrashAt(t.Context(), trial); err != nil {
		t.Errorf("after %d records (last act happened: %t): %v", len(records), happened, err)
	}
}

// Any byte of a journal that is changed is found, with the number of its line. Only a last line without an end is dropped.
func TestJournalAnyChangedByteIsRefused(t *testing.T) {
	file := smallJournal(t)
	line := 1
	for i, b := range file {
		for _, mask := range []byte{0x01, 0x20, 0x80} {
			changed := bytes.Clone(file)
			changed[i] ^= mask
			_, torn, err := upgrade.ReadJournalFrom(bytes.NewReader(changed))
			switch last := line == bytes.Count(file, []byte("\n")); {
			case last && i == len(file)-1 && err == nil && torn > 0: // its end is gone
			case !errors.Is(err, upgrade.ErrJournal):
				t.Fatalf("byte %d of line %d, %q: not noticed: %v", i, line, b, err)
			case !strings.Contains(err.Error(), fmt.Sprintf("line %d ", line)):
				t.Fatalf("byte %d of line %d, %q: %v", i, line, b, err)
			}
		}
		if b == '\n' {
			line++
		}
	}
}

// So is a line that is gone, doubled or moved.
func TestJournalAnyChangedLineIsRefused(t *testing.T) {
	file := realJournal(t)
	lines := bytes.SplitAfter(bytes.TrimSuffix(file, []byte("\n")), []byte("\n"))
	lines[len(lines)-1] = append(lines[len(lines)-1], '\n')
	for i := range lines[:len(lines)-1] {
		gone := bytes.Join(append(append([][]byte{}, lines[:i]...), lines[i+1:]...), nil)
		double := bytes.Join(append(append([][]byte{}, lines[:i+1]...), lines[i:]...), nil)
		swapped := append([][]byte{}, lines...)
		swapped[i], swapped[i+1] = lines[i+1], lines[i]
		for what, f := range map[string][]byte{"gone": gone, "double": double, "swapped": bytes.Join(swapped, nil)} {
			want := map[string]int{"gone": i + 1, "double": i + 2, "swapped": i + 1}[what]
			if _, _, err := upgrade.ReadJournalFrom(bytes.NewReader(f)); !errors.Is(err, upgrade.ErrJournal) || !strings.Contains(err.Error(), fmt.Sprintf("line %d ", want)) {
				t.Fatalf("line %d %s: %v", i+1, what, err)
			}
		}
	}
}

// A torn last line is dropped, said so, and written over.
func TestJournalTornLineIsDropped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j := openJournal(t, path)
	p := upgrade.Procedure{Name: "p", Steps: []upgrade.Step{upgrade.Hold("night", ""), {Name: "one", Observe: see(upgrade.Done, "")}}}
	upgrade.Run(t.Context(), p, &upgrade.Options{Journal: j})
	n := len(j.Records())
	if j.Torn() != 0 || j.Path() != path {
		t.Errorf("Torn() = %d, Path() = %q", j.Torn(), j.Path())
	}
	j.Close()
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for what, tail := range map[string]string{
		"half a line":              `{"hash":"00`,
		"a line without its end":   string(bytes.TrimSuffix(good[:bytes.IndexByte(good, '\n')+1], []byte("\n"))),
		"zeros":                    strings.Repeat("\x00", 5000),
		"a page of it lost":        `{"hash":"` + strings.Repeat("\x00", 4096) + "\"}\n",
		"nothing but a brace":      "{",
		"what is no UTF-8 at all ": "\xff\xfe",
	} {
		if err := os.WriteFile(path, append(bytes.Clone(good), tail...), 0o600); err != nil {
			t.Fatal(err)
		}
		if records, err := upgrade.ReadJournal(path); err != nil || len(records) != n {
			t.Errorf("%s: ReadJournal = %d records, %v", what, len(records), err)
		}
		j := openJournal(t, path)
		if len(j.Records()) != n || j.Torn() != len(tail) {
			t.Errorf("%s: %d records, %d torn bytes", what, len(j.Records()), j.Torn())
		}
		if _, err := upgrade.Run(t.Context(), p, &upgrade.Options{Journal: j}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		j.Close()
		if j = openJournal(t, path); j.Torn() != 0 || len(j.Records()) <= n {
			t.Errorf("%s: reopened with %d records", what, len(j.Records()))
		}
		j.Close()
	}
}

// What is no journal is refused and stays as it is.
func TestJournalOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	lines := func(records ...upgrade.Record) string {
		file, _, err := upgrade.EncodeJournal(records)
		if err != nil {
			t.Fatal(err)
		}
		return string(file)
	}
	plan := upgrade.Record{Kind: upgrade.KindPlan, Plan: &upgrade.PlanData{Name: "p"}}
	for what, tt := range map[string]struct{ file, want string }{
		"a text":             {"hello\nworld\n", "line 1 "},
		"a line of nothing":  {"\n", "line 1 "},
		"no plan first":      {lines(upgrade.Record{Kind: upgrade.KindRun}), "line 1 is no plan"},
		"a plan of nothing":  {lines(upgrade.Record{Kind: upgrade.KindPlan}), "line 1 "},
		"a newer kind":       {lines(plan, upgrade.Record{Kind: "teleported"}), `line 2 has the kind "teleported"`},
		"a newer outcome":    {strings.Replace(lines(plan), "plan", "plan", 1) + newerLine(t, plan), "line 2 "},
		"a line without end": {lines(plan) + strings.Repeat("x", 20<<20) + "\n", "line 2 is bad (it is too long)"},
	} {
		path := filepath.Join(dir, "j")
		if err := os.WriteFile(path, []byte(tt.file), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := upgrade.OpenJournal(path)
		if !errors.Is(err, upgrade.ErrJournal) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: OpenJournal: %v", what, err)
		}
		if _, err := upgrade.ReadJournal(path); !errors.Is(err, upgrade.ErrJournal) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: ReadJournal: %v", what, err)
		}
		if after, _ := os.ReadFile(path); string(after) != tt.file {
			t.Errorf("%s: the file was changed", what)
		}
	}
	for what, path := range map[string]string{"a folder": dir, "a device": os.DevNull, "nowhere": filepath.Join(dir, "no", "j")} {
		if j, err := upgrade.OpenJournal(path); err == nil {
			j.Close()
			t.Errorf("%s was opened", what)
		}
	}
	if _, err := upgrade.ReadJournal(filepath.Join(dir, "nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("reading what is not there: %v", err)
	}
}

// newerLine is a whole last line with a word of a newer version: it must not be taken for a torn one.
func newerLine(t *testing.T, plan upgrade.Record) string {
	t.Helper()
	file, _, err := upgrade.EncodeJournal([]upgrade.Record{plan, {Kind: upgrade.KindEnd, Outcome: upgrade.Held}})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(file), "\n")
	return upgrade.Reseal(lines[0], strings.Replace(lines[1], `"held"`, `"beheld"`, 1))
}

// A closed journal says so; closing twice is no error; a record that is too large is refused and the journal is not broken by it.
func TestJournalAppend(t *testing.T) {
	j := openJournal(t, filepath.Join(t.TempDir(), "j"))
	plan := upgrade.Record{Kind: upgrade.KindPlan, Plan: &upgrade.PlanData{Name: "p"}}
	for what, bad := range map[string]upgrade.Record{
		"too large":   {Kind: upgrade.KindPlan, Plan: &upgrade.PlanData{Name: strings.Repeat("x", 17<<20)}},
		"no JSON":     {Kind: upgrade.KindSeen, Evidence: json.RawMessage("{")},
		"no outcome":  {Kind: upgrade.KindEnd, Outcome: 99},
		"no time ago": {Kind: upgrade.KindRun, At: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if err := j.Append(bad); !errors.Is(err, upgrade.ErrJournal) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := j.Append(plan); err != nil || len(j.Records()) != 1 {
		t.Errorf("after refused records: %v, %d records", err, len(j.Records()))
	}
	if err := errors.Join(j.Close(), j.Close()); err != nil {
		t.Error(err)
	}
	if err := j.Append(plan); !errors.Is(err, upgrade.ErrJournal) || !errors.Is(err, os.ErrClosed) {
		t.Errorf("Append to a closed journal: %v", err)
	}
}

// A report is a pure function of the records: from memory, from the file, on any machine.
func TestJournalReportIsAPureFunction(t *testing.T) {
	file := realJournal(t)
	records, _, err := upgrade.ReadJournalFrom(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	want := upgrade.ReportOf(records)
	zone := time.Local
	defer func() { time.Local = zone }()
	time.Local = time.FixedZone("XST", 5*60*60)
	records, _, err = upgrade.ReadJournalFrom(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	got := upgrade.ReportOf(records)
	if d := cmp.Diff(want.String(), got.String()); d != "" {
		t.Errorf("text (-here +elsewhere):\n%s", d)
	}
	a, _ := json.Marshal(want)
	b, _ := json.Marshal(got)
	if d := cmp.Diff(string(a), string(b)); d != "" {
		t.Errorf("JSON (-here +elsewhere):\n%s", d)
	}
	var back upgrade.Report
	if err := json.Unmarshal(a, &back); err != nil {
		t.Fatal(err)
	}
	if c, _ := json.Marshal(back); string(c) != string(a) {
		t.Error("a report does not read back as it was")
	}
}
