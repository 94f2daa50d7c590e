package ipmi

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"encoding/binary"
)

// The payload types of RMCP+ that occur here (IPMI 2.0, table 13-16).
const (
	kindIPMI         = 0x00
	kindSOL          = 0x01
	kindOpenRequest  = 0x10
	kindOpenResponse = 0x11
	kindRAKP1        = 0x12
	kindRAKP2        = 0x13
	kindRAKP3        = 0x14
	kindRAKP4        = 0x15
)

const (
	rmcpHeader    = 4             // version, reserved, sequence, class
	sessionHeader = 12            // format, payload type, session, sequence, length
	maxDatagram   = 4096          // what is read of one datagram; IPMI messages are far shorter
	block         = aes.BlockSize // of the payload's encryption
	encrypted     = 0x80          // flags in the payload type
	authenticated = 0x40          //
	flags         = encrypted | authenticated
)

// datagram is one RMCP+ datagram taken apart, as far as is needed to judge it. The slices are parts of the datagram.
type datagram struct {
	kind, flags   byte
	session       uint32 // the receiver's session id
	sequence      uint32
	payload       []byte
	beforeTrailer []byte // what is signed, together with the trailer's own first bytes
	trailer       []byte // pad, pad length, next header, AuthCode; empty outside a session
}

// takeApart reads a datagram. It says no to whatever is not RMCP+ of the IPMI class: after the session was asked for in
// that format, nothing else has a place in it.
func takeApart(b []byte) (datagram, bool) {
	if len(b) < rmcpHeader+sessionHeader || len(b) > maxDatagram || b[0] != 0x06 || b[3] != 0x07 || b[4] != 0x06 {
		return datagram{}, false
	}
	h := b[rmcpHeader:]
	end := sessionHeader + int(binary.LittleEndian.Uint16(h[10:12]))
	if end > len(h) {
		return datagram{}, false
	}
	return datagram{
		kind:          h[1] &^ flags,
		flags:         h[1] & flags,
		session:       binary.LittleEndian.Uint32(h[2:6]),
		sequence:      binary.LittleEndian.Uint32(h[6:10]),
		payload:       h[sessionHeader:end],
		beforeTrailer: h[:end],
		trailer:       h[end:],
	}, true
}

// authentic reports whether d is encrypted and carries a signature made with k1. What else is in the trailer is signed
// too, and BMCs are not all of one mind about it: only its lengths have to fit.
func (d datagram) authentic(s suite, k1 []byte) bool {
	pad := len(d.trailer) - 2 - s.mac
	if d.flags != flags || pad < 0 || int(d.trailer[pad]) != pad {
		return false
	}
	head, mac := d.trailer[:pad+2], d.trailer[pad+2:]
	signed := append(append(make([]byte, 0, len(d.beforeTrailer)+len(head)), d.beforeTrailer...), head...)
	return hmac.Equal(mac, s.signature(k1, signed))
}

// clear decrypts the payload of d and takes its padding off.
func (d datagram) clear(k2 []byte) ([]byte, bool) {
	if len(d.payload) < 2*block || len(d.payload)%block != 0 {
		return nil, false
	}
	c, err := aes.NewCipher(k2[:block])
	if err != nil {
		return nil, false
	}
	plain := make([]byte, len(d.payload)-block)
	cipher.NewCBCDecrypter(c, d.payload[:block]).CryptBlocks(plain, d.payload[block:])
	pad := int(plain[len(plain)-1])
	if pad >= block || pad+1 > len(plain) {
		return nil, false
	}
	return plain[:len(plain)-1-pad], true
}

// readable reports whether the clear payload is long enough for what it says it is.
func readable(kind byte, plain []byte) bool {
	switch kind {
	case kindIPMI:
		return len(plain) >= 8 // addresses, sequence, command, completion code, checksums
	case kindSOL:
		return len(plain) >= 4
	}
	return false
}
