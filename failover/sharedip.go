package failover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// SharedIP is an address that is entered on both appliances and enabled on one, to be moved from one to the other. It is a [Swinger].
//
// Both holding it is an error that looks fine, because one of them just answers; neither holding it is downtime. So both sides are prepared first, the old side's letting go is
// seen before the new side is told to take over, and nothing is enabled anywhere while it is unknown whether the other still holds the address.
type SharedIP struct {
	From, To End

	// Vantages are the places from which the identity check connects to the shared address, and by which the gap is measured. Name two: one place may have a stale neighbour cache.
	Vantages []Vantage
	InARow   int // default 3
	Limits   Limits
	// Settle is how long a side may take to say that it holds the address, or does not, after it accepted that. Default 15 s.
	Settle time.Duration
	// Sample is how often each vantage is asked while the address moves, to measure the gap. Default 100 ms.
	Sample time.Duration
}

// End is one appliance and its end of the address.
type End struct {
	Side
	Address Address
}

func (s *SharedIP) valid() error {
	if s.From.Address == nil || s.To.Address == nil {
		return &Error{Op: "describe", On: "shared IP switch", Err: fmt.Errorf("%w: both sides need an address", ErrInvalid)}
	}
	return nil
}

// Plan says what would be disabled where and enabled where.
func (s *SharedIP) Plan() Plan {
	p := Plan{Kind: "shared IP switch", From: s.From.Name, To: s.To.Name}
	if s.valid() == nil {
		p.Parts = []PlanPart{
			{On: s.From.Address.String(), Moves: []string{"enabled -> disabled"}},
			{On: s.To.Address.String(), Moves: []string{"disabled -> enabled"}},
		}
	}
	return p
}

// Back returns the switch with the sides exchanged.
func (s *SharedIP) Back() Swinger {
	b := *s
	b.From, b.To = s.To, s.From
	return &b
}

// Look asks both appliances whether they hold the address. AtBoth and AtNeither are told apart.
func (s *SharedIP) Look(ctx context.Context) (View, error) {
	if err := s.valid(); err != nil {
		return View{}, err
	}
	v := View{At: time.Now(), Position: Unseen}
	var errs []error
	var holds [2]bool
	for i, e := range []End{s.From, s.To} {
		part := ViewPart{On: e.Address.String()}
		h, err := e.Address.Holds(ctx)
		if err != nil {
			part.Error = err.Error()
			errs = append(errs, &Error{Op: "look", On: part.On, Err: err})
		} else {
			part.Position = map[bool]Position{true: []Position{AtFrom, AtTo}[i], false: AtNeither}[h]
			part.Have = []string{map[bool]string{true: "enabled", false: "disabled"}[h]}
		}
		holds[i] = h
		v.Parts = append(v.Parts, part)
	}
	if len(errs) == 0 {
		v.Position = map[[2]bool]Position{{true, false}: AtFrom, {false, true}: AtTo, {true, true}: AtBoth, {false, false}: AtNeither}[holds]
	}
	var words []string
	for _, p := range v.Parts {
		words = append(words, p.On+": "+cmp.Or(p.Error, strings.Join(p.Have, "")))
	}
	v.Detail = strings.Join(words, "; ")
	return v, ended(ctx, errors.Join(errs...))
}

