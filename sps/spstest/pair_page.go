package spstest

import (
	"cmp"
	"errors"
	"time"

	"github.com/changeover-sdk/changeover/sps"
)

// ha is what the page High Availability tells on node n: the truth as far as that node knows it.
func (n *Node) ha() sps.HA {
	if n.pair != nil {
		return n.pair.shown(n)
	}
	return sps.HA{Status: sps.HAStandalone, This: sps.HANode{ID: n.name(), State: sps.NodeStandalone, Firmware: n.running(), RAID: cmp.Or(n.Health.RAID, "OK")}}
}

// shown is the pair as node n shows it.
func (p *Pair) shown(n *Node) sps.HA {
	other := p.other(n)
	h := sps.HA{
		Status: sps.HAGood, DRBD: sps.DRBDConnected, Heartbeat: cmp.Or(p.Heartbeat, sps.HeartbeatNotUsed), NextHop: cmp.Or(p.NextHop, "off"),
		This: p.shownNode(n), Other: p.shownNode(other),
	}
	stale := other.phase != phaseUp && p.world.now().Sub(p.seen[other]) < p.world.scaled(cmp.Or(p.StaleFor, 5*time.Second)) && !p.seen[other].IsZero()
	switch {
	case p.parted:
		h.Status, h.DRBD = sps.HASplitBrain, sps.DRBDSplitBrain
	case stale:
	case other.phase != phaseUp:
		h.Status, h.DRBD, h.Other = sps.HADegraded, sps.DRBDWFConnection, sps.HANode{}
	case n.running() != other.running():
		h.Status, h.DRBD = sps.HADegraded, sps.DRBDWFConnection
	case p.sync != nil:
		h.Status, h.DRBD = cmp.Or(p.SyncStatus, sps.HADegradedSync), sps.DRBDSyncSource
		if n != p.active {
			h.DRBD = sps.DRBDSyncTarget
		}
		h.Progress = "synchronising, " + p.sync.at.Sub(p.world.now()).Round(time.Second).String() + " left"
	}
	h.Status, h.DRBD = cmp.Or(p.Status, h.Status), cmp.Or(p.DRBD, h.DRBD)
	return h
}

func (p *Pair) shownNode(n *Node) sps.HANode {
	firmware := n.slots[n.next].version
	if p.ShowRunning {
		firmware = n.running()
	}
	return sps.HANode{ID: n.name(), State: sps.NodeHA, UUID: p.uuid(), Firmware: firmware, RAID: cmp.Or(n.Health.RAID, "OK")}
}

// nothing is what the page shows where it has nothing to show.
const nothing = "-"

func (n *Node) highAvailability() screen {
	h := n.ha()
	status := []item{
		show(sps.LabelHAStatus, string(h.Status)), show(sps.LabelDRBD, cmp.Or(string(h.DRBD), nothing)), show(sps.LabelHeartbeat, cmp.Or(string(h.Heartbeat), nothing)),
		show(sps.LabelNextHop, cmp.Or(h.NextHop, nothing)), show("Synchronisation", cmp.Or(h.Progress, nothing)),
	}
	line := func(h sps.HANode) []item {
		return []item{
			show(sps.LabelNodeID, cmp.Or(h.ID, nothing)), show(sps.LabelNodeState, cmp.Or(string(h.State), nothing)), show(sps.LabelNodeUUID, cmp.Or(h.UUID, nothing)),
			show(sps.LabelFirmware, cmp.Or(h.Firmware, nothing)), show("RAID status", cmp.Or(h.RAID, nothing)),
		}
	}
	rows := []row{{"", status}, {sps.RowThisNode, append(line(h.This), n.rebootButton(n), n.shutdownButton(n))}}
	if p := n.pair; p != nil {
		other := p.other(n)
		rows[0].items = append(rows[0].items, n.atOnce(sps.ButtonActivateSlave, func() error { return p.activateSlave(n) }))
		rows = append(rows, row{sps.RowOtherNode, append(line(h.Other), n.rebootButton(other), n.shutdownButton(other))})
	}
	return screen{sps.PageHA, []section{{"", rows}}}
}

// activateSlave hands the service to the other node: the last step of the guide. With the lock held.
func (p *Pair) activateSlave(n *Node) error {
	p.judge(n, ActivateSlave)
	other := p.other(n)
	if p.parted || other.phase != phaseUp || !p.inStep() || p.A.running() != p.B.running() {
		return errors.New("the other node is not ready to take over")
	}
	n.note(ActivateSlave, "%s to %s", n.name(), other.name())
	p.active = nil
	p.takeover(other)
	return nil
}
