package sps

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
)

// Login is who we are to the appliance: a user with a password, or a client certificate. It prints without its secrets,
// whatever the verb.
type Login struct {
	User     string
	Password string

	// Certificate is presented in the TLS handshake and used to log in instead of the password.
	Certificate *tls.Certificate

	// Method is the login method of the appliance to use, "local" for its own user database. Empty: the appliance's choice.
	// A certificate needs it from 8.0 on (safeguard-ps, sessionapi.psm1).
	Method string
}

// String says who, and nothing of how.
func (l Login) String() string {
	switch {
	case l.Certificate != nil && l.User == "":
		return "client certificate"
	case l.Certificate != nil:
		return l.User + " by client certificate"
	}
	return l.User + ":REDACTED"
}

// Format prints String for every verb.
func (l Login) Format(f fmt.State, _ rune) { io.WriteString(f, l.String()) }

// GoString is String.
func (l Login) GoString() string { return l.String() }

// LogValue is String.
func (l Login) LogValue() slog.Value { return slog.StringValue(l.String()) }

// MarshalText is String: a Login that ends up in JSON shows no secret. It cannot be read back.
func (l Login) MarshalText() ([]byte, error) { return []byte(l.String()), nil }
