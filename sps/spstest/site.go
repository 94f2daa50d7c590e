package spstest

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/changeover-sdk/changeover/internal/memnet"
)

// site is an address and who answers there. It follows the world: when the one who answers changes or goes down, every connection breaks, as it does
// when an appliance reboots or an address moves to the other node.
type site struct {
	w    *world
	host string                 // "sps1.example.test:443"
	look func() (*Node, face)   // who answers, and how; with the lock held
	talk func(*Node, net.Conn)  // serves one connection, without the lock
	stop func()                 // takes the address off the in-memory network
	real net.Listener           // on loopback, once somebody has asked for one
	open map[net.Conn]struct{}  // connections on loopback
	cert func() tls.Certificate // nil: no TLS here

	node  *Node // as bound
	epoch int
	face  face
}

// face is what a connection to an address meets.
type face int

const (
	faceRefuse face = iota // nobody listens: connection refused
	faceSilent             // no answer at all: switched off, or the address is not up
	faceBroken             // the connection is made, TLS is not
	faceServe              // there is a web server: see Node.ServeHTTP for what it says
)

// rebind makes the address lead where it should.
func (s *site) rebind() {
	n, f := s.look()
	if n == s.node && f == s.face && (n == nil || n.epoch == s.epoch) {
		return
	}
	s.unbind()
	s.node, s.face = n, f
	if n != nil {
		s.epoch = n.epoch
	}
	s.w.net.Silence(s.host, f == faceSilent)
	if f == faceServe || f == faceBroken {
		s.stop, _ = s.w.net.Serve(s.host, func(c *memnet.Conn) { s.serve(c) })
	}
}

func (s *site) unbind() {
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
	for c := range s.open {
		reset(c)
	}
}

// shut ends the site for good.
func (s *site) shut() {
	s.unbind()
	s.w.net.Silence(s.host, false) // whoever dials learns that nobody will come
	if s.real != nil {
		s.real.Close()
	}
}

// url is where the site is reached: on loopback if it listens there, else in memory.
func (s *site) url() string {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.real != nil {
		return "https://" + s.real.Addr().String()
	}
	return "https://" + strings.TrimSuffix(s.host, ":443")
}

// serve talks to one client until the connection ends.
func (s *site) serve(c net.Conn) {
	s.w.lock()
	n, f := s.look()
	if s.w.closed || f == faceRefuse || f == faceSilent {
		s.w.unlock()
		reset(c)
		return
	}
	s.w.jobs.Add(1)
	defer s.w.jobs.Done()
	if s.open == nil {
		s.open = map[net.Conn]struct{}{}
	}
	s.open[c] = struct{}{}
	s.w.unlock()
	defer func() {
		c.Close()
		s.w.mu.Lock()
		delete(s.open, c)
		s.w.mu.Unlock()
	}()
	if f == faceBroken {
		io.ReadFull(c, make([]byte, 1))
		c.Write([]byte{21, 3, 3, 0, 2, 2, 40}) // TLS alert: fatal, handshake failure
		return
	}
	s.talk(n, c)
}

// start opens a listener on loopback for the site. While nobody should answer, connections are reset at once instead of being refused: giving the
// port back would let another process take it before the appliance has booted.
func (s *site) start(addr string) (string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("spstest: listen: %w", err)
	}
	s.w.in(func() {
		s.real = l
		s.w.jobs.Add(1)
	})
	go func() {
		defer s.w.jobs.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return s.url(), nil
}

// talkHTTP serves HTTP, over TLS when the client begins with a TLS record and plainly otherwise: a client in memory need not bother.
func (s *site) talkHTTP(h http.Handler) func(*Node, net.Conn) {
	h = lingering(h)
	return func(_ *Node, c net.Conn) {
		p := &peeked{Conn: c, r: bufio.NewReader(c)}
		first, err := p.r.Peek(1)
		if err != nil {
			return
		}
		if first[0] == 22 { // a handshake record
			cert := s.cert()
			memnet.ServeHTTP(tls.Server(p, &tls.Config{
				Certificates: []tls.Certificate{cert},
				ClientAuth:   tls.RequestClientCert, // the appliance decides at login whether it knows the certificate
			}), h)
			return
		}
		memnet.ServeHTTP(p, h)
	}
}

// lingering lets an answer be heard that comes before the request is over: what is still sent is read and thrown away, as web servers do, for closing at once
// would break the connection under the client's feet.
func lingering(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		rc.EnableFullDuplex()
		body := &wanted{ReadCloser: r.Body}
		r.Body = body
		h.ServeHTTP(w, r)
		if _, err := w.Write(nil); err != nil || r.ContentLength == 0 { // hijacked: it was broken on purpose
			return
		}
		if r.Header.Get("Expect") != "" && !body.read { // whoever was not told to go on sends nothing
			return
		}
		rc.Flush()
		io.Copy(io.Discard, r.Body)
	})
}

// wanted is a request's body that remembers whether anybody read it.
type wanted struct {
	io.ReadCloser
	read bool
}

func (w *wanted) Read(p []byte) (int, error) {
	w.read = true
	return w.ReadCloser.Read(p)
}

// peeked is a connection whose first byte has been looked at.
type peeked struct {
	net.Conn
	r *bufio.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.r.Read(b) }

// reset breaks a connection so that the other side gets ECONNRESET.
func reset(c net.Conn) {
	switch c := c.(type) {
	case *tls.Conn:
		reset(c.NetConn())
	case *peeked:
		reset(c.Conn)
	case *memnet.Conn:
		c.Reset()
	case *net.TCPConn:
		c.SetLinger(0)
		c.Close()
	default:
		c.Close()
	}
}
