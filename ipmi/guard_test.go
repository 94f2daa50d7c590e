package ipmi

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"net"
	"testing"

	"github.com/bougou/go-ipmi/pkg/crypto"
	"github.com/bougou/go-ipmi/pkg/types"
)

// conversation is a guard in the middle of a session, and the BMC's side of it: what signs and encrypts.
type conversation struct {
	g    *guard
	keys keys
}

const testConsole, testBMC = 0xa0a1a2a3, 0x11223344

func packet(kind byte, session, sequence uint32, payload []byte) []byte {
	b := []byte{0x06, 0, 0xff, 0x07, 0x06, kind}
	b = binary.LittleEndian.AppendUint32(b, session)
	b = binary.LittleEndian.AppendUint32(b, sequence)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(payload)))
	return append(b, payload...)
}

func openAnswer(s suite) []byte {
	p := make([]byte, 36)
	binary.LittleEndian.PutUint32(p[4:], testConsole)
	binary.LittleEndian.PutUint32(p[8:], testBMC)
	p[16], p[24], p[32] = s.auth, s.integrity, s.crypto
	return packet(kindOpenResponse, 0, 0, p)
}

func rakp2(s suite) []byte {
	p := make([]byte, 40+s.hash().Size())
	binary.LittleEndian.PutUint32(p[4:], testConsole)
	copy(p[8:], "bmc random number")
	return packet(kindRAKP2, 0, 0, p)
}

// send lets the guard see what a client would send.
func (c *conversation) send(kind byte, payload []byte) { c.g.note(packet(kind, 0, 0, payload)) }

// newConversation goes through the setup, up to the client's proof.
func newConversation(t testing.TB, id int) *conversation {
	t.Helper()
	s, _ := suiteOf(id)
	c := &conversation{g: &guard{suite: s, user: "admin", password: func() string { return "secret" }}}
	open := make([]byte, 32)
	binary.LittleEndian.PutUint32(open[4:], testConsole)
	c.send(kindOpenRequest, open)
	c.admit(t, true, openAnswer(s))
	rakp1 := make([]byte, 28)
	copy(rakp1[8:], "console's random")
	rakp1[24] = 0x14
	c.send(kindRAKP1, rakp1)
	c.admit(t, true, rakp2(s))
	c.send(kindRAKP3, make([]byte, 8))
	c.keys = s.derive([]byte("console's random"), []byte("bmc random number")[:16], 0x14, "admin", "secret")
	return c
}

func (c *conversation) admit(t testing.TB, want bool, b []byte) {
	t.Helper()
	if got, err := c.g.admit(b); got != want || err != nil {
		t.Errorf("admit = %t, %v; want %t", got, err, want)
	}
}

// sealed is a payload as the BMC sends it: padded, encrypted, signed.
func (c *conversation) sealed(kind byte, sequence uint32, plain []byte) []byte {
	pad := (block - (len(plain)+1)%block) % block
	for i := range pad {
		plain = append(plain, byte(i+1))
	}
	return c.signed(kind|flags, testConsole, sequence, c.encrypt(append(plain, byte(pad))))
}

func (c *conversation) encrypt(padded []byte) []byte {
	iv := bytes.Repeat([]byte{7}, block)
	aesBlock, _ := aes.NewCipher(c.keys.k2[:block])
	out := make([]byte, len(padded))
	cipher.NewCBCEncrypter(aesBlock, iv).CryptBlocks(out, padded)
	return append(iv, out...)
}

// padding is how many bytes of 0xff follow n bytes so that the signed part is a multiple of four.
func padding(n int) int { return (4 - (n+2)%4) % 4 }

func (c *conversation) signed(kind byte, session, sequence uint32, payload []byte) []byte {
	b := packet(kind, session, sequence, payload)
	pad := padding(len(b) - rmcpHeader)
	b = append(b, bytes.Repeat([]byte{0xff}, pad)...)
	b = append(b, byte(pad), 0x07)
	return append(b, c.g.suite.signature(c.keys.k1, b[rmcpHeader:])...)
}

