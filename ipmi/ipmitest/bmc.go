package ipmitest

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/bougou/go-ipmi/pkg/bmc"
	"github.com/bougou/go-ipmi/pkg/clock"
	"github.com/bougou/go-ipmi/pkg/handlers"
	"github.com/bougou/go-ipmi/pkg/server"
	"github.com/bougou/go-ipmi/pkg/types"

	"github.com/changeover-sdk/changeover/ipmi"
)

// The login of a BMC that was not given another one.
const (
	DefaultUser     = "admin"
	DefaultPassword = "ipmitest-Pass"
)

const (
	// DefaultCycle is how long a power cycle keeps the machine off: about what ipmi_sim does.
	DefaultCycle = time.Second

	// DefaultIdle is how long a session lives without a command; console traffic does not count. Both as ipmi_sim 2.0.33.
	DefaultIdle = 30 * time.Second
)

// BMC is a simulated BMC with the machine it belongs to. The zero value is healthy and the machine is off. It answers
// from the first call of Addr or Dial until Close. Fields are set before that; methods may be called at any time.
type BMC struct {
	Listen         string // IP address and port of the socket that Addr opens; default 127.0.0.1 and any free port
	User, Password string // default: DefaultUser, DefaultPassword
	Operator       bool   // the user has the Operator privilege only
	Suites         []int  // cipher suites it has; default 3 and 17

	// Power and Set connect a machine simulated elsewhere: what its power is, and what the BMC does to it. They come in
	// pairs. Default: a machine that is nothing but its power, which starts as On says.
	Power func() bool
	Set   func(on bool) error
	On    bool

	Cycle time.Duration // how long a power cycle keeps the machine off; default DefaultCycle
	Idle  time.Duration // how long a session lives without a command; default DefaultIdle

	// Console connects the serial port of a machine simulated elsewhere: what is read from it is what the machine
	// prints. It is read from the first time somebody opens the console. When it is an [io.Closer], Close closes it;
	// otherwise it should come to an end by itself, because somebody will be reading it until then. Default: a machine
	// that prints what Print is told.
	Console io.Reader

	// NoConsole makes a BMC whose serial over LAN is switched off.
	NoConsole bool

	start sync.Once
	air   *air
	stop  context.CancelFunc
	ended chan struct{}
	inner *bmc.BMC

	chassis *chassis
	serial  *serial

	mu     sync.Mutex
	faults []*Fault
	fates  map[string]fate      // what becomes of the next answer to an address
	count  map[string]int       // commands by kind
	told   []string             // acts, in order
	last   map[uint32]time.Time // when a session had its last command
}

// Addr returns the address of the BMC's socket, as ipmi.New takes it. It panics when the socket cannot be had.
func (b *BMC) Addr() string {
	b.init()
	addr, err := b.air.listen(cmp.Or(b.Listen, "127.0.0.1:0"))
	if err != nil {
		panic("ipmitest: " + err.Error())
	}
	return addr.String()
}

// Dial connects to the BMC in memory, for [ipmi.Options].Dial: whatever the address. That is for synctest bubbles, which
// cannot wait on sockets.
func (b *BMC) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	b.init()
	return b.air.dial(ctx)
}

// Login returns the login that the BMC accepts.
func (b *BMC) Login() ipmi.Login {
	return ipmi.Login{User: cmp.Or(b.User, DefaultUser), Password: cmp.Or(b.Password, DefaultPassword)}
}

// Told returns the acts the BMC was told and did not refuse, in order, a repeated one twice: PowerOn, PowerOff,
// PowerCycle, Reset, Soft. It is the oracle of "nothing that acts is repeated".
func (b *BMC) Told() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.told)
}

// Count returns how often a command arrived, whatever became of it.
func (b *BMC) Count(command string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count[command]
}

// Commands returns what arrived and how often.
func (b *BMC) Commands() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.count)
}

// Sessions returns how many sessions are open.
func (b *BMC) Sessions() int {
	b.init()
	return b.inner.Sessions.Count()
}

