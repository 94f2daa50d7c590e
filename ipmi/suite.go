package ipmi

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"hash"
	"slices"
	"sync"
)

// suite is a cipher suite of RMCP+ (IPMI 2.0, table 22-20) with which this package lets itself be spoken to.
type suite struct {
	id                      int
	auth, integrity, crypto byte // algorithm numbers: IPMI 2.0, tables 13-17, 13-18, 13-19
	hash                    func() hash.Hash
	mac                     int // bytes of the AuthCode of a packet
}

func suiteOf(id int) (suite, bool) {
	switch id {
	case 3: // RAKP-HMAC-SHA1, HMAC-SHA1-96, AES-CBC-128
		return suite{id: 3, auth: 1, integrity: 1, crypto: 1, hash: sha1.New, mac: 12}, true
	case 17: // RAKP-HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128
		return suite{id: 17, auth: 3, integrity: 4, crypto: 1, hash: sha256.New, mac: 16}, true
	}
	return suite{}, false
}

func (s suite) sum(key []byte, parts ...[]byte) []byte {
	h := hmac.New(s.hash, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// keys are the session's keys: k1 signs packets, k2 encrypts them.
type keys struct{ k1, k2 []byte }

// derive makes the keys as IPMI 2.0, 13.31 and 13.32 say, from both sides' random numbers and the password.
func (s suite) derive(consoleRandom, bmcRandom []byte, role byte, user, password string) keys {
	secret := make([]byte, maxPassword)
	copy(secret, password)
	sik := s.sum(secret, consoleRandom, bmcRandom, []byte{role, byte(len(user))}, []byte(user))
	constant := func(b byte) []byte {
		c := make([]byte, 20)
		for i := range c {
			c[i] = b
		}
		return c
	}
	return keys{k1: s.sum(sik, constant(1)), k2: s.sum(sik, constant(2))}
}

// signature is the AuthCode of a packet of a session.
func (s suite) signature(k1, signed []byte) []byte { return s.sum(k1, signed)[:s.mac] }

// preference is the order in which a Machine offers cipher suites: the one that worked last comes first, so that a BMC
// which does not have suite 17 is asked for it once.
type preference struct {
	mu   sync.Mutex
	list []int
}

func (p *preference) inOrder() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.list)
}

func (p *preference) prefer(id int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.SortStableFunc(p.list, func(a, b int) int {
		switch {
		case a == id && b != id:
			return -1
		case b == id && a != id:
			return 1
		}
		return 0
	})
}
