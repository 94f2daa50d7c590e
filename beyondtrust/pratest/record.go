package pratest

import (
	"fmt"
	"maps"
	"strings"
	"time"
)

// Event is something that happened: the truth a report is compared with.
type Event struct {
	At     time.Time // of this process or bubble, not of the appliance's clock, which may be wrong
	Box    string    // [Box.Name]; "" for the network, the update server and the clients
	What   What
	Detail string
}

// String is the event on one line: time, appliance, what, detail.
func (e Event) String() string {
	s := e.At.UTC().Format("2006-01-02 15:04:05") + " " + e.Box + ": " + string(e.What)
	if e.Detail != "" {
		s += " (" + e.Detail + ")"
	}
	return s
}

// What is a kind of event.
type What string

// What may happen. Reads are only counted, see [Site.Calls].
const (
	Agreed         What = "agreement"     // a licence agreement at the sign-in was accepted
	Press          What = "press"         // a button: page, row and button
	Call           What = "call"          // an API request that acts
	Refused        What = "refused"       // an act that the appliance turned down, and why
	Down           What = "down"          // it answers no longer
	Up             What = "up"            // it answers again
	Upload         What = "upload"        // a package, by hand
	Download       What = "download"      // an automatic installation has begun with its download
	Install        What = "install"       // an installation: the package
	Installed      What = "installed"     // it ended well: the package
	NotInstalled   What = "not installed" // it ended otherwise, and how
	SyncBegun      What = "sync begun"
	SyncDone       What = "sync done" // and its status
	RoleChange     What = "role"      // the new role
	Establish      What = "establish" // the backup
	Break          What = "break"     //
	Promote        What = "promote"   // a backup, by itself
	AddressSet     What = "address"   // the address, and whether it is enabled
	NameMoved      What = "name moved"
	BackupTaken    What = "backup"
	Restore        What = "restore"
	FactoryReset   What = "factory reset"
	ShutDown       What = "shut down"
	Restart        What = "restart" // by its power
	Setting        What = "setting"
	Certificate    What = "certificate" // exported, imported, assigned
	Serve          What = "served"      // a package, by the update server
	Agree          What = "agree"       // to a licence agreement
	End            What = "ended"       // a session or a console
	TokenDead      What = "token dead"  // evicted, or all of them
	Flood          What = "flood"       // by its clients
	FaultPlayed    What = "fault"       // one that was planned
	ScenarioPlayed What = "scenario"
	UnknownRequest What = "unknown request" // one that no document knows
)

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

// On returns the events of one appliance, in order.
func (r Record) On(box string) Record {
	var out Record
	for _, e := range r {
		if e.Box == box {
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

// Record returns what has happened so far.
func (s *Site) Record() Record {
	s.lock()
	defer s.mu.Unlock()
	return append(Record(nil), s.w.record...)
}

// Violations returns what must not have happened, in order. A healthy run has none.
func (s *Site) Violations() []Violation {
	s.lock()
	defer s.mu.Unlock()
	return append([]Violation(nil), s.w.violations...)
}

// Calls returns how often each call was made, on all appliances: "GET /check_health", "press Sync Now", "read".
func (s *Site) Calls() map[string]int {
	s.lock()
	defer s.mu.Unlock()
	return maps.Clone(s.w.calls)
}

// note adds an event; b may be nil.
func (s *Site) note(b *Box, what What, format string, args ...any) Event {
	e := Event{At: s.w.now, What: what, Detail: fmt.Sprintf(format, args...)}
	if b != nil {
		e.Box = b.Name
	}
	s.w.record = append(s.w.record, e)
	return e
}
