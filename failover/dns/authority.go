package dns

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/changeover-sdk/changeover/failover"
)

// AuthorityOptions say how a zone's authoritative servers are found. The zero value works for a zone whose servers are reachable under the addresses that their names have.
type AuthorityOptions struct {
	// At says where servers are reached, by their name in the NS set: addresses, with a port if it is not 53. For servers whose public address cannot be reached from here.
	At map[string][]string
	// Also are further servers to be asked: secondaries that are in no NS set.
	Also []string
	// Skip leaves servers out, by name or address, with a reason that the report shows.
	Skip map[string]string
	// Resolvers are asked for the zone's NS set too, because it differs from the primary's in a split-horizon site, and for the addresses of servers whose names are outside the
	// zone. Default: the NS set is the primary's, and addresses are looked up as this machine does it.
	Resolvers []string
	// Options of the questions.
	Options *Options
}

// Authorities returns what finds the zone's authoritative servers, for failover.Zone: every address of every server that the primary's NS set names, and that of each resolver. It is
// asked anew at each check, in case the set changes. A name without an address becomes a server that cannot be reached, so that the report shows it.
func (z *Zone) Authorities(opts *AuthorityOptions) func(context.Context) (failover.Authorities, error) {
	o := *cmp.Or(opts, &AuthorityOptions{})
	at, skip := map[string][]string{}, map[string]string{}
	for name, addrs := range o.At {
		at[mdns.CanonicalName(name)] = addrs
	}
	maps.Copy(skip, o.Skip)
	return func(ctx context.Context) (failover.Authorities, error) {
		f := finder{zone: z, o: o, opts: o.Options.filled(), at: at, skip: skip}
		return f.find(ctx)
	}
}

type finder struct {
	zone *Zone
	o    AuthorityOptions
	opts Options
	at   map[string][]string
	skip map[string]string
	out  failover.Authorities
}

func (f *finder) find(ctx context.Context) (failover.Authorities, error) {
	z := f.zone
	f.out.Primary = &primary{z}
	msgs, err := z.server.query(ctx, z.name, []mdns.Question{
		{Name: z.name, Qtype: mdns.TypeNS, Qclass: mdns.ClassINET},
		{Name: z.name, Qtype: mdns.TypeSOA, Qclass: mdns.ClassINET},
	})
	if err != nil {
		return failover.Authorities{}, err
	}
	names := f.nameServers(msgs[0])
	for _, rr := range msgs[1].Answer {
		if soa, ok := rr.(*mdns.SOA); ok {
			f.out.Refresh = time.Duration(soa.Refresh) * time.Second
		}
	}
	for _, r := range f.o.Resolvers {
		m, err := f.recurse(ctx, r, mdns.Question{Name: z.name, Qtype: mdns.TypeNS, Qclass: mdns.ClassINET})
		if err != nil {
			return failover.Authorities{}, fmt.Errorf("dns: the name servers of %s: %w", trimDot(z.name), err)
		}
		names = append(names, f.nameServers(m)...)
	}
	if len(names) == 0 && len(f.o.Also) == 0 {
		return failover.Authorities{}, &Error{Op: "read", Zone: z.name, Server: z.server.addr, Err: errors.New("the zone names no server"), Next: "check the zone's name"}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if f.skipped(name, name) {
			continue
		}
		addrs, err := f.addresses(ctx, name)
		if err != nil || len(addrs) == 0 {
			err = fmt.Errorf("no address: %w", cmp.Or(err, errors.New("the name has none")))
			f.out.Servers = append(f.out.Servers, &server{name: name, addr: name, zone: z.name, problem: err})
		}
		for _, a := range addrs {
			f.add(name, a)
		}
	}
	for _, a := range f.o.Also {
		f.add("", a)
	}
	return f.out, nil
}

// nameServers returns the zone's own NS set of an answer.
func (f *finder) nameServers(m *mdns.Msg) []string {
	var out []string
	for _, rr := range m.Answer {
		if ns, ok := rr.(*mdns.NS); ok && mdns.CanonicalName(ns.Hdr.Name) == f.zone.name {
			out = append(out, mdns.CanonicalName(ns.Ns))
		}
	}
	return out
}

