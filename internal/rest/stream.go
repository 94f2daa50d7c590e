package rest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/changeover-sdk/changeover/internal/act"
)

// Transfer is one long call whose body, or whose answer, is a file. It is sent once, whatever its intent.
type Transfer struct {
	Intent Intent
	Method string
	URL    *url.URL
	Header http.Header
	Body   io.Reader     // nil: none. Read once, at the pace of the network
	Length int64         // of Body, in bytes; must be exact, as the request says it beforehand
	Stall  time.Duration // longest time without a byte in either direction; default 2 minutes
	Answer time.Duration // longest time from the last byte sent to the answer's first; default 30 minutes
}

// Defaults of [Transfer].
const (
	DefaultStall  = 2 * time.Minute
	DefaultAnswer = 30 * time.Minute
)

// Stream sends the transfer and returns the answer with an open body, which the caller must close. The body may be read
// for as long as bytes keep coming; reading fails with class [ErrStalled] when none come for Stall.
//
// An upload that stands still ends with [ErrStalled]; a slow one that moves is left alone, however long it takes.
func (c *Client) Stream(ctx context.Context, t Transfer) (*http.Response, error) {
	what := t.Method + " " + t.URL.Path
	if ctx.Err() != nil {
		return nil, explain(ctx, what, 0, act.ErrNotSent)
	}
	stall, answer := t.Stall, t.Answer
	if stall <= 0 {
		stall = DefaultStall
	}
	if answer <= 0 {
		answer = DefaultAnswer
	}
	var left sent
	inner, cancel := context.WithCancelCause(context.WithValue(left.watch(ctx), intentKey{}, t.Intent))
	watch := &watchdog{cancel: cancel}

	req, err := http.NewRequestWithContext(inner, t.Method, t.URL.String(), nil)
	if err != nil {
		cancel(nil)
		return nil, fmt.Errorf("%w: %s: %v", act.ErrNotSent, what, err)
	}
	if t.Header != nil {
		req.Header = t.Header.Clone()
	}
	req.Header.Set("User-Agent", c.agent)
	if t.Body != nil {
		req.Body = io.NopCloser(&moving{r: io.LimitReader(t.Body, t.Length), left: t.Length, watch: watch, stall: stall, answer: answer})
		req.ContentLength = t.Length
		watch.expect(stall)
	} else {
		watch.expect(answer)
	}

	note := c.note(ctx, t.Method, t.URL.Path)
	resp, err := c.httpClient(t.Intent).Do(req)
	note(resp, err)
	if err != nil {
		watch.stop()
		if cause := context.Cause(inner); cause != nil && ctx.Err() == nil {
			err = cause // and not the cancelled context it shows as
		}
		cancel(nil)
		return nil, explainAct(ctx, what, answer, err, t.Intent, &left)
	}
	watch.expect(stall)
	resp.Body = &answerBody{ReadCloser: resp.Body, ctx: ctx, inner: inner, watch: watch, stall: stall, what: what}
	return resp, nil
}

// Whole reads the answer to a [Transfer] as one to a small call, up to [DefaultLimit], and closes it.
func Whole(resp *http.Response) (*Response, error) { return read(resp, DefaultLimit) }

// watchdog ends a transfer in which nothing moves.
type watchdog struct {
	cancel context.CancelCauseFunc
	mu     sync.Mutex
	timer  *time.Timer
	limit  time.Duration
	done   bool // an upload's last reads may come after its answer
}

// expect gives the next byte d to come. It is called for every few kilobytes, so it makes nothing new.
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

// moving is the body of an upload: every read is a sign of life.
type moving struct {
	r             io.Reader
	left          int64
	watch         *watchdog
	stall, answer time.Duration
}

func (m *moving) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.left -= int64(n)
	if m.left > 0 {
		m.watch.expect(m.stall)
	} else {
		m.watch.expect(m.answer)
	}
	return n, err
}

// answerBody is the body of a download: every read is a sign of life, and closing ends the watch.
type answerBody struct {
	io.ReadCloser
	ctx, inner context.Context // of one call, which this body is the rest of
	watch      *watchdog
	stall      time.Duration
	what       string
}

func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.watch.expect(b.stall)
	}
	if err != nil && err != io.EOF {
		if cause := context.Cause(b.inner); cause != nil && b.ctx.Err() == nil {
			err = cause
		}
		err = explain(b.ctx, b.what, b.stall, err)
	}
	return n, err
}

func (b *answerBody) Close() error {
	b.watch.stop()
	b.watch.cancel(nil)
	return b.ReadCloser.Close()
}
