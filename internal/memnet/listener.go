package memnet

import (
	"fmt"
	"net"
	"sync"
)

// Listener is a [net.Listener] on a [Network]. A connection counts as made as soon as it is dialled, before it is accepted, as it does with a kernel.
type Listener struct {
	network *Network
	addr    Addr
	host    *host

	mu      sync.Mutex
	cond    sync.Cond
	waiting []*Conn
	closed  bool
}

var _ net.Listener = (*Listener)(nil)

// Listen makes addr ("name:port", or "name" for port 443) a host of n. One listener an address: the second gets EADDRINUSE.
func (n *Network) Listen(addr string) (*Listener, error) {
	l := &Listener{network: n, addr: Addr(hostPort(addr))}
	l.cond.L = &l.mu
	h, err := n.bind(l.addr, l.take)
	if err != nil {
		return nil, fmt.Errorf("memnet: %w", err)
	}
	l.host = h
	return l, nil
}

func (l *Listener) take(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed { // between the look-up and here
		c.Reset()
		return
	}
	l.waiting = append(l.waiting, c)
	l.cond.Signal()
}

// Accept waits for the next connection; after [Listener.Close] it returns [net.ErrClosed]. The connection is a [*Conn].
func (l *Listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.closed && len(l.waiting) == 0 {
		l.cond.Wait()
	}
	if l.closed {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.addr, Err: net.ErrClosed}
	}
	c := l.waiting[0]
	l.waiting = l.waiting[1:]
	return c, nil
}

// Close stops listening. Connections that were accepted stay; those that were not are reset, as a kernel does.
func (l *Listener) Close() error {
	l.network.unbind(l.addr, l.host)
	l.mu.Lock()
	waiting := l.waiting
	l.waiting, l.closed = nil, true
	l.cond.Broadcast()
	l.mu.Unlock()
	for _, c := range waiting {
		c.Reset()
	}
	return nil
}

// Reset stops listening and resets every connection made here, accepted or not: what a host does that loses its power.
func (l *Listener) Reset() {
	l.Close()
	l.network.resetAll(l.host)
}

// Addr returns the address as it is dialled.
func (l *Listener) Addr() net.Addr { return l.addr }
