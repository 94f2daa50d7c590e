package failover_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/changeover-sdk/changeover/failover"
)

// A shared address on real network stacks: A, B and a client, each in a network namespace of its own, at one bridge in a fourth, from which the branch office looks.

const (
	sharedAddr = "198.18.5.10"
	sharedMask = sharedAddr + "/24"
)

type lan struct {
	t    *testing.T
	name string
}

// refused ends a test that the machine does not allow: in CI that is a failure, with the reason.
func refused(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("peer: the kernel refuses network namespaces: %v", err)
	}
	t.Skipf("peer: the kernel refuses network namespaces: %v", err)
}

func command(args ...string) (string, error) {
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}

func newLAN(t *testing.T) *lan {
	t.Helper()
	l := &lan{t: t, name: fmt.Sprintf("cos%d-%d", os.Getpid(), time.Now().UnixNano()%1e6)}
	for _, who := range []string{"n", "a", "b", "c"} {
		if _, err := command("ip", "netns", "add", l.name+who); err != nil {
			refused(t, err)
		}
		t.Cleanup(func() { _, _ = command("ip", "netns", "del", l.name+who) })
	}
	do := func(who string, args ...string) {
		if _, err := command(append([]string{"ip", "-n", l.name + who}, args...)...); err != nil {
			refused(t, err)
		}
	}
	do("n", "link", "add", "br0", "type", "bridge")
	do("n", "addr", "add", "198.18.5.200/24", "dev", "br0")
	do("n", "link", "set", "br0", "up")
	for i, who := range []string{"a", "b", "c"} {
		do("n", "link", "add", "to"+who, "type", "veth", "peer", "name", "eth0", "netns", l.name+who)
		do("n", "link", "set", "to"+who, "master", "br0", "up")
		do(who, "addr", "add", fmt.Sprintf("198.18.5.%d/24", i+1), "dev", "eth0")
		do(who, "link", "set", "eth0", "up")
	}
	do("a", "addr", "add", sharedMask, "dev", "eth0")
	// The client's neighbour cache forgets in seconds what takes half a minute by default.
	l.in("c", func() error {
		for file, value := range map[string]string{"base_reachable_time_ms": "1500", "delay_first_probe_time": "1", "retrans_time_ms": "200", "ucast_solicit": "3", "locktime": "0"} {
			if err := os.WriteFile("/proc/sys/net/ipv4/neigh/eth0/"+file, []byte(value), 0); err != nil {
				return err
			}
		}
		return nil
	})
	for _, who := range []string{"a", "b"} {
		l.serve(who)
	}
	return l
}

// in runs f on a thread of its own in a namespace; sockets made there stay in it.
func (l *lan) in(who string, f func() error) {
	l.t.Helper()
	if err := l.inside(who, f); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lan) inside(who string, f func() error) error {
	done := make(chan error, 1)
	go func() { // the thread is given up with the goroutine
		runtime.LockOSThread()
		ns, err := os.Open("/run/netns/" + l.name + who)
		if err == nil {
			defer ns.Close()
			err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// serve answers connections with the appliance's identity.
func (l *lan) serve(who string) {
	var ln net.Listener
	l.in(who, func() (err error) { ln, err = net.Listen("tcp", ":443"); return err })
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "guid-"+who)
			_ = c.Close()
		}
	})
	l.t.Cleanup(func() { _ = ln.Close(); wg.Wait() })
}

// vantage connects to the shared address from a namespace.
func (l *lan) vantage(who, from string, before func()) failover.Vantage {
	return failover.Vantage{From: from, Ask: func(ctx context.Context) (id string, err error) {
		if before != nil {
			before()
		}
		err = l.inside(who, func() error {
			c, err := (&net.Dialer{Timeout: 500 * time.Millisecond}).DialContext(ctx, "tcp", sharedAddr+":443")
			if err != nil {
				return err
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(500 * time.Millisecond))
			b, err := io.ReadAll(c)
			id = string(b)
			return err
		})
		return id, err
	}}
}

// lanAddress is the address on one box. Linux does not announce one that is added; with announce it is done by hand.
type lanAddress struct {
	l        *lan
	who      string
	announce bool
}

func (a lanAddress) String() string { return sharedAddr + " on " + a.who }

func (a lanAddress) Prepare(ctx context.Context) error { _, err := a.Holds(ctx); return err }

func (a lanAddress) Holds(context.Context) (bool, error) {
	out, err := command("ip", "-n", a.l.name+a.who, "-o", "addr", "show", "dev", "eth0", "to", sharedAddr)
	return strings.Contains(out, sharedMask), err
}

func (a lanAddress) Disable(context.Context) error {
	_, err := command("ip", "-n", a.l.name+a.who, "addr", "del", sharedMask, "dev", "eth0")
	return err
}

func (a lanAddress) Enable(context.Context) error {
	if _, err := command("ip", "-n", a.l.name+a.who, "addr", "add", sharedMask, "dev", "eth0"); err != nil || !a.announce {
		return err
	}
	return a.l.inside(a.who, gratuitousARP)
}

