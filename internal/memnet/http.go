package memnet

import (
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// HTTPClient returns a client for "http://name" and "https://name", both without TLS: the port alone tells them apart.
// It keeps no idle connections, so that nothing of it is left when the last answer has been read.
func (n *Network) HTTPClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext:       n.DialContext,
		DialTLSContext:    n.DialContext,
		DisableKeepAlives: true,
	}}
}

// ServeHTTP answers the requests that come over one connection and returns when it has ended. It is meant for [Network.Serve]. A handler that hijacks the
// connection has it until it returns.
func ServeHTTP(c net.Conn, h http.Handler) {
	one := &single{conn: c, done: make(chan struct{})}
	var hijacked atomic.Bool
	srv := http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				if hijacked.Load() {
					one.end()
				}
			}()
			h.ServeHTTP(w, r)
		}),
		ErrorLog: log.New(io.Discard, "", 0), // a handler that breaks its own connection on purpose is what a simulator does
		ConnState: func(_ net.Conn, s http.ConnState) {
			switch s {
			case http.StateHijacked:
				hijacked.Store(true)
			case http.StateClosed:
				one.end()
			}
		},
	}
	srv.Serve(one)
}

// single is a listener with one connection; its second Accept lasts as long as that connection.
type single struct {
	conn net.Conn
	done chan struct{}
	once sync.Once
	mu   sync.Mutex
}

func (s *single) Accept() (net.Conn, error) {
	s.mu.Lock()
	c := s.conn
	s.conn = nil
	s.mu.Unlock()
	if c != nil {
		return c, nil
	}
	<-s.done
	return nil, net.ErrClosed
}

func (s *single) end()           { s.once.Do(func() { close(s.done) }) }
func (s *single) Close() error   { s.end(); return nil }
func (s *single) Addr() net.Addr { return Addr("") }
