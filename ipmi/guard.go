package ipmi

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// guard stands between go-ipmi and the network and lets only what the BMC really said through.
//
// go-ipmi v0.9.1 signs what it sends and never looks at the signature of what it gets: it believes a datagram with a
// flipped bit in its power state, an answer without encryption, even one in the format of IPMI 1.5. It takes the
// algorithms a BMC chose for those that were asked for, "none" included, which would be cipher suite 0 after all. And a
// payload of the wrong length ends the program, from a goroutine that nobody can catch. Where "the node is off" decides
// whether another one may be rebooted, none of that will do.
//
// So guard reads along. From the messages of the session setup it makes the same keys, and from then on drops every
// datagram that is not signed with them, was seen before, or does not decrypt to something readable.
type guard struct {
	net.Conn
	suite    suite
	user     string
	password func() string

	mu      sync.Mutex
	console uint32 // our id of the session: the BMC writes it on what it sends
	bmc     uint32 // the BMC's id of the session: we write it on what we send
	random  struct{ console, bmc []byte }
	role    byte
	keys    keys // empty until the BMC has proven itself
	seen    window
	open    bool  // the BMC has signed something: the setup is over
	status  byte  // the BMC's last refusal during the session setup
	writes  int   // datagrams written
	dropped int   // datagrams not let through
	broken  error // why the session cannot be trusted
	sol     int   // console packets let through
	ended   bool  // the BMC said that it ends the console
	stop    bool  // see interrupt
}

// solEnding is the status bit of a console packet that says that the console is being deactivated (IPMI 2.0, table 15-2).
const solEnding = 0x10

// errDowngrade ends the setup of a session whose BMC, or somebody in between, chose weaker algorithms.
var errDowngrade = errors.New("the BMC chose other algorithms than the cipher suite that was asked for")

// Read returns the next datagram that may be believed.
func (g *guard) Read(b []byte) (int, error) {
	for {
		if g.interrupted() {
			return 0, os.ErrDeadlineExceeded
		}
		n, err := g.Conn.Read(b)
		if err != nil {
			return n, err
		}
		ok, err := g.admit(b[:n])
		if err != nil {
			return 0, err
		}
		if ok {
			return n, nil
		}
	}
}

// Write notes what the session setup says and sends it.
func (g *guard) Write(b []byte) (int, error) {
	g.note(b)
	n, err := g.Conn.Write(b)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stop = false
	if n > 0 {
		g.writes++
	}
	return n, err
}

// interrupt makes a Read return that nobody waits for any more. When a context ends, go-ipmi returns at once but leaves
// a goroutine reading, with its lock held, until the answer's time is over; the next question would wait for that lock.
// Only who holds it writes, so with the next Write the interruption is over.
func (g *guard) interrupt() {
	g.mu.Lock()
	g.stop = true
	g.mu.Unlock()
	_ = g.Conn.SetReadDeadline(time.Unix(1, 0))
}

func (g *guard) interrupted() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stop
}

// note learns from what go-ipmi sends: the session id, its random number, the role; and that it believed the BMC's
// proof, which is when it sends its own.
func (g *guard) note(b []byte) {
	d, ok := takeApart(b)
	if !ok || d.session != 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch p := d.payload; {
	case d.kind == kindOpenRequest && len(p) >= 8:
		g.console, g.keys, g.seen = binary.LittleEndian.Uint32(p[4:]), keys{}, window{}
	case d.kind == kindRAKP1 && len(p) >= 25:
		g.random.console, g.role = append([]byte(nil), p[8:24]...), p[24]
	case d.kind == kindRAKP3 && g.random.bmc != nil:
		g.keys = g.suite.derive(g.random.console, g.random.bmc, g.role, g.user, g.password())
	}
}

// admit decides about one received datagram.
func (g *guard) admit(b []byte) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	d, ok := takeApart(b)
	if ok && d.session == 0 {
		ok = g.admitSetup(d)
	} else if ok {
		ok = g.admitSession(d)
	}
	if g.broken != nil {
		return false, g.broken
	}
	if !ok {
		g.dropped++
	}
	return ok, nil
}

// admitSetup decides about the three answers of the session setup. They are not signed; the codes inside them, which
// go-ipmi does check, prove that the BMC knows the password. What is checked here is what go-ipmi does not.
func (g *guard) admitSetup(d datagram) bool {
	p := d.payload
	answer := d.kind == kindOpenResponse || d.kind == kindRAKP2 || d.kind == kindRAKP4
	if g.open || d.flags != 0 || len(p) < 2 || !answer || g.keys.k1 != nil && d.kind != kindRAKP4 {
		return false
	}
	if p[1] != 0 { // the BMC says no, ipmi_sim in these two bytes, which go-ipmi does not understand
		g.status = p[1]
		return true
	}
	if len(p) < 8 || binary.LittleEndian.Uint32(p[4:]) != g.console {
		return false
	}
	switch d.kind {
	case kindOpenResponse:
		if len(p) < 36 {
			return false
		}
		if p[16] != g.suite.auth || p[24] != g.suite.integrity || p[32] != g.suite.crypto {
			g.broken = errDowngrade
			return false
		}
		g.bmc = binary.LittleEndian.Uint32(p[8:])
		return g.bmc != 0
	case kindRAKP2:
		if len(p) < 40+g.suite.hash().Size() {
			return false
		}
		g.random.bmc = append([]byte(nil), p[8:24]...)
		return g.random.console != nil
	case kindRAKP4:
		return len(p) >= 8+g.suite.mac
	}
	return false
}

// admitSession decides about a datagram of the session.
func (g *guard) admitSession(d datagram) bool {
	if g.keys.k1 == nil || d.session != g.console || !d.authentic(g.suite, g.keys.k1) {
		return false
	}
	plain, ok := d.clear(g.keys.k2)
	if !ok || !readable(d.kind, plain) || !g.seen.fresh(d.sequence) {
		return false
	}
	g.open = true
	if d.kind == kindSOL {
		g.sol++
		g.ended = g.ended || plain[3]&solEnding != 0
	}
	return true
}

// facts is what a driver needs to know about the conversation so far.
type facts struct {
	bmc             uint32
	status          byte
	writes, dropped int
	broken          error
	sol             int
	ended           bool
}

func (g *guard) facts() facts {
	g.mu.Lock()
	defer g.mu.Unlock()
	return facts{g.bmc, g.status, g.writes, g.dropped, g.broken, g.sol, g.ended}
}

// window remembers which of the BMC's last 64 sequence numbers have been seen, so that an old answer cannot be played
// again (IPMI 2.0, 6.12.13). Zero is ready for use.
type window struct {
	highest uint32
	seen    uint64 // bit n: highest-n was seen
}

// fresh reports whether n was not seen before, and remembers it.
func (w *window) fresh(n uint32) bool {
	switch {
	case n == 0: // used outside sessions only
		return false
	case n > w.highest:
		if shift := n - w.highest; shift < 64 {
			w.seen <<= shift
		} else {
			w.seen = 0
		}
		w.highest = n
		w.seen |= 1
		return true
	case w.highest-n >= 64 || w.seen&(1<<(w.highest-n)) != 0:
		return false
	}
	w.seen |= 1 << (w.highest - n)
	return true
}
