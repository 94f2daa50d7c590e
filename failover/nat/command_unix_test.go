//go:build unix

package nat_test

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/failovertest"
	"github.com/changeover-sdk/changeover/failover/nat"
)

// hook returns a command whose program keeps the entry in a file.
func hook(t *testing.T, target netip.Addr, before string) *nat.Command {
	t.Helper()
	d := t.TempDir()
	state := filepath.Join(d, "state")
	if err := os.WriteFile(state, []byte(target.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(d, "hook")
	text := "#!/bin/sh\n" + before + "\n[ \"$1\" = read ] && exec cat '" + state + "'\n[ \"$(cat '" + state + "')\" = \"$2\" ] || { echo \"it leads to $(cat '" + state + "')\"; exit 10; }\n" +
		"echo \"$3\" > '" + state + "'\necho \"committed as 4711\"\n"
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return &nat.Command{Name: "the entry in a file", Read: []string{script, "read"}, Swing: []string{script, "swing", "{from}", "{to}"}}
}

func TestCommandConforms(t *testing.T) {
	failovertest.TestNAT(t, func(t *testing.T, target netip.Addr) failover.NAT { return hook(t, target, "") })
}

func TestCommandSwing(t *testing.T) {
	swing := func(s string) string { return "if [ \"$1\" = swing ]; then " + s + "; fi" }
	tests := map[string]struct {
		before   string
		program  string
		want     failover.Outcome
		is       error
		says     string
		evidence string
	}{
		"it does":                           {want: failover.Applied, evidence: "committed as 4711\n"},
		"it refuses":                        {before: swing("echo locked by alice; exit 11"), want: failover.Unchanged, is: failover.ErrRefused, says: "locked by alice"},
		"it fails, one does not know where": {before: swing("echo oops >&2; exit 1"), want: failover.Unchanged, says: `it said: "oops"`, evidence: "oops\n"},
		"it hangs, with a child":            {before: swing("sleep 60 & sleep 60"), want: failover.Unchanged, is: context.DeadlineExceeded, says: "no exit within"},
		"it is killed":                      {before: swing("kill -9 $$"), want: failover.Unchanged, says: "exit -1"},
		"it acts, then fails":               {before: swing(`echo "$3" > "$(dirname "$0")/state"; exit 3`), want: failover.AlreadyDone},
		"it is not there":                   {program: "/nonexistent/hook", want: failover.Unchanged, is: failover.ErrNotSent, says: "no such file"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := hook(t, a, tt.before)
			c.Timeout = 500 * time.Millisecond
			if tt.program != "" {
				c.Swing[0] = tt.program
			}
			e := &failover.NATEntry{NAT: c, From: failover.Target{Addr: a}, To: failover.Target{Addr: b}, Settle: 50 * time.Millisecond}
			res, err := e.Swing(t.Context())
			if res.Outcome != tt.want || tt.is != nil && !errors.Is(err, tt.is) || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Swing() = %v, %v, want %v of class %v with %q", res.Outcome, err, tt.want, tt.is, tt.says)
			}
			if tt.evidence != "" && res.Parts[0].Evidence != tt.evidence {
				t.Errorf("evidence = %q, want %q", res.Parts[0].Evidence, tt.evidence)
			}
		})
	}
}

func TestCommandKeepsTheEndOfItsOutput(t *testing.T) {
	c := hook(t, a, "if [ \"$1\" = swing ]; then i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; exit 11; fi")
	out, err := c.ReplaceSeen(t.Context(), a, b)
	e, ok := errors.AsType[*nat.CommandError](err)
	if !ok || e.Exit != 11 || len(out) > 5000 || !strings.HasSuffix(out, "line 1999\n") || !strings.HasPrefix(out, "…") {
		t.Errorf("ReplaceSeen() kept %d bytes, %v", len(out), err)
	}
}

func TestCommandPrintsNoAddress(t *testing.T) {
	c := &nat.Command{Read: []string{"/bin/echo", "192.0.2.1", "and more"}}
	if _, err := c.Targets(t.Context()); err == nil || !strings.Contains(err.Error(), "no address") {
		t.Errorf("Targets() = %v", err)
	}
}
