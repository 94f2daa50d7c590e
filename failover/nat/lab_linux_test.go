package nat_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/changeover-sdk/changeover/failover/nat"
)

// The lab: a client, a gateway and two appliances, each in a network namespace of its own.
//
//	client 198.18.0.2 -- 198.18.0.1 gateway 198.18.1.1 -- 198.18.1.2 A
//	                                        198.18.2.1 -- 198.18.2.2 B
//
// and the same in IPv6: fd18:0::2 -- fd18:0::1 gateway fd18:1::1 -- fd18:1::2 A, fd18:2::1 -- fd18:2::2 B.
var (
	site = netip.MustParseAddr("198.18.9.1")
	boxA = netip.MustParseAddr("198.18.1.2")
	boxB = netip.MustParseAddr("198.18.2.2")
)

var (
	site6 = netip.MustParseAddr("fd18:9::1")
	boxA6 = netip.MustParseAddr("fd18:1::2")
	boxB6 = netip.MustParseAddr("fd18:2::2")
)

const rules6 = `table ip6 swing {
  map sites { type ipv6_addr : ipv6_addr
              elements = { fd18:9::1 : fd18:1::2 } }
  set owner { type ipv6_addr . ipv6_addr
              elements = { fd18:9::1 . fd18:1::2 } }
  chain pre { type nat hook prerouting priority dstnat; policy accept;
              dnat to ip6 daddr map @sites
  }
}
`

const rules = `table ip swing {
  map sites { type ipv4_addr : ipv4_addr
              elements = { 198.18.9.1 : 198.18.1.2 } }
  set owner { type ipv4_addr . ipv4_addr
              elements = { 198.18.9.1 . 198.18.1.2 } }
  chain pre { type nat hook prerouting priority dstnat; policy accept;
              dnat to ip daddr map @sites
  }
}
`

type lab struct {
	t                  testing.TB
	name               string
	client, gw, nA, nB *os.File
}

// refused ends a test that the machine does not allow: in CI that is a failure, with the reason.
func refused(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

func program(t testing.TB, name, pkg string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		refused(t, "peer: %s is not installed: %s", pkg, name)
	}
}

func try(args ...string) error {
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

func newLab(t testing.TB) *lab {
	t.Helper()
	program(t, "ip", "iproute2")
	program(t, "nft", "nftables")
	l := &lab{t: t, name: fmt.Sprintf("co%d-%d", os.Getpid(), time.Now().UnixNano()%1e6)}
	open := func(who string) *os.File {
		ns := l.name + who
		if err := try("ip", "netns", "add", ns); err != nil {
			refused(t, "peer: the kernel refuses network namespaces: %v", err)
		}
		t.Cleanup(func() {
			if err := try("ip", "netns", "del", ns); err != nil {
				t.Error(err)
			}
		})
		f, err := os.Open("/run/netns/" + ns)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		l.ip(who, "link", "set", "lo", "up")
		return f
	}
	l.client, l.gw, l.nA, l.nB = open("c"), open("g"), open("a"), open("b")
	for i, who := range []string{"c", "a", "b"} {
		dev := fmt.Sprintf("to%s", who)
		l.ip("g", "link", "add", dev, "type", "veth", "peer", "name", "eth0", "netns", l.name+who)
		l.ip("g", "addr", "add", fmt.Sprintf("198.18.%d.1/24", i), "dev", dev)
		l.ip("g", "link", "set", dev, "up")
		l.ip(who, "addr", "add", fmt.Sprintf("198.18.%d.2/24", i), "dev", "eth0")
		l.ip(who, "link", "set", "eth0", "up")
		l.ip(who, "route", "add", "default", "via", fmt.Sprintf("198.18.%d.1", i))
		l.ip("g", "addr", "add", fmt.Sprintf("fd18:%d::1/64", i), "dev", dev, "nodad")
		l.ip(who, "addr", "add", fmt.Sprintf("fd18:%d::2/64", i), "dev", "eth0", "nodad")
		l.ip(who, "route", "add", "default", "via", fmt.Sprintf("fd18:%d::1", i))
	}
	l.in(l.gw, func() error {
		return errors.Join(os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0), os.WriteFile("/proc/sys/net/ipv6/conf/all/forwarding", []byte("1"), 0))
	})
	if err := l.load(l.gw, rules+rules6); err != nil {
		refused(t, "peer: the kernel refuses nftables in a namespace: %v", err)
	}
	return l
}

