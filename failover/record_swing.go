package failover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Swing moves the name in all zones, one guarded change a zone, in their order (see AtOnce).
//
// All zones are read first: if one cannot be read nothing is sent, and if one is neither at the old nor at the new side the outcome is Conflict with nothing sent. Zones that are
// at the new side already are left alone, so a swing that was cut short between two zones is finished by calling Swing again.
//
// If a zone refuses, the zones that this call has moved are put back, in reverse order and guarded; the outcome is Unchanged if that succeeded for all of them and Conflict
// otherwise (see KeepPartial). If an answer is lost the zone is read: the new value ends in AlreadyDone, the old value, once it has lasted Settle, in Unchanged. If it cannot be
// read the outcome is Unknown and nothing further is sent, not even to put back.
func (r *Record) Swing(ctx context.Context) (Result, error) {
	res := Result{Began: time.Now(), Outcome: Unchanged}
	fail := func(on string, err error) (Result, error) {
		res.Ended, res.Detail = time.Now(), err.Error()
		return res, &Error{Op: "swing", On: on, Outcome: res.Outcome, Next: next(res.Outcome), Err: ended(ctx, err)}
	}
	zones, err := r.prepare()
	if err != nil {
		return fail("", err)
	}
	if wait := time.Until(r.NotBefore); wait > 0 {
		return fail("", fmt.Errorf("%w for another %v", ErrTooEarly, wait.Round(time.Second)))
	}
	view, have, err := r.look(ctx, zones)
	if err != nil {
		return fail("", err)
	}
	for _, part := range view.Parts {
		if part.Position != AtFrom && part.Position != AtTo {
			res.Outcome = Conflict
			return fail(part.On, fmt.Errorf("%w: the name is %s: %s", ErrGuard, part.Position, values(part.Have)))
		}
	}
	parts, errs := make([]*ResultPart, len(zones)), make([]error, len(zones))
	inTurn(len(zones), r.AtOnce, func(i int) bool {
		part := &ResultPart{On: zones[i].on, Outcome: AlreadyDone, Detail: "was there before"}
		if view.Parts[i].Position == AtFrom {
			part.Outcome, part.Detail, errs[i] = r.swap(ctx, zones[i], zones[i].changes(have[i]))
		}
		parts[i] = part
		return part.Outcome.Good()
	})
	res.Outcome = AlreadyDone
	var worst *ResultPart
	for _, p := range parts {
		switch {
		case p == nil: // never begun
		case !p.Outcome.Good() && (worst == nil || p.Outcome == Unknown || p.Outcome == Conflict && worst.Outcome == Unchanged):
			worst = p // an unknown zone counts more than a conflict, and that more than one that is unchanged
		case p.Outcome == Applied:
			res.Outcome = Applied
		}
	}
	if worst != nil {
		res.Outcome = worst.Outcome
		if worst.Outcome != Unknown && r.putBack(ctx, zones, have, parts) {
			res.Outcome = Conflict
		}
	}
	for _, p := range parts {
		if p != nil {
			res.Parts = append(res.Parts, *p)
		}
	}
	if worst != nil {
		err := errors.Join(errs...)
		if left := whatBecame(parts); left != "" {
			err = fmt.Errorf("%w; %s", err, left)
		}
		return fail(worst.On, err)
	}
	res.Ended = time.Now()
	res.Detail = fmt.Sprintf("%s -> %s: %s in %d of %d zones", r.From.Name, r.To.Name, res.Outcome, len(res.Parts), len(zones))
	return res, nil
}

// whatBecame says which zones had moved when a later one went wrong, and what was done about them.
func whatBecame(parts []*ResultPart) string {
	var out []string
	for _, p := range parts {
		switch {
		case p == nil || !p.Outcome.Good():
		case p.PutBack == nil:
			out = append(out, p.On+" leads to the new side")
		case p.PutBack.Good():
			out = append(out, p.On+" had moved and was put back")
		default:
			out = append(out, fmt.Sprintf("%s had moved, and putting it back ended %s", p.On, *p.PutBack))
		}
	}
	return strings.Join(out, "; ")
}

