package failover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// NATEntry is a site's destination translation, to be moved from one appliance to the other. It is a [Swinger].
type NATEntry struct {
	NAT      NAT
	From, To Target

	// Cut ends connections that are established with the old side, right after the change; a gateway without [Sessions] refuses the swing then. By default they are left to end by
	// themselves: the report counts them, and waits for them as long as Limits.Drain.
	Cut bool

	Vantages []Vantage // as for Record
	InARow   int       // default 3
	Limits   Limits
	// Settle is how long, after a lost answer, the old state must be read to be believed. Default 3 s.
	Settle time.Duration
}

// Target is one appliance and the address at which the gateway reaches it.
type Target struct {
	Side
	Addr netip.Addr
}

// Traffic is what became of connections that were established with the old side.
type Traffic struct {
	Cut     int    `json:"cut"`              // ended by us
	Left    int    `json:"left"`             // still there
	Unknown string `json:"unknown,omitzero"` // why they could not be counted
}

func (n *NATEntry) valid() error {
	bad := func(why string) error {
		return &Error{Op: "describe", On: "NAT swing", Err: fmt.Errorf("%w: %s", ErrInvalid, why)}
	}
	if n.NAT == nil {
		return bad("no gateway")
	}
	if !n.From.Addr.IsValid() || !n.To.Addr.IsValid() || n.From.Addr == n.To.Addr {
		return bad(fmt.Sprintf("the addresses %v and %v must be two", n.From.Addr, n.To.Addr))
	}
	if _, ok := n.NAT.(Sessions); n.Cut && !ok {
		return bad(n.NAT.String() + " cannot cut connections")
	}
	return nil
}

// Plan says what would be moved at which gateway.
func (n *NATEntry) Plan() Plan {
	p := Plan{Kind: "NAT swing", From: n.From.Name, To: n.To.Name}
	if n.valid() == nil {
		moves := []string{n.From.Addr.String() + " -> " + n.To.Addr.String()}
		if n.Cut {
			moves = append(moves, "connections established with "+n.From.Addr.String()+" are cut")
		}
		p.Parts = []PlanPart{{On: n.NAT.String(), Guard: n.NAT.Guard(), Moves: moves}}
	}
	return p
}

// Back returns the same move with the sides exchanged.
func (n *NATEntry) Back() Swinger {
	b := *n
	b.From, b.To = n.To, n.From
	return &b
}

// Look asks the gateway where the entry leads.
func (n *NATEntry) Look(ctx context.Context) (View, error) {
	if err := n.valid(); err != nil {
		return View{}, err
	}
	v := View{At: time.Now()}
	part := ViewPart{On: n.NAT.String()}
	pos, have, err := n.read(ctx)
	if err != nil {
		part.Error = err.Error()
		err = &Error{Op: "look", On: part.On, Err: ended(ctx, err)}
	}
	part.Position, part.Have, v.Position = pos, have, pos
	v.Parts = []ViewPart{part}
	v.Detail = fmt.Sprintf("%s -> %s: %s leads to %s", n.From.Name, n.To.Name, part.On, values(have))
	if pos == AtTo {
		v.Left = n.left(ctx)
	}
	if err != nil {
		v.Detail = part.On + ": " + part.Error
	}
	return v, err
}

// left is what a swing that was cut short has not done yet. What cannot be told counts as not done: doing it again does no harm.
func (n *NATEntry) left(ctx context.Context) []string {
	var out []string
	if s, ok := n.NAT.(Sessions); ok && n.Cut {
		switch left, err := s.Established(ctx, n.From.Addr); {
		case err != nil:
			out = append(out, "whether connections with "+n.From.Name+" were cut is not known: "+err.Error())
		case left > 0:
			out = append(out, fmt.Sprintf("%d connections with %s are not cut", left, n.From.Name))
		}
	}
	if p, ok := n.NAT.(Persister); ok {
		switch kept, err := p.Persisted(ctx); {
		case errors.Is(err, ErrRefused): // nowhere to write it
		case err != nil:
			out = append(out, "what the gateway starts with is not known: "+err.Error())
		case !kept:
			out = append(out, "the gateway would start with something else")
		}
	}
	return out
}

func (n *NATEntry) read(ctx context.Context) (Position, []string, error) {
	targets, err := n.NAT.Targets(ctx)
	if err != nil {
		return Unseen, nil, err
	}
	var have []string
	var from, to, other int
	for _, a := range targets {
		have = append(have, a.String())
		switch a {
		case n.From.Addr:
			from++
		case n.To.Addr:
			to++
		default:
			other++
		}
	}
	switch {
	case len(targets) == 0:
		return AtNeither, have, nil
	case other > 0:
		return Elsewhere, have, nil
	case from > 0 && to > 0:
		return AtBoth, have, nil
	case to > 0:
		return AtTo, have, nil
	}
	return AtFrom, have, nil
}

