// Package failovertest plays the things that move a site's traffic, in memory: a zone with authoritative servers and caching resolvers, a shared address on two appliances, and a
// gateway. It also has the suites that implementers of failover's interfaces run: [TestRecordEditor] and [TestNAT].
//
// # How to start
//
//	zone := failovertest.NewZone("example.com.", failover.RecordSet{Name: "access.example.com.", Type: failover.A, TTL: time.Hour, Values: []string{"192.0.2.1"}})
//	cache := zone.Resolver("office")
//	rec := &failover.Record{Zones: []failover.Zone{{Editor: zone, Authorities: zone.Authorities, Resolvers: []failover.Nameserver{cache}, Moves: …}}}
//
// Nothing here opens a socket, starts a goroutine or reads a clock but time.Now, so everything runs in a testing/synctest bubble, where hours pass at once.
//
// # Faults
//
// Each thing embeds [Faults]: the next calls of an operation fail in a given way. [LostAnswer] acts and then loses the answer, which is what a swing must survive.
//
// # Concurrency
//
// All methods may be called at the same time. Fields are set before the first call.
package failovertest
