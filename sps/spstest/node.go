package spstest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"sync"
	"time"
)

// Node is a simulated SPS appliance. The zero value is a healthy one: "sps1.example.test" on 7.0.2 with four free slots.
//
// Fields are knobs. Set them before the node is first used; to turn one later, use [Node.Change]. Durations are in time of the appliance, see
// [Node.Scale]. The methods may be called at the same time from several goroutines.
type Node struct {
	// Name, Domain and Nickname are what GET /api/info tells anybody. Default: "sps1", "example.test", none.
	Name, Domain, Nickname string
	// Version is the firmware the node runs at first. Default: "7.0.2".
	Version string
	// Stored are versions that fill further slots at first, by an earlier upload. Default: none.
	Stored []string
	// User and Password are the account that may do everything. Default: "admin" and "simulated".
	User, Password string
	// NoPasswordLogin switches password logins off. Default: they are on.
	NoPasswordLogin bool
	// ClientCAs sign the certificates that may log in. Default: none, certificate logins are off.
	ClientCAs *x509.CertPool
	// Uninitialized makes GET /api/setup tell that the Welcome Wizard was never completed.
	Uninitialized bool
	// Roles are the cluster roles in GET /api/info. Default: none.
	Roles []string

	// Scale is multiplied with every simulated duration: 1.0/600 makes ten minutes a second. It does not change the appliance's clock, which
	// always goes at the speed of ours. Default: 1. The nodes of a pair or a cluster take theirs.
	Scale float64
	// BootTime is how long a boot takes from the end of the old system to the login screen. Default: 4 minutes.
	BootTime time.Duration
	// UpgradeTime is how much longer the first boot into another version takes. Default: 8 minutes. (The guide's patience is 30 minutes:
	// SPS 7.0.2.1 LTS Administration Guide, Troubleshooting.)
	UpgradeTime time.Duration
	// RebootDelay is how long the node goes on answering after a reboot or shutdown was accepted. Default: 5 seconds; none is documented. However it is
	// scaled, it is never less than a tenth of a second, so that the answer arrives.
	RebootDelay time.Duration
	// TestTime is how long a firmware test takes. Default: 40 seconds; none is documented.
	TestTime time.Duration
	// InstallTime is how long the node works on an image after its last byte. Default: 20 seconds; none is documented.
	InstallTime time.Duration
	// BundleTime is how long a support bundle takes. Default: 2 minutes. (The vendor's PowerShell module waits up to 10.)
	BundleTime time.Duration
	// UploadSpeed is how many bytes of an image the node takes in a second. Default: 0, as fast as they come.
	UploadSpeed int64
	// SessionIdle is after how long without a request a REST session ends. Default: 20 minutes (SPS REST API
	// Reference Guide, Authenticate), and never less than 30 seconds of real time.
	SessionIdle time.Duration
	// ClockOffset is how far the node's clock is ahead of ours; it shows in the Date header, in file names and in boot times. Default: 0.
	ClockOffset time.Duration
	// Boot is what the web address answers while the node boots, as shares of the boot. Default: half of it refused connections, then the
	// progress page with status 200. Nothing is documented but the page: see [Phase].
	Boot []Phase

	// Health is what GET /api/health_status and the System Monitor show. The zero value is good health.
	Health Health
	// Licence is the licence the node holds. The zero value is valid, for the first two numbers of Version.
	Licence Licence
	// Virtual makes the node a virtual machine: High Availability is not supported there (SPS 7.1.1 Administration Guide, Managing a High
	// Availability SPS cluster). Default: a physical appliance.
	Virtual bool
	// NoConsoleRedirection makes a virtual machine one whose console is not redirected, which the upgrade checklist wants (SPS 6.0.11 Administration Guide,
	// Upgrade checklist). Default: it is.
	NoConsoleRedirection bool
	// CoreFiles are the names shown at Troubleshooting > Core files. An upgrade removes them (SPS 7.0.2.1 LTS, Upgrade checklist). Default: none.
	CoreFiles []string
	// Sealed puts the node in sealed mode: a failed upgrade opens no SSH. Default: off.
	Sealed bool
	// Downloads opens what POST /api/firmware/fetch is told to download. Default: every download fails.
	Downloads func(ctx context.Context, url string) (File, error)

	// TestFails makes the firmware test fail with this line. Default: it judges by the knobs.
	TestFails string

	// ExportAs, when set, is what the export gives instead of a configuration: nothing, a page, half a file.
	ExportAs []byte
	// Files is where [Node.Press] finds the files it is told to choose. Default: the files of this machine.
	Files fs.FS

	// Switches decide what the vendor's documents leave open.
	Switches Switches

	// Markup is how the pages are made for a browser. Default: MarkupClassic. What [Node.Press] and [Node.Pages] do does not depend on it.
	Markup Markup
	// Traps spoil the pages in a browser, to see a driver refuse. Default: none.
	Traps Traps

	// T, when set, fails on a request that no vendor document knows. Outside tests such requests are only recorded.
	T TB
	// Unknown, when set, is called for a request that no vendor document knows, instead of T.
	Unknown func(r *http.Request)

	once  sync.Once
	world *world
	site  *site
	ssh   *site
	pair  *Pair
	clust *Cluster
	tls   *identity

	epoch     int // counts the times the node went down: what began before that must not end after it
	power     bool
	phase     phase
	bootPhase PhaseKind
	bootedAt  time.Time
	downAt    time.Time
	slots     []slot
	current   int // index of slots
	next      int
	fate      fate // of the next boot
	sessions  map[string]*session
	agreed    bool // to the licence agreement, in a browser
	renewed   bool // the password that had expired
	web       map[string]*session
	transact  *transaction
	locked    *lock
	faults    *[]*Fault // shared by the nodes of a pair
	fetches   []*fetch
	bundles   []*bundle
	jobs      int // keys given to jobs
	fetching  context.Context
	stopFetch context.CancelFunc
	busy      int // firmware operations that run
	boots     []*due
	ordered   *due // a reboot or shutdown that was accepted

	trafficStopped bool
	losesLicence   bool   // a scenario: the next version has none
	rebootAnyway   bool   // a scenario: the upgrade fails, the reboot comes
	answersAs      string // a scenario: after the next boot, another appliance answers
	replaced       bool
	requests       int // under way
	upgradedFrom   string
	upgradedAt     time.Time
}

