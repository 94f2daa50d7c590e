package dnstest

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/dns"
)

// answer answers one message. Drop means that the connection is closed instead.
func (s *Server) answer(body []byte) (out []byte, drop bool) {
	m := new(mdns.Msg)
	if m.Unpack(body) != nil {
		return nil, true
	}
	reply := new(mdns.Msg)
	reply.SetReply(m)
	reply.Authoritative = !s.Lame
	sig, err := s.Key.Signer()(context.Background())
	signed := err == nil
	t := m.IsTsig()
	if n := countTSIG(m); n > 1 { // what a message that was signed twice gets
		reply.Rcode = mdns.RcodeFormatError
		return pack(reply), false
	}
	if t == nil {
		s.mu.Lock()
		s.unsigned++
		s.mu.Unlock()
	}
	if signed && (t != nil || m.Opcode == mdns.OpcodeUpdate) {
		if t == nil {
			reply.Rcode = mdns.RcodeRefused
			return pack(reply), false
		}
		if verr := mdns.TsigVerifyWithProvider(slices.Clone(body), sig.Provider, "", false); verr != nil {
			fault := BadSig
			if t.Hdr.Name != sig.Name {
				fault = BadKey
			} else if errors.Is(verr, mdns.ErrTime) {
				fault = BadTime
			}
			return s.refuse(fault, m, reply, sig), false
		}
	}
	if m.Opcode != mdns.OpcodeUpdate {
		s.query(m, reply)
		if s.Forged {
			return pack(reply), false
		}
		return s.sign(reply, t, sig), false
	}
	s.mu.Lock()
	s.updates++
	fault := None
	if len(s.faults) > 0 {
		fault, s.faults = s.faults[0], s.faults[1:]
	}
	s.mu.Unlock()
	switch fault {
	case Swallowed:
		return nil, true
	case Silent:
		return nil, false
	case ForgedSuccess:
		return pack(reply), false
	case ForgedGuard:
		reply.Rcode = mdns.RcodeNXRrset
		return pack(reply), false
	case None, Unsigned, OtherSignature, Echo, Lost, Garbage:
		reply.Rcode = s.update(m)
	default:
		return s.refuse(fault, m, reply, sig), false
	}
	switch fault {
	case Unsigned:
		return pack(reply), false
	case Lost:
		return nil, true
	case Garbage:
		return []byte("no message at all"), false
	case Echo:
		e := mdns.Copy(t).(*mdns.TSIG)
		reply.Extra = append(reply.Extra, e)
		return pack(reply), false
	case OtherSignature:
		sig.Provider = wrong{}
	}
	return s.sign(reply, t, sig), false
}

func countTSIG(m *mdns.Msg) int {
	n := 0
	for _, rr := range m.Extra {
		if rr.Header().Rrtype == mdns.TypeTSIG {
			n++
		}
	}
	return n
}

// refuse answers without carrying anything out.
func (s *Server) refuse(f Fault, m, reply *mdns.Msg, sig dns.Signature) []byte {
	t := m.IsTsig()
	switch f {
	case BadKey, BadSig, BadTime:
		reply.Rcode = mdns.RcodeNotAuth
		reply.SetTsig(t.Hdr.Name, t.Algorithm, 300, int64(t.TimeSigned))
		r := reply.IsTsig()
		r.Error = map[Fault]uint16{BadKey: mdns.RcodeBadKey, BadSig: mdns.RcodeBadSig, BadTime: mdns.RcodeBadTime}[f]
		if f == BadTime {
			r.OtherLen, r.OtherData = 6, fmt.Sprintf("%012x", time.Now().Add(time.Hour).Unix())
		}
		out, _, err := mdns.TsigGenerateWithProvider(reply, sig.Provider, t.MAC, false)
		if err != nil {
			return nil
		}
		return out
	case UnknownZone, PlainRefused:
		reply.Rcode = map[Fault]int{UnknownZone: mdns.RcodeNotAuth, PlainRefused: mdns.RcodeRefused}[f]
		return pack(reply)
	}
	reply.Rcode = map[Fault]int{NotPrimary: mdns.RcodeNotAuth, Refused: mdns.RcodeRefused, NotImplemented: mdns.RcodeNotImplemented,
		ServFail: mdns.RcodeServerFailure, FormErr: mdns.RcodeFormatError}[f]
	return s.sign(reply, t, sig)
}

func (s *Server) sign(reply *mdns.Msg, t *mdns.TSIG, sig dns.Signature) []byte {
	if t == nil || sig.Provider == nil {
		return pack(reply)
	}
	reply.SetTsig(sig.Name, sig.Algorithm, 300, time.Now().Unix())
	out, _, err := mdns.TsigGenerateWithProvider(reply, sig.Provider, t.MAC, false)
	if err != nil {
		return nil
	}
	return out
}

