package pratest

import (
	"fmt"
	"net"
	"strings"
)

// Listen opens a real TLS listener on 127.0.0.1 for the host name or address that is given, and returns where it listens: "127.0.0.1:41234". What
// connects there is led on as the simulated network leads host at that moment: with the site's name to whichever appliance answers there now, with
// [Box.Host] to that appliance. [Site.Close] ends it.
//
// Clients trust [Site.CA] and speak as the site's name.
func (s *Site) Listen(host string) (string, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("pratest: listen for %s: %w", host, err)
	}
	if err := s.serveListener(l, host); err != nil {
		l.Close()
		return "", err
	}
	return l.Addr().String(), nil
}

// ListenAt is [Site.Listen] at an address of your choice, such as "127.0.0.1:8443". Only loopback addresses are taken.
func (s *Site) ListenAt(addr, host string) (string, error) {
	at, _, err := net.SplitHostPort(addr)
	if err != nil || !strings.HasPrefix(at, "127.") {
		return "", fmt.Errorf("pratest: listen at %s: want an address such as 127.0.0.1:8443", addr)
	}
	l, err := net.Listen("tcp4", addr)
	if err != nil {
		return "", fmt.Errorf("pratest: listen for %s: %w", host, err)
	}
	if err := s.serveListener(l, host); err != nil {
		l.Close()
		return "", err
	}
	return l.Addr().String(), nil
}

func (s *Site) serveListener(l net.Listener, host string) error {
	s.lock()
	defer s.mu.Unlock()
	if s.w.closed {
		return fmt.Errorf("pratest: listen for %s: %w", host, net.ErrClosed)
	}
	s.w.listeners = append(s.w.listeners, l)
	s.w.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.lock()
			f := s.find(net.JoinHostPort(host, "443"))
			if f.err != nil || s.w.closed {
				(&conn{Conn: c}).reset()
			} else {
				s.serveConn(c, f)
			}
			s.mu.Unlock()
		}
	})
	return nil
}
