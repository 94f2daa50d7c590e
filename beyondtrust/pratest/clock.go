package pratest

import (
	"container/heap"
	"context"
	"time"
)

// The simulation has no goroutine that makes things happen. What is to happen later waits in a queue, and whoever looks at the simulation next carries out,
// in order and with their exact times, the events that are due. So nothing runs while nobody looks, and a bubble may skip weeks.

// event is something that happens at a time.
type event struct {
	at time.Time
	n  int // breaks ties in the order of planning
	do func()
}

type queue []event

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	if !q[i].at.Equal(q[j].at) {
		return q[i].at.Before(q[j].at)
	}
	return q[i].n < q[j].n
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(event)) }
func (q *queue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = event{}
	*q = old[:len(old)-1]
	return e
}

// lock takes the lock and brings the state up to now. Every entry into the simulation begins with it.
func (s *Site) lock() {
	s.mu.Lock()
	now := time.Now()
	if s.w == nil {
		s.start(now)
	}
	s.advance(now)
}

// advance lets everything happen that is due at t.
func (s *Site) advance(t time.Time) {
	w := s.w
	s.see()          // as it was left
	w.resolved = nil // the name may lead elsewhere by now
	for len(w.queue) > 0 && !w.queue[0].at.After(t) {
		e := heap.Pop(&w.queue).(event)
		w.now = e.at
		e.do()
		s.see()
	}
	w.now = t
	s.see()
}

// scaled is d in real time.
func (s *Site) scaled(d time.Duration) time.Duration {
	if s.Scale <= 0 {
		return d
	}
	return time.Duration(float64(d) * s.Scale)
}

// after plans do for d from now, in the appliances' time.
func (s *Site) after(d time.Duration, do func()) {
	w := s.w
	w.planned++
	heap.Push(&w.queue, event{at: w.now.Add(s.scaled(d)), n: w.planned, do: do})
}

// pause waits for d of real time, while the simulation goes on: it ends early, with false, when ctx ends, when b goes away or the site is closed. It is
// called without the lock.
func (s *Site) pause(ctx context.Context, b *Box, d time.Duration) bool {
	end := time.Now().Add(d)
	s.lock()
	boot := b.st.boot
	for {
		if b.st.boot != boot || s.w.closed {
			s.mu.Unlock()
			return false
		}
		wake, gone, done := end, b.st.gone, s.w.done
		if q := s.w.queue; len(q) > 0 && q[0].at.Before(wake) {
			wake = q[0].at // it might be the one that takes b away
		}
		s.mu.Unlock()

		timer := time.NewTimer(time.Until(wake))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-gone:
		case <-done:
		}
		timer.Stop()
		if !time.Now().Before(end) {
			return true
		}
		s.lock()
	}
}

// forever is longer than any test.
const forever = 100 * 365 * 24 * time.Hour