// skipped notes a server that is left out under any of its names, once.
func (f *finder) skipped(label string, names ...string) bool {
	for s, reason := range f.skip {
		if slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(trimDot(s), trimDot(n)) }) {
			entry := failover.Skipped{Server: label, Reason: reason}
			if !slices.Contains(f.out.Skipped, entry) {
				f.out.Skipped = append(f.out.Skipped, entry)
			}
			return true
		}
	}
	return false
}

// add adds a server at an address, unless it is there.
func (f *finder) add(name, addr string) {
	full, err := withPort(addr)
	if err != nil {
		full = addr
	}
	label := full
	if name != "" {
		label = name + " (" + full + ")"
	}
	if host, _, _ := net.SplitHostPort(full); f.skipped(label, full, cmp.Or(host, full)) {
		return
	}
	if !slices.ContainsFunc(f.out.Servers, func(s failover.Nameserver) bool { return s.(*server).addr == full }) {
		f.out.Servers = append(f.out.Servers, &server{name: label, addr: full, zone: f.zone.name, opts: f.opts, problem: err})
	}
}

// addresses returns where a server is reached: as it was told, by the primary's own data, by the resolvers, or as this machine looks names up.
func (f *finder) addresses(ctx context.Context, name string) ([]string, error) {
	if addrs, ok := f.at[name]; ok {
		return addrs, nil
	}
	qs := []mdns.Question{{Name: name, Qtype: mdns.TypeA, Qclass: mdns.ClassINET}, {Name: name, Qtype: mdns.TypeAAAA, Qclass: mdns.ClassINET}}
	var out []string
	if mdns.IsSubDomain(f.zone.name, name) {
		if msgs, err := f.zone.server.query(ctx, f.zone.name, qs); err == nil {
			for _, m := range msgs {
				out = append(out, hostAddresses(m)...)
			}
		}
		if len(out) > 0 {
			return out, nil
		}
	}
	for _, r := range f.o.Resolvers {
		for _, q := range qs {
			m, err := f.recurse(ctx, r, q)
			if err != nil {
				return nil, err
			}
			out = append(out, hostAddresses(m)...)
		}
	}
	if len(f.o.Resolvers) > 0 {
		slices.Sort(out)
		return slices.Compact(out), nil
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	for _, a := range found {
		out = append(out, a.Unmap().String())
	}
	return out, err
}

func hostAddresses(m *mdns.Msg) []string {
	var out []string
	for _, rr := range m.Answer {
		switch v := rr.(type) {
		case *mdns.A:
			out = append(out, v.A.String())
		case *mdns.AAAA:
			if a, ok := netip.AddrFromSlice(v.AAAA); ok {
				out = append(out, a.String())
			}
		}
	}
	return out
}

func (f *finder) recurse(ctx context.Context, resolver string, q mdns.Question) (*mdns.Msg, error) {
	addr, err := withPort(resolver)
	if err != nil {
		return nil, err
	}
	msgs, err := ask(ctx, f.opts, addr, []mdns.Question{q}, true)
	if err != nil {
		return nil, &Error{Op: "ask", Server: addr, Err: err}
	}
	if rc := msgs[0].Rcode; rc != mdns.RcodeSuccess && rc != mdns.RcodeNameError {
		return nil, &Error{Op: "ask", Server: addr, Rcode: mdns.RcodeToString[rc]}
	}
	return msgs[0], nil
}

// primary is the zone's primary as a server that can be asked, over the signed connection of the editor.
type primary struct{ zone *Zone }

// String names the server.
func (p *primary) String() string { return "primary (" + p.zone.server.addr + ")" }

// Ask reads sets and serial.
func (p *primary) Ask(ctx context.Context, keys []failover.Key) (failover.Answer, error) {
	qs, at := questions(keys)
	qs = append(qs, mdns.Question{Name: p.zone.name, Qtype: mdns.TypeSOA, Qclass: mdns.ClassINET})
	msgs, err := p.zone.server.query(ctx, p.zone.name, qs)
	if err != nil {
		return failover.Answer{}, err
	}
	return understand(msgs, keys, at, p.zone.name)
}
