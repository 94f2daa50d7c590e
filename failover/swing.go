package failover

import (
	"context"
	"time"
)

// Swinger is one way to move a site's traffic: [*Record], [*SharedIP] or [*NATEntry].
//
// All methods but Swing only read. None of them remembers anything: what a later call needs is in the values that are handed back, which survive as JSON.
type Swinger interface {
	// Plan says what would be moved, without asking anybody.
	Plan() Plan
	// Look reads where traffic is led now, at the place that decides. What could not be read is Unseen in the view and also an error.
	Look(ctx context.Context) (View, error)
	// Swing makes the guarded change, once. A nil error means Applied or AlreadyDone. An error together with one of these means that the change is made, but something that belongs to
	// it is not (connections were to be cut, the gateway's boot file to be written); call Swing again for that.
	Swing(ctx context.Context) (Result, error)
	// Check goes on with proving that traffic arrives at the new side: it asks whoever is due to be asked, and returns at once. Last is what the check before returned, nil for
	// the first. Call it again at [Report.Next]; [Verify] does that. An error means that the description of the swing or ctx is at fault; what servers say is in the report.
	Check(ctx context.Context, last *Report) (Report, error)
	// Back returns the same move with the sides exchanged.
	Back() Swinger
}

var (
	_ Swinger = (*Record)(nil)
	_ Swinger = (*SharedIP)(nil)
	_ Swinger = (*NATEntry)(nil)
)

// Side is one appliance, as a swing knows it.
type Side struct {
	Name string // for people: "A", "the old appliance"
	ID   string // what the identity check expects: a PRA appliance's GUID, a certificate's fingerprint. Empty: identity is not checked, and reports say so
}

// Guard says how well a change is protected against somebody else's.
type Guard int

// The guards. The zero value promises least.
const (
	// BestEffort: read, compare, set. Somebody else's change in between is lost, and a failure may leave half of it.
	BestEffort Guard = iota
	// Atomic: the place that decides compares and sets in one transaction.
	Atomic
)

// String returns "best effort" or "atomic".
func (g Guard) String() string {
	if g == Atomic {
		return "atomic"
	}
	return "best effort"
}

// MarshalText writes the guard as String does.
func (g Guard) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// Plan is what a swing would do, printable and journalable.
type Plan struct {
	Kind  string     `json:"kind"` // "DNS swing", "shared IP switch", "NAT swing": the guide's own words
	From  string     `json:"from"` // the sides' names
	To    string     `json:"to"`
	Parts []PlanPart `json:"parts"`
}

// PlanPart is one guarded change of a plan: a zone, an address, a gateway.
type PlanPart struct {
	On    string   `json:"on"`
	Guard Guard    `json:"guard"`
	Moves []string `json:"moves"` // "access.example.com. A 192.0.2.1 -> 192.0.2.2"
}

// View is where traffic is led at one moment, as the place that decides says.
type View struct {
	Position Position   `json:"position"`
	Detail   string     `json:"detail"` // one line for people
	Parts    []ViewPart `json:"parts"`
	// Wait is how long clients may go on to the old side after a swing made now: the longest TTL for DNS, 0 where a swing works at once. It is a bound for honest caches only.
	Wait time.Duration `json:"wait"`
	// Left is what belongs to the swing and is not done, although traffic is led to the new side: connections that were to be cut, a boot file that says something else. Swing does it.
	Left []string  `json:"left,omitempty"`
	At   time.Time `json:"at"`
}

// ViewPart is what one zone, box or gateway says.
type ViewPart struct {
	On       string   `json:"on"`
	Position Position `json:"position"`
	Have     []string `json:"have,omitempty"`
	Error    string   `json:"error,omitempty"`
}

// Result is what a swing did.
type Result struct {
	Outcome Outcome      `json:"outcome"`
	Detail  string       `json:"detail"`
	Parts   []ResultPart `json:"parts"`
	Began   time.Time    `json:"began"`
	Ended   time.Time    `json:"ended"`
	Gap     *Gap         `json:"gap,omitempty"`     // shared address only: how long nobody held it
	Traffic *Traffic     `json:"traffic,omitempty"` // NAT only: what became of established connections
}

// ResultPart is what became of one zone, box or gateway. Parts that were never begun are not listed.
type ResultPart struct {
	On      string  `json:"on"`
	Outcome Outcome `json:"outcome"`
	Detail  string  `json:"detail"`
	// Evidence is what the change left: a command's output, a commit's number. See [Witness].
	Evidence string `json:"evidence,omitempty"`
	// PutBack says what became of undoing this part because a later one failed; nil if that was not tried.
	PutBack *Outcome `json:"put_back,omitempty"`
}
