package failover

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// RRType is the type of a record set that can be swung.
type RRType string

// The types that a site's name may have.
const (
	A     RRType = "A"
	AAAA  RRType = "AAAA"
	CNAME RRType = "CNAME"
)

// rrTypes lists them; all are read at every name that moves, because a set that nobody listed would still lead users to the old appliance.
var rrTypes = []RRType{A, AAAA, CNAME}

// RecordSet is all records of one name and type (an RRset). No values means that the set is not there.
type RecordSet struct {
	Name   string        `json:"name"` // with a trailing dot, lower case
	Type   RRType        `json:"type"`
	TTL    time.Duration `json:"ttl"`              // whole seconds; a resolver's answer carries the time that is left, also for "not there"
	Values []string      `json:"values,omitempty"` // addresses, or one name with a trailing dot; sorted, no duplicates
}

// String returns name, type and values, "(none)" for a set that is not there.
func (s RecordSet) String() string { return s.Name + " " + string(s.Type) + " " + values(s.Values) }

func values(v []string) string {
	if len(v) == 0 {
		return "(none)"
	}
	return strings.Join(v, ", ")
}

// Same reports whether both sets have the same name, type and values. TTLs do not count.
func (s RecordSet) Same(t RecordSet) bool {
	return s.Name == t.Name && s.Type == t.Type && slices.Equal(s.Values, t.Values)
}

// Canonical returns the set as servers compare it: names in lower case with a trailing dot, addresses in their shortest form, values sorted and without duplicates. It returns an
// error of class ErrInvalid for a value that does not fit the type, more than one CNAME, or a TTL that is negative, longer than 2^31-1 seconds or not in whole seconds.
func (s RecordSet) Canonical() (RecordSet, error) {
	out := RecordSet{Name: CanonicalName(s.Name), Type: RRType(strings.ToUpper(string(s.Type))), TTL: s.TTL}
	bad := func(why string) (RecordSet, error) {
		return RecordSet{}, &Error{Op: "describe", On: s.Name + " " + string(s.Type), Err: fmt.Errorf("%w: %s", ErrInvalid, why)}
	}
	if out.Name == "." {
		return bad("a name is missing")
	}
	if s.TTL < 0 || s.TTL > (1<<31-1)*time.Second || s.TTL%time.Second != 0 {
		return bad(fmt.Sprintf("TTL %v: want whole seconds, 0 to 2147483647", s.TTL))
	}
	for _, v := range s.Values {
		switch out.Type {
		case A, AAAA:
			ip, err := netip.ParseAddr(v)
			if err != nil || ip.Is4() != (out.Type == A) || ip.Zone() != "" || ip.Is4In6() {
				return bad(fmt.Sprintf("%q is no address for %s", v, out.Type))
			}
			out.Values = append(out.Values, ip.String())
		case CNAME:
			if v = CanonicalName(v); v == "." || v == out.Name {
				return bad("an alias must lead to another name")
			}
			out.Values = append(out.Values, v)
		default:
			return bad("the type is none of A, AAAA, CNAME")
		}
	}
	if out.Type != A && out.Type != AAAA && out.Type != CNAME {
		return bad("the type is none of A, AAAA, CNAME")
	}
	slices.Sort(out.Values)
	out.Values = slices.Compact(out.Values)
	if out.Type == CNAME && len(out.Values) > 1 {
		return bad("a name has one alias at most")
	}
	return out, nil
}

// CanonicalName returns a domain name in lower case with one trailing dot.
func CanonicalName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) + "." }

// Change replaces one record set by another of the same name. Old is the guard: it must be exactly what is there, and no values mean that nothing may be there. New is what is
// there afterwards, with its TTL. Equal values with another TTL change the TTL; two empty sets only guard.
type Change struct{ Old, New RecordSet }

// String returns the change for plans: "access.example.com. A 192.0.2.1 -> 192.0.2.2".
func (c Change) String() string {
	if c.Old.Type != c.New.Type {
		return c.Old.String() + " -> " + string(c.New.Type) + " " + values(c.New.Values)
	}
	return c.Old.String() + " -> " + values(c.New.Values)
}

// Move is a record set's values on the two sides. From may be empty for a name that is new, To for one that goes away.
type Move struct {
	Name     string
	Type     RRType
	From, To []string
	// TTL is the new set's TTL. Zero keeps the TTL of the set that is replaced; a name that is new needs one.
	TTL time.Duration
}

// MoveAddress returns the move of a name from one address to another of the same family.
func MoveAddress(name string, from, to netip.Addr) Move {
	t := A
	if from.Is6() {
		t = AAAA
	}
	return Move{Name: name, Type: t, From: []string{from.String()}, To: []string{to.String()}}
}

// sets returns the move's two sides in canonical form.
func (m Move) sets() (from, to RecordSet, err error) {
	if from, err = (RecordSet{Name: m.Name, Type: m.Type, Values: m.From}).Canonical(); err != nil {
		return from, to, err
	}
	if to, err = (RecordSet{Name: m.Name, Type: m.Type, Values: m.To, TTL: m.TTL}).Canonical(); err != nil {
		return from, to, err
	}
	if from.Same(to) {
		return from, to, &Error{Op: "describe", On: from.Name, Err: fmt.Errorf("%w: both sides have the values %s", ErrInvalid, values(from.Values))}
	}
	if len(from.Values) == 0 && to.TTL == 0 {
		return from, to, &Error{Op: "describe", On: from.Name, Err: fmt.Errorf("%w: a name that is new needs a TTL", ErrInvalid)}
	}
	return from, to, nil
}

// position says where a set leads. It compares whole sets: a set with both sides' values is AtBoth, not AtTo.
func position(have, from, to RecordSet) Position {
	switch {
	case have.Same(from):
		return AtFrom
	case have.Same(to):
		return AtTo
	case len(have.Values) == 0:
		return AtNeither
	}
	var old, new, other bool
	for _, v := range have.Values {
		inFrom, inTo := slices.Contains(from.Values, v), slices.Contains(to.Values, v)
		old, new, other = old || inFrom && !inTo, new || inTo && !inFrom, other || !inFrom && !inTo
	}
	if old && new && !other {
		return AtBoth
	}
	return Elsewhere
}
