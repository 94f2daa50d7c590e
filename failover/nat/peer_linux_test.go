package nat_test

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/failovertest"
	"github.com/changeover-sdk/changeover/failover/nat"
)

func (l *lab) entry(n failover.NAT, d *dialer) *failover.NATEntry {
	return &failover.NATEntry{NAT: n,
		From:     failover.Target{Side: failover.Side{Name: "A", ID: "guid-a"}, Addr: boxA},
		To:       failover.Target{Side: failover.Side{Name: "B", ID: "guid-b"}, Addr: boxB},
		Vantages: []failover.Vantage{{From: "client", Ask: d.probe}},
	}
}

func (l *lab) entry6(n failover.NAT, d *dialer) *failover.NATEntry {
	e := l.entry(n, d)
	e.From.Addr, e.To.Addr = boxA6, boxB6
	e.Vantages[0].Ask = func(ctx context.Context) (string, error) { return d.probeAt(ctx, site6) }
	return e
}

// The same in IPv6: the map, the guard, cutting, and what is there after a restart.
func TestPeerNFTablesIPv6(t *testing.T) {
	l := newLab(t)
	l.serve(l.nA, boxA6, "A")
	l.serve(l.nB, boxB6, "B")
	d := l.dialer()
	boot := filepath.Join(t.TempDir(), "elements.nft")
	n := l.openSite(site6, nat.NFTablesOptions{BootFile: boot})
	if err := n.Replace(t.Context(), boxB6, boxA6); !errors.Is(err, failover.ErrGuard) {
		t.Errorf("a swing from where the site does not lead = %v, want ErrGuard", err)
	}
	old, who, err := d.connectTo(t.Context(), site6)
	if err != nil || who != "A" {
		t.Fatalf("before the swing %q answered, %v", who, err)
	}
	defer reset(old)
	e := l.entry6(n, d)
	e.Cut = true
	res, err := e.Swing(t.Context())
	if err != nil || res.Outcome != failover.Applied || res.Traffic.Cut < 1 || res.Traffic.Left != 0 {
		t.Fatalf("Swing() = %+v, %v", res, err)
	}
	if _, err := old.Write([]byte("still there?")); err == nil {
		if _, err := io.ReadFull(old, make([]byte, 12)); err == nil {
			t.Error("the old connection was not cut")
		}
	}
	if rep, err := failover.Verify(t.Context(), e, nil); err != nil || !rep.Identity.Proven() {
		t.Errorf("Verify() = %+v, %v", rep, err)
	}
	if err := l.load(l.gw, "flush ruleset\n"+rules6+"include \""+boot+"\"\n"); err != nil {
		t.Fatal(err)
	}
	if kept, err := n.Persisted(t.Context()); err != nil || !kept {
		t.Errorf("Persisted() = %t, %v", kept, err)
	}
	if now, err := n.Targets(t.Context()); err != nil || len(now) != 1 || now[0] != boxB6 {
		t.Errorf("after a restart the site leads to %v, %v, want B", now, err)
	}
	if res, err := e.Back().Swing(t.Context()); err != nil || res.Outcome != failover.Applied {
		t.Errorf("back: %v, %v", res.Outcome, err)
	}
}

func TestPeerNFTablesConforms(t *testing.T) {
	l := newLab(t)
	failovertest.TestNAT(t, func(t *testing.T, target netip.Addr) failover.NAT {
		n := l.open(nat.NFTablesOptions{})
		now, err := n.Targets(t.Context())
		if err != nil || len(now) != 1 {
			t.Fatal(now, err)
		}
		if now[0] != target {
			if err := n.Replace(t.Context(), now[0], target); err != nil {
				t.Fatal(err)
			}
		}
		return n
	})
}

func TestPeerNFTablesBothWaysUnderLoad(t *testing.T) {
	l := newLab(t)
	l.serve(l.nA, boxA, "A")
	l.serve(l.nB, boxB, "B")
	n := l.open(nat.NFTablesOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var made, failed atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		d := l.dialer()
		wg.Go(func() {
			for ctx.Err() == nil {
				c, _, err := d.connect(context.Background())
				if err != nil {
					failed.Add(1)
					t.Errorf("a new connection: %v", err)
					return
				}
				reset(c)
				made.Add(1)
			}
		})
	}
	from, to := boxA, boxB
	const swings = 1000
	for i := range swings {
		if err := n.Replace(t.Context(), from, to); err != nil {
			t.Fatalf("swing %d: %v", i, err)
		}
		from, to = to, from
		for made.Load() < 3*int64(i) { // at least three connections a swing
			if failed.Load() > 0 || ctx.Err() != nil {
				t.FailNow()
			}
			time.Sleep(50 * time.Microsecond)
		}
	}
	cancel()
	wg.Wait()
	t.Logf("%d swings under %d new connections, %d failed", swings, made.Load(), failed.Load())
}

