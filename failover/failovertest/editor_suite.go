package failovertest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/failover"
)

// SuiteZone is the zone below which [TestRecordEditor] needs names: "one.suite.test." and so on.
const SuiteZone = "suite.test."

// TestRecordEditor runs the rules that [failover.RecordEditor] states. NewEditor is called once a case; it returns an editor of a zone in which the names of the given sets hold
// exactly these sets, and no other name below [SuiteZone] holds anything. Guards that only an atomic editor can keep are left out for others.
func TestRecordEditor(t *testing.T, newEditor func(t *testing.T, sets []failover.RecordSet) failover.RecordEditor) {
	for _, name := range slices.Sorted(maps.Keys(editorCases)) {
		c := editorCases[name]
		t.Run(name, func(t *testing.T) {
			e := newEditor(t, c.start)
			if c.atomic && e.Guard() != failover.Atomic {
				t.Skip("the editor's guard is best effort")
			}
			if err := c.run(t.Context(), e); err != nil {
				t.Error(err)
			}
		})
	}
}

type editorCase struct {
	start  []failover.RecordSet
	atomic bool
	run    func(ctx context.Context, e failover.RecordEditor) error
}

// The sets of the suite. Their TTLs are high enough for the floors that products set.
var (
	one    = set("one.suite.test.", failover.A, "192.0.2.1")
	oneNew = set("one.suite.test.", failover.A, "192.0.2.2")
	oneTwo = set("one.suite.test.", failover.A, "192.0.2.1", "192.0.2.2")
	six    = set("one.suite.test.", failover.AAAA, "2001:db8::1")
	sixNew = set("one.suite.test.", failover.AAAA, "2001:db8::2")
	alias  = set("alias.suite.test.", failover.CNAME, "a.example.test.")
	aliasN = set("alias.suite.test.", failover.CNAME, "b.example.test.")
	fresh  = set("fresh.suite.test.", failover.A, "192.0.2.9")
)

func set(name string, t failover.RRType, v ...string) failover.RecordSet {
	return failover.RecordSet{Name: name, Type: t, TTL: 10 * time.Minute, Values: v}
}

func none(s failover.RecordSet) failover.RecordSet {
	return failover.RecordSet{Name: s.Name, Type: s.Type}
}

