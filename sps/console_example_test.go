package sps_test

import (
	"fmt"

	"github.com/changeover-sdk/changeover/sps"
)

// A console wants a host key that somebody has checked: here pinned, mostly a known_hosts file.
func ExampleNewConsole() {
	c, err := sps.NewConsole("sps1.example.com", sps.ConsoleLogin{Password: "from a file"}, &sps.ConsoleOptions{
		HostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOH2VClMfFFl64f8gN/s9pAomjpu+KXXKrSRFidlkmvg",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	fmt.Println(c)
	_, err = sps.NewConsole("sps1.example.com", sps.ConsoleLogin{Password: "from a file"}, nil)
	fmt.Println(err != nil)
	// Output:
	// sps1.example.com:22
	// true
}
