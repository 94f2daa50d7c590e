package upgrade

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/failover"
)

// SwingSharedIP returns the group that moves the shared IP address from one appliance to the other: "uncheck the Enabled box. Then click Save Changes. Immediately, go to [the same page] on Appliance B
// [...] check the Enabled box" (PRA Upgrade Guide, Shared IP Switch). It is for a pair whose relationship is broken; in a relationship the address follows the role.
//
// Where both appliances have page drivers the first step does both halves with nothing in between, and the second finds its own done: the outage is the appliances' own. By hand, and after a crash
// between the halves, the second is a step like any other. The address is never enabled on one while the other still has it. Being at neither side in the middle is not the guard's alarm:
// until the last step has proven who answers, the switch itself is what mends it.
func SwingSharedIP(from, to PRA, shared netip.Addr, site *beyondtrust.Client) Step {
	x := &sharedSwitch{from: from, to: to, addr: shared, site: site}
	return Whole("shared IP switch", x.release(), x.claim(), x.prove())
}

const proveSharedIP = "prove who answers at the shared IP"

type sharedSwitch struct {
	from, to PRA
	addr     netip.Addr
	site     *beyondtrust.Client

	mu  sync.Mutex
	gap *failover.Gap // of this process's own switch
}

// words says how long nobody held the address, where one step did both halves.
func (x *sharedSwitch) words() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.gap == nil {
		return ""
	}
	return "; nobody held the address for " + x.gap.Held().Round(time.Millisecond).String()
}

// held says whether p itself says that the address is enabled on it.
func (x *sharedSwitch) held(ctx context.Context, look Look, p PRA) (bool, error) {
	if p.Pages.Network != nil {
		return praAddress{p, x.addr}.Holds(ctx)
	}
	v, err := p.read(ctx, look, beyondtrust.MenuIPConfiguration, x.addr.String(), beyondtrust.BoxEnabled, "Is the box ticked? Type on or off.", string(beyondtrust.On), string(beyondtrust.Off))
	return v == string(beyondtrust.On), err
}

func (x *sharedSwitch) both(ctx context.Context, look Look) (from, to bool, err error) {
	if from, err = x.held(ctx, look, x.from); err != nil {
		return false, false, fmt.Errorf("%s: %w", x.from.Name, err)
	}
	if to, err = x.held(ctx, look, x.to); err != nil {
		return false, false, fmt.Errorf("%s: %w", x.to.Name, err)
	}
	return from, to, nil
}

func (x *sharedSwitch) step(name string, p PRA) Step {
	other := x.to
	if p.Name == x.to.Name {
		other = x.from
	}
	return Step{Name: name, On: []string{p.Host(), other.Host()}, With: map[string]string{"address": x.addr.String(), "from": x.from.Name, "to": x.to.Name},
		Attended: x.from.Pages.Network == nil || x.to.Pages.Network == nil,
		Every:    2 * time.Second, Settle: 10 * time.Second, Limit: 15 * time.Minute, Takes: time.Minute,
		Advice: "Never enable the address on one appliance while the other has it. If neither has it, enable it on " + x.to.Name + " at once."}
}

func (x *sharedSwitch) release() Step {
	s := x.step("disable the shared IP on "+x.from.Name, x.from)
	s.Until, s.Down, s.Outage = proveSharedIP, []string{x.from.Host(), x.to.Host()}, time.Minute
	s.Observe = func(ctx context.Context, look Look) (Observation, error) {
		from, to, err := x.both(ctx, look)
		ev := map[string]bool{x.from.Name: from, x.to.Name: to}
		switch {
		case err != nil:
			return Observation{}, err
		case from && to:
			return See(Blocked, ev, "both appliances have %s enabled", x.addr), nil
		case from:
			return See(Ready, ev, "%s has %s enabled", x.from.Name, x.addr), nil
		}
		return See(Done, ev, "%s has %s disabled%s", x.from.Name, x.addr, x.words()), nil
	}
	s.Ask = x.instruction(beyondtrust.Off, "the address is disabled; enable it on "+x.to.Name+" immediately: have that page open already")
	if x.from.Pages.Network != nil && x.to.Pages.Network != nil {
		s.Act = func(ctx context.Context, log *slog.Logger) error {
			sw := &failover.SharedIP{From: x.end(x.from), To: x.end(x.to)}
			res, err := sw.Swing(ctx)
			log.Debug("shared IP switch", "outcome", res.Outcome.String(), "detail", res.Detail)
			x.mu.Lock()
			x.gap = res.Gap
			x.mu.Unlock()
			return swingHint(res, err)
		}
	}
	return s
}

