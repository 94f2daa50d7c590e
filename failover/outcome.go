package failover

import "fmt"

// Outcome is what became of a swing. The set is closed: callers may switch over it without a default.
type Outcome int

// The outcomes, from the least to the most certain. The zero value is Unknown, so that a forgotten outcome is never taken for a good one.
const (
	// Unknown: no answer came after the request left, and the state could not be read since. Read the state first; never send again blindly.
	Unknown Outcome = iota
	// Unchanged: a definite refusal, or nothing was sent, or what was done has been put back. Repair the cause and try again.
	Unchanged
	// Conflict: the state is neither the old nor the new one. Stop, show both, let a person decide.
	Conflict
	// AlreadyDone: the wanted state is there, but not provably by this call. A replay after a lost answer ends here. Verify.
	AlreadyDone
	// Applied: the guarded change was made by this call. Verify.
	Applied
)

var outcomes = [...]string{"unknown", "unchanged", "conflict", "already done", "applied"}

// String returns the outcome in lower case, "already done" for example.
func (o Outcome) String() string {
	if o < 0 || int(o) >= len(outcomes) {
		return fmt.Sprintf("outcome %d", int(o))
	}
	return outcomes[o]
}

// Good reports whether the wanted state was there at the end: Applied or AlreadyDone.
func (o Outcome) Good() bool { return o == Applied || o == AlreadyDone }

// MarshalText writes the outcome as String does.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (o *Outcome) UnmarshalText(text []byte) error {
	for i, s := range outcomes {
		if s == string(text) {
			*o = Outcome(i)
			return nil
		}
	}
	return fmt.Errorf("failover: read outcome: %q is none", text)
}

// Position says to which side traffic is led. The set is closed.
type Position int

// The positions. The zero value is Unseen.
const (
	Unseen    Position = iota // it could not be read
	AtFrom                    // exactly the old side
	AtTo                      // exactly the new side
	AtBoth                    // both sides at once: a set with both addresses, an address enabled on both boxes
	AtNeither                 // nothing there: no such name, an address enabled on no box
	Split                     // some zones lead to the old side and the others to the new one
	Elsewhere                 // a value that belongs to neither side, or one that nobody listed
)

var positions = [...]string{"unseen", "at the old side", "at the new side", "at both sides", "at neither side", "split", "elsewhere"}

// String returns the position in words, "at the new side" for example.
func (p Position) String() string {
	if p < 0 || int(p) >= len(positions) {
		return fmt.Sprintf("position %d", int(p))
	}
	return positions[p]
}

// MarshalText writes the position as String does.
func (p Position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (p *Position) UnmarshalText(text []byte) error {
	for i, s := range positions {
		if s == string(text) {
			*p = Position(i)
			return nil
		}
	}
	return fmt.Errorf("failover: read position: %q is none", text)
}

// exchanged returns the position as seen by a swing in the other direction.
func (p Position) exchanged() Position {
	switch p {
	case AtFrom:
		return AtTo
	case AtTo:
		return AtFrom
	case Unseen, AtBoth, AtNeither, Split, Elsewhere:
	}
	return p
}

// together folds the positions of several parts (zones, sets of a zone) into one. What can least be explained wins.
func together(parts []Position) Position {
	var seen [len(positions)]int
	for _, p := range parts {
		seen[p]++
	}
	for _, p := range []Position{Unseen, Elsewhere, AtBoth, AtNeither, Split} {
		if seen[p] > 0 && (p != AtNeither || seen[p] == len(parts)) {
			return p
		}
	}
	switch {
	case len(parts) == 0:
		return Unseen
	case seen[AtNeither] > 0:
		return Elsewhere // one set is gone, another is not: nobody's plan
	case seen[AtFrom] == len(parts):
		return AtFrom
	case seen[AtTo] == len(parts):
		return AtTo
	}
	return Split
}
