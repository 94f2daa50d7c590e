package pratest

import (
	"fmt"
	"time"
)

// Fleet is the Jump Clients and Jumpoints of a site. They follow the site's name to an appliance that answers there, update
// themselves when it runs another version, as fast as its throttle allows, and are away meanwhile. Fifty thousand need about one megabyte.
type Fleet struct {
	Active    int // connected all the time; all three zero means 12, 3 and 1. Negative: none
	Passive   int // connected only for a moment, once in [Times.PassiveEvery]
	Offline   int // switched off for good
	Jumpoints int // default 2; negative: none

	// Capacity is how many concurrent upgrades an appliance bears; above it it is flooded: slow, unwell, and upgrades take ten times as long. Default 100.
	Capacity int
	// ClientSize is what one upgrade downloads, in MiB; it matters when bandwidth is limited. Default 30.
	ClientSize int
}

// client is one Jump Client, small because there are many. Times are seconds since the fleet's epoch, 0 for never.
type client struct {
	connect, disconnect int32
	version             uint16 // index into fleet.versions
	kind                kind
	state               state
	box                 int8 // where it is connected: 0 nowhere, 1 A, 2 B
}

type kind uint8

const (
	active kind = iota
	passive
	offline
)

type state uint8

const (
	disconnected state = iota
	returning          // in the queue of those that connect
	idle               // connected
	pending            // connected, waits for its upgrade
	upgrading
)

// version is software that clients may have: what an appliance runs, and the authority it was built with.
type version struct{ software, trusts string }

// jumpoint is one Jumpoint.
type jumpoint struct {
	box                 *Box
	software            string
	connect, disconnect time.Time
}

// fleet is the state of a Fleet.
type fleet struct {
	epoch     time.Time
	clients   []client
	versions  []version
	jumpoints []jumpoint
	home      *Box // where the clients were last seen to go
	homeBoot  int

	back      []int32 // queue of the returning
	waiting   []int32 // queue of the pending
	upgrading int
	ticking   bool
	flooded   *Box
	phase     int // of the next minute, for the passive ones
	passives  [][]int32
}

// phases is how many groups the passive clients check in in.
const phases = 288

func (s *Site) startFleet() {
	f, w := &s.Fleet, s.w
	if f.Active == 0 && f.Passive == 0 && f.Offline == 0 {
		f.Active, f.Passive, f.Offline = 12, 3, 1
	}
	for p, d := range map[*int]int{&f.Jumpoints: 2, &f.Capacity: 100, &f.ClientSize: 30} {
		if *p == 0 {
			*p = d
		}
	}
	home := s.home()
	w.fleet = fleet{epoch: w.now.Add(-100 * 24 * time.Hour), home: home}
	fl := &w.fleet
	software := &s.A
	if home != nil {
		software, fl.homeBoot = home, home.st.boot
	}
	v := fl.version(software)
	at := fl.seconds(w.now) - 3600
	counts := []int{max(f.Active, 0), max(f.Passive, 0), max(f.Offline, 0)}
	fl.clients = make([]client, 0, counts[0]+counts[1]+counts[2])
	for k, n := range counts {
		for range n {
			c := client{version: v, kind: kind(k), connect: at}
			switch {
			case c.kind != active:
				c.disconnect = at + 1
			case home != nil:
				c.state, c.box = idle, s.number(home)
			}
			fl.clients = append(fl.clients, c)
		}
	}
	if counts[1] > 0 {
		fl.passives = make([][]int32, phases)
		for i := range counts[1] {
			p := i * 7919 % phases
			fl.passives[p] = append(fl.passives[p], int32(counts[0]+i))
		}
	}
	for range max(f.Jumpoints, 0) {
		fl.jumpoints = append(fl.jumpoints, jumpoint{box: home, software: software.software(), connect: w.now.Add(-time.Hour)})
	}
	s.after(s.Times.Recheck, s.recheck)
	if counts[1] > 0 {
		s.after(s.Times.PassiveEvery/phases, s.passivePhase)
	}
}

