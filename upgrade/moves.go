package upgrade

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

// moveEvery is how often an act that moves a file says how far it is.
const moveEvery = 10 * time.Second

// stillAfter is how long nothing moves before that is said: what is in the buffers of a slow network hides its pace.
const stillAfter = 30 * time.Second

// onItsWay tells, as events of the act that ctx belongs to, how far a file is on its way: what moves, and how fast, or that it stands still, and for how
// long. What it returns takes the bytes that were moved and those there are, -1 for not known; the second ends it.
func onItsWay(ctx context.Context) (progress func(done, total int64), stop func()) {
	w := witnessOf(ctx)
	if w == nil {
		return func(int64, int64) {}, func() {}
	}
	m := &mover{w: w, quit: make(chan struct{}), at: time.Now()}
	var wg sync.WaitGroup
	wg.Go(m.run)
	return m.progress, func() {
		close(m.quit)
		wg.Wait()
	}
}

type mover struct {
	w    *witness
	quit chan struct{}

	mu          sync.Mutex
	done, total int64
	said        int64     // of done
	at          time.Time // when that was said, or when it began to stand still
}

func (m *mover) progress(done, total int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done, m.total = done, total
}

func (m *mover) run() {
	tick := time.NewTicker(m.w.e.o.scale(moveEvery))
	defer tick.Stop()
	for {
		select {
		case <-m.quit:
			return
		case <-tick.C:
			if phase, detail := m.say(time.Now()); detail != "" {
				m.w.e.emit(Event{Kind: EventMoves, Path: m.w.path, Phase: phase, Detail: detail})
			}
		}
	}
}

// say returns what there is to say; nothing before the first byte, nor after the last.
func (m *mover) say(now time.Time) (Phase, string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	passed := m.w.e.unscaled(now.Sub(m.at))
	if m.done == 0 || m.done == m.total || passed <= 0 {
		m.said, m.at = m.done, now
		return Pending, ""
	}
	far := mib(m.done)
	if m.total > 0 {
		far = fmt.Sprintf("%s of %s (%d %%)", far, mib(m.total), m.done*100/m.total)
	}
	if m.done == m.said {
		if passed < stillAfter {
			return Pending, ""
		}
		return Unknown, fmt.Sprintf("stands still at %s for %s", far, spell(passed))
	}
	speed := float64(m.done-m.said) / passed.Seconds()
	m.said, m.at = m.done, now
	return Pending, fmt.Sprintf("moves: %s, %s a second", far, mib(int64(speed)))
}

func mib(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// movedWriter tells what passes.
type movedWriter struct {
	w    io.Writer
	n    int64
	tell func(done, total int64)
}

func (m *movedWriter) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.n += int64(n)
	m.tell(m.n, -1)
	return n, err
}

// moving has write tell, as [onItsWay] does, what it writes.
func moving(ctx context.Context, write func(io.Writer) error) func(io.Writer) error {
	return func(w io.Writer) error {
		progress, stop := onItsWay(ctx)
		defer stop()
		return write(&movedWriter{w: w, tell: progress})
	}
}
