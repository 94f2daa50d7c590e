package sps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// maxCuts is how often the connection may break with our credentials on the way before that counts as a refusal.
const maxCuts = 3

// passwordQuestion is the only question of keyboard-interactive that is answered. "New password:" is none of these.
var passwordQuestion = regexp.MustCompile(`(?i)^\s*(\S+'s )?password( for \S+)?\s*:\s*$`)

// dialError is why there is no connection, and whether a password or a key was on the way already.
type dialError struct {
	*ConsoleError
	credentialsOut bool
}

// dial makes a connection: TCP, handshake, host key, login, all of it within the context and ConsoleOptions.Timeout. (The library's own
// time-out ends with TCP: an appliance that boots may accept and then stay silent.)
func (c *Console) dial(ctx context.Context) (*link, *dialError) {
	trust, err := newHostTrust(c.addr, c.opts.KnownHosts, c.pinned)
	if err != nil {
		return nil, &dialError{ConsoleError: &ConsoleError{Addr: c.addr, Err: err}}
	}
	limited, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	raw, err := c.opts.Dial(limited, "tcp", c.addr)
	if err != nil {
		return nil, &dialError{ConsoleError: c.notReached(ctx, limited, err)}
	}
	conn := &watched{Conn: raw}
	disarm := context.AfterFunc(limited, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	attempt := &attempt{login: c.login, signer: c.signer, broken: conn.broken}
	sc, channels, requests, err := ssh.NewClientConn(conn, c.addr, &ssh.ClientConfig{
		Config: consoleAlgorithms(), User: c.login().User,
		HostKeyCallback: trust.check, HostKeyAlgorithms: trust.algorithms(),
		AuthCallback: attempt.next,
	})
	if !disarm() && err == nil { // the end came together with the success
		_ = sc.Close()
		go ssh.DiscardRequests(requests)
		for ch := range channels {
			_ = ch.Reject(ssh.Prohibited, "")
		}
		err = limited.Err()
	}
	if err != nil {
		_ = raw.Close()
		return nil, &dialError{ConsoleError: c.notLoggedIn(ctx, limited, err, trust, attempt), credentialsOut: attempt.offered != ""}
	}
	return newLink(ssh.NewClient(sc, channels, requests)), nil
}

// notReached says why there is no TCP connection.
func (c *Console) notReached(ctx, limited context.Context, err error) *ConsoleError {
	e := &ConsoleError{Addr: c.addr, Err: err}
	dns, noName := errors.AsType[*net.DNSError](err)
	switch {
	case ctx.Err() != nil:
		return c.ended(ctx, "")
	case limited.Err() != nil:
		e.Err, e.message, e.classes = nil, "no answer within "+c.opts.Timeout.String(), []error{ErrNoAnswer, ErrNotReady}
	case errors.Is(err, syscall.ECONNREFUSED):
		e.classes = []error{ErrRefused, ErrNotReady}
		e.Advice = "it boots, or its SSH server is off: Basic Settings > Local Services > SSH server; or it blocks this source for ten minutes after 20 refused logins"
	case noName && dns.IsNotFound: // a mistake, not an outage
	default:
		e.classes = []error{ErrNotReady}
	}
	return e
}

// notLoggedIn says why a connection came to nothing.
func (c *Console) notLoggedIn(ctx, limited context.Context, err error, trust *hostTrust, a *attempt) *ConsoleError {
	if ctx.Err() != nil {
		return c.ended(ctx, "")
	}
	if limited.Err() != nil {
		return &ConsoleError{Addr: c.addr, message: "no answer within " + c.opts.Timeout.String(), classes: []error{ErrNoAnswer, ErrNotReady},
			Advice: "it accepts connections and does not go on: it may be booting"}
	}
	if e, ok := errors.AsType[*ConsoleError](err); ok { // from hostTrust or attempt
		out := *e
		out.Addr = c.addr
		return &out
	}
	e := &ConsoleError{Addr: c.addr, Err: errors.New(c.scrub(err.Error()))}
	if none, ok := errors.AsType[*ssh.AlgorithmNegotiationError](err); ok {
		if none.What == "host key" && trust.seen == nil {
			e := trust.changed("the appliance has none of the kind that is known, it offers " + strings.Join(none.RequestedAlgorithms, ", "))
			return e
		}
		e.classes = []error{ErrNoAlgorithm}
		return e
	}
	if strings.Contains(err.Error(), "ssh: disconnect, reason") && a.offered != "" {
		e.classes = []error{ErrAuth} // it ended the conversation in so many words
		e.Advice = refusedAdvice
		return e
	}
	_, isNet := errors.AsType[net.Error](err)
	if isNet || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || a.broken() {
		e.classes = []error{ErrNotReady}
		e.message = "the connection broke"
	}
	return e
}

const refusedAdvice = "check the user, the password or key, and which of them its SSH server takes; after 20 refusals the appliance refuses this source for ten minutes"

// attempt is one login. It offers each of the credentials at most once, by the one method that the appliance takes it by, and ends at the
// first refusal: the same password by another method would be one more refusal to the appliance.
type attempt struct {
	login  func() ConsoleLogin
	signer func() ssh.Signer
	broken func() bool

	offered  string // the method under way
	strange  string // a question nobody answers
	keyUsed  bool
	wordUsed bool
	answered bool // the password was given to a question
}

// next is the library's AuthCallback.
func (a *attempt) next(now *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
	taken := func(method string) bool { return slices.Contains(now.AllowedMethods, method) }
	switch {
	case a.strange != "":
		return nil, &ConsoleError{classes: []error{ErrAuth}, message: "the login asks something that is not answered: " + a.strange,
			Advice: "log in by hand once, and see what it wants"}
	case a.offered != "" && slices.Contains(now.TriedMethods, a.offered):
		if a.broken() {
			return nil, &ConsoleError{classes: []error{ErrNotReady}, message: "the connection broke during the login", Methods: slices.Clone(now.AllowedMethods)}
		}
		return nil, &ConsoleError{classes: []error{ErrAuth}, message: "the login by " + a.offered + " was refused", Methods: slices.Clone(now.AllowedMethods), Advice: refusedAdvice}
	case a.signer() != nil && !a.keyUsed && taken("publickey"):
		a.keyUsed, a.offered = true, "publickey"
		return ssh.PublicKeys(a.signer()), nil
	case a.login().Password != "" && !a.wordUsed && taken("password"):
		a.wordUsed, a.offered = true, "password"
		return ssh.Password(a.login().Password), nil
	case a.login().Password != "" && !a.wordUsed && taken("keyboard-interactive"):
		a.wordUsed, a.offered = true, "keyboard-interactive"
		return ssh.KeyboardInteractive(a.answer), nil
	}
	return nil, &ConsoleError{classes: []error{ErrAuth}, message: "the appliance takes no login of ours; it takes: " + strings.Join(now.AllowedMethods, ", "),
		Methods: slices.Clone(now.AllowedMethods), Advice: "Basic Settings > Local Services > SSH server chooses between password and public key"}
}

// answer answers the one question it knows, once. It is also called without any question, to be told something.
func (a *attempt) answer(_, _ string, questions []string, echos []bool) ([]string, error) {
	answers := make([]string, len(questions))
	for i, q := range questions {
		if a.answered || echos[i] || !passwordQuestion.MatchString(q) {
			a.strange = fmt.Sprintf("%q", strings.TrimSpace(lastWords(newSecrets(a.login().Password).scrub(q))))
			return nil, errors.New("not a question for the password")
		}
		answers[i], a.answered = a.login().Password, true
	}
	return answers, nil
}

// watched remembers that the connection broke.
type watched struct {
	net.Conn
	mu   sync.Mutex
	gone bool
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if err != nil {
		w.mu.Lock()
		w.gone = true
		w.mu.Unlock()
	}
	return n, err
}

func (w *watched) broken() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gone
}
