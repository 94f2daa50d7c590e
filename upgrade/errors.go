package upgrade

import (
	"errors"
	"fmt"
	"strings"

	"github.com/changeover-sdk/changeover/internal/act"
)

// Answers an Act function may give. The clients' errors wrap them where they fit.
var (
	// ErrNotSent: the request provably never left this machine.
	ErrNotSent = act.ErrNotSent
	// ErrNotPressed: a page driver was not certain and pressed nothing. A person is asked instead, where the step has an Ask.
	ErrNotPressed = act.ErrNotPressed
	// ErrRefused: the appliance itself answered that it did not do it. Believed only while a look says Ready.
	ErrRefused = act.ErrRefused
	// ErrReverted: returned by Observe with Blocked when the appliance went and came back as it was before.
	ErrReverted = act.ErrReverted
)

// Classes of the errors that [Run] returns, one for each [Outcome] but the two good ones.
var (
	ErrHeld      = errors.New("held")
	ErrCancelled = errors.New("cancelled")
	ErrBlocked   = errors.New("blocked")
	ErrFailed    = errors.New("failed")
	ErrUnknown   = errors.New("outcome unknown")
)

// Errors before a run begins, and answers of operators.
var (
	// ErrNoOperator: a person is needed and there is none.
	ErrNoOperator = errors.New("a person is needed and the run has no operator")
	// ErrNoAnswer: the operator cannot or will not answer: end of input, or no consent given beforehand.
	ErrNoAnswer = errors.New("no answer")
	// ErrLocked: another process has the journal or runs on the appliance.
	ErrLocked = errors.New("in use by another process")
	// ErrChanged: the journal belongs to another procedure, or the procedure was changed since.
	ErrChanged = errors.New("the journal holds another procedure")
	// ErrJournal: a journal is damaged, or could not be written.
	ErrJournal = errors.New("journal")
)

// A StepError says why a run ended without being done: where, what was tried, what was last seen and what to do next.
// errors.Is finds the class (ErrHeld … ErrUnknown, ErrReverted) and the cause.
type StepError struct {
	Step    string // the step's path, "guard NAME", or "" when the run itself stopped
	Ref     string // the guide's number
	Outcome Outcome
	Tried   string      // "sent once, at 02:13:05"; empty when nothing was
	Seen    Observation // the last one
	Advice  string      // the vendor's word
	Err     error       // the cause; may be nil
}

func (e *StepError) Error() string {
	var b strings.Builder
	b.WriteString("upgrade: ")
	if e.Step != "" {
		fmt.Fprintf(&b, "step %q", e.Step)
		if e.Ref != "" {
			fmt.Fprintf(&b, " (guide: %s)", e.Ref)
		}
		b.WriteString(": ")
	}
	b.WriteString(e.Outcome.String())
	if e.Tried != "" {
		b.WriteString("; " + e.Tried)
	}
	if e.Seen.Detail != "" {
		b.WriteString("; last seen: " + oneLine(e.Seen.Detail, 500))
	}
	if e.Err != nil {
		b.WriteString(": " + oneLine(errText(e.Err), 4000))
	}
	if e.Advice != "" {
		b.WriteString(" (" + e.Advice + ")")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *StepError) Unwrap() error { return e.Err }

// Is reports whether e belongs to the class that target names.
func (e *StepError) Is(target error) bool {
	switch target {
	case ErrHeld:
		return e.Outcome == Held
	case ErrCancelled:
		return e.Outcome == Cancelled
	case ErrBlocked:
		return e.Outcome == BlockedRun
	case ErrFailed:
		return e.Outcome == Failed
	case ErrUnknown:
		return e.Outcome == UnknownEnd
	case ErrReverted:
		return e.Outcome == Reverted
	}
	return false
}
