package dns

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	mdns "github.com/miekg/dns"
)

// Options are the options of a [Server] and of the questions to other servers. The zero value works.
type Options struct {
	// Timeout bounds one exchange, with connecting. Default 5 s.
	Timeout time.Duration
	// ServFail bounds how long an update or a read goes on while the server answers SERVFAIL, as it does for a moment after a reload. Default 5 s; negative: not at all.
	ServFail time.Duration
	// Dial connects. Default net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Logger gets one line for each update, without secrets. Default none.
	Logger *slog.Logger
}

func (o *Options) filled() Options {
	out := *cmp.Or(o, &Options{})
	out.Timeout = cmp.Or(out.Timeout, 5*time.Second)
	out.ServFail = cmp.Or(out.ServFail, 5*time.Second)
	if out.Dial == nil {
		out.Dial = (&net.Dialer{}).DialContext
	}
	if out.Logger == nil {
		out.Logger = slog.New(slog.DiscardHandler)
	}
	return out
}

const (
	// maxConns is how many connections a server is given at once: BIND's listen backlog is 10, and more than that cost a second of repeated handshakes.
	maxConns = 4
	// idleFor is how long a connection is kept for the next message. Servers close idle ones, some of them soon, and a message sent into that is lost.
	idleFor = time.Second
)

// Server is a zone's primary, to be edited and read over kept TCP connections. All methods may be called at the same time.
//
// Calls that come while all connections are busy are gathered, and go together over the next one that is free: hundreds of zones take few round trips.
type Server struct {
	addr string
	sign Signer
	opts Options

	mu      sync.Mutex
	idle    []idleConn
	queue   []*exchange
	workers int // each has one connection
}

type idleConn struct {
	net.Conn
	expiry *time.Timer
}

// NewServer returns the server at addr, host and port. Port 53 may be left out. Sign may be nil for a server that is only read and gives its data to anybody. Nothing is sent.
func NewServer(addr string, sign Signer, opts *Options) (*Server, error) {
	addr, err := withPort(addr)
	if err != nil {
		return nil, fmt.Errorf("dns: %w", err)
	}
	return &Server{addr: addr, sign: sign, opts: opts.filled()}, nil
}

// withPort adds the port of DNS where there is none.
func withPort(addr string) (string, error) {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		addr = net.JoinHostPort(addr, "53")
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host == "" || port == "" {
		return "", fmt.Errorf("server %q: want an address, or address:port", addr)
	}
	return addr, nil
}

// String returns address and port.
func (s *Server) String() string { return s.addr }

// Close closes connections that are kept. They also close by themselves after a second without use. The server can be used again.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.idle {
		c.expiry.Stop()
		_ = c.Close()
	}
	s.idle = nil
	return nil
}

// take returns a kept connection that is still open, or nil.
func (s *Server) take() net.Conn {
	for {
		s.mu.Lock()
		if len(s.idle) == 0 {
			s.mu.Unlock()
			return nil
		}
		c := s.idle[len(s.idle)-1]
		s.idle = s.idle[:len(s.idle)-1]
		s.mu.Unlock()
		if c.expiry.Stop() && quiet(c.Conn) {
			return c.Conn
		}
		_ = c.Close()
	}
}

// keep puts a connection aside for the next message.
func (s *Server) keep(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, idleConn{c, time.AfterFunc(idleFor, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i, k := range s.idle {
			if k.Conn == c {
				s.idle = append(s.idle[:i], s.idle[i+1:]...)
				break
			}
		}
		_ = c.Close()
	})})
}

// query asks the server signed questions without recursion. It is repeated once if a kept connection turned out to be dead, and on SERVFAIL for a while.
func (s *Server) query(ctx context.Context, zone string, questions []mdns.Question) ([]*mdns.Msg, error) {
	msgs := make([]*mdns.Msg, len(questions))
	for i, q := range questions {
		msgs[i] = &mdns.Msg{Question: []mdns.Question{q}}
	}
	wrong := func(rcode string, err error, next string) error {
		return &Error{Op: "read", Zone: zone, Server: s.addr, Rcode: rcode, Err: err, Next: next}
	}
	began := time.Now()
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		answers, kept, _, err := s.send(ctx, msgs)
		if err != nil && kept && ctx.Err() == nil {
			answers, _, _, err = s.send(ctx, msgs)
		}
		if err != nil {
			return nil, wrong("", err, "")
		}
		out := make([]*mdns.Msg, len(answers))
		servfail := false
		for i, a := range answers {
			rcode := mdns.RcodeToString[a.msg.Rcode]
			switch {
			case a.msg.Rcode == mdns.RcodeNotAuth || a.msg.Rcode == mdns.RcodeRefused:
				e := &Error{Op: "read", Zone: zone, Server: s.addr, Rcode: rcode, Err: fmt.Errorf("the server does not let us read the zone")}
				if e.TSIG, e.Skew, e.Next = a.tsigError(); e.TSIG == "" {
					e.Next = "check that this server has the zone, and that the key may read it"
				}
				return nil, e
			case a.msg.Rcode == mdns.RcodeServerFailure:
				servfail = true
			case s.sign != nil && a.untrusted != nil:
				return nil, wrong(rcode, fmt.Errorf("the answer cannot be believed: %w", a.untrusted), "")
			case a.msg.Rcode != mdns.RcodeSuccess && a.msg.Rcode != mdns.RcodeNameError:
				return nil, wrong(rcode, fmt.Errorf("no answer to a question"), "")
			case !a.msg.Authoritative:
				return nil, wrong(rcode, fmt.Errorf("the server speaks without authority"), "check that this is a server of the zone, and that the name is not delegated")
			}
			out[i] = a.msg
		}
		if !servfail {
			return out, nil
		}
		if time.Since(began)+pause > s.opts.ServFail {
			return nil, wrong("SERVFAIL", errServFail, "see the server's log")
		}
		select {
		case <-ctx.Done():
			return nil, wrong("SERVFAIL", context.Cause(ctx), "")
		case <-time.After(pause):
		}
	}
}