// status is the answer to Get Chassis Status.
func status(on byte) []byte { return []byte{0x81, 0x04, 0, 0x20, 4, 1, 0, on, 0, 0, 0} }

func TestGuard(t *testing.T) {
	for name, tt := range map[string]struct {
		datagram func(c *conversation) []byte
		want     bool
	}{
		"a signed answer": {func(c *conversation) []byte { return c.sealed(kindIPMI, 1, status(1)) }, true},
		"console output":  {func(c *conversation) []byte { return c.sealed(kindSOL, 1, []byte{1, 0, 0, 0, 'x'}) }, true},
		"an answer without a signature": {func(c *conversation) []byte {
			return packet(kindIPMI|encrypted, testConsole, 1, c.encrypt(append(status(1), 1, 2, 3, 4, 4)))
		}, false},
		"an answer in the clear": {func(c *conversation) []byte { return packet(kindIPMI, testConsole, 1, status(0)) }, false},
		"a signed answer in the clear": {func(c *conversation) []byte {
			return c.signed(kindIPMI|authenticated, testConsole, 1, status(0))
		}, false},
		"an answer outside the session": {func(c *conversation) []byte { return packet(kindIPMI, 0, 0, status(0)) }, false},
		"an answer in the format of IPMI 1.5": {func(c *conversation) []byte {
			return append([]byte{0x06, 0, 0xff, 0x07, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11}, status(0)...)
		}, false},
		"an ASF message": {func(c *conversation) []byte {
			return []byte{0x06, 0, 0xff, 0x06, 0, 0, 0x11, 0xbe, 0x40, 0, 0, 0, 0, 0, 0, 0}
		}, false},
		"another session's answer":  {func(c *conversation) []byte { return c.signed(kindIPMI|flags, 99, 1, c.encrypt(make([]byte, 32))) }, false},
		"a payload without a block": {func(c *conversation) []byte { return c.signed(kindIPMI|flags, testConsole, 1, make([]byte, 15)) }, false},
		"a payload of one and a half": {func(c *conversation) []byte {
			return c.signed(kindIPMI|flags, testConsole, 1, make([]byte, 40))
		}, false},
		"padding longer than the text": {func(c *conversation) []byte {
			return c.signed(kindIPMI|flags, testConsole, 1, c.encrypt(bytes.Repeat([]byte{200}, 32)))
		}, false},
		"an answer too short to be one": {func(c *conversation) []byte { return c.sealed(kindIPMI, 1, []byte{0x81, 4, 0}) }, false},
		"a sequence number of zero":     {func(c *conversation) []byte { return c.sealed(kindIPMI, 0, status(1)) }, false},
		"a late refusal of the login": {func(c *conversation) []byte {
			_, _ = c.g.admit(c.sealed(kindIPMI, 1, status(1)))
			return packet(kindRAKP4, 0, 0, []byte{0, 0x0d})
		}, false},
		"a payload type nobody asked for": {func(c *conversation) []byte { return c.sealed(0x20, 1, status(1)) }, false},
		"nothing":                         {func(*conversation) []byte { return nil }, false},
		"a length beyond the end": {func(c *conversation) []byte {
			b := c.sealed(kindIPMI, 1, status(1))
			binary.LittleEndian.PutUint16(b[14:], 2000)
			return b
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, id := range []int{3, 17} {
				c := newConversation(t, id)
				c.admit(t, tt.want, tt.datagram(c))
			}
		})
	}
}

// One changed bit anywhere in a signed answer makes it worthless.
func TestGuardEveryBitCounts(t *testing.T) {
	for _, id := range []int{3, 17} {
		for i := range len(newConversation(t, id).sealed(kindIPMI, 1, status(1))) * 8 {
			c := newConversation(t, id)
			b := c.sealed(kindIPMI, 1, status(1))
			b[i/8] ^= 1 << (i % 8)
			ok, _ := c.g.admit(b)
			if reserved := i/8 == 1 || i/8 == 2 || i/8 == 3; ok && !reserved { // the RMCP header is not signed, nor used
				t.Fatalf("suite %d: the answer with bit %d changed was believed", id, i)
			}
		}
	}
}

