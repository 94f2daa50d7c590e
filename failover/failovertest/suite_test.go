package failovertest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/changeover-sdk/changeover/failover"
)

func TestZoneConforms(t *testing.T) {
	TestRecordEditor(t, func(_ *testing.T, sets []failover.RecordSet) failover.RecordEditor {
		return NewZone(SuiteZone, sets...)
	})
}

func TestNATConforms(t *testing.T) {
	TestNAT(t, func(_ *testing.T, target netip.Addr) failover.NAT { return NewNAT(target) })
}

// broken is a zone with one rule broken.
type broken struct {
	*Zone
	read    func(ctx context.Context, z *Zone, keys []failover.Key) ([]failover.RecordSet, error)
	replace func(ctx context.Context, z *Zone, c []failover.Change) error
}

func (b broken) Read(ctx context.Context, keys []failover.Key) ([]failover.RecordSet, error) {
	if b.read != nil {
		return b.read(ctx, b.Zone, keys)
	}
	return b.Zone.Read(ctx, keys)
}

func (b broken) Replace(ctx context.Context, c []failover.Change) error {
	if b.replace != nil {
		return b.replace(ctx, b.Zone, c)
	}
	return b.Zone.Replace(ctx, c)
}

// TestSuiteCatchesBrokenEditors shows that the suite can fail, for each rule.
func TestSuiteCatchesBrokenEditors(t *testing.T) {
	tests := map[string]broken{
		"guards by membership": {replace: func(ctx context.Context, z *Zone, c []failover.Change) error {
			for i := range c {
				have, err := z.Read(ctx, []failover.Key{{Name: c[i].Old.Name, Type: c[i].Old.Type}})
				if err != nil {
					return err
				}
				if len(c[i].Old.Values) > 0 && len(have[0].Values) > 0 && have[0].Values[0] == c[i].Old.Values[0] {
					c[i].Old = have[0]
				}
			}
			return z.Replace(ctx, c)
		}},
		"has no guard": {replace: func(_ context.Context, z *Zone, c []failover.Change) error {
			for _, ch := range c {
				z.Edit(ch.New)
			}
			return nil
		}},
		"makes changes one by one": {replace: func(ctx context.Context, z *Zone, c []failover.Change) error {
			for _, ch := range c {
				if err := z.Replace(ctx, []failover.Change{ch}); err != nil {
					return err
				}
			}
			return nil
		}},
		"reports a broken guard as a refusal": {replace: func(ctx context.Context, z *Zone, c []failover.Change) error {
			if err := z.Replace(ctx, c); err != nil {
				return fmt.Errorf("%w: %s", failover.ErrRefused, err)
			}
			return nil
		}},
		"adds and does not take away": {replace: func(ctx context.Context, z *Zone, c []failover.Change) error {
			for i := range c {
				if len(c[i].New.Values) > 0 {
					c[i].New.Values = append(c[i].New.Values, c[i].Old.Values...)
				}
			}
			return z.Replace(ctx, c)
		}},
		"keeps the old TTL": {replace: func(ctx context.Context, z *Zone, c []failover.Change) error {
			for i := range c {
				if len(c[i].Old.Values) > 0 {
					c[i].New.TTL = c[i].Old.TTL
				}
			}
			return z.Replace(ctx, c)
		}},
		"does nothing": {replace: func(context.Context, *Zone, []failover.Change) error { return nil }},
		"ignores its context": {replace: func(_ context.Context, z *Zone, c []failover.Change) error {
			return z.Replace(context.Background(), c)
		}},
		"reads under an ended context": {read: func(_ context.Context, z *Zone, k []failover.Key) ([]failover.RecordSet, error) {
			return z.Read(context.Background(), k)
		}},
		"leaves absent sets out": {read: func(ctx context.Context, z *Zone, k []failover.Key) ([]failover.RecordSet, error) {
			all, err := z.Read(ctx, k)
			var out []failover.RecordSet
			for _, s := range all {
				if len(s.Values) > 0 {
					out = append(out, s)
				}
			}
			return out, err
		}},
		"reads in another order": {read: func(ctx context.Context, z *Zone, k []failover.Key) ([]failover.RecordSet, error) {
			all, err := z.Read(ctx, k)
			if len(all) > 1 {
				all[0], all[1] = all[1], all[0]
			}
			return all, err
		}},
		"lets two writers win": {replace: func(ctx context.Context, z *Zone, c []failover.Change) error {
			if err := z.Replace(ctx, c); !errors.Is(err, failover.ErrGuard) || c[0].New.Values == nil || c[0].New.Values[0] < "192.0.2.100" || len(c[0].New.Values[0]) < 11 {
				return err
			}
			return nil
		}},
	}
	for name, b := range tests {
		t.Run(name, func(t *testing.T) {
			caught := 0
			for _, c := range editorCases {
				b.Zone = NewZone(SuiteZone, c.start...)
				if c.run(t.Context(), b) != nil {
					caught++
				}
			}
			if caught == 0 {
				t.Error("the suite passes it")
			}
		})
	}
}

type brokenNAT struct {
	*NAT
	replace func(ctx context.Context, n *NAT, from, to netip.Addr) error
}

func (b brokenNAT) Replace(ctx context.Context, from, to netip.Addr) error {
	return b.replace(ctx, b.NAT, from, to)
}

func TestSuiteCatchesBrokenNATs(t *testing.T) {
	tests := map[string]func(ctx context.Context, n *NAT, from, to netip.Addr) error{
		"has no guard": func(_ context.Context, n *NAT, _, to netip.Addr) error { n.Edit(to); return nil },
		"does nothing": func(context.Context, *NAT, netip.Addr, netip.Addr) error { return nil },
		"spreads":      func(_ context.Context, n *NAT, from, to netip.Addr) error { n.Edit(from, to); return nil },
		"ignores its context": func(_ context.Context, n *NAT, from, to netip.Addr) error {
			return n.Replace(context.Background(), from, to)
		},
		"words a guard as anything": func(ctx context.Context, n *NAT, from, to netip.Addr) error {
			if n.Replace(ctx, from, to) != nil {
				return errors.New("it did not work")
			}
			return nil
		},
	}
	for name, replace := range tests {
		t.Run(name, func(t *testing.T) {
			caught := 0
			for _, c := range natCases {
				if c.run(t.Context(), brokenNAT{NewNAT(natA), replace}) != nil {
					caught++
				}
			}
			if caught == 0 {
				t.Error("the suite passes it")
			}
		})
	}
}
