package ipmi

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/command/app"
	"github.com/bougou/go-ipmi/pkg/command/chassis"
	"github.com/bougou/go-ipmi/pkg/types"
)

// goodbye bounds what is done for the BMC's sake when a session is over. Nobody waits longer for politeness.
const goodbye = 200 * time.Millisecond

// native is one RMCP+ session, in the shape of a bmclib driver. It is used by one goroutine at a time.
//
// The session is set up message by message instead of by go-ipmi's Connect, which would repeat what got lost, flatten
// the reason of a refusal to text, and leave a goroutine behind that keeps the session alive for ever.
type native struct {
	dial   func(ctx context.Context) (net.Conn, error)
	login  func() Login
	suites *preference
	level  types.PrivilegeLevel

	cl *client.Client
	g  *guard
}

// Name is how bmclib calls the driver.
func (n *native) Name() string { return string(Native) }

// Open logs in. A suite the BMC does not have, or does not answer to, is followed by the next one; a refused user or
// password is final, and so is offered once.
func (n *native) Open(ctx context.Context) error {
	var refused error
	suites := n.suites.inOrder()
	for i, id := range suites {
		err := n.open(ctx, id, len(suites)-i)
		if err == nil {
			n.suites.prefer(id) // the next session begins with what worked
			return nil
		}
		n.drop()
		if !errors.Is(err, errNextSuite) {
			return err
		}
		if refused == nil || !errors.Is(err, ErrTimeout) {
			refused = err
		}
	}
	return refused
}

// errNextSuite marks an error after which another cipher suite may be tried: no user and no password was shown yet.
var errNextSuite = errors.New("another cipher suite may do")

// open tries one suite; left is how many there are, this one included.
func (n *native) open(ctx context.Context, id, left int) error {
	s, _ := suiteOf(id)
	conn, err := n.dial(ctx)
	if err != nil {
		return n.failed(ctx, err)
	}
	login := n.login()
	n.g = &guard{Conn: conn, suite: s, user: login.User, password: func() string { return n.login().Password }}
	n.cl, err = client.NewClient("", 0, login.User, login.Password) // the address is the guard's business
	if err != nil {
		return failure(ErrUnsupported, "%v", err)
	}
	n.cl.WithUDPProxy(dialed{n.g}).WithCipherSuiteID(types.CipherSuiteID(id)).WithMaxPrivilegeLevel(n.level).
		WithRetry(0).WithTimeout(forever) // how long, and whether again, is decided here

	first := ctx
	if deadline, ok := ctx.Deadline(); ok && left > 1 {
		var cancel context.CancelFunc
		first, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(left))
		defer cancel()
	}
	if _, err := n.cl.OpenSession(first); err != nil {
		e := n.failed(first, err)
		if left > 1 && ctx.Err() == nil && n.g.facts().broken == nil && (errors.Is(e, ErrTimeout) || e.Status != 0 && !errors.Is(e, ErrBusy)) {
			return e.with(errNextSuite)
		}
		return e
	}
	for _, step := range []func() error{
		func() error { _, err := n.cl.RAKPMessage1(ctx); return err },
		func() error { _, err := n.cl.RAKPMessage3(ctx); return err },
		func() error { _, err := n.cl.SetSessionPrivilegeLevel(ctx, n.level); return err },
	} {
		if err := step(); err != nil {
			return n.failed(ctx, err)
		}
	}
	return nil
}

// forever is the time-out given to go-ipmi: contexts decide.
const forever = time.Hour

// dialed hands go-ipmi the connection that is there already.
type dialed struct{ conn net.Conn }

func (d dialed) Dial(string, string) (net.Conn, error) { return d.conn, nil }

// PowerStateGet asks once.
func (n *native) PowerStateGet(ctx context.Context) (string, error) {
	if n.cl == nil {
		return "", failure(ErrNotSent, "there is no session")
	}
	status, err := n.cl.GetChassisStatus(ctx)
	if err != nil {
		return "", n.failed(ctx, err)
	}
	if status.PowerIsOn {
		return On, nil
	}
	return Off, nil
}