func TestPeerNFTablesConnections(t *testing.T) {
	l := newLab(t)
	l.serve(l.nA, boxA, "A")
	l.serve(l.nB, boxB, "B")
	d := l.dialer()
	for name, cut := range map[string]bool{"drain": false, "cut": true} {
		t.Run(name, func(t *testing.T) {
			n := l.open(nat.NFTablesOptions{BootFile: filepath.Join(t.TempDir(), "elements.nft")})
			e := l.entry(n, d)
			e.Cut = cut
			e.Limits.Drain = 5 * time.Second
			if res, err := e.Back().Swing(t.Context()); err != nil && res.Outcome != failover.AlreadyDone {
				t.Fatal(err)
			}
			old, who, err := d.connect(t.Context())
			if err != nil || who != "A" {
				t.Fatalf("before the swing %q answered, %v", who, err)
			}
			defer reset(old)
			res, err := e.Swing(t.Context())
			if err != nil || res.Outcome != failover.Applied {
				t.Fatalf("Swing() = %+v, %v", res, err)
			}
			_, werr := old.Write([]byte("still there?"))
			var b [12]byte
			_, rerr := io.ReadFull(old, b[:])
			alive := werr == nil && rerr == nil
			if alive == cut {
				t.Errorf("the old connection is alive: %t (%v, %v), but the choice was to %s", alive, werr, rerr, name)
			}
			if cut && (res.Traffic.Cut < 1 || res.Traffic.Left != 0) || !cut && res.Traffic.Left != 1 {
				t.Errorf("Traffic = %+v", *res.Traffic)
			}
			if !cut {
				time.AfterFunc(300*time.Millisecond, func() { _ = old.Close() })
			}
			began := time.Now()
			rep, err := failover.Verify(t.Context(), e, nil)
			if err != nil || !rep.Identity.Proven() {
				t.Fatalf("Verify() = %+v, %v", rep, err)
			}
			if !cut && time.Since(began) < 250*time.Millisecond {
				t.Error("the verification did not wait for the old connection to end")
			}
		})
	}
}

func TestPeerNFTablesLastsOverARestart(t *testing.T) {
	l := newLab(t)
	boot := filepath.Join(t.TempDir(), "elements.nft")
	n := l.open(nat.NFTablesOptions{BootFile: boot})
	l.serve(l.nB, boxB, "B")
	if res, err := l.entry(n, l.dialer()).Swing(t.Context()); err != nil || res.Outcome != failover.Applied {
		t.Fatalf("Swing() = %+v, %v", res, err)
	}
	fi, err := os.Stat(boot)
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the boot file is %v, %v, want mode 0600", fi, err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(boot), ".*")); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
	// What a boot does: the gateway's own rules, which still say A, and then the file.
	if err := l.load(l.gw, "flush ruleset\n"+rules+"include \""+boot+"\"\n"); err != nil {
		t.Fatal(err)
	}
	if now, err := n.Targets(t.Context()); err != nil || len(now) != 1 || now[0] != boxB {
		t.Errorf("after a restart the site leads to %v, %v, want B", now, err)
	}
}

func TestPeerNFTablesBadInput(t *testing.T) {
	tests := map[string]struct {
		edit string // nft commands before
		open nat.NFTablesOptions
		op   func(ctx context.Context, n *nat.NFTables) error
		is   error
		says string
	}{
		"the site is not in the map": {
			edit: "delete element ip swing sites { 198.18.9.1 }; delete element ip swing owner { 198.18.9.1 . 198.18.1.2 }",
			op:   func(ctx context.Context, n *nat.NFTables) error { return n.Replace(ctx, boxA, boxB) }, is: failover.ErrGuard,
		},
		"a map that was changed past the owner set is noticed": {
			edit: "delete element ip swing sites { 198.18.9.1 }; add element ip swing sites { 198.18.9.1 : 198.18.2.2 }",
			op:   func(ctx context.Context, n *nat.NFTables) error { _, err := n.Targets(ctx); return err }, says: "by hand",
		},
		"there is no such table": {
			open: nat.NFTablesOptions{Table: "other"},
			op:   func(ctx context.Context, n *nat.NFTables) error { return n.Replace(ctx, boxA, boxB) }, is: failover.ErrRefused, says: "no such table",
		},
		"there is no owner set": {
			open: nat.NFTablesOptions{Owner: "other"},
			op:   func(ctx context.Context, n *nat.NFTables) error { return n.Replace(ctx, boxA, boxB) }, is: failover.ErrRefused, says: "no such table",
		},
		"another family of addresses": {
			op: func(ctx context.Context, n *nat.NFTables) error {
				return n.Replace(ctx, boxA, netip.MustParseAddr("2001:db8::1"))
			}, is: failover.ErrInvalid,
		},
		"the boot file's folder is not there": {
			open: nat.NFTablesOptions{BootFile: "/nonexistent/elements.nft"},
			op:   func(ctx context.Context, n *nat.NFTables) error { return n.Persist(ctx) }, is: os.ErrNotExist,
		},
		"there is no boot file": {
			op: func(ctx context.Context, n *nat.NFTables) error { return n.Persist(ctx) }, is: failover.ErrRefused, says: "until the rules are loaded again",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			if tt.edit != "" {
				if err := l.load(l.gw, tt.edit); err != nil {
					t.Fatal(err)
				}
			}
			n := l.open(tt.open)
			err := tt.op(t.Context(), n)
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error = %v, want class %v and %q", err, tt.is, tt.says)
			}
			if tt.edit == "" && tt.open == (nat.NFTablesOptions{}) {
				if now, err := n.Targets(t.Context()); err != nil || len(now) != 1 || now[0] != boxA {
					t.Errorf("the site leads to %v, %v after a refusal", now, err)
				}
			}
		})
	}
}

