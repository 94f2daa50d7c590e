package sps

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	consoleBeat     = 15 * time.Second // how often a connection is asked whether it lives
	consolePatience = 10 * time.Second // how long its answer may take
)

// link is one connection that is logged in. A goroutine of its own asks the other side every 15 seconds whether it is there, and breaks
// the connection if the answer does not come: whoever waits for anything over it is then told. It ends with the connection.
type link struct {
	client *ssh.Client
	over   chan struct{} // closed when the connection is

	mu      sync.Mutex
	closing bool
	running sync.WaitGroup
}

// spawn runs f, which may wait for the other side, in a goroutine that close waits for. When the connection is being closed nothing waits
// any more, and f is run at once.
func (l *link) spawn(f func()) {
	l.mu.Lock()
	if l.closing {
		l.mu.Unlock()
		f()
		return
	}
	defer l.mu.Unlock()
	l.running.Go(f)
}

func newLink(client *ssh.Client) *link {
	l := &link{client: client, over: make(chan struct{})}
	l.spawn(func() {
		defer close(l.over)
		_ = client.Wait()
	})
	l.spawn(l.beat)
	return l
}

func (l *link) beat() {
	tick := time.NewTicker(consoleBeat)
	defer tick.Stop()
	for {
		select {
		case <-l.over:
			return
		case <-tick.C:
		}
		answered := make(chan struct{})
		l.spawn(func() { // blocks for as long as nobody answers
			defer close(answered)
			_, _, _ = l.client.SendRequest("keepalive@openssh.com", true, nil)
		})
		patience := time.NewTimer(consolePatience)
		select {
		case <-answered:
		case <-l.over:
		case <-patience.C:
			_ = l.client.Close()
		}
		patience.Stop()
	}
}

func (l *link) alive() bool {
	select {
	case <-l.over:
		return false
	default:
		return true
	}
}

// close ends the connection and waits for its goroutines.
func (l *link) close() {
	_ = l.client.Close()
	l.mu.Lock()
	l.closing = true
	l.mu.Unlock()
	l.running.Wait()
}

// session opens a session and prepares it, for as long as ctx allows. The library cannot be interrupted there: what comes too late is closed
// when it comes, at the latest when the connection is given up.
func (l *link) session(ctx context.Context, prepare func(*ssh.Session) error) (*ssh.Session, error) {
	type result struct {
		s   *ssh.Session
		err error
	}
	done := make(chan result)
	l.spawn(func() {
		s, err := l.client.NewSession()
		if err == nil {
			if err = prepare(s); err != nil {
				_ = s.Close()
			}
		}
		select {
		case done <- result{s, err}:
		case <-ctx.Done():
			if err == nil {
				_ = s.Close()
			}
		}
	})
	select {
	case r := <-done:
		return r.s, r.err
	case <-ctx.Done():
		return nil, ended(ctx)
	}
}

// kill ends a session whose command nobody waits for any more, without waiting for an answer.
func (l *link) kill(s *ssh.Session) {
	l.spawn(func() {
		_ = s.Signal(ssh.SIGTERM)
		_ = s.Close()
	})
}

// how says how a command ended: well, with a status, by a signal, or with the connection.
func how(err error) (exit int, signal string, known bool) {
	if err == nil {
		return 0, "", true
	}
	if e, ok := errors.AsType[*ssh.ExitError](err); ok {
		return e.ExitStatus(), e.Signal(), true
	}
	return 0, "", false
}