// PowerSet tells the BMC once to do what state says.
func (n *native) PowerSet(ctx context.Context, state string) (bool, error) {
	control, ok := map[string]chassis.ChassisControl{
		"on":    chassis.ChassisControlPowerUp,
		"off":   chassis.ChassisControlPowerDown,
		"cycle": chassis.ChassisControlPowerCycle,
	}[state]
	if !ok {
		return false, failure(ErrUnsupported, "%q is not offered", state).with(ErrNotSent)
	}
	if n.cl == nil {
		return false, failure(ErrNotSent, "there is no session")
	}
	before := n.g.facts().writes
	if _, err := n.cl.ChassisControl(ctx, control); err != nil {
		e := n.failed(ctx, err)
		if n.g.facts().writes == before {
			e = e.with(ErrNotSent)
		}
		return false, e
	}
	return true, nil
}

// Close says goodbye to the BMC and gives the socket back. It may be called again.
func (n *native) Close(ctx context.Context) error {
	if n.cl == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	n.g.interrupt()
	if id := n.g.facts().bmc; id != 0 {
		_, _ = n.cl.CloseSession(ctx, &app.CloseSessionRequest{SessionID: id}) // the BMC forgets us by itself if it did not hear
	}
	n.drop()
	return nil
}

// drop gives the socket back. go-ipmi's own Close is never called: it panics the second time, waits for a BMC that does
// not answer, and all it frees is the socket, which is the guard's.
func (n *native) drop() {
	if n.g != nil {
		_ = n.g.Conn.Close()
	}
	n.cl, n.g = nil, nil
}

// failed gives an error of go-ipmi or of the network its class. A guard's verdict wins, then the BMC's own words, then
// what the network said; all the rest is "no usable answer".
func (n *native) failed(ctx context.Context, err error) *Error {
	var known facts
	if n.g != nil {
		known = n.g.facts()
	}
	if known.broken != nil {
		return failure(ErrAuth, "%v: somebody may be in between; nothing was believed", known.broken)
	}
	if r, ok := errors.AsType[*types.ResponseError](err); ok && r.CompletionCode() != 0 {
		return refusal(byte(r.CompletionCode()))
	}
	if known.status != 0 {
		return statusError(known.status)
	}
	if errors.Is(err, client.ErrRAKPAuthentication) {
		return failure(ErrAuth, "wrong user or password, or not the BMC it should be: the proofs that were exchanged do not match; not tried again, lest the account be locked")
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return failure(ErrUnreachable, "%v", dns)
	}
	for _, cause := range []error{syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.ENETDOWN, syscall.EACCES, syscall.EPERM} {
		if errors.Is(err, cause) {
			return failure(ErrUnreachable, "%v: is the BMC's network port connected, and UDP 623 open on the way?", cause)
		}
	}
	e := failure(ErrTimeout, "no answer")
	if !silence(ctx, err) {
		e = failure(ErrTimeout, "no usable answer: %v", err)
	}
	if known.dropped > 0 {
		e = e.also("%d datagrams were dropped because the BMC's signature was not on them", known.dropped)
	}
	return e
}

// statusError is a refusal during the session setup (IPMI 2.0, table 13-15).
func statusError(status byte) *Error {
	class, advice := error(ErrUnsupported), "another cipher suite may do"
	switch status {
	case 0x01, 0x0b:
		class, advice = ErrBusy, "sessions that were left open end by themselves after about a minute"
	case 0x09, 0x0a:
		class, advice = ErrAuth, "the user has a lower privilege level than was asked for"
	case 0x0c, 0x0d, 0x0e, 0x0f:
		class, advice = ErrAuth, "no such user, or a wrong password"
	case 0x02, 0x08:
		class, advice = ErrBusy, "the BMC has already forgotten the session"
	}
	e := failure(class, "the BMC refused the session with RMCP+ status 0x%02x (%s): %s", status, strings.ToLower(types.RmcpStatusCode(status).String()), advice)
	e.Status = status
	return e
}

// silence reports whether err only says that nothing came. go-ipmi says so in three ways, one of them just before the
// context's timer fires.
func silence(ctx context.Context, err error) bool {
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), noMatch) {
		return true
	}
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

// noMatch is the text of an error of go-ipmi v0.9.1 that it does not export.
const noMatch = "no datagram matched before deadline"
