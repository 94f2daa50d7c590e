package failover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Record is a site's name in DNS, to be moved from one appliance to the other. Fill it in and use it as a [Swinger]; a copy may be changed freely.
//
// The name may live in several zones, an internal and an external view for example (split horizon): then all of them move, in the order of Zones.
type Record struct {
	From, To Side
	Zones    []Zone

	// NotBefore is when the old TTL has run out in all caches after it was lowered ([TTLState.Ready]). Before it, Swing refuses with an error of class ErrTooEarly.
	// Zero: no such limit. To swing early all the same, leave it zero.
	NotBefore time.Time
	// KeepPartial leaves zones as they are when a later zone refuses. By default what this call has moved is put back, guarded, so that the site is not split.
	KeepPartial bool

	// AtOnce is how many zones are read and changed at the same time. 0 and 1 mean one after another, in their order. Changing stops at the first zone that refuses; those that are
	// under way then are put back too. For hundreds of zones at one server 64 is a good number: package failover/dns gathers them into few round trips.
	AtOnce int

	// Vantages are the places from which the identity check connects to the site's name, last of all. None: identity is not checked, and reports say so.
	Vantages []Vantage
	// InARow is how often each vantage must meet the right appliance in a row. Default 3.
	InARow int

	// OldTTL is the longest TTL with which caches may hold the old value, where it is known to be longer than what the sets have now: after a lowering that was not waited for.
	OldTTL time.Duration
	Limits Limits
	// Settle is how long, after a lost answer, the old value must be read to be believed: the change may still be on its way. Default 3 s.
	Settle time.Duration
}

// Zone is one zone that holds the site's name.
type Zone struct {
	Editor RecordEditor
	// Moves are the record sets that move together, in one message. Types that are not listed must be absent at these names: a forgotten AAAA would go on leading to the old side.
	Moves []Move
	// Authorities finds the servers that answer for the zone; it is asked at each check. Nil: only the editor's own view is verified, and reports say so.
	Authorities func(ctx context.Context) (Authorities, error)
	// Resolvers are caches to be proven. They are asked only after all authoritative servers have turned: an earlier question could plant the old value, or "no such name",
	// for its whole TTL.
	Resolvers []Nameserver
}

// prepared is a zone's moves in canonical form, with the guards for sets that must be absent.
type prepared struct {
	zone     Zone
	on       string // the editor's name, made unique: two views of a zone may be at one server
	keys     []Key
	from, to []RecordSet // aligned with keys; absent sets where a type is only guarded
	listed   []bool      // aligned with keys: a move, not only a guard
}

