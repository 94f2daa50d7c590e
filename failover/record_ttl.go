package failover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// TTLState is the TTLs of the sets that move, as they were read. It is what a lowering is undone from, and survives as JSON.
type TTLState struct {
	Zones []ZoneTTL `json:"zones"`
	At    time.Time `json:"at"`
}

// ZoneTTL is the TTLs of one zone.
type ZoneTTL struct {
	On   string      `json:"on"` // the editor's name
	Sets []RecordSet `json:"sets"`
}

// Longest returns the longest TTL.
func (s TTLState) Longest() time.Duration {
	var d time.Duration
	for _, z := range s.Zones {
		for _, set := range z.Sets {
			d = max(d, set.TTL)
		}
	}
	return d
}

// Ready returns when no honest cache holds a set with the old TTLs any more, if the lowered ones became effective on the last authoritative server at the given time: that time and
// the longest old TTL. Set [Record.NotBefore] to it.
func (s TTLState) Ready(effective time.Time) time.Time { return effective.Add(s.Longest()) }

// TTLs reads the TTLs of the sets that move, at the editors. Sets that are not there are left out.
func (r *Record) TTLs(ctx context.Context) (TTLState, error) {
	zones, err := r.prepare()
	if err != nil {
		return TTLState{}, err
	}
	_, all, err := r.look(ctx, zones)
	if err != nil {
		return TTLState{}, err
	}
	out := TTLState{At: time.Now()}
	for i, p := range zones {
		z := ZoneTTL{On: p.on}
		for j, h := range all[i] {
			if p.listed[j] && len(h.Values) > 0 {
				z.Sets = append(z.Sets, h)
			}
		}
		out.Zones = append(out.Zones, z)
	}
	return out, nil
}

// LowerTTL sets the TTL of every set that moves and has a longer one, by the same guarded message as a swing, with equal values. It returns what the TTLs were: keep that for
// [Record.RestoreTTL] before anything else. A zone whose TTLs are low enough is left alone, so the call may be repeated after a crash; keep the state that was read first.
func (r *Record) LowerTTL(ctx context.Context, ttl time.Duration) (was TTLState, res Result, err error) {
	if ttl < time.Second || ttl%time.Second != 0 {
		return was, Result{}, &Error{Op: "lower ttl", Err: fmt.Errorf("%w: TTL %v: want whole seconds, at least one", ErrInvalid, ttl)}
	}
	if was, err = r.TTLs(ctx); err != nil {
		return was, Result{Outcome: Unchanged}, err
	}
	res, err = r.setTTL(ctx, "lower ttl", was, func(_ string, s RecordSet) (time.Duration, bool) { return ttl, s.TTL > ttl })
	return was, res, err
}

// RestoreTTL puts back the TTLs in was, as [Record.LowerTTL] returned them, on the sets that are there now (the swing keeps the lowered TTL). Only a TTL that is still the lowered
// one is put back; one that somebody changed since is left, and the result's part says so.
func (r *Record) RestoreTTL(ctx context.Context, was TTLState, lowered time.Duration) (Result, error) {
	now, err := r.TTLs(ctx)
	if err != nil {
		return Result{Outcome: Unchanged}, err
	}
	return r.setTTL(ctx, "restore ttl", now, func(on string, s RecordSet) (time.Duration, bool) {
		ttl, ok := was.of(on, s)
		return ttl, ok && s.TTL == lowered && ttl != lowered
	})
}

