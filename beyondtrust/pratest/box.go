package pratest

import (
	"io/fs"
	"net/netip"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// Box is one appliance of a [Site]. Its fields are how it is at first; set them before the first use of the site, or inside [Site.Change] where the
// comment says that it is looked at later too. Its handler, [Box.ServeHTTP], serves its APIs and pages.
//
// Its methods need its site: they may be called at once on a site that [Pair], [Single] or [Migrate] made, and on one that was written as
// a literal after the first call of a method of that.
type Box struct {
	Name     string     // host name; default "pra-a" and "pra-b". It answers at Name + ".example.com" too
	GUID     string     // 32 hexadecimal digits; default one that ends in aaa or bbb
	Serial   string     // default "BG-0001" and "BG-0002"
	Addr     netip.Addr // its own address; default 192.0.2.11 and 192.0.2.12
	Base     string     // version of the Base software; default "6.1.1"
	Version  string     // version of the site software; default "24.3.2"
	Build    string     // and its build; default "51234"
	Physical bool       // a physical appliance has no Status > Health page

	ClockOffset time.Duration // how much its clock is fast; looked at later too
	FactoryNew  bool          // no site software, no certificate, and the first-time password; default for the new appliance of a migration

	SharedIP netip.Addr // entered on its IP Configuration page besides its own; default 192.0.2.10 where [BySharedIP]; enabled at first on A
	// TickSharedIP is whether the shared address is ticked on its Failover page, so that it follows the role; each side has its own tick. Default yes, Off for no.
	TickSharedIP beyondtrust.Switch
	// AutomaticFailover lets it promote itself while it is a backup.
	AutomaticFailover bool
	// NoBackupOperations turns its scheduled data-sync off.
	NoBackupOperations bool
	// Key is the Inter-appliance Communication Pre-shared Key; default the same on both.
	Key string
	// Recordings multiply the time of an installation by 1 + Recordings; default 0.
	Recordings float64
	// BackupSize is the size of its backup; default 512 KiB.
	BackupSize int64

	// Files are the files of the person who presses; default the operating system's.
	Files fs.FS

	// Restricted is a network from which the update server cannot be reached; looked at later too.
	Restricted bool
	// Next decides how the next installation ends; looked at later too. Then it is [EndsWell] again.
	Next Ending
	// Flaps makes it answer for a minute in the middle of an installation, looking healthy; looked at later too.
	Flaps bool

	site *Site
	st   *boxState
}

// Ending is how an installation ends.
type Ending int

// Endings.
const (
	EndsWell    Ending = iota // the new version runs
	EndsFailed                // the old version runs, and the Updates page says that it failed
	EndsRestart               // the same, and it restarts once more a minute later by itself
	EndsStalled               // it never answers again, until [Box.Support]
	EndsOlder                 // the old version runs, and nothing is said
	EndsClaimed               // the page says installed, the old version runs
)

// front is what is met at an appliance's door.
type front int

const (
	open        front = iota
	away              // refuses connections
	unavailable       // 503, a page
	unhealthy         // answers, but its probes say 500
)

// boxState is all that changes about a Box. It is under the site's lock.
type boxState struct {
	front    front
	boot     int           // counts its lives
	gone     chan struct{} // closed when this life ends
	off      bool          // shut down
	next     int           // which unique id it gives next
	lastDown time.Time

	base, version, build string
	patches              []string
	factory              bool // no site software, first-time password
	updates              updates
	builtWith            string // the authority that the site package's clients trust

	role         beyondtrust.Role
	peer         *Box
	related      time.Time // since when
	lastSync     time.Time // by its own clock
	syncStatus   string
	syncing      *dataSync
	peerSeen     beyondtrust.Role // as its page shows it
	peerSeenAt   time.Time
	stuckSyncing bool

	ips   []ip
	certs []*certificate
	key   string

	automatic, operations, ticked bool // failover settings, which no data-sync copies
	data                          data

	users    []*user
	past     []past
	tokens   map[string]*token
	order    []*token // of creation
	accounts map[string]*account
	health   map[string]cached

	unlicensed bool
	whatsNew   bool
	signedIn   map[string]string // page sessions: cookie to interface
	unproven   map[string]bool   // of them, those of which a second factor is still wanted
	agreed     bool              // to the licence agreement at the sign-in
	renewed    map[string]bool   // by interface: the password that had expired was changed
	appliance  string            // the password of /appliance
	submitted  string            // the download key on the update server's page, as this appliance's person sees it
	message    map[string]string // what each page said last
	installers []installer
}

// data is what a data-sync copies from the primary to the backup.
type data struct {
	changed       time.Time // when a person last changed something
	concurrent    int       // Jump Client throttle
	bandwidth     int
	rate          int
	automatic     beyondtrust.AutomaticUpgrades
	password      string // of the /login administrator
	vaultAccounts int
	vaultKey      bool
}

// ip is an address on the IP Configuration page.
type ip struct {
	addr    netip.Addr
	enabled bool
	iface   string
}

// Address returns the appliance's own address with its port, to dial it by: "192.0.2.11:443".
func (b *Box) Address() string {
	defer b.enter()()
	return netip.AddrPortFrom(b.Addr, 443).String()
}

// Host returns the appliance's own host name: "pra-a.example.com".
func (b *Box) Host() string {
	defer b.enter()()
	return b.host()
}

func (b *Box) host() string { return b.Name + "." + b.site.domain() }

// Up reports whether it answers, and looks healthy.
func (b *Box) Up() bool {
	defer b.enter()()
	return b.st.front == open
}

// Running returns the versions that run: Base, site and its build.
func (b *Box) Running() (base, version, build string) {
	defer b.enter()()
	return b.st.base, b.st.version, b.st.build
}

// Role returns its part in failover, as the Command API tells it.
func (b *Box) Role() beyondtrust.Role {
	defer b.enter()()
	return b.st.role
}

// Now returns the time by its own clock.
func (b *Box) Now() time.Time {
	defer b.enter()()
	return b.clock()
}

func (b *Box) clock() time.Time { return b.site.w.now.Add(b.ClockOffset) }

// SharedIPEnabled reports whether it has the shared address enabled.
func (b *Box) SharedIPEnabled() bool {
	defer b.enter()()
	return b.sharedEnabled()
}

func (b *Box) sharedEnabled() bool { return b.SharedIP.IsValid() && b.has(b.SharedIP) }

// has reports whether addr is enabled on b.
func (b *Box) has(addr netip.Addr) bool {
	for _, i := range b.st.ips {
		if i.addr == addr && i.enabled {
			return true
		}
	}
	return false
}

// Throttle returns its upgrade settings for Jump Clients.
func (b *Box) Throttle() beyondtrust.JumpClientSettings {
	defer b.enter()()
	return b.throttle()
}

func (b *Box) throttle() beyondtrust.JumpClientSettings {
	d := b.st.data
	return beyondtrust.JumpClientSettings{
		MaxConcurrent: d.concurrent, MaxBandwidth: d.bandwidth, ConnectionRate: d.rate, AutomaticUpgrades: d.automatic,
	}
}

// enter locks the site and returns what unlocks it.
func (b *Box) enter() func() {
	if b.site == nil {
		panic("pratest: a Box is a part of a Site: make it with Pair, Single or Migrate, or call a method of the Site first")
	}
	b.site.lock()
	return b.site.mu.Unlock
}

// software is the version and build in one, to compare.
func (b *Box) software() string { return b.st.version + " " + b.st.build }

// peer returns the other appliance of the site, nil if there is none.
func (b *Box) other() *Box {
	for _, o := range b.site.boxes() {
		if o != b {
			return o
		}
	}
	return nil
}
