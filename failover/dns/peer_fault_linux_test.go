package dns_test

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/failover"
)

// cut is where a proxy in front of a real server breaks the connection that carries the first update.
type cut struct {
	request int  // bytes of the update that reach the server; -1: all
	answer  int  // bytes of the answer that come back, if the update was forwarded; -1: all
	reset   bool // by a reset instead of an end of file
}

// proxy forwards DNS over TCP and breaks one connection at the cut.
type proxy struct {
	net.Listener
	upstream string
	cut      cut
	done     atomic.Bool // the cut has been made
	updates  atomic.Int32
	wg       sync.WaitGroup
}

func startProxy(t *testing.T, upstream string, c cut) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, upstream: upstream, cut: c}
	p.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() { _ = l.Close() })
	return p
}

func frame(r io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	out := make([]byte, 2+int(binary.BigEndian.Uint16(size[:])))
	copy(out, size[:])
	_, err := io.ReadFull(r, out[2:])
	return out, err
}

func (p *proxy) serve(c net.Conn) {
	defer c.Close()
	up, err := net.Dial("tcp", p.upstream)
	if err != nil {
		return
	}
	defer up.Close()
	for {
		q, err := frame(c)
		if err != nil {
			return
		}
		update := q[4]>>3&0xf == 5
		if update {
			p.updates.Add(1)
		}
		if update && !p.done.Swap(true) {
			if p.cut.request >= 0 {
				_, _ = up.Write(q[:min(p.cut.request, len(q))])
			} else {
				_, _ = up.Write(q)
				a, err := frame(up)
				if err != nil {
					return
				}
				if p.cut.answer < 0 {
					p.cut.answer = len(a)
				}
				_, _ = c.Write(a[:min(p.cut.answer, len(a))])
			}
			if p.cut.reset {
				_ = c.(*net.TCPConn).SetLinger(0)
			}
			return
		}
		if _, err := up.Write(q); err != nil {
			return
		}
		a, err := frame(up)
		if err != nil {
			return
		}
		if _, err := c.Write(a); err != nil {
			return
		}
	}
}

func TestFaultPeerConnectionIsCut(t *testing.T) {
	for name, start := range primaries {
		t.Run(name, func(t *testing.T) {
			addr := start(t, siteText(60))
			direct := editor(t, addr, siteZone)
			tests := map[string]struct {
				cut  cut
				want failover.Outcome
			}{
				"before the request":             {cut{request: 0}, failover.Unchanged},
				"after a byte of the request":    {cut{request: 1}, failover.Unchanged},
				"in the middle of the request":   {cut{request: 60}, failover.Unchanged},
				"before the answer":              {cut{request: -1, answer: 0}, failover.AlreadyDone},
				"before the answer, by a reset":  {cut{request: -1, answer: 0, reset: true}, failover.AlreadyDone},
				"after the length of the answer": {cut{request: -1, answer: 2}, failover.AlreadyDone},
				"in the middle of the answer":    {cut{request: -1, answer: 20}, failover.AlreadyDone},
				"after the answer":               {cut{request: -1, answer: -1}, failover.Applied},
			}
			for name, tt := range tests {
				t.Run(name, func(t *testing.T) {
					p := startProxy(t, addr, tt.cut)
					z := editor(t, p.Addr().String(), siteZone)
					r := siteRecord(z)
					r.Settle = 200 * time.Millisecond
					res, err := r.Swing(t.Context())
					if res.Outcome != tt.want || (err == nil) != tt.want.Good() {
						t.Errorf("Swing() = %v, %v, want %v", res.Outcome, err, tt.want)
					}
					if n := p.updates.Load(); n != 1 {
						t.Errorf("%d updates were sent, want 1", n)
					}
					view, err := siteRecord(direct).Look(t.Context())
					if err != nil || (view.Position == failover.AtTo) != tt.want.Good() {
						t.Errorf("the name is %v, %v after the outcome %v", view.Position, err, res.Outcome)
					}
					// Again, as a run that was restarted would: it ends at the new side, whatever happened before, and never at both.
					if res, err := r.Swing(t.Context()); !res.Outcome.Good() {
						t.Errorf("the second Swing() = %v, %v", res.Outcome, err)
					}
					if view.Position == failover.AtTo || res.Outcome == failover.Unchanged {
						if res, err := siteRecord(direct).Back().Swing(t.Context()); res.Outcome != failover.Applied {
							t.Fatalf("back: %v, %v", res.Outcome, err)
						}
					}
				})
			}
		})
	}
}
