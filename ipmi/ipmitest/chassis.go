package ipmitest

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/bougou/go-ipmi/pkg/hal"
	"github.com/bougou/go-ipmi/pkg/types"
)

// chassis is the machine as the BMC sees it: its power.
type chassis struct {
	power func() bool
	set   func(on bool) error
	off   time.Duration // how long a power cycle takes

	mu    sync.Mutex
	on    bool
	timer *time.Timer // gives the power back after a cycle
}

func newChassis(b *BMC) *chassis {
	c := &chassis{power: b.Power, set: b.Set, on: b.On, off: cmp.Or(b.Cycle, DefaultCycle)}
	if c.power == nil {
		c.power = func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.on }
		c.set = func(on bool) error { c.put(on); return nil }
	}
	return c
}

func (c *chassis) isOn() bool { return c.power() }

func (c *chassis) put(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on = on
}

func (c *chassis) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
}

func (c *chassis) PowerState(context.Context) (bool, error) { return c.isOn(), nil }

func (c *chassis) SetPower(_ context.Context, on bool) error {
	c.close() // what a cycle had still to do
	return c.set(on)
}

// PowerCycle takes the power away and gives it back after a while; a machine that is off is switched on, as ipmi_sim does.
func (c *chassis) PowerCycle(context.Context) error {
	if err := c.set(false); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer = time.AfterFunc(c.off, func() { _ = c.set(true) })
	return nil
}

// What package ipmi never sends is refused: reset, soft shutdown.
func (c *chassis) ColdReset(context.Context) error { return types.CompletionCode(0xCC) }
func (c *chassis) WarmReset(context.Context) error { return types.CompletionCode(0xCC) }

func (c *chassis) Identify(context.Context, uint8) error { return nil }

func (c *chassis) IntrusionState(context.Context) (bool, error) { return false, hal.ErrNotSupported }

func (c *chassis) SetBootFlags(context.Context, *types.BootOptionParam_BootFlags) error {
	return hal.ErrNotSupported
}

func (c *chassis) GetBootFlags(context.Context) (*types.BootOptionParam_BootFlags, error) {
	return nil, hal.ErrNotSupported
}

func (c *chassis) SetBootInfoAcknowledge(context.Context, *types.BootOptionParam_BootInfoAcknowledge) error {
	return hal.ErrNotSupported
}

func (c *chassis) GetBootInfoAcknowledge(context.Context) (*types.BootOptionParam_BootInfoAcknowledge, error) {
	return nil, hal.ErrNotSupported
}

// hardware is all the BMC has: a chassis and a serial port.
type hardware struct{ b *BMC }

func (h hardware) Chassis() hal.ChassisHAL { return h.b.chassis }
func (h hardware) Sensors() hal.SensorHAL  { return nil }
func (h hardware) Storage() hal.StorageHAL { return nil }
func (h hardware) Network() hal.NetworkHAL { return nil }
func (h hardware) GPIO() hal.GPIOHAL       { return nil }
func (h hardware) I2C() hal.I2CHAL         { return nil }
func (h hardware) Close() error            { return nil }

func (h hardware) Console() hal.ConsoleHAL {
	if h.b.NoConsole {
		return nil
	}
	return h.b.serial
}
