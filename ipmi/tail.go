package ipmi

import (
	"context"
	"sync"
)

// tailSize is how much console output is kept for a reader who is slow: about a minute at 115200 baud would be 700 KB,
// and a boot prints some tens of KB in all.
const tailSize = 256 << 10

// tail is a buffer between a writer that must not wait and a reader that may be slow. When it is full the oldest bytes
// go.
type tail struct {
	mu    sync.Mutex
	buf   []byte
	gaps  int
	err   error         // why nothing more will come
	awake chan struct{} // closed, and made anew, when there is something to look at
}

func newTail() *tail { return &tail{awake: make(chan struct{})} }

// Write never fails and never waits.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil || len(p) == 0 {
		return len(p), nil
	}
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - tailSize; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
		t.gaps++
	}
	t.wake()
	return len(p), nil
}

// end says that nothing more comes, and why. What is there can still be read; the first end counts.
func (t *tail) end(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = err
		t.wake()
	}
}

func (t *tail) gap() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gaps++
}

func (t *tail) lost() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.gaps
}

func (t *tail) wake() {
	close(t.awake)
	t.awake = make(chan struct{})
}

// read waits until there is something to read or nothing more will come.
func (t *tail) read(ctx context.Context, p []byte) (int, error) {
	for {
		t.mu.Lock()
		n := copy(p, t.buf)
		t.buf = t.buf[n:]
		err, awake := t.err, t.awake
		t.mu.Unlock()
		if n > 0 || len(p) == 0 {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
		select {
		case <-awake:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