// changes returns what turns the sets that were read into the new ones. Sets that are only guarded stay absent.
func (p prepared) changes(have []RecordSet) []Change {
	out := make([]Change, len(have))
	for i, h := range have {
		to := p.to[i]
		if to.TTL == 0 {
			to.TTL = h.TTL
		}
		out[i] = Change{Old: h, New: to}
	}
	return out
}

// swap makes one guarded change of one zone and finds out what became of it.
func (r *Record) swap(ctx context.Context, p prepared, changes []Change) (Outcome, string, error) {
	err := p.zone.Editor.Replace(ctx, changes)
	switch {
	case err == nil:
		return Applied, "", nil
	case errors.Is(err, ErrRefused), errors.Is(err, ErrNotSent):
		return Unchanged, err.Error(), err
	}
	return resolve(ctx, err, r.settle(), func(ctx context.Context) (Position, string, error) {
		have, err := readSets(ctx, p.zone.Editor, p.keys)
		if err != nil {
			return Unseen, "", err
		}
		old, new := true, true
		for i, h := range have {
			old = old && h.Same(changes[i].Old)
			new = new && h.Same(changes[i].New)
		}
		pos, words := p.position(have)
		switch { // by what this very change wanted: when putting back, the sides are exchanged
		case new:
			pos = AtTo
		case old:
			pos = AtFrom
		case pos == AtTo || pos == AtFrom:
			pos = Elsewhere
		}
		return pos, values(words), nil
	})
}

func (r *Record) settle() time.Duration {
	if r.Settle > 0 {
		return r.Settle
	}
	return 3 * time.Second
}

// putBack undoes the zones that this very call has applied, newest first, and reports whether the site is left split.
func (r *Record) putBack(ctx context.Context, zones []prepared, have [][]RecordSet, parts []*ResultPart) (split bool) {
	// The caller may have given up, which is no reason to leave the site split.
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), 30*time.Second, errors.New("putting back took more than 30 s"))
	defer cancel()
	for i, part := range slices.Backward(parts) {
		if part == nil || !part.Outcome.Good() {
			continue
		}
		if part.Outcome != Applied || r.KeepPartial {
			split = true
			continue
		}
		changes := zones[i].changes(have[i])
		for j, c := range changes {
			changes[j] = Change{Old: c.New, New: c.Old}
		}
		o, detail, _ := r.swap(ctx, zones[i], changes)
		part.PutBack = &o
		if !o.Good() {
			split = true
			part.Detail = "put back: " + detail
		}
	}
	return split
}

// resolve finds out what became of a change whose answer was lost, or whose guard did not hold, by reading until the state is believed. It never sends.
//
// Read returns AtTo for the wanted state and AtFrom for the state before. A lost answer may belong to a message that still travels: the old state must last settle.
func resolve(ctx context.Context, lost error, settle time.Duration, read func(context.Context) (Position, string, error)) (Outcome, string, error) {
	given := errors.Is(lost, ErrGuard) // then the answer is known and the first reading decides
	// Reading must go on when the caller's time has run out: leaving now would leave the state unknown.
	rctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), settle+7*time.Second, errors.New("the state could not be read in time"))
	defer cancel()
	began := time.Now()
	var reading error
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		pos, have, err := read(rctx)
		switch {
		case err != nil:
			reading = err
		case pos == AtTo:
			return AlreadyDone, "the answer was " + lost.Error() + "; the new value is there", nil
		case pos == AtFrom && (given || time.Since(began) >= settle):
			return Unchanged, "the old value is there", lost
		case pos != AtFrom:
			return Conflict, "there is now: " + have, fmt.Errorf("%w; there is now: %s (%s)", lost, have, pos)
		default:
			reading = nil
		}
		select {
		case <-rctx.Done():
			if reading == nil {
				reading = context.Cause(rctx)
			}
			return Unknown, "the answer was lost and the state could not be read", fmt.Errorf("%w; reading the state since: %w", lost, reading)
		case <-time.After(pause):
		}
	}
}
