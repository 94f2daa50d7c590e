package ipmitest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/changeover-sdk/changeover/ipmi"
	"github.com/changeover-sdk/changeover/ipmi/ipmitest"
)

func ExampleBMC() {
	bmc := &ipmitest.BMC{}
	defer bmc.Close()
	m, err := ipmi.New(bmc.Addr(), bmc.Login(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	fmt.Println(m.PowerOn(context.Background()), bmc.IsOn(), bmc.Told())
	// Output: <nil> true [power on]
}

// The BMC is busy and refuses; nothing is sent again.
func ExampleBMC_Fail() {
	bmc := &ipmitest.BMC{}
	defer bmc.Close()
	bmc.Fail(ipmitest.Fault{Command: ipmitest.PowerOn, Code: 0xC0})
	m, err := ipmi.New(bmc.Addr(), bmc.Login(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	err = m.PowerOn(context.Background())
	if e, ok := errors.AsType[*ipmi.Error](err); ok {
		fmt.Printf("%#x\n", e.Code)
	}
	fmt.Println(errors.Is(err, ipmi.ErrRefused), bmc.Count(ipmitest.PowerOn), bmc.IsOn())
	// Output:
	// 0xc0
	// true 1 false
}

func ExampleSwitch() {
	var s ipmitest.Switch
	s.FailAfter(ipmitest.PowerOn, ipmi.ErrTimeout) // done, and nobody can tell
	ctx := context.Background()
	fmt.Println(s.PowerOn(ctx))
	fmt.Println(s.State(ctx))
	fmt.Println(s.Told())
	// Output:
	// no answer in time
	// on <nil>
	// [power on]
}

// A driver of one's own is checked like this.
func ExampleTestDriver() {
	_ = func(t *testing.T) {
		ipmitest.TestDriver(t, func(t *testing.T) ipmitest.Rig {
			b := &ipmitest.BMC{}
			t.Cleanup(func() { _ = b.Close() })
			m, err := ipmi.New(b.Addr(), b.Login(), nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = m.Close() })
			return ipmitest.Rig{Power: m, Set: b.SetPower, Told: b.Told}
		})
	}
	fmt.Println("go test runs it")
	// Output: go test runs it
}