// TestTrapKernelDoesNotCompareValues shows why there is an owner set: without it, deleting an element under a wrong value succeeds.
func TestTrapKernelDoesNotCompareValues(t *testing.T) {
	l := newLab(t)
	if err := l.load(l.gw, "delete element ip swing sites { 198.18.9.1 : 198.18.7.7 }"); err != nil {
		t.Skipf("this kernel or nft does compare: %v", err)
	}
	if err := l.load(l.gw, "add element ip swing sites { 198.18.9.1 : 198.18.1.2 }"); err != nil {
		t.Fatal(err)
	}
	n := l.open(nat.NFTablesOptions{})
	if err := n.Replace(t.Context(), netip.MustParseAddr("198.18.7.7"), boxB); !errors.Is(err, failover.ErrGuard) {
		t.Errorf("Replace from a wrong value = %v, want ErrGuard", err)
	}
	if now, err := n.Targets(t.Context()); err != nil || len(now) != 1 || now[0] != boxA {
		t.Errorf("the site leads to %v, %v: the batch was not undone", now, err)
	}
}

// Without CAP_NET_ADMIN everything is a definite refusal that says so. A thread gives its capabilities up, and is given up itself.
func TestTrapNeedsNetAdmin(t *testing.T) {
	type said struct{ read, swing, cut error }
	out := make(chan said, 1)
	go func() {
		runtime.LockOSThread()
		var none [2]unix.CapUserData
		if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0]); err != nil {
			out <- said{read: err}
			return
		}
		n, err := nat.OpenNFTables(site, nil)
		if err != nil {
			out <- said{read: err}
			return
		}
		defer n.Close()
		var s said
		_, s.read = n.Targets(context.Background())
		s.swing = n.Replace(context.Background(), boxA, boxB)
		_, s.cut = n.Cut(context.Background(), boxA)
		out <- s
	}()
	s := <-out
	if s.read == nil || !strings.Contains(s.read.Error(), "CAP_NET_ADMIN") {
		t.Errorf("Targets() = %v", s.read)
	}
	if !errors.Is(s.swing, failover.ErrRefused) || !strings.Contains(s.swing.Error(), "CAP_NET_ADMIN") {
		t.Errorf("Replace() = %v, want ErrRefused and what is missing", s.swing)
	}
	if s.cut == nil {
		t.Error("connections were cut without a right to")
	}
}

func TestPeerCommandDrivesNft(t *testing.T) {
	l := newLab(t)
	// A program as an operator would write it: it compares by the owner set, in one transaction.
	script := filepath.Join(t.TempDir(), "swing")
	ns := l.name + "g"
	text := "#!/bin/sh\ncase $1 in\nread) ip netns exec " + ns + " nft list map ip swing sites | sed -n 's/.*198.18.9.1 : \\([0-9.]*\\).*/\\1/p';;\n" +
		"swing) out=$(ip netns exec " + ns + " nft \"delete element ip swing owner { 198.18.9.1 . $2 }; add element ip swing owner { 198.18.9.1 . $3 }; " +
		"delete element ip swing sites { 198.18.9.1 }; add element ip swing sites { 198.18.9.1 : $3 }\" 2>&1) && exit 0\n" +
		"case $out in *'No such file'*|*'does not exist'*) echo \"$out\"; exit 10;; esac; echo \"$out\"; exit 1;;\nesac\n"
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("sed"); err != nil {
		t.Skip("peer: sed is not installed")
	}
	failovertest.TestNAT(t, func(t *testing.T, target netip.Addr) failover.NAT {
		n := l.open(nat.NFTablesOptions{})
		now, err := n.Targets(t.Context())
		if err != nil || len(now) != 1 {
			t.Fatal(now, err)
		}
		if now[0] != target {
			if err := n.Replace(t.Context(), now[0], target); err != nil {
				t.Fatal(err)
			}
		}
		return &nat.Command{Name: "the entry at nft", Read: []string{script, "read"}, Swing: []string{script, "swing", "{from}", "{to}"}, Compares: true}
	})
}
