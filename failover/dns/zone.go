package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/changeover-sdk/changeover/failover"
)

// Zone edits one zone at its primary by RFC 2136. It is a [failover.RecordEditor] with an atomic guard. All methods may be called at the same time.
type Zone struct {
	server *Server
	name   string
}

var _ failover.RecordEditor = (*Zone)(nil)

// Zone returns the zone of that name at this server. Nothing is sent.
func (s *Server) Zone(name string) (*Zone, error) {
	if _, ok := mdns.IsDomainName(name); !ok || name == "" {
		return nil, fmt.Errorf("dns: zone %q: not a domain name", name)
	}
	return &Zone{server: s, name: mdns.CanonicalName(name)}, nil
}

// String names zone and server.
func (z *Zone) String() string { return z.name + " at " + z.server.addr }

// Server returns the server that the zone is edited at, for further zones: those of one server share its connections.
func (z *Zone) Server() *Server { return z.server }

// Guard returns failover.Atomic: the server compares and changes in one transaction.
func (z *Zone) Guard() failover.Guard { return failover.Atomic }

// Read asks the primary, over TCP, signed with the same key as updates: a split zone is chosen by the key.
func (z *Zone) Read(ctx context.Context, keys []failover.Key) ([]failover.RecordSet, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	qs, at := questions(keys)
	msgs, err := z.server.query(ctx, z.name, qs)
	if err != nil {
		return nil, err
	}
	out := make([]failover.RecordSet, len(keys))
	for i, k := range keys {
		if out[i], err = recordSet(msgs[at[i]], k); err != nil {
			return nil, &Error{Op: "read", Zone: z.name, Server: z.server.addr, Err: err}
		}
	}
	return out, nil
}

// questions returns what has to be asked to know all sets, and in the answer to which question each is: that to one for addresses begins with the name's alias, if it has one.
func questions(keys []failover.Key) (qs []mdns.Question, at []int) {
	at = make([]int, len(keys))
	asked := map[string]int{}
	ask := func(i int) {
		at[i] = len(qs)
		name := mdns.CanonicalName(keys[i].Name)
		asked[name] = len(qs)
		qs = append(qs, mdns.Question{Name: name, Qtype: mdns.StringToType[string(keys[i].Type)], Qclass: mdns.ClassINET})
	}
	for i, k := range keys {
		if k.Type != failover.CNAME {
			ask(i)
		}
	}
	for i, k := range keys {
		if k.Type != failover.CNAME {
			continue
		}
		var ok bool
		if at[i], ok = asked[mdns.CanonicalName(k.Name)]; !ok {
			ask(i)
		}
	}
	return qs, at
}

// recordSet takes one set out of an answer. Records of other owners are left: the answer to a question for addresses goes on behind an alias. A set that is not there has the time for
// which that may be cached.
func recordSet(m *mdns.Msg, k failover.Key) (failover.RecordSet, error) {
	set := failover.RecordSet{Name: k.Name, Type: k.Type}
	want := mdns.StringToType[string(k.Type)]
	first := true
	var aliasTTL uint32
	for _, rr := range m.Answer {
		h := rr.Header()
		if mdns.CanonicalName(h.Name) != mdns.CanonicalName(k.Name) || h.Class != mdns.ClassINET {
			continue
		}
		if h.Rrtype == mdns.TypeCNAME && want != mdns.TypeCNAME {
			aliasTTL = h.Ttl
		}
		if h.Rrtype != want {
			continue
		}
		switch v := rr.(type) {
		case *mdns.A:
			set.Values = append(set.Values, v.A.String())
		case *mdns.AAAA:
			addr, ok := netip.AddrFromSlice(v.AAAA)
			if !ok {
				return set, fmt.Errorf("an AAAA record of %s has no address", k.Name)
			}
			set.Values = append(set.Values, addr.String())
		case *mdns.CNAME:
			set.Values = append(set.Values, v.Target)
		}
		if ttl := time.Duration(h.Ttl&(1<<31-1)) * time.Second; first || ttl < set.TTL { // differing TTLs within a set count as the least (RFC 2181, 5.2)
			set.TTL = ttl
		}
		first = false
	}
	if len(set.Values) == 0 {
		set.TTL = time.Duration(aliasTTL) * time.Second
		for _, rr := range m.Ns {
			if soa, ok := rr.(*mdns.SOA); ok && aliasTTL == 0 {
				set.TTL = time.Duration(min(soa.Hdr.Ttl, soa.Minttl)) * time.Second
			}
		}
	}
	return set.Canonical()
}

