package praweb

import (
	"cmp"
	"context"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/internal/browser/site"
)

type failover struct{ d *Driver }

const pageFailover = "failover"

func fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// Failover reads the page.
func (f failover) Failover(ctx context.Context) (out beyondtrust.FailoverStatus, err error) {
	err = f.d.visit(ctx, pageFailover, func(v *site.Visit) error {
		return v.Read(func(r *site.Reading) error { out = readFailover(r); return nil })
	})
	if err != nil {
		return beyondtrust.FailoverStatus{}, err
	}
	return out, nil
}

func readFailover(r *site.Reading) beyondtrust.FailoverStatus {
	get := func(key string) string { return r.Value("failover."+key, nil) }
	box := func(key string) beyondtrust.Switch {
		on, shown := r.Box("failover."+key, nil)
		if !shown {
			return ""
		}
		return beyondtrust.SwitchOf(on)
	}
	s := beyondtrust.FailoverStatus{
		Host: get("host"), Role: beyondtrust.Role(fold(get("role"))), PeerHost: get("peer"), PeerRole: beyondtrust.Role(fold(get("peer role"))),
		Checked: at(get("checked")), LastSync: at(get("last sync")), LastSyncStatus: get("sync status"), Syncing: onOff(get("syncing")),
		Automatic: box("automatic"), Operations: box("operations"), AsOf: time.Now(),
	}
	for _, b := range r.Boxes("failover.boxes") {
		words := strings.Fields(b.Label)
		if len(words) == 0 || !b.On {
			continue
		}
		if addr, err := netip.ParseAddr(words[len(words)-1]); err == nil {
			s.SharedIPs = append(s.SharedIPs, addr)
		}
	}
	texts := r.Texts()
	for _, t := range texts {
		if strings.Contains(t, beyondtrust.TextConflict) {
			s.Relation, s.Text = beyondtrust.RelationConflict, t
		}
	}
	if s.Relation == "" && r.Says("failover.conflict") { // in whatever sort of box it stands
		s.Relation, s.Text = beyondtrust.RelationConflict, r.Word("failover.conflict")
	}
	s.Text = cmp.Or(s.Text, strings.Join(texts, " "))
	switch {
	case s.Relation != "":
	case r.Says("failover.not configured"):
		s.Relation, s.Role, s.Text = beyondtrust.RelationNone, beyondtrust.RoleNone, beyondtrust.TextNotConfigured
	default:
		s.Relation = beyondtrust.RelationOf(s.Role, s.PeerRole)
	}
	return s
}

// SyncNow presses the button.
func (f failover) SyncNow(ctx context.Context) error {
	return f.d.press(ctx, pageFailover, "failover.sync now", nil)
}

// Break presses the button.
func (f failover) Break(ctx context.Context) error {
	return f.d.press(ctx, pageFailover, "failover.break", nil)
}

// Establish fills in the form and presses the button.
func (f failover) Establish(ctx context.Context, form beyondtrust.Establish) error {
	if form.Backup.Host == "" || form.Primary.Host == "" {
		return notPressed("establish: want a host for both directions")
	}
	return f.d.visit(ctx, pageFailover, func(v *site.Visit) error {
		port := func(e beyondtrust.Endpoint) string { return strconv.Itoa(cmp.Or(e.Port, 443)) }
		return steps(
			func() error { return v.Set("failover.backup host", form.Backup.Host, nil) },
			func() error { return v.Set("failover.backup port", port(form.Backup), nil) },
			func() error { return v.Set("failover.primary host", form.Primary.Host, nil) },
			func() error { return v.Set("failover.primary port", port(form.Primary), nil) },
			func() error { return v.Press("failover.establish", nil) },
		)
	})
}

// Become ticks what is wanted beside the button, and presses it.
func (f failover) Become(ctx context.Context, role beyondtrust.Role, opts beyondtrust.BecomeOptions) error {
	key := map[beyondtrust.Role]string{beyondtrust.RolePrimary: "failover.become primary", beyondtrust.RoleBackup: "failover.become backup"}[role]
	if key == "" {
		return notPressed("become %q: want %q or %q", role, beyondtrust.RolePrimary, beyondtrust.RoleBackup)
	}
	return f.d.visit(ctx, pageFailover, func(v *site.Visit) error {
		var now beyondtrust.FailoverStatus
		var sync, force bool
		values := site.Values{"role": {string(role)}}
		err := v.Read(func(r *site.Reading) error {
			now = readFailover(r)
			values["peer"] = []string{now.PeerHost}
			_, sync = r.Box("failover.data-sync first", values)
			_, force = r.Box("failover.force", nil)
			return nil
		})
		if err != nil {
			return err
		}
		// A box that is not there is not ticked; one that is wanted must be there.
		return steps(
			func() error {
				if !sync && !opts.DataSyncFirst {
					return nil
				}
				return v.Tick("failover.data-sync first", opts.DataSyncFirst, values)
			},
			func() error {
				if !force && !opts.Force {
					return nil
				}
				return v.Tick("failover.force", opts.Force, nil)
			},
			func() error { return v.Press(key, nil) },
		)
	})
}
