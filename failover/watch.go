package failover

import (
	"context"
	"sync"
	"time"
)

// watch asks every vantage all along while something moves, to measure how long nobody answered.
type watch struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu    sync.Mutex
	gaps  []seenGap     // aligned with the vantages
	ids   []string      // the last appliance each vantage met
	news  chan struct{} // closed and replaced at every sighting
	start time.Time
}

type seenGap struct {
	from    string
	since   time.Time // when it last reached somebody; the start of a gap that is still open
	longest time.Duration
	closed  bool // it reached somebody after the start
}

func startWatch(ctx context.Context, vantages []Vantage, every time.Duration) *watch {
	// It ends with stop, not with ctx: the gap goes on when the caller gives up, and the switch is finished all the same.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w := &watch{cancel: cancel, gaps: make([]seenGap, len(vantages)), ids: make([]string, len(vantages)), news: make(chan struct{}), start: time.Now()}
	for i, v := range vantages {
		w.gaps[i] = seenGap{from: v.From, since: w.start}
		w.wg.Go(func() {
			for ctx.Err() == nil {
				actx, done := context.WithTimeout(ctx, max(10*every, time.Second)) // a dead connection must not hide the moment of the return
				s := sight(actx, v)
				done()
				if ctx.Err() != nil {
					return
				}
				w.saw(i, s)
				select {
				case <-ctx.Done():
				case <-time.After(every):
				}
			}
		})
	}
	return w
}

func (w *watch) saw(i int, s Sighting) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.Error == "" {
		g := &w.gaps[i]
		end := s.At.Add(s.Took)
		g.longest = max(g.longest, end.Sub(g.since))
		g.since, g.closed = end, true
		w.ids[i] = s.ID
	}
	close(w.news)
	w.news = make(chan struct{})
}

// await waits until every vantage has met the wanted appliance (anybody, if want is empty), five seconds at most, and returns the longest gap and who saw it. Longer waiting is the
// verification's business.
func (w *watch) await(ctx context.Context, want string) (time.Duration, string) {
	limit := time.After(5 * time.Second)
	for {
		w.mu.Lock()
		news, all := w.news, true
		for i := range w.gaps {
			all = all && w.gaps[i].closed && (want == "" || w.ids[i] == want)
		}
		w.mu.Unlock()
		if all {
			return w.longest()
		}
		select {
		case <-ctx.Done():
			return w.longest()
		case <-limit:
			return w.longest()
		case <-news:
		}
	}
}

// longest returns the longest gap; one that is still open counts up to now.
func (w *watch) longest() (time.Duration, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var d time.Duration
	var by string
	for _, g := range w.gaps {
		if l := max(g.longest, time.Since(g.since)); l > d {
			d, by = l, g.from
		}
	}
	return d, by
}

func (w *watch) stop() {
	w.cancel()
	w.wg.Wait()
}
