package spstest

import (
	"fmt"
	"strings"
	"time"
)

// wired is the node whose power this one's button switches: itself, unless somebody crossed the cables. With the lock held.
func (n *Node) wired() *Node {
	if n.pair != nil && n.pair.crossed {
		return n.pair.other(n)
	}
	return n
}

// PowerState reports whether the node has power, as its BMC sees it: also while it boots, and when it has failed to.
func (n *Node) PowerState() (on bool) {
	n.begin()
	n.world.in(func() { on = n.wired().power })
	return on
}

// PowerOn presses the power button of a node that is off: it boots. On a node that is on it does nothing.
func (n *Node) PowerOn() {
	n.begin()
	n.world.in(func() {
		n := n.wired()
		n.judge(PowerOn)
		n.note(PowerOn, "")
		if !n.power {
			n.power = true
			n.boot()
		}
	})
}

// PowerOff takes the power away at once, whatever the node is doing.
func (n *Node) PowerOff() {
	n.begin()
	n.world.in(func() { n.wired().powerOff() })
}

// PowerCycle takes the power away and gives it back.
func (n *Node) PowerCycle() {
	n.begin()
	n.world.in(func() {
		n := n.wired()
		n.powerOff()
		n.note(PowerOn, "")
		n.power = true
		n.boot()
	})
}

func (n *Node) powerOff() {
	n.judge(PowerOff)
	n.note(PowerOff, "")
	if n.phase == phaseBooting && n.next != n.current {
		n.fate = fateRescue // the power went in the middle of an upgrade
	}
	n.goDown(false)
}

// judge says which rules an act on the node breaks, before it happens. With the lock held.
func (n *Node) judge(what What) {
	if n.phase == phaseBooting && what != PowerOn {
		n.violate("a node that boots was acted on", what, "")
	}
	if n.pair != nil {
		n.pair.judge(n, what)
	}
}

// Console returns what the local console has shown since the last boot began: the same progress as the page in the browser (SPS 7.0.2.1 LTS, Upgrade
// checklist). Its words are made up.
func (n *Node) Console() string {
	n.begin()
	n.world.lock()
	defer n.world.unlock()
	mine := Record(n.world.record).On(n.name())
	for i := len(mine) - 1; i >= 0; i-- {
		if mine[i].What == Boot {
			mine = mine[i:]
			break
		}
	}
	var b strings.Builder
	for _, e := range mine {
		stamp := e.At.Add(n.ClockOffset).UTC().Format(time.DateTime)
		switch e.What {
		case Boot:
			fmt.Fprintf(&b, "%s Starting core firmware %s\n", stamp, e.Detail)
		case Up:
			fmt.Fprintf(&b, "%s %s login:\n", stamp, n.name())
		case Reverted:
			fmt.Fprintf(&b, "%s Upgrade failed, reverting: %s\n", stamp, e.Detail)
		case Rescue:
			fmt.Fprintf(&b, "%s Upgrade failed and cannot be reverted; SSH access enabled\n", stamp)
		case Dead:
			fmt.Fprintf(&b, "%s Kernel panic\n", stamp)
		}
	}
	return b.String()
}
