package pratest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
)

// Addresses of the simulated network.
var (
	sharedAddr  = netip.AddrFrom4([4]byte{192, 0, 2, 10})
	outsideAddr = netip.AddrFrom4([4]byte{198, 51, 100, 10})
	updateAddr  = netip.AddrFrom4([4]byte{198, 51, 100, 250})
)

// Names of the vendor's update server, the guide's and the newer one.
const (
	UpdateHost      = "update.bomgar.com"
	UpdateHostNewer = "btupdate.com"
)

// network fills the tables so that the site's name leads to A.
func (s *Site) network() {
	w := s.w
	for _, b := range s.boxes() {
		w.names[b.host()] = []netip.Addr{b.Addr}
	}
	w.names[UpdateHost], w.names[UpdateHostNewer] = []netip.Addr{updateAddr}, []netip.Addr{updateAddr}
	switch s.Traffic {
	case BySharedIP:
		w.names[s.Name] = []netip.Addr{s.A.SharedIP}
	case ByNAT:
		w.names[s.Name] = []netip.Addr{outsideAddr}
		w.nat[outsideAddr] = s.A.Addr
	default:
		w.names[s.Name] = []netip.Addr{s.A.Addr}
	}
}

// SetDNS makes name resolve to addrs, at once and everywhere. It is the simulator's own table; see [Site.Lookup] for another.
func (s *Site) SetDNS(name string, addrs ...netip.Addr) {
	s.lock()
	defer s.mu.Unlock()
	s.setDNS(name, addrs...)
	s.fleetMoved()
}

func (s *Site) setDNS(name string, addrs ...netip.Addr) {
	s.w.names[strings.ToLower(name)] = slices.Clone(addrs)
	s.w.resolved = nil
	s.note(nil, NameMoved, "%s has %v", name, addrs)
}

// SetNAT makes the gateway send what is addressed to outside to inside. It is the simulator's own table; see [Site.Translate] for another.
func (s *Site) SetNAT(outside, inside netip.Addr) {
	s.lock()
	defer s.mu.Unlock()
	s.w.nat[outside] = inside
	s.w.resolved = nil
	s.note(nil, NameMoved, "%v is translated to %v", outside, inside)
	s.fleetMoved()
}

// Outside returns the address at which the gateway takes the site's traffic with [ByNAT].
func (s *Site) Outside() netip.Addr { return outsideAddr }

// LookupHost resolves a name of the simulated network, as [net.Resolver.LookupHost] does.
func (s *Site) LookupHost(_ context.Context, host string) ([]string, error) {
	s.lock()
	defer s.mu.Unlock()
	var list []string
	for _, a := range s.resolve(host) {
		list = append(list, a.String())
	}
	if list == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return list, nil
}

// resolve returns the addresses that a client connects to for host, the gateway's translation done.
func (s *Site) resolve(host string) []netip.Addr {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if addrs, ok := s.w.resolved[host]; ok {
		return addrs
	}
	addrs := s.w.names[host]
	if s.Lookup != nil {
		if list, err := s.Lookup(context.Background(), host); err == nil {
			addrs = nil
			for _, text := range list {
				if a, err := netip.ParseAddr(text); err == nil {
					addrs = append(addrs, a.Unmap())
				}
			}
		}
	}
	if s.w.resolved == nil {
		s.w.resolved = map[string][]netip.Addr{}
	}
	s.w.resolved[host] = addrs
	return addrs
}

// translate does what the gateway does.
func (s *Site) translate(a netip.Addr) netip.Addr {
	if s.Translate != nil {
		if in := s.Translate(a); in.IsValid() {
			return in
		}
		return a
	}
	if in, ok := s.w.nat[a]; ok {
		return in
	}
	return a
}

// owners returns the appliances that have addr enabled and are switched on, whatever they answer.
func (s *Site) owners(addr netip.Addr) []*Box {
	var list []*Box
	for _, b := range s.boxes() {
		if b.has(addr) {
			list = append(list, b)
		}
	}
	return list
}

// answering returns the appliances that answer healthily at host.
func (s *Site) answering(host string) []*Box {
	var list []*Box
	for _, a := range s.resolve(host) {
		for _, b := range s.owners(s.translate(a)) {
			if b.st.front == open && !b.st.factory && !slices.Contains(list, b) {
				list = append(list, b)
			}
		}
	}
	return list
}

// serving reports whether the site's name leads to b, even if b does not answer right now.
func (s *Site) serving(b *Box) bool {
	for _, a := range s.resolve(s.Name) {
		if b.has(s.translate(a)) {
			return true
		}
	}
	return false
}

// home is the appliance that clients of the site find: a backup takes no client connections (Appliance Recovery, Remote Support).
func (s *Site) home() *Box {
	for _, b := range s.answering(s.Name) {
		if !b.standby() {
			return b
		}
	}
	return nil
}

// found is what a dialled address leads to.
type found struct {
	box    *Box
	update bool       // the update server
	addr   netip.Addr // as dialled, for the choice of the certificate
	err    error
	silent bool // dialling lasts until the caller gives up
}

// find says what is at "host:port".
func (s *Site) find(hostport string) found {
	fail := func(err error) found {
		return found{err: &net.OpError{Op: "dial", Net: "tcp", Addr: address(hostport), Err: err}}
	}
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return fail(err)
	}
	addrs := s.resolve(host)
	if len(addrs) == 0 {
		return fail(&net.DNSError{Err: "no such host", Name: host, IsNotFound: true})
	}
	refused := os.NewSyscallError("connect", syscall.ECONNREFUSED)
	if port != "443" {
		return fail(refused)
	}
	s.w.turn++
	addr := s.translate(addrs[s.w.turn%len(addrs)])
	if addr == updateAddr {
		return found{update: true, addr: addr}
	}
	owners := s.owners(addr)
	if len(owners) == 0 {
		return fail(os.NewSyscallError("connect", syscall.EHOSTUNREACH))
	}
	b := owners[s.w.turn%len(owners)]
	if b.st.front == away {
		f := fail(refused)
		f.silent = s.Switches.SilentWhenDown
		return f
	}
	return found{box: b, addr: addr}
}

// at finds the appliance that a person or its peer names by an address or a host name of its own; nil when nobody is there.
func (s *Site) at(host string, port string) *Box {
	f := s.find(net.JoinHostPort(host, port))
	return f.box
}

// setEnabled changes an address of b and breaks what was connected through it.
func (s *Site) setEnabled(b *Box, addr netip.Addr, enabled bool) error {
	for i := range b.st.ips {
		row := &b.st.ips[i]
		if row.addr != addr {
			continue
		}
		if row.enabled == enabled {
			return nil
		}
		row.enabled = enabled
		s.note(b, AddressSet, "%v enabled %t", addr, enabled)
		for _, o := range s.boxes() {
			if o != b && enabled && o.has(addr) {
				s.violate(b, RuleBothSharedIPs, "%v is enabled on %s and on %s", addr, b.Name, o.Name)
			}
		}
		if !enabled {
			for c := range s.w.conns {
				if c.box == b && c.addr == addr {
					c.reset()
				}
			}
		}
		s.fleetMoved()
		return nil
	}
	return fmt.Errorf("no address %v on this appliance", addr)
}

// address is a [net.Addr] that was only ever a text.
type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }
