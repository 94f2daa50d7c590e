//go:build unix

package dns

import (
	"errors"
	"net"
	"syscall"
)

// quiet reports whether nothing can be read from a connection: no end of file, no stray bytes. A message written to a connection that the server has closed is lost, and with an
// update one would have to find out; asking the kernel first costs a microsecond.
func quiet(c net.Conn) bool {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return true // not a socket: a connection in memory
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	open := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
		open = errors.Is(err, syscall.EAGAIN) // Go's sockets do not block
		return true
	})
	return err == nil && open
}
