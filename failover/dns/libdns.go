package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/libdns/libdns"

	"github.com/changeover-sdk/changeover/failover"
)

// RecordStore is what a libdns provider package must implement at least. Those that also implement libdns.RecordDeleter can be cleaned up after, and can take a set away.
type RecordStore interface {
	libdns.RecordGetter
	libdns.RecordSetter
}

// Provider edits a zone through any libdns provider. It is a [failover.RecordEditor].
//
// # Limits
//
// There is no compare-and-set in libdns: Replace reads, compares and sets, so somebody else's change in between is lost. Guard says best effort, and plans show it.
//
// Setting need not be atomic, and some providers only append: then both appliances' addresses are served after a success. So Replace always reads back. If old and new are both there
// it deletes the old ones; if neither is there, because a provider deleted before it failed to create, it puts the old ones back. What cannot be mended is an error without a class,
// and the swing reads what is there.
//
// An error of type libdns.AtomicErr should mean that nothing was changed, but that type is an interface that every error satisfies, so it cannot be told from another. Reading back
// decides.
//
// The type of a name cannot be changed, from A to CNAME for example: it would need a deletion and an addition, with nothing in between. Replace refuses that.
//
// Providers may have a floor for TTLs: a change of only the TTL that ends in another TTL is an error. All records of the zone are fetched for every read. What the provider says is not
// what name servers serve: have [failover.Zone.Authorities] ask them.
type Provider struct {
	store RecordStore
	zone  string
	name  string
}

var _ failover.RecordEditor = (*Provider)(nil)

// NewProvider returns an editor of a zone. Name says in plans and errors which provider it is.
func NewProvider(name string, store RecordStore, zone string) *Provider {
	return &Provider{store: store, zone: failover.CanonicalName(zone), name: name}
}

// String names zone and provider.
func (p *Provider) String() string { return p.zone + " at " + p.name }

// Guard returns failover.BestEffort.
func (p *Provider) Guard() failover.Guard { return failover.BestEffort }

// Read fetches the zone and picks the sets out.
func (p *Provider) Read(ctx context.Context, keys []failover.Key) ([]failover.RecordSet, error) {
	if err := ctx.Err(); err != nil {
		return nil, p.fail("read", context.Cause(ctx))
	}
	all, err := p.store.GetRecords(ctx, p.zone)
	if err != nil {
		return nil, p.fail("read", err)
	}
	out := make([]failover.RecordSet, len(keys))
	for i, k := range keys {
		set := failover.RecordSet{Name: failover.CanonicalName(k.Name), Type: k.Type}
		for _, rr := range p.pick(all, set) {
			v := rr.RR()
			set.TTL = v.TTL.Truncate(time.Second)
			set.Values = append(set.Values, p.value(v))
		}
		if out[i], err = set.Canonical(); err != nil {
			return nil, p.fail("read", err)
		}
	}
	return out, nil
}

// pick returns a set's records as the provider words them.
func (p *Provider) pick(all []libdns.Record, set failover.RecordSet) []libdns.Record {
	var out []libdns.Record
	for _, r := range all {
		rr := r.RR()
		if rr.Type == string(set.Type) && failover.CanonicalName(libdns.AbsoluteName(rr.Name, p.zone)) == set.Name {
			out = append(out, r)
		}
	}
	return out
}

// value returns a record's data; the target of an alias may be relative to the zone.
func (p *Provider) value(rr libdns.RR) string {
	if rr.Type == string(failover.CNAME) {
		return libdns.AbsoluteName(rr.Data, p.zone)
	}
	return rr.Data
}

// records returns a set in libdns's form.
func (p *Provider) records(s failover.RecordSet) []libdns.Record {
	name := libdns.RelativeName(s.Name, p.zone)
	var out []libdns.Record
	for _, v := range s.Values {
		if s.Type == failover.CNAME {
			out = append(out, libdns.CNAME{Name: name, TTL: s.TTL, Target: v})
		} else {
			out = append(out, libdns.Address{Name: name, TTL: s.TTL, IP: netip.MustParseAddr(v)})
		}
	}
	return out
}

