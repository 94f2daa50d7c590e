package nat

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/failover"
)

// Command moves an entry by a program of yours. It is a [failover.NAT] and a [failover.Witness]; the evidence is what the program printed, so it must print no secret.
//
// Programs are called directly, without a shell, with a list of arguments in which {from} and {to} stand for the addresses. They get no input, and this process's environment.
//
// # What the programs must do
//
// Read prints the addresses to which the entry leads, white space between them, nothing if there is none, and exits with 0.
//
// Swing leads the entry from {from} to {to}, compares before it does, and exits with
//
//	0   the entry leads to {to}, by this call
//	10  the entry did not lead to {from}; nothing was changed
//	11  refused for another reason; nothing was changed
//
// Any other exit, a signal, or no exit within Timeout means that it is not known what happened: the entry is read, and the outcome follows from that.
type Command struct {
	Name    string   // for plans: "the entry at fw1"
	Read    []string // program and arguments
	Swing   []string
	Timeout time.Duration // of each call; the program and its children are then killed. Default 1 min
	// Compares says that the program compares and sets in one transaction, which only you can know. Default: the guard is best effort.
	Compares bool
}

var (
	_ failover.NAT     = (*Command)(nil)
	_ failover.Witness = (*Command)(nil)
)

// CommandError is a program that did not do what was asked. Use errors.Is for its class.
type CommandError struct {
	Program string
	Exit    int           // -1: it did not exit by itself
	Took    time.Duration // until it ended
	Output  string        // what it printed, both streams, the last 4 KiB
	Err     error         // class and cause
}

// Error returns program, exit and the last line that it printed.
func (e *CommandError) Error() string {
	lines := strings.Split(strings.TrimSpace(e.Output), "\n")
	said := lines[len(lines)-1]
	if len(said) > 200 {
		said = said[:200] + "…"
	}
	return fmt.Sprintf("%s: exit %d after %v: %v; it said: %q", e.Program, e.Exit, e.Took.Round(time.Millisecond), e.Err, said)
}

// Unwrap returns class and cause.
func (e *CommandError) Unwrap() error { return e.Err }

// String returns the name.
func (c *Command) String() string { return cmp.Or(c.Name, strings.Join(c.Swing, " ")) }

// Guard returns failover.Atomic if Compares says so.
func (c *Command) Guard() failover.Guard {
	if c.Compares {
		return failover.Atomic
	}
	return failover.BestEffort
}

// Targets runs Read.
func (c *Command) Targets(ctx context.Context) ([]netip.Addr, error) {
	out, err := c.run(ctx, c.Read, netip.Addr{}, netip.Addr{})
	if err != nil {
		return nil, fmt.Errorf("nat: read %v: %w", c, err)
	}
	return parseTargets(out)
}

// parseTargets reads what a program printed.
func parseTargets(out string) ([]netip.Addr, error) {
	var addrs []netip.Addr
	for _, f := range strings.Fields(out) {
		a, err := netip.ParseAddr(f)
		if err != nil {
			return nil, fmt.Errorf("nat: read: the program printed %.40q, which is no address", f)
		}
		addrs = append(addrs, a)
	}
	return addrs, nil
}

// Replace is ReplaceSeen without the evidence.
func (c *Command) Replace(ctx context.Context, from, to netip.Addr) error {
	_, err := c.ReplaceSeen(ctx, from, to)
	return err
}

// ReplaceSeen runs Swing once.
func (c *Command) ReplaceSeen(ctx context.Context, from, to netip.Addr) (string, error) {
	out, err := c.run(ctx, c.Swing, from, to)
	if err != nil {
		return out, fmt.Errorf("nat: swing %v: %w", c, err)
	}
	return out, nil
}

// maxOutput is how much of a program's output is kept, from its end.
const maxOutput = 4 << 10

func (c *Command) run(ctx context.Context, argv []string, from, to netip.Addr) (string, error) {
	if len(argv) == 0 {
		return "", fmt.Errorf("%w: %w: no program", failover.ErrNotSent, failover.ErrInvalid)
	}
	if ctx.Err() != nil {
		return "", fmt.Errorf("%w: %w", failover.ErrNotSent, context.Cause(ctx))
	}
	limit := cmp.Or(c.Timeout, time.Minute)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no exit within %v: %w", limit, context.DeadlineExceeded))
	defer cancel()
	args := make([]string, len(argv))
	for i, a := range argv {
		args[i] = strings.NewReplacer("{from}", from.String(), "{to}", to.String()).Replace(a)
	}
	var out tail
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 2 * time.Second // a grandchild may hold the output open
	ownGroup(cmd)
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("%w: %w", failover.ErrNotSent, err)
	}
	err := cmd.Wait()
	if err == nil {
		return out.String(), nil
	}
	e := &CommandError{Program: args[0], Exit: cmd.ProcessState.ExitCode(), Took: time.Since(began), Output: out.String(), Err: err}
	switch {
	case ctx.Err() != nil:
		e.Err = context.Cause(ctx)
	case e.Exit == 10:
		e.Err = failover.ErrGuard
	case e.Exit == 11:
		e.Err = failover.ErrRefused
	case errors.Is(err, exec.ErrWaitDelay) && e.Exit == 0:
		return out.String(), nil // it did exit well; only a child of its lives on
	}
	return e.Output, e
}

// tail keeps the end of what is written to it.
type tail struct {
	b   []byte
	cut bool
}

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	t.b = append(t.b, p[max(0, len(p)-maxOutput):]...)
	if len(t.b) > maxOutput {
		t.b, t.cut = append(t.b[:0], t.b[len(t.b)-maxOutput:]...), true
	}
	return n, nil
}

// String returns what was kept, as valid UTF-8.
func (t *tail) String() string {
	s := string(bytes.ToValidUTF8(t.b, []byte("?")))
	if t.cut {
		return "…" + s
	}
	return s
}
