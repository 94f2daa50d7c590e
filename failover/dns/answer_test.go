package dns

import (
	"errors"
	"slices"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/changeover-sdk/changeover/failover"
)

func message(t testing.TB, set func(*mdns.Msg), records ...string) []byte {
	t.Helper()
	m := new(mdns.Msg)
	m.SetQuestion("access.example.com.", mdns.TypeA)
	m.Response = true
	for _, r := range records {
		rr, err := mdns.NewRR(r)
		if err != nil {
			t.Fatal(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	if set != nil {
		set(m)
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzAnswer states that whatever a server says, the set that is read from it is canonical, holds every record of that name and type and none of another, and an answer to something else
// is never taken.
func FuzzAnswer(f *testing.F) {
	f.Add(message(f, nil, "access.example.com. 60 IN A 192.0.2.1", "ACCESS.example.com. 30 IN A 192.0.2.2"))
	f.Add(message(f, nil, "access.example.com. 60 IN CNAME a.example.com.", "a.example.com. 60 IN A 192.0.2.1"))
	f.Add(message(f, func(m *mdns.Msg) { m.Rcode = mdns.RcodeNameError }))
	f.Add(message(f, nil, "access.example.com. 4294967295 IN A 192.0.2.1"))
	f.Add([]byte("no message at all"))
	f.Fuzz(func(t *testing.T, body []byte) {
		q := &mdns.Msg{Question: []mdns.Question{{Name: "access.example.com.", Qtype: mdns.TypeA, Qclass: mdns.ClassINET}}}
		r := request{msg: q}
		if len(body) >= 2 {
			q.Id = uint16(body[0])<<8 | uint16(body[1])
		}
		a, err := r.accept(body)
		if err != nil {
			return
		}
		if !a.msg.Response || a.msg.Id != q.Id {
			t.Fatal("taken for an answer")
		}
		key := failover.Key{Name: "access.example.com.", Type: failover.A}
		set, err := recordSet(a.msg, key)
		if err != nil {
			return
		}
		again, err := set.Canonical()
		if err != nil || !again.Same(set) || again.TTL != set.TTL {
			t.Errorf("%v is not canonical: %v, %v", set, again, err)
		}
		var want []string
		for _, rr := range a.msg.Answer {
			if v, ok := rr.(*mdns.A); ok && v.Hdr.Class == mdns.ClassINET && mdns.CanonicalName(v.Hdr.Name) == key.Name && v.A != nil {
				want = append(want, v.A.String())
			}
		}
		slices.Sort(want)
		if want = slices.Compact(want); !slices.Equal(want, set.Values) {
			t.Errorf("read %v of the records %v", set.Values, want)
		}
	})
}

func TestRecordSet(t *testing.T) {
	tests := map[string]struct {
		body []byte
		want failover.RecordSet
	}{
		"the least of differing TTLs counts": {
			message(t, nil, "access.example.com. 60 IN A 192.0.2.2", "access.example.com. 30 IN A 192.0.2.1", "access.example.com. 90 IN A 192.0.2.3"),
			failover.RecordSet{TTL: 30 * time.Second, Values: []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}},
		},
		"what is behind an alias is not the name's own": {
			message(t, nil, "access.example.com. 60 IN CNAME a.example.com.", "a.example.com. 5 IN A 192.0.2.1"), failover.RecordSet{TTL: time.Minute},
		},
		"no such name, for as long as that may be cached": {
			message(t, func(m *mdns.Msg) {
				m.Rcode = mdns.RcodeNameError
				m.Ns = []mdns.RR{&mdns.SOA{Hdr: mdns.RR_Header{Name: "example.com.", Rrtype: mdns.TypeSOA, Class: mdns.ClassINET, Ttl: 7}, Ns: "a.", Mbox: "b.", Minttl: 300}}
			}), failover.RecordSet{TTL: 7 * time.Second},
		},
		"another class": {message(t, nil, "access.example.com. 60 CH A 192.0.2.1"), failover.RecordSet{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := new(mdns.Msg)
			if err := m.Unpack(tt.body); err != nil {
				t.Fatal(err)
			}
			tt.want.Name, tt.want.Type = "access.example.com.", failover.A
			got, err := recordSet(m, failover.Key{Name: "access.example.com.", Type: failover.A})
			if err != nil || !got.Same(tt.want) || got.TTL != tt.want.TTL {
				t.Errorf("recordSet() = %v ttl %v, %v, want %v ttl %v", got, got.TTL, err, tt.want, tt.want.TTL)
			}
		})
	}
}

func TestAcceptRefusesOtherAnswers(t *testing.T) {
	good := message(t, nil, "access.example.com. 60 IN A 192.0.2.1")
	id := uint16(good[0])<<8 | uint16(good[1])
	r := request{msg: &mdns.Msg{MsgHdr: mdns.MsgHdr{Id: id}, Question: []mdns.Question{{Name: "ACCESS.example.com.", Qtype: mdns.TypeA, Qclass: mdns.ClassINET}}}}
	if _, err := r.accept(good); err != nil {
		t.Errorf("accept() = %v", err)
	}
	tests := map[string][]byte{
		"another id":       append([]byte{good[0] ^ 1}, good[1:]...),
		"a question":       message(t, func(m *mdns.Msg) { m.Id, m.Response = id, false }),
		"another opcode":   message(t, func(m *mdns.Msg) { m.Id, m.Opcode = id, mdns.OpcodeUpdate }),
		"another name":     message(t, func(m *mdns.Msg) { m.Id, m.Question[0].Name = id, "example.com." }),
		"another type":     message(t, func(m *mdns.Msg) { m.Id, m.Question[0].Qtype = id, mdns.TypeAAAA }),
		"half of it":       good[:len(good)/2],
		"less than a word": good[:1],
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			if a, err := r.accept(body); err == nil {
				t.Errorf("accept() took %v", a.msg)
			}
		})
	}
}

func TestPrepareRefusesWhatDoesNotFit(t *testing.T) {
	z := &Zone{server: &Server{addr: "192.0.2.53:53"}, name: "example.com."}
	var changes []failover.Change
	for i := range 2000 {
		name := "a-rather-long-name-that-does-not-compress-" + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)) + ".example.com."
		old := failover.RecordSet{Name: name, Type: failover.A, Values: []string{"192.0.2.1"}}
		next := old
		next.Values = []string{"192.0.2.2"}
		changes = append(changes, failover.Change{Old: old, New: next})
	}
	m, err := z.update(changes)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := prepare(t.Context(), m, nil); err == nil {
		t.Error("a message of more than 64 KiB was prepared")
	}
	m, err = z.update(changes[:400])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := prepare(t.Context(), m, nil); errors.Is(err, failover.ErrInvalid) || err != nil {
		t.Errorf("prepare() of 400 names = %v", err)
	}
}
