package pratest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// tick keeps the clients' clock going, a step a second of the appliances' time, as long as somebody waits for something.
func (s *Site) tick() {
	if fl := &s.w.fleet; !fl.ticking {
		fl.ticking = true
		s.after(time.Second, s.step)
	}
}

// step lets some of the returning connect and some of the pending begin their upgrade.
func (s *Site) step() {
	fl := &s.w.fleet
	fl.ticking = false
	b := fl.home
	if b == nil || b.st.front != open {
		return
	}
	d := b.st.data
	n := min(max(d.rate, 1), len(fl.back))
	for _, i := range fl.back[:n] {
		s.connect(b, i)
	}
	fl.back = fl.back[n:]
	for len(fl.waiting) > 0 && fl.upgrading < d.concurrent {
		i := fl.waiting[0]
		fl.waiting = fl.waiting[1:]
		fl.clients[i].state = upgrading
		fl.upgrading++
		boot := b.st.boot
		s.after(s.upgradeTime(b), func() { s.upgraded(b, boot, i) })
	}
	if len(fl.back) == 0 {
		fl.back = nil
	}
	if len(fl.waiting) == 0 {
		fl.waiting = nil
	}
	if over := fl.upgrading > s.Fleet.Capacity; over && fl.flooded != b {
		fl.flooded = b
		s.note(b, Flood, "%d upgrades at once", fl.upgrading)
		s.violate(b, RuleFlooded, "%d upgrades at once, it bears %d", fl.upgrading, s.Fleet.Capacity)
	} else if !over && fl.flooded == b {
		fl.flooded = nil
	}
	if len(fl.back) > 0 || len(fl.waiting) > 0 {
		s.tick()
	}
}

// upgradeTime is how long one upgrade takes now: its own time, or the bandwidth's when that is shared by too many.
func (s *Site) upgradeTime(b *Box) time.Duration {
	fl := &s.w.fleet
	t := s.Times.ClientUpgrade
	if w := b.st.data.bandwidth; w > 0 {
		t = max(t, time.Duration(fl.upgrading*s.Fleet.ClientSize)*time.Second/time.Duration(w))
	}
	if fl.upgrading > s.Fleet.Capacity {
		t *= 10
	}
	return t
}

// connect is a client's check-in at b. It does not come when it does not trust b's certificate, or is newer than b.
func (s *Site) connect(b *Box, i int32) {
	fl := &s.w.fleet
	c := &fl.clients[i]
	if c.state != returning {
		return
	}
	v := fl.versions[c.version]
	if v.trusts != b.chain() || newer(v.software, b.software()) {
		c.state = disconnected
		return
	}
	now := max(fl.seconds(s.w.now), c.disconnect+1) // a second is the finest these times know: whoever is back was away before
	c.state, c.box, c.connect = idle, s.number(b), now
	switch {
	case v.software != b.software() && b.st.data.automatic != beyondtrust.UpgradesDisabled:
		c.state = pending
		fl.waiting = append(fl.waiting, i)
		s.tick()
	case c.kind == passive:
		c.state, c.box, c.disconnect = disconnected, 0, now+1
	}
}

// newer reports whether a client of software x is too new for an appliance with y.
func newer(x, y string) bool {
	xn, _, _ := strings.Cut(x, " ")
	yn, _, _ := strings.Cut(y, " ")
	return beyondtrust.CompareNumbers(xn, yn) > 0
}

// upgraded ends a client's upgrade: it comes back with what b runs, if it trusts b then.
func (s *Site) upgraded(b *Box, boot int, i int32) {
	fl := &s.w.fleet
	c := &fl.clients[i]
	if b.st.boot != boot || fl.home != b || c.state != upgrading {
		return
	}
	fl.upgrading--
	now := fl.seconds(s.w.now)
	c.version = fl.version(b)
	c.disconnect = now
	if c.kind == passive || fl.versions[c.version].trusts != b.chain() {
		c.state, c.box, c.disconnect = disconnected, 0, now+1
	} else {
		c.state, c.connect = idle, now+1
	}
	s.tick()
}

// passivePhase lets one group of the passive clients check in.
func (s *Site) passivePhase() {
	fl := &s.w.fleet
	if fl.home != nil && fl.home.st.front == open {
		for _, i := range fl.passives[fl.phase] {
			if c := &fl.clients[i]; c.state == disconnected {
				c.state = returning
				fl.back = append(fl.back, i)
			}
		}
		s.tick()
	}
	fl.phase = (fl.phase + 1) % phases
	s.after(s.Times.PassiveEvery/phases, s.passivePhase)
}

// flooded reports whether b suffers from its clients.
func (s *Site) flooded(b *Box) bool { return s.w.fleet.flooded == b }

// slowness is what each request to b waits: nothing, or much when it is flooded.
func (s *Site) slowness(b *Box) time.Duration {
	if s.flooded(b) {
		return 10 * time.Second
	}
	return 0
}

// pinned is how many idle Jump Clients are connected to b.
func (s *Site) pinned(b *Box) int {
	n, box := 0, s.number(b)
	for i := range s.w.fleet.clients {
		if c := &s.w.fleet.clients[i]; c.box == box && c.state != disconnected && c.state != returning {
			n++
		}
	}
	return n
}

// Ids of Jump Clients are not their places in a list.
func clientID(i int) int         { return 1001 + 3*i }
func clientIndex(id int) int     { return (id - 1001) / 3 }
func clientName(i int) string    { return fmt.Sprintf("host-%05d", i+1) }
func clientNumber(id string) int { n, _ := strconv.Atoi(id); return n }

// Returned reports how many Jump Clients that can return have done so, on b: connected at least once since it runs what it runs, and with its software.
// All is their number without those that are switched off for good.
func (s *Site) Returned(b *Box) (returned, all int) {
	s.lock()
	defer s.mu.Unlock()
	fl := &s.w.fleet
	for i := range fl.clients {
		c := &fl.clients[i]
		if c.kind == offline {
			continue
		}
		all++
		if fl.versions[c.version].software == b.software() && (c.kind == passive || c.box == s.number(b)) {
			returned++
		}
	}
	return returned, all
}
