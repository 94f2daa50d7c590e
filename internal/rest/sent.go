package rest

import (
	"context"
	"errors"
	"net"
	"net/http/httptrace"
	"sync/atomic"

	"github.com/changeover-sdk/changeover/internal/act"
)

// sent watches whether a request leaves this machine.
type sent struct{ asked, wrote atomic.Bool }

func (s *sent) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { s.asked.Store(true) },
		WroteHeaders: func() { s.wrote.Store(true) },
	})
}

// never reports whether the request that failed with err provably did not leave this machine.
//
// The proof is that the head of the request was never written in full: without its last line no server can act on it.
// WroteHeaders is called before the end of the head is flushed to the connection, so a head that may have gone out counts
// as sent. A transport that does not report to httptrace proves nothing by its silence: then only an error that itself
// says so does (a failed dial, or ErrNotSent from the transport).
func (s *sent) never(err error) bool {
	if s.wrote.Load() {
		return false
	}
	dial, ok := errors.AsType[*net.OpError](err)
	return s.asked.Load() || (ok && dial.Op == "dial") || errors.Is(err, act.ErrNotSent)
}
