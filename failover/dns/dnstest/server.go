// Package dnstest is a primary name server in memory that speaks RFC 2136 with TSIG: for rehearsals and tests of package failover/dns without a network.
//
//	zone := failovertest.NewZone("example.com.", …)
//	srv := &dnstest.Server{Zone: zone, Name: "example.com.", Key: key}
//	defer srv.Close()
//	s, err := dns.NewServer("primary.test", key.Signer(), &dns.Options{Dial: srv.Dial})
//
// Its state is a failovertest.Zone, so that zone's secondaries and resolvers follow it. It runs in testing/synctest bubbles.
//
// What it answers in each fault is what BIND 9.18, Knot DNS 3.2, NSD or PowerDNS 4.7 were seen to answer; [Fault] says which.
package dnstest

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync"

	mdns "github.com/miekg/dns"

	"github.com/changeover-sdk/changeover/failover/dns"
	"github.com/changeover-sdk/changeover/failover/failovertest"
)

// Server is a primary for one zone. Fill it in before the first connection; all methods may be called at the same time.
type Server struct {
	Zone *failovertest.Zone
	Name string  // the zone's name
	Key  dns.Key // the only key; the zero key lets everybody read and nobody write
	NS   []string
	// Forged has questions answered without a signature, as somebody on the way would; Lame, without authority.
	Forged, Lame bool
	// Truncate makes every answer over UDP say that it did not fit.
	Truncate bool
	// Deaf is how many datagrams are lost before one is answered.
	Deaf int

	mu       sync.Mutex
	faults   []Fault
	updates  int
	dials    int
	unsigned int
	conns    map[net.Conn]bool
	wg       sync.WaitGroup
}

// Fault is a way in which the next update is answered.
type Fault int

// The faults.
const (
	None           Fault = iota
	Unsigned             // carried out, answered without a signature
	ForgedSuccess        // not carried out, NOERROR without a signature
	ForgedGuard          // not carried out, NXRRSET without a signature
	OtherSignature       // carried out, signed with another secret
	Echo                 // carried out, the answer carries the request's own signature (Windows, for GSS-TSIG)
	Lost                 // carried out, the connection is closed without an answer
	Swallowed            // not carried out, the connection is closed without an answer
	Silent               // not carried out, never answered
	BadKey               // NOTAUTH with BADKEY, unsigned (BIND, Knot)
	BadSig               // NOTAUTH with BADSIG, unsigned (BIND, Knot)
	BadTime              // NOTAUTH with BADTIME, signed, a clock an hour ahead in the other data
	NotPrimary           // NOTAUTH, signed, TSIG error 0: not the primary (RFC 2136)
	UnknownZone          // NOTAUTH, unsigned (Knot)
	Refused              // REFUSED, signed (BIND: policy, or a secondary)
	PlainRefused         // REFUSED, unsigned (PowerDNS: wrong key)
	NotImplemented       // NOTIMP (NSD)
	ServFail             // SERVFAIL, signed (BIND after a reload, Knot without a journal)
	FormErr              // FORMERR
	Garbage              // carried out, answered with bytes that are no message
)

// Fail makes the next updates be answered in these ways, one each.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Updates returns how many updates have arrived.
func (s *Server) Updates() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.updates
}

// Unsigned returns how many messages came without a signature.
func (s *Server) Unsigned() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unsigned
}

// Dials returns how many connections were made.
func (s *Server) Dials() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dials
}

// Dial connects to the server, whatever the address; it fits dns.Options.
func (s *Server) Dial(ctx context.Context, network, _ string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	client, server := net.Pipe()
	s.mu.Lock()
	s.dials++
	s.mu.Unlock()
	s.wg.Go(func() {
		if network == "udp" {
			s.serveDatagrams(server)
		} else {
			s.ServeConn(server)
		}
	})
	return client, nil
}

// serveDatagrams answers one message a read.
func (s *Server) serveDatagrams(c net.Conn) {
	s.open(c)
	defer s.closed(c)
	buf := make([]byte, mdns.MaxMsgSize)
	answers, done := s.writer(c)
	defer done()
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		s.mu.Lock()
		lost := s.Deaf > 0
		if lost {
			s.Deaf--
		}
		s.mu.Unlock()
		if lost {
			continue
		}
		out, drop := s.answer(slices.Clone(buf[:n]))
		if drop || out == nil {
			continue
		}
		if s.Truncate {
			out[2] |= 2
		}
		answers <- out
	}
}

// writer writes answers beside reading on: questions come in a bunch, and a pipe has no buffer.
func (s *Server) writer(c net.Conn) (answers chan<- []byte, done func()) {
	ch := make(chan []byte, 64)
	var wg sync.WaitGroup
	wg.Go(func() {
		for a := range ch {
			if _, err := c.Write(a); err != nil {
				_ = c.Close()
			}
		}
	})
	return ch, func() { close(ch); _ = c.Close(); wg.Wait() }
}

func (s *Server) open(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		s.conns = map[net.Conn]bool{}
	}
	s.conns[c] = true
}

func (s *Server) closed(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	_ = c.Close()
}

// Close closes all connections and waits for them to end.
func (s *Server) Close() error {
	s.mu.Lock()
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

// ServeConn answers the messages of one TCP connection until it ends.
func (s *Server) ServeConn(c net.Conn) {
	s.open(c)
	defer s.closed(c)
	answers, done := s.writer(c)
	defer done()
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, body); err != nil {
			return
		}
		out, drop := s.answer(body)
		if drop {
			return
		}
		if out != nil {
			answers <- append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...)
		}
	}
}
