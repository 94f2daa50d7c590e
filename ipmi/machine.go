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
	"github.com/bmc-toolbox/bmclib/v2/providers"
	"github.com/bougou/go-ipmi/pkg/types"
	"github.com/jacobweinstock/registrar"

	"github.com/changeover-sdk/changeover/internal/poll"
)

// idle is how long a session may rest before it is taken for lost. ipmi_sim forgets one after 30 s (measured), IPMI 2.0
// allows 60 s; a question into a forgotten session is never answered.
const idle = 15 * time.Second

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

// driver is what bmclib finds in the registry: it looks for these methods one by one.
type driver interface {
	Name() string
	Open(ctx context.Context) error
	Close(ctx context.Context) error
	PowerStateGet(ctx context.Context) (string, error)
	PowerSet(ctx context.Context, state string) (bool, error)
}

var (
	_ driver = (*native)(nil)
	_ driver = (*tool)(nil)
)

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

// read asks for the state until there is an answer, a refusal, or the time is over.
func (m *Machine) read(ctx context.Context) (State, *Error) {
	limited, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	var state State
	n := 0
	err := poll.Until(limited, pause, func(limited context.Context) error {
		try, cancel := context.WithTimeout(limited, patience(m.driver, n))
		defer cancel()
		n++
		var err error
		if state, err = m.ask(try); err == nil {
			return nil
		}
		if code, ok := isCode(err); ok && passing(code) || !ok && errors.Is(err, ErrTimeout) {
			return err
		}
		return poll.Stop(err)
	})
	if err == nil {
		m.log.DebugContext(ctx, "power state read", "state", state)
		return state, nil
	}
	var last error = err
	if gave, ok := errors.AsType[*poll.GaveUpError](err); ok {
		last = gave.Last
	}
	if e := stopped(ctx, last); e != nil {
		return "", e
	}
	e, ok := errors.AsType[*Error](last)
	switch {
	case !ok:
		return "", failure(ErrTimeout, "no answer within %v", m.timeout)
	case errors.Is(e, ErrTimeout):
		return "", e.also("asked %d times within %v", n, m.timeout)
	}
	return "", e
}

// patience is how long the n-th asking waits for its answer. ipmitool asks again by itself and is left alone.
func patience(d Driver, n int) time.Duration {
	if d == Ipmitool {
		return forever
	}
	return 2 * time.Second << min(n, 4)
}

// pause is the time between two questions to a BMC that did not answer, or has not done yet what it was told.
func pause(n int) time.Duration {
	return min(100*time.Millisecond<<min(n, 4), time.Second)
}

// ask puts one question, after logging in if need be. A session that did not answer is not used again.
func (m *Machine) ask(ctx context.Context) (State, error) {
	if m.session != nil && m.driver == Native && time.Since(m.used) > idle {
		m.hangUp()
	}
	if m.session == nil {
		if err := m.connect(ctx); err != nil {
			return "", err
		}
	}
	said, err := m.session.GetPowerState(ctx)
	if err = m.settled(ctx, err); err != nil {
		return "", err
	}
	return parseState(said), nil
}

// connect makes a bmclib client that has one driver, and logs in. A bmclib client is not used again after a failure: its
// Open removes the driver from the registry, and an empty registry would be filled with every driver there is.
func (m *Machine) connect(ctx context.Context) error {
	d, err := m.newDriver()
	if err != nil {
		return err
	}
	registry := registrar.NewRegistry()
	registry.Register(d.Name(), "ipmi", registrar.Features{providers.FeaturePowerState, providers.FeaturePowerSet}, nil, d)
	cl := bmclib.NewClient("", "", "", bmclib.WithRegistry(registry), bmclib.WithPerProviderTimeout(forever))
	if err := cl.Open(ctx); err != nil {
		return inner(ctx, err)
	}
	m.session, m.used = cl, time.Now()
	return nil
}

// settled looks at how a question ended: a session is kept only if the BMC answered, be it with a refusal.
func (m *Machine) settled(ctx context.Context, err error) error {
	if err == nil {
		m.used = time.Now()
		return nil
	}
	err = inner(ctx, err)
	if _, answered := isCode(err); answered {
		m.used = time.Now()
		return err
	}
	m.hangUp()
	return err
}

// inner takes the driver's error out of what bmclib wraps around it.
func inner(ctx context.Context, err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if ctx.Err() != nil {
		return failure(ErrTimeout, "no answer")
	}
	return failure(ErrTimeout, "%v", err)
}

// hangUp ends the session, if there is one.
func (m *Machine) hangUp() {
	if m.session != nil {
		_ = m.session.Close(context.Background()) // bounded by the driver
		m.session = nil
	}
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