// LoweredTTLs reads what is left to restore of a lowering: owed are the sets that [Record.RestoreTTL] would put back, changed those whose TTL is neither the lowered one nor the
// one in was, because somebody chose it since.
func (r *Record) LoweredTTLs(ctx context.Context, was TTLState, lowered time.Duration) (owed, changed []RecordSet, err error) {
	now, err := r.TTLs(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, z := range now.Zones {
		for _, s := range z.Sets {
			ttl, ok := was.of(z.On, s)
			switch {
			case !ok || s.TTL == ttl:
			case s.TTL == lowered:
				owed = append(owed, s)
			default:
				changed = append(changed, s)
			}
		}
	}
	return owed, changed, nil
}

// of returns the TTL that a set had.
func (s TTLState) of(on string, set RecordSet) (time.Duration, bool) {
	for _, z := range s.Zones {
		if z.On != on {
			continue
		}
		// A swing may have moved the name to another type, from A to AAAA for example: then its name decides.
		i := slices.IndexFunc(z.Sets, func(o RecordSet) bool { return o.Name == set.Name && o.Type == set.Type })
		if i < 0 {
			i = slices.IndexFunc(z.Sets, func(o RecordSet) bool { return o.Name == set.Name })
		}
		if i >= 0 {
			return z.Sets[i].TTL, true
		}
	}
	return 0, false
}

// setTTL changes TTLs zone by zone. Want returns a set's TTL and whether it is to be changed.
func (r *Record) setTTL(ctx context.Context, op string, now TTLState, want func(on string, s RecordSet) (time.Duration, bool)) (Result, error) {
	zones, err := r.prepare()
	if err != nil {
		return Result{}, err
	}
	res := Result{Began: time.Now(), Outcome: AlreadyDone}
	var errs []error
	for i, p := range zones {
		part := ResultPart{On: now.Zones[i].On, Outcome: AlreadyDone}
		var changes []Change
		for _, s := range now.Zones[i].Sets {
			ttl, do := want(part.On, s)
			if !do {
				part.Detail = fmt.Sprintf("%s keeps its TTL of %v", s, s.TTL)
				continue
			}
			n := s
			n.TTL = ttl
			changes = append(changes, Change{Old: s, New: n})
		}
		if len(changes) > 0 {
			part.Outcome, part.Detail, err = r.swapTTL(ctx, p, changes)
			if err != nil {
				errs = append(errs, &Error{Op: op, On: part.On, Outcome: part.Outcome, Next: next(part.Outcome), Err: ended(ctx, err)})
			}
		}
		res.Parts = append(res.Parts, part)
	}
	res.Ended = time.Now()
	for _, p := range res.Parts {
		if !p.Outcome.Good() && (res.Outcome.Good() || p.Outcome < res.Outcome) {
			res.Outcome = p.Outcome
		} else if p.Outcome == Applied && res.Outcome == AlreadyDone {
			res.Outcome = Applied
		}
	}
	res.Detail = op + ": " + res.Outcome.String()
	return res, errors.Join(errs...)
}

// swapTTL is swap for a change of TTLs only, where values do not tell old from new.
func (r *Record) swapTTL(ctx context.Context, p prepared, changes []Change) (Outcome, string, error) {
	err := p.zone.Editor.Replace(ctx, changes)
	switch {
	case err == nil:
		return Applied, "", nil
	case errors.Is(err, ErrRefused), errors.Is(err, ErrNotSent):
		return Unchanged, err.Error(), err
	}
	keys := make([]Key, len(changes))
	for i, c := range changes {
		keys[i] = Key{c.Old.Name, c.Old.Type}
	}
	return resolve(ctx, err, r.settle(), func(ctx context.Context) (Position, string, error) {
		have, err := readSets(ctx, p.zone.Editor, keys)
		if err != nil {
			return Unseen, "", err
		}
		pos := AtTo
		for i, h := range have {
			switch {
			case h.Same(changes[i].Old) && h.TTL == changes[i].New.TTL:
			case h.Same(changes[i].Old) && h.TTL == changes[i].Old.TTL:
				pos = AtFrom
			default: // also a TTL that is neither: a provider's floor, or somebody else
				return Elsewhere, h.String() + " ttl " + h.TTL.String(), nil
			}
		}
		return pos, "", nil
	})
}

// EffectiveTTL asks every authoritative server once and returns nil if each of them serves every set that moves with at most the given TTL. Otherwise the error names those that
// do not, with their TTL. The moment of the first nil is when the lowered TTL became effective, see [TTLState.Ready].
func (r *Record) EffectiveTTL(ctx context.Context, ttl time.Duration) error {
	zones, err := r.prepare()
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range zones {
		on := p.on
		have, err := readSets(ctx, p.zone.Editor, p.keys)
		errs = append(errs, longer(on, have, ttl, err))
		if p.zone.Authorities == nil {
			continue
		}
		auth, err := p.zone.Authorities(ctx)
		if err != nil {
			errs = append(errs, &Error{Op: "check ttl", On: on, Err: err})
		}
		for _, ns := range auth.Servers {
			ans, err := askServer(ctx, ns, p.keys)
			errs = append(errs, longer(ns.String(), ans.Sets, ttl, err))
		}
	}
	return ended(ctx, errors.Join(errs...))
}

func longer(on string, have []RecordSet, ttl time.Duration, err error) error {
	for _, h := range have {
		if len(h.Values) > 0 && h.TTL > ttl {
			err = errors.Join(err, fmt.Errorf("%s still has TTL %v", h, h.TTL))
		}
	}
	if err == nil {
		return nil
	}
	return &Error{Op: "check ttl", On: on, Err: err}
}
