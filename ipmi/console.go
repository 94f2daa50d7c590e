package ipmi

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/bougou/go-ipmi/pkg/command/transport"
	"github.com/bougou/go-ipmi/pkg/types"
)

const (
	// keepAlive is how often a command is sent while a console is open. Console traffic alone does not keep a session:
	// ipmi_sim ends it after 30 s (measured), and go-ipmi's own keep-alive comes exactly then.
	keepAlive = 10 * time.Second

	// solPatience and solRepeats are how long the answer to a console packet is waited for, and how often it is sent
	// again. Console packets are numbered, so that a repetition does no harm.
	solPatience = time.Second
	solRepeats  = 2

	// solPause is the time between a break of the stream and the next attempt.
	solPause = 100 * time.Millisecond

	// strikes is how often in a row the console may say nothing at all, while the BMC answers commands, before it is
	// given up.
	strikes = 2

	codeActive = 0x80 // Activate Payload: already active on another session (IPMI 2.0, table 24-2)
)

// Console is what a machine prints on its serial port, carried over the network by its BMC.
//
// It is evidence for people and nothing to decide by: a BMC shows only what the firmware and the operating system send
// to the port, output can be lost or repeated on the way, and silence means nothing at all.
type Console struct {
	tail *tail
	stop context.CancelFunc
	done chan struct{} // closed when the session is over and its goroutine has ended
	once sync.Once
}

// Read returns output as it comes and waits while there is none. After the end it returns what was left, then why it
// ended: the context's error; io.EOF after Close; an [*Error] of class ErrBusy when somebody else took the console over,
// of class ErrTimeout when the BMC stopped answering. At most one goroutine may read.
func (c *Console) Read(p []byte) (int, error) { return c.tail.read(context.Background(), p) }

// Gaps returns how often output is known to be missing, or may have been repeated: because the BMC said so, because a
// packet was lost, or because nobody read what came (256 KiB are kept).
func (c *Console) Gaps() int { return c.tail.lost() }

// Close ends the stream and gives the console back to the BMC. It may be called again; it returns nil.
func (c *Console) Close() error {
	c.once.Do(func() {
		c.tail.end(io.EOF)
		c.stop()
	})
	<-c.done
	return nil
}

// Console opens the serial console (serial over LAN) on a session of its own, so that the power can be read and switched
// meanwhile. The stream lives until ctx ends or it is closed; the result is a [*Console]. A command every ten seconds
// keeps the session alive.
//
// When the console is in use already, by a person or by a client that died, the error is of class ErrBusy, unless
// [Options].TakeOver says to end the other one. With the driver Ipmitool the error is of class ErrUnsupported.
func (m *Machine) Console(ctx context.Context) (io.ReadCloser, error) {
	const op = "console"
	if e := ended(ctx, nil); e != nil {
		return nil, e.of(op, m.addr)
	}
	d, err := m.newDriver()
	if err != nil {
		return nil, err
	}
	n, ok := d.(*native)
	if !ok {
		return nil, failure(ErrUnsupported, "the driver %q cannot stream a console: ipmitool needs a terminal for it; use %q", m.driver, Native).of(op, m.addr)
	}
	life, stop := context.WithCancel(ctx)
	c := &Console{tail: newTail(), stop: stop, done: make(chan struct{})}
	if !m.adopt(c) {
		stop()
		return nil, failure(ErrClosed, "the Machine is closed").of(op, m.addr)
	}
	if e := m.activate(life, n); e != nil {
		_ = n.Close(life)
		closed := life.Err() != nil && ctx.Err() == nil
		stop()
		close(c.done)
		m.disown(c)
		if closed {
			e = failure(ErrClosed, "the Machine was closed meanwhile")
		} else if over := ended(ctx, e); over != nil {
			e = over
		}
		return nil, e.of(op, m.addr)
	}
	m.log.InfoContext(ctx, "console opened")
	go func() {
		defer close(c.done)
		defer m.disown(c)
		defer stop()
		e := c.stream(life, n)
		ours := life.Err() != nil
		if over := ended(ctx, e); over != nil {
			e = over
		}
		c.tail.end(e.of(op, m.addr))
		n.release(life, ours)
		m.log.InfoContext(ctx, "console closed", "gaps", c.Gaps())
	}()
	return c, nil
}

// adopt makes Close of the Machine close c as well; it reports whether the Machine is still open.
func (m *Machine) adopt(c *Console) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-m.closed:
		return false
	default:
	}
	m.consoles[c] = true
	return true
}

