// Package dns edits and asks real name servers for a swing of a site's name.
//
// # How to start
//
//	key, err := dns.ReadKey("/etc/changeover/swing.key")          // as tsig-keygen writes it; never an argument
//	srv, err := dns.NewServer("192.0.2.53:53", key.Signer(), nil) // the zone's primary
//	zone, err := srv.Zone("example.com.")                         // a failover.RecordEditor
//	rec := &failover.Record{Zones: []failover.Zone{{
//		Editor:      zone,
//		Authorities: zone.Authorities(nil),
//		Resolvers:   dns.Resolvers(nil, "192.0.2.10:53", "192.0.2.11:53"),
//		Moves:       []failover.Move{failover.MoveAddress("access.example.com.", a, b)},
//	}}}
//
// Rehearse it against package dnstest, a primary server in memory.
//
// # RFC 2136
//
// [Zone] changes records by DNS UPDATE over TCP, signed with TSIG (RFC 8945): one message a zone, with every old value as a prerequisite, so the server compares whole sets and
// changes all of them or none. BIND, Knot DNS and PowerDNS are known to keep to that.
//
// An answer is believed only if it is signed with the same key. What an unsigned or wrongly signed answer, a lost connection or a time-out means is found out by reading, never by
// sending again. Reads at the primary are signed too: servers choose the view of a split zone by the key.
//
// Zones of one [Server] share four connections. Calls that come while all are busy are gathered and go together, so hundreds of zones (failover.Record.AtOnce) take few round trips.
//
// A [Signer] is asked for each exchange: a key's is always the same; GSS-TSIG, which Windows wants for secure updates, would be one that negotiates a context. It is not here yet.
//
// # Any other provider
//
// [Provider] edits a zone through any package that implements the interfaces of github.com/libdns/libdns. These have no compare-and-set, so its guard is best effort; see there for
// what else differs.
//
// # What may go wrong
//
// Errors are of the classes of package failover; [*Error] has the facts: the server's return code, the TSIG error, how far the clocks are apart.
//
// # What is retried
//
// Questions over UDP are repeated within their time limit. An update is sent once; after SERVFAIL (a server that is loading, or has no journal) the zone is read and, while the old
// values are all there, the update is sent again for as long as [Options.ServFail] says.
//
// # Secrets
//
// A key is read from a file that only its owner may read. It is kept in a closure, never in a field, and appears in no error and no log.
package dns