func (l *lab) ip(who string, args ...string) {
	l.t.Helper()
	if err := try(append([]string{"ip", "-n", l.name + who}, args...)...); err != nil {
		refused(l.t, "peer: the kernel refuses network namespaces: %v", err)
	}
}

// load has nft read commands in a namespace.
func (l *lab) load(_ *os.File, text string) error {
	cmd := exec.Command("ip", "netns", "exec", l.name+"g", "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, out)
	}
	return nil
}

// in runs f on a thread that is in a namespace; sockets made there stay in it.
func (l *lab) in(ns *os.File, f func() error) {
	l.t.Helper()
	if err := inside(ns, f); err != nil {
		l.t.Fatal(err)
	}
}

func inside(ns *os.File, f func() error) error {
	done := make(chan error, 1)
	go func() { // the thread is given up with the goroutine, for it cannot be trusted to be back where it was
		runtime.LockOSThread()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("setns: %w", err)
			return
		}
		done <- f()
	}()
	return <-done
}

// serve answers connections in a namespace with the appliance's name, and then echoes what comes until the end.
func (l *lab) serve(ns *os.File, addr netip.Addr, name string) {
	l.t.Helper()
	var ln net.Listener
	l.in(ns, func() (err error) {
		ln, err = net.Listen("tcp", netip.AddrPortFrom(addr, 443).String())
		return err
	})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				defer context.AfterFunc(ctx, func() { _ = c.Close() })()
				_, _ = c.Write([]byte(name))
				_, _ = io.Copy(c, c)
			})
		}
	})
	l.t.Cleanup(func() { cancel(); _ = ln.Close(); wg.Wait() })
}

// dialer makes connections from the client, on one thread of its own.
type dialer struct {
	ask  chan func()
	done chan struct{}
}

func (l *lab) dialer() *dialer {
	d := &dialer{ask: make(chan func()), done: make(chan struct{})}
	go func() {
		runtime.LockOSThread()
		defer close(d.done)
		if err := unix.Setns(int(l.client.Fd()), unix.CLONE_NEWNET); err != nil {
			l.t.Error(err)
		}
		for f := range d.ask {
			f()
		}
	}()
	l.t.Cleanup(func() { close(d.ask); <-d.done })
	return d
}

// connect opens a connection to the site and returns it with the name of who answered.
func (d *dialer) connect(ctx context.Context) (net.Conn, string, error) {
	return d.connectTo(ctx, site)
}

func (d *dialer) connectTo(ctx context.Context, site netip.Addr) (net.Conn, string, error) {
	type result struct {
		c   net.Conn
		err error
	}
	out := make(chan result, 1)
	d.ask <- func() {
		c, err := (&net.Dialer{Timeout: 3 * time.Second}).DialContext(ctx, "tcp", netip.AddrPortFrom(site, 443).String())
		out <- result{c, err}
	}
	r := <-out
	if r.err != nil {
		return nil, "", r.err
	}
	_ = r.c.SetDeadline(time.Now().Add(3 * time.Second))
	var name [1]byte
	if _, err := io.ReadFull(r.c, name[:]); err != nil {
		_ = r.c.Close()
		return nil, "", fmt.Errorf("connected, but: %w", err)
	}
	return r.c, string(name[:]), nil
}

// probe is a failover.Probe through the gateway.
func (d *dialer) probe(ctx context.Context) (string, error) { return d.probeAt(ctx, site) }

func (d *dialer) probeAt(ctx context.Context, site netip.Addr) (string, error) {
	c, name, err := d.connectTo(ctx, site)
	if err != nil {
		return "", err
	}
	reset(c)
	return "guid-" + strings.ToLower(name), nil
}

// reset closes a connection without leaving it to wait.
func reset(c net.Conn) {
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

func (l *lab) open(opts nat.NFTablesOptions) *nat.NFTables { return l.openSite(site, opts) }

func (l *lab) openSite(site netip.Addr, opts nat.NFTablesOptions) *nat.NFTables {
	l.t.Helper()
	opts.NetNS = l.gw
	n, err := nat.OpenNFTables(site, &opts)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = n.Close() })
	if _, err := n.Targets(context.Background()); errors.Is(err, unix.EPERM) {
		refused(l.t, "peer: the kernel refuses nftables: %v", err)
	}
	return n
}
