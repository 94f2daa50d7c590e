package sps

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// hostTrust is what is known of the appliance's host key, for one connection.
type hostTrust struct {
	addr   string
	pinned ssh.PublicKey       // nil: none
	known  ssh.HostKeyCallback // nil: no files
	seen   ssh.PublicKey       // the key the appliance has shown
}

func newHostTrust(addr string, files []string, pinned ssh.PublicKey) (*hostTrust, error) {
	t := &hostTrust{addr: addr, pinned: pinned}
	if len(files) == 0 {
		return t, nil
	}
	known, err := knownhosts.New(files...)
	if err != nil {
		return nil, fmt.Errorf("known hosts: %w", err)
	}
	t.known = known
	return t, nil
}

// parseHostKey reads a line of a .pub file.
func parseHostKey(line string) (ssh.PublicKey, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return nil, errors.New(`want the line of the .pub file, "ssh-ed25519 AAAA…"; a fingerprint does not say which kind of key to ask for`)
	}
	return key, nil
}

// algorithms are the kinds of signature to ask the appliance for: those of the keys that are known. An appliance has several keys; left
// to itself, the negotiation may choose one that nobody ever noted, which then looks like an attack. An appliance of which nothing is
// known is asked for any, so as to tell which key it has.
func (t *hostTrust) algorithms() []string {
	var keys []ssh.PublicKey
	if t.pinned != nil {
		keys = append(keys, t.pinned)
	} else if t.known != nil {
		// The library tells the known keys only when it is shown a wrong one.
		if stray, err := ssh.NewPublicKey(ed25519.PublicKey(make([]byte, ed25519.PublicKeySize))); err == nil {
			mismatch, _ := errors.AsType[*knownhosts.KeyError](t.known(t.addr, strayAddr{}, stray))
			if mismatch != nil {
				for _, k := range mismatch.Want {
					keys = append(keys, k.Key)
				}
			}
		}
	}
	var out []string
	for _, k := range keys {
		algorithms := []string{k.Type()}
		if k.Type() == ssh.KeyAlgoRSA { // the key's type, not the signature with SHA-1 of the same name
			algorithms = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
		}
		for _, a := range algorithms {
			if !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	if out == nil {
		return []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return out
}

// strayAddr is the address of nobody.
type strayAddr struct{}

func (strayAddr) Network() string { return "tcp" }
func (strayAddr) String() string  { return "0.0.0.0:0" }

// check is the library's HostKeyCallback.
func (t *hostTrust) check(addr string, remote net.Addr, key ssh.PublicKey) error {
	t.seen = key
	if t.pinned != nil && string(key.Marshal()) != string(t.pinned.Marshal()) {
		return t.changed("it is not the pinned key " + ssh.FingerprintSHA256(t.pinned))
	}
	if t.known == nil {
		return nil
	}
	err := t.known(addr, strayAddr{}, key) // by the name we asked for, never by where that leads
	if err == nil {
		return nil
	}
	if revoked, ok := errors.AsType[*knownhosts.RevokedError](err); ok {
		return t.changed(fmt.Sprintf("it is revoked in %s, line %d", revoked.Revoked.Filename, revoked.Revoked.Line))
	}
	mismatch, ok := errors.AsType[*knownhosts.KeyError](err)
	switch {
	case !ok:
		e := t.untrusted(ErrUnknownHost)
		e.Err = err
		return e
	case len(mismatch.Want) > 0:
		return t.changed(fmt.Sprintf("it is not the key in %s, line %d", mismatch.Want[0].Filename, mismatch.Want[0].Line))
	}
	e := t.untrusted(ErrUnknownHost)
	e.message = "the host key " + e.Fingerprint + " is not known"
	e.Advice = "compare the fingerprint with the appliance's own, on another way than this one; if it is the same, add the line to the known_hosts file: " + knownhosts.Line([]string{knownhosts.Normalize(addr)}, key)
	return e
}

func (t *hostTrust) changed(how string) *ConsoleError {
	e := t.untrusted(ErrHostKeyChanged)
	e.message = "the host key has changed: " + how
	if e.Fingerprint != "" {
		e.message += "; the appliance shows " + e.Fingerprint
	}
	e.Advice = "somebody may be in between; only if the appliance is known to have a new key, compare the fingerprint with its own on another way and replace the known one by hand"
	return e
}

func (t *hostTrust) untrusted(class error) *ConsoleError {
	e := &ConsoleError{Addr: t.addr, classes: []error{class, ErrUntrusted}}
	if t.seen != nil {
		e.HostKey, e.Fingerprint = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(t.seen))), ssh.FingerprintSHA256(t.seen)
	}
	return e
}
