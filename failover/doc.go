// Package failover moves a site's traffic from one appliance to another and proves where it went.
//
// The vendor names three ways to make the other appliance of a broken failover pair the one that serves: a shared IP switch, a DNS swing and a NAT swing
// (BeyondTrust PRA Upgrade Guide, "Make Appliance B the Primary Appliance"). Each is a type here, and all of them are a [Swinger]:
//
//   - [Record]: the site's name in DNS, in one zone or in several (split horizon). It works over any [RecordEditor]; package failover/dns brings one for RFC 2136 servers
//     and one for libdns providers.
//   - [SharedIP]: an address entered on both appliances and enabled on one. It works over two [Address] values, one an appliance, which pages or a person fulfil.
//   - [NATEntry]: a destination translation on a gateway. It works over any [NAT]; package failover/nat brings nftables, firewalls with a staged commit, and commands.
//
// # How to start
//
// Describe the move, look, swing, verify:
//
//	rec := &failover.Record{
//		From:  failover.Side{Name: "A", ID: guidA},
//		To:    failover.Side{Name: "B", ID: guidB},
//		Zones: []failover.Zone{{Editor: primary, Moves: []failover.Move{failover.MoveAddress("access.example.com.", addrA, addrB)}}},
//	}
//	view, err := rec.Look(ctx)                 // reads only
//	res, err := rec.Swing(ctx)                 // one guarded change a zone
//	rep, err := failover.Verify(ctx, rec, nil) // every server, then which appliance answers
//	res, err = rec.Back().Swing(ctx)           // the same thing with the sides exchanged
//
// Days before, or early in the window, lower the TTL, so that caches follow the swing in seconds; put back what it was afterwards, compared first like everything else:
//
//	was, res, err := rec.LowerTTL(ctx, 30*time.Second) // keep was: RestoreTTL needs it
//	err = rec.EffectiveTTL(ctx, 30*time.Second)        // nil: every authoritative server serves it
//	rec.NotBefore = was.Ready(time.Now())              // then the old TTL has run out everywhere
//
// Package upgrade has all of this as steps of a run that may be killed at any moment: LowerTTL, SwingDNS, SwingSharedIP, SwingNAT.
//
// Try it against package failover/failovertest first: zones, resolvers, shared addresses and gateways in memory.
//
// # What is guarded
//
// A swing is a compare-and-set: the change names the old value, and the place that decides (the primary server, the kernel, the firewall) makes it only if that value is still
// there, whole, in one transaction. Nothing is ever deleted in one request and added in another. Where a product cannot do this, [Guard] says [BestEffort] and the plan shows it.
//
// # What may go wrong
//
// Every swing ends in one of five outcomes, see [Outcome]. A lost answer is not a failure: the state is read and the outcome follows from it; the request is not sent again.
// Errors have classes for errors.Is: [ErrGuard], [ErrRefused], [ErrNotSent], [ErrNotPressed], [ErrTooEarly], [ErrNotProven]. Facts are in [*Error].
//
// The likeliest wrong end is "both": a name with two addresses sends half of the users to the wrong appliance. So everything here compares whole sets, never membership.
//
// # What is retried
//
// Reads, up to a limit. A change is sent once.
//
// # Concurrency
//
// The swings are plain values: methods may be called at the same time if the editors, addresses and servers in them allow it, as those of this module do. Of two swings of one
// name or NAT entry at the same time one wins, if its guard is [Atomic]. A shared IP switch has no guard: run one at a time.
//
// # Compatibility
//
// The sets of outcomes and positions are closed. Interfaces here do not gain methods within a major version; what an implementation may be able to do besides ([Sessions],
// [Persister]) is an interface of its own.
package failover