// Replace sends all changes as one UPDATE, with every old value as a prerequisite.
//
// An accepted update that adds an alias is read back: a server must silently drop an alias beside other data (RFC 2136, 3.4.2.2).
func (z *Zone) Replace(ctx context.Context, changes []failover.Change) error {
	began := time.Now()
	m, err := z.update(changes)
	if err != nil {
		return &Error{Op: "update", Zone: z.name, Server: z.server.addr, Err: notSent(err)}
	}
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err = z.send(ctx, m)
		if !errors.Is(err, errServFail) {
			break
		}
		if have, rerr := z.holds(ctx, changes, old); rerr != nil || !have {
			break // not the old values: whatever happened, it has to be read
		}
		if time.Since(began)+pause > z.server.opts.ServFail || ctx.Err() != nil {
			err = fmt.Errorf("%w; the old values are there: %w", failover.ErrRefused, err)
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	if err == nil && slices.ContainsFunc(changes, func(c failover.Change) bool { return c.New.Type == failover.CNAME && len(c.New.Values) > 0 }) {
		have, rerr := z.holds(ctx, changes, func(c failover.Change) failover.RecordSet { return c.New })
		if rerr != nil || !have {
			err = &Error{Op: "update", Zone: z.name, Server: z.server.addr, Rcode: "NOERROR", Err: errors.Join(errors.New("accepted, but the alias is not there"), rerr),
				Next: "an alias cannot stand beside other records of its name, TXT or MX for example"}
		}
	}
	z.server.opts.Logger.InfoContext(ctx, "dns update", "zone", z.name, "server", z.server.addr, "changes", len(changes), "took", time.Since(began), "error", err)
	return err
}

func old(c failover.Change) failover.RecordSet { return c.Old }

// send sends the update once.
func (z *Zone) send(ctx context.Context, m *mdns.Msg) error {
	answers, _, sent, err := z.server.send(ctx, []*mdns.Msg{m})
	if err != nil {
		e := &Error{Op: "update", Zone: z.name, Server: z.server.addr, Err: err, Next: "the state has to be read"}
		if !sent {
			e.Err, e.Next = notSent(err), ""
		}
		return e
	}
	return judge(z.name, z.server.addr, answers[0])
}

// holds reads whether all sets are as they should be.
func (z *Zone) holds(ctx context.Context, changes []failover.Change, want func(failover.Change) failover.RecordSet) (bool, error) {
	var keys []failover.Key
	for _, c := range changes {
		keys = append(keys, failover.Key{Name: want(c).Name, Type: want(c).Type})
	}
	have, err := z.Read(ctx, keys)
	if err != nil {
		return false, err
	}
	for i, h := range have {
		w, err := want(changes[i]).Canonical()
		if err != nil || !h.Same(w) {
			return false, err
		}
	}
	return true, nil
}

// update builds the message: all prerequisites, then all removals, then all additions, so that a name may go from addresses to an alias in one.
func (z *Zone) update(changes []failover.Change) (*mdns.Msg, error) {
	m := new(mdns.Msg)
	m.SetUpdate(z.name)
	var remove, add []mdns.RR
	for _, c := range changes {
		from, err := c.Old.Canonical()
		if err != nil {
			return nil, err
		}
		to, err := c.New.Canonical()
		if err != nil {
			return nil, err
		}
		if from.Name != to.Name || !mdns.IsSubDomain(z.name, from.Name) {
			return nil, fmt.Errorf("%w: %s -> %s: want one name, in the zone", failover.ErrInvalid, from.Name, to.Name)
		}
		if len(from.Values) == 0 {
			m.RRsetNotUsed([]mdns.RR{&mdns.ANY{Hdr: header(from)}})
		} else {
			m.Used(records(from))
			remove = append(remove, &mdns.ANY{Hdr: header(from)})
		}
		add = append(add, records(to)...)
	}
	m.RemoveRRset(remove)
	m.Insert(add)
	return m, nil
}

func header(s failover.RecordSet) mdns.RR_Header {
	return mdns.RR_Header{Name: s.Name, Rrtype: mdns.StringToType[string(s.Type)], Class: mdns.ClassINET, Ttl: uint32(s.TTL / time.Second)}
}

// records returns a canonical set as records.
func records(s failover.RecordSet) []mdns.RR {
	var out []mdns.RR
	for _, v := range s.Values {
		switch s.Type {
		case failover.A:
			out = append(out, &mdns.A{Hdr: header(s), A: netip.MustParseAddr(v).AsSlice()})
		case failover.AAAA:
			out = append(out, &mdns.AAAA{Hdr: header(s), AAAA: netip.MustParseAddr(v).AsSlice()})
		case failover.CNAME:
			out = append(out, &mdns.CNAME{Hdr: header(s), Target: v})
		}
	}
	return out
}

// trimDot is for words, where a trailing dot only confuses.
func trimDot(name string) string { return strings.TrimSuffix(name, ".") }
