package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Upload is one file to be sent.
type Upload struct {
	Method string
	URL    *url.URL
	Header http.Header
	// Prepare, if not nil, completes each request before it is sent, with a session or a token for example.
	Prepare func(*http.Request) error
	Source  Source

	// Again is how often the upload is begun again after the connection broke while its last byte was not handed out yet: the server cannot have
	// all of it. Default 0. What the server may have in full is never sent again; ask the appliance what it has.
	Again int
	Pause time.Duration // before beginning again; default 1 s

	Stall    time.Duration // longest time without a byte going out; default [DefaultStall]
	Answer   time.Duration // longest time from the last byte to the answer; default [DefaultAnswer]
	Limit    int64         // bytes of the answer that are kept; default 4 MiB
	Progress func(done, total int64)
}

// Sent is what came of an upload: the answer, of whatever status.
type Sent struct {
	Status int
	Header http.Header
	Body   []byte
	Whole  bool   // the server was given all of it; false when it answered before that
	SHA256 string // of the file as it was sent, in hex; empty unless Whole, and for a source that is not hashed
	Tries  int
}

const (
	defaultPause = time.Second
	answerLimit  = 4 << 20
)

// Upload sends a file and returns the answer.
//
// Errors are of class [ErrStalled], [ErrChanged] (the file has another length than it said), [ErrCut], or the context's own; see the package's
// words for what is repeated.
func (c *Client) Upload(ctx context.Context, u Upload) (*Sent, error) {
	op := "upload to " + u.URL.Path
	for try, again := 1, u.Again; ; try++ {
		sent, left, err := c.upload(ctx, op, u)
		if err == nil {
			sent.Tries = try
			return sent, nil
		}
		if left == nothing && try <= staleLimit && ctx.Err() == nil {
			continue
		}
		again--
		if again < 0 || left == everything || ctx.Err() != nil || errors.Is(err, ErrChanged) || !(errors.Is(err, ErrCut) || errors.Is(err, ErrStalled)) {
			return nil, err
		}
		if !sleep(ctx, orDefault(u.Pause, defaultPause)) {
			return nil, fault(ctx, ctx, op, err)
		}
	}
}

// left is how much of a body went out.
type left int

const (
	something  left = iota
	nothing         // and over a kept connection, which the server had given up: a new one has a fresh chance
	everything      // the server may have all of it
)

// staleLimit is how many kept connections may turn out to be gone.
const staleLimit = 4

// upload sends the file once.
func (c *Client) upload(ctx context.Context, op string, u Upload) (sent *Sent, out left, err error) {
	stall, answer := orDefault(u.Stall, DefaultStall), orDefault(u.Answer, DefaultAnswer)
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := &watchdog{cancel: cancel}
	defer watch.stop()

	var line line
	var bodies []*Body // net/http opens another one when a kept connection was gone before anything was written
	open := func() (io.ReadCloser, error) {
		b := NewBody(u.Source, u.Progress)
		b.line = &line
		bodies = append(bodies, b)
		return &watched{Body: b, watch: watch, stall: stall, answer: answer}, nil
	}
	defer func() {
		for _, b := range bodies {
			b.Close()
		}
	}()
	req, err := http.NewRequestWithContext(line.trace(inner), u.Method, u.URL.String(), nil)
	if err != nil {
		return nil, something, fmt.Errorf("transfer: %s: the address or the method cannot be used", op)
	}
	if u.Header != nil {
		req.Header = u.Header.Clone()
	}
	req.Header.Set("Expect", "100-continue")
	if u.Source.Length() > 0 {
		req.Body, _ = open()
		req.GetBody, req.ContentLength = open, u.Source.Length()
	}
	if u.Prepare != nil {
		if err := u.Prepare(req); err != nil {
			return nil, something, fmt.Errorf("transfer: %s: %w", op, err)
		}
	}
	watch.expect(stall + AskLimit)
	resp, err := c.rt.RoundTrip(req)
	last := bodies[max(len(bodies)-1, 0):]
	switch {
	case len(last) == 0 || last[0].Whole():
		out = everything
	case err != nil && line.kept.Load() && !last[0].begun.Load():
		out = nothing
	}
	if err != nil {
		if len(last) > 0 && last[0].failed() != nil {
			err = last[0].failed()
		} else {
			err = cut(err)
		}
		return nil, out, fault(ctx, inner, op, err)
	}
	defer resp.Body.Close()
	watch.expect(stall)
	sent = &Sent{Status: resp.StatusCode, Header: resp.Header}
	limit := u.Limit
	if limit <= 0 {
		limit = answerLimit
	}
	if sent.Body, err = io.ReadAll(io.LimitReader(resp.Body, limit)); err != nil {
		return nil, everything, fault(ctx, inner, op, cut(err)) // it has answered: never again
	}
	sent.Whole = len(last) == 0 || last[0].Whole()
	switch {
	case len(last) == 0 && !u.Source.Unhashed:
		sent.SHA256 = hex.EncodeToString(sha256.New().Sum(nil)) // an empty file
	case sent.Whole && !u.Source.Unhashed:
		if sent.SHA256, err = last[0].SHA256(); err != nil {
			return nil, everything, err
		}
	}
	return sent, everything, nil
}

// watched is a body of which every read is a sign of life.
type watched struct {
	*Body
	watch         *watchdog
	stall, answer time.Duration
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Body.Read(p)
	if w.Whole() {
		w.watch.expect(w.answer)
	} else {
		w.watch.expect(w.stall)
	}
	return n, err
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}

// sleep waits and reports whether it could wait to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