func (m *Machine) disown(c *Console) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.consoles, c)
}

// activate logs in and turns the session into a console. Nothing of it is repeated: the second time, the BMC would say
// that the console is in use, by us.
func (m *Machine) activate(ctx context.Context, n *native) *Error {
	limited, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	if err := n.Open(limited); err != nil {
		return inner(limited, err)
	}
	request := &transport.ActivatePayloadRequest{
		PayloadType: types.PayloadTypeSOL, PayloadInstance: 1,
		EnableEncryption: true, EnableAuthentication: true, // without them anybody could write into the stream
	}
	_, err := n.cl.ActivatePayload(limited, request)
	if err == nil {
		return nil
	}
	e := n.failed(limited, err)
	if e.Code != codeActive {
		return solError(e)
	}
	if !m.takeOver {
		return solError(e).also("set TakeOver to end that one")
	}
	m.log.InfoContext(ctx, "console taken over from another session")
	if err := n.deactivate(limited); err != nil {
		return n.failed(limited, err)
	}
	if _, err := n.cl.ActivatePayload(limited, request); err != nil {
		return solError(n.failed(limited, err))
	}
	return nil
}

// solError explains the completion codes that Activate Payload has for itself (IPMI 2.0, table 24-2).
func solError(e *Error) *Error {
	class, says := error(nil), ""
	switch e.Code {
	case codeActive:
		class, says = ErrBusy, "the console is in use by another session"
	case 0x81:
		class, says = ErrUnsupported, "serial over LAN is disabled on this BMC"
	case 0x82:
		class, says = ErrBusy, "the BMC has no room for another console"
	case 0x83:
		class, says = ErrUnsupported, "the BMC cannot encrypt the console, and nothing else is accepted"
	default:
		return e
	}
	return &Error{Code: e.Code, says: says, classes: []error{ErrRefused, class}}
}

func (n *native) deactivate(ctx context.Context) error {
	_, err := n.cl.DeactivatePayload(ctx, &transport.DeactivatePayloadRequest{PayloadType: types.PayloadTypeSOL, PayloadInstance: 1})
	if r, ok := errors.AsType[*types.ResponseError](err); ok && r.CompletionCode() == codeActive {
		return nil // for this command 0x80 means: it was not active
	}
	return err
}

// release ends the session, as well as a moment allows. The console goes with it (IPMI 2.0, 24.2), but is given back
// explicitly, for BMCs that forget that; unless it is not ours any more, when giving it back would take it from whoever
// has it now.
func (n *native) release(ctx context.Context, ours bool) {
	if ours {
		polite, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
		defer cancel()
		n.g.interrupt()
		if err := n.deactivate(polite); err != nil && polite.Err() != nil {
			n.drop() // a BMC that does not answer is not asked twice
		}
	}
	_ = n.Close(ctx)
}

// stream copies the console into the tail until there is a reason to end, and returns it.
//
// go-ipmi's stream is run for ten seconds at a time and then left between two packets, so that the command which keeps
// the session alive never crosses a console packet. When the stream breaks, over a lost packet or because the BMC says
// that it dropped output, that command shows whether the BMC is still there; if it is, the stream begins again.
func (c *Console) stream(ctx context.Context, n *native) *Error {
	n.cl.WithTimeout(solPatience).WithRetry(solRepeats)
	for silent := 0; ; {
		before := n.g.facts().sol
		err := n.cl.SOLStream(ctx, untilKeepAlive{ctx}, c.tail, nil)
		now := n.g.facts()
		switch {
		case ctx.Err() != nil:
			return failure(ErrClosed, "closed")
		case now.ended:
			return failure(ErrBusy, "the BMC ended the stream: somebody else took the console over, or switched it off")
		case err != nil:
			c.tail.gap()
			wait(ctx, solPause)
		}
		if silent++; err == nil || now.sol > before {
			silent = 0
		}
		if silent >= strikes {
			return failure(ErrBusy, "the BMC answers commands, but not the console: somebody else took it over, or switched it off")
		}
		if _, err := n.cl.GetChassisStatus(ctx); err != nil && ctx.Err() == nil {
			return n.failed(ctx, err).also("the console ends here")
		}
	}
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// untilKeepAlive is the input of the stream: nothing, for ten seconds. Its end ends the stream, between two packets.
type untilKeepAlive struct{ ctx context.Context }

func (u untilKeepAlive) Read([]byte) (int, error) {
	wait(u.ctx, keepAlive)
	return 0, io.EOF
}
