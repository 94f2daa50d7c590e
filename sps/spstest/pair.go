package spstest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/changeover-sdk/changeover/sps"
)

// Pair is a High Availability pair: two nodes, one address that leads to whichever is active. The zero value is a healthy pair called "sps1" of the nodes
// "sps1-a" and "sps1-b", both on 7.0.2, with A active.
//
// Fields are knobs, as those of [Node]; call a method of the pair before one of its nodes. What a knob of A says of versions, times and switches holds for both nodes unless B says otherwise.
type Pair struct {
	// A and B are the nodes. Default: healthy ones. Name, address and domain of the service come from the pair, the name of a node is its own.
	A, B *Node
	// Name is the host name of the pair, which is that of whichever node serves. Default: "sps1".
	Name string

	// FirmwareTime is how long it takes until the secondary has what was uploaded, and what was selected, on the primary. Default: 3 minutes. ("This
	// might take a few minutes": SPS 7.0.2.1 LTS, Upgrading a High Availability cluster, step 5; up to an hour over a distance, SSB guide.)
	FirmwareTime time.Duration
	// SyncTime is how long a node synchronises that comes back with older data. Default: 10 minutes.
	SyncTime time.Duration
	// TakeoverTime is how long nobody answers when the other node becomes active. Default: 20 seconds.
	TakeoverTime time.Duration
	// StaleFor is how long the page goes on showing a node that is gone. Default: 5 seconds.
	StaleFor time.Duration

	// Status, DRBD and Heartbeat, when set, are shown instead of the truth.
	Status    sps.HAStatus
	DRBD      sps.DRBDStatus
	Heartbeat sps.HeartbeatStatus
	// NextHop is what the page shows of next hop monitoring. Default: "off".
	NextHop string
	// SyncStatus is the pair's status while data is copied. Default: "Degraded Sync"; which status is shown then is not documented.
	SyncStatus sps.HAStatus
	// ShowRunning makes the page show the firmware each node runs, so that nothing tells when the secondary has received the new one. Default: it shows
	// the one selected for after the reboot, as step 5 of the guide needs.
	ShowRunning bool
	// SessionsEndAtTakeover ends all sessions when the other node becomes active. Not documented.
	SessionsEndAtTakeover bool
	// Preempts makes A take the service back when it has booted and is in step again: a takeover nobody asked for.
	Preempts bool

	once    sync.Once
	world   *world
	site    *site
	clust   *Cluster
	active  *Node
	parted  bool // split brain
	lastID  int  // of data written while alone
	data    map[*Node][]int
	sync    *due
	copied  *due
	seen    map[*Node]time.Time // when the node went down
	alone   int                 // reboots of the primary since the secondary went
	moving  bool                // a takeover is under way
	crossed bool                // a scenario: each node's power button is the other's
}

func (p *Pair) name() string { return cmp.Or(p.Name, "sps1") }

func (p *Pair) begin() {
	p.once.Do(func() {
		if p.A == nil {
			p.A = new(Node)
		}
		if p.B == nil {
			p.B = new(Node)
		}
		a, b := p.A, p.B
		a.Name, b.Name = cmp.Or(a.Name, p.name()+"-a"), cmp.Or(b.Name, p.name()+"-b")
		b.inherit(a)
		if p.world == nil {
			p.world = newWorld(a.Scale)
		}
		w := p.world
		for _, n := range []*Node{a, b} {
			n.join(w, p, p.clust)
		}
		// One configuration on both: accounts, sessions, certificate, licence.
		b.tls, b.sessions, b.web, b.faults = a.tls, a.sessions, a.web, a.faults

		p.active = a
		p.data = map[*Node][]int{a: {0}, b: {0}}
		p.seen = map[*Node]time.Time{}
		p.site = &site{w: w, host: p.name() + "." + a.domain() + ":443", cert: a.certificate, look: p.front}
		p.site.talk = p.site.talkHTTP(p)
		w.mu.Lock()
		for _, n := range []*Node{a, b} { // the nodes have no address of their own
			n.site.look = func() (*Node, face) { return nil, faceRefuse }
		}
		// A node that failed its upgrade for good opens SSH on the addresses it is configured for: the service address is one of them.
		ssh := &site{w: w, host: p.name() + "." + a.domain() + ":22", talk: talkSSH, look: p.sshFront}
		w.sites = append(w.sites, p.site, ssh)
		w.settle()
		w.mu.Unlock()
	})
}

