package pratest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"

	"github.com/changeover-sdk/changeover/internal/memnet"
)

// conn is one connection to an appliance or to the update server, in memory or over a socket.
type conn struct {
	net.Conn
	box   *Box
	addr  netip.Addr // as it was dialled
	calls int        // API calls that came over it
}

// reset breaks the connection as a machine does that loses its power: without a goodbye.
func (c *conn) reset() {
	switch inner := c.Conn.(type) {
	case *memnet.Conn:
		inner.Reset()
	case *net.TCPConn:
		inner.SetLinger(0)
		inner.Close()
	default:
		inner.Close()
	}
}

// HTTPClient returns a client whose connections stay in memory, so that it works in a bubble. It speaks real TLS with the appliances' certificates and trusts
// the simulator's own authority. Its Transport is an [*http.Transport] whose DialContext is [Site.DialContext]: wrap that to dial one address and speak
// as another name.
func (s *Site) HTTPClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: s.DialContext,
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS12, RootCAs: s.CA(), ClientSessionCache: tls.NewLRUClientSessionCache(0),
		},
		DisableKeepAlives: true, // the vendor asks for one connection a call
	}}
}

// CA returns the pool that trusts the certificates of the appliances in service and of the update server.
func (s *Site) CA() *x509.CertPool {
	s.lock()
	defer s.mu.Unlock()
	return s.w.authority.pool()
}

// CAPEM returns the certificates in that pool as PEM, for programs that want a file.
func (s *Site) CAPEM() []byte {
	s.lock()
	defer s.mu.Unlock()
	return s.w.authority.pem()
}

// DialContext connects to "host:port" of the simulated network: an appliance's own address or name, the site's name, the update server. It has the form of
// [net.Dialer.DialContext]. An appliance that is away refuses; port 443 is the only one open.
func (s *Site) DialContext(ctx context.Context, _, addr string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: address(addr), Err: err}
	}
	s.lock()
	if s.w.closed {
		s.mu.Unlock()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: address(addr), Err: net.ErrClosed}
	}
	f := s.find(addr)
	if f.err != nil {
		s.mu.Unlock()
		if f.silent {
			<-ctx.Done()
			return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: address(addr), Err: ctx.Err()}
		}
		return nil, f.err
	}
	s.w.unique++
	near, far := memnet.Pipe(fmt.Sprintf("client:%d", 49152+s.w.unique%16384), addr)
	s.serveConn(far, f)
	s.mu.Unlock()
	return near, nil
}

// serveConn answers what comes over c, in a goroutine that ends with the connection. It is called under the lock.
func (s *Site) serveConn(inner net.Conn, f found) {
	c := &conn{Conn: inner, box: f.box, addr: f.addr}
	handler, config := http.Handler(http.HandlerFunc(s.serveUpdates)), s.w.authority.updateConfig
	if f.box != nil {
		config = f.box.tlsConfig(f.addr)
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.box.handle(w, r, c) })
	}
	s.w.conns[c] = struct{}{}
	s.w.wg.Go(func() {
		memnet.ServeHTTP(tls.Server(c, config), handler)
		c.Conn.Close()
		s.mu.Lock()
		delete(s.w.conns, c)
		s.mu.Unlock()
	})
}

// ServeHTTP answers as the appliance does, without a network in between: what breaks a connection panics with [http.ErrAbortHandler], as it does in any
// handler.
func (b *Box) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.handle(w, r, &conn{Conn: aborting{}, box: b, addr: b.Addr})
}

// aborting stands for a connection that only a panic can break.
type aborting struct{ net.Conn }

func (aborting) Close() error { return nil }
