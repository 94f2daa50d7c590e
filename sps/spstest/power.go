package spstest

import "context"

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

// SetPower is [Node.PowerOn] or [Node.PowerOff], in the form in which a simulated BMC wants it. It never fails.
func (n *Node) SetPower(on bool) error {
	if on {
		n.PowerOn()
	} else {
		n.PowerOff()
	}
	return nil
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

// Button is the power button of a node, with the methods that the engine wants of one (upgrade.Power). Faults for "power state", "power on" and "power
// off" meet it; see [Node.Inject].
type Button struct{ node *Node }

// Button returns the node's power button.
func (n *Node) Button() Button {
	n.begin()
	return Button{n}
}

// State says "on" or "off".
func (b Button) State(ctx context.Context) (state string, err error) {
	err = b.node.faultyPage(ctx, "power state", func() error {
		state = map[bool]string{true: "on", false: "off"}[b.node.PowerState()]
		return nil
	})
	return state, err
}

// PowerOn is [Node.PowerOn].
func (b Button) PowerOn(ctx context.Context) error {
	return b.node.faultyPage(ctx, "power on", func() error { return b.node.SetPower(true) })
}

// PowerOff is [Node.PowerOff].
func (b Button) PowerOff(ctx context.Context) error {
	return b.node.faultyPage(ctx, "power off", func() error { return b.node.SetPower(false) })
}
