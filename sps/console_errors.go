package sps

import (
	"errors"
	"slices"
	"strings"
)

// Further classes of errors, of a [Console].
var (
	// ErrUnknownHost: no known_hosts file has a host key of the appliance. Nothing was sent but the wish to talk.
	ErrUnknownHost = errors.New("host key is not known")

	// ErrHostKeyChanged: the appliance shows another host key than the known one, or has revoked it. Either somebody is in between, or
	// it has a new key, which an upgrade may give it: only a person can tell.
	ErrHostKeyChanged = errors.New("host key has changed")

	// ErrNoAlgorithm: the appliance offers no algorithm that is accepted here.
	ErrNoAlgorithm = errors.New("no algorithm in common")

	// ErrNoShell: the login leads to no shell that runs commands: to a menu, or nowhere.
	ErrNoShell = errors.New("no shell")
)

// ConsoleError is every error that comes from talking to an appliance's console. No field ever holds a secret: what the appliance said
// is scrubbed.
//
// A wrong host key, [ErrUnknownHost] or [ErrHostKeyChanged], is [ErrUntrusted] too; a refused login is [ErrAuth]. Neither is a
// matter of waiting. An appliance that boots is [ErrNotReady]: it refuses the connection, accepts it and says nothing, or breaks it.
type ConsoleError struct {
	Op   string // what was tried: "connect", "run", "upload /root/sps.iso"
	Addr string // host:port

	Exit   int    // exit status a command ended with, if not 0
	Signal string // the signal that ended it: "TERM"
	Output string // the end of what it wrote to its standard error, or of what the terminal showed; at most 2 KB

	HostKey     string   // the key the appliance shows, "ssh-ed25519 AAAA…", when it is not trusted
	Fingerprint string   // of HostKey, "SHA256:…", as ssh-keygen -l prints it
	Methods     []string // the ways to log in that the appliance takes, when none of ours was

	Advice string // what to do next; may be empty
	Err    error  // the cause; may be nil

	message string
	classes []error
}

// Error says what was tried, what came back and what to do next.
func (e *ConsoleError) Error() string {
	var b strings.Builder
	b.WriteString("sps: console ")
	b.WriteString(e.Addr)
	for _, s := range []string{e.Op, e.message} {
		if s != "" {
			b.WriteString(": ")
			b.WriteString(s)
		}
	}
	switch {
	case e.Err != nil:
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	case e.message == "" && len(e.classes) > 0:
		b.WriteString(": ")
		b.WriteString(e.classes[0].Error())
	}
	if out := strings.TrimSpace(e.Output); out != "" {
		b.WriteString(": ")
		b.WriteString(out)
	}
	if e.Advice != "" {
		b.WriteString("; ")
		b.WriteString(e.Advice)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *ConsoleError) Unwrap() error { return e.Err }

// Is reports whether e belongs to the class that target names.
func (e *ConsoleError) Is(target error) bool { return slices.Contains(e.classes, target) }

// of returns e for an operation.
func (e *ConsoleError) of(op string) *ConsoleError {
	out := *e
	out.Op = op
	return &out
}

// with returns e with one more class.
func (e *ConsoleError) with(class error) *ConsoleError {
	out := *e
	out.classes = append(slices.Clone(e.classes), class)
	return &out
}

// consoleError returns what err is as a ConsoleError.
func consoleError(addr string, err error) *ConsoleError {
	if e, ok := errors.AsType[*ConsoleError](err); ok {
		return e
	}
	return &ConsoleError{Addr: addr, Err: err}
}

// lastWords is the end of an output, whole lines where possible, that an error has room for.
func lastWords(text string) string {
	const most = 2 << 10
	if len(text) <= most {
		return text
	}
	text = strings.ToValidUTF8(text[len(text)-most:], "")
	if _, rest, ok := strings.Cut(text, "\n"); ok {
		return rest
	}
	return text
}