// Swing disables the address on the old side and, once that is seen, enables it on the new side.
//
// A start at neither side is taken up where it was left: that is what a crash between the two halves looks like. A start at both sides is a Conflict; who is right is a person's word.
// If the new side definitely does not take the address it is enabled on the old side again, and the outcome is Unchanged. If it is not known whether the new side took it, nothing
// is rolled back, because both would hold it then: the outcome is Unknown.
func (s *SharedIP) Swing(ctx context.Context) (Result, error) {
	res := Result{Began: time.Now(), Outcome: Unchanged}
	fail := func(on string, o Outcome, err error) (Result, error) {
		res.Outcome, res.Detail, res.Ended = o, err.Error(), time.Now()
		return res, &Error{Op: "swing", On: on, Outcome: o, Next: next(o), Err: ended(ctx, err)}
	}
	if err := s.valid(); err != nil {
		return fail("shared IP switch", Unchanged, err)
	}
	for _, e := range []End{s.To, s.From} {
		if err := e.Address.Prepare(ctx); err != nil {
			return fail(e.Address.String(), Unchanged, fmt.Errorf("%w (prepare: %w)", ErrNotSent, err))
		}
	}
	view, err := s.Look(ctx)
	if err != nil {
		return fail("shared IP switch", Unchanged, err)
	}
	switch view.Position {
	case AtTo:
		res.Outcome, res.Detail, res.Ended = AlreadyDone, view.Detail, time.Now()
		return res, nil
	case AtFrom, AtNeither:
	case Unseen, AtBoth, Split, Elsewhere:
		return fail("shared IP switch", Conflict, fmt.Errorf("%w: the address is %s: %s", ErrGuard, view.Position, view.Detail))
	}
	watch := startWatch(ctx, s.Vantages, cmp.Or(s.Sample, 100*time.Millisecond))
	defer watch.stop()
	gap := Gap{Released: time.Now()}
	res.Gap = &gap
	if view.Position == AtFrom {
		o, detail, err := s.set(ctx, s.From, false)
		res.Parts = append(res.Parts, ResultPart{On: s.From.Address.String(), Outcome: o, Detail: detail})
		if !o.Good() {
			gap.Claimed = gap.Released // the old side still holds it, or that is not known
			return fail(s.From.Address.String(), o, fmt.Errorf("disable: %w", err))
		}
	}
	// From here on nobody holds the address: the caller's giving up must not leave it so.
	actx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), 2*s.settle()+30*time.Second, errors.New("enabling took too long"))
	defer cancel()
	o, detail, err := s.set(actx, s.To, true)
	gap.Claimed = time.Now()
	res.Parts = append(res.Parts, ResultPart{On: s.To.Address.String(), Outcome: o, Detail: detail})
	if o.Good() {
		gap.Seen, gap.SeenBy = watch.await(actx, s.To.ID)
		res.Outcome, res.Ended = Applied, time.Now()
		res.Detail = fmt.Sprintf("%s -> %s: nobody held the address for %v", s.From.Name, s.To.Name, gap.Held())
		return res, nil
	}
	if o == Unknown {
		return fail(s.To.Address.String(), Unknown, fmt.Errorf("enable: %w; not rolled back, for both might hold the address then", err))
	}
	back, _, backErr := s.set(actx, s.From, true)
	gap.Claimed = time.Now()
	if n := len(res.Parts); n > 1 {
		res.Parts[n-2].PutBack = &back
	}
	if back.Good() {
		return fail(s.To.Address.String(), Unchanged, fmt.Errorf("enable: %w; the address is enabled on %s again", err, s.From.Name))
	}
	if back == Unknown {
		return fail(s.From.Address.String(), Unknown, fmt.Errorf("enable: %w; enabling it on %s again: %w", err, s.From.Name, backErr))
	}
	return fail(s.From.Address.String(), Conflict, fmt.Errorf("enable: %w; NOBODY holds the address, enabling it on %s again: %w", err, s.From.Name, backErr))
}

func (s *SharedIP) settle() time.Duration { return cmp.Or(s.Settle, 15*time.Second) }

// set enables or disables the address at one end, once, and looks until the appliance says so itself.
func (s *SharedIP) set(ctx context.Context, e End, on bool) (Outcome, string, error) {
	act := e.Address.Disable
	if on {
		act = e.Address.Enable
	}
	sent := act(ctx)
	if sent != nil && unchanged(sent) {
		return Unchanged, sent.Error(), sent
	}
	lost := cmp.Or(sent, errors.New("accepted, but the appliance did not say that it took effect"))
	o, detail, err := resolve(ctx, lost, s.settle(), func(ctx context.Context) (Position, string, error) {
		holds, err := e.Address.Holds(ctx)
		switch {
		case err != nil:
			return Unseen, "", err
		case holds == on:
			return AtTo, "", nil
		}
		return AtFrom, "", nil
	})
	if o == AlreadyDone && sent == nil {
		return Applied, "", nil
	}
	return o, detail, err
}

// Check asks both appliances, and then from every vantage which one answers at the shared address.
//
// A vantage that still meets the old appliance, or nobody, is waited for until the identity limit while the appliances say that the address has moved: its own neighbour cache may
// be stale. The report says which vantage that is.
func (s *SharedIP) Check(ctx context.Context, last *Report) (Report, error) {
	if err := s.valid(); err != nil {
		return Report{}, err
	}
	rep := follow(last)
	v, err := s.Look(ctx)
	switch {
	case ctx.Err() != nil:
		return rep, &Error{Op: "check", On: "shared IP switch", Err: context.Cause(ctx)}
	case err != nil && rep.At.Sub(rep.Began) < s.Limits.authorities():
		rep.wait(rep.At.Add(rep.pause()), v.Detail)
	case err != nil:
		rep.end(TimedOut, v.Detail)
	case v.Position != AtTo:
		rep.end(Contradicted, fmt.Sprintf("the address is %s: %s", v.Position, v.Detail))
	default:
		rep.identify(ctx, s.To.Side, s.Vantages, s.InARow, s.Limits.identity(), "")
		if rep.Identity != nil && !rep.Identity.Proven() {
			rep.Detail += stale(*rep.Identity, rep.State)
		}
	}
	if err := context.Cause(ctx); err != nil {
		return rep, &Error{Op: "check", On: "shared IP switch", Err: err}
	}
	return rep, nil
}

// stale says what a vantage that does not meet the new side may mean, while the appliances agree that the address has moved.
func stale(id Identity, state Proof) string {
	right := slices.ContainsFunc(id.Seen, func(s IdentitySeen) bool { return s.InARow > 0 })
	switch {
	case right:
		return "; the new side answers elsewhere, so the network in front of the others still sends to the old box (a stale neighbour cache clears within a minute)"
	case state == Pending:
		return "; both appliances say that the address has moved, so this may be a stale neighbour cache, which clears within a minute"
	}
	return "; both appliances say that the address has moved, and a neighbour cache would have cleared by now"
}
