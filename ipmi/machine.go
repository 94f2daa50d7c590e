package ipmi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	bmclib "github.com/bmc-toolbox/bmclib/v2"
	"github.com/bougou/go-ipmi/pkg/types"
)

// Machine is the power button, and the serial console, of one machine. Its methods may be called at the same time from
// several goroutines; the BMC is asked one question at a time.
type Machine struct {
	addr            string // host:port
	driver          Driver
	timeout, settle time.Duration
	takeOver        bool
	log             *slog.Logger

	turn    chan struct{}  // holds one token: whoever has it may use the two fields below
	session *bmclib.Client // nil: none
	used    time.Time      // when the session was last answered

	newDriver func() (driver, error) // a new driver; it knows the login, which nothing else here does

	mu       sync.Mutex
	closed   chan struct{} // closed by Close
	cancel   context.CancelCauseFunc
	consoles map[*Console]bool
}

// New returns a Machine for the BMC at addr, a host name or an IP address with the port where it is not 623. It talks to
// nobody: a wrong password shows at the first call.
//
// What it refuses: an address that is none, a user name or password that IPMI has no room for, a cipher suite other than
// 17 and 3, and an ipmitool that is not there.
func New(addr string, login Login, opts *Options) (*Machine, error) {
	host, port, err := parseAddress(addr)
	if err != nil {
		return nil, fmt.Errorf("ipmi: %w", err)
	}
	if err := login.check(); err != nil {
		return nil, fmt.Errorf("ipmi: login for %s: %w", addr, err)
	}
	o, err := opts.filled()
	if err != nil {
		return nil, fmt.Errorf("ipmi: options: %w", err)
	}
	m := &Machine{
		addr:     net.JoinHostPort(host, port),
		driver:   o.Driver,
		timeout:  o.Timeout,
		settle:   o.Settle,
		takeOver: o.TakeOver,
		log:      o.Logger.With("bmc", net.JoinHostPort(host, port)),
		turn:     make(chan struct{}, 1),
		closed:   make(chan struct{}),
		consoles: make(map[*Console]bool),
	}
	switch o.Driver {
	case Ipmitool:
		path, err := findTool(o.IpmitoolPath)
		if err != nil {
			return nil, err
		}
		m.newDriver = func() (driver, error) { return newTool(path, host, port, o.Suites[0], login) }
	default:
		level := types.PrivilegeLevelAdministrator
		if o.Operator {
			level = types.PrivilegeLevelOperator
		}
		suites := &preference{list: o.Suites}
		m.newDriver = func() (driver, error) {
			return &native{
				dial:   func(ctx context.Context) (net.Conn, error) { return o.Dial(ctx, "udp", m.addr) },
				login:  func() Login { return login },
				suites: suites,
				level:  level,
			}, nil
		}
	}
	return m, nil
}

// String returns the address and the driver.
func (m *Machine) String() string { return "ipmi " + m.addr + " (" + string(m.driver) + ")" }

// GoString returns the same as String: a Machine has nothing else to show.
func (m *Machine) GoString() string { return m.String() }

// State reads the power state. A question that got lost is asked again, on a new session if need be, until
// [Options].Timeout has passed; a refused login is never tried again.
//
// Classes of errors: ErrAuth, ErrUnreachable, ErrTimeout, ErrUnsupported, ErrBusy, ErrRefused with the BMC's code in
// [Error], ErrClosed.
func (m *Machine) State(ctx context.Context) (State, error) {
	ctx, done, err := m.begin(ctx)
	if err != nil {
		return "", err.of("read power state", m.addr)
	}
	defer done()
	s, err := m.read(ctx)
	if err != nil {
		return "", err.of("read power state", m.addr)
	}
	return s, nil
}

// begin waits for this call's turn. The returned context ends with the caller's and with Close.
func (m *Machine) begin(ctx context.Context) (context.Context, func(), *Error) {
	if e := ended(ctx, nil); e != nil {
		return nil, nil, e
	}
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, ended(ctx, failure(ErrTimeout, "another call was under way"))
	case <-m.closed:
		return nil, nil, failure(ErrClosed, "the Machine is closed")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-m.closed:
		cancel(nil)
		<-m.turn
		return nil, nil, failure(ErrClosed, "the Machine is closed")
	default:
	}
	m.cancel = cancel
	return ctx, func() {
		m.mu.Lock()
		m.cancel = nil
		m.mu.Unlock()
		cancel(nil)
		<-m.turn
	}, nil
}

// stopped returns the error for a context that was ended by the caller or by Close.
func stopped(ctx context.Context, last error) *Error {
	if ctx.Err() != nil && errors.Is(context.Cause(ctx), ErrClosed) {
		return failure(ErrClosed, "the Machine was closed meanwhile")
	}
	return ended(ctx, last)
}

// Close ends the session and every console, and makes a call that is under way return with ErrClosed. It waits at most
// a moment for the BMC, needs no context, and may be called again. It returns nil.
func (m *Machine) Close() error {
	m.mu.Lock()
	select {
	case <-m.closed:
	default:
		close(m.closed)
	}
	if m.cancel != nil {
		m.cancel(ErrClosed)
	}
	var open []*Console
	for c := range m.consoles {
		open = append(open, c)
	}
	m.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
	m.turn <- struct{}{}
	m.hangUp()
	<-m.turn
	return nil
}
