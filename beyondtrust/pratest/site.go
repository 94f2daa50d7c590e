package pratest

import (
	"context"
	"net/http"
	"net/netip"
	"sync"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// Site is everything behind one site name: its appliances, the network in front of them, the vendor's update server, the Jump Clients, Jumpoints
// and users that depend on it. The zero value is a healthy pair with an established failover relationship and a small fleet.
//
// Set fields before the first call of a method; after that use [Site.Change]. Methods may be called at the same time from several
// goroutines. A Site must not be copied after its first use.
type Site struct {
	Name     string               // the site's host name; default "access.example.com"
	Topology Topology             // default [TopologyPair]
	Traffic  Traffic              // how the name leads to an appliance; default [ByDNS]
	Relation beyondtrust.Relation // how a pair stands to each other at first; default [beyondtrust.RelationEstablished], with A as primary

	// A is the primary appliance, the only one of a single site, the old one of a migration; B is the backup, or the new appliance.
	A, B Box

	Accounts []Account // API accounts, on every appliance that has a site; default one with every right, see [Site.Account]
	Users    []User    // who is signed in to an access console at first; default two people, one of them in a session
	Fleet    Fleet     // the Jump Clients
	Offers   []Package // what the vendor's update server has for these appliances; default one Base and one site package, see [DefaultOffers]

	Times    Times    // how long things take, in the appliances' time
	Scale    float64  // what all of Times is multiplied with; default 1. 0.001 makes an hour last 3.6 s for a rehearsal outside a bubble
	Switches Switches // what no document tells; the zero value is this package's best guess
	Markup   Markup   // how the pages are made for a browser; default MarkupClassic. What [Box.Press] and [Box.Pages] do does not depend on it
	Traps    Traps    // spoil the pages in a browser, to see a driver refuse; default none

	// Lookup resolves host names in place of the simulator's own [Site.SetDNS] table: wire a simulated zone in here. A name that it does not know should
	// be an error; then the table is asked. Its form is that of [net.Resolver.LookupHost].
	// It is called while the simulator's state is locked, so it must not call the simulator back.
	Lookup func(ctx context.Context, host string) ([]string, error)

	// Translate says where the gateway sends what is addressed to outside, in place of [Site.SetNAT]; the invalid address
	// means "no entry". It must not call the simulator back.
	Translate func(outside netip.Addr) netip.Addr

	// T, when set, fails for a request that no vendor document knows; it is recorded in any case.
	T TB
	// Unknown, when set, is called for such a request instead of T, without the lock held.
	Unknown func(r *http.Request)

	mu sync.Mutex
	w  *world // nil until the first use; everything that changes is in here, under mu
}

// TB is the part of [testing.TB] that a simulator needs.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
}

// Topology is what stands behind the name.
type Topology int

// Topologies.
const (
	TopologyPair    Topology = iota // two appliances in a failover relationship
	TopologySingle                  // one appliance
	TopologyMigrate                 // one in service and a factory-new one
)

// Traffic is how the site's name leads to an appliance: the three ways of the guide ("Make Appliance B the Primary Appliance").
type Traffic int

// Ways.
const (
	ByDNS      Traffic = iota // the name has A's own address: a DNS swing moves it
	BySharedIP                // the name has the shared address, which A has enabled: a shared IP switch moves it
	ByNAT                     // the name has an outside address that a gateway translates to A's: a NAT swing moves it
)

// Pair returns a site with two appliances in an established failover relationship. It is the zero value, spelled out.
func Pair() *Site { return of(TopologyPair) }

// Single returns a site with one appliance.
func Single() *Site { return of(TopologySingle) }

// Migrate returns a site with one appliance in service, A, and a factory-new one, B, with the newest Base software and no site software.
func Migrate() *Site { return of(TopologyMigrate) }

// of makes a site whose boxes know it, so that their methods work before its first use.
func of(t Topology) *Site {
	s := &Site{Topology: t}
	s.A.site, s.B.site = s, s
	return s
}

// Boxes returns the appliances there are: A, and B unless the site is a single one.
func (s *Site) Boxes() []*Box {
	s.lock()
	defer s.mu.Unlock()
	return s.boxes()
}

func (s *Site) boxes() []*Box {
	if s.Topology == TopologySingle {
		return []*Box{&s.A}
	}
	return []*Box{&s.A, &s.B}
}

// Change runs f while nothing else happens in the simulation, so that fields of the Site and of its boxes may be changed after the first use.
// Lengths of things already under way stay as they were. f must not call methods of the simulator.
func (s *Site) Change(f func()) {
	s.lock()
	defer s.mu.Unlock()
	f()
}

// Close ends every connection, listener and goroutine of the site and waits for them. The state can still be read afterwards. Closing
// again does nothing.
func (s *Site) Close() {
	s.lock()
	w := s.w
	if !w.closed {
		w.closed = true
		close(w.done)
	}
	listeners := w.listeners
	w.listeners = nil
	for c := range w.conns {
		c.reset()
	}
	s.mu.Unlock()
	for _, l := range listeners {
		l.Close()
	}
	w.wg.Wait()
}

// URL returns the site's address, "https://access.example.com", which works with [Site.HTTPClient].
func (s *Site) URL() string {
	s.lock()
	defer s.mu.Unlock()
	return "https://" + s.Name
}

// Account returns the client id and the secret of the first API account: by default one that may do everything.
func (s *Site) Account() (id, secret string) {
	s.lock()
	defer s.mu.Unlock()
	return s.Accounts[0].ClientID, s.Accounts[0].Secret
}

// At returns the names of the appliances that answer at the site's name right now: none in an outage, two when the address is enabled on both or the name
// has both addresses.
func (s *Site) At() []string {
	s.lock()
	defer s.mu.Unlock()
	var names []string
	for _, b := range s.answering(s.Name) {
		names = append(names, b.Name)
	}
	return names
}
