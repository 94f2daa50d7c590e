package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/changeover-sdk/changeover/failover"
)

// ask puts questions to one server over a fresh socket and returns the answers in their order. It asks over UDP, repeats what was not answered, and goes to TCP if an answer did not fit.
func ask(ctx context.Context, o Options, addr string, questions []mdns.Question, recurse bool) ([]*mdns.Msg, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, o.Timeout, fmt.Errorf("no answer within %v: %w", o.Timeout, context.DeadlineExceeded))
	defer cancel()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	msgs := make([]*mdns.Msg, len(questions))
	for i, q := range questions {
		msgs[i] = &mdns.Msg{Question: []mdns.Question{q}}
		msgs[i].RecursionDesired = recurse
	}
	requests, err := prepareAll(ctx, msgs, nil)
	if err != nil {
		return nil, err
	}
	out, err := datagrams(ctx, o, addr, requests)
	if !errors.Is(err, errTruncated) {
		return out, err
	}
	c, err := o.Dial(ctx, "tcp", addr)
	if err != nil {
		return nil, lost(ctx, "connect", err)
	}
	defer c.Close()
	answers, _, err := stream(ctx, c, requests)
	if err != nil && !errors.Is(err, errStopped) {
		return nil, err
	}
	for i, a := range answers {
		out[i] = a.msg
	}
	return out, nil
}

var errTruncated = errors.New("an answer did not fit into a datagram")

// datagrams asks over UDP. What fits to no question is ignored: anybody can send to a port.
func datagrams(ctx context.Context, o Options, addr string, requests []request) ([]*mdns.Msg, error) {
	out := make([]*mdns.Msg, len(requests))
	c, err := o.Dial(ctx, "udp", addr)
	if err != nil {
		return out, lost(ctx, "connect", err)
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	missing := len(requests)
	buf := make([]byte, 4096)
	for try := o.Timeout / 8; ; try *= 2 { // 1/8, 1/4 and the rest
		for i, r := range requests {
			if out[i] != nil {
				continue
			}
			if _, err := c.Write(r.wire[2:]); err != nil {
				return out, lost(ctx, "send", err)
			}
		}
		_ = c.SetReadDeadline(time.Now().Add(try))
		for {
			if ctx.Err() != nil {
				return out, lost(ctx, "await the answer", context.Cause(ctx))
			}
			n, err := c.Read(buf)
			if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() && ctx.Err() == nil {
				break
			}
			if err != nil {
				return out, lost(ctx, "await the answer", err)
			}
			if n < 12 {
				continue
			}
			i := indexID(requests, uint16(buf[0])<<8|uint16(buf[1]))
			if i < 0 || out[i] != nil {
				continue
			}
			a, err := requests[i].accept(buf[:n])
			if a.msg.Truncated && a.msg.Response {
				return out, errTruncated
			}
			if err != nil {
				continue
			}
			out[i] = a.msg
			if missing--; missing == 0 {
				return out, nil
			}
		}
	}
}

// server is a name server that is only asked.
type server struct {
	name    string // for reports
	addr    string
	zone    string // of an authoritative server; empty for a resolver
	opts    Options
	problem error // set for one that has no address
}

// String names the server.
func (s *server) String() string { return s.name }

// Ask asks over a fresh socket; an authoritative server for the zone's serial too.
func (s *server) Ask(ctx context.Context, keys []failover.Key) (failover.Answer, error) {
	if s.problem != nil {
		return failover.Answer{}, s.problem
	}
	qs, at := questions(keys)
	if s.zone != "" {
		qs = append(qs, mdns.Question{Name: s.zone, Qtype: mdns.TypeSOA, Qclass: mdns.ClassINET})
	}
	msgs, err := ask(ctx, s.opts, s.addr, qs, s.zone == "")
	if err != nil {
		return failover.Answer{}, &Error{Op: "ask", Zone: s.zone, Server: s.addr, Err: err}
	}
	a, err := understand(msgs, keys, at, s.zone)
	if err != nil {
		return a, &Error{Op: "ask", Zone: s.zone, Server: s.addr, Err: err}
	}
	return a, nil
}

// understand turns answers into one. At says where each key's answer is; the last message may be about the zone's SOA.
func understand(msgs []*mdns.Msg, keys []failover.Key, at []int, zone string) (failover.Answer, error) {
	out := failover.Answer{Authoritative: true}
	for _, m := range msgs {
		if m.Rcode != mdns.RcodeSuccess && m.Rcode != mdns.RcodeNameError {
			return out, fmt.Errorf("%s for %s", mdns.RcodeToString[m.Rcode], m.Question[0].Name)
		}
		out.Authoritative = out.Authoritative && m.Authoritative
		for _, rr := range m.Answer {
			if soa, ok := rr.(*mdns.SOA); ok && mdns.CanonicalName(soa.Hdr.Name) == zone {
				out.Serial, out.HasSerial = soa.Serial, true
			}
		}
	}
	for i, k := range keys {
		set, err := recordSet(msgs[at[i]], k)
		if err != nil {
			return out, err
		}
		out.Sets = append(out.Sets, set)
	}
	return out, nil
}

// Resolvers returns resolvers at these addresses, to be asked over a fresh socket each time. Port 53 may be left out. An address that makes no sense is reported when it is asked.
func Resolvers(opts *Options, addrs ...string) []failover.Nameserver {
	out := make([]failover.Nameserver, len(addrs))
	for i, a := range addrs {
		addr, err := withPort(a)
		if err != nil {
			addr = a
		}
		out[i] = &server{name: addr, addr: addr, opts: opts.filled(), problem: err}
	}
	return out
}
