package upgradetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
)

// TestJournal checks what an [upgrade.Journal] promises: order, every field, concurrency, durability. open returns a new, empty
// journal and how to open the same one again as another process would after a crash; reopen is nil for a journal that does not
// outlive its process.
func TestJournal(t *testing.T, open func(t *testing.T) (j upgrade.Journal, reopen func() upgrade.Journal)) {
	phase := upgrade.Pending
	at := time.Date(2026, 5, 4, 3, 2, 1, 123456789, time.FixedZone("", 2*60*60))
	full := []upgrade.Record{
		{Kind: upgrade.KindPlan, At: at, Plan: &upgrade.PlanData{Name: "p", Source: "a guide", Digest: "d", Guards: []string{"g"}, Steps: []upgrade.PlanStep{
			{Path: "one", Ref: "1", On: []string{"a"}, With: map[string]string{"k": "v"}, Who: upgrade.WhoPerson, Takes: time.Minute, Restores: true}}}},
		{Kind: upgrade.KindRun, At: at, Run: 1, Detail: "umlauts äöü, <tags>, \u2028 and \"quotes\""},
		{Kind: upgrade.KindIntent, At: at, Run: 1, Path: "one", By: "machine", Evidence: json.RawMessage(`{"a":[1,2.50,"<x>"]}`)},
		{Kind: upgrade.KindSent, At: at, Run: 1, Path: "one", Err: "an error\nof two lines", Class: "not sent"},
		{Kind: upgrade.KindSeen, At: at, Run: 1, Path: "one", Phase: &phase, Evidence: json.RawMessage(`null`)},
		{Kind: upgrade.KindAnswer, At: at, Run: 1, Path: "one", Question: &upgrade.Question{Kind: upgrade.AskPress, Step: "one", Options: []string{"done"},
			Instruction: &upgrade.Instruction{Where: "Page", Set: []upgrade.Field{{Label: "l", Value: "v", Secret: true}}, Button: "b"}}, Answer: "done", By: "tester"},
		{Kind: upgrade.KindFrom, At: at, Run: 1, Path: "one", Skips: []string{"zero"}},
		{Kind: upgrade.KindStopped, At: at, Run: 1, Path: "one", Outcome: upgrade.Held, Advice: "wait"},
		{Kind: upgrade.KindDone, At: at, Run: 2, Path: "one", Already: true},
		{Kind: upgrade.KindEnd, At: at, Run: 2, Outcome: upgrade.Succeeded},
	}
	appendAll := func(t *testing.T, j upgrade.Journal, records []upgrade.Record) {
		t.Helper()
		for _, r := range records {
			if err := j.Append(r); err != nil {
				t.Fatalf("Append of %q: %v", r.Kind, err)
			}
		}
	}
	same := func(t *testing.T, got, want []upgrade.Record) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%d records, want %d", len(got), len(want))
		}
		for i := range want {
			g, _ := json.Marshal(got[i])
			w, _ := json.Marshal(want[i])
			if string(g) != string(w) || !got[i].At.Equal(want[i].At) {
				t.Errorf("record %d is\n%s, want\n%s", i+1, g, w)
			}
		}
	}

	t.Run("a new journal is empty", func(t *testing.T) {
		if j, _ := open(t); len(j.Records()) > 0 {
			t.Errorf("it has %d records", len(j.Records()))
		}
	})

	t.Run("what is appended is there, in order, with every field", func(t *testing.T) {
		j, _ := open(t)
		appendAll(t, j, full)
		same(t, j.Records(), full)
	})

	t.Run("what Records returned stays as it was", func(t *testing.T) {
		j, _ := open(t)
		appendAll(t, j, full[:3])
		before := j.Records()
		appendAll(t, j, full[3:])
		same(t, before, full[:3])
		same(t, append(before, upgrade.Record{Kind: upgrade.KindEnd})[:3], full[:3])
		same(t, j.Records(), full)
	})

	t.Run("several may append at the same time", func(t *testing.T) {
		j, reopen := open(t)
		appendAll(t, j, full[:2])
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for i := range 20 {
					if err := j.Append(upgrade.Record{Kind: upgrade.KindSeen, At: at, Path: fmt.Sprint("writer ", w), Run: i + 1}); err != nil {
						t.Error(err)
					}
					j.Records()
				}
			})
		}
		wg.Wait()
		check := func(records []upgrade.Record) {
			t.Helper()
			last := map[string]int{}
			for _, r := range records[2:] {
				if last[r.Path]++; r.Run != last[r.Path] {
					t.Fatalf("%s: record %d came as number %d", r.Path, r.Run, last[r.Path])
				}
			}
			if len(records) != 82 {
				t.Errorf("%d records, want 82", len(records))
			}
		}
		check(j.Records())
		if reopen != nil {
			check(reopen().Records())
		}
	})

	t.Run("what is appended outlives the process", func(t *testing.T) {
		j, reopen := open(t)
		if reopen == nil {
			t.Skip("this journal does not outlive its process")
		}
		for i, r := range full {
			appendAll(t, j, []upgrade.Record{r})
			j = reopen()
			same(t, j.Records(), full[:i+1])
		}
	})

	t.Run("a run goes on with it", func(t *testing.T) {
		j, reopen := open(t)
		acts := 0
		p := upgrade.Procedure{Name: "p", Steps: []upgrade.Step{
			{Name: "one", Act: func(context.Context, *slog.Logger) error { acts++; return nil }},
			upgrade.Hold("night", "soon"),
			{Name: "two", Act: func(context.Context, *slog.Logger) error { acts++; return nil }},
		}}
		if _, err := upgrade.Run(t.Context(), p, &upgrade.Options{Journal: j}); !errors.Is(err, upgrade.ErrHeld) {
			t.Fatalf("the first run: %v", err)
		}
		if reopen != nil {
			j = reopen()
		}
		rep, err := upgrade.Run(t.Context(), p, &upgrade.Options{Journal: j})
		if err != nil || rep.Outcome != upgrade.Succeeded || acts != 2 {
			t.Errorf("the second run: %v after %d acts", err, acts)
		}
		if rep, err = upgrade.Run(t.Context(), p, &upgrade.Options{Journal: j}); err != nil || rep.Outcome != upgrade.AlreadyDone || acts != 2 {
			t.Errorf("the third run: %v after %d acts", err, acts)
		}
	})
}