// IsOn returns the power state of the machine.
func (b *BMC) IsOn() bool {
	b.init()
	return b.chassis.isOn()
}

// SetPower puts the machine into a state as somebody at its front panel would. It panics when Power and Set are given.
func (b *BMC) SetPower(on bool) {
	b.init()
	if b.Set != nil {
		panic("ipmitest: SetPower of a BMC whose machine is simulated elsewhere")
	}
	b.chassis.put(on)
}

// Print makes the machine print something on its serial port. What is printed while nobody has the console open is kept,
// up to 64 KiB.
func (b *BMC) Print(text string) {
	b.init()
	b.serial.print([]byte(text))
}

// Forget ends all sessions without a word, as a BMC does that was reset.
func (b *BMC) Forget() {
	b.init()
	b.mu.Lock()
	ids := slices.Collect(maps.Keys(b.last))
	b.mu.Unlock()
	for _, id := range ids {
		_ = b.inner.Sessions.Close(id)
	}
}

// Close takes the BMC off the network; its port is closed from then on. It may be called again; it returns nil.
func (b *BMC) Close() error {
	b.init()
	b.stop()
	b.serial.close()
	_ = b.air.Close()
	<-b.ended
	b.chassis.close()
	return nil
}

func (b *BMC) init() { b.start.Do(b.build) }

func (b *BMC) build() {
	if (b.Power == nil) != (b.Set == nil) {
		panic("ipmitest: Power and Set come in pairs")
	}
	if l := b.Login(); len(l.User) > bmc.MaxUserNameLen || len(l.Password) > bmc.MaxPasswordLen {
		panic("ipmitest: IPMI has no room for this user name or password")
	}
	b.fates, b.count, b.last = make(map[string]fate), make(map[string]int), make(map[uint32]time.Time)
	b.air = newAir()
	b.air.arriving, b.air.leaving = b.arriving, b.leaving
	b.chassis = newChassis(b)
	b.serial = newSerial(b)

	b.inner = bmc.New(bmc.DeviceInfo{DeviceID: 0x20, FirmwareMajor: 1, IPMIVersion: 0x20}, [16]byte{'i', 'p', 'm', 'i', 't', 'e', 's', 't'},
		hardware{b}, bmc.WithClock(clock.Real), bmc.WithV15Disabled(), bmc.WithCipherSuites(b.suites()))
	forget := func(id uint32) {
		b.mu.Lock()
		delete(b.last, id)
		b.mu.Unlock()
		b.inner.SOL.DeactivateBySession(id)
	}
	b.inner.Sessions.SetOnRemove(forget)
	b.addUser()

	registry := handlers.NewRegistry()
	registry.Use(b.intercept)
	handlers.RegisterAllHandlers(registry)
	srv := server.NewServer(b.inner, b.air, server.WithHandlerRegistry(registry))
	ctx, cancel := context.WithCancel(context.Background())
	b.ended = make(chan struct{})
	b.stop = func() { cancel(); _ = srv.Close() }
	go func() {
		defer close(b.ended)
		_ = srv.Serve(ctx)
	}()
}

func (b *BMC) suites() []types.CipherSuiteID {
	var ids []types.CipherSuiteID
	for _, id := range b.Suites {
		ids = append(ids, types.CipherSuiteID(id))
	}
	return ids
}

func (b *BMC) addUser() {
	login, level := b.Login(), bmc.PrivilegeLevelAdministrator
	if b.Operator {
		level = bmc.PrivilegeLevelOperator
	}
	if _, err := b.inner.Users.Add(2, login.User); err != nil {
		panic(fmt.Sprintf("ipmitest: user %q: %v", login.User, err))
	}
	_ = b.inner.Users.Update(2, func(u *bmc.User) error {
		u.SetPassword([]byte(login.Password))
		u.Enabled = true
		u.ChannelAccess = map[uint8]bmc.UserChannelAccess{1: {MaxPrivilege: level, Enabled: true}}
		return nil
	})
}
