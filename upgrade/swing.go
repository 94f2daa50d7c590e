package upgrade

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
// lead to the new appliance. What is neither old nor new stops the run: who is right is a person's word.
func swing(name, on string, s failover.Swinger, limit time.Duration) Step {
	plan := s.Plan()
	with := map[string]string{"from": plan.From, "to": plan.To}
	for _, part := range plan.Parts {
		with[part.On] = strings.Join(part.Moves, "; ") + " (" + part.Guard.String() + ")"
	}
	v := &swingView{s: s, to: plan.To, kind: plan.Kind}
	return Step{Name: name, On: []string{on}, With: with, Observe: v.observe,
		Act: func(ctx context.Context, log *slog.Logger) error {
			res, err := s.Swing(ctx)
			log.Debug("swing", "outcome", res.Outcome.String(), "detail", res.Detail)
			if err != nil && (errors.Is(err, failover.ErrGuard) || errors.Is(err, failover.ErrRefused)) {
				return fmt.Errorf("%w: %w", ErrRefused, err)
			}
			return err
		},
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

// swingView looks at a swing. What earlier checks found goes from look to look in the evidence, and where there is no act yet in memory.
type swingView struct {
	s        failover.Swinger
	kind, to string

	mu   sync.Mutex
	last *failover.Report // of looks before an act
}

func (v *swingView) observe(ctx context.Context, look Look) (Observation, error) {
	view, err := v.s.Look(ctx)
	if err != nil {
		return Observation{Detail: view.Detail}, err
	}
	switch view.Position {
	case failover.AtFrom:
		return See(Ready, view.Position, "%s", view.Detail), nil
	case failover.AtTo:
		return v.check(ctx, look, view)
	case failover.Unseen:
		return See(Unknown, nil, "%s", view.Detail), nil
	}
	return See(Blocked, view.Position, "traffic is led %s: %s", view.Position, view.Detail), nil
}

// check goes on with the proof.
func (v *swingView) check(ctx context.Context, look Look, view failover.View) (Observation, error) {
	last, err := v.lastReport(look)
	if err != nil {
		return Observation{}, err
	}
	if last == nil || last.State == failover.Pending && !time.Now().Before(last.Next) || last.State != failover.Pending && last.State != failover.Proven {
		rep, err := v.s.Check(ctx, last)
		if err != nil {
			return Observation{}, err
		}
		last = &rep
		v.mu.Lock()
		v.last = last
		v.mu.Unlock()
	}
	switch last.State {
	case failover.Proven:
		return See(Done, last, "%s to %s: %s", v.kind, v.to, last.Detail), nil
	case failover.Pending:
		return See(Pending, last, "%s", last.Detail), nil
	case failover.Contradicted:
		return See(Blocked, last, "%s", last.Detail), nil
	}
	return See(Unknown, last, "not proven in time: %s", last.Detail), nil
}

func (v *swingView) lastReport(look Look) (*failover.Report, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.last != nil || look.Since == nil || len(look.Since.Last) == 0 || look.Since.Last[0] != '{' {
		return v.last, nil
	}
	var rep failover.Report
	if err := readEvidence(look.Since.Last, &rep); err != nil {
		return nil, err
	}
	v.last = &rep
	return v.last, nil
}

// SwingDNS returns the step that moves the site's name in DNS, in one zone or in several: "Edit the entry to point to the IP address for Appliance B. Once the DNS entry has propagated, you
// can resume normal activity" (PRA Upgrade Guide, DNS Swing). It is sent as one guarded change a zone, and proven at every authoritative server, every resolver and every vantage of the record. An
// editor that cannot write answers [failover.ErrNotPressed], and then a person is asked. limit bounds the proof; default 2 hours and the record's old TTL.
func SwingDNS(rec *failover.Record, limit time.Duration) Step {
	on := "DNS"
	if len(rec.Zones) > 0 && len(rec.Zones[0].Moves) > 0 {
		on = strings.TrimSuffix(rec.Zones[0].Moves[0].Name, ".")
	}
	return swing("swing DNS", on, rec, orElse(limit, 2*time.Hour+rec.OldTTL))
}

// SwingNAT returns the step that moves the site's destination translation at a gateway: "Edit the entry to point to the IP address for Appliance B. As soon as the change is made, you
// can resume normal activity" (PRA Upgrade Guide, NAT Swing).
func SwingNAT(nat *failover.NATEntry, limit time.Duration) Step {
	return swing("swing NAT", nat.NAT.String(), nat, limit)
}
