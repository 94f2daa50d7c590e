package upgrade

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"time"
)

// A Step is one action of a vendor's guide: how to see it and how to do it. It is plain data: print it, change it, insert it elsewhere.
//
// What a step may be follows from which functions it has:
//
//   - Observe and Act: the machine acts, and looking proves it.
//   - Observe and Ask: a person acts, and looking proves it.
//   - Observe, Act and Ask: the machine acts; where its Act returns [ErrNotPressed], the person is asked to.
//   - Observe alone: a check or a wait.
//   - Act alone: done when Act returns nil. If a crash hides that, a person is asked; it is never sent again.
//   - Ask alone: done when the person says so.
//   - Steps: a group. A group has no functions of its own.
//
// The zero value is not a valid step: it has no name and does nothing.
type Step struct {
	Name string            // imperative, unique among its siblings, without a slash: "activate slave"
	Ref  string            // the guide's own number or heading; empty where the guide has none
	On   []string          // the appliances it touches: each is locked, and acted on by one step at a time
	With map[string]string // its inputs, printable: version, image hash, address. Never a secret

	// Observe looks, and changes nothing. It is called before the act, after it, on resume and in a dry run. An error means
	// "cannot tell" and is shown; with [Blocked] it says why, and [ErrReverted] makes the outcome [Reverted].
	Observe func(ctx context.Context, look Look) (Observation, error)

	// Act does it, and is sent once. Its error is a hint, Observe decides. [ErrNotSent], [ErrNotPressed] and [ErrRefused]
	// say that nothing happened; any other error says nothing about that.
	Act func(ctx context.Context, log *slog.Logger) error

	// Ask says what a person is told to do: when Act is nil, or returned [ErrNotPressed]. since is nil unless the step
	// may have been carried out already.
	Ask func(since *Mark) *Instruction

	// Down names those appliances of On that do not answer from its act until it is done, or, with Until, until that step
	// begins. A guard on one of them that cannot tell does not stop other steps. Default: none.
	Down []string

	// Until names the step that ends this step's effect. Until that one begins, the effect is looked at again before every
	// act and on resume; no longer [Done] means [Blocked], because somebody undid it. A name or a path; empty: not looked at.
	Until string

	// Exposes says what the site lacks from this step's act until the step called Until is done: "the site has no failover". Every run that goes on meanwhile says it, and for how
	// long; so does the report. It needs an Until.
	Exposes string

	// Like names an earlier step that did the same to another appliance, by name or path: what that took, as the journal knows it, is what this one is expected to take, and Worry and Limit keep
	// their proportions to it (Limit is never less than [DefaultLimit]). Where that was not measured, because no single run saw it from the act to the end, or it took less than a tenth of what was expected and so was something else, this step's own times hold.
	Like string

	// Remembers makes a step that only looks remember: its first look and all changes of the evidence are journaled, and Since holds them, so that a wait of hours or days is not begun anew by a restart.
	Remembers bool

	// Restore returns the step that puts a temporary change back to what was seen before it. It runs when the enclosing
	// group ends, whatever the hour, and on [Abandon]. Its On and Ref default to this step's. Its Observe says Ready only while the value is the one this step set (since.Last),
	// Done when it is the old one (since.Before), and Blocked when somebody chose another: that is reported and left.
	Restore func(since Mark) Step

	Steps  []Step // a group: children instead of an act
	AtOnce int    // children at the same time; 0 and 1 mean one after another
	Whole  bool   // a group that, once it has acted, is finished before a window closes or a cancel takes effect

	Again  Again         // whether the act may be sent again; the zero value is Never
	Every  time.Duration // pause between two looks; default 5 s
	Settle time.Duration // how long Ready must last after an act before "it has not begun" is believed; default: at once
	Limit  time.Duration // how long the act may take, and after it the effect; default 15 min. When it passes the outcome is unknown, not failed. A person's time is not counted

	Worry    time.Duration // after the act: from when on it is said that this takes much longer than expected, with Advice; default: not said
	Takes    time.Duration // expected time, for the plan and for windows; default: Limit
	Outage   time.Duration // expected outage of the site, for the plan
	NoReturn bool          // the plan's point of no return: what this step does cannot be taken back
	EachRun  bool          // looked at again by every run that will act, although finished before: backups, which grow old
	Attended bool          // Observe asks a person: the procedure does not start without an Operator
	Advice   string        // the vendor's word for when it fails

	soon string // a hold's reason to hurry
	hold bool
}

// Defaults of a step's waits.
const (
	DefaultEvery = 5 * time.Second
	DefaultLimit = 15 * time.Minute
)

// At returns the step with the guide's number or heading: TestFirmware(c, v).At("3").
func (s Step) At(ref string) Step {
	s.Ref = ref
	return s
}

// Run carries one step out as a procedure of its own. See [Run]; [Options].Journal is required.
func (s Step) Run(ctx context.Context, o *Options) (*Report, error) {
	return Run(ctx, Procedure{Name: s.Name, Steps: []Step{s}}, o)
}

func (s *Step) group() bool { return len(s.Steps) > 0 }

// byPerson says whether only a person can carry the step out.
func (s *Step) byPerson() bool { return s.Act == nil && s.Ask != nil }

