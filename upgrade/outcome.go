package upgrade

import "fmt"

// Outcome is how a run ended.
type Outcome int

// Outcomes. The zero value is OutcomeNone: the run has not ended.
const (
	OutcomeNone Outcome = iota
	Succeeded           // every step is done, and it took acts of this run or of those it went on from
	AlreadyDone         // every step is done, and was so when this run began, or needed no act
	Held                // stopped at a safe place: a Hold, a closed window, a cancel after an act. The next run goes on
	Cancelled           // cancelled before anything was changed
	BlockedRun          // acting would have been wrong; this step changed nothing
	Failed              // an act did not have its effect; the state is known
	UnknownEnd          // what an act did cannot be told: stop, do not touch, look
	Reverted            // the appliance undid the act by itself, and runs as before
)

var outcomeNames = [...]string{"none", "succeeded", "already done", "held", "cancelled", "blocked", "failed", "unknown", "reverted"}

// String returns the outcome in lower case, as reports show it: "already done".
func (o Outcome) String() string {
	if o < 0 || int(o) >= len(outcomeNames) {
		return fmt.Sprintf("Outcome(%d)", int(o))
	}
	return outcomeNames[o]
}

// MarshalText returns the same words as String; a number that is no outcome is an error.
func (o Outcome) MarshalText() ([]byte, error) {
	if o < 0 || int(o) >= len(outcomeNames) {
		return nil, fmt.Errorf("upgrade: no outcome has the number %d", int(o))
	}
	return []byte(outcomeNames[o]), nil
}

// UnmarshalText reads what MarshalText wrote.
func (o *Outcome) UnmarshalText(text []byte) error {
	for i, name := range outcomeNames {
		if name == string(text) {
			*o = Outcome(i)
			return nil
		}
	}
	return fmt.Errorf("upgrade: unknown outcome %q", text)
}

// Good says whether every step is done.
func (o Outcome) Good() bool { return o == Succeeded || o == AlreadyDone }

// Next says what to do after a run that ended so.
func (o Outcome) Next() string {
	switch o {
	case Succeeded, AlreadyDone:
		return "nothing: every step is done and proven"
	case Held:
		return "run the same procedure with the same journal again to go on"
	case Cancelled:
		return "nothing was changed; run again when it suits"
	case BlockedRun:
		return "remove the cause named above, then run again with the same journal"
	case Failed:
		return "the state is known and shown above; read the advice, mend it, then run again with the same journal, or abandon to put temporary settings back"
	case UnknownEnd:
		return "do not touch the appliance: look at its console and pages, compare with what was last seen, then run again with the same journal, which looks before it acts"
	case Reverted:
		return "the old version runs; collect the evidence, ask the vendor, and do not try again before the cause is known"
	}
	return "the run did not end by itself: run again with the same journal, which looks before it acts"
}

// ExitCode returns what a program that runs a procedure should exit with: 0 when every step is done, 10 held, 11 blocked, failed
// or reverted, 12 unknown, 13 cancelled. 64 is left for wrong usage.
func (o Outcome) ExitCode() int {
	switch o {
	case Succeeded, AlreadyDone:
		return 0
	case Held:
		return 10
	case BlockedRun, Failed, Reverted:
		return 11
	case Cancelled:
		return 13
	}
	return 12
}
