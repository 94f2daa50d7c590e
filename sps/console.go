package sps

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/changeover-sdk/changeover/internal/act"
)

// Console is the appliance's console, reached over SSH: for commands, for the menu, and for putting a firmware image there where large
// uploads over HTTPS fail.
//
// Using it is a decision, so nothing else in this module does by itself. The SSH server is off until somebody turns it on at Basic Settings >
// Local Services > SSH server; it is neither recommended nor supported except on Support's instructions, and should be off when it is not
// needed (SPS 6.9.4 Administration Guide, Enabling SSH access to the SPS host). A sealed appliance has none.
//
// It connects when it is first needed, and again when the connection has broken. A login that is refused is not repeated, because after 20
// refused ones the appliance refuses the source for ten minutes (same source): every later call fails without talking to it, until
// [Console.Login] is told to try again. A connection that says nothing for 25 seconds is given up.
//
// What a login leads to is a menu, whose texts and keys are not documented; whether it also runs commands is not either. [Console.Run]
// and [Console.Upload] need a shell, and say so if there is none ([ErrNoShell]); [Console.Open] shows whatever there is.
//
// Its errors are [*ConsoleError]. It is safe for concurrent use.
type Console struct {
	addr   string
	opts   ConsoleOptions
	log    *slog.Logger
	pinned ssh.PublicKey
	login  func() ConsoleLogin // a closure, which fmt cannot look into
	signer func() ssh.Signer
	scrub  func(string) string

	turn    chan struct{} // held while one caller connects
	mu      sync.Mutex
	link    *link
	refused *ConsoleError // the login that was refused
	cuts    int           // logins in a row during which the connection broke with our credentials out
	closed  bool
}

// NewConsole returns a Console for the appliance at addr, "host" or "host:port"; it talks to nobody. Of the options, KnownHosts or HostKey
// is required. What it returns an error for can be read from its arguments and the files they name.
func NewConsole(addr string, login ConsoleLogin, opts *ConsoleOptions) (*Console, error) {
	var o ConsoleOptions
	if opts != nil {
		o = *opts
	}
	o.KnownHosts = append([]string(nil), o.KnownHosts...)
	o.Timeout, o.Stall = or(o.Timeout, DefaultConsoleTimeout), or(o.Stall, DefaultStall)
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	full, err := consoleAddr(addr)
	if err != nil {
		return nil, fmt.Errorf("sps: console: address %.100q: %w", addr, err)
	}
	if login.User == "" {
		login.User = ConsoleUser
	}
	if login.Password == "" && len(login.Key) == 0 {
		return nil, errors.New("sps: console: login: want a password, a private key, or both")
	}
	login.Key = append([]byte(nil), login.Key...)
	signer, err := login.signer()
	if err != nil {
		return nil, fmt.Errorf("sps: console: login: %w", err)
	}
	c := &Console{addr: full, opts: o, log: o.Logger, turn: make(chan struct{}, 1)}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.login, c.signer = func() ConsoleLogin { return login }, func() ssh.Signer { return signer }
	c.scrub = newSecrets(login.Password, login.Passphrase).scrub
	if o.HostKey != "" {
		if c.pinned, err = parseHostKey(o.HostKey); err != nil {
			return nil, fmt.Errorf("sps: console: HostKey: %w", err)
		}
	}
	if c.pinned == nil && len(o.KnownHosts) == 0 {
		return nil, errors.New("sps: console: want KnownHosts or HostKey: a host key is never taken on trust")
	}
	if _, err := newHostTrust(full, o.KnownHosts, c.pinned); err != nil {
		return nil, fmt.Errorf("sps: console: %w", err)
	}
	return c, nil
}

// consoleAddr gives addr its port. An IPv6 address may come with or without brackets.
func consoleAddr(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host, port = strings.TrimSuffix(strings.TrimPrefix(addr, "["), "]"), DefaultConsolePort
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return "", errors.New(`want "host" or "host:port"`)
		}
	}
	if host == "" || port == "" || strings.ContainsAny(host, "/@[] \t\r\n") {
		return "", errors.New(`want "host" or "host:port"`)
	}
	if _, err := net.LookupPort("tcp", port); err != nil || strings.Trim(port, "0123456789") != "" {
		return "", errors.New("the port is no number from 1 to 65535")
	}
	return net.JoinHostPort(host, port), nil
}

// Addr returns the address with its port.
func (c *Console) Addr() string { return c.addr }

// String is Addr.
func (c *Console) String() string { return c.addr }

// Login connects and logs in now, also if an earlier login was refused. Calling it is never needed otherwise. The error is of class
// [ErrUnknownHost], [ErrHostKeyChanged], [ErrAuth], [ErrNoAlgorithm] or [ErrNotReady].
func (c *Console) Login(ctx context.Context) error {
	c.mu.Lock()
	c.refused, c.cuts = nil, 0
	c.mu.Unlock()
	_, err := c.connect(ctx)
	return err
}

// Close ends the connection and everything that goes on over it. A Console that is closed stays so. It returns nil.
func (c *Console) Close() error {
	c.mu.Lock()
	l := c.link
	c.link, c.closed = nil, true
	c.mu.Unlock()
	if l != nil {
		l.close()
	}
	return nil
}

// connect returns the connection, a new one if need be. One caller at a time makes it.
func (c *Console) connect(ctx context.Context) (*link, error) {
	const op = "connect"
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, c.ended(ctx, op)
	}
	defer func() { <-c.turn }()
	if ctx.Err() != nil {
		return nil, c.ended(ctx, op)
	}
	c.mu.Lock()
	l, refused, closed := c.link, c.refused, c.closed
	c.mu.Unlock()
	switch {
	case closed:
		return nil, &ConsoleError{Op: op, Addr: c.addr, message: "the Console is closed", Err: net.ErrClosed}
	case l != nil && l.alive():
		return l, nil
	case refused != nil:
		e := refused.of(op)
		e.message = "not tried again: " + e.message
		return nil, e
	}
	if l != nil {
		l.close()
	}
	l, e := c.dial(ctx)
	c.mu.Lock()
	switch {
	case e == nil:
		c.cuts = 0
	case e.credentialsOut && !e.Is(ErrAuth):
		if c.cuts++; c.cuts >= maxCuts {
			e.ConsoleError = e.with(ErrAuth)
			e.Advice = "the connection broke during the login three times: that may be how the appliance refuses it, so it is not tried again by itself"
		}
		fallthrough
	default:
		if e.credentialsOut && e.Is(ErrAuth) {
			c.refused = e.of("")
		}
	}
	closed = c.closed
	if e == nil && !closed {
		c.link = l
	}
	c.mu.Unlock()
	if e != nil {
		c.log.DebugContext(ctx, "console not reached", "addr", c.addr, "error", e.ConsoleError)
		return nil, e.of(op)
	}
	if closed { // meanwhile
		l.close()
		return nil, &ConsoleError{Op: op, Addr: c.addr, message: "the Console is closed", Err: net.ErrClosed}
	}
	c.log.DebugContext(ctx, "console connected", "addr", c.addr)
	return l, nil
}

// ended is the error for a context that has ended.
func (c *Console) ended(ctx context.Context, op string) *ConsoleError {
	return &ConsoleError{Op: op, Addr: c.addr, Err: ended(ctx)}
}

// unsent says of what needed a connection and got none that it has not happened.
func (c *Console) unsent(op string, err error) *ConsoleError {
	e := consoleError(c.addr, err)
	if e.Op != "" && e.Op != op {
		op += ": " + e.Op
	}
	return e.of(op).with(act.ErrNotSent)
}
