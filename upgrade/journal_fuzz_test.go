package upgrade_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/upgrade"
)

// FuzzJournal: whatever a file holds, it is refused, or its records make the same chain again.
func FuzzJournal(f *testing.F) {
	p := upgrade.Procedure{Name: "p", Source: "guide", Steps: []upgrade.Step{
		{Name: "one", Ref: "1", On: []string{"a"}, With: map[string]string{"v": "7"}, Observe: see(upgrade.Done, "fine")}, upgrade.Hold("h", "soon")}}
	j := upgrade.NoJournal()
	upgrade.Run(context.Background(), p, &upgrade.Options{Journal: j})
	file, _, err := upgrade.EncodeJournal(j.Records())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Add(file[:len(file)-1])
	f.Add(file[:len(file)/2])
	f.Add([]byte("{\"hash\":\"\",\"rec\":{}}\n"))
	f.Add([]byte("\x00\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		records, torn, err := upgrade.ReadJournalFrom(bytes.NewReader(in))
		if err != nil {
			if !errors.Is(err, upgrade.ErrJournal) {
				t.Errorf("refused with %v", err)
			}
			return
		}
		out, _, err := upgrade.EncodeJournal(records)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if len(out)+torn == len(in) && !bytes.Equal(out, in[:len(out)]) {
			t.Errorf("another chain:\n%s\nwas\n%s", out, in)
		}
		_ = upgrade.ReportOf(records).String()
	})
}

// FuzzRecord: any record that can be read can be written, reads back as the same, and makes a report without a panic, at any place.
func FuzzRecord(f *testing.F) {
	for _, line := range []string{
		`{"kind":"intent","at":"2026-01-02T03:04:05Z","run":1,"path":"one","evidence":{"a":1},"by":"machine"}`,
		`{"kind":"sent","path":"one","class":"not sent","err":"x"}`, `{"kind":"done","path":"one","already":true}`,
		`{"kind":"changed","plan":{"name":"p","steps":[{"path":"one","who":"machine","restores":true}]},"skips":["one"]}`,
		`{"kind":"answer","path":"one","question":{"kind":"value","step":"one","where":"w"},"answer":"a","by":"b"}`,
		`{"kind":"held","path":"h","detail":"soon"}`, `{"kind":"stopped","path":"guard g","outcome":"blocked","phase":"blocked"}`,
		`{"kind":"end","outcome":"held"}`, `{"kind":"abandoned"}`, `{"kind":"from","path":"one","skips":["zero"]}`, `{"kind":"left","path":"one/restore"}`,
	} {
		f.Add([]byte(line), []byte(line))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		records := []upgrade.Record{{Kind: upgrade.KindPlan, Plan: &upgrade.PlanData{Name: "p", Steps: []upgrade.PlanStep{{Path: "one", Restores: true}, {Path: "h", Who: upgrade.WhoHold}}}}}
		for _, raw := range [][]byte{a, b, a} {
			var r upgrade.Record
			if json.Unmarshal(raw, &r) == nil {
				records = append(records, r)
			}
		}
		file, back, err := upgrade.EncodeJournal(records)
		if err != nil {
			return // a time or an outcome that JSON cannot hold
		}
		again, _, err := upgrade.EncodeJournal(back)
		if err != nil || !bytes.Equal(file, again) {
			t.Errorf("reads back as another chain (%v):\n%s\n%s", err, file, again)
		}
		rep := upgrade.ReportOf(records)
		if _, err := json.Marshal(rep); err != nil {
			t.Errorf("the report is no JSON: %v", err)
		}
		if rep.String() != upgrade.ReportOf(back).String() {
			t.Error("the report changes when the records are read back")
		}
		read, _, err := upgrade.ReadJournalFrom(bytes.NewReader(file))
		if err == nil {
			if d := cmp.Diff(back, read); d != "" {
				t.Error(d)
			}
		} else if !errors.Is(err, upgrade.ErrJournal) {
			t.Error(err)
		}
	})
}
