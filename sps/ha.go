package sps

import (
	"fmt"
	"strings"
)

// HA is what the page Basic Settings > High Availability shows. Words are kept as the appliance spells them; compare them
// with the methods of their types, which ignore case. What the page does not show is empty, and empty is never good.
type HA struct {
	Status    HAStatus        `json:"status"`
	DRBD      DRBDStatus      `json:"drbd,omitempty"`
	Heartbeat HeartbeatStatus `json:"heartbeat,omitempty"` // of the redundant heartbeat interfaces
	NextHop   string          `json:"next_hop,omitempty"`  // next hop monitoring, as shown: an unreachable router may force a takeover
	Progress  string          `json:"progress,omitempty"`  // of a synchronisation under way, as shown
	This      HANode          `json:"this"`                // the node that serves the page, the primary
	Other     HANode          `json:"other"`               // the secondary; zero when none is seen
}

// HANode is one node of a pair, as the page shows it.
type HANode struct {
	ID       string      `json:"id,omitempty"`
	State    NodeHAState `json:"state,omitempty"`
	UUID     string      `json:"uuid,omitempty"`     // the same on both nodes of a sound pair
	Firmware string      `json:"firmware,omitempty"` // as shown; see [HANode.Runs]
	RAID     string      `json:"raid,omitempty"`
}

// Runs reports whether the node shows exactly the version v. What is no version is never v.
func (n HANode) Runs(v Version) bool {
	shown, err := ParseVersion(n.Firmware)
	return err == nil && shown.Same(v)
}

// IsZero reports whether nothing is known of the node.
func (n HANode) IsZero() bool { return n == HANode{} }

// HAStatus is the pair's status. Others than the known ones may occur and are kept as they are.
type HAStatus string

// HA statuses (SPS Administration Guide, Understanding SPS cluster statuses). Those marked (*) are remembered from the
// same page, whose copy could not be read to its end. Guides also write them in capitals.
const (
	HAStandalone   HAStatus = "Standalone"              // one unit, or two that are not converted
	HAGood         HAStatus = "HA"                      // both nodes in HA mode with the same UUID: the only good one
	HAHalf         HAStatus = "Half"                    // one node standalone, the other in HA mode
	HABroken       HAStatus = "Broken"                  // UUIDs differ: Support
	HADegraded     HAStatus = "Degraded"                // one node vanished
	HADegradedDisk HAStatus = "Degraded (Disk Failure)" // (*)
	HADegradedSync HAStatus = "Degraded Sync"           // (*) the first full synchronisation
	HASplitBrain   HAStatus = "Split brain"             // neither reboot nor shut down
	HAInvalidated  HAStatus = "Invalidated"             // (*) one node's data is about to be overwritten
	HAConverted    HAStatus = "Converted"               // (*) before the reboot that makes it HA
)

// OK reports whether the status is the good one.
func (s HAStatus) OK() bool { return strings.EqualFold(string(s), string(HAGood)) }

// Degraded reports whether the status begins with "Degraded", as several do.
func (s HAStatus) Degraded() bool { return hasPrefixFold(string(s), string(HADegraded)) }

// SplitBrain reports whether the nodes have parted.
func (s HAStatus) SplitBrain() bool { return splitBrain(string(s)) }

// DRBDStatus is the status of the data replication between the nodes. Others may occur and are kept as they are.
type DRBDStatus string

// DRBD statuses, remembered from the SPS Administration Guide, Understanding SPS cluster statuses, whose copy could not be read
// to its end.
const (
	DRBDConnected    DRBDStatus = "Connected" // the good one
	DRBDDiskFailure  DRBDStatus = "Connected (Disk Failure)"
	DRBDInvalidated  DRBDStatus = "Invalidated"
	DRBDSyncSource   DRBDStatus = "Sync source" // do not reboot the primary
	DRBDSyncTarget   DRBDStatus = "Sync target"
	DRBDSplitBrain   DRBDStatus = "Split brain"
	DRBDWFConnection DRBDStatus = "WFConnection" // waits for the other node
)

// OK reports whether the nodes are connected and in step.
func (s DRBDStatus) OK() bool { return strings.EqualFold(string(s), string(DRBDConnected)) }

// Syncing reports whether data is being copied from one node to the other. DRBD's own spellings, SyncSource and SyncTarget,
// count too.
func (s DRBDStatus) Syncing() bool {
	word := strings.ReplaceAll(string(s), " ", "")
	return strings.EqualFold(word, "SyncSource") || strings.EqualFold(word, "SyncTarget")
}

// SplitBrain reports whether the nodes have parted.
func (s DRBDStatus) SplitBrain() bool { return splitBrain(string(s)) }

// HeartbeatStatus is the status of the redundant heartbeat interfaces. Others may occur and are kept as they are.
type HeartbeatStatus string

// Redundant heartbeat statuses, remembered from the SPS 6.0.5 Administration Guide, Redundant heartbeat interfaces.
const (
	HeartbeatNotUsed         HeartbeatStatus = "NOT USED"
	HeartbeatOK              HeartbeatStatus = "OK"
	HeartbeatDegradedWorking HeartbeatStatus = "DEGRADED-WORKING" // at least one works; also between configuring and the restart
	HeartbeatDegraded        HeartbeatStatus = "DEGRADED"
	HeartbeatInvalid         HeartbeatStatus = "INVALID" // Support
)

// OK reports whether the interfaces work, or are not used.
func (s HeartbeatStatus) OK() bool {
	return strings.EqualFold(string(s), string(HeartbeatOK)) || strings.EqualFold(string(s), string(HeartbeatNotUsed))
}

// NodeHAState is a node's own state.
type NodeHAState string

// Node states (SPS Administration Guide, Understanding SPS cluster statuses).
const (
	NodeStandalone NodeHAState = "standalone"
	NodeHA         NodeHAState = "HA"
)

// SplitBrain reports whether anything on the page speaks of a split brain: then no node may be rebooted or shut down (SPS
// Administration Guide, Recovering from a split brain situation).
func (h HA) SplitBrain() bool { return h.Status.SplitBrain() || h.DRBD.SplitBrain() }

// Issues lists what is wrong with the pair, worst first, each as a sentence for people; none means that it is sound. A word
// that is not known to be good is an issue.
func (h HA) Issues() []string {
	var list []string
	add := func(bad bool, format string, args ...any) {
		if bad {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	add(h.SplitBrain(), "split brain: neither reboot nor shut down a node, call Support")
	add(!h.Status.OK(), "HA status is %q, want %q", h.Status, HAGood)
	add(!h.DRBD.OK(), "DRBD status is %q, want %q", h.DRBD, DRBDConnected)
	add(h.Heartbeat != "" && !h.Heartbeat.OK(), "redundant heartbeat is %q, want %q or %q", h.Heartbeat, HeartbeatOK, HeartbeatNotUsed)
	add(h.This.UUID != h.Other.UUID, "HA UUIDs differ: %q and %q", h.This.UUID, h.Other.UUID)
	this, err := ParseVersion(h.This.Firmware)
	add(err != nil || !h.Other.Runs(this), "firmware differs or is not known: this node %q, other node %q", h.This.Firmware, h.Other.Firmware)
	return list
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// splitBrain also knows the log's spelling, "Split-Brain".
func splitBrain(s string) bool {
	return strings.Contains(strings.ReplaceAll(strings.ToLower(s), "-", " "), "split brain")
}
