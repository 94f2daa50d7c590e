package upgrade

import "time"

// EventKind says what happened.
type EventKind string

// Kinds of events. Others may be added.
const (
	EventRun     EventKind = "run"     // a run begins or goes on; Detail says which
	EventWindow  EventKind = "window"  // waiting for the window to open
	EventBegin   EventKind = "begin"   // a step or group begins
	EventLook    EventKind = "look"    // a look was taken: Phase, Detail
	EventAsk     EventKind = "ask"     // a person is asked
	EventAct     EventKind = "act"     // the intent is on disk, the act begins
	EventMoves   EventKind = "moves"   // an act that moves a file, every ten seconds: Pending while it moves, Unknown while it stands still; Detail
	EventSent    EventKind = "sent"    // the act returned; Err is its hint
	EventDone    EventKind = "done"    // a step is done
	EventSkip    EventKind = "skip"    // a step was finished by an earlier run, or stands before the beginning
	EventRestore EventKind = "restore" // a temporary change is being put back
	EventVigil   EventKind = "vigil"   // somebody else answers a vigil, or nobody: Detail; Path is the name of the vigil
	EventWorry   EventKind = "worry"   // a step takes longer than expected by far: Detail
	EventStop    EventKind = "stop"    // a step ends the run
	EventEnd     EventKind = "end"     // the run ended; Outcome
)

// An Event is one thing that happened in a run. Events are for showing; the journal is the record.
type Event struct {
	Kind    EventKind
	At      time.Time
	Path    string // the step; empty for the run itself; "guard NAME" for a guard
	Ref     string
	Phase   Phase
	Detail  string
	Err     error
	Outcome Outcome
	Since   time.Time // when the step acted, for how long it has taken so far; zero before
}