func (f *fleet) seconds(t time.Time) int32 { return int32(t.Sub(f.epoch) / time.Second) }

// version returns the index of what b runs.
func (f *fleet) version(b *Box) uint16 {
	v := version{b.software(), b.st.builtWith}
	for i, known := range f.versions {
		if known == v {
			return uint16(i)
		}
	}
	f.versions = append(f.versions, v)
	return uint16(len(f.versions) - 1)
}

func (s *Site) number(b *Box) int8 {
	for i, x := range s.boxes() {
		if x == b {
			return int8(i + 1)
		}
	}
	return 0
}

// recheck is how clients notice that the name leads elsewhere when nothing else told them: a simulated zone changed, say.
func (s *Site) recheck() {
	s.fleetMoved()
	s.after(s.Times.Recheck, s.recheck)
}

// fleetLost disconnects everybody who was connected to b.
func (s *Site) fleetLost(b *Box) {
	fl, n, now := &s.w.fleet, s.number(b), s.w.fleet.seconds(s.w.now)
	for i := range fl.clients {
		if c := &fl.clients[i]; c.box == n && c.state != disconnected {
			c.state, c.box, c.disconnect = disconnected, 0, now
		}
	}
	for i := range fl.jumpoints {
		if j := &fl.jumpoints[i]; j.box == b {
			j.box, j.disconnect = nil, s.w.now
		}
	}
	if fl.home == b {
		fl.home = nil
	}
	fl.back, fl.waiting, fl.upgrading = nil, nil, 0
	if fl.flooded == b {
		fl.flooded = nil
	}
}

// fleetMoved looks where the site's name leads now, and sends the clients there.
func (s *Site) fleetMoved() {
	fl := &s.w.fleet
	home := s.home()
	if home == nil && fl.home != nil && !s.Switches.ClientsStay && s.unserved(fl.home) {
		s.fleetLost(fl.home)
	}
	if home == nil || home == fl.home && home.st.boot == fl.homeBoot {
		return
	}
	if old := fl.home; old != nil && old != home {
		if s.Switches.ClientsStay && old.st.front == open && !old.standby() {
			return
		}
		s.fleetLost(old)
	}
	fl.home, fl.homeBoot = home, home.st.boot
	for i := range fl.clients {
		if c := &fl.clients[i]; c.kind == active && c.state == disconnected {
			c.state = returning
			fl.back = append(fl.back, int32(i))
		}
	}
	s.tick()
	s.jumpointsReturn(home)
}

// unserved reports whether b can no longer serve clients where they look for it.
func (s *Site) unserved(b *Box) bool {
	return b.st.front == away || b.standby() || !s.serving(b)
}

// jumpointsReturn plans when the Jumpoints are connected to b: later if they have to upgrade first.
func (s *Site) jumpointsReturn(b *Box) {
	boot := b.st.boot
	for i := range s.w.fleet.jumpoints {
		j := &s.w.fleet.jumpoints[i]
		d := s.Times.JumpointReturn
		if j.software != b.software() {
			d += s.Times.JumpointUpgrade
		}
		s.after(d, func() {
			if s.w.fleet.home == b && b.st.boot == boot && b.st.front != away && j.box == nil {
				j.box, j.software, j.connect = b, b.software(), s.w.now
			}
		})
	}
}

func jumpointName(i int) string { return fmt.Sprintf("jumpoint-%d", i+1) }

// growFleet adds active Jump Clients until there are n.
func (s *Site) growFleet(n int) {
	fl := &s.w.fleet
	at := fl.seconds(s.w.now)
	for fl.home != nil && len(fl.clients) < n {
		fl.clients = append(fl.clients, client{version: fl.version(fl.home), connect: at, state: idle, box: s.number(fl.home)})
	}
}
