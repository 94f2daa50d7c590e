package spstest

import (
	"cmp"
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/changeover-sdk/changeover/internal/memnet"
)

// world is the one place where state is kept: a node alone has one, the nodes of a pair or a cluster share one. Everything that happens, happens
// between lock and unlock, so what a test reads afterwards is one consistent history.
//
// Simulated time is the time of the process (in a bubble: of the bubble). What is due runs in the order of its time, whether a timer or the next
// request comes first, so a run in a bubble is repeatable.
type world struct {
	net memnet.Network

	mu      sync.Mutex
	changed sync.Cond // whenever something may have happened
	scale   float64
	closed  bool
	done    chan struct{}
	jobs    sync.WaitGroup // goroutines, timers that are running included

	due   dueHeap
	timer *time.Timer
	seq   int
	at    time.Time // of the event that runs; zero between events

	record     []Event
	violations []Violation
	sites      []*site
	watch      []func() // looked at after every change: what follows from it, and what must never be
}

func newWorld(scale float64) *world {
	w := &world{scale: scale, done: make(chan struct{})}
	w.changed.L = &w.mu
	return w
}

// due is something that will happen.
type due struct {
	at  time.Time
	seq int
	do  func()
	off bool
}

type dueHeap []*due

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	return h[i].at.Before(h[j].at) || h[i].at.Equal(h[j].at) && h[i].seq < h[j].seq
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)   { *h = append(*h, x.(*due)) }
func (h *dueHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// lock makes everything happen that is due, and keeps the world still until unlock.
func (w *world) lock() {
	w.mu.Lock()
	w.catchUp()
}

func (w *world) unlock() {
	w.settle()
	w.mu.Unlock()
}

// in runs f while the world stands still.
func (w *world) in(f func()) {
	w.lock()
	defer w.unlock()
	f()
}

func (w *world) catchUp() {
	for !w.closed && len(w.due) > 0 && !w.due[0].at.After(time.Now()) {
		d := heap.Pop(&w.due).(*due)
		if d.off {
			continue
		}
		w.at = d.at
		d.do()
		w.settle()
		w.at = time.Time{}
	}
}

// settle draws the consequences of what was just done.
func (w *world) settle() {
	if w.closed {
		return
	}
	for _, f := range w.watch {
		f()
	}
	w.changed.Broadcast()
	for _, s := range w.sites {
		s.rebind()
	}
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	if len(w.due) > 0 {
		w.timer = time.AfterFunc(max(0, time.Until(w.due[0].at)), func() { w.in(func() {}) })
	}
}

// now is the moment of what is happening.
func (w *world) now() time.Time {
	if !w.at.IsZero() {
		return w.at
	}
	return time.Now()
}

// scaled turns a duration of the appliance into one of this process.
func (w *world) scaled(d time.Duration) time.Duration {
	if w.scale == 0 {
		return d
	}
	return time.Duration(float64(d) * w.scale)
}

// after makes f happen d of appliance time from now. Setting off on what it returns takes it back.
func (w *world) after(d time.Duration, f func()) *due { return w.plan(w.scaled(d), f) }

// soon is after, but leaves the rest of the process at least a moment of its own time, however small the scale.
func (w *world) soon(d time.Duration, f func()) *due { return w.plan(max(w.scaled(d), moment), f) }

// moment is enough for an answer to arrive before the connection breaks that it came over.
const moment = 100 * time.Millisecond

// plan makes f happen d of this process's time from now.
func (w *world) plan(d time.Duration, f func()) *due {
	w.seq++
	e := &due{at: w.now().Add(d), seq: w.seq, do: f}
	heap.Push(&w.due, e)
	return e
}

// sleep waits for d of appliance time, outside the lock; its error is the end of ctx or of the world.
func (w *world) sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(w.scaled(d))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-w.done:
		return errClosed
	}
}

// spend waits for as long as d says, which is asked with the lock held.
func (n *Node) spend(ctx context.Context, d func() time.Duration) error {
	var t time.Duration
	n.world.in(func() { t = d() })
	return n.world.sleep(ctx, t)
}

func (n *Node) testTime() time.Duration    { return cmp.Or(n.TestTime, 40*time.Second) }
func (n *Node) installTime() time.Duration { return cmp.Or(n.InstallTime, 20*time.Second) }

// transferTime is how long so many bytes of an image take.
func (n *Node) transferTime(bytes int64) time.Duration {
	if n.UploadSpeed <= 0 {
		return 0
	}
	return time.Duration(float64(bytes) / float64(n.UploadSpeed) * float64(time.Second))
}

// close ends everything; nothing happens any more, and every goroutine has ended when it returns.
func (w *world) close() {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return
	}
	w.closed = true
	w.due = nil
	if w.timer != nil {
		w.timer.Stop()
	}
	for _, s := range w.sites {
		s.shut()
	}
	close(w.done)
	w.changed.Broadcast()
	w.mu.Unlock()
	w.jobs.Wait()
}
