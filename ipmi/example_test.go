package ipmi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"

	"github.com/changeover-sdk/changeover/ipmi"
	"github.com/changeover-sdk/changeover/ipmi/ipmitest"
)

func Example() {
	bmc := &ipmitest.BMC{} // a BMC to try it on
	defer bmc.Close()

	m, err := ipmi.New(bmc.Addr(), bmc.Login(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	ctx := context.Background()
	if err := m.PowerOn(ctx); err != nil {
		fmt.Println(err)
	}
	state, err := m.State(ctx)
	fmt.Println(state, err)
	// Output: on <nil>
}

func ExampleNew() {
	_, err := ipmi.New("10.0.0.12", ipmi.Login{User: "ADMIN", Password: "twenty-one-characters"}, nil)
	fmt.Println(err)

	m, err := ipmi.New("10.0.0.12", ipmi.Login{User: "ADMIN", Password: "shorter"}, &ipmi.Options{Suites: []int{3}})
	fmt.Println(m, err)
	// Output:
	// ipmi: login for 10.0.0.12: the password has 21 bytes: IPMI allows 20 (a line feed at the end of a password file counts)
	// ipmi 10.0.0.12:623 (native) <nil>
}

// What to do about an error depends on whether something may have happened.
func ExampleMachine_PowerOn() {
	bmc := &ipmitest.BMC{}
	defer bmc.Close()
	m, err := ipmi.New(bmc.Addr(), ipmi.Login{User: "admin", Password: "wrong"}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	switch err := m.PowerOn(context.Background()); {
	case err == nil:
		fmt.Println("it is on")
	case errors.Is(err, ipmi.ErrAuth):
		fmt.Println("nothing was sent:", errors.Is(err, ipmi.ErrNotSent), "- look at the login")
	case errors.Is(err, ipmi.ErrNotSent) || errors.Is(err, ipmi.ErrRefused):
		fmt.Println("nothing was done")
	default:
		fmt.Println("unknown: read the state")
	}
	// Output: nothing was sent: true - look at the login
}

func ExampleMachine_PowerOff() {
	bmc := &ipmitest.BMC{On: true}
	defer bmc.Close()
	m, err := ipmi.New(bmc.Addr(), bmc.Login(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	fmt.Println(m.PowerOff(context.Background()))
	fmt.Println(m.PowerOff(context.Background())) // it is off: nothing is sent
	fmt.Println(bmc.Told())
	// Output:
	// <nil>
	// <nil>
	// [power off]
}

func ExampleMachine_PowerCycle() {
	bmc := &ipmitest.BMC{}
	defer bmc.Close()
	m, err := ipmi.New(bmc.Addr(), bmc.Login(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	err = m.PowerCycle(context.Background())
	fmt.Println(errors.Is(err, ipmi.ErrUnsupported), errors.Is(err, ipmi.ErrNotSent))
	// Output: true true
}

func ExampleMachine_Console() {
	bmc := &ipmitest.BMC{}
	defer bmc.Close()
	bmc.Print("Starting the upgrade\r\nsps login:\r\n")
	m, err := ipmi.New(bmc.Addr(), bmc.Login(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	console, err := m.Console(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer console.Close()
	for lines := bufio.NewScanner(console); lines.Scan(); {
		fmt.Println(lines.Text())
		if lines.Text() == "sps login:" {
			break
		}
	}
	// Output:
	// Starting the upgrade
	// sps login:
}

func ExampleLogin() {
	login := ipmi.Login{User: "ADMIN", Password: "secret"}
	fmt.Println(login)
	fmt.Printf("%+v\n", login)
	fmt.Printf("%#v\n", login)
	// Output:
	// ADMIN:REDACTED
	// ADMIN:REDACTED
	// ipmi.Login{User:"ADMIN", Password:REDACTED}
}
