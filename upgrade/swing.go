package upgrade

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/failover"
)

// PRAProbe returns a probe for a swing: it says which PRA appliance answers at the site's name, by GUID. site speaks to the name and is pinned to no GUID.
func PRAProbe(site *beyondtrust.Client) failover.Probe {
	return func(ctx context.Context) (string, error) {
		h, err := site.Identify(ctx)
		return h.GUID, err
	}
}

// swing makes a step of one way to move traffic. on is what it changes, and is locked.
//
// Before the act the deciding place must be exactly at the old side. Afterwards it must be exactly at the new one, then every server that was named, then every vantage, must
// lead to the new appliance. What is neither old nor new stops the run: who is right is a person's word. An act that a crash cut short between two zones, or before what belongs to it was
// done, is gone on with: where the guard is atomic, sending it again changes nothing that is done already.
func swing(name, on string, s failover.Swinger, limit time.Duration) Step {
	plan := s.Plan()
	with := map[string]string{"from": plan.From, "to": plan.To}
	again := IfNotBegun
	for _, part := range plan.Parts {
		with[part.On] = strings.Join(part.Moves, "; ") + " (" + part.Guard.String() + ")"
		if part.Guard != failover.Atomic {
			again = Never
		}
	}
	v := &swingView{s: s, to: plan.To, kind: plan.Kind}
	return Step{Name: name, On: []string{on}, With: with, Observe: v.observe, Act: v.act, Again: again,
		Ask: func(*Mark) *Instruction {
			return &Instruction{Where: "the controller of the " + plan.Kind, Row: on, Expect: "traffic leads to " + plan.To + " only: " + strings.Join(moves(plan), "; ")}
		},
		Settle: 10 * time.Second, Every: 5 * time.Second, Limit: orElse(limit, 2*time.Hour), Takes: 10 * time.Minute,
		Advice: "Look where the name leads before anything is tried again. Two appliances at one name send half of the users to the wrong one."}
}

func moves(p failover.Plan) (all []string) {
	for _, part := range p.Parts {
		all = append(all, part.On+": "+strings.Join(part.Moves, ", "))
	}
	return all
}

