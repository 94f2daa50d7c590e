package ipmitest

import (
	"sync"
	"time"
)

// deadline is a channel that closes at a time that can be changed, also while somebody waits for it.
type deadline struct {
	mu    sync.Mutex
	turn  int // counts the changes, so that a timer that fires late knows that it is too late
	timer *time.Timer
	done  chan struct{}
}

func newDeadline() *deadline { return &deadline{done: make(chan struct{})} }

func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.done
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turn++
	if d.timer != nil {
		d.timer.Stop()
	}
	if isClosed(d.done) {
		d.done = make(chan struct{})
	}
	if t.IsZero() {
		return
	}
	if wait := time.Until(t); wait > 0 {
		turn := d.turn
		d.timer = time.AfterFunc(wait, func() { d.fire(turn) })
		return
	}
	close(d.done)
}

// fire closes the channel unless the deadline was changed while the timer fired.
func (d *deadline) fire(turn int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.turn == turn {
		close(d.done)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