// TB is the part of [testing.TB] that a simulator needs.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
}

// phase is what a node is doing.
type phase int

const (
	phaseOff phase = iota
	phaseBooting
	phaseUp
	phaseRescue // the upgrade failed and could not be reverted
	phaseDead
)

// slot is a place for a firmware image; the zero value is empty.
type slot struct {
	version string
	notes   string
	news    string
	boots   fate
	tested  string // what the page shows of the last test
}

// join puts a node that nobody has used yet into a world, for a pair or a cluster.
func (n *Node) join(w *world, p *Pair, c *Cluster) {
	if n.world != nil {
		panic("spstest: " + n.name() + " was used before its pair or cluster: call a method of that first")
	}
	n.world, n.pair, n.clust = w, p, c
	n.begin()
}

// begin makes the node what its knobs say. Every exported method calls it first.
func (n *Node) begin() {
	n.once.Do(func() {
		if n.world == nil {
			n.world = newWorld(n.Scale)
		}
		w := n.world
		n.slots = make([]slot, max(cmp.Or(n.Switches.Slots, 5), 1+len(n.Stored)))
		for i, v := range append([]string{n.version()}, n.Stored...) {
			n.slots[i] = slot{version: v, notes: defaultNotes(v)}
		}
		n.tls = new(identity)
		n.faults = new([]*Fault)
		n.sessions, n.web = map[string]*session{}, map[string]*session{}
		n.power, n.phase = true, phaseUp
		n.bootedAt = time.Now().Add(-w.scaled(72 * time.Hour))
		n.fetching, n.stopFetch = context.WithCancel(context.Background())

		n.site = &site{w: w, host: n.address() + ":443", cert: n.certificate, look: func() (*Node, face) { return n, n.face() }}
		n.site.talk = n.site.talkHTTP(n)
		n.ssh = &site{w: w, host: n.address() + ":22", look: n.sshFace, talk: talkSSH}
		w.mu.Lock()
		w.sites = append(w.sites, n.site, n.ssh)
		w.settle()
		w.mu.Unlock()
	})
}

