package sps

import (
	"context"
	"fmt"
	"io"
	"sync"

	"golang.org/x/crypto/ssh"
)

// mostOutput is what is kept of each output of a command: its beginning.
const mostOutput = 1 << 20

// ConsoleOutput is what a command wrote, scrubbed of secrets and of control characters: for people, not byte for byte.
type ConsoleOutput struct {
	Stdout string // at most 1 MiB; the rest is read and dropped
	Stderr string // as Stdout
	Exit   int    // exit status; 128 and more when a signal ended it
	Cut    bool   // there was more
}

// Run runs command in the login's shell, without a terminal and without input, and returns what it wrote when it has ended. The
// command is sent once, over a connection that is made if need be; it runs for as long as ctx allows.
//
// A command that ends with another status than 0 is an error of class [ErrFailed], with its output beside it. With [ErrNotSent] it never began:
// there was no connection, or the appliance takes no commands, [ErrNoShell]. With [ErrNoAnswer] the connection broke meanwhile, and with the
// context's error nobody waited for it: then the command may have ended, or may run still.
//
// The command is shown in no error and no log. What it names on its command line is visible to others on the appliance: no secrets there.
func (c *Console) Run(ctx context.Context, command string) (ConsoleOutput, error) {
	return c.run(ctx, "run", command)
}

func (c *Console) run(ctx context.Context, op, command string) (ConsoleOutput, error) {
	l, err := c.connect(ctx)
	if err != nil {
		return ConsoleOutput{}, c.unsent(op, err)
	}
	var stdout, stderr head
	s, err := l.session(ctx, func(s *ssh.Session) error { s.Stdout, s.Stderr = &stdout, &stderr; return c.start(s, command) })
	if err != nil {
		return ConsoleOutput{}, c.noSession(ctx, l, op, err)
	}
	c.log.DebugContext(ctx, "console runs a command", "addr", c.addr, "op", op)
	done := make(chan error, 1)
	l.spawn(func() { done <- s.Wait() })
	select {
	case err = <-done:
		_ = s.Close()
	case <-ctx.Done():
		l.kill(s)
		e := c.ended(ctx, op)
		e.Advice = "the command may run still"
		return ConsoleOutput{}, e
	}
	out := ConsoleOutput{Stdout: c.scrub(stdout.text()), Stderr: c.scrub(stderr.text()), Cut: stdout.cut || stderr.cut}
	exit, signal, known := how(err)
	if !known {
		return out, c.brokenOff(op, err)
	}
	if out.Exit = exit; exit == 0 && signal == "" {
		return out, nil
	}
	return out, c.exited(op, exit, signal, out.Stderr)
}

// refusedCommand marks that the appliance said no to running anything.
type refusedCommand struct{ error }

// start begins a command.
func (c *Console) start(s *ssh.Session, command string) error {
	if err := s.Start(command); err != nil {
		return refusedCommand{err}
	}
	return nil
}

// noSession says why a command was not begun.
func (c *Console) noSession(ctx context.Context, l *link, op string, err error) *ConsoleError {
	if ctx.Err() != nil { // the request may have been on its way
		e := c.ended(ctx, op)
		e.Advice = "whether the command was begun is not known"
		return e
	}
	if !l.alive() {
		return c.brokenOff(op, err)
	}
	e := &ConsoleError{Addr: c.addr, Err: fmt.Errorf("%s", c.scrub(err.Error())), classes: []error{ErrNoShell}}
	if _, no := err.(refusedCommand); no {
		e.message = "the appliance does not run it"
	}
	return c.unsent(op, e)
}

// brokenOff is the error for a connection that ended before what was done over it.
func (c *Console) brokenOff(op string, err error) *ConsoleError {
	e := &ConsoleError{Op: op, Addr: c.addr, message: "the connection broke before the end", classes: []error{ErrNoAnswer, ErrNotReady},
		Advice: "whether it was done is not known: look before you try again"}
	if err != nil {
		e.Err = fmt.Errorf("%s", c.scrub(err.Error()))
	}
	return e
}

// exited is the error for a command that ended badly.
func (c *Console) exited(op string, exit int, signal, stderr string) *ConsoleError {
	e := &ConsoleError{Op: op, Addr: c.addr, Exit: exit, Signal: signal, Output: lastWords(stderr), classes: []error{ErrFailed}}
	if e.message = fmt.Sprintf("exit status %d", exit); signal != "" {
		e.message = "ended by signal " + c.scrub(signal)
	}
	return e
}

// head keeps the beginning of what is written to it, and takes everything.
type head struct {
	mu  sync.Mutex
	buf []byte
	cut bool
}

var _ io.Writer = (*head)(nil)

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := min(len(p), mostOutput-len(h.buf))
	h.buf = append(h.buf, p[:n]...)
	h.cut = h.cut || n < len(p)
	return len(p), nil
}

func (h *head) text() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return string(h.buf)
}
