package transfer_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/changeover-sdk/changeover/internal/transfer"
)

// small mounts a file system of the given size. It holds what is direct or not, as the kernel's tmpfs does.
func small(t *testing.T, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		if os.Getenv("CI") == "true" && os.Getuid() == 0 {
			t.Fatalf("a small file system cannot be mounted: %v", err)
		}
		t.Skipf("a small file system cannot be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// The disk is full at 99 %: the class says so, no name is given, and when there is room the download goes on or begins anew.
func TestTrapDiskFullAt99Percent(t *testing.T) {
	for what, tag := range map[string]string{"with a validator": `"v1"`, "without": ""} {
		t.Run(what, func(t *testing.T) {
			const room = 8 << 20
			data := random(40, room*100/99)
			o := &origin{data: data, tag: tag}
			c, u := inMemoryPlain(t, o.ServeHTTP)
			dir := small(t, room)
			d := transfer.Download{URL: u, To: filepath.Join(dir, "backup")}
			_, err := c.Download(t.Context(), d)
			if !errors.Is(err, transfer.ErrNoSpace) || len(o.asked) != 1 {
				t.Errorf("err = %v, asked %d times", err, len(o.asked))
			}
			if _, err := os.Stat(d.To); err == nil {
				t.Error("it has its name")
			}
			if names := left(t, dir); len(names) != 0 { // less came than a state is saved after
				t.Errorf("left: %v", names)
			}
			if err := unix.Mount("none", dir, "tmpfs", unix.MS_REMOUNT, fmt.Sprintf("size=%d", 2*room)); err != nil {
				t.Fatal(err)
			}
			if got, err := c.Download(t.Context(), d); err != nil || got.SHA256 != hexSum(data) {
				t.Errorf("with room: %+v, %v", got, err)
			}
		})
	}
}

// A disk that becomes full in a resume loses what came in that call, and nothing of what was flushed before.
func TestTrapDiskFullInAResume(t *testing.T) {
	const room, first = 8 << 20, 3 << 20
	data := random(42, room*100/99)
	c, u := inMemoryPlain(t, (&origin{data: data, tag: `"v1"`, cuts: []int{first}}).ServeHTTP)
	dir := small(t, room)
	d := transfer.Download{URL: u, To: filepath.Join(dir, "backup"), Tries: -1}
	for i, class := range []error{transfer.ErrCut, transfer.ErrNoSpace} {
		if _, err := c.Download(t.Context(), d); !errors.Is(err, class) {
			t.Fatalf("call %d: %v", i, err)
		}
		if st, err := os.Stat(d.To + ".part"); err != nil || st.Size() != first {
			t.Errorf("call %d leaves %v, %v", i, st, err)
		}
	}
	if err := unix.Mount("none", dir, "tmpfs", unix.MS_REMOUNT, fmt.Sprintf("size=%d", 2*room)); err != nil {
		t.Fatal(err)
	}
	got, err := c.Download(t.Context(), d)
	if err != nil || got.SHA256 != hexSum(data) || got.Reused != first || got.Moved != int64(len(data)-first) {
		t.Errorf("with room: %+v, %v", got, err)
	}
	same(t, d.To, data)
}

// A writer says so too, at the latest in the end.
func TestTrapDiskFullUnderAWriter(t *testing.T) {
	for what, size := range map[string]int{"in the middle": 20 << 20, "in the last block": 8<<20 + 100} {
		t.Run(what, func(t *testing.T) {
			f, err := os.Create(filepath.Join(small(t, 8<<20), "file"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			w := transfer.NewWriter(f)
			defer w.Stop()
			_, err = w.Write(random(43, size))
			if err == nil {
				_, _, err = w.Finish()
			}
			if !errors.Is(err, transfer.ErrNoSpace) {
				t.Errorf("err = %v", err)
			}
		})
	}
}

// A file system without direct I/O (this one may have it or not) and one with it give the same file; a cut in the middle of a sector does not harm either.
func TestTrapDirectAndBufferedAgree(t *testing.T) {
	data := random(41, 9<<20+777)
	for what, dir := range map[string]string{"on the disk": t.TempDir(), "in memory": small(t, 32<<20)} {
		t.Run(what, func(t *testing.T) {
			c, u := inMemoryPlain(t, (&origin{data: data, tag: `"v1"`, cuts: []int{1<<20 + 1, 4095, 1 << 20, 3<<20 - 4096}}).ServeHTTP)
			got, err := c.Download(t.Context(), transfer.Download{URL: u, To: filepath.Join(dir, "backup"), Pause: 1})
			if err != nil || got.SHA256 != hexSum(data) || got.Breaks != 4 {
				t.Errorf("%+v, %v", got, err)
			}
			same(t, filepath.Join(dir, "backup"), data)
		})
	}
}
