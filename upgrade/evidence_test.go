package upgrade_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
)

// filmed is a step whose functions see pages: every look shows one, some looks fail, and the act shows three, two of them the same.
func filmed(r *rig, name string, page func(ctx context.Context, what, png string)) upgrade.Step {
	s := r.step(name)
	observe, act := s.Observe, s.Act
	s.Every = 10 * time.Second
	s.Observe = func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
		page(ctx, "status failed", "PNG")
		return observe(ctx, l)
	}
	s.Act = func(ctx context.Context, log *slog.Logger) error {
		page(ctx, name+" before", "PNG 1")
		page(ctx, name+" before", "PNG 1")
		err := act(ctx, log)
		page(ctx, name+" after", "PNG 2")
		return err
	}
	return s
}

// keep is a driver's callback.
func keep(a upgrade.Artifacts) func(ctx context.Context, what, png string) {
	return func(ctx context.Context, what, png string) {
		_ = upgrade.KeepPage(ctx, a, what, []byte(png), map[string]string{"what": what})
	}
}

// What an act shows is kept, and named at its step. Of looks that come every ten seconds one page is, before and after the act.
func TestEvidenceIsStoredAndNamedAtTheStep(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.takes = time.Hour
		a := openArtifacts(t, t.TempDir())
		page := keep(a)
		r.guards = []upgrade.Guard{{Name: "dog", Observe: func(ctx context.Context, _ upgrade.Look) (upgrade.Observation, error) {
			page(ctx, "failover failed", "")
			return upgrade.See(upgrade.Done, nil, "barks"), nil
		}}}
		one, two := filmed(r, "one", page), r.step("two")
		one.Limit, two.Limit = 2*time.Hour, 2*time.Hour
		rep := r.must(upgrade.Succeeded, one, two)
		if _, looks := r.count("one"); looks < 300 {
			t.Fatalf("%d looks", looks)
		}
		s := stepReport(t, rep, "one")
		var what []string
		for _, name := range s.Artifacts {
			_, rest, _ := strings.Cut(name, "-one-")
			what = append(what, rest)
		}
		want := []string{"status-failed.json", "status-failed.png", "one-before.json", "one-before.png", "one-before-2.json", "one-before-2.png", "one-after.json", "one-after.png", "status-failed-2.json", "status-failed-2.png"}
		if !slices.Equal(what, want) || s.NotKept != "" {
			t.Errorf("at the step: %q, want %q", what, want)
		}
		if len(rep.Guards) != 1 || rep.Guards[0].Name != "dog" || len(rep.Guards[0].Artifacts) != 1 {
			t.Errorf("guards %+v", rep.Guards)
		}
		stored, err := a.List(t.Context())
		if err != nil || len(stored) != len(want)+1 {
			t.Errorf("%d artifacts, %v", len(stored), err)
		}
		for _, x := range stored {
			if x.Name != rep.Guards[0].Artifacts[0] && !slices.Contains(s.Artifacts, x.Name) {
				t.Errorf("the report does not name %s", x.Name)
			}
		}
		if s := stepReport(t, rep, "two"); s.Artifacts != nil {
			t.Errorf("at another step: %q", s.Artifacts)
		}
		wantText(t, rep.String(), "Pages as they were seen", "one: "+s.Artifacts[2]+", .png\n", "guard dog: "+rep.Guards[0].Artifacts[0]+"\n")
		if again := upgrade.ReportOf(r.o.Journal.Records()); again.String() != rep.String() {
			t.Error("the journal alone gives another report")
		}
	})
}

// What was kept before a crash is named by the run that goes on, and pages of the same moment overwrite nothing.
func TestEvidenceSurvivesACrashAndIsNeverOverwritten(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		a := openArtifacts(t, t.TempDir())
		step := filmed(r, "one", keep(a))
		r.takes = 0
		r.crash(at(upgrade.KindSent, "one"), true, step)
		if got := upgrade.ReportOf(r.o.Journal.Records()).Steps[0].Artifacts; len(got) != 8 {
			t.Errorf("after the crash the journal names %q", got)
		}
		rep := r.must(upgrade.Succeeded, step)
		got := stepReport(t, rep, "one").Artifacts
		if len(got) != 10 || len(slices.Compact(slices.Sorted(slices.Values(got)))) != 10 {
			t.Errorf("names %q, want 10 different ones", got)
		}
		for _, name := range got {
			if _, err := a.Stat(t.Context(), name); err != nil {
				t.Error(err)
			}
		}
		r.pressed(1, "one")
	})
}