func (p *Provider) fail(op string, err error) error {
	return &Error{Op: op, Zone: p.zone, Server: p.name, Err: err}
}

// Replace reads, compares, sets, reads back and mends.
func (p *Provider) Replace(ctx context.Context, changes []failover.Change) error {
	from, to, err := p.check(changes)
	if err != nil {
		return p.fail("update", notSent(err))
	}
	have, err := p.Read(ctx, keysOf(from))
	if err != nil {
		return p.fail("update", notSent(err))
	}
	ttlOnly := true
	for i, h := range have {
		if !h.Same(from[i]) {
			return p.fail("update", fmt.Errorf("%w: want %s, have %s", failover.ErrGuard, from[i], h))
		}
		from[i].TTL = h.TTL // what putting back must set
		ttlOnly = ttlOnly && from[i].Same(to[i])
	}
	sent := p.set(ctx, from, to)
	// From here on the zone may be in any state: it is mended even if the caller has given up.
	mctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), 30*time.Second, errors.New("mending took more than 30 s"))
	defer cancel()
	err = p.mend(mctx, from, to, sent)
	if err == nil && ttlOnly {
		err = p.sameTTL(mctx, to)
	}
	if err != nil {
		return p.fail("update", err)
	}
	return nil
}

func keysOf(sets []failover.RecordSet) []failover.Key {
	out := make([]failover.Key, len(sets))
	for i, s := range sets {
		out[i] = failover.Key{Name: s.Name, Type: s.Type}
	}
	return out
}

// check brings the changes into canonical form and refuses what cannot be done without a gap.
func (p *Provider) check(changes []failover.Change) (from, to []failover.RecordSet, err error) {
	gone, came := map[string]bool{}, map[string]bool{}
	_, deletes := p.store.(libdns.RecordDeleter)
	for _, c := range changes {
		f, err := c.Old.Canonical()
		if err != nil {
			return nil, nil, err
		}
		t, err := c.New.Canonical()
		if err != nil {
			return nil, nil, err
		}
		if f.Name != t.Name || f.Type != t.Type {
			return nil, nil, fmt.Errorf("%w: %s -> %s: want one name and type", failover.ErrInvalid, f, t)
		}
		if len(f.Values) > 0 && len(t.Values) == 0 {
			if gone[f.Name] = true; !deletes {
				return nil, nil, fmt.Errorf("%s cannot delete records", p.name)
			}
		}
		came[f.Name] = came[f.Name] || len(f.Values) == 0 && len(t.Values) > 0
		if gone[f.Name] && came[f.Name] {
			return nil, nil, fmt.Errorf("the type of %s cannot be changed without a gap", f.Name)
		}
		from, to = append(from, f), append(to, t)
	}
	return from, to, nil
}