func (n *Node) name() string    { return cmp.Or(n.Name, "sps1") }
func (n *Node) domain() string  { return cmp.Or(n.Domain, "example.test") }
func (n *Node) address() string { return n.name() + "." + n.domain() }
func (n *Node) host() string {
	if n.replaced {
		return n.answersAs
	}
	if n.pair != nil {
		return n.pair.name()
	}
	return n.name()
}
func (n *Node) version() string { return cmp.Or(n.Version, "7.0.2") }
func (n *Node) running() string { return n.slots[n.current].version }

// id is the key of the node, or of its pair, in a cluster: made of its name, so that it is the same in every run.
func (n *Node) id() string {
	h := sha256.Sum256([]byte(n.host() + "." + n.domain()))
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// clock is the appliance's own time.
func (n *Node) clock() time.Time { return n.world.now().Add(n.ClockOffset) }

// Login returns the account that may do everything.
func (n *Node) Login() (user, password string) {
	n.begin()
	n.world.lock()
	defer n.world.unlock()
	return cmp.Or(n.User, "admin"), cmp.Or(n.Password, "simulated")
}

// URL returns the address of the node: the one on loopback after [Node.Start], else the name it has in memory.
func (n *Node) URL() string {
	n.begin()
	return n.site.url()
}

// HTTPClient returns a client that reaches the node in memory, under "https://" and its name, without TLS; in a bubble too. A node that is down
// breaks or refuses the connection. To speak TLS in memory, use [Node.DialContext] in a transport of your own.
func (n *Node) HTTPClient() *http.Client {
	n.begin()
	return n.world.net.HTTPClient()
}

// DialContext connects in memory to the node (its name, port 443, or 22 while SSH is open) and to every node of its pair and cluster.
func (n *Node) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	n.begin()
	return n.world.net.DialContext(ctx, network, addr)
}

// Start makes the node listen on a free port of 127.0.0.1, with TLS and a certificate of its own CA, and returns its URL. While the node is down
// connections to the port are reset.
func (n *Node) Start() (url string, err error) { return n.Listen("127.0.0.1:0") }

// Listen is [Node.Start] on an address of your choice.
func (n *Node) Listen(addr string) (url string, err error) {
	n.begin()
	return n.site.start(addr)
}

// Close ends the node, and its pair or cluster with it: connections break, nothing happens any more, and no goroutine is left. A test in a bubble
// that uses [Node.HTTPClient] alone, and has every answer it waited for, need not call it.
func (n *Node) Close() {
	n.begin()
	n.stopFetch()
	n.world.close()
}

// Change runs f while nothing else happens: the way to turn a knob after the first request.
func (n *Node) Change(f func()) {
	n.begin()
	n.world.in(f)
}

// Record returns what has happened so far, in order. The nodes of a pair or a cluster share one record.
func (n *Node) Record() Record {
	n.begin()
	n.world.lock()
	defer n.world.unlock()
	return append(Record(nil), n.world.record...)
}

// Violations returns what was done to the node, its pair or its cluster that must never be done. A healthy upgrade has none.
func (n *Node) Violations() []Violation {
	n.begin()
	n.world.lock()
	defer n.world.unlock()
	return append([]Violation(nil), n.world.violations...)
}

// Running returns the version the node runs, or would run if it were on: the truth, whatever its API says.
func (n *Node) Running() string {
	n.begin()
	n.world.lock()
	defer n.world.unlock()
	return n.running()
}
