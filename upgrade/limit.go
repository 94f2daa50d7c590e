package upgrade

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// errLimit is the cause of a context that a step's limit ended.
var errLimit = errors.New("the limit passed")

// limit bounds the machine, never the person: it stands still while somebody is asked.
type limit struct {
	mu      sync.Mutex
	timer   *time.Timer
	left    time.Duration
	began   time.Time
	waiting int // questions open
}

func withLimit(ctx context.Context, d time.Duration) (context.Context, *limit, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	l := &limit{left: d, began: time.Now()}
	l.timer = time.AfterFunc(d, func() { cancel(fmt.Errorf("%w: %s", errLimit, spell(d))) })
	return ctx, l, func() {
		l.timer.Stop()
		cancel(nil)
	}
}

func (l *limit) pause() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting++; l.waiting == 1 && l.timer.Stop() {
		l.left = max(l.left-time.Since(l.began), 0)
	}
}

func (l *limit) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting--; l.waiting == 0 {
		l.began = time.Now()
		l.timer.Reset(l.left)
	}
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