// set sends the new sets, then takes away those that are to be empty. A hint is all that its error is.
func (p *Provider) set(ctx context.Context, from, to []failover.RecordSet) error {
	var recs []libdns.Record
	for i := range to {
		if !to[i].Same(from[i]) || to[i].TTL != from[i].TTL {
			recs = append(recs, p.records(to[i])...)
		}
	}
	if len(recs) > 0 {
		if _, err := p.store.SetRecords(ctx, p.zone, recs); err != nil {
			return err
		}
	}
	for i := range to {
		if len(to[i].Values) == 0 && len(from[i].Values) > 0 {
			if err := p.delete(ctx, from[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// delete deletes exactly these values, in the provider's own words: TTLs must match too.
func (p *Provider) delete(ctx context.Context, s failover.RecordSet) error {
	d, ok := p.store.(libdns.RecordDeleter)
	if !ok {
		return fmt.Errorf("%s cannot delete records", p.name)
	}
	all, err := p.store.GetRecords(ctx, p.zone)
	if err != nil {
		return err
	}
	var recs []libdns.Record
	for _, r := range p.pick(all, s) {
		one := failover.RecordSet{Name: s.Name, Type: s.Type, Values: []string{p.value(r.RR())}}
		if c, err := one.Canonical(); err == nil && slices.Contains(s.Values, c.Values[0]) {
			recs = append(recs, r)
		}
	}
	_, err = d.DeleteRecords(ctx, p.zone, recs)
	return err
}

// mend reads back and brings the zone to one of the two states, once.
func (p *Provider) mend(ctx context.Context, from, to []failover.RecordSet, sent error) error {
	for attempt := 0; ; attempt++ {
		have, err := p.Read(ctx, keysOf(to))
		if err != nil {
			return errors.Join(sent, err)
		}
		isOld, isNew, missing, foreign := true, true, false, false
		var extra []failover.RecordSet
		for i, h := range have {
			isOld = isOld && h.Same(from[i])
			isNew = isNew && h.Same(to[i])
			surplus := failover.RecordSet{Name: h.Name, Type: h.Type}
			for _, v := range h.Values {
				if !slices.Contains(to[i].Values, v) {
					surplus.Values = append(surplus.Values, v)
				}
			}
			for _, v := range to[i].Values {
				missing = missing || !slices.Contains(h.Values, v)
			}
			foreign = foreign || !within(surplus.Values, from[i].Values)
			if len(surplus.Values) > 0 {
				extra = append(extra, surplus)
			}
		}
		switch {
		case isNew:
			return nil
		case isOld && sent != nil:
			return fmt.Errorf("%w, the old values are there: %w", failover.ErrRefused, sent)
		case foreign: // somebody else's; overwriting it would be the very thing a guard is for
			return errors.Join(sent, fmt.Errorf("there are values that are neither old nor new: %s", join(have)))
		case attempt > 0 || isOld:
			return errors.Join(sent, fmt.Errorf("%s did not do it: there is now %s", p.name, join(have)))
		case !missing: // only appended: take the old ones away
			for _, s := range extra {
				if err := p.delete(ctx, s); err != nil {
					return errors.Join(sent, fmt.Errorf("old and new values are both there: %w", err))
				}
			}
		default: // deleted, or half set: put the old ones back
			if err := p.restore(ctx, from, have); err != nil {
				return errors.Join(sent, fmt.Errorf("the old values could not be put back: %w", err))
			}
			if sent == nil {
				sent = fmt.Errorf("%s accepted it, but the new values were not there", p.name)
			}
		}
	}
}

// restore sets the old values again, and takes away what is surplus to them.
func (p *Provider) restore(ctx context.Context, from, have []failover.RecordSet) error {
	var recs []libdns.Record
	for _, f := range from {
		recs = append(recs, p.records(f)...)
	}
	if len(recs) > 0 {
		if _, err := p.store.SetRecords(ctx, p.zone, recs); err != nil {
			return err
		}
	}
	for i, f := range from {
		if len(f.Values) == 0 && len(have[i].Values) > 0 {
			if err := p.delete(ctx, have[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// sameTTL reports a TTL that the provider made of the one that was wanted.
func (p *Provider) sameTTL(ctx context.Context, to []failover.RecordSet) error {
	have, err := p.Read(ctx, keysOf(to))
	if err != nil {
		return err
	}
	for i, h := range have {
		if len(h.Values) > 0 && h.TTL != to[i].TTL {
			return fmt.Errorf("%s set a TTL of %v instead of %v; it may have a floor", p.name, h.TTL, to[i].TTL)
		}
	}
	return nil
}

func within(some, all []string) bool {
	return !slices.ContainsFunc(some, func(v string) bool { return !slices.Contains(all, v) })
}

func join(sets []failover.RecordSet) string {
	var out string
	for i, s := range sets {
		if i > 0 {
			out += "; "
		}
		out += s.String()
	}
	return out
}