func pack(m *mdns.Msg) []byte {
	out, err := m.Pack()
	if err != nil {
		return nil
	}
	return out
}

// wrong signs as somebody who does not have the secret.
type wrong struct{}

func (wrong) Generate([]byte, *mdns.TSIG) ([]byte, error) {
	return hex.DecodeString("00112233445566778899aabbccddeeff")
}
func (wrong) Verify([]byte, *mdns.TSIG) error { return nil }

// query answers a question from the zone.
func (s *Server) query(m, reply *mdns.Msg) {
	q := m.Question[0]
	name := mdns.CanonicalName(q.Name)
	apex := mdns.CanonicalName(s.Name)
	if !mdns.IsSubDomain(apex, name) {
		reply.Rcode, reply.Authoritative = mdns.RcodeRefused, false
		return
	}
	ans, _ := s.Zone.Primary().Ask(context.Background(), nil)
	soa := &mdns.SOA{Hdr: mdns.RR_Header{Name: apex, Rrtype: mdns.TypeSOA, Class: mdns.ClassINET, Ttl: 60}, Ns: "ns1." + apex, Mbox: "hostmaster." + apex,
		Serial: ans.Serial, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: 60}
	switch {
	case q.Qtype == mdns.TypeSOA && name == apex:
		reply.Answer = append(reply.Answer, soa)
		return
	case q.Qtype == mdns.TypeNS && name == apex:
		for _, ns := range s.NS {
			reply.Answer = append(reply.Answer, &mdns.NS{Hdr: mdns.RR_Header{Name: apex, Rrtype: mdns.TypeNS, Class: mdns.ClassINET, Ttl: 60}, Ns: ns})
		}
		return
	}
	sets, err := s.Zone.Read(context.Background(), []failover.Key{{Name: name, Type: failover.RRType(mdns.TypeToString[q.Qtype])}, {Name: name, Type: failover.CNAME}})
	if err != nil {
		reply.Rcode = mdns.RcodeServerFailure
		return
	}
	set := sets[0]
	if len(set.Values) == 0 {
		set = sets[1]
	}
	for _, v := range set.Values {
		rr, err := mdns.NewRR(fmt.Sprintf("%s %d IN %s %s", name, int(set.TTL.Seconds()), set.Type, v))
		if err == nil {
			reply.Answer = append(reply.Answer, rr)
		}
	}
	if len(reply.Answer) == 0 {
		reply.Ns = append(reply.Ns, soa)
	}
}

// update carries an update out, as far as updates of this module go: every set it touches has a prerequisite.
func (s *Server) update(m *mdns.Msg) int {
	if m.Question[0].Name != mdns.CanonicalName(s.Name) {
		return mdns.RcodeNotZone
	}
	changes := map[failover.Key]*failover.Change{}
	touch := func(rr mdns.RR) *failover.Change {
		k := failover.Key{Name: mdns.CanonicalName(rr.Header().Name), Type: failover.RRType(mdns.TypeToString[rr.Header().Rrtype])}
		if changes[k] == nil {
			none := failover.RecordSet{Name: k.Name, Type: k.Type}
			changes[k] = &failover.Change{Old: none, New: none}
		}
		return changes[k]
	}
	for _, rr := range m.Answer {
		if c := touch(rr); rr.Header().Class == mdns.ClassINET {
			c.Old.Values = append(c.Old.Values, data(rr))
		}
	}
	for _, rr := range m.Ns {
		if c := touch(rr); rr.Header().Class == mdns.ClassINET {
			c.New.Values = append(c.New.Values, data(rr))
			c.New.TTL = time.Duration(rr.Header().Ttl) * time.Second
		}
	}
	var list []failover.Change
	rcode := mdns.RcodeNXRrset
	for _, c := range changes {
		list = append(list, *c)
		if len(c.Old.Values) == 0 {
			rcode = mdns.RcodeYXRrset
		}
	}
	switch err := s.Zone.Replace(context.Background(), list); {
	case err == nil:
		return mdns.RcodeSuccess
	case errors.Is(err, failover.ErrGuard):
		return rcode
	}
	return mdns.RcodeServerFailure
}

func data(rr mdns.RR) string {
	switch v := rr.(type) {
	case *mdns.A:
		return v.A.String()
	case *mdns.AAAA:
		return v.AAAA.String()
	case *mdns.CNAME:
		return v.Target
	}
	return ""
}
