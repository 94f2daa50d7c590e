package transfer

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Defaults of both directions.
const (
	DefaultStall  = 2 * time.Minute  // longest time without a byte
	DefaultAnswer = 30 * time.Minute // longest time from the last byte of a request to the first of its answer
)

// watchdog ends a context when nothing moves.
type watchdog struct {
	cancel context.CancelCauseFunc
	mu     sync.Mutex
	timer  *time.Timer
	limit  time.Duration
	done   bool // the last reads of an upload may come after its answer
}

// expect gives the next byte d to come.
func (w *watchdog) expect(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limit = d
	switch {
	case w.done:
	case w.timer == nil:
		w.timer = time.AfterFunc(d, w.bark)
	default:
		w.timer.Reset(d)
	}
}

func (w *watchdog) bark() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.done {
		w.cancel(fmt.Errorf("%w: no byte for %v", ErrStalled, w.limit))
	}
}

func (w *watchdog) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = true
	if w.timer != nil {
		w.timer.Stop()
	}
}

// A progress function is called when this many bytes have moved, and this long after the last time, if any have.
const (
	progressEvery = 1 << 20
	progressAfter = 5 * time.Second
)

// teller returns what is told of every read, the last one included, and calls progress as often as it is to be. A file begins at told.
func teller(progress func(done, total int64), told int64) func(done, total int64, last bool) {
	if progress == nil {
		return func(int64, int64, bool) {}
	}
	at := time.Now()
	return func(done, total int64, last bool) {
		if done == told || !last && done != total && done-told < progressEvery && time.Since(at) < progressAfter {
			return
		}
		told, at = done, time.Now()
		progress(done, total)
	}
}
