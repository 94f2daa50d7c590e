package memnet

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Conn is one side of a connection. Its methods may be called at the same time from several goroutines.
type Conn struct {
	in, out       *pipe
	local, remote Addr
	over          *over
	onClose       func() // tells the network; nil when nobody asked
}

// over is told to both sides when one of them has ended the connection.
type over struct {
	once sync.Once
	done chan struct{}
}

// Addr is the address of a host of a [Network]: "name:port".
type Addr string

// Network returns "tcp": what is built on memnet should not have to tell it from the real thing.
func (Addr) Network() string { return "tcp" }

func (a Addr) String() string { return string(a) }

var _ net.Conn = (*Conn)(nil)

// Pipe returns the two sides of a new connection between two hosts that need not exist.
func Pipe(a, b string) (*Conn, *Conn) {
	ab, ba, o := newPipe(), newPipe(), &over{done: make(chan struct{})}
	return &Conn{in: ba, out: ab, local: Addr(a), remote: Addr(b), over: o}, &Conn{in: ab, out: ba, local: Addr(b), remote: Addr(a), over: o}
}

// Read reads what the other side wrote; [io.EOF] after it closed, ECONNRESET after it reset.
func (c *Conn) Read(b []byte) (int, error) {
	n, err := c.in.read(b)
	return n, c.fault("read", err)
}

// Write returns when all of b is in the buffer, which holds 128 KiB.
func (c *Conn) Write(b []byte) (int, error) {
	n, err := c.out.write(b)
	return n, c.fault("write", err)
}

func (c *Conn) fault(op string, err error) error {
	if err == nil || errors.Is(err, io.EOF) { // EOF is compared with == by half the world
		return err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}

// Close ends the connection in order: the other side reads what was written, then EOF.
// Closing again does nothing.
func (c *Conn) Close() error {
	c.out.change(func() { c.out.written = true; c.out.writeEnd.shut() })
	c.in.change(func() { c.in.unread = true; c.in.readEnd.shut() })
	c.ended()
	return nil
}

// CloseWrite ends this side's half: the other side reads what was written, then EOF, and may go on writing.
func (c *Conn) CloseWrite() error {
	c.out.change(func() { c.out.written = true; c.out.writeEnd.shut() })
	return nil
}

// Reset breaks the connection: the other side gets ECONNRESET from now on and loses what it had not read yet; this side gets [net.ErrClosed].
func (c *Conn) Reset() {
	c.out.change(func() { c.out.torn = true; c.out.writeEnd.shut() })
	c.in.change(func() { c.in.torn = true; c.in.readEnd.shut() })
	c.ended()
}

// Done returns a channel that is closed when either side has closed or reset the connection: a server that reads nothing learns of it too.
func (c *Conn) Done() <-chan struct{} { return c.over.done }

func (c *Conn) ended() {
	c.over.once.Do(func() { close(c.over.done) })
	if c.onClose != nil {
		c.onClose()
	}
}

// LocalAddr returns this side's [Addr].
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the other side's [Addr].
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines; the zero time means none.
func (c *Conn) SetDeadline(t time.Time) error {
	c.in.setDeadline(&c.in.readEnd, t)
	c.out.setDeadline(&c.out.writeEnd, t)
	return nil
}

// SetReadDeadline makes reads fail with [os.ErrDeadlineExceeded] from t on.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.in.setDeadline(&c.in.readEnd, t)
	return nil
}

// SetWriteDeadline makes writes fail with [os.ErrDeadlineExceeded] from t on.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.out.setDeadline(&c.out.writeEnd, t)
	return nil
}
