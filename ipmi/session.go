package ipmi

import (
	"context"
	"errors"
	"time"

	bmclib "github.com/bmc-toolbox/bmclib/v2"
	"github.com/bmc-toolbox/bmclib/v2/providers"
	"github.com/jacobweinstock/registrar"

	"github.com/changeover-sdk/changeover/internal/poll"
)

// idle is how long a session may rest before it is taken for lost. ipmi_sim forgets one after 30 s (measured), IPMI 2.0
// allows 60 s; a question into a forgotten session is never answered.
const idle = 15 * time.Second

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
