package ipmi

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

const defaultPort = "623" // RMCP, IANA

// parseAddress returns host and port of a BMC. It takes a name or an IP address, with a port or without; an IPv6
// address may stand in brackets, and must when a port follows.
func parseAddress(addr string) (host, port string, err error) {
	host, port = addr, defaultPort
	if h, p, err := net.SplitHostPort(addr); err == nil {
		host, port = h, p
	} else if inner, ok := strings.CutPrefix(addr, "["); ok && strings.HasSuffix(inner, "]") {
		host = strings.TrimSuffix(inner, "]")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
		return "", "", fmt.Errorf("address %q: the port must be a number from 1 to 65535", addr)
	}
	if _, err := netip.ParseAddr(host); err != nil && !isName(host) {
		return "", "", fmt.Errorf("address %q: want a host name or an IP address, with :port if it is not 623", addr)
	}
	return host, port, nil
}

// isName accepts what a resolver may be asked for, and so refuses URLs, user@host and what a program could take for an
// option.
func isName(host string) bool {
	if host == "" || len(host) > 253 || host[0] == '-' || host[0] == '.' {
		return false
	}
	for _, r := range host {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.', r == '_':
		default:
			return false
		}
	}
	return true
}
