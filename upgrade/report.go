package upgrade

import (
	"encoding/json"
	"time"
)

// A Report says what happened, as far as a journal knows. It is a pure function of the journal's records: [ReportOf] on
// the same records gives the same report, on any machine, at any time. Its JSON form is stable; its text form is for people.
type Report struct {
	Procedure string        `json:"procedure"`
	Source    string        `json:"source,omitempty"`
	Digest    string        `json:"digest"`
	Outcome   Outcome       `json:"outcome"` // of the newest run; none while it goes on, or when it was killed
	Next      string        `json:"next"`    // what to do now
	Err       string        `json:"error,omitempty"`
	DryRun    bool          `json:"dry_run,omitempty"`
	Abandoned bool          `json:"abandoned,omitempty"`
	Runs      []RunReport   `json:"runs"`
	Steps     []StepReport  `json:"steps"`            // without groups, in the guide's order, restores behind all
	Guards    []GuardReport `json:"guards,omitempty"` // those of which pages were kept
	Holds     []HoldReport  `json:"holds,omitempty"`
	Owed      []OwedReport  `json:"owed,omitempty"` // temporary changes that were not put back
	Answers   []Answered    `json:"answers,omitempty"`
	Changes   []string      `json:"changes,omitempty"` // how the procedure was changed between runs

	Exposed []ExposedReport `json:"exposed,omitempty"` // what was missing for a time: failover, redundancy
	Vigils  []VigilReport   `json:"vigils,omitempty"`  // the outage, as somebody sees it who asks all along
}

// A RunReport is one run. A run without an end was killed, or goes on.
type RunReport struct {
	N       int       `json:"n"`
	Began   time.Time `json:"began"`
	Ended   time.Time `json:"ended,omitzero"`
	Outcome Outcome   `json:"outcome,omitzero"`
	Err     string    `json:"error,omitempty"`
}

// Status is where a step stands.
type Status string

// Statuses.
const (
	StatusOpen     Status = "open"         // not reached
	StatusDone     Status = "done"         // acted, and proven; or a check that held
	StatusAlready  Status = "already done" // found done at the first look, also of a dry run
	StatusSkipped  Status = "skipped"      // never run: it stands before the place where the run went on; in a dry run: not looked at
	StatusHeld     Status = "held"
	StatusStopped  Status = "stopped"   // ended the run before its act
	StatusInFlight Status = "in flight" // acted, and not proven
	StatusLeft     Status = "left"      // a restore that found a person's change
)

// A StepReport is one step.
type StepReport struct {
	Path     string          `json:"path"`
	Ref      string          `json:"ref,omitempty"`
	Who      Who             `json:"who"`
	Status   Status          `json:"status"`
	Acts     int             `json:"acts,omitempty"` // acts that were not proven never to have happened
	By       string          `json:"by,omitempty"`   // who acted: "machine" or "person"
	Acted    time.Time       `json:"acted,omitzero"` // the first act
	Ended    time.Time       `json:"ended,omitzero"`
	Detail   string          `json:"detail,omitempty"`
	Said     string          `json:"said,omitempty"` // what the newest act said, if it was an error
	Evidence json.RawMessage `json:"evidence,omitempty"`
	Outage   time.Duration   `json:"outage_ns,omitempty"` // expected
	Kept
}

// Kept names the artifacts that show what was seen and done, in the order in which they were stored.
type Kept struct {
	Artifacts []string `json:"artifacts,omitempty"`
	NotKept   string   `json:"not_kept,omitempty"` // why the newest that is missing could not be stored
}

func (k *Kept) add(r Record) {
	k.Artifacts = append(k.Artifacts, r.Artifacts...)
	if r.Err != "" {
		k.NotKept = r.Err
	}
}

// A GuardReport is what was kept of a guard's looks.
type GuardReport struct {
	Name string `json:"name"`
	Kept
}

// Took returns how long the step took from its first act to its end; 0 for a check.
func (s StepReport) Took() time.Duration {
	if s.Acted.IsZero() || s.Ended.IsZero() {
		return 0
	}
	return s.Ended.Sub(s.Acted)
}

// A HoldReport says how long a procedure was held, and why that should not last.
type HoldReport struct {
	Path  string    `json:"path"`
	Soon  string    `json:"soon,omitempty"`
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"` // zero: still held
}

// An ExposedReport says for how long a step left the site without something, until a later step gave it back.
type ExposedReport struct {
	Path  string    `json:"path"`
	What  string    `json:"what"` // "the site has no failover"
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"` // zero: it is missing still
	End   string    `json:"end"`            // the step that gives it back
}

// An OwedReport names a temporary change that was not put back, and what was there before.
type OwedReport struct {
	Path   string          `json:"path"`
	Before json.RawMessage `json:"before,omitempty"`
	Detail string          `json:"detail,omitempty"` // why not
}

// An Answered is what a person said.
type Answered struct {
	At       time.Time    `json:"at"`
	Step     string       `json:"step"`
	Kind     QuestionKind `json:"kind"`
	Question string       `json:"question,omitempty"`
	Answer   string       `json:"answer"`
	By       string       `json:"by,omitempty"`
}