func (s *Step) every() time.Duration { return orElse(s.Every, DefaultEvery) }
func (s *Step) limit() time.Duration { return orElse(s.Limit, DefaultLimit) }
func (s *Step) takes() time.Duration {
	switch {
	case s.group():
		return s.groupTakes()
	case s.Takes > 0:
		return s.Takes
	case s.Act == nil && s.Ask == nil && s.Limit == 0:
		return 0 // a check
	}
	return s.limit()
}

// groupTakes adds the children up; for children at the same time it takes the longest of each batch, which is never too little.
func (s *Step) groupTakes() time.Duration {
	return s.takesWith(func(i int) time.Duration { return s.Steps[i].takes() })
}

func (s *Step) takesWith(kid func(i int) time.Duration) time.Duration {
	var sum, batch time.Duration
	n := max(s.AtOnce, 1)
	if s.kidsShare() {
		n = 1 // they wait for each other
	}
	for i := range s.Steps {
		if i%n == 0 {
			sum += batch
			batch = 0
		}
		batch = max(batch, kid(i))
	}
	return sum + batch
}

// kidsShare says whether two children touch one appliance, so that they cannot act at the same time.
func (s *Step) kidsShare() bool {
	seen := map[string]bool{}
	for i := range s.Steps {
		names := sorted(s.Steps[i].touches())
		if slices.ContainsFunc(names, func(a string) bool { return seen[a] }) {
			return true
		}
		for _, a := range names {
			seen[a] = true
		}
	}
	return false
}

// touches returns the appliances of the step and of everything below it.
func (s *Step) touches() []string {
	all := slices.Clone(s.On)
	for i := range s.Steps {
		all = append(all, s.Steps[i].touches()...)
	}
	return all
}

func orElse(d, def time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return def
}

// Again says whether an act may be sent again.
type Again int

// Whether an act may be sent again.
const (
	// Never: a Ready seen after the act ends Unknown, or asks the person.
	Never Again = iota
	// IfNotBegun: after Ready has lasted Settle, which must be > 0, or Act returned [ErrNotSent]. Two sends at most.
	IfNotBegun
	// Freely: for reads and backups. Three sends a run at most.
	Freely
)

// String returns the name of the constant.
func (a Again) String() string {
	switch a {
	case Never:
		return "Never"
	case IfNotBegun:
		return "IfNotBegun"
	case Freely:
		return "Freely"
	}
	return "Again(?)"
}

// A Look is what an Observe function is given.
type Look struct {
	Since *Mark // nil before the step has acted; of one that Remembers: nil at its first look

	// Elapsed is how long ago that was, in the appliance's time: real time divided by Options.Scale. An Observe function that
	// waits for something compares with this, so that a simulation shortens it too. Of a step that only looks and does not remember: since this run
	// began to look at it. 0 before the act.
	Elapsed time.Duration

	// Expected is how long the act is expected to take until its effect is there: Step.Takes, or what the step called Step.Like took. 0 for a guard.
	Expected time.Duration

	// Ask gets a value that only a person can read. The answer stands until the person says that it is time to look
	// again, which the engine asks for by itself before it pauses for the next look. In a dry run and without an Operator it returns
	// [ErrNoOperator]. Never nil.
	Ask func(ctx context.Context, q Question) (string, error)
}

// A Mark is what is remembered of a step's act, also across a restart.
type Mark struct {
	At     time.Time       `json:"at"`               // just before the act, by this machine's clock
	Before json.RawMessage `json:"before,omitempty"` // evidence seen just before the act
	Last   json.RawMessage `json:"last,omitempty"`   // newest evidence seen since; journaled whenever it changes
}

// clone keeps an Observe function from changing what the engine knows.
func (m *Mark) clone() *Mark {
	if m == nil {
		return nil
	}
	c := *m
	return &c
}

// An Instruction tells a person what to press, in the words of the vendor's page.
type Instruction struct {
	On     string  `json:"on,omitempty"`     // the appliance; default: the first one the step touches
	Where  string  `json:"where"`            // "Basic Settings > High Availability"
	Row    string  `json:"row,omitempty"`    // the table row, where there is one
	Set    []Field `json:"set,omitempty"`    // fields to fill in before
	Button string  `json:"button,omitempty"` // empty: only look
	Dialog string  `json:"dialog,omitempty"` // the question that may come up
	Expect string  `json:"expect,omitempty"` // what is seen when it worked
}

// A Field is a label on a page and the value to give it.
type Field struct {
	Label  string `json:"label"`
	Value  string `json:"value,omitempty"` // for a secret: what it is called, never what it is
	Secret bool   `json:"secret,omitempty"`
}

// A Guard is looked at before every act of a procedure. Done means the guard holds; Blocked stops the run; anything else
// is waited out to the Limit, then stops the run, except while a step has taken an appliance in On down on purpose (Step.Down;
// on resume, until the step that was under way is proven, any it was acting on).
// Since holds the guard's first look in this journal, so that a pin outlives the process.
type Guard struct {
	Name    string
	On      []string // the appliances it looks at
	Observe func(ctx context.Context, look Look) (Observation, error)
	Every   time.Duration // default 5 s
	Limit   time.Duration // default 2 min
}

// DefaultGuardLimit bounds how long a guard may be unable to tell.
const DefaultGuardLimit = 2 * time.Minute
