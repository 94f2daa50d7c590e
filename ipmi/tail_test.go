package ipmi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

func TestTail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tl := newTail()
		go func() {
			time.Sleep(time.Second)
			_, _ = tl.Write([]byte("one"))
			_, _ = tl.Write(nil)
			time.Sleep(time.Second)
			_, _ = tl.Write([]byte("two"))
			tl.end(io.EOF)
			tl.end(errors.New("too late"))
			_, _ = tl.Write([]byte("nobody hears this"))
		}()
		buf := make([]byte, 2)
		var got []byte
		for {
			n, err := tl.read(t.Context(), buf)
			got = append(got, buf[:n]...)
			if err != nil {
				if err != io.EOF {
					t.Errorf("read: %v", err)
				}
				break
			}
		}
		if string(got) != "onetwo" || tl.lost() != 0 {
			t.Errorf("read %q, %d gaps", got, tl.lost())
		}
	})
}

func TestTailWaitsNoLongerThanItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := newTail().read(ctx, make([]byte, 1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("read: %v", err)
		}
		if n, err := newTail().read(t.Context(), nil); n != 0 || err != nil {
			t.Errorf("read of nothing: %d, %v", n, err)
		}
	})
}

// Law: what is read is the end of what was written, at most tailSize of it, and a gap is told exactly when something is
// missing.
func FuzzTail(f *testing.F) {
	f.Add(uint32(10), uint8(3))
	f.Add(uint32(tailSize), uint8(1))
	f.Add(uint32(tailSize/2+1), uint8(2))
	f.Fuzz(func(t *testing.T, size uint32, times uint8) {
		size %= 2 * tailSize
		times %= 8
		tl := newTail()
		var all []byte
		for i := range times {
			chunk := bytes.Repeat([]byte{'a' + i}, int(size))
			all = append(all, chunk...)
			_, _ = tl.Write(chunk)
		}
		tl.end(io.EOF)
		var got []byte
		buf := make([]byte, 64<<10)
		for {
			n, err := tl.read(t.Context(), buf)
			got = append(got, buf[:n]...)
			if err != nil {
				break
			}
		}
		if !bytes.HasSuffix(all, got) || len(got) != min(len(all), tailSize) {
			t.Errorf("wrote %d bytes, read %d, or not their end", len(all), len(got))
		}
		if (tl.lost() > 0) != (len(got) < len(all)) {
			t.Errorf("%d gaps, %d of %d bytes", tl.lost(), len(got), len(all))
		}
	})
}