var editorCases = map[string]editorCase{
	"reads sets in the order of the keys, with TTL, and an absent one as empty": {
		start: []failover.RecordSet{one, six},
		run: func(ctx context.Context, e failover.RecordEditor) error {
			return holds(ctx, e, six, none(fresh), one, none(alias))
		},
	},
	"names itself": {
		run: func(_ context.Context, e failover.RecordEditor) error {
			if e.String() == "" {
				return errors.New("String() is empty")
			}
			return nil
		},
	},
	"replaces a set whole": {
		start: []failover.RecordSet{one},
		run: func(ctx context.Context, e failover.RecordEditor) error {
			if err := e.Replace(ctx, []failover.Change{{Old: one, New: oneNew}}); err != nil {
				return fmt.Errorf("Replace: %w", err)
			}
			return holds(ctx, e, oneNew)
		},
	},
	"replaces two sets by one": {
		start: []failover.RecordSet{oneTwo},
		run: func(ctx context.Context, e failover.RecordEditor) error {
			if err := e.Replace(ctx, []failover.Change{{Old: oneTwo, New: oneNew}}); err != nil {
				return fmt.Errorf("Replace: %w", err)
			}
			return holds(ctx, e, oneNew)
		},
	},
	"moves A and AAAA together": {
		start: []failover.RecordSet{one, six},
		run: func(ctx context.Context, e failover.RecordEditor) error {
			if err := e.Replace(ctx, []failover.Change{{Old: one, New: oneNew}, {Old: six, New: sixNew}}); err != nil {
				return fmt.Errorf("Replace: %w", err)
			}
			return holds(ctx, e, oneNew, sixNew)
		},
	},
	"moves an alias": {
		start: []failover.RecordSet{alias},
		run: func(ctx context.Context, e failover.RecordEditor) error {
			if err := e.Replace(ctx, []failover.Change{{Old: alias, New: aliasN}}); err != nil {
				return fmt.Errorf("Replace: %w", err)
			}
			return holds(ctx, e, aliasN)
		},
	},
	"turns addresses into an alias and back, each in one": {
		start: []failover.RecordSet{one, six}, atomic: true,
		run: func(ctx context.Context, e failover.RecordEditor) error {
			to := set(one.Name, failover.CNAME, "b.example.test.")
			if err := e.Replace(ctx, []failover.Change{{Old: one, New: none(one)}, {Old: six, New: none(six)}, {Old: none(to), New: to}}); err != nil {
				return fmt.Errorf("Replace: %w", err)
			}
			if err := holds(ctx, e, to, none(one), none(six)); err != nil {
				return err
			}
			if err := e.Replace(ctx, []failover.Change{{Old: to, New: none(to)}, {Old: none(six), New: six}, {Old: none(one), New: one}}); err != nil {
				return fmt.Errorf("Replace back: %w", err)
			}
			return holds(ctx, e, one, six, none(to))
		},
	},
	"changes a TTL under equal values": {
		start: []failover.RecordSet{one},
		run: func(ctx context.Context, e failover.RecordEditor) error {
			low := one
			low.TTL = 5 * time.Minute
			if err := e.Replace(ctx, []failover.Change{{Old: one, New: low}}); err != nil {
				return fmt.Errorf("Replace: %w", err)
			}
			return holds(ctx, e, low)
		},
	},
	"the guard does not compare TTLs": {
		start: []failover.RecordSet{one},
		run: func(ctx context.Context, e failover.RecordEditor) error {
			old := one
			old.TTL = time.Minute
			if err := e.Replace(ctx, []failover.Change{{Old: old, New: oneNew}}); err != nil {
				return fmt.Errorf("Replace: %w", err)
			}
			return holds(ctx, e, oneNew)
		},
	},
	"makes a set where there was none, and takes it away": {
		run: func(ctx context.Context, e failover.RecordEditor) error {
			if err := e.Replace(ctx, []failover.Change{{Old: none(fresh), New: fresh}}); err != nil {
				return fmt.Errorf("Replace: %w", err)
			}
			if err := holds(ctx, e, fresh); err != nil {
				return err
			}
			if err := e.Replace(ctx, []failover.Change{{Old: fresh, New: none(fresh)}}); err != nil {
				return fmt.Errorf("Replace: %w", err)
			}
			return holds(ctx, e, none(fresh))
		},
	},
	"refuses by the guard: another value is there":       guarded([]failover.RecordSet{one}, failover.Change{Old: set(one.Name, failover.A, "192.0.2.7"), New: oneNew}),
	"refuses by the guard: one value more is there":      guarded([]failover.RecordSet{oneTwo}, failover.Change{Old: one, New: oneNew}),
	"refuses by the guard: one value less is there":      guarded([]failover.RecordSet{one}, failover.Change{Old: oneTwo, New: oneNew}),
	"refuses by the guard: something is there already":   guarded([]failover.RecordSet{one}, failover.Change{Old: none(one), New: oneNew}),
	"refuses by the guard: nothing is there":             guarded(nil, failover.Change{Old: one, New: oneNew}),
	"refuses by the guard: a set that must be absent is": guarded([]failover.RecordSet{one, six}, failover.Change{Old: one, New: oneNew}, failover.Change{Old: none(six), New: none(six)}),
	"one wrong guard of two leaves both":                 guarded([]failover.RecordSet{one, six}, failover.Change{Old: one, New: oneNew}, failover.Change{Old: sixNew, New: six}),
	"sends nothing under an ended context": {
		start: []failover.RecordSet{one},
		run: func(ctx context.Context, e failover.RecordEditor) error {
			dead, cancel := context.WithCancel(ctx)
			cancel()
			if err := e.Replace(dead, []failover.Change{{Old: one, New: oneNew}}); err == nil || errors.Is(err, failover.ErrGuard) {
				return fmt.Errorf("Replace under an ended context = %v, want an error that is not ErrGuard", err)
			}
			if _, err := e.Read(dead, []failover.Key{{Name: one.Name, Type: one.Type}}); !errors.Is(err, context.Canceled) {
				return fmt.Errorf("Read under an ended context = %v, want context.Canceled", err)
			}
			return holds(ctx, e, one)
		},
	},
	"of many writers with one guard exactly one wins": {
		start: []failover.RecordSet{one}, atomic: true,
		run: func(ctx context.Context, e failover.RecordEditor) error {
			const writers = 8
			errs := make([]error, writers)
			var wg sync.WaitGroup
			for i := range writers {
				wg.Go(func() {
					errs[i] = e.Replace(ctx, []failover.Change{{Old: one, New: set(one.Name, failover.A, fmt.Sprintf("192.0.2.%d", 100+i))}})
				})
			}
			wg.Wait()
			winner := -1
			for i, err := range errs {
				switch {
				case err == nil && winner >= 0:
					return fmt.Errorf("writers %d and %d both won", winner, i)
				case err == nil:
					winner = i
				case !errors.Is(err, failover.ErrGuard):
					return fmt.Errorf("writer %d: %w, want ErrGuard", i, err)
				}
			}
			if winner < 0 {
				return errors.New("nobody won")
			}
			return holds(ctx, e, set(one.Name, failover.A, fmt.Sprintf("192.0.2.%d", 100+winner)))
		},
	},
}

// guarded is a case in which a guard does not hold and nothing may change.
func guarded(start []failover.RecordSet, changes ...failover.Change) editorCase {
	return editorCase{start: start, run: func(ctx context.Context, e failover.RecordEditor) error {
		if err := e.Replace(ctx, slices.Clone(changes)); !errors.Is(err, failover.ErrGuard) {
			return fmt.Errorf("Replace = %v, want ErrGuard", err)
		}
		if len(start) == 0 {
			return holds(ctx, e, none(changes[0].Old))
		}
		return holds(ctx, e, start...)
	}}
}

// holds reports how what is there differs from what should be.
func holds(ctx context.Context, e failover.RecordEditor, want ...failover.RecordSet) error {
	keys := make([]failover.Key, len(want))
	for i, w := range want {
		keys[i] = failover.Key{Name: w.Name, Type: w.Type}
	}
	have, err := e.Read(ctx, keys)
	if err != nil {
		return fmt.Errorf("Read: %w", err)
	}
	if len(have) != len(want) {
		return fmt.Errorf("Read returned %d sets for %d keys", len(have), len(want))
	}
	for i, h := range have {
		if !h.Same(want[i]) || len(h.Values) > 0 && h.TTL != want[i].TTL {
			return fmt.Errorf("there is %s ttl %v, want %s ttl %v", h, h.TTL, want[i], want[i].TTL)
		}
	}
	return nil
}
