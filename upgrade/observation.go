package upgrade

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Phase is what a look found.
type Phase int

// Phases. The zero value is Unknown, so that an Observe function that forgets to say never acts.
const (
	Unknown Phase = iota // cannot tell
	Ready                // may act
	Pending              // under way
	Done                 // the effect is there
	Blocked              // acting would be wrong
)

var phaseNames = [...]string{"unknown", "ready", "pending", "done", "blocked"}

// String returns the phase in lower case, as journals and reports show it.
func (p Phase) String() string {
	if p < 0 || int(p) >= len(phaseNames) {
		return fmt.Sprintf("Phase(%d)", int(p))
	}
	return phaseNames[p]
}

// MarshalText returns the same word as String; a number that is no phase is an error.
func (p Phase) MarshalText() ([]byte, error) {
	if p < 0 || int(p) >= len(phaseNames) {
		return nil, fmt.Errorf("upgrade: no phase has the number %d", int(p))
	}
	return []byte(phaseNames[p]), nil
}

// UnmarshalText reads what MarshalText wrote.
func (p *Phase) UnmarshalText(text []byte) error {
	for i, name := range phaseNames {
		if name == string(text) {
			*p = Phase(i)
			return nil
		}
	}
	return fmt.Errorf("upgrade: unknown phase %q", text)
}

// An Observation is what one look found.
type Observation struct {
	Phase    Phase           `json:"phase"`
	Detail   string          `json:"detail,omitempty"`   // one line for people: "secondary boots, 12 min so far"
	Evidence json.RawMessage `json:"evidence,omitempty"` // facts kept in the journal and in Mark; never a secret

	// AsOf is when the channel saw it, by this machine's clock; zero means now. An observation older than the newest act of
	// the journal counts as Pending, whatever it says: a cache may still show the time before.
	AsOf time.Time `json:"as_of,omitzero"`
}

// See returns an observation with a detail and, unless nil, evidence as JSON. It panics when evidence cannot be
// marshalled, which the engine turns into that step's failure.
func See(phase Phase, evidence any, detail string, args ...any) Observation {
	o := Observation{Phase: phase, Detail: detail}
	if len(args) > 0 {
		o.Detail = fmt.Sprintf(detail, args...)
	}
	if evidence != nil {
		raw, err := json.Marshal(evidence)
		if err != nil {
			panic(fmt.Sprintf("upgrade: evidence of %q: %v", o.Detail, err))
		}
		o.Evidence = raw
	}
	return o
}

// check refuses what no look can mean.
func (o *Observation) check() error {
	if o.Phase < Unknown || o.Phase > Blocked {
		return fmt.Errorf("observation has the phase %d, which does not exist", int(o.Phase))
	}
	o.Detail = clip(o.Detail)
	if len(o.Evidence) > maxEvidence {
		return fmt.Errorf("observation carries %d bytes of evidence; at most %d are kept", len(o.Evidence), maxEvidence)
	}
	if len(o.Evidence) == 0 {
		return nil
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, o.Evidence); err != nil {
		return fmt.Errorf("observation carries evidence that is not JSON: %w", err)
	}
	o.Evidence = compact.Bytes() // the journal's own form, so that a change is a change
	return nil
}

// maxText bounds what is kept of one text: of a detail, of an error, of an answer.
const maxText = 8 << 10

// clip makes text fit the journal: valid UTF-8 of at most maxText bytes.
func clip(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= maxText {
		return text
	}
	cut := maxText
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// errText is what a journal keeps of an error. Unlike calling Error, it survives an error that panics.
func errText(err error) string { return clip(fmt.Sprint(err)) }

// maxEvidence keeps journals small: evidence is facts, files belong in artifacts.
const maxEvidence = 1 << 20
