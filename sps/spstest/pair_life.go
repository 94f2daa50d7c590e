package spstest

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// lost is told when a node of the pair goes down. With the lock held.
func (p *Pair) lost(n *Node) {
	p.seen[n] = p.world.now()
	p.stopSync()
	other := p.other(n)
	if n != p.active {
		p.alone = 0
		if p.active != nil && p.active.phase == phaseUp {
			p.writes(p.active)
		}
		return
	}
	// A node that is not in step does not take over (SPS Administration Guide, Next-hop router monitoring).
	if other.phase == phaseUp && !p.parted && p.inStep() {
		p.active = nil
		p.takeover(other)
		return
	}
	if !n.power {
		p.active = nil
	}
}

// writes marks that a node has data the other one lacks.
func (p *Pair) writes(n *Node) {
	p.lastID++
	p.data[n] = append(slices.Clone(p.data[n]), p.lastID)
}

// takeover makes a node active after a moment without service. With the lock held.
func (p *Pair) takeover(to *Node) {
	p.moving = true
	p.world.after(cmp.Or(p.TakeoverTime, 20*time.Second), func() {
		p.moving = false
		if to.phase == phaseUp && p.active == nil {
			p.lead(to)
		}
	})
}

// lead makes n the active node now.
func (p *Pair) lead(n *Node) {
	p.active = n
	n.epoch++
	if p.SessionsEndAtTakeover {
		clear(n.sessions)
	}
	n.note(Takeover, "%s serves", n.name())
	if other := p.other(n); other.phase != phaseUp {
		p.writes(n)
	} else {
		p.meet()
	}
}

// back is told when a node of the pair has booted. With the lock held.
func (p *Pair) back(n *Node) {
	switch {
	case p.active == n:
		if p.other(n).phase == phaseUp {
			p.meet()
		} else {
			p.writes(n)
		}
	case p.active == nil && !p.moving:
		p.lead(n)
	case p.active != nil && p.active.phase != phaseUp:
		// The other one was to serve and does not: whoever is there first, serves.
		p.lead(n)
	default:
		p.meet()
	}
}

// meet is what happens when both nodes are up and see each other. With the lock held.
func (p *Pair) meet() {
	if p.active == nil || p.parted {
		return
	}
	second := p.other(p.active)
	if p.active.phase != phaseUp || second.phase != phaseUp {
		return
	}
	mine, theirs := p.data[p.active], p.data[second]
	switch {
	case slices.Equal(mine, theirs):
	case len(theirs) < len(mine) && slices.Equal(theirs, mine[:len(theirs)]):
		p.startSync(second)
	default:
		p.parted = true
		p.active.note(SplitBrain, "both nodes wrote data the other one lacks")
	}
	p.changed(p.active)
}

// startSync copies data to second, if both run the same version.
func (p *Pair) startSync(second *Node) {
	if second.running() != p.active.running() || p.sync != nil {
		return
	}
	second.note(SyncBegun, "")
	p.sync = p.world.after(cmp.Or(p.SyncTime, 10*time.Minute), func() {
		p.sync = nil
		p.data[second] = slices.Clone(p.data[p.active])
		second.note(SyncDone, "")
		if p.Preempts && second == p.A {
			p.active = nil
			p.takeover(second)
		}
	})
}

func (p *Pair) stopSync() {
	if p.sync != nil {
		p.sync.off = true
		p.sync = nil
	}
}

// inStep tells whether the secondary has all that the primary has.
func (p *Pair) inStep() bool { return p.sync == nil && slices.Equal(p.data[p.A], p.data[p.B]) }

// changed is told when the firmwares of a node change: the product carries them to the other node, after a while, if that is on then. With the lock held.
func (p *Pair) changed(n *Node) {
	if n != p.active {
		return
	}
	if p.copied != nil {
		p.copied.off = true
	}
	p.copied = p.world.after(cmp.Or(p.FirmwareTime, 3*time.Minute), func() {
		p.copied = nil
		p.carry(n)
	})
}

// carry gives the other node the firmwares of n, and the choice among them.
func (p *Pair) carry(n *Node) {
	to := p.other(n)
	if n.phase != phaseUp || to.phase != phaseUp || n != p.active || p.parted {
		return
	}
	runs := to.slots[to.current]
	next := n.slots[n.next].version
	before := slices.Clone(to.slots)
	slots := slices.Clone(n.slots)
	at := slices.IndexFunc(slots, func(s slot) bool { return s.version == runs.version })
	if at < 0 { // the primary has thrown away what the secondary runs: it keeps its own
		at = to.current
		slots[at] = runs
	}
	if slices.Equal(before, slots) && to.slots[to.next].version == next {
		return
	}
	to.slots, to.current = slots, at
	to.next = slices.IndexFunc(slots, func(s slot) bool { return s.version == next })
	if to.next < 0 {
		to.next = at
	}
	to.note(Firmware, "%s after reboot", to.slots[to.next].version)
}

// testIssue is what the HA check of the firmware test finds. Its words are made up.
func (p *Pair) testIssue() string {
	if st := p.shown(p.active).Status; !st.OK() {
		return fmt.Sprintf("status is %s", st)
	}
	return ""
}

// restUpgrade is POST /api/firmware/upgrade on a pair. What that does to the other node is not documented; of the sister product it is told that the
// other node has to be powered on by hand afterwards (SSB 6.10.0 Administration Guide, Upgrading an SSB cluster). With the lock held.
func (p *Pair) restUpgrade(n *Node) {
	n.violate("the REST upgrade was used on a pair", Upgrade, "")
	if p.copied != nil {
		p.copied.off = true
		p.copied = nil
	}
	p.carry(n)
	if other := p.other(n); other.phase == phaseUp && !n.Switches.UpgradeStays {
		other.shutdown()
		other.ordered.off = true
		other.goDown(false)
	}
}