func TestGuardOldAnswersAreNotBelievedAgain(t *testing.T) {
	c := newConversation(t, 17)
	for _, step := range []struct {
		sequence uint32
		want     bool
	}{{5, true}, {5, false}, {4, true}, {4, false}, {6, true}, {5, false}, {200, true}, {136, false}, {137, true}, {137, false}, {6, false}, {1 << 31, true}} {
		c.admit(t, step.want, c.sealed(kindIPMI, step.sequence, status(1)))
	}
}

func TestGuardSetup(t *testing.T) {
	s3, _ := suiteOf(3)
	s17, _ := suiteOf(17)
	fresh := func() *conversation {
		c := &conversation{g: &guard{suite: s17, user: "admin", password: func() string { return "secret" }}}
		open := make([]byte, 32)
		binary.LittleEndian.PutUint32(open[4:], testConsole)
		c.send(kindOpenRequest, open)
		return c
	}
	t.Run("weaker algorithms end it", func(t *testing.T) {
		none := s17
		none.auth, none.integrity, none.crypto = 0, 0, 0
		auth, integrity, crypto := s17, s17, s17
		auth.auth, integrity.integrity, crypto.crypto = 0, 0, 0
		for _, weaker := range []suite{s3, none, auth, integrity, crypto} {
			if ok, err := fresh().g.admit(openAnswer(weaker)); ok || err != errDowngrade {
				t.Errorf("admit = %t, %v; want %v", ok, err, errDowngrade)
			}
		}
	})
	t.Run("somebody else's session is dropped", func(t *testing.T) {
		b := openAnswer(s17)
		b[20]++
		fresh().admit(t, false, b)
	})
	t.Run("refusals pass, also ipmi_sim's short one", func(t *testing.T) {
		for _, b := range [][]byte{{0, 0x04}, {0, 0x0d, 0, 0, 0, 0, 0, 0}} {
			c := fresh()
			c.admit(t, true, packet(kindOpenResponse, 0, 0, b))
			if got := c.g.facts().status; got != b[1] {
				t.Errorf("status = %#x, want %#x", got, b[1])
			}
		}
	})
	t.Run("nothing of the session before the proof", func(t *testing.T) {
		c := newConversation(t, 17)
		b := c.sealed(kindIPMI, 1, status(1))
		c.g.keys = keys{}
		c.admit(t, false, b)
	})
}

// Read drops what must not be believed and waits for the next datagram.
func TestGuardReads(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	c := newConversation(t, 17)
	c.g.Conn = a
	good := c.sealed(kindIPMI, 1, status(1))
	go func() {
		defer b.Close()
		_, _ = b.Write(packet(kindIPMI, testConsole, 1, status(0)))
		_, _ = b.Write(good)
	}()
	buf := make([]byte, maxDatagram)
	n, err := c.g.Read(buf)
	if err != nil || !bytes.Equal(buf[:n], good) {
		t.Errorf("Read = % x, %v; want the signed answer", buf[:n], err)
	}
	if got := c.g.facts().dropped; got != 1 {
		t.Errorf("dropped = %d, want 1", got)
	}
}

// The keys follow the definition, step by step. That they are the keys the rest of the world makes is proven by
// ipmi_sim, whose signatures would not fit otherwise.
func TestDerive(t *testing.T) {
	for id, want := range map[int]int{3: 20, 17: 32} {
		s, ok := suiteOf(id)
		if !ok {
			t.Fatalf("suite %d is missing", id)
		}
		k := s.derive(make([]byte, 16), make([]byte, 16), 0x14, "admin", "secret")
		if len(k.k1) != want || len(k.k2) != want || bytes.Equal(k.k1, k.k2) {
			t.Errorf("suite %d: k1 and k2 have %d and %d bytes, want %d each, and different", id, len(k.k1), len(k.k2), want)
		}
		sik := s.sum(append([]byte("secret"), make([]byte, 14)...), make([]byte, 32), []byte{0x14, 5}, []byte("admin"))
		if k1 := s.sum(sik, bytes.Repeat([]byte{1}, 20)); !bytes.Equal(k1, k.k1) {
			t.Errorf("suite %d: k1 = % x, want % x", id, k.k1, k1)
		}
	}
	for id := range 20 {
		if _, ok := suiteOf(id); ok != (id == 3 || id == 17) {
			t.Errorf("suiteOf(%d) = %t", id, ok)
		}
	}
}