// Swing makes the guarded change, then cuts connections if it is to, then makes the change last over a reboot of the gateway if it can ([Persister]).
//
// If cutting or persisting goes wrong the outcome still says what became of the change, with an error; calling Swing again does what is left.
func (n *NATEntry) Swing(ctx context.Context) (Result, error) {
	res := Result{Began: time.Now(), Outcome: Unchanged}
	done := func(o Outcome, err error) (Result, error) {
		res.Outcome, res.Ended = o, time.Now()
		if err == nil {
			return res, nil
		}
		res.Detail = err.Error()
		return res, &Error{Op: "swing", On: "NAT", Outcome: o, Next: next(o), Err: ended(ctx, err)}
	}
	if err := n.valid(); err != nil {
		return done(Unchanged, err)
	}
	part := ResultPart{On: n.NAT.String(), Outcome: AlreadyDone, Detail: "was there before"}
	pos, have, err := n.read(ctx)
	switch {
	case err != nil:
		return done(Unchanged, err)
	case pos == AtFrom:
		err = n.replace(ctx, &part)
	case pos != AtTo:
		return done(Conflict, fmt.Errorf("%w: the entry is %s: %s", ErrGuard, pos, values(have)))
	}
	res.Parts = []ResultPart{part}
	if !part.Outcome.Good() {
		return done(part.Outcome, err)
	}
	res.Detail = fmt.Sprintf("%s -> %s: %s", n.From.Name, n.To.Name, part.Outcome)
	var errs []error
	if s, ok := n.NAT.(Sessions); ok {
		res.Traffic = &Traffic{}
		if n.Cut {
			if res.Traffic.Cut, err = s.Cut(ctx, n.From.Addr); err != nil {
				errs = append(errs, fmt.Errorf("the entry leads to %s, but cutting old connections: %w", n.To.Name, err))
			}
		}
		n.count(ctx, s, res.Traffic)
	}
	if p, ok := n.NAT.(Persister); ok {
		if err := p.Persist(ctx); errors.Is(err, ErrRefused) {
			res.Detail += "; " + err.Error()
		} else if err != nil {
			errs = append(errs, fmt.Errorf("the entry leads to %s until the gateway restarts, but making that last: %w", n.To.Name, err))
		}
	}
	return done(part.Outcome, errors.Join(errs...))
}

// replace sends the change once and finds out what became of it.
func (n *NATEntry) replace(ctx context.Context, part *ResultPart) error {
	var err error
	if w, ok := n.NAT.(Witness); ok {
		part.Evidence, err = w.ReplaceSeen(ctx, n.From.Addr, n.To.Addr)
	} else {
		err = n.NAT.Replace(ctx, n.From.Addr, n.To.Addr)
	}
	switch {
	case err == nil:
		part.Outcome, part.Detail = Applied, ""
		return nil
	case errors.Is(err, ErrRefused), errors.Is(err, ErrNotSent):
		part.Outcome, part.Detail = Unchanged, err.Error()
		return err
	}
	part.Outcome, part.Detail, err = resolve(ctx, err, cmp.Or(n.Settle, 3*time.Second), func(ctx context.Context) (Position, string, error) {
		pos, have, err := n.read(ctx)
		return pos, values(have), err
	})
	return err
}

func (n *NATEntry) count(ctx context.Context, s Sessions, t *Traffic) {
	left, err := s.Established(ctx, n.From.Addr)
	if err != nil {
		t.Unknown = err.Error()
	}
	t.Left = left
}

// Check asks the gateway, counts connections that are left at the old side, waits for them as long as Limits.Drain, and then asks from every vantage which appliance answers.
func (n *NATEntry) Check(ctx context.Context, last *Report) (Report, error) {
	if err := n.valid(); err != nil {
		return Report{}, err
	}
	rep := follow(last)
	v, err := n.Look(ctx)
	switch {
	case ctx.Err() != nil:
		return rep, &Error{Op: "check", On: "NAT swing", Err: context.Cause(ctx)}
	case err != nil && rep.At.Sub(rep.Began) < n.Limits.authorities():
		rep.wait(rep.At.Add(rep.pause()), v.Detail)
		return rep, nil
	case err != nil:
		rep.end(TimedOut, v.Detail)
		return rep, nil
	case v.Position != AtTo:
		rep.end(Contradicted, v.Detail)
		return rep, nil
	case len(v.Left) > 0 && rep.At.Sub(rep.Began) < n.Limits.authorities():
		rep.wait(rep.At.Add(rep.pause()), strings.Join(v.Left, "; "))
		return rep, nil
	case len(v.Left) > 0:
		rep.end(TimedOut, strings.Join(v.Left, "; ")+"; swing again for that")
		return rep, nil
	}
	if s, ok := n.NAT.(Sessions); ok {
		rep.Traffic = &Traffic{}
		n.count(ctx, s, rep.Traffic)
		if rep.Traffic.Left > 0 {
			why := fmt.Sprintf("%d connections are still established with %s", rep.Traffic.Left, n.From.Name)
			if rep.At.Sub(rep.Began) < n.Limits.Drain {
				rep.wait(rep.At.Add(rep.pause()), why)
				return rep, nil
			}
			rep.Notes = append(rep.Notes, why)
		}
	} else {
		rep.Notes = append(rep.Notes, "connections that were established with "+n.From.Name+" stay there; this gateway cannot count them")
	}
	rep.identify(ctx, n.To.Side, n.Vantages, n.InARow, n.Limits.identity(), "")
	if err := context.Cause(ctx); err != nil {
		return rep, &Error{Op: "check", On: "NAT swing", Err: err}
	}
	return rep, nil
}
