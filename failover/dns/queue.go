package dns

import (
	"context"
	"fmt"
	"net"
	"slices"

	mdns "github.com/miekg/dns"
)

// maxTogether is how many messages go over a connection at once. Servers bound what they work on for one connection, and a connection that breaks leaves each of them to be found out about.
const maxTogether = 16

// exchange is the messages of one caller, and what became of them.
type exchange struct {
	ctx      context.Context
	requests []request
	done     chan struct{} // closed when what follows is final

	answers    []answer
	kept, sent bool
	err        error

	taken, alone bool // guarded by the server's lock
}

// send sends messages over one connection and returns their answers in the order of the messages. Kept says whether the connection was a kept one, sent whether anything may have left.
func (s *Server) send(ctx context.Context, msgs []*mdns.Msg) (answers []answer, kept, sent bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.opts.Timeout, fmt.Errorf("no answer within %v: %w", s.opts.Timeout, context.DeadlineExceeded))
	defer cancel()
	if ctx.Err() != nil {
		return nil, false, false, context.Cause(ctx)
	}
	x := &exchange{ctx: ctx, done: make(chan struct{})}
	if x.requests, err = prepareAll(ctx, msgs, s.sign); err != nil {
		return nil, false, false, err
	}
	s.join(x)
	select {
	case <-x.done:
	case <-ctx.Done():
		taken, alone := s.leave(x)
		if !taken {
			return nil, false, false, context.Cause(ctx)
		}
		if !alone { // the connection is not only ours to break off
			return nil, false, true, lost(ctx, "await the answer", context.Cause(ctx))
		}
		<-x.done
	}
	return x.answers, x.kept, x.sent, x.err
}

// join puts an exchange into the queue, and sees that somebody works.
func (s *Server) join(x *exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, x)
	if s.workers < maxConns {
		s.workers++
		go s.work()
	}
}

// leave takes an exchange out of the queue, unless it has been taken already.
func (s *Server) leave(x *exchange) (taken, alone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !x.taken {
		s.queue = slices.DeleteFunc(s.queue, func(y *exchange) bool { return y == x })
	}
	return x.taken, x.alone
}

// work carries exchanges out until there is none.
func (s *Server) work() {
	for {
		together := s.next()
		if together == nil {
			return
		}
		s.carry(together)
	}
}

// next takes what goes over one connection at once; nil ends the worker.
func (s *Server) next() []*exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		s.workers--
		return nil
	}
	var out []*exchange
	var requests []request
	for _, x := range s.queue {
		clash := slices.ContainsFunc(x.requests, func(r request) bool { return indexID(requests, r.msg.Id) >= 0 })
		if len(out) > 0 && (clash || len(requests)+len(x.requests) > maxTogether) {
			break
		}
		x.taken = true
		out, requests = append(out, x), append(requests, x.requests...)
	}
	out[0].alone = len(out) == 1
	s.queue = slices.Delete(s.queue, 0, len(out))
	return out
}

// carry sends what goes together, and gives everybody his answers.
func (s *Server) carry(together []*exchange) {
	ctx := together[0].ctx
	if len(together) > 1 { // nobody's context may break off the others
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(context.Background(), s.opts.Timeout, fmt.Errorf("no answer within %v: %w", s.opts.Timeout, context.DeadlineExceeded))
		defer cancel()
	}
	c := s.take()
	kept := c != nil
	var answers []answer
	var wrote int
	var err error
	if !kept {
		c, err = s.dial(ctx)
	}
	if err == nil {
		var requests []request
		for _, x := range together {
			requests = append(requests, x.requests...)
		}
		if answers, wrote, err = stream(ctx, c, requests); err == nil {
			s.keep(c)
		} else {
			_ = c.Close()
		}
	}
	first, offset := 0, 0
	for _, x := range together {
		x.kept, x.sent = kept, offset < wrote
		for _, r := range x.requests {
			offset += len(r.wire)
		}
		if answers != nil {
			x.answers = answers[first : first+len(x.requests)]
		}
		first += len(x.requests)
		if whole := answers != nil && !slices.ContainsFunc(x.answers, func(a answer) bool { return a.msg == nil }); !whole {
			x.err = err
		}
		close(x.done)
	}
}

// dial makes a connection.
func (s *Server) dial(ctx context.Context) (net.Conn, error) {
	c, err := s.opts.Dial(ctx, "tcp", s.addr)
	if err != nil {
		return nil, lost(ctx, "connect", err)
	}
	return c, nil
}