// swingHint is what the engine is told of a change. The classes that promise that nothing happened must not come through where a part of it did.
func swingHint(res failover.Result, err error) error {
	switch {
	case err == nil:
		return nil
	case !nothingDone(res):
		return fmt.Errorf("%s: %s", res.Outcome, err.Error())
	case errors.Is(err, ErrNotSent), errors.Is(err, ErrNotPressed):
		return err
	case errors.Is(err, failover.ErrGuard), errors.Is(err, failover.ErrRefused):
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return err
}

// nothingDone says whether everything is as it was before.
func nothingDone(res failover.Result) bool {
	for _, p := range res.Parts {
		undone := p.PutBack != nil && p.PutBack.Good()
		if p.Outcome == failover.Unknown || p.Outcome == failover.Conflict || p.Outcome == failover.Applied && !undone {
			return false
		}
	}
	return true
}

// swingView looks at a swing. What earlier checks found goes from look to look in the evidence, and where there is no act yet in memory.
type swingView struct {
	s        failover.Swinger
	kind, to string

	mu   sync.Mutex
	last *swingSeen // of looks before an act, and of this process's own act
}

// swingSeen is what the journal keeps of a swing under way.
type swingSeen struct {
	failover.Report
	Result *failover.Result `json:"result,omitempty"` // of the act, where it came back
}

func (v *swingView) act(ctx context.Context, log *slog.Logger) error {
	res, err := v.s.Swing(ctx)
	log.Debug("swing", "outcome", res.Outcome.String(), "detail", res.Detail)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.last = &swingSeen{Result: &res} // what was seen before it says nothing any more
	return swingHint(res, err)
}

func (v *swingView) observe(ctx context.Context, look Look) (Observation, error) {
	view, err := v.s.Look(ctx)
	if err != nil {
		return Observation{Detail: view.Detail}, err
	}
	switch view.Position {
	case failover.AtFrom:
		if rec, ok := v.s.(*failover.Record); ok && time.Now().Before(rec.NotBefore) {
			return See(Pending, view.Position, "caches may hold the old TTL until %s", stamp(rec.NotBefore)), nil
		}
		return See(Ready, view.Position, "%s", view.Detail), nil
	case failover.AtTo:
		if len(view.Left) > 0 {
			return See(Ready, view.Position, "traffic is led to %s, but %s", v.to, strings.Join(view.Left, "; ")), nil
		}
		return v.check(ctx, look)
	case failover.Split:
		if look.Since != nil { // cut short between two zones
			return See(Ready, view.Position, "%s", view.Detail), nil
		}
	case failover.Unseen:
		return See(Unknown, nil, "%s", view.Detail), nil
	case failover.AtBoth, failover.AtNeither, failover.Elsewhere:
	}
	return See(Blocked, view.Position, "traffic is led %s: %s", view.Position, view.Detail), nil
}

// check goes on with the proof.
func (v *swingView) check(ctx context.Context, look Look) (Observation, error) {
	last, err := v.lastSeen(look)
	if err != nil {
		return Observation{}, err
	}
	if last.due(time.Now()) {
		var before *failover.Report
		if last.Checks > 0 {
			before = &last.Report
		}
		rep, err := v.s.Check(ctx, before)
		if err != nil {
			return Observation{}, err
		}
		last = &swingSeen{Report: rep, Result: last.Result}
		v.mu.Lock()
		v.last = last
		v.mu.Unlock()
	}
	switch last.State {
	case failover.Proven:
		return See(Done, last.brief(), "%s to %s: %s%s", v.kind, v.to, last.Detail, last.words()), nil
	case failover.Pending:
		return See(Pending, last.brief(), "%s", last.Detail), nil
	case failover.Contradicted:
		return See(Blocked, last.brief(), "%s", last.Detail), nil
	case failover.TimedOut:
	}
	return See(Unknown, last.brief(), "not proven in time: %s", last.Detail), nil
}

// due says whether it is time to ask: a proof that came to a bad end is looked at anew.
func (s *swingSeen) due(now time.Time) bool {
	switch {
	case s.Checks == 0:
		return true
	case s.State == failover.Pending:
		return !now.Before(s.Next)
	}
	return s.State != failover.Proven
}

// words says what the act itself reported.
func (s *swingSeen) words() string {
	var b strings.Builder
	if s.Result == nil {
		return ""
	}
	if t := s.Result.Traffic; t != nil && t.Cut > 0 {
		fmt.Fprintf(&b, "; %d established connections were cut", t.Cut)
	}
	if t := s.Traffic; t != nil && t.Left > 0 {
		fmt.Fprintf(&b, "; %d connections are still established with the old side", t.Left)
	}
	return b.String()
}

// maxServers is how many servers the evidence lists.
const maxServers = 200

// brief keeps evidence small for sites in hundreds of zones: those that have not turned come first. One that is not listed is asked again after a restart, which does no harm.
func (s *swingSeen) brief() *swingSeen {
	if len(s.Servers) <= maxServers {
		return s
	}
	b := *s
	turned := func(r failover.ServerReport) int {
		if r.State == failover.ServerNew {
			return 1
		}
		return 0
	}
	b.Servers = slices.SortedStableFunc(slices.Values(s.Servers), func(x, y failover.ServerReport) int { return turned(x) - turned(y) })[:maxServers]
	b.Notes = append(slices.Clone(s.Notes), fmt.Sprintf("%d more servers are not listed", len(s.Servers)-maxServers))
	return &b
}

func (v *swingView) lastSeen(look Look) (*swingSeen, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.last == nil {
		v.last = &swingSeen{}
		if look.Since != nil && len(look.Since.Last) > 0 && look.Since.Last[0] == '{' {
			if err := readEvidence(look.Since.Last, v.last); err != nil {
				v.last = nil
				return nil, err
			}
		}
	}
	return v.last, nil
}

// recordName is what the steps of a record are said to be on.
func recordName(rec *failover.Record) string {
	if len(rec.Zones) > 0 && len(rec.Zones[0].Moves) > 0 {
		return strings.TrimSuffix(rec.Zones[0].Moves[0].Name, ".")
	}
	return "DNS"
}

// SwingDNS returns the step that moves the site's name in DNS, in one zone or in several: "Edit the entry to point to the IP address for Appliance B. Once the DNS entry has propagated, you
// can resume normal activity" (PRA Upgrade Guide, DNS Swing). It is sent as one guarded change a zone, and proven at every authoritative server, every resolver and every vantage of the record. An
// editor that cannot write answers [failover.ErrNotPressed], and then a person is asked. A record's NotBefore is waited for. limit bounds that wait and the proof, each; default 2 hours
// and the record's old TTL, and as long as NotBefore is ahead.
func SwingDNS(rec *failover.Record, limit time.Duration) Step {
	return swing("swing DNS", recordName(rec), rec, orElse(limit, 2*time.Hour+rec.OldTTL+max(0, time.Until(rec.NotBefore))))
}

// SwingNAT returns the step that moves the site's destination translation at a gateway: "Edit the entry to point to the IP address for Appliance B. As soon as the change is made, you
// can resume normal activity" (PRA Upgrade Guide, NAT Swing).
func SwingNAT(nat *failover.NATEntry, limit time.Duration) Step {
	return swing("swing NAT", nat.NAT.String(), nat, limit)
}
