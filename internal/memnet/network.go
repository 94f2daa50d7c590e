package memnet

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Network is a set of named hosts. The zero value is an empty one; its methods may be called at the same time from several goroutines.
type Network struct {
	mu     sync.Mutex
	hosts  map[Addr]*host
	silent map[Addr]chan struct{} // closed when the silence ends
	dialed int
}

// host is an address somebody listens on, with the connections that are open there.
type host struct {
	take  func(*Conn) // gives a new connection to its server; called without the lock
	conns map[*Conn]struct{}
}

// bind registers a host; unbind takes it away, and in does what it is told to each connection still open there.
func (n *Network) bind(addr Addr, take func(*Conn)) (*host, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hosts[addr] != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: addr, Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	}
	if n.hosts == nil {
		n.hosts = map[Addr]*host{}
	}
	h := &host{take: take, conns: map[*Conn]struct{}{}}
	n.hosts[addr] = h
	return h, nil
}

func (n *Network) unbind(addr Addr, h *host) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hosts[addr] == h {
		delete(n.hosts, addr)
	}
}

// resetAll breaks every connection that h has open.
func (n *Network) resetAll(h *host) {
	n.mu.Lock()
	conns := make([]*Conn, 0, len(h.conns))
	for c := range h.conns {
		conns = append(conns, c)
	}
	n.mu.Unlock()
	for _, c := range conns {
		c.Reset()
	}
}

// Serve gives each new connection to addr to handle, in a goroutine of its own that ends when handle returns; the connection is then closed.
// Nothing runs while nobody is connected, so a bubble that forgets stop does not wait for ever.
//
// The returned stop takes the host away: from then on it refuses, and the connections it had are reset. Stop does not wait for handle.
func (n *Network) Serve(addr string, handle func(*Conn)) (stop func(), err error) {
	at := Addr(hostPort(addr))
	h, err := n.bind(at, func(c *Conn) {
		go func() {
			defer c.Close()
			handle(c)
		}()
	})
	if err != nil {
		return nil, fmt.Errorf("memnet: serve: %w", err)
	}
	return func() {
		n.unbind(at, h)
		n.resetAll(h)
	}, nil
}

// Silence makes addr swallow new connections without an answer, as a host does that is switched off or behind a filter. Dialling it lasts until the
// silence ends, the caller's context does, or as long as a kernel would go on trying: then the error is ETIMEDOUT. It may be called before or after
// somebody listens there.
func (n *Network) Silence(addr string, silent bool) {
	at := Addr(hostPort(addr))
	n.mu.Lock()
	defer n.mu.Unlock()
	switch c := n.silent[at]; {
	case silent && c == nil:
		if n.silent == nil {
			n.silent = map[Addr]chan struct{}{}
		}
		n.silent[at] = make(chan struct{})
	case !silent && c != nil:
		delete(n.silent, at)
		close(c)
	}
}

// dialPatience is about how long Linux repeats its SYN.
const dialPatience = 127 * time.Second

// hear waits until addr is not silent.
func (n *Network) hear(ctx context.Context, addr Addr) error {
	n.mu.Lock()
	c := n.silent[addr]
	n.mu.Unlock()
	if c == nil {
		return ctx.Err()
	}
	t := time.NewTimer(dialPatience)
	defer t.Stop()
	select {
	case <-c:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return os.NewSyscallError("connect", syscall.ETIMEDOUT)
	}
}

// DialContext connects to addr ("name:port") and has the form of [net.Dialer.DialContext]; network is not looked at.
// Where nobody listens the error is ECONNREFUSED, as it is for a host that never existed: this network has no DNS.
func (n *Network) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	to := Addr(addr)
	fault := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Addr: to, Err: err} }
	if err := n.hear(ctx, to); err != nil {
		return nil, fault(err)
	}

	n.mu.Lock()
	h := n.hosts[to]
	if h == nil {
		n.mu.Unlock()
		return nil, fault(os.NewSyscallError("connect", syscall.ECONNREFUSED))
	}
	n.dialed++
	near, far := Pipe(fmt.Sprintf("client:%d", 49152+n.dialed%16384), addr)
	h.conns[far] = struct{}{}
	far.onClose = func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(h.conns, far)
	}
	n.mu.Unlock()
	h.take(far)
	return near, nil
}

// hostPort gives addr the port of https when it has none.
func hostPort(addr string) string {
	if strings.Contains(addr, ":") {
		return addr
	}
	return addr + ":443"
}
