package praweb

import (
	"context"
	"net/netip"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/internal/browser/site"
)

type (
	network struct{ d *Driver }
	status  struct{ d *Driver }
)

const (
	pageNetwork = "network"
	pageBasics  = "basics"
	pageHealth  = "health"
)

// IPs reads the rows of the page. Whether an address is enabled is on the page of that address, so each is opened; nothing is saved.
func (n network) IPs(ctx context.Context) (out []beyondtrust.IP, err error) {
	err = n.d.visit(ctx, pageNetwork, func(v *site.Visit) error {
		return v.Read(func(r *site.Reading) error {
			out = nil
			for _, row := range r.Items("network.rows") {
				if addr, err := netip.ParseAddr(row.Head()); err == nil {
					out = append(out, beyondtrust.IP{Addr: addr, Interface: row.Value("network.interface", nil)})
				}
			}
			return nil
		})
	})
	for i := range out {
		if err != nil {
			break
		}
		err = n.d.visit(ctx, pageNetwork, func(v *site.Visit) error {
			address := site.Values{"address": {out[i].Addr.String()}}
			if err := v.Follow("network.address", "network address", address); err != nil {
				return err
			}
			return v.Read(func(r *site.Reading) error {
				on, shown := r.Box("network.enabled", nil)
				if !shown {
					return notPressed("%v: its page does not show whether it is enabled", out[i].Addr)
				}
				out[i].Enabled = on
				return nil
			})
		})
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// SetEnabled opens the address, ticks or unticks the box, and saves.
func (n network) SetEnabled(ctx context.Context, addr netip.Addr, enabled bool) error {
	return n.d.visit(ctx, pageNetwork, func(v *site.Visit) error {
		return steps(
			func() error {
				return v.Follow("network.address", "network address", site.Values{"address": {addr.String()}})
			},
			func() error { return v.Tick("network.enabled", enabled, nil) },
			func() error { return v.Press("network.save", nil) },
		)
	})
}

// Basics reads the page.
func (s status) Basics(ctx context.Context) (out beyondtrust.Basics, err error) {
	err = s.d.visit(ctx, pageBasics, func(v *site.Visit) error {
		return v.Read(func(r *site.Reading) error {
			out = beyondtrust.Basics{
				Time:   at(r.Uncounted("basics.time")), // a clock that ticks makes no page restless
				Serial: r.Value("basics.serial", nil), GUID: r.Value("basics.guid", nil), Base: r.Value("basics.base", nil),
				Version: r.Value("basics.version", nil), AsOf: time.Now(),
			}
			return nil
		})
	})
	return out, err
}

// Health reads all that the page tells, in its order.
func (s status) Health(ctx context.Context) (out []beyondtrust.Reading, err error) {
	err = s.d.visit(ctx, pageHealth, func(v *site.Visit) error {
		return v.Read(func(r *site.Reading) error {
			out = nil
			for _, p := range r.Pairs() {
				out = append(out, beyondtrust.Reading{Label: p.Label, Text: p.Text})
			}
			return nil
		})
	})
	return out, err
}

// Reset presses the button.
func (s status) Reset(ctx context.Context) error {
	return s.d.press(ctx, pageBasics, "basics.reset", nil)
}

// ShutDown presses the button.
func (s status) ShutDown(ctx context.Context) error {
	return s.d.press(ctx, pageBasics, "basics.shut down", nil)
}
