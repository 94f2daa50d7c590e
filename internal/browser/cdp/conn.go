// Package cdp speaks the Chrome DevTools Protocol over a pair of pipes, as a browser started with --remote-debugging-pipe
// does: JSON messages, each ended by a NUL byte, for one process that inherited the pipes and for nobody else.
//
// It knows how to send a command and to wait for its answer, and how to hand out events. What the commands mean is the
// business of package browser.
package cdp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// ErrGone says that the browser has closed its end: it has ended or was killed.
var ErrGone = errors.New("the browser is gone")

// maxMessage bounds one message. The tree of a page with 22,000 nodes has 9 MB, a screenshot of a long page about as much.
const maxMessage = 64 << 20

// Event is something that the browser tells by itself.
type Event struct {
	Session string // of the page; "" for the browser's own
	Method  string // "Page.loadEventFired"
	Params  json.RawMessage
}

// Error is a command that the browser refused.
type Error struct {
	Method  string
	Code    int
	Message string
}

// Error returns the browser's words.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s (%d)", e.Method, e.Message, e.Code) }

// Conn is a connection to a browser. Its methods may be called from several goroutines.
type Conn struct {
	out   io.WriteCloser
	in    io.ReadCloser
	event func(Event)

	turn chan struct{} // holds a token while a message is written

	mu      sync.Mutex
	last    int64
	waiting map[int64]chan<- message // nil once the connection has ended

	done chan struct{} // closed when the reader has ended
}

type message struct {
	ID      int64           `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// New takes over the two ends. Event is called for each event, in their order, from the goroutine that reads: it must return
// at once and must not call [Conn.Call].
func New(in io.ReadCloser, out io.WriteCloser, event func(Event)) *Conn {
	c := &Conn{in: in, out: out, event: event, waiting: map[int64]chan<- message{}, turn: make(chan struct{}, 1), done: make(chan struct{})}
	go c.read()
	return c
}

// Done is closed when the browser has closed its end.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Close closes both pipes and returns when nothing is read any more.
func (c *Conn) Close() {
	c.out.Close()
	c.in.Close()
	<-c.done
}

// Call sends a command to a session ("" is the browser) and decodes its answer into result, which may be nil. When ctx ends
// first the answer is dropped when it comes, and what the command did is not known.
func (c *Conn) Call(ctx context.Context, session, method string, params, result any) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", method, context.Cause(ctx))
	}
	raw, err := json.Marshal(params)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	if params == nil {
		raw = nil
	}
	answer := make(chan message, 1)
	c.mu.Lock()
	if c.waiting == nil {
		c.mu.Unlock()
		return fmt.Errorf("%s: %w", method, ErrGone)
	}
	c.last++
	id := c.last
	c.waiting[id] = answer
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.waiting, id)
		c.mu.Unlock()
	}()
	sent := make(chan error, 1) // a stopped browser reads nothing, and then a write does not return
	go func() { sent <- c.send(message{ID: id, Session: session, Method: method, Params: raw}) }()
	for {
		select {
		case err := <-sent:
			if err != nil {
				return fmt.Errorf("%s: %w (%w)", method, ErrGone, err)
			}
			sent = nil
		case m := <-answer:
			if m.Error != nil {
				return &Error{Method: method, Code: m.Error.Code, Message: m.Error.Message}
			}
			if result == nil {
				return nil
			}
			if err := json.Unmarshal(m.Result, result); err != nil {
				return fmt.Errorf("%s: %w", method, err)
			}
			return nil
		case <-c.done:
			return fmt.Errorf("%s: %w", method, ErrGone)
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", method, context.Cause(ctx))
		}
	}
}

func (c *Conn) send(m message) error {
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-c.done:
		return ErrGone
	}
	_, err = c.out.Write(append(raw, 0))
	return err
}

func (c *Conn) read() {
	defer close(c.done)
	defer func() {
		c.mu.Lock()
		c.waiting = nil
		c.mu.Unlock()
	}()
	scan := bufio.NewScanner(c.in)
	scan.Buffer(make([]byte, 64<<10), maxMessage)
	scan.Split(untilNUL)
	for scan.Scan() {
		var m message
		if err := json.Unmarshal(scan.Bytes(), &m); err != nil {
			return // not the protocol: nothing after it can be trusted
		}
		if m.ID == 0 {
			c.event(Event{Session: m.Session, Method: m.Method, Params: m.Params})
			continue
		}
		c.mu.Lock()
		answer := c.waiting[m.ID]
		c.mu.Unlock()
		if answer != nil {
			select {
			case answer <- m:
			default: // a second answer to one command
			}
		}
	}
}

func untilNUL(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF {
		return len(data), nil, nil
	}
	return 0, nil, nil
}