// fullDisk stores nothing.
type fullDisk struct{ upgrade.Artifacts }

func (fullDisk) Put(context.Context, string, func(io.Writer) error) (upgrade.Artifact, error) {
	return upgrade.Artifact{}, errors.New("no space left on device")
}

func TestEvidenceThatCannotBeStoredStopsNoStep(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		rep := r.must(upgrade.Succeeded, filmed(r, "one", keep(fullDisk{})))
		if s := stepReport(t, rep, "one"); s.Artifacts != nil || s.NotKept != "no space left on device" {
			t.Errorf("the step's report is %+v", s)
		}
		wantText(t, rep.String(), "one: could not be stored: no space left on device")
	})
}

func TestEvidenceOutsideAStep(t *testing.T) {
	a := openArtifacts(t, t.TempDir())
	if err := upgrade.KeepPage(t.Context(), a, "System, probed", []byte("PNG"), nil); err != nil {
		t.Error(err)
	}
	list, err := a.List(t.Context())
	if err != nil || len(list) != 1 || !strings.HasSuffix(list[0].Name, "Z-system-probed.png") {
		t.Errorf("stored %v, %v", list, err)
	}
	if err := upgrade.NoteArtifacts(t.Context(), "x.png"); err == nil {
		t.Error("a context of no step takes names")
	}
	bubble(t, func(t *testing.T, r *rig) {
		var kept context.Context
		s := r.step("one")
		act := s.Act
		s.Act = func(ctx context.Context, log *slog.Logger) error {
			kept = ctx
			if err := upgrade.NoteArtifacts(ctx, "own.txt"); err != nil {
				t.Error(err)
			}
			return act(ctx, log)
		}
		rep := r.must(upgrade.Succeeded, s)
		if got := stepReport(t, rep, "one").Artifacts; !slices.Equal(got, []string{"own.txt"}) {
			t.Errorf("named %q", got)
		}
		if err := upgrade.NoteArtifacts(kept, "late.png"); err == nil {
			t.Error("an act that has returned still takes names")
		}
	})
}

// A dry run keeps what its looks show, too.
func TestEvidenceOfADryRun(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.o.DryRun = true
		rep := r.must(upgrade.Held, filmed(r, "one", keep(openArtifacts(t, t.TempDir()))))
		if got := stepReport(t, rep, "one").Artifacts; len(got) != 2 {
			t.Errorf("named %q", got)
		}
		r.pressed(0, "one")
	})
}

func ExampleKeepPage() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	artifacts, err := upgrade.OpenArtifacts(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	// A page driver calls its Options.Evidence with the context of the step that uses it.
	evidence := func(ctx context.Context, label string, png []byte) {
		upgrade.KeepPage(ctx, artifacts, label, png, map[string]string{"heading": "Saved"})
	}
	p := upgrade.Procedure{Name: "example", Steps: []upgrade.Step{{Name: "save", Again: upgrade.Freely,
		Observe: func(_ context.Context, l upgrade.Look) (upgrade.Observation, error) {
			if l.Since == nil {
				return upgrade.See(upgrade.Ready, nil, "not saved"), nil
			}
			return upgrade.See(upgrade.Done, nil, "saved"), nil
		},
		Act: func(ctx context.Context, _ *slog.Logger) error {
			evidence(ctx, "settings.save after", []byte("a picture"))
			return nil
		},
	}}}
	rep, err := upgrade.Run(context.Background(), p, &upgrade.Options{Journal: upgrade.NoJournal()})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range rep.Steps[0].Artifacts {
		_, what, _ := strings.Cut(name, "Z-")
		fmt.Println(what)
	}
	// Output:
	// save-settings.save-after.json
	// save-settings.save-after.png
}
