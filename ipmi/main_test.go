package ipmi_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/changeover-sdk/changeover/ipmi"
	"github.com/changeover-sdk/changeover/ipmi/ipmitest"
)

// No test leaves a goroutine behind: not between two calls, not after an error, not after Close.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inBubble runs a test on a simulated BMC without a network and without time.
func inBubble(t *testing.T, b *ipmitest.BMC, o *ipmi.Options, test func(t *testing.T, m *ipmi.Machine)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		defer b.Close()
		with := ipmi.Options{}
		if o != nil {
			with = *o
		}
		if with.Dial == nil {
			with.Dial = b.Dial
		}
		m, err := ipmi.New("bmc.example", b.Login(), &with)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		test(t, m)
	})
}

// newMachine makes a Machine that is closed with the test.
func newMachine(t testing.TB, addr string, login ipmi.Login, o *ipmi.Options) *ipmi.Machine {
	t.Helper()
	m, err := ipmi.New(addr, login, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// newBMC makes a BMC that is closed with the test.
func newBMC(t testing.TB, b *ipmitest.BMC) *ipmitest.BMC {
	t.Helper()
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// bothDrivers runs a test with each driver.
func bothDrivers(t *testing.T, test func(t *testing.T, o ipmi.Options)) {
	t.Helper()
	t.Run("native", func(t *testing.T) { test(t, ipmi.Options{Driver: ipmi.Native}) })
	t.Run("ipmitool", func(t *testing.T) {
		test(t, ipmi.Options{Driver: ipmi.Ipmitool, IpmitoolPath: ipmitest.Needs(t, "ipmitool", "ipmitool")})
	})
}

// tampered is a connection on which somebody sits in between.
type tampered struct {
	net.Conn
	change func(b []byte) []byte // nil: dropped
}

func (c tampered) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		if err != nil {
			return n, err
		}
		if changed := c.change(append([]byte(nil), b[:n]...)); changed != nil {
			return copy(b, changed), nil
		}
	}
}

type dial = func(ctx context.Context, network, address string) (net.Conn, error)

func inBetween(next dial, change func([]byte) []byte) dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := next(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return tampered{c, change}, nil
	}
}

// elapsed returns how long f took, in the bubble's time.
func elapsed(f func()) time.Duration {
	begin := time.Now()
	f()
	return time.Since(begin)
}
