// Package nat moves a site's destination translation on a gateway.
//
// There are three ways, each a [failover.NAT] to be put into a [failover.NATEntry]:
//
//   - NFTables (Linux): a map on this machine, changed in one kernel transaction with a guard;
//   - [Staged]: any [Firewall] whose API stages a change, applies it with a timer that takes it back, and confirms it;
//   - [Command]: a program of yours, called with arguments, for everything else.
//
// # How to start on a Linux gateway
//
// Keep sites in a map, and a set beside it that says who owns what:
//
//	table ip swing {
//	  map sites { type ipv4_addr : ipv4_addr; elements = { 198.51.100.1 : 192.0.2.1 } }
//	  set owner { type ipv4_addr . ipv4_addr; elements = { 198.51.100.1 . 192.0.2.1 } }
//	  chain pre { type nat hook prerouting priority dstnat; policy accept; dnat to ip daddr map @sites; }
//	}
//
// and then:
//
//	gw, err := nat.OpenNFTables(site, &nat.NFTablesOptions{BootFile: "/etc/nftables.d/swing-elements.nft"})
//	entry := &failover.NATEntry{NAT: gw, From: …, To: …}
//
// # What is guarded
//
// The kernel does not compare a map's value when an element is deleted. So the same transaction deletes (site . old) from the owner set, which fails if old is not current, and then
// nothing of the transaction happens. A change made past the owner set, by hand, is noticed when the two are read, and said.
//
// # What may go wrong
//
// Errors are of the classes of package failover. Changing a map needs CAP_NET_ADMIN; without it the error is of class failover.ErrRefused.
//
// # Established connections
//
// A gateway translates by a connection's first packet, so connections that exist stay with the old appliance. Leave them to end (failover.NATEntry.Limits.Drain) or cut them
// (failover.NATEntry.Cut).
package nat
