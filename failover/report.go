package failover

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"time"
)

// Proof is how far a verification has come. The set is closed.
type Proof int

// The states of a proof.
const (
	Pending      Proof = iota // not everything is there yet; check again at Report.Next
	Proven                    // every server that was asked, and every vantage, leads to the new side only
	TimedOut                  // a limit passed; the report says at whom. Known is only what was last seen
	Contradicted              // the place that decides leads elsewhere: waiting does not help
)

var proofs = [...]string{"pending", "proven", "timed out", "contradicted"}

// String returns the state in words.
func (p Proof) String() string {
	if p < 0 || int(p) >= len(proofs) {
		return fmt.Sprintf("proof %d", int(p))
	}
	return proofs[p]
}

// MarshalText writes the state as String does.
func (p Proof) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (p *Proof) UnmarshalText(text []byte) error {
	for i, s := range proofs {
		if s == string(text) {
			*p = Proof(i)
			return nil
		}
	}
	return fmt.Errorf("failover: read proof: %q is none", text)
}

// Limits bound a verification. They are separate because the causes are: a secondary that missed a notification, a cache that stretches TTLs, a neighbour's stale cache.
// They are counted from times in the report, so they hold across restarts.
type Limits struct {
	// Authorities bounds how long the authoritative servers may take to turn, from the first check. Default 2 min.
	Authorities time.Duration
	// Resolvers bounds how long a resolver may be wrong past the moment that its own remaining TTL predicted. Default 1 min.
	Resolvers time.Duration
	// Identity bounds how long the right appliance may take to answer at the site after everything else was proven. Default 1 min, which covers a neighbour cache that nobody
	// told of a shared IP switch (28 to 34 s were measured on Linux); for DNS the old TTL is added, because vantages have caches of their own.
	Identity time.Duration
	// Drain bounds how long established connections through a gateway may take to end by themselves. Default 0: they are counted, not waited for.
	Drain time.Duration
}

func (l Limits) authorities() time.Duration { return cmp.Or(l.Authorities, 2*time.Minute) }
func (l Limits) resolvers() time.Duration   { return cmp.Or(l.Resolvers, time.Minute) }
func (l Limits) identity() time.Duration    { return cmp.Or(l.Identity, time.Minute) }

// Report is how far the proof of a swing has come, and with what evidence. It survives as JSON: hand the last one to the next Check, also in another process.
type Report struct {
	State  Proof     `json:"state"`
	Detail string    `json:"detail"` // one line for people
	Began  time.Time `json:"began"`  // the first check
	At     time.Time `json:"at"`     // this check
	Next   time.Time `json:"next"`   // when to check again; zero if the state is final
	Checks int       `json:"checks"`

	Servers []ServerReport `json:"servers,omitempty"`
	// Serials are the primaries' SOA serials, by zone, as they were first seen after the swing. All authoritative servers must reach them.
	Serials map[string]uint32 `json:"serials,omitempty"`
	Skipped []Skipped         `json:"skipped,omitempty"`
	Notes   []string          `json:"notes,omitempty"` // what was not verified, and bounds
	// Bound is when the last honest cache that nobody listed has turned: the moment the last authoritative server did, and the old TTL. A bound, not a proof. Zero: not known.
	Bound time.Time `json:"bound,omitzero"`

	IdentitySince time.Time `json:"identity_since,omitzero"` // when the site was first asked who answers
	Identity      *Identity `json:"identity,omitempty"`
	Traffic       *Traffic  `json:"traffic,omitempty"` // NAT only
}

// Kind is a server's part in a verification.
type Kind string

// The kinds of servers.
const (
	Authoritative Kind = "authoritative"
	Resolver      Kind = "resolver"
)

// ServerState is what one server was last seen to say. The set is closed.
type ServerState string

// What a server may say.
const (
	ServerNew         ServerState = "new"               // exactly the new side
	ServerOld         ServerState = "old"               // exactly the old side
	ServerBoth        ServerState = "both"              // both sides at once
	ServerNothing     ServerState = "nothing"           // no such name or type
	ServerOther       ServerState = "other"             // neither side, or a set that nobody listed
	ServerBehind      ServerState = "behind"            // the new side, but an older serial than the primary's: another node of the same address may have answered
	ServerLame        ServerState = "not authoritative" // it should speak with authority and does not
	ServerUnreachable ServerState = "unreachable"       // no answer, or none that could be read
	ServerNotAsked    ServerState = "not asked"         // a resolver that waits for the authoritative servers
)