func (r *Record) prepare() ([]prepared, error) {
	if len(r.Zones) == 0 {
		return nil, &Error{Op: "describe", Err: fmt.Errorf("%w: no zone", ErrInvalid)}
	}
	out := make([]prepared, 0, len(r.Zones))
	taken := map[string]bool{}
	for _, z := range r.Zones {
		if z.Editor == nil || len(z.Moves) == 0 {
			return nil, &Error{Op: "describe", Err: fmt.Errorf("%w: a zone needs an editor and at least one move", ErrInvalid)}
		}
		p := prepared{zone: z, on: z.Editor.String()}
		for n := 2; taken[p.on]; n++ {
			p.on = fmt.Sprintf("%s (%d)", z.Editor, n)
		}
		taken[p.on] = true
		var names []string
		for _, m := range z.Moves {
			from, to, err := m.sets()
			if err != nil {
				return nil, err
			}
			k := Key{from.Name, from.Type}
			if slices.Contains(p.keys, k) {
				return nil, &Error{Op: "describe", On: p.on, Err: fmt.Errorf("%w: %s %s moves twice", ErrInvalid, k.Name, k.Type)}
			}
			if !slices.Contains(names, k.Name) {
				names = append(names, k.Name)
			}
			p.keys, p.from, p.to, p.listed = append(p.keys, k), append(p.from, from), append(p.to, to), append(p.listed, true)
		}
		for _, n := range names {
			for _, t := range rrTypes {
				if k := (Key{n, t}); !slices.Contains(p.keys, k) {
					none := RecordSet{Name: n, Type: t}
					p.keys, p.from, p.to, p.listed = append(p.keys, k), append(p.from, none), append(p.to, none), append(p.listed, false)
				}
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// position folds what was read into one position and the values for people. Have must be aligned with p.keys.
func (p prepared) position(have []RecordSet) (Position, []string) {
	var all []Position
	var words []string
	for i, h := range have {
		switch {
		case p.listed[i]:
			all = append(all, position(h, p.from[i], p.to[i]))
			if len(h.Values) > 0 {
				words = append(words, h.String()+" ttl "+h.TTL.String())
			}
		case len(h.Values) > 0:
			all = append(all, Elsewhere)
			words = append(words, h.String()+" (in no move)")
		}
	}
	pos := together(all)
	if pos == Split { // half of one zone: a message moves all of it or nothing, so this was somebody else
		pos = Elsewhere
	}
	return pos, words
}

// Plan says what would be moved in which zone.
func (r *Record) Plan() Plan {
	out := Plan{Kind: "DNS swing", From: r.From.Name, To: r.To.Name}
	zones, err := r.prepare()
	if err != nil {
		return out
	}
	for _, p := range zones {
		part := PlanPart{On: p.on, Guard: p.zone.Editor.Guard()}
		for i := range p.keys {
			if p.listed[i] {
				part.Moves = append(part.Moves, Change{p.from[i], p.to[i]}.String())
			}
		}
		out.Parts = append(out.Parts, part)
	}
	return out
}

// Back returns the record with the sides exchanged, and without NotBefore: who goes back is in a hurry.
func (r *Record) Back() Swinger {
	b := *r
	b.From, b.To, b.NotBefore = r.To, r.From, time.Time{}
	b.Zones = slices.Clone(r.Zones)
	for i, z := range b.Zones {
		b.Zones[i].Moves = slices.Clone(z.Moves)
		for j, m := range z.Moves {
			b.Zones[i].Moves[j].From, b.Zones[i].Moves[j].To = m.To, m.From
		}
	}
	return &b
}

// Look reads all zones at their editors. Wait is the longest TTL of the sets that move. Errors are those of the editors, joined; the view is complete all the same.
func (r *Record) Look(ctx context.Context) (View, error) {
	zones, err := r.prepare()
	if err != nil {
		return View{}, err
	}
	view, _, err := r.look(ctx, zones)
	return view, err
}

func (r *Record) look(ctx context.Context, zones []prepared) (View, [][]RecordSet, error) {
	view := View{At: time.Now(), Parts: make([]ViewPart, len(zones))}
	errs := make([]error, len(zones))
	all := make([][]RecordSet, len(zones))
	inTurn(len(zones), r.AtOnce, func(i int) bool {
		p := zones[i]
		part := ViewPart{On: p.on}
		have, err := readSets(ctx, p.zone.Editor, p.keys)
		if err != nil {
			part.Error = err.Error()
			errs[i] = &Error{Op: "look", On: part.On, Err: err}
		} else {
			all[i] = have
			part.Position, part.Have = p.position(have)
		}
		view.Parts[i] = part
		return true
	})
	positions := make([]Position, len(zones))
	for i, part := range view.Parts {
		positions[i] = part.Position
		for j, h := range all[i] {
			if zones[i].listed[j] && len(h.Values) > 0 {
				view.Wait = max(view.Wait, h.TTL)
			}
		}
	}
	view.Position = together(positions)
	view.Detail = r.detail(view)
	return view, all, ended(ctx, errors.Join(errs...))
}

// inTurn calls do for 0 to n-1 in this order, so many at the same time, and starts no more once one has returned false. It returns when all have.
func inTurn(n, atOnce int, do func(i int) bool) {
	if atOnce <= 1 {
		for i := 0; i < n && do(i); i++ {
		}
		return
	}
	var wg sync.WaitGroup
	var next atomic.Int64
	var stop atomic.Bool
	for range min(atOnce, n) {
		wg.Go(func() {
			for !stop.Load() {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if !do(i) {
					stop.Store(true)
				}
			}
		})
	}
	wg.Wait()
}

// detail says in one line where the name leads.
func (r *Record) detail(v View) string {
	var parts []string
	for _, p := range v.Parts {
		s := p.Error
		if s == "" {
			s = p.Position.String()
			if p.Position != AtFrom && p.Position != AtTo {
				s += " (" + values(p.Have) + ")"
			}
		}
		parts = append(parts, p.On+": "+s)
	}
	return r.From.Name + " -> " + r.To.Name + ": " + strings.Join(parts, "; ")
}

// readSets reads and checks that the editor kept its promise of one set for each key.
func readSets(ctx context.Context, e RecordEditor, keys []Key) ([]RecordSet, error) {
	have, err := e.Read(ctx, keys)
	if err != nil {
		return nil, ended(ctx, err)
	}
	return have, aligned(keys, have)
}

func aligned(keys []Key, have []RecordSet) error {
	if len(have) != len(keys) {
		return fmt.Errorf("asked for %d record sets, got %d", len(keys), len(have))
	}
	for i, h := range have {
		if h.Name != keys[i].Name || h.Type != keys[i].Type {
			return fmt.Errorf("asked for %s %s, got %s %s", keys[i].Name, keys[i].Type, h.Name, h.Type)
		}
	}
	return nil
}
