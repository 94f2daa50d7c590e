package beyondtrust

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// What an account may ask for: 20 requests a second and 15,000 an hour over all endpoints (Command API 2.0.0; Configuration API 1.10).
// The client stays below both, because requests that leave evenly may arrive bunched, and other programs may use the account too.
const (
	RequestsPerSecond = 16
	RequestsPerHour   = 14_500
)

const (
	pauseDefault = 30 * time.Second // after a refusal that names no time
	pauseMost    = time.Minute      // an hour's window may roll: ask again after a minute
)

// pacer keeps an account's requests within its limits.
type pacer struct {
	mu    sync.Mutex
	next  time.Time // when the next request may leave
	hour  [61]int   // requests by minute since start, a ring
	first time.Time // start of minute 0
	last  int       // the newest minute that the ring holds
}

// wait returns when the next request may be sent, and counts it.
func (p *pacer) wait(ctx context.Context) error {
	for {
		d := p.reserve(time.Now())
		if d <= 0 {
			return ctx.Err()
		}
		t := time.NewTimer(d)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
	}
}

// reserve takes the slot at now, or says how long to wait before asking again.
func (p *pacer) reserve(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first.IsZero() {
		p.first = now
	}
	if d := p.next.Sub(now); d > 0 {
		return d
	}
	minute := int(now.Sub(p.first) / time.Minute)
	p.last = max(p.last, minute-len(p.hour)) // a longer rest than the ring holds clears it once, not for every minute
	for p.last < minute {
		p.last++
		p.hour[p.last%len(p.hour)] = 0
	}
	sum := 0
	for _, n := range p.hour {
		sum += n
	}
	if sum >= RequestsPerHour {
		return p.first.Add(time.Duration(minute+1) * time.Minute).Sub(now)
	}
	p.hour[minute%len(p.hour)]++
	p.next = now.Add(time.Second / RequestsPerSecond)
	return 0
}

// heed makes everybody wait when an answer says that the account has had its share.
func (p *pacer) heed(resp *rest.Response) {
	var pause time.Duration
	switch {
	case throttled(resp):
		pause = pauseDefault
		if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && n >= 0 {
			pause = min(time.Duration(min(n, 3600))*time.Second, pauseMost)
		}
	case resp.Header.Get("X-RateLimit-Remaining") == "0" && resp.Status < http.StatusInternalServerError:
		pause = pauseMost
	default:
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(pause); until.After(p.next) {
		p.next = until
	}
}
