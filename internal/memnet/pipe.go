package memnet

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// bufferSize is what one direction of a connection holds before its writer waits. About what a kernel gives a loopback socket at first.
const bufferSize = 128 << 10

// pipe is one direction of a connection: a ring of bytes with a writing and a reading end.
type pipe struct {
	mu   sync.Mutex
	cond sync.Cond // every change of what follows is broadcast

	ring     []byte // made by the first write: most connections of a test use one direction for a few bytes only
	start, n int

	written  bool // the writer has closed its end: EOF once the ring is empty
	unread   bool // the reader has closed its end: writing is useless
	torn     bool // reset: what is in the ring is lost
	readEnd  end
	writeEnd end
}

// end is what each end of a pipe knows for itself.
type end struct {
	closed   bool // by its own owner, who then gets net.ErrClosed
	deadline time.Time
	timer    *time.Timer
}

func (e *end) expired() bool { return !e.deadline.IsZero() && !time.Now().Before(e.deadline) }

func newPipe() *pipe {
	p := new(pipe)
	p.cond.L = &p.mu
	return p
}

func (p *pipe) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.readEnd.closed:
			return 0, net.ErrClosed
		case p.torn:
			return 0, os.NewSyscallError("read", syscall.ECONNRESET)
		case p.readEnd.expired():
			return 0, os.ErrDeadlineExceeded
		case len(b) == 0:
			return 0, nil
		case p.n > 0:
			n := 0
			for n < len(b) && p.n > 0 { // at most twice: the ring wraps once
				m := copy(b[n:], p.ring[p.start:min(p.start+p.n, len(p.ring))])
				p.start = (p.start + m) % len(p.ring)
				p.n -= m
				n += m
			}
			p.cond.Broadcast()
			return n, nil
		case p.written:
			return 0, io.EOF
		}
		p.cond.Wait()
	}
}

func (p *pipe) write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for {
		switch {
		case p.writeEnd.closed || p.written:
			return n, net.ErrClosed
		case p.torn:
			return n, os.NewSyscallError("write", syscall.ECONNRESET)
		case p.unread:
			return n, os.NewSyscallError("write", syscall.EPIPE)
		case p.writeEnd.expired():
			return n, os.ErrDeadlineExceeded
		case n == len(b):
			return n, nil
		case p.n < bufferSize:
			if p.ring == nil {
				p.ring = make([]byte, bufferSize)
			}
			for n < len(b) && p.n < len(p.ring) {
				at := (p.start + p.n) % len(p.ring)
				m := copy(p.ring[at:min(at+len(p.ring)-p.n, len(p.ring))], b[n:])
				p.n += m
				n += m
			}
			p.cond.Broadcast()
			continue
		}
		p.cond.Wait()
	}
}

// change lets f alter the pipe and wakes both ends.
func (p *pipe) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	p.cond.Broadcast()
}

func (p *pipe) setDeadline(e *end, t time.Time) {
	p.change(func() {
		if e.timer != nil {
			e.timer.Stop()
			e.timer = nil
		}
		e.deadline = t
		if d := time.Until(t); !t.IsZero() && d > 0 && !e.closed {
			e.timer = time.AfterFunc(d, func() { p.change(func() {}) })
		}
	})
}

// shut marks e closed by its owner, and stops its timer so that nothing outlives the connection.
func (e *end) shut() {
	e.closed = true
	if e.timer != nil {
		e.timer.Stop()
		e.timer = nil
	}
}