// Laws: whatever comes, admit does not panic; of a session it admits only what was signed for it, once; and what it
// admits go-ipmi can take apart.
func FuzzGuard(f *testing.F) {
	c := newConversation(f, 17)
	good := c.sealed(kindIPMI, 1, status(1))
	f.Add(good, 17)
	f.Add(newConversation(f, 3).sealed(kindSOL, 9, []byte{1, 0, 0, 0, 'o', 'k'}), 3)
	f.Add(packet(kindIPMI, testConsole, 1, status(0)), 17)
	f.Add(openAnswer(c.g.suite), 17)
	f.Add(rakp2(c.g.suite), 17)
	f.Add([]byte{0x06, 0, 0xff, 0x07, 0x06, 0xc0}, 3)
	f.Fuzz(func(t *testing.T, b []byte, id int) {
		if id != 3 {
			id = 17
		}
		c := newConversation(t, id)
		ok, err := c.g.admit(b)
		if err != nil || !ok {
			return
		}
		if err := new(types.Rmcp).Unpack(b); err != nil {
			t.Errorf("admitted, but go-ipmi cannot read it: %v", err)
		}
		d, _ := takeApart(b)
		if d.session == 0 {
			return
		}
		signed, mac := b[rmcpHeader:len(b)-c.g.suite.mac], b[len(b)-c.g.suite.mac:]
		if !bytes.Equal(mac, c.g.suite.signature(c.keys.k1, signed)) {
			t.Errorf("admitted without being signed: % x", b)
		}
		if ok, _ := c.g.admit(b); ok {
			t.Error("admitted twice")
		}
	})
}

// The same behind the signature: whatever a BMC signs, what is admitted go-ipmi can decrypt and take apart without a
// panic, and finds the same in it.
func FuzzSigned(f *testing.F) {
	c := newConversation(f, 17)
	f.Add(c.encrypt(append(status(1), 1, 2, 3, 4, 4)), byte(kindIPMI))
	f.Add(c.encrypt([]byte{1, 0, 0, 0, 'o', 'k', 1, 2, 3, 4, 5, 6, 7, 8, 9, 9}), byte(kindSOL))
	f.Add(make([]byte, 16), byte(kindIPMI))
	f.Add(c.encrypt(bytes.Repeat([]byte{0xff}, 48)), byte(kindSOL))
	f.Fuzz(func(t *testing.T, payload []byte, kind byte) {
		if len(payload) > 1000 {
			return
		}
		c := newConversation(t, 17)
		b := c.signed(kind&^flags|flags, testConsole, 1, payload)
		ok, err := c.g.admit(b)
		if !ok || err != nil {
			return
		}
		theirs, err := crypto.DecryptAESPayload(payload, c.keys.k2)
		d, _ := takeApart(b)
		ours, _ := d.clear(c.keys.k2)
		if err != nil || !bytes.Equal(ours, theirs) {
			t.Errorf("admitted % x, go-ipmi finds % x, %v", ours, theirs, err)
		}
		switch d.kind {
		case kindIPMI:
			err = new(types.IPMIResponse).Unpack(theirs)
		case kindSOL:
			err = new(types.SOLPayloadPacket).Unpack(theirs)
		default:
			t.Errorf("admitted the payload type %#x", d.kind)
		}
		if err != nil {
			t.Errorf("admitted, but go-ipmi cannot read it: %v", err)
		}
	})
}