// gratuitousARP tells everybody on eth0's segment who has the shared address now.
func gratuitousARP() error {
	dev, err := net.InterfaceByName("eth0")
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ip := net.ParseIP(sharedAddr).To4()
	frame := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, dev.HardwareAddr...)
	frame = append(frame, 8, 6, 0, 1, 8, 0, 6, 4, 0, 2) // ARP, an answer
	frame = append(append(frame, dev.HardwareAddr...), ip...)
	frame = append(append(frame, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), ip...)
	return unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: dev.Index})
}

func (l *lan) shared(announce bool) *failover.SharedIP {
	return &failover.SharedIP{
		From: failover.End{Side: failover.Side{Name: "A", ID: "guid-a"}, Address: lanAddress{l, "a", announce}},
		To:   failover.End{Side: failover.Side{Name: "B", ID: "guid-b"}, Address: lanAddress{l, "b", announce}},
		Vantages: []failover.Vantage{l.vantage("c", "the client", nil),
			l.vantage("n", "the branch office", func() { _, _ = command("ip", "-n", l.name+"n", "neigh", "flush", "to", sharedAddr) })}, // whose cache is never stale
		Sample: 50 * time.Millisecond,
	}
}

func (l *lan) warm(s *failover.SharedIP) {
	l.t.Helper()
	for _, seen := range failover.Reach(l.t.Context(), s.Vantages) {
		if seen.ID != s.From.ID {
			l.t.Fatalf("before the switch: %+v", seen)
		}
	}
}

// Nobody announces the new box: the client goes on sending to the old one until its neighbour cache has forgotten it. That is said, not taken for a failure.
func TestTrapPeerStaleNeighbourIsNotAFailure(t *testing.T) {
	l := newLAN(t)
	s := l.shared(false)
	l.warm(s)
	res, err := s.Swing(t.Context())
	if err != nil || res.Outcome != failover.Applied {
		t.Fatalf("Swing() = %v, %v", res.Outcome, err)
	}
	t.Logf("nobody held the address for %v; %s could not reach it for %v", res.Gap.Held(), res.Gap.SeenBy, res.Gap.Seen)
	if res.Gap.SeenBy != "the client" || res.Gap.Seen < 2*res.Gap.Held() {
		t.Errorf("gap = %+v: want it seen from the client, longer than nobody held the address", *res.Gap)
	}
	if rep, err := failover.Verify(t.Context(), s, nil); err != nil || !rep.Identity.Proven() {
		t.Errorf("Verify() = %v (%s), %v", rep.State, rep.Detail, err)
	}
}

// The same where the new box announces itself: the gap is that of the two halves. There and back.
func TestPeerSharedIPAnnounced(t *testing.T) {
	l := newLAN(t)
	s := l.shared(true)
	l.warm(s)
	for range 2 {
		res, err := s.Swing(t.Context())
		if err != nil || res.Outcome != failover.Applied {
			t.Fatalf("Swing() = %v, %v", res.Outcome, err)
		}
		if _, err := failover.Verify(t.Context(), s, nil); err != nil {
			t.Errorf("Verify() = %v", err)
		}
		if res.Gap.Seen > res.Gap.Held()+2*time.Second {
			t.Errorf("%s could not reach the address for %v, although the new box announced itself", res.Gap.SeenBy, res.Gap.Seen)
		}
		t.Logf("nobody held the address for %v; %s could not reach it for %v", res.Gap.Held(), res.Gap.SeenBy, res.Gap.Seen)
		s = s.Back().(*failover.SharedIP)
	}
}

// Both boxes hold the address, which looks fine, for one of them just answers; and neither does, which is what a crash between the halves looks like.
func TestPeerSharedIPBothAndNeither(t *testing.T) {
	l := newLAN(t)
	s := l.shared(true)
	if err := s.To.Address.Enable(t.Context()); err != nil {
		t.Fatal(err)
	}
	if res, err := s.Swing(t.Context()); res.Outcome != failover.Conflict || !errors.Is(err, failover.ErrGuard) || len(res.Parts) > 0 {
		t.Errorf("both: Swing() = %v, %v after %v", res.Outcome, err, res.Parts)
	}
	for _, e := range []failover.End{s.From, s.To} {
		if err := e.Address.Disable(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if v, err := s.Look(t.Context()); err != nil || v.Position != failover.AtNeither {
		t.Errorf("neither: Look() = %v, %v", v.Position, err)
	}
	if res, err := s.Swing(t.Context()); err != nil || res.Outcome != failover.Applied {
		t.Errorf("neither: Swing() = %v, %v", res.Outcome, err)
	}
	if v, err := s.Look(t.Context()); err != nil || v.Position != failover.AtTo {
		t.Errorf("at the end: Look() = %v, %v", v.Position, err)
	}
}
