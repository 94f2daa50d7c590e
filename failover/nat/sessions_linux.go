package nat

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// tracked reads and deletes connections that came for the site and are led to a target. It is a filter of the netlink library, which asks it about each connection.
type tracked struct {
	site, target netip.Addr
	live         int
}

// MatchConntrackFlow reports whether a connection is one of them, and counts those that are still in use.
func (t *tracked) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	orig, ok1 := netip.AddrFromSlice(flow.Forward.DstIP)
	reply, ok2 := netip.AddrFromSlice(flow.Reverse.SrcIP)
	if !ok1 || !ok2 || orig.Unmap() != t.site || reply.Unmap() != t.target {
		return false
	}
	// A TCP connection that is closing, or was closed, stays in the table for a while; nobody uses it.
	tcp, ok := flow.ProtoInfo.(*netlink.ProtoInfoTCP)
	if !ok || tcp.State <= tcpEstablished {
		t.live++
	}
	return true
}

// tcpEstablished is the kernel's TCP_CONNTRACK_ESTABLISHED; states below it are those of a connection that is being set up.
const tcpEstablished = 3

func (n *NFTables) handle() (*netlink.Handle, error) {
	if n.o.NetNS != nil {
		return netlink.NewHandleAt(netns.NsHandle(n.o.NetNS.Fd()), unix.NETLINK_NETFILTER)
	}
	return netlink.NewHandle(unix.NETLINK_NETFILTER)
}

func (n *NFTables) family() netlink.InetFamily {
	if n.site.Is6() {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

// Established counts connections that came for the site and are led to the target, from the kernel's connection table. Those that are closing do not count.
func (n *NFTables) Established(ctx context.Context, target netip.Addr) (int, error) {
	if ctx.Err() != nil {
		return 0, n.fail("count connections", context.Cause(ctx))
	}
	h, err := n.handle()
	if err != nil {
		return 0, n.fail("count connections", err)
	}
	defer h.Close()
	flows, err := h.ConntrackTableList(netlink.ConntrackTable, n.family())
	for try := 0; try < 3 && errors.Is(err, netlink.ErrDumpInterrupted); try++ { // the table changed while it was read
		flows, err = h.ConntrackTableList(netlink.ConntrackTable, n.family())
	}
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return 0, n.fail("count connections", permission(err))
	}
	t := tracked{site: n.site, target: target}
	for _, f := range flows {
		t.MatchConntrackFlow(f)
	}
	return t.live, nil
}

// Cut deletes the connections from the kernel's table. The next packet of each is translated anew, to the new appliance, which answers with a reset. Passes are made until one finds
// nothing, because a connection may just have been set up before the swing.
func (n *NFTables) Cut(ctx context.Context, target netip.Addr) (int, error) {
	h, err := n.handle()
	if err != nil {
		return 0, n.fail("cut connections", err)
	}
	defer h.Close()
	t := &tracked{site: n.site, target: target}
	for pass := range 10 {
		if pass > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
		if ctx.Err() != nil {
			return t.live, n.fail("cut connections", context.Cause(ctx))
		}
		gone, err := h.ConntrackDeleteFilters(netlink.ConntrackTable, n.family(), t)
		if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
			return t.live, n.fail("cut connections", permission(err))
		}
		if gone == 0 && pass > 0 && err == nil {
			return t.live, nil
		}
	}
	return t.live, n.fail("cut connections", fmt.Errorf("there are always new ones: does the site still lead to %v?", target))
}
