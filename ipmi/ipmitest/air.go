package ipmitest

import (
	"context"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/bougou/go-ipmi/pkg/transport"
)

// air is the network of one BMC: a UDP socket on 127.0.0.1 once somebody asks for its address, and connections in
// memory, which a synctest bubble can wait on.
type air struct {
	inbox chan packet
	down  chan struct{} // closed when the BMC is gone
	once  sync.Once

	// arriving and leaving see every datagram and decide what becomes of it.
	arriving, leaving func(p packet) fate

	mu    sync.Mutex
	udp   *net.UDPConn
	conns map[memAddr]*memConn
	next  int
}

// fate is what becomes of a datagram: zero means that it arrives at once.
type fate struct {
	lost bool
	late time.Duration
}

type packet struct {
	data []byte
	from net.Addr // or to
}

var _ transport.PacketConn = (*air)(nil)

func newAir() *air {
	return &air{inbox: make(chan packet, 256), down: make(chan struct{}), conns: make(map[memAddr]*memConn)}
}

// listen opens the UDP socket, the first time, on an IP address and a port, and returns where it is.
func (a *air) listen(on string) (net.Addr, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.udp != nil {
		return a.udp.LocalAddr(), nil
	}
	select {
	case <-a.down:
		return nil, net.ErrClosed
	default:
	}
	addr, err := net.ResolveUDPAddr("udp", on)
	if err != nil {
		return nil, err
	}
	udp, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, err
	}
	a.udp = udp
	go func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := udp.ReadFromUDP(buf)
			if err != nil {
				return // closed
			}
			a.arrive(packet{append([]byte(nil), buf[:n]...), from})
		}
	}()
	return udp.LocalAddr(), nil
}

// arrive puts a datagram into the inbox; one that finds it full is lost, as on any network.
func (a *air) arrive(p packet) {
	befall(a.arriving(p), func() {
		select {
		case a.inbox <- p:
		default:
		}
	})
}

// befall lets happen to a datagram what its fate says. Nobody waits for one that is late: the BMC holds locks while it
// sends, and a synctest bubble's time does not pass while a lock is waited for.
func befall(f fate, deliver func()) {
	switch {
	case f.lost:
	case f.late > 0:
		time.AfterFunc(f.late, deliver)
	default:
		deliver()
	}
}

// ReadFrom is where the BMC gets its datagrams from.
func (a *air) ReadFrom(buf []byte) (int, net.Addr, error) {
	select {
	case p := <-a.inbox:
		return copy(buf, p.data), p.from, nil
	case <-a.down:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo is where the BMC's answers go.
func (a *air) WriteTo(data []byte, to net.Addr) (int, error) {
	data = append([]byte(nil), data...)
	befall(a.leaving(packet{data, to}), func() { a.send(data, to) })
	return len(data), nil
}

func (a *air) send(data []byte, to net.Addr) {
	a.mu.Lock()
	udp, conn := a.udp, (*memConn)(nil)
	if m, ok := to.(memAddr); ok {
		conn = a.conns[m]
	}
	a.mu.Unlock()
	switch to := to.(type) {
	case memAddr:
		if conn != nil {
			conn.deliver(data)
		}
	case *net.UDPAddr:
		if udp != nil {
			_, _ = udp.WriteToUDP(data, to) // a datagram may get lost
		}
	}
}

// Close takes the BMC off the network.
func (a *air) Close() error {
	a.once.Do(func() { close(a.down) })
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.udp != nil {
		return a.udp.Close()
	}
	return nil
}

// dial makes a connection in memory.
func (a *air) dial(context.Context) (net.Conn, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next++
	c := &memConn{air: a, addr: memAddr("console-" + strconv.Itoa(a.next)), in: make(chan []byte, 256), closed: make(chan struct{}), deadline: newDeadline()}
	a.conns[c.addr] = c
	return c, nil
}

type memAddr string

func (memAddr) Network() string  { return "udp" }
func (a memAddr) String() string { return string(a) }

// memConn is the client's end of a connection in memory. It behaves as a connected UDP socket does.
type memConn struct {
	air      *air
	addr     memAddr
	in       chan []byte
	closed   chan struct{}
	once     sync.Once
	deadline *deadline
}

func (c *memConn) deliver(data []byte) {
	select {
	case c.in <- data:
	default:
	}
}

func (c *memConn) Read(b []byte) (int, error) {
	select {
	case <-c.closed:
		return 0, net.ErrClosed
	default:
	}
	select {
	case data := <-c.in:
		return copy(b, data), nil
	case <-c.closed:
		return 0, net.ErrClosed
	case <-c.air.down:
		return 0, c.fault("read", syscall.ECONNREFUSED)
	case <-c.deadline.passed():
		return 0, c.fault("read", os.ErrDeadlineExceeded)
	}
}

func (c *memConn) Write(b []byte) (int, error) {
	select {
	case <-c.closed:
		return 0, net.ErrClosed
	case <-c.air.down:
		return len(b), nil // the refusal comes back later
	default:
	}
	c.air.arrive(packet{append([]byte(nil), b...), c.addr})
	return len(b), nil
}

func (c *memConn) fault(op string, err error) error {
	return &net.OpError{Op: op, Net: "udp", Source: c.addr, Addr: memAddr("bmc"), Err: err}
}

func (c *memConn) Close() error {
	c.once.Do(func() {
		close(c.closed)
		c.deadline.set(time.Time{})
		c.air.mu.Lock()
		delete(c.air.conns, c.addr)
		c.air.mu.Unlock()
	})
	return nil
}

func (c *memConn) LocalAddr() net.Addr               { return c.addr }
func (c *memConn) RemoteAddr() net.Addr              { return memAddr("bmc") }
func (c *memConn) SetDeadline(t time.Time) error     { return c.SetReadDeadline(t) }
func (c *memConn) SetWriteDeadline(time.Time) error  { return nil } // a write never waits
func (c *memConn) SetReadDeadline(t time.Time) error { c.deadline.set(t); return nil }
