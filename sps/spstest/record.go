package spstest

import (
	"fmt"
	"strings"
	"time"
)

// Event is something that happened to a simulated appliance: the truth a report is compared with.
type Event struct {
	At     time.Time // of the simulation: of this process or bubble, not of the appliance's clock, which may be wrong
	Node   string    // [Node.Name]
	What   What
	Detail string // a version, a slot, a button; empty where there is nothing to add
}

// String returns one line: time, node, what, detail.
func (e Event) String() string {
	s := e.At.UTC().Format("2006-01-02 15:04:05") + " " + e.Node + ": " + string(e.What)
	if e.Detail != "" {
		s += " (" + e.Detail + ")"
	}
	return s
}

// What says what happened.
type What string

// What may happen. The acts of a client, a person or a power button come first; then what follows from them.
const (
	Login          What = "login"
	LoginRefused   What = "login refused"
	Agreed         What = "agreement"         // a licence agreement was accepted
	Upload         What = "upload"            // an image has arrived in a slot: "7.0.2.1 in slot 2"
	Fetch          What = "fetch"             // a download was ordered
	Test           What = "test"              // a firmware test ran: "slot 2: ok"
	Upgrade        What = "upgrade"           // POST /api/firmware/upgrade was accepted
	MarkSlot       What = "after reboot"      // a slot was selected for the next boot
	DeleteSlot     What = "delete slot"       //
	ReadNotes      What = "read notes"        // the upgrade notes were opened on the page
	Press          What = "press"             // a button, by a person, a browser or Pages: "Basic Settings > High Availability | Other node | Shutdown"
	Reboot         What = "reboot"            // ordered; the node is still up for a moment
	Shutdown       What = "shutdown"          // ordered
	ActivateSlave  What = "activate slave"    //
	PowerOn        What = "power on"          // by the power button or the BMC
	PowerOff       What = "power off"         // likewise, hard
	Export         What = "export"            // the configuration was exported
	Bundle         What = "support bundle"    // a support bundle was downloaded
	OpenLock       What = "transaction"       // a transaction was opened
	Commit         What = "commit"            // a transaction was committed
	SessionsKilled What = "sessions ended"    // all sessions, by a fault
	Down           What = "down"              // the node stopped answering
	Boot           What = "boot"              // the node began to boot: the version it boots
	Up             What = "up"                // the node serves: the version it runs
	Reverted       What = "reverted"          // a boot into the new version failed, the old one is back
	Rescue         What = "rescue"            // a boot failed for good; SSH is open on every interface
	Dead           What = "dead"              // a boot failed for good, without a sign
	Takeover       What = "takeover"          // a node became the active one
	Firmware       What = "firmware received" // the secondary has received what the primary was given
	SyncBegun      What = "sync begun"        //
	SyncDone       What = "sync done"         //
	SplitBrain     What = "split brain"       //
	IndexCorrupted What = "index corrupted"   // an old search minion met a new search master
	AuditStopped   What = "audit stopped"     // a node audits nothing until all of its cluster are upgraded
	AuditResumed   What = "audit resumed"     //
	UnknownRequest What = "unknown request"   // no such method and path in the vendor's documents
)

// Violation is something that must never be done to an appliance, and was.
type Violation struct {
	Event
	Rule string // what was broken, as a sentence
}

// String returns the event and the rule it broke.
func (v Violation) String() string { return v.Event.String() + ": " + v.Rule }

// note adds an event. With the lock held.
func (w *world) note(node string, what What, format string, a ...any) Event {
	e := Event{At: w.now(), Node: node, What: what, Detail: fmt.Sprintf(format, a...)}
	w.record = append(w.record, e)
	return e
}

// violate says that a rule was broken, by what. With the lock held.
func (n *Node) violate(rule string, what What, format string, a ...any) {
	w := n.world
	w.violations = append(w.violations, Violation{Event{At: w.now(), Node: n.name(), What: what, Detail: fmt.Sprintf(format, a...)}, rule})
}

func (n *Node) note(what What, format string, a ...any) Event {
	return n.world.note(n.name(), what, format, a...)
}

// Record is a history in order.
type Record []Event

// Of returns the events of one kind, in order.
func (r Record) Of(what What) Record {
	var out Record
	for _, e := range r {
		if e.What == what {
			out = append(out, e)
		}
	}
	return out
}

// On returns the events of one node, in order.
func (r Record) On(node string) Record {
	var out Record
	for _, e := range r {
		if e.Node == node {
			out = append(out, e)
		}
	}
	return out
}

// String returns one line an event.
func (r Record) String() string {
	var b strings.Builder
	for _, e := range r {
		fmt.Fprintln(&b, e)
	}
	return b.String()
}
