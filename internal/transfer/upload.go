package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
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

	// Again is how often the upload is begun again after a connection that failed before a byte of the body was asked for: nobody can have acted on that. Default 0.
	// What the server may have a part of is never sent again; ask the appliance what it has.
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
	for try, again, ask := 1, u.Again, true; ; try++ {
		s := &sending{Upload: u, client: c, ask: ask}
		sent, err := s.run(ctx)
		switch {
		case err == nil && ask && sent.Status == http.StatusExpectationFailed && s.untouched:
			ask = false // RFC 9110, 10.1.1: the same without the question
			continue
		case err == nil:
			sent.Tries = try
			return sent, nil
		case ctx.Err() != nil || !s.untouched || !s.curable:
			return nil, &Error{op, err}
		case s.line.kept.Load() && try <= staleLimit:
			continue // the server had given the connection up: a new one has a fresh chance
		}
		if again--; again < 0 {
			return nil, &Error{op, err}
		}
		if !sleep(ctx, orDefault(u.Pause, defaultPause)) {
			return nil, &Error{op, fault(ctx, ctx, err)}
		}
	}
}

// staleLimit is how many kept connections may turn out to be gone.
const staleLimit = 4

// sending is one request of an upload.
type sending struct {
	Upload
	client    *Client
	ask       bool // first
	line      line
	mu        sync.Mutex
	bodies    []*body // under mu; net/http opens another one when a kept connection was gone before anything was written
	untouched bool    // there is a body, and no byte of it was asked for
	curable   bool    // a new connection may help
}

func (s *sending) run(ctx context.Context) (sent *Sent, err error) {
	stall := orDefault(s.Stall, DefaultStall)
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := &watchdog{cancel: cancel}
	defer watch.stop()
	// net/http returns only when nobody reads the body any more, and a file system may hang: the end of the context ends the reading too.
	defer context.AfterFunc(inner, s.close)()
	defer s.close()
	req, err := s.request(inner, watch)
	if err != nil {
		return nil, err
	}
	watch.expect(stall + AskLimit)
	resp, err := s.client.rt.RoundTrip(req)
	if err != nil {
		s.untouched = s.none()
		if why := s.source(); why != nil {
			return nil, fault(ctx, inner, why)
		}
		err, s.curable = s.client.judge(err)
		return nil, fault(ctx, inner, err)
	}
	defer resp.Body.Close()
	watch.expect(stall)
	if resp.StatusCode == http.StatusExpectationFailed {
		s.untouched = s.none()
	}
	sent = &Sent{Status: resp.StatusCode, Header: resp.Header}
	limit := s.Limit
	if limit <= 0 {
		limit = answerLimit
	}
	if sent.Body, err = io.ReadAll(io.LimitReader(resp.Body, limit)); err != nil {
		err, _ = s.client.judge(err) // it has answered: never again
		return nil, fault(ctx, inner, err)
	}
	return sent, s.whole(sent)
}

// request makes the request, with a body that was not read yet.
func (s *sending) request(ctx context.Context, watch *watchdog) (*http.Request, error) {
	req, err := http.NewRequestWithContext(s.line.trace(ctx), s.Method, s.URL.String(), nil)
	if err != nil {
		return nil, errors.New("the address or the method cannot be used")
	}
	if s.Header != nil {
		req.Header = s.Header.Clone()
	}
	if s.ask {
		req.Header.Set("Expect", "100-continue")
	}
	if s.Source.Length() > 0 {
		open := func() (io.ReadCloser, error) {
			b := newBody(s.Source, s.Progress)
			b.line = &s.line
			s.mu.Lock()
			defer s.mu.Unlock()
			s.bodies = append(s.bodies, b)
			if ctx.Err() != nil {
				b.Close()
			}
			return &watched{b, watch, orDefault(s.Stall, DefaultStall), orDefault(s.Answer, DefaultAnswer)}, nil
		}
		req.Body, _ = open()
		req.GetBody, req.ContentLength = open, s.Source.Length()
	}
	if s.Prepare != nil {
		return req, s.Prepare(req)
	}
	return req, nil
}

// close ends reading.
func (s *sending) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.bodies {
		b.Close()
	}
}

// none ends the bodies and reports whether no byte of any was asked for.
func (s *sending) none() bool {
	for _, b := range s.bodies {
		if !b.Untouched() {
			return false
		}
	}
	return len(s.bodies) > 0
}

// source returns why the file could not be read, nil if that is not what went wrong.
func (s *sending) source() error {
	if len(s.bodies) == 0 {
		return nil
	}
	return s.bodies[len(s.bodies)-1].failed()
}

// whole says whether the server was given all of the file, and its hash.
func (s *sending) whole(sent *Sent) (err error) {
	if len(s.bodies) == 0 { // an empty file
		sent.Whole = true
		if !s.Source.Unhashed {
			sent.SHA256 = hex.EncodeToString(sha256.New().Sum(nil))
		}
		return nil
	}
	last := s.bodies[len(s.bodies)-1]
	if sent.Whole = last.Whole(); sent.Whole && !s.Source.Unhashed {
		sent.SHA256, err = last.SHA256()
	}
	return err
}

// watched is a body of which every read is a sign of life.
type watched struct {
	*body
	watch         *watchdog
	stall, answer time.Duration
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.body.Read(p)
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
