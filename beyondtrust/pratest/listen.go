package pratest

import (
	"fmt"
	"net"
	"strings"
)

// Start is [Site.Listen] on a free port.
func (s *Site) Start() (url string, err error) { return s.Listen("127.0.0.1:0") }

// Listen makes the site's name listen at an address of 127.0.0.1, "127.0.0.1:8443", with real sockets and TLS, and returns its URL. What connects there is led
// on as the simulated network leads the name at that moment: to whichever appliance answers there, or to a reset. The certificates are for the site's
// name, for the appliances' names and for 127.0.0.1; [Site.CAPEM] signs them. [Site.Close] ends it.
func (s *Site) Listen(addr string) (url string, err error) {
	return s.listen(addr, func() string { return s.Name })
}

// Start is [Box.Listen] on a free port.
func (b *Box) Start() (url string, err error) { return b.Listen("127.0.0.1:0") }

// Listen is [Site.Listen] for the appliance's own address. While it is away, connections are reset.
func (b *Box) Listen(addr string) (url string, err error) {
	b.enter()() // a box without a site says so
	return b.site.listen(addr, func() string { return b.Addr.String() })
}

// ListenUpdates is [Site.Listen] for the vendor's update server.
func (s *Site) ListenUpdates(addr string) (url string, err error) {
	return s.listen(addr, func() string { return UpdateHost })
}

// listen leads what connects to addr to where host leads.
func (s *Site) listen(addr string, host func() string) (string, error) {
	if at, _, err := net.SplitHostPort(addr); err != nil || !strings.HasPrefix(at, "127.") {
		return "", fmt.Errorf("pratest: listen at %q: want an address such as 127.0.0.1:8443", addr)
	}
	l, err := net.Listen("tcp4", addr)
	if err != nil {
		return "", fmt.Errorf("pratest: listen: %w", err)
	}
	s.lock()
	defer s.mu.Unlock()
	if s.w.closed {
		l.Close()
		return "", fmt.Errorf("pratest: listen: %w", net.ErrClosed)
	}
	s.w.listeners = append(s.w.listeners, l)
	s.w.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.lock()
			f := s.find(net.JoinHostPort(host(), "443"))
			if f.err != nil || s.w.closed {
				(&conn{Conn: c}).reset()
			} else {
				s.serveConn(c, f)
			}
			s.mu.Unlock()
		}
	})
	return "https://" + l.Addr().String(), nil
}
