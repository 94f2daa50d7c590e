package dns

import (
	"net"
	"syscall"
)

// acknowledge has the kernel acknowledge what was read at once. Servers write each of several answers by itself, and their kernels hold the second back until the first is
// acknowledged, which ours would put off for 40 ms.
func acknowledge(c net.Conn) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := sc.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1) }) // only speed depends on it
	}
}
