//go:build !linux

package upgrade_test

// faultChildren are the processes of fault_linux_test.go.
var faultChildren map[string]func(path string) (code int, err error)
