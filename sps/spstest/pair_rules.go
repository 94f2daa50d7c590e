package spstest

// judge says which rules an act on a node of the pair breaks, before it happens. With the lock held.
//
// The rules are those that follow from the guide's order and its warnings (SPS 7.0.2.1 LTS, Upgrading a High Availability cluster; Controlling SPS;
// Recovering from a split brain situation).
func (p *Pair) judge(n *Node, what What) {
	other := p.other(n)
	serves := func(m *Node) bool { return m == p.active && m.phase == phaseUp }
	if p.parted {
		n.violate("a node was acted on while the pair is in split brain", what, "")
		return
	}
	switch what {
	case Shutdown, PowerOff:
		if !n.power {
			return
		}
		if n == p.active && other.phase == phaseUp && p.inStep() && p.A.running() == p.B.running() {
			return // the other node takes over
		}
		if !serves(other) {
			n.violate("a node was switched off while the other did not serve", what, "")
		}
	case Reboot:
		switch {
		case n != p.active:
			if !serves(other) {
				n.violate("a node was rebooted while the other did not serve", what, "")
			}
		case p.sync != nil:
			n.violate("the primary was rebooted while data was copied to the secondary", what, "")
		case other.power:
			n.violate("the primary was rebooted while the secondary was on", what, "")
		case p.alone > 0:
			n.violate("the primary was rebooted twice while the secondary was off", what, "")
		case other.slots[other.next].version != n.slots[n.next].version:
			n.violate("the primary was rebooted before the secondary had the new firmware", what, "")
		}
		if n == p.active {
			p.alone++
		}
	case PowerOn:
		if !n.power && n != p.active && p.active != nil && p.active.phase != phaseUp {
			n.violate("the secondary was powered on before the primary served", what, "")
		}
	case ActivateSlave:
		if !p.inStep() || p.A.running() != p.B.running() || other.phase != phaseUp {
			n.violate("Activate Slave was pressed while the nodes were not in step", what, "")
		}
	}
}
