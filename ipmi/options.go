package ipmi

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"
)

// Driver names the implementation that speaks to the BMC. Exactly one is used, the one the caller chose: a second try
// by another one would offer the password again and might repeat what the first one did.
type Driver string

const (
	// Native speaks RMCP+ in this process (go-ipmi): about 0.3 ms for a question, and it tells a wrong password from a
	// BMC that does not answer.
	Native Driver = "native"

	// Ipmitool runs bmclib's ipmitool driver, a process for each question (30 to 60 ms). It is there for a BMC that the
	// native driver does not get on with. It has no Console, and cannot say why a login was refused.
	Ipmitool Driver = "ipmitool"
)

// Defaults of [Options].
const (
	DefaultTimeout = 10 * time.Second
	DefaultSettle  = 30 * time.Second
)

// Options are what [New] can be told. The zero value, and nil, mean the defaults.
type Options struct {
	// Driver is Native by default.
	Driver Driver

	// Suites are the cipher suites offered, in this order. Only 17 (HMAC-SHA256, AES-128) and 3 (HMAC-SHA1, AES-128)
	// are allowed: every other one goes without authentication, without encryption or on MD5 or RC4. Default: 17, then
	// 3 for BMCs that predate it, such as the Supermicro X9 generation. With Ipmitool exactly one, by default 3.
	Suites []int

	// Operator logs in with the Operator privilege instead of Administrator. It is enough for the power, on many BMCs
	// not for the console. Native only: bmclib's ipmitool driver always asks for Administrator.
	Operator bool

	// Timeout bounds one question to the BMC, with all its repetitions and the login: a State, or the reading that
	// comes before an act. Default 10 s.
	Timeout time.Duration

	// Settle bounds how long, after an act was sent, the BMC is asked whether it happened. When it passes, the outcome
	// is unknown, not failed. Default 30 s.
	Settle time.Duration

	// TakeOver lets Console end somebody else's serial-over-LAN session, which some BMCs also need after a client died
	// without saying goodbye. Default: it does not, and Console returns an error of class ErrBusy.
	TakeOver bool

	// IpmitoolPath is the ipmitool program. It must be the program itself and not a script around it: a script would
	// die of a time-out while the program it started goes on. Default: ipmitool in the PATH.
	IpmitoolPath string

	// Dial opens the UDP "connection" to the BMC, for a source address of one's own, or to reach a simulated BMC
	// without a network. Native only. Default: a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Logger hears at level Info what was told to the BMC, and at level Debug what was asked. Default: nothing.
	Logger *slog.Logger
}

// filled returns a copy of o with its defaults, or what is wrong with it.
func (o *Options) filled() (Options, error) {
	var f Options
	if o != nil {
		f = *o
	}
	f.Driver = cmp.Or(f.Driver, Native)
	f.Timeout = cmp.Or(f.Timeout, DefaultTimeout)
	f.Settle = cmp.Or(f.Settle, DefaultSettle)
	if f.Logger == nil {
		f.Logger = slog.New(slog.DiscardHandler)
	}
	if f.Dial == nil {
		f.Dial = new(net.Dialer).DialContext
	}
	f.Suites = slices.Clone(f.Suites)
	if len(f.Suites) == 0 {
		f.Suites = []int{17, 3}
		if f.Driver == Ipmitool {
			f.Suites = []int{3}
		}
	}
	return f, f.check(o)
}

func (o *Options) check(given *Options) error {
	for _, id := range o.Suites {
		if _, ok := suiteOf(id); !ok {
			return fmt.Errorf("cipher suite %d: only 17 and 3 authenticate and encrypt with algorithms that still hold", id)
		}
	}
	switch {
	case o.Timeout < 0 || o.Settle < 0:
		return fmt.Errorf("the options Timeout (%v) and Settle (%v) must not be negative", o.Timeout, o.Settle)
	case o.Driver != Native && o.Driver != Ipmitool:
		return fmt.Errorf("driver %q: want %q or %q", o.Driver, Native, Ipmitool)
	case o.Driver == Native && o.IpmitoolPath != "":
		return fmt.Errorf("the option IpmitoolPath is set, but the driver is %q", o.Driver)
	case o.Driver == Ipmitool && given.Dial != nil:
		return fmt.Errorf("the option Dial does not go with the driver %q, which is a process of its own", o.Driver)
	case o.Driver == Ipmitool && o.Operator:
		return fmt.Errorf("the option Operator does not go with the driver %q, which always asks for Administrator", o.Driver)
	case o.Driver == Ipmitool && len(o.Suites) != 1:
		return fmt.Errorf("the driver %q takes exactly one cipher suite, not %v: with several it repeats a command that failed", o.Driver, o.Suites)
	}
	return nil
}
