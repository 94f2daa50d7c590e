//go:build !unix

package nat

import "os/exec"

// ownGroup can do nothing here: only the program itself is killed.
func ownGroup(*exec.Cmd) {}
