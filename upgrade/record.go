package upgrade

import (
	"encoding/json"
	"time"
)

// Kind says what a record is about.
type Kind string

// Kinds of records. A journal with a kind this version does not know is refused: it was written by a newer one.
const (
	KindPlan      Kind = "plan"      // first record: the procedure as data
	KindRun       Kind = "run"       // a run begins
	KindFrom      Kind = "from"      // a run begins in the middle, as the answer before it confirms; Skips is what stands before
	KindChanged   Kind = "changed"   // a changed procedure goes on with this journal; Plan is the new one, Skips is never run
	KindGuard     Kind = "guard"     // a guard's first look
	KindWaiting   Kind = "waiting"   // the window has not opened yet
	KindIntent    Kind = "intent"    // about to act; on disk before the act
	KindSent      Kind = "sent"      // the act returned
	KindSeen      Kind = "seen"      // the evidence changed after the act
	KindEvidence  Kind = "evidence"  // Artifacts show what a step, or a guard, saw or did
	KindAnswer    Kind = "answer"    // a person answered
	KindDone      Kind = "done"      // a step is done
	KindSkipped   Kind = "skipped"   // a step is not looked at: an earlier run finished it
	KindHeld      Kind = "held"      // a hold ended a run
	KindStopped   Kind = "stopped"   // a step ended the run
	KindLeft      Kind = "left"      // a restore found a person's change and left it
	KindEnd       Kind = "end"       // a run ended
	KindVigil     Kind = "vigil"     // the answer to a vigil changed
	KindAbandoned Kind = "abandoned" // the journal was given up; nothing runs on it any more
)

// A Record is one line of a journal. Which fields are set depends on the kind.
type Record struct {
	Kind      Kind            `json:"kind"`
	At        time.Time       `json:"at"`
	Run       int             `json:"run,omitempty"`  // 1 for the first run on a journal
	Path      string          `json:"path,omitempty"` // the step, or the guard's name
	Phase     *Phase          `json:"phase,omitempty"`
	Detail    string          `json:"detail,omitempty"`
	Evidence  json.RawMessage `json:"evidence,omitempty"`
	Err       string          `json:"err,omitempty"`     // what an act or a look said
	Class     string          `json:"class,omitempty"`   // of a sent record: "not sent", "not pressed", "refused" or empty
	By        string          `json:"by,omitempty"`      // of an intent: "machine" or "person"; of an answer: who
	Question  *Question       `json:"question,omitzero"` // of an answer
	Answer    string          `json:"answer,omitempty"`
	Outcome   Outcome         `json:"outcome,omitzero"`
	Advice    string          `json:"advice,omitempty"`
	Plan      *PlanData       `json:"plan,omitempty"`
	Skips     []string        `json:"skips,omitempty"`     // the paths of steps that are not run: they stand before the place where the run goes on
	Artifacts []string        `json:"artifacts,omitempty"` // of an evidence record: the names under which pages were stored; Err says why others were not
	Already   bool            `json:"already,omitempty"`   // of a done record: it was so at the first look
}

// Classes of a sent record that say that nothing happened.
const (
	classNotSent    = "not sent"
	classNotPressed = "not pressed"
	classRefused    = "refused"
)