// inherit takes over from a what b leaves at its zero value.
func (n *Node) inherit(a *Node) {
	n.Domain, n.Version, n.Stored = cmp.Or(n.Domain, a.Domain), cmp.Or(n.Version, a.Version), slices.Clone(a.Stored)
	n.User, n.Password, n.ClientCAs, n.Roles, n.Scale = a.User, a.Password, a.ClientCAs, a.Roles, a.Scale
	for _, d := range []struct{ to, from *time.Duration }{
		{&n.BootTime, &a.BootTime}, {&n.UpgradeTime, &a.UpgradeTime}, {&n.RebootDelay, &a.RebootDelay}, {&n.TestTime, &a.TestTime},
		{&n.InstallTime, &a.InstallTime}, {&n.BundleTime, &a.BundleTime}, {&n.SessionIdle, &a.SessionIdle}, {&n.ClockOffset, &a.ClockOffset},
	} {
		*d.to = cmp.Or(*d.to, *d.from)
	}
	if n.Boot == nil {
		n.Boot = a.Boot
	}
	n.UploadSpeed, n.Licence, n.Virtual, n.Downloads, n.Switches = a.UploadSpeed, a.Licence, a.Virtual, a.Downloads, a.Switches
	n.T, n.Unknown, n.Files, n.Markup, n.Traps = a.T, a.Unknown, a.Files, a.Markup, a.Traps
}

// front is who answers at the service address.
func (p *Pair) front() (*Node, face) {
	if p.active == nil {
		return nil, faceSilent
	}
	return p.active, p.active.face()
}

// sshFront is who answers at the service address's port 22. With the lock held.
func (p *Pair) sshFront() (*Node, face) {
	for _, n := range []*Node{p.A, p.B} {
		if n.phase == phaseRescue {
			return n.sshFace()
		}
	}
	return p.A, faceRefuse
}

func (p *Pair) other(n *Node) *Node {
	if n == p.A {
		return p.B
	}
	return p.A
}

// URL returns the address of the pair: the one on loopback after [Pair.Start], else the name it has in memory.
func (p *Pair) URL() string {
	p.begin()
	return p.site.url()
}

// HTTPClient returns a client that reaches the pair in memory; see [Node.HTTPClient].
func (p *Pair) HTTPClient() *http.Client {
	p.begin()
	return p.world.net.HTTPClient()
}

// DialContext connects in memory; see [Node.DialContext].
func (p *Pair) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	p.begin()
	return p.world.net.DialContext(ctx, network, addr)
}

// Start makes the pair listen on a free port of 127.0.0.1; see [Node.Start].
func (p *Pair) Start() (url string, err error) { return p.Listen("127.0.0.1:0") }

// Listen is [Pair.Start] on an address of your choice.
func (p *Pair) Listen(addr string) (url string, err error) {
	p.begin()
	return p.site.start(addr)
}

// ServeHTTP answers as the active node does, and breaks the connection when there is none.
func (p *Pair) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.begin()
	var n *Node
	p.world.in(func() { n, _ = p.front() })
	if n == nil {
		breakConnection(w)
		return
	}
	n.ServeHTTP(w, r)
}

// Close ends the pair; see [Node.Close].
func (p *Pair) Close() {
	p.begin()
	p.B.stopFetch()
	p.A.Close()
}

// Active returns the node that serves or is about to; nil when none does.
func (p *Pair) Active() *Node {
	p.begin()
	p.world.lock()
	defer p.world.unlock()
	return p.active
}

// Press presses a button on the pages of the active node; see [Node.Press].
func (p *Pair) Press(ctx context.Context, where, row, button string, set map[string]string, dialog string) (name string, file io.Reader, err error) {
	p.begin()
	return p.desk().press(ctx, where, row, button, set, dialog)
}

// Read reads a value on the pages of the active node; see [Node.Read].
func (p *Pair) Read(ctx context.Context, where, row, label string) (string, error) {
	p.begin()
	return p.desk().read(ctx, where, row, label)
}

func (p *Pair) desk() (d *desk) {
	p.world.in(func() { d = &desk{w: p.world, host: p.name() + "." + p.A.domain(), look: p.front, files: p.A.Files} })
	return d
}

// Change runs f while nothing else happens; see [Node.Change].
func (p *Pair) Change(f func()) {
	p.begin()
	p.world.in(f)
}

// Inject makes requests to the pair go wrong, whichever node answers; see [Node.Inject].
func (p *Pair) Inject(what string, f Fault) {
	p.begin()
	p.A.Inject(what, f)
}

// Fail makes the next request of a kind answer status; see [Node.Fail].
func (p *Pair) Fail(what string, status int) {
	p.begin()
	p.A.Fail(what, status)
}

// Login returns the account that may do everything.
func (p *Pair) Login() (user, password string) {
	p.begin()
	return p.A.Login()
}

// Record returns what has happened so far to both nodes, in order.
func (p *Pair) Record() Record {
	p.begin()
	return p.A.Record()
}

// Violations returns what was done to the pair that must never be done.
func (p *Pair) Violations() []Violation {
	p.begin()
	return p.A.Violations()
}

// uuid is what both nodes of a sound pair show as Node HA UUID.
func (p *Pair) uuid() string {
	h := sha256.Sum256([]byte("pair " + p.name()))
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}