// ServerReport is one server's part of the evidence.
type ServerReport struct {
	Zone   string        `json:"zone"` // the editor's name
	Server string        `json:"server"`
	Kind   Kind          `json:"kind"`
	State  ServerState   `json:"state"`
	Have   []string      `json:"have,omitempty"`
	Left   time.Duration `json:"left,omitempty"` // resolvers: the remaining TTL of what is not new
	Serial uint32        `json:"serial,omitempty"`
	Error  string        `json:"error,omitempty"`
	Asked  int           `json:"asked"`
	First  time.Time     `json:"first,omitzero"`  // when it was first asked
	Last   time.Time     `json:"last,omitzero"`   // when it was last asked
	Turned time.Time     `json:"turned,omitzero"` // when it was first seen to be new, for good
	// Predicted is when a resolver's remaining TTL said, the first time, that it would turn; Due is when it is asked next. There is no asking in between.
	Predicted time.Time `json:"predicted,omitzero"`
	Due       time.Time `json:"due,omitzero"`
	// Overdue counts the old answers after the moment that was predicted: a cache that serves stale data, or several caches behind one address.
	Overdue int `json:"overdue,omitempty"`
}

// asked notes that the server is asked now.
func (s *ServerReport) asked() {
	s.Asked, s.Last = s.Asked+1, time.Now()
	if s.First.IsZero() {
		s.First = s.Last
	}
}

// Predicted returns when the last of the listed resolvers turns, by what they said the first time they were asked after the swing. Zero: none had the old value, or none was asked.
func (r Report) Predicted() time.Time {
	var last time.Time
	for _, s := range r.Servers {
		if s.Predicted.After(last) {
			last = s.Predicted
		}
	}
	return last
}

// VerifyOptions are the options of [Verify]. The zero value works.
type VerifyOptions struct {
	// Event is called with every report, on the goroutine of Verify. Default none.
	Event func(Report)
}

// Verify calls Check until the proof is made or has come to an end, and waits in between as the reports say. The error is nil exactly if the report's state is Proven; it is of class
// ErrNotProven if it is TimedOut or Contradicted, and ctx's own if ctx ended first; then the report is the last one there was.
func Verify(ctx context.Context, s Swinger, opts *VerifyOptions) (Report, error) {
	o := *cmp.Or(opts, &VerifyOptions{})
	var last *Report
	for {
		rep, err := s.Check(ctx, last)
		if err != nil {
			if last != nil {
				rep = *last
			}
			return rep, err
		}
		last = &rep
		if o.Event != nil {
			o.Event(rep)
		}
		switch rep.State {
		case Proven:
			return rep, nil
		case TimedOut, Contradicted:
			return rep, &Error{Op: "verify", On: s.Plan().Kind, Err: fmt.Errorf("%w: %s", ErrNotProven, rep.Detail), Next: "the report lists every server and who answered"}
		case Pending:
		}
		select {
		case <-ctx.Done():
			return rep, &Error{Op: "verify", On: s.Plan().Kind, Err: fmt.Errorf("%w (last seen: %s)", context.Cause(ctx), rep.Detail)}
		case <-time.After(time.Until(rep.Next)):
		}
	}
}

// follow begins a report, as the continuation of the last one.
func follow(last *Report) Report {
	rep := Report{At: time.Now()}
	rep.Began = rep.At
	if last != nil {
		rep.Began, rep.Checks, rep.IdentitySince, rep.Bound, rep.Serials = last.Began, last.Checks, last.IdentitySince, last.Bound, maps.Clone(last.Serials)
	}
	rep.Checks++
	return rep
}

// pause is the time to the next look at servers that turn by themselves: soon at first, for a notification takes milliseconds.
func (r *Report) pause() time.Duration {
	pauses := [...]time.Duration{10 * time.Millisecond, 50 * time.Millisecond, 500 * time.Millisecond, 2 * time.Second}
	return pauses[min(r.Checks, len(pauses))-1]
}

// wait makes the report pending until the earliest moment that any part of it asks for.
func (r *Report) wait(next time.Time, why string) {
	r.State = Pending
	if r.Next.IsZero() || next.Before(r.Next) {
		r.Next = next
	}
	if r.Detail == "" {
		r.Detail = why
	} else {
		r.Detail += "; " + why
	}
}

// end makes the report final.
func (r *Report) end(state Proof, why string) {
	r.State, r.Next = state, time.Time{}
	r.Detail = why
}

// identify is the last stage of every proof. It must only be called when everything else is proven.
func (r *Report) identify(ctx context.Context, to Side, vantages []Vantage, inARow int, limit time.Duration, hint string) {
	if to.ID == "" || len(vantages) == 0 {
		r.Notes = append(r.Notes, "which appliance answers at the site was not checked: no identity or no vantage was given")
		r.end(Proven, "every server asked leads to "+to.Name+"; which appliance answers was not checked")
		return
	}
	if r.IdentitySince.IsZero() {
		r.IdentitySince = time.Now()
	}
	id := Identify(ctx, vantages, to.ID, inARow)
	r.Identity = &id
	switch {
	case id.Proven():
		r.end(Proven, to.Name+" answers at the site: "+id.String())
	case time.Since(r.IdentitySince) >= limit:
		r.end(TimedOut, fmt.Sprintf("%s does not answer at the site after %v: %s%s", to.Name, limit, id, hint))
	default:
		r.wait(time.Now().Add(2*time.Second), to.Name+" does not answer everywhere yet: "+id.String()+hint)
	}
}
