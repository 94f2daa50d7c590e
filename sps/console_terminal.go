package sps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sync"

	"golang.org/x/crypto/ssh"
)

const (
	terminalRows    = 50
	terminalColumns = 200     // few lines are broken then
	promptWindow    = 4 << 10 // how far from the end a prompt is looked for
)

// Terminal is an open console with a person's view of it: whatever the login leads to, a menu or a shell, on a terminal of 200 columns and 50 rows.
// It does not know the console menu, whose texts and keys are not documented: who drives it says what to wait for and what to type.
//
// Its text is kept as lines, without colours and cursor movements; the last 256 KiB are kept. What is handed out of it is scrubbed of
// what was typed with [Terminal.SendSecret], of the login's secrets, and of what looks like one.
//
// It is safe for concurrent use, though two who wait for prompts take them from each other.
type Terminal struct {
	c       *Console
	link    *link
	session *ssh.Session
	keys    io.WriteCloser
	screen  *screen
	secrets *secrets
	over    chan struct{} // closed when the session is over, and its text complete
	err     error         // how it ended; to be read after over is closed
}

// Open logs in, if need be, and opens a terminal. Ctx bounds the opening; the terminal stays until it is closed, its shell ends, or the connection
// breaks. Closing it hangs up: what runs on it is ended.
func (c *Console) Open(ctx context.Context) (*Terminal, error) {
	const op = "open terminal"
	l, err := c.connect(ctx)
	if err != nil {
		return nil, consoleError(c.addr, err).of(op)
	}
	login := c.login()
	t := &Terminal{c: c, link: l, screen: newScreen(), secrets: newSecrets(login.Password, login.Passphrase), over: make(chan struct{})}
	t.screen.keep = t.secrets.after
	t.session, err = l.session(ctx, func(s *ssh.Session) error {
		var err error
		s.Stdout, s.Stderr = t.screen, t.screen
		if t.keys, err = s.StdinPipe(); err != nil {
			return err
		}
		// The other side may turn the echo on again, and many do: what is typed is scrubbed, whether or not it was echoed.
		if err = s.RequestPty("xterm", terminalRows, terminalColumns, ssh.TerminalModes{ssh.ECHO: 0, ssh.TTY_OP_ISPEED: 115200, ssh.TTY_OP_OSPEED: 115200}); err != nil {
			return err
		}
		return s.Shell()
	})
	if err != nil {
		return nil, c.noSession(ctx, l, op, err)
	}
	l.spawn(func() {
		t.err = t.session.Wait()
		t.screen.end()
		close(t.over)
	})
	return t, nil
}

// Expect waits until the text ends in prompt, spaces and line ends after it aside, and returns what came before it since the last Expect, scrubbed. All of it
// counts as read then, so that an old prompt is never taken for a new one. The prompt is looked for in the last 4 KiB.
//
// If the context ends first, or the session does, the error's Output shows the end of what is there instead. Nothing of it is lost then: the next
// Expect sees it again.
func (t *Terminal) Expect(ctx context.Context, prompt *regexp.Regexp) (string, error) {
	op := "wait for " + prompt.String()
	atEnd, err := regexp.Compile(`(?:` + prompt.String() + `)\s*\z`)
	if err != nil {
		return "", &ConsoleError{Op: op, Addr: t.c.addr, Err: err}
	}
	for {
		before, found, changed, over := t.screen.take(atEnd)
		switch {
		case found:
			return t.secrets.scrub(before), nil
		case over:
			e := t.ending(op)
			e.Output = lastWords(t.secrets.scrub(before))
			return "", e
		}
		select {
		case <-changed:
		case <-ctx.Done():
			e := t.c.ended(ctx, op)
			e.Output = lastWords(t.secrets.scrub(before))
			return "", e
		}
	}
}

// Send types text and the Enter key. Without text it is the key alone. Control characters are typed as they are: "\x1b[B" is the arrow down.
func (t *Terminal) Send(ctx context.Context, text string) error { return t.Type(ctx, text+"\r") }

