package ipmi

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// Login is an account of a BMC: user name and password. It prints without the password.
//
// IPMI 2.0 allows 16 bytes for the name and 20 for the password; [New] refuses longer ones, because clients and BMCs
// disagree on what to do with them. A user with the Operator privilege is enough to read and switch the power: see
// [Options].Operator.
type Login struct{ User, Password string }

// String returns the user name and, in place of the password, REDACTED.
func (l Login) String() string { return l.User + ":REDACTED" }

// GoString keeps the password out of %#v.
func (l Login) GoString() string {
	return fmt.Sprintf("ipmi.Login{User:%q, Password:REDACTED}", l.User)
}

// Format keeps the password out of every other verb: %d and %x would print the fields.
func (l Login) Format(f fmt.State, verb rune) {
	text := l.String()
	if verb == 'v' && f.Flag('#') {
		text = l.GoString()
	}
	_, _ = f.Write([]byte(text))
}

// LogValue keeps the password out of logs.
func (l Login) LogValue() slog.Value { return slog.StringValue(l.String()) }

// MarshalText keeps the password out of JSON.
func (l Login) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

const (
	maxUser     = 16 // IPMI 2.0, Set User Name
	maxPassword = 20 // IPMI 2.0, Set User Password; ipmitool refuses more
)

// check says what makes l unusable, without ever showing the password.
func (l Login) check() error {
	switch {
	case l.User == "":
		return errors.New("the user name is empty: an anonymous BMC login is not supported")
	case len(l.User) > maxUser:
		return fmt.Errorf("the user name has %d bytes: IPMI allows %d", len(l.User), maxUser)
	case l.Password == "":
		return errors.New("the password is empty")
	case len(l.Password) > maxPassword:
		return fmt.Errorf("the password has %d bytes: IPMI allows %d (a line feed at the end of a password file counts)", len(l.Password), maxPassword)
	case strings.ContainsRune(l.User, 0) || strings.ContainsRune(l.Password, 0):
		return errors.New("user name and password must not contain zero bytes: IPMI pads with them")
	}
	return nil
}
