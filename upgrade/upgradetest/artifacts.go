package upgradetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/changeover-sdk/changeover/upgrade"
)

// TestArtifacts checks what an [upgrade.Artifacts] promises: whole or absent, never overwritten, plain names. open returns a new,
// empty store.
func TestArtifacts(t *testing.T, open func(t *testing.T) upgrade.Artifacts) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	put := func(t *testing.T, a upgrade.Artifacts, name string, data []byte) (upgrade.Artifact, error) {
		t.Helper()
		return a.Put(t.Context(), name, func(w io.Writer) error { _, err := w.Write(data); return err })
	}
	empty := func(t *testing.T, a upgrade.Artifacts, name string) {
		t.Helper()
		if _, err := a.Stat(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Stat of what is not there: %v, want fs.ErrNotExist", err)
		}
		if _, err := a.Open(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open of what is not there: %v, want fs.ErrNotExist", err)
		}
		if list, err := a.List(t.Context()); err != nil || len(list) > 0 {
			t.Errorf("List = %v, %v, want nothing", list, err)
		}
	}

	t.Run("what is put comes back", func(t *testing.T) {
		a := open(t)
		for name, data := range map[string][]byte{"b.config": big, "a": {}, "with space.tar.gz": []byte("x")} {
			sum := sha256.Sum256(data)
			got, err := put(t, a, name, data)
			if err != nil || got.Name != name || got.Size != int64(len(data)) || got.SHA256 != hex.EncodeToString(sum[:]) || got.At.IsZero() {
				t.Errorf("Put = %+v, %v", got, err)
			}
			if stat, err := a.Stat(t.Context(), name); err != nil || !stat.At.Equal(got.At) || stat.SHA256 != got.SHA256 || stat.Size != got.Size {
				t.Errorf("Stat = %+v, %v, want %+v", stat, err, got)
			}
			r, err := a.Open(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			back, err := io.ReadAll(r)
			if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(back, data) {
				t.Errorf("%q: read %d bytes, %v", name, len(back), err)
			}
		}
		list, err := a.List(t.Context())
		if err != nil || len(list) != 3 || list[0].Name != "a" || list[1].Name != "b.config" {
			t.Errorf("List = %+v, %v, want three by name", list, err)
		}
	})

	t.Run("nothing is left of what fails", func(t *testing.T) {
		a := open(t)
		broken := errors.New("the appliance hung up")
		_, err := a.Put(t.Context(), "half", func(w io.Writer) error { w.Write(big); return broken })
		if !errors.Is(err, broken) {
			t.Errorf("Put = %v, want the writer's error", err)
		}
		empty(t, a, "half")
		ctx, cancel := context.WithCancel(t.Context())
		_, err = a.Put(ctx, "half", func(w io.Writer) error {
			cancel()
			_, err := w.Write(big)
			return err
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Put under a cancel = %v", err)
		}
		empty(t, a, "half")
		ctx, cancel = context.WithCancel(t.Context())
		if _, err := a.Put(ctx, "half", func(io.Writer) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("Put that was cancelled after its last byte = %v", err)
		}
		empty(t, a, "half")
		func() {
			defer func() { _ = recover() }()
			a.Put(t.Context(), "half", func(w io.Writer) error { w.Write(big); panic("boom") })
		}()
		empty(t, a, "half")
		if _, err := put(t, a, "half", []byte("whole")); err != nil {
			t.Errorf("the name is not free: %v", err)
		}
	})

	t.Run("nothing is overwritten", func(t *testing.T) {
		a := open(t)
		first, err := put(t, a, "one", []byte("first"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := put(t, a, "one", []byte("second")); !errors.Is(err, fs.ErrExist) {
			t.Errorf("Put of a name that is taken: %v, want fs.ErrExist", err)
		}
		// While one is being written, another takes its name.
		_, err = a.Put(t.Context(), "two", func(w io.Writer) error {
			w.Write([]byte("slow"))
			_, err := put(t, a, "two", []byte("fast"))
			return err
		})
		if !errors.Is(err, fs.ErrExist) {
			t.Errorf("Put of a name that was taken meanwhile: %v, want fs.ErrExist", err)
		}
		if got, err := a.Stat(t.Context(), "one"); err != nil || got.SHA256 != first.SHA256 {
			t.Errorf("Stat = %+v, %v", got, err)
		}
		r, err := a.Open(t.Context(), "two")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if data, _ := io.ReadAll(r); string(data) != "fast" {
			t.Errorf("read %q", data)
		}
	})

	t.Run("names are plain", func(t *testing.T) {
		a := open(t)
		for _, name := range []string{"", ".", "..", "a/b", `a\b`, "../a", "/a", ".hidden", "a\nb", "a\x00b", "\xff", strings.Repeat("x", 300)} {
			if _, err := put(t, a, name, []byte("x")); err == nil {
				t.Errorf("the name %q was taken", name)
			}
			if _, err := a.Stat(t.Context(), name); err == nil {
				t.Errorf("the name %q is there", name)
			}
			if r, err := a.Open(t.Context(), name); err == nil {
				r.Close()
				t.Errorf("the name %q was opened", name)
			}
		}
		if list, err := a.List(t.Context()); err != nil || len(list) > 0 {
			t.Errorf("List = %v, %v", list, err)
		}
	})

	t.Run("several at the same time", func(t *testing.T) {
		a := open(t)
		var wg sync.WaitGroup
		for _, name := range []string{"a", "b", "c", "d"} {
			wg.Go(func() {
				if _, err := put(t, a, name, bytes.Repeat([]byte(name), 1<<16)); err != nil {
					t.Error(err)
				}
				a.List(t.Context())
			})
		}
		wg.Wait()
		if list, err := a.List(t.Context()); err != nil || len(list) != 4 {
			t.Errorf("List = %v, %v", list, err)
		}
	})

	t.Run("the inbox is a folder", func(t *testing.T) {
		if _, err := fs.ReadDir(open(t).Inbox(), "."); err != nil {
			t.Errorf("reading the inbox: %v", err)
		}
	})
}
