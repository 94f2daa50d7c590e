package rest

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strings"
)

// This file is the only one that sets InsecureSkipVerify. It is set together with a VerifyConnection that is stricter
// than a chain: exactly one certificate is accepted. VerifyConnection, unlike VerifyPeerCertificate, is also called when
// a session is resumed.

// pin makes conf accept only the certificate with the given fingerprint. With instead, the fingerprint replaces the chain:
// the name in the certificate, its issuer and its dates are not looked at, as they say nothing more about a key that is
// known. Without, both must hold.
func pin(conf *tls.Config, want [sha256.Size]byte, instead bool) {
	conf.InsecureSkipVerify = instead
	next := conf.VerifyConnection
	conf.VerifyConnection = func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return &PinError{Want: hex.EncodeToString(want[:])}
		}
		got := sha256.Sum256(state.PeerCertificates[0].Raw)
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			return &PinError{Want: hex.EncodeToString(want[:]), Got: hex.EncodeToString(got[:])}
		}
		if next != nil {
			return next(state)
		}
		return nil
	}
}

// unverified reports whether a configuration accepts any certificate.
func unverified(conf *tls.Config) bool {
	return conf != nil && conf.InsecureSkipVerify && conf.VerifyConnection == nil && conf.VerifyPeerCertificate == nil
}

// PinError says that an appliance showed another certificate than the pinned one: it was replaced, or this is another
// appliance.
type PinError struct {
	Want string // hex
	Got  string // hex; empty when no certificate was shown
}

// Error says what was seen and what to do about it.
func (e *PinError) Error() string {
	if e.Got == "" {
		return fmt.Sprintf("no certificate was shown, fingerprint %s was expected", e.Want)
	}
	return fmt.Sprintf("certificate fingerprint is %s, not %s; if the certificate was replaced on purpose, pin the new one", e.Got, e.Want)
}

// Fingerprint returns the SHA-256 fingerprint of a certificate in lower-case hex.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

// ParseFingerprint reads a SHA-256 fingerprint: 64 hexadecimal digits in either case, with or without colons or spaces
// between, and with or without "sha256:" or "SHA256 Fingerprint=" before, as openssl prints it.
func ParseFingerprint(s string) ([sha256.Size]byte, error) {
	var sum [sha256.Size]byte
	digits := strings.ToLower(strings.TrimSpace(s))
	for _, prefix := range []string{"sha256 fingerprint=", "sha256:", "sha-256:"} {
		digits = strings.TrimPrefix(digits, prefix)
	}
	digits = strings.NewReplacer(":", "", " ", "").Replace(digits)
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) != len(sum) {
		return sum, fmt.Errorf("rest: fingerprint %q: want the SHA-256 of the certificate, 64 hexadecimal digits", s)
	}
	copy(sum[:], raw)
	return sum, nil
}
