package upgrade_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
)

// A record of the usual size, made durable: the price of never acting twice. What it costs is the disk's fsync.
func BenchmarkJournalAppend(b *testing.B) {
	rec := upgrade.Record{Kind: upgrade.KindSeen, At: time.Now().Round(0), Run: 1, Path: "without redundancy/reboot primary",
		Detail: "the primary boots, 12 min so far", Evidence: json.RawMessage(`{"status":"booting","version":"7.0.2.1","slots":[1,2,3]}`)}
	for name, j := range map[string]upgrade.Journal{"file": openJournal(b, filepath.Join(b.TempDir(), "j")), "memory": upgrade.NoJournal()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := j.Append(rec); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// many is a procedure of n steps in groups of ten, each of which acts at once.
func many(n int) upgrade.Procedure {
	p := upgrade.Procedure{Name: "many", Guards: []upgrade.Guard{{Name: "g", Observe: see(upgrade.Done, "fine")}}}
	for i := range n / 10 {
		g := upgrade.Group(fmt.Sprint("group ", i))
		for k := range 10 {
			done := false
			g.Steps = append(g.Steps, upgrade.Step{
				Name: fmt.Sprint("step ", k), Ref: fmt.Sprint(i, ".", k), On: []string{fmt.Sprint("box ", i)}, With: map[string]string{"version": "7.0.2.1"},
				Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
					if done {
						return upgrade.See(upgrade.Done, map[string]int{"step": k}, "on"), nil
					}
					return upgrade.See(upgrade.Ready, nil, "off"), nil
				},
				Act: func(context.Context, *slog.Logger) error { done = true; return nil },
			})
		}
		p.Steps = append(p.Steps, g)
	}
	return p
}

// The report of a procedure of 1,000 steps, with all it takes: playing the journal back, the text, the JSON.
func BenchmarkReport1000Steps(b *testing.B) {
	j := upgrade.NoJournal()
	if _, err := upgrade.Run(b.Context(), many(1000), &upgrade.Options{Journal: j}); err != nil {
		b.Fatal(err)
	}
	records := j.Records()
	file, _, err := upgrade.EncodeJournal(records)
	if err != nil {
		b.Fatal(err)
	}
	rep := upgrade.ReportOf(records)
	for name, do := range map[string]func() error{
		"read the journal": func() error { _, _, err := upgrade.ReadJournalFrom(bytes.NewReader(file)); return err },
		"make":             func() error { upgrade.ReportOf(records); return nil },
		"as text":          func() error { _ = rep.String(); return nil },
		"as JSON":          func() error { _, err := json.Marshal(rep); return err },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What the engine itself costs: a procedure of 1,000 acts that take no time, in memory.
func BenchmarkRun1000Acts(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		p := many(1000)
		b.StartTimer()
		if _, err := upgrade.Run(b.Context(), p, &upgrade.Options{Journal: upgrade.NoJournal()}); err != nil {
			b.Fatal(err)
		}
	}
}

// Checking a procedure and making it data.
func BenchmarkPlan1000Steps(b *testing.B) {
	p := many(1000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := upgrade.Plan(p); err != nil {
			b.Fatal(err)
		}
	}
}
