package failovertest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/changeover-sdk/changeover/failover"
)

// Fault is a way for a call to fail. Operations have the names of the methods: "Read", "Replace", "Targets", "Holds", "Enable", "Disable", "Prepare", "Cut", "Established", "Persist", "Persisted", "Ask".
type Fault int

// The faults.
const (
	// LostAnswer carries the call out and then loses the answer.
	LostAnswer Fault = iota + 1
	// LostRequest loses the request; the caller cannot tell it from LostAnswer.
	LostRequest
	// Refused answers with an error of class failover.ErrRefused and changes nothing.
	Refused
	// NotSent answers with an error of class failover.ErrNotSent.
	NotSent
	// Stale, for Read, Targets and Holds: answers with what was there before the last change.
	Stale
	// Late, for a zone's Replace: loses the answer, and the request arrives a second later.
	Late
)

var errLost = errors.New("connection reset by peer")

func (f Fault) err() error {
	switch f {
	case LostAnswer, LostRequest, Late:
		return errLost
	case Refused:
		return fmt.Errorf("%w: simulated", failover.ErrRefused)
	case NotSent:
		return fmt.Errorf("%w: simulated", failover.ErrNotSent)
	case Stale:
	}
	return nil
}

// Faults makes calls fail, and counts them. The zero value makes none fail.
type Faults struct {
	fmu    sync.Mutex
	queued map[string][]Fault
	calls  map[string]int
}

// Fail makes the next n calls of an operation fail. Calls add up in their order: Fail("Replace", 1, Refused) after Fail("Replace", 1, 0) fails the second call.
func (f *Faults) Fail(op string, n int, fault Fault) {
	f.fmu.Lock()
	defer f.fmu.Unlock()
	if f.queued == nil {
		f.queued = map[string][]Fault{}
	}
	for range n {
		f.queued[op] = append(f.queued[op], fault)
	}
}

// Heal forgets all faults that have not happened yet.
func (f *Faults) Heal() {
	f.fmu.Lock()
	defer f.fmu.Unlock()
	f.queued = nil
}

// Calls returns how often an operation was called.
func (f *Faults) Calls(op string) int {
	f.fmu.Lock()
	defer f.fmu.Unlock()
	return f.calls[op]
}

// begin counts a call and returns its fault, 0 for none.
func (f *Faults) begin(op string) Fault {
	f.fmu.Lock()
	defer f.fmu.Unlock()
	if f.calls == nil {
		f.calls = map[string]int{}
	}
	f.calls[op]++
	q := f.queued[op]
	if len(q) == 0 {
		return 0
	}
	f.queued[op] = q[1:]
	return q[0]
}

// Act carries a call out as the operation's next fault says. It is for fakes that embed Faults.
func (f *Faults) Act(op string, do func() error) error {
	switch fault := f.begin(op); fault {
	case LostAnswer:
		if err := do(); err != nil {
			return fmt.Errorf("%w (the answer would have been: %s)", errLost, err)
		}
		return errLost
	case 0, Stale:
		return do()
	default:
		return fault.err()
	}
}
