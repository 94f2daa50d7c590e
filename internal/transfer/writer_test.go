package transfer_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/changeover-sdk/changeover/internal/transfer"
)

// What was written in pieces of any size is on the disk, and its hash is right.
func TestWriter(t *testing.T) {
	for _, size := range []int{0, 1, 4095, 64 << 10, 64<<10 + 1, 1 << 20, 1<<20 + 1, 9<<20 + 4097} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			data, rnd := random(70, size), rand.New(rand.NewPCG(uint64(size), 1))
			path := filepath.Join(t.TempDir(), "file")
			f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			w := transfer.NewWriter(f)
			for rest := data; len(rest) > 0; {
				n := min(1+rnd.IntN(1<<uint(rnd.IntN(22))), len(rest))
				if m, err := w.Write(rest[:n]); m != n || err != nil {
					t.Fatalf("Write = %d, %v", m, err)
				}
				rest = rest[n:]
			}
			got, sum, err := w.Finish()
			if err != nil || got != int64(size) || sum != hexSum(data) {
				t.Errorf("Finish = %d, %s, %v", got, sum, err)
			}
			same(t, path, data)
			if _, err := w.Write([]byte("x")); err == nil {
				t.Error("it can be written to afterwards")
			}
			w.Stop()
		})
	}
}

// Stopped before its end, nothing of it runs on.
func TestWriterStopped(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	w := transfer.NewWriter(f)
	w.Write(bytes.Repeat([]byte("x"), 3<<20))
	w.Stop()
	if _, err := w.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Write = %v", err)
	}
	if _, _, err := w.Finish(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Finish = %v", err)
	}
}
