package upgrade_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

func TestArtifactDirPassesTheSuite(t *testing.T) {
	upgradetest.TestArtifacts(t, func(t *testing.T) upgrade.Artifacts { return openArtifacts(t, t.TempDir()) })
}

func openArtifacts(t *testing.T, dir string) *upgrade.ArtifactDir {
	t.Helper()
	a, err := upgrade.OpenArtifacts(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func put(t *testing.T, a upgrade.Artifacts, name, data string) upgrade.Artifact {
	t.Helper()
	got, err := a.Put(t.Context(), name, func(w io.Writer) error { _, err := io.WriteString(w, data); return err })
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// A stored file has mode 0600, its sum beside it as sha256sum reads it, and nothing else is left in the folder.
func TestArtifactDirFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	a := openArtifacts(t, dir)
	put(t, a, "sps-7.0.2.config", "a backup")
	sum := sha256.Sum256([]byte("a backup"))
	if line, err := os.ReadFile(filepath.Join(dir, "sps-7.0.2.config.sha256")); err != nil || string(line) != hex.EncodeToString(sum[:])+"  sps-7.0.2.config\n" {
		t.Errorf("the sum file is %q, %v", line, err)
	}
	var names []string
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if info, _ := d.Info(); d.IsDir() && info.Mode().Perm() != 0o700 || !d.IsDir() && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		names = append(names, d.Name())
		return err
	})
	if want := "[folder .lock inbox sps-7.0.2.config sps-7.0.2.config.sha256]"; fmt.Sprint(names) != want {
		t.Errorf("the folder holds %q", names)
	}
	if tool, err := exec.LookPath("sha256sum"); err == nil {
		cmd := exec.Command(tool, "-c", "sps-7.0.2.config.sha256")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("sha256sum -c: %s, %v", out, err)
		}
	}
}

// What a writer that died left behind is swept away; what one that lives writes is not.
func TestArtifactDirSweepsWhatTheDeadLeft(t *testing.T) {
	dir := t.TempDir()
	a := openArtifacts(t, dir)
	if err := os.WriteFile(filepath.Join(dir, ".part-123"), []byte("half a backup"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "half.sha256"), []byte("sum of what never came"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := a.Put(t.Context(), "whole", func(w io.Writer) error {
		io.WriteString(w, "first half, ")
		openArtifacts(t, dir) // another process begins
		_, err := io.WriteString(w, "second half")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	put(t, a, "half", "now it came")
	list, err := a.List(t.Context())
	if err != nil || len(list) != 2 || list[0].Name != "half" || list[1].Size != int64(len("first half, second half")) {
		t.Errorf("List = %+v, %v", list, err)
	}
	parts, _ := filepath.Glob(filepath.Join(dir, ".part-*"))
	if len(parts) > 0 {
		t.Errorf("left behind: %q", parts)
	}
}

// Foreign files are no artifacts, and damaged sums are said to be.
func TestArtifactDirForeignFiles(t *testing.T) {
	dir := t.TempDir()
	a := openArtifacts(t, dir)
	os.WriteFile(filepath.Join(dir, "foreign"), []byte("x"), 0o600)
	os.Mkdir(filepath.Join(dir, "folder"), 0o700)
	os.Symlink("/etc/passwd", filepath.Join(dir, "link"))
	os.WriteFile(filepath.Join(dir, "link.sha256"), []byte(strings.Repeat("0", 64)+"  link\n"), 0o600)
	if list, err := a.List(t.Context()); err != nil || len(list) > 0 {
		t.Errorf("List = %+v, %v", list, err)
	}
	if _, err := a.Open(t.Context(), "foreign"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of a file without a sum: %v", err)
	}
	if _, err := a.Open(t.Context(), "link"); err == nil {
		t.Error("a link was opened")
	}
	if _, err := a.Put(t.Context(), "foreign", func(io.Writer) error { return nil }); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Put over a foreign file: %v", err)
	}
	put(t, a, "good", "data")
	os.WriteFile(filepath.Join(dir, "good.sha256"), []byte("nonsense"), 0o600)
	if _, err := a.Stat(t.Context(), "good"); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged sum: %v", err)
	}
	if _, err := a.List(t.Context()); err == nil {
		t.Error("List hides a damaged sum")
	}
}

// Two that store under one name at the same time: one wins, and the sum is the winner's.
func TestArtifactDirOneNameAtTheSameTime(t *testing.T) {
	for range 20 {
		dir := t.TempDir()
		var wg sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for i := range 4 {
			a := openArtifacts(t, dir)
			wg.Go(func() {
				_, err := a.Put(context.Background(), "one", func(w io.Writer) error { _, err := fmt.Fprintf(w, "writer %d", i); return err })
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					won++
				case !errors.Is(err, fs.ErrExist):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		data, err := os.ReadFile(filepath.Join(dir, "one"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := openArtifacts(t, dir).Stat(t.Context(), "one")
		sum := sha256.Sum256(data)
		if err != nil || won != 1 || got.SHA256 != hex.EncodeToString(sum[:]) {
			t.Fatalf("%d won; %q has the sum %+v, %v", won, data, got, err)
		}
	}
}

// FuzzArtifactName: a name is refused, or comes back as it is; and it never leaves the folder.
func FuzzArtifactName(f *testing.F) {
	for _, s := range []string{"sps-7.0.2.config", "../x", "a/b", ".hidden", "x.sha256", "", "inbox", "a b", "ä", "..", "a\x00", strings.Repeat("x", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		root := t.TempDir()
		a, err := upgrade.OpenArtifacts(filepath.Join(root, "a"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.Put(t.Context(), name, func(w io.Writer) error { _, err := io.WriteString(w, "x"); return err })
		outside, _ := os.ReadDir(root)
		list, lerr := a.List(t.Context())
		switch {
		case len(outside) != 1 || lerr != nil:
			t.Errorf("%q: outside %v, %v", name, outside, lerr)
		case err != nil && len(list) > 0:
			t.Errorf("%q was refused (%v) and is there: %+v", name, err, list)
		case err == nil && (len(list) != 1 || list[0].Name != name):
			t.Errorf("%q came back as %+v", name, list)
		}
	})
}

// FuzzArtifactSum: a sum file says exactly what was stored, or is damaged.
func FuzzArtifactSum(f *testing.F) {
	good := strings.Repeat("0a", 32) + "  one\n"
	for _, s := range []string{good, "", good[:70], strings.ToUpper(good), strings.Repeat("zz", 32) + "  one\n", strings.Replace(good, "  ", " *", 1), good + good} {
		f.Add(s)
	}
	dir := f.TempDir()
	a, err := upgrade.OpenArtifacts(dir)
	if err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "one"), []byte("x"), 0o600); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, sum string) {
		if err := os.WriteFile(filepath.Join(dir, "one.sha256"), []byte(sum), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := a.Stat(t.Context(), "one"); err == nil && got.SHA256+"  one\n" != sum {
			t.Errorf("%q was read as %+v", sum, got)
		}
	})
}