func (x *sharedSwitch) claim() Step {
	s := x.step("enable the shared IP on "+x.to.Name, x.to)
	s.Observe = func(ctx context.Context, look Look) (Observation, error) {
		from, to, err := x.both(ctx, look)
		ev := map[string]bool{x.from.Name: from, x.to.Name: to}
		switch {
		case err != nil:
			return Observation{}, err
		case from:
			return See(Blocked, ev, "%s has %s enabled", x.from.Name, x.addr), nil
		case to:
			return See(Done, ev, "%s has %s enabled, and %s has not", x.to.Name, x.addr, x.from.Name), nil
		}
		return See(Ready, ev, "%s is enabled on neither", x.addr), nil
	}
	s.Again = IfNotBegun // enabling an enabled address changes nothing, and the site is down meanwhile
	s.Ask = x.instruction(beyondtrust.On, "requests to the site are served by "+x.to.Name)
	if page := x.to.Pages.Network; page != nil {
		s.Act = func(ctx context.Context, _ *slog.Logger) error { return page.SetEnabled(ctx, x.addr, true) }
	}
	return s
}

func (x *sharedSwitch) instruction(to beyondtrust.Switch, expect string) func(*Mark) *Instruction {
	return func(*Mark) *Instruction {
		return &Instruction{Where: beyondtrust.MenuIPConfiguration, Row: x.addr.String(), Set: []Field{{Label: beyondtrust.BoxEnabled, Value: string(to)}}, Button: beyondtrust.ButtonSaveChanges, Expect: expect}
	}
}

func (x *sharedSwitch) prove() Step {
	return Step{Name: proveSharedIP, On: []string{x.to.Host()},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			want, err := x.to.health(ctx)
			if err != nil {
				return praCannot(look, err)
			}
			id := failover.Identify(ctx, []failover.Vantage{{From: "this machine", Ask: PRAProbe(x.site)}}, want.GUID, inARow)
			if !id.Proven() {
				return See(Pending, id, "%s", id), nil
			}
			return See(Done, id, "%s answers at the site's name", x.to.Name), nil
		},
		Every: 2 * time.Second, Limit: 10 * time.Minute, Takes: time.Minute,
		Advice: "A router may go on sending to the old appliance until it has learned the new one's hardware address."}
}

func (x *sharedSwitch) end(p PRA) failover.End {
	return failover.End{Side: failover.Side{Name: p.Name}, Address: praAddress{p, x.addr}}
}

// praAddress is one appliance's end of the shared address, by its page driver.
type praAddress struct {
	p    PRA
	addr netip.Addr
}

func (a praAddress) String() string { return a.addr.String() + " on " + a.p.Name }

// Prepare signs the driver in by having it read the page.
func (a praAddress) Prepare(ctx context.Context) error {
	_, err := a.Holds(ctx)
	return err
}

// Holds reads the page.
func (a praAddress) Holds(ctx context.Context) (bool, error) {
	ips, err := a.p.Pages.Network.IPs(ctx)
	if err != nil {
		return false, err
	}
	for _, ip := range ips {
		if ip.Addr == a.addr {
			return ip.Enabled, nil
		}
	}
	return false, fmt.Errorf("%s is not entered on %s (%s)", a.addr, a.p.Name, a.p.Host())
}

// Enable ticks the box.
func (a praAddress) Enable(ctx context.Context) error {
	return a.p.Pages.Network.SetEnabled(ctx, a.addr, true)
}

// Disable unticks it.
func (a praAddress) Disable(ctx context.Context) error {
	return a.p.Pages.Network.SetEnabled(ctx, a.addr, false)
}
