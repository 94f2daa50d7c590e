package pratest

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// world is everything that changes, in one place and under one lock.
type world struct {
	now       time.Time // the time of what is happening
	queue     queue
	planned   int
	schedules int // of data-syncs; only the newest is followed
	closed    bool
	done      chan struct{}

	record     []Event
	violations []Violation
	served     []Served // who answered at the site's name, from when on
	calls      map[string]int
	faults     []*Fault

	names    map[string][]netip.Addr // DNS
	nat      map[netip.Addr]netip.Addr
	resolved map[string][]netip.Addr // what hooks said at this moment
	turn     int                     // whose turn it is when several answer at one address

	authority *authority
	fleet     fleet
	server    updateServer

	conns     map[*conn]struct{}
	listeners []io.Closer
	wg        sync.WaitGroup
	unique    int
	oneEnding bool // the endings that a scenario planned on all appliances are for the first installation
}

// start fills in what was left out and builds the world. It is called under the lock, once.
func (s *Site) start(now time.Time) {
	s.w = &world{
		now: now, done: make(chan struct{}), calls: map[string]int{}, names: map[string][]netip.Addr{}, nat: map[netip.Addr]netip.Addr{},
		conns: map[*conn]struct{}{}, server: updateServer{served: map[string]bool{}},
	}
	s.Name = strings.ToLower(cmp.Or(s.Name, "access.example.com"))
	s.Relation = cmp.Or(s.Relation, beyondtrust.RelationEstablished)
	s.Times.fill()
	s.Switches.fill()
	if s.Topology == TopologyMigrate {
		s.B.FactoryNew = true
	}
	if s.Accounts == nil {
		s.Accounts = []Account{fullAccount}
	}
	if s.Offers == nil {
		s.Offers = DefaultOffers()
	}
	if s.Users == nil {
		s.Users = []User{{Name: "jdoe", Session: true}, {Name: "asmith"}}
	}
	s.w.authority = newAuthority(now)
	for i, b := range s.boxes() {
		s.furnish(b, i)
	}
	s.network()
	if s.Topology == TopologyPair {
		s.pairUp()
	}
	s.signUsersIn()
	s.startFleet()
}

// furnish gives a box its defaults and its state.
func (s *Site) furnish(b *Box, i int) {
	letter := string(rune('a' + i))
	b.site = s
	b.Name = cmp.Or(b.Name, "pra-"+letter)
	b.GUID = cmp.Or(b.GUID, "50000000000000000000000000000"+strings.Repeat(letter, 3))
	b.Serial = cmp.Or(b.Serial, fmt.Sprintf("BG-%04d", i+1))
	b.Base, b.Version, b.Build = cmp.Or(b.Base, "6.1.1"), cmp.Or(b.Version, "24.3.2"), cmp.Or(b.Build, "51234")
	b.TickSharedIP = cmp.Or(b.TickSharedIP, beyondtrust.On)
	b.Key = cmp.Or(b.Key, "a pre-shared key")
	b.BackupSize = cmp.Or(b.BackupSize, 512<<10)
	if !b.Addr.IsValid() {
		b.Addr = netip.AddrFrom4([4]byte{192, 0, 2, byte(11 + i)})
	}
	if !b.SharedIP.IsValid() && s.Traffic == BySharedIP {
		b.SharedIP = sharedAddr
	}
	st := &boxState{
		gone: make(chan struct{}), base: b.Base, version: b.Version, build: b.Build, factory: b.FactoryNew, key: b.Key,
		role: beyondtrust.RoleNone, automatic: b.AutomaticFailover, operations: !b.NoBackupOperations, ticked: b.TickSharedIP == beyondtrust.On,
		tokens: map[string]*token{}, accounts: map[string]*account{}, health: map[string]cached{},
		signedIn: map[string]string{}, unproven: map[string]bool{}, renewed: map[string]bool{}, appliance: AdminPassword, message: map[string]string{},
		data: data{
			changed: s.w.now.Add(-30 * 24 * time.Hour), concurrent: 20, bandwidth: 100, rate: 50, automatic: beyondtrust.UpgradesEnabled,
			password: "admin password", vaultAccounts: 3, vaultKey: true,
		},
		ips: []ip{{b.Addr, true, "eth0"}}, builtWith: s.w.authority.root.cert.Subject.CommonName,
	}
	if b.SharedIP.IsValid() {
		st.ips = append(st.ips, ip{b.SharedIP, i == 0, "eth0"})
	}
	b.st = st
	if b.FactoryNew {
		st.makeFactoryNew(b)
		st.base = newestBase(s.Offers, st.base)
		return
	}
	st.certs = []*certificate{s.siteCertificate(b)}
}

// makeFactoryNew takes the site software and everything that came with it.
func (st *boxState) makeFactoryNew(b *Box) {
	st.factory, st.version, st.build, st.key = true, "", "", ""
	st.role, st.peer, st.syncing = beyondtrust.RoleNone, nil, nil
	st.lastSync, st.syncStatus, st.related = time.Time{}, "", time.Time{}
	st.data = data{concurrent: 20, bandwidth: 100, rate: 50, automatic: beyondtrust.UpgradesEnabled, password: "password"}
	st.automatic, st.ticked, st.operations = false, false, true
	st.users, st.tokens, st.order, st.installers = nil, map[string]*token{}, nil, nil
	st.updates = updates{}
	st.certs = []*certificate{b.site.w.authority.selfSigned(b)}
	st.ips = []ip{{b.Addr, true, "eth0"}}
}

// pairUp puts the two appliances into the relation they are to start with.
func (s *Site) pairUp() {
	a, b := &s.A, &s.B
	set := func(x, peer *Box, r beyondtrust.Role) {
		x.st.role = r
		if r == beyondtrust.RoleNone {
			return
		}
		x.st.peer, x.st.related = peer, s.w.now.Add(-90*24*time.Hour)
		x.st.peerSeenAt = s.w.now
		x.st.lastSync, x.st.syncStatus = x.clock().Add(-10*time.Minute), s.Switches.SyncGood
	}
	ra, rb := beyondtrust.RolePrimary, beyondtrust.RoleBackup
	switch s.Relation {
	case beyondtrust.RelationNone:
		ra, rb = beyondtrust.RoleNone, beyondtrust.RoleNone
	case beyondtrust.RelationConflict:
		rb = beyondtrust.RolePrimary
	case beyondtrust.RelationBothBackup:
		ra = beyondtrust.RoleBackup
	case beyondtrust.RelationHalfBroken:
		ra = beyondtrust.RoleNone
	}
	set(a, b, ra)
	set(b, a, rb)
	a.st.peerSeen, b.st.peerSeen = rb, ra
	if ra != beyondtrust.RoleNone || rb != beyondtrust.RoleNone {
		s.schedule()
	}
}

func (s *Site) domain() string {
	if _, d, ok := strings.Cut(s.Name, "."); ok {
		return d
	}
	return "example.com"
}