// SendSecret is Send for what nobody may see, such as a password: it is scrubbed from everything this terminal hands out. Better wait for the question
// first.
func (t *Terminal) SendSecret(ctx context.Context, secret string) error {
	t.secrets.tell(secret)
	return t.Type(ctx, secret+"\r")
}

// Type types text and nothing else, for keys without Enter.
func (t *Terminal) Type(ctx context.Context, text string) error {
	const op = "type"
	done := make(chan error, 1)
	t.link.spawn(func() { _, err := io.WriteString(t.keys, text); done <- err })
	select {
	case err := <-done:
		if err != nil {
			return t.ending(op)
		}
		return nil
	case <-t.over:
		return t.ending(op)
	case <-ctx.Done():
		_ = t.Close() // part of it may be typed: nothing more may be
		e := t.c.ended(ctx, op)
		e.Advice = "the terminal is closed, as part of it may have been typed"
		return e
	}
}

// Wait waits until the session is over and returns the exit status of its shell. It is of class [ErrNoAnswer] if the connection broke first.
func (t *Terminal) Wait(ctx context.Context) (exit int, err error) {
	const op = "wait for the end"
	select {
	case <-t.over:
	case <-ctx.Done():
		return 0, t.c.ended(ctx, op)
	}
	exit, signal, known := how(t.err)
	if !known {
		return 0, t.c.brokenOff(op, t.err)
	}
	if signal != "" {
		return exit, t.c.exited(op, exit, signal, "")
	}
	return exit, nil
}

// Transcript returns what the terminal has shown, its last 256 KiB, scrubbed. It is evidence for people.
func (t *Terminal) Transcript() string { return t.secrets.scrub(t.screen.text()) }

// Close hangs up. It may be called again; it returns nil.
func (t *Terminal) Close() error {
	t.link.spawn(func() { _ = t.session.Close() })
	return nil
}

// ending is the error for a session that is over.
func (t *Terminal) ending(op string) *ConsoleError {
	select {
	case <-t.over:
	default:
		return &ConsoleError{Op: op, Addr: t.c.addr, message: "the session ends", Err: io.ErrClosedPipe}
	}
	exit, signal, known := how(t.err)
	if !known {
		if missing, ok := errors.AsType[*ssh.ExitMissingError](t.err); ok && t.link.alive() {
			return &ConsoleError{Op: op, Addr: t.c.addr, message: "the terminal was closed", Err: missing}
		}
		return t.c.brokenOff(op, t.err)
	}
	e := t.c.exited(op, exit, signal, "")
	e.message = fmt.Sprintf("the session is over, %s", e.message)
	return e
}

// screen is the text of a terminal.
type screen struct {
	keep func(text []byte, at int) int // moves a cut

	mu      sync.Mutex
	plain   plainText
	kept    []byte
	read    int // how much of kept was taken by Expect
	over    bool
	changed chan struct{} // closed at the next change
}

func newScreen() *screen { return &screen{changed: make(chan struct{})} }

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = s.plain.add(s.kept, p)
	if len(s.kept) > mostScreen+mostScreen/4 { // not at every byte
		at := len(s.kept) - mostScreen
		if s.keep != nil {
			at = s.keep(s.kept, at)
		}
		s.kept = append([]byte(nil), s.kept[at:]...)
		s.read = max(0, s.read-at)
	}
	close(s.changed)
	s.changed = make(chan struct{})
	return len(p), nil
}

func (s *screen) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	close(s.changed)
	s.changed = make(chan struct{})
}

// take returns what came before the prompt at the end of what is unread, and marks it read; or what is unread, and what to wait for.
func (s *screen) take(atEnd *regexp.Regexp) (before string, found bool, changed <-chan struct{}, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := s.read
	if len(s.kept)-from > promptWindow {
		from = len(s.kept) - promptWindow
	}
	if m := atEnd.FindIndex(s.kept[from:]); m != nil && len(s.kept) > s.read {
		before = string(s.kept[s.read : from+m[0]])
		s.read = len(s.kept)
		return before, true, nil, false
	}
	return string(s.kept[s.read:]), false, s.changed, s.over
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.kept)
}
