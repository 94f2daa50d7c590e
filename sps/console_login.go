package sps

import (
	"errors"
	"fmt"
	"io"
	"log/slog"

	"golang.org/x/crypto/ssh"
)

// ConsoleUser is whom the console belongs to: both the local console and SSH are entered as this user, with the password set in the
// Welcome Wizard (SPS 7.5.1 Administration Guide, Accessing the SPS console).
const ConsoleUser = "root"

// ConsoleLogin is who we are to the appliance's SSH server: a password, a private key, or both. It prints without its secrets, whatever
// the verb.
//
// Each is offered once. A key is offered first; the password is for an appliance that takes no keys, or wants both. It is not tried
// after a key that was refused, since the appliance counts refusals.
type ConsoleLogin struct {
	User     string // default: [ConsoleUser]
	Password string

	// Key is a private key as ssh-keygen writes it: the contents of the file, not its name.
	Key []byte
	// Passphrase opens the Key, if it is encrypted.
	Passphrase string
}

// String says who, and nothing of how.
func (l ConsoleLogin) String() string {
	user := l.User
	if user == "" {
		user = ConsoleUser
	}
	if len(l.Key) > 0 {
		return user + " by key"
	}
	return user + ":REDACTED"
}

// Format prints String for every verb.
func (l ConsoleLogin) Format(f fmt.State, _ rune) { io.WriteString(f, l.String()) }

// GoString is String.
func (l ConsoleLogin) GoString() string { return l.String() }

// LogValue is String.
func (l ConsoleLogin) LogValue() slog.Value { return slog.StringValue(l.String()) }

// MarshalText is String: a ConsoleLogin that ends up in JSON shows no secret. It cannot be read back.
func (l ConsoleLogin) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// signer reads the key; nil without one.
func (l ConsoleLogin) signer() (ssh.Signer, error) {
	if len(l.Key) == 0 {
		return nil, nil
	}
	parse := ssh.ParsePrivateKey
	if l.Passphrase != "" {
		parse = func(pem []byte) (ssh.Signer, error) {
			return ssh.ParsePrivateKeyWithPassphrase(pem, []byte(l.Passphrase))
		}
	}
	s, err := parse(l.Key)
	if _, locked := errors.AsType[*ssh.PassphraseMissingError](err); locked {
		return nil, errors.New("the key is encrypted: want its Passphrase")
	}
	if err != nil { // what it says may quote the key
		return nil, errors.New("the key cannot be read: want a private key as ssh-keygen writes it, and its Passphrase if it has one")
	}
	if s.PublicKey().Type() != ssh.KeyAlgoRSA {
		return s, nil
	}
	a, ok := s.(ssh.AlgorithmSigner)
	if !ok {
		return s, nil
	}
	return ssh.NewSignerWithAlgorithms(a, []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}) // never with SHA-1
}
