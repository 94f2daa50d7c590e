package nat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/changeover-sdk/changeover/failover"
)

// NFTables is one site's element of a map in nftables, on this machine. It is a [failover.NAT] with an atomic guard, [failover.Sessions] and, with a boot file, [failover.Persister]. All
// methods may be called at the same time, and by several processes.
//
// Calls do not wait for anything but the kernel, so they do not end early with their context; under a context that has ended they do nothing.
type NFTables struct {
	site  netip.Addr
	o     NFTablesOptions
	table *nftables.Table
	sites *nftables.Set
	owner *nftables.Set

	mu   sync.Mutex // a connection gathers messages until it is flushed: two batches must not mix
	conn *nftables.Conn
}

// NFTablesOptions say where the map is. The zero value is the ruleset in the package's documentation.
type NFTablesOptions struct {
	Family string // "ip", "ip6" or "inet". Default: ip for an IPv4 site, ip6 for an IPv6 one
	Table  string // default "swing"
	Map    string // from site to appliance. Default "sites"
	Owner  string // the set of (site . appliance) that guards the map. Default "owner"
	// BootFile is written by Persist, mode 0600: commands that fill the map and the set with what is running. Include it from the gateway's own nftables.conf, after the table. Default: none;
	// then the swing lasts until the gateway restarts, and Persist says so.
	BootFile string
	// NetNS is another network namespace to work in, an open /run/netns/… or /proc/…/ns/net. Default: this process's own.
	NetNS *os.File
}

var (
	_ failover.NAT       = (*NFTables)(nil)
	_ failover.Sessions  = (*NFTables)(nil)
	_ failover.Persister = (*NFTables)(nil)
)

// OpenNFTables returns the element of a site, the address that users connect to. Close it after use. Whether the map is there is found out by Targets.
func OpenNFTables(site netip.Addr, opts *NFTablesOptions) (*NFTables, error) {
	n := &NFTables{site: site, o: *cmp.Or(opts, &NFTablesOptions{})}
	kind := nftables.TypeIPAddr
	family := "ip"
	if site.Is6() {
		kind, family = nftables.TypeIP6Addr, "ip6"
	}
	n.o.Family, n.o.Table = cmp.Or(n.o.Family, family), cmp.Or(n.o.Table, "swing")
	n.o.Map, n.o.Owner = cmp.Or(n.o.Map, "sites"), cmp.Or(n.o.Owner, "owner")
	families := map[string]nftables.TableFamily{"ip": nftables.TableFamilyIPv4, "ip6": nftables.TableFamilyIPv6, "inet": nftables.TableFamilyINet}
	f, ok := families[n.o.Family]
	if !ok || !site.IsValid() || site.Is4In6() || site.Zone() != "" || n.o.Family == "ip" && site.Is6() || n.o.Family == "ip6" && site.Is4() {
		return nil, fmt.Errorf("nat: site %v in a table of family %q: %w", site, n.o.Family, failover.ErrInvalid)
	}
	for _, name := range []string{n.o.Table, n.o.Map, n.o.Owner} {
		if !identifier(name) {
			return nil, fmt.Errorf("nat: %q is no name for a table or set: %w", name, failover.ErrInvalid)
		}
	}
	n.table = &nftables.Table{Name: n.o.Table, Family: f}
	n.sites = &nftables.Set{Table: n.table, Name: n.o.Map, IsMap: true, KeyType: kind, DataType: kind}
	n.owner = &nftables.Set{Table: n.table, Name: n.o.Owner, KeyType: nftables.MustConcatSetType(kind, kind), Concatenation: true}
	return n, nil
}

// identifier reports whether nft takes a name as it is; the boot file is written with it.
func identifier(s string) bool {
	for i, c := range s {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c != '-' && c != '.' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}

// String names site and map.
func (n *NFTables) String() string {
	return fmt.Sprintf("%v in map %s of table %s %s", n.site, n.o.Map, n.o.Family, n.o.Table)
}

// Guard returns failover.Atomic.
func (n *NFTables) Guard() failover.Guard { return failover.Atomic }

// Close gives the connection to the kernel back. The value can be used again.
func (n *NFTables) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.close()
}

func (n *NFTables) close() error {
	c := n.conn
	n.conn = nil
	if c == nil {
		return nil
	}
	return c.CloseLasting()
}

// open returns the lasting connection. The caller holds the lock.
func (n *NFTables) open() (*nftables.Conn, error) {
	if n.conn != nil {
		return n.conn, nil
	}
	opts := []nftables.ConnOption{nftables.AsLasting()}
	if n.o.NetNS != nil {
		opts = append(opts, nftables.WithNetNSFd(int(n.o.NetNS.Fd())))
	}
	c, err := nftables.New(opts...)
	if err != nil {
		return nil, err
	}
	n.conn = c
	return c, nil
}

func (n *NFTables) fail(op string, err error) error {
	return fmt.Errorf("nat: %s %v: %w", op, n, err)
}

