package transfer

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
)

// gatherSize is how many bytes of TLS records go out in one system call, about. crypto/tls alone makes a call for each record of 16 KiB. Between 64 and 256 KiB no
// difference could be measured.
const gatherSize = 128 << 10

// conn lies under a TLS connection and gathers its records while it is told to. Otherwise writes pass through.
type conn struct {
	net.Conn
	mu  sync.Mutex // records are written by the body's goroutine, and answers to the peer's key updates by the reading one
	on  bool
	buf []byte
}

func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.on && len(c.buf) == 0 {
		return c.Conn.Write(p)
	}
	c.buf = append(c.buf, p...)
	if c.on && len(c.buf) < gatherSize {
		return len(p), nil
	}
	if err := c.flush(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// flush writes out what was gathered. The caller holds mu.
func (c *conn) flush() error {
	if len(c.buf) == 0 {
		return nil
	}
	_, err := c.Conn.Write(c.buf)
	c.buf = c.buf[:0]
	if !c.on {
		c.buf = nil
	}
	return err
}

// gather begins.
func (c *conn) gather() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on = true
	if c.buf == nil {
		c.buf = make([]byte, 0, gatherSize+2*(16<<10)) // the record that makes it full fits, with its frame
	}
}

// pass ends gathering. What is gathered goes out with the next write.
func (c *conn) pass() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on = false
}

// push sends what is gathered, because nothing comes for a while. An error comes again with the next write.
func (c *conn) push() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flush()
}

// line is the connection that a request got. Where its writes cannot be gathered (no TLS, TLS within a proxy's tunnel, somebody else's
// DialTLSContext) it is none, and everything works without.
type line struct {
	c    atomic.Pointer[conn]
	kept atomic.Bool // the connection was used before
}

// trace returns a context whose request tells the line which connection it got, a kept one included.
func (l *line) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		l.c.Store(nil)
		l.kept.Store(info.Reused)
		if t, ok := info.Conn.(*tls.Conn); ok {
			if c, ok := t.NetConn().(*conn); ok {
				l.c.Store(c)
			}
		}
	}})
}

func (l *line) do(f func(*conn)) {
	if l == nil {
		return
	}
	if c := l.c.Load(); c != nil {
		f(c)
	}
}

// dialTLS makes TLS connections whose writes can be gathered, as t would have made them.
func dialTLS(t *http.Transport) func(ctx context.Context, network, addr string) (net.Conn, error) {
	dial, conf, limit := t.DialContext, t.TLSClientConfig, t.TLSHandshakeTimeout
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		raw, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		mine := conf.Clone()
		if mine.ServerName == "" {
			if mine.ServerName, _, err = net.SplitHostPort(addr); err != nil {
				raw.Close()
				return nil, err
			}
		}
		if limit > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, limit)
			defer cancel()
		}
		c := tls.Client(&conn{Conn: raw}, mine)
		if err := c.HandshakeContext(ctx); err != nil {
			raw.Close()
			return nil, err
		}
		return c, nil
	}
}