// Targets returns where the map leads the site. It is an error if the owner set says something else: then somebody changed one of them past the guard.
func (n *NFTables) Targets(ctx context.Context) ([]netip.Addr, error) {
	if ctx.Err() != nil {
		return nil, n.fail("read", context.Cause(ctx))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	entries, err := n.entries()
	if err != nil {
		return nil, n.fail("read", err)
	}
	e, ok := entries[n.site]
	switch {
	case !ok:
		return nil, nil
	case !slices.Equal(e.owners, e.targets()):
		return nil, n.fail("read", fmt.Errorf("the map leads to %v but the set %s says %v: somebody changed one of them by hand; make them equal with nft", e.targets(), n.o.Owner, e.owners))
	}
	return e.targets(), nil
}

// entry is what map and set say of one site.
type entry struct {
	target netip.Addr // not valid: not in the map
	owners []netip.Addr
}

func (e entry) targets() []netip.Addr {
	if e.target.IsValid() {
		return []netip.Addr{e.target}
	}
	return nil
}

// entries dumps map and set. They are two questions, so a swing in between makes them differ; it is asked again then.
func (n *NFTables) entries() (map[netip.Addr]entry, error) {
	for try := 0; ; try++ {
		out, same, err := n.dump()
		if err != nil || same || try == 3 {
			return out, err
		}
	}
}

func (n *NFTables) dump() (out map[netip.Addr]entry, same bool, err error) {
	c, err := n.open()
	if err != nil {
		return nil, false, err
	}
	sites, err := c.GetSetElements(n.sites)
	if err == nil {
		var owners []nftables.SetElement
		if owners, err = c.GetSetElements(n.owner); err == nil {
			out, same = n.merge(sites, owners)
			return out, same, nil
		}
	}
	_ = n.close() // answers to a question that broke off must not be taken for those of the next
	if is(err, unix.ENOENT) {
		return nil, false, fmt.Errorf("there is no such table, map or set: %w", err)
	}
	return nil, false, permission(err)
}

func (n *NFTables) merge(sites, owners []nftables.SetElement) (out map[netip.Addr]entry, same bool) {
	out, same = map[netip.Addr]entry{}, true
	size := n.site.BitLen() / 8
	for _, s := range sites {
		site, ok1 := netip.AddrFromSlice(s.Key)
		target, ok2 := netip.AddrFromSlice(s.Val)
		if ok1 && ok2 {
			out[site] = entry{target: target}
		}
	}
	for _, o := range owners {
		if len(o.Key) != 2*size {
			continue
		}
		site, _ := netip.AddrFromSlice(o.Key[:size])
		target, _ := netip.AddrFromSlice(o.Key[size:])
		e := out[site]
		e.owners = append(e.owners, target)
		out[site] = e
	}
	for _, e := range out {
		same = same && slices.Equal(e.owners, e.targets())
	}
	return out, same
}

// Replace changes map and owner set in one kernel transaction.
func (n *NFTables) Replace(ctx context.Context, from, to netip.Addr) error {
	if ctx.Err() != nil {
		return n.fail("swing", fmt.Errorf("%w: %w", failover.ErrNotSent, context.Cause(ctx)))
	}
	if from.BitLen() != n.site.BitLen() || to.BitLen() != n.site.BitLen() || from == to {
		return n.fail("swing", fmt.Errorf("%w: %w: from %v to %v", failover.ErrNotSent, failover.ErrInvalid, from, to))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.open()
	if err != nil {
		return n.fail("swing", fmt.Errorf("%w: %w", failover.ErrNotSent, err))
	}
	site := n.site.AsSlice()
	pair := func(a netip.Addr) []nftables.SetElement {
		return []nftables.SetElement{{Key: append(slices.Clone(site), a.AsSlice()...)}}
	}
	err = errors.Join(
		c.SetDeleteElements(n.owner, pair(from)), // ENOENT unless from is current: the guard
		c.SetAddElements(n.owner, pair(to)),
		c.SetDeleteElements(n.sites, []nftables.SetElement{{Key: site}}),
		c.SetAddElements(n.sites, []nftables.SetElement{{Key: site, Val: to.AsSlice()}}),
	)
	if err != nil {
		_ = n.close() // with what it had gathered
		return n.fail("swing", fmt.Errorf("%w: %w", failover.ErrNotSent, err))
	}
	err = c.Flush()
	if err == nil {
		return nil
	}
	switch {
	case errors.Is(err, unix.ENOENT):
		if _, rerr := n.entries(); rerr != nil { // not the element is missing but the map
			return n.fail("swing", fmt.Errorf("%w: %w", failover.ErrRefused, rerr))
		}
		return n.fail("swing", fmt.Errorf("%w: the site does not lead to %v", failover.ErrGuard, from))
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		_ = n.close()
		return n.fail("swing", fmt.Errorf("%w: %w", failover.ErrRefused, permission(err)))
	case errors.Is(err, unix.EEXIST), errors.Is(err, unix.EBUSY), errors.Is(err, unix.EINVAL):
		_ = n.close()
		return n.fail("swing", fmt.Errorf("%w: %w", failover.ErrRefused, err)) // the kernel undoes the whole batch
	}
	_ = n.close()
	return n.fail("swing", err)
}

// is reports whether the kernel said errno. The library drops the chain of some errors and keeps only their text.
func is(err error, errno syscall.Errno) bool {
	return errors.Is(err, errno) || strings.Contains(err.Error(), errno.Error())
}

// permission adds what to do about a missing right.
func permission(err error) error {
	if is(err, unix.EPERM) || is(err, unix.EACCES) {
		return fmt.Errorf("%w; this needs CAP_NET_ADMIN", err)
	}
	return err
}
