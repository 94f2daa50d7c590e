package upgrade

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// readClients reads the Jump Client upgrade settings: by the driver, or those that are asked for, by a person.
func (p PRA) readClients(ctx context.Context, look Look, labels ...string) (beyondtrust.JumpClientSettings, error) {
	if p.Pages.JumpClients != nil {
		return p.Pages.JumpClients.Settings(ctx)
	}
	var s beyondtrust.JumpClientSettings
	for _, label := range labels {
		v, err := p.read(ctx, look, beyondtrust.MenuJumpClients, "", label, "Type it as it is shown.")
		if err != nil {
			return s, err
		}
		if label == beyondtrust.LabelAutomaticUpgrades {
			s.AutomaticUpgrades = beyondtrust.AutomaticUpgrades(v)
			continue
		}
		if s.MaxConcurrent, err = strconv.Atoi(v); err != nil {
			return s, fmt.Errorf("%q beside %q is no number", v, label)
		}
	}
	return s, nil
}

// CheckClientUpgrades returns a check: Jump Clients update themselves. With automatic upgrades disabled they stay at Upgrade Pending until somebody acts, and
// waiting for them would not end.
func CheckClientUpgrades(p PRA) Step {
	return Step{Name: "check the client upgrades", On: []string{p.Host()}, Attended: p.Pages.JumpClients == nil, Every: 30 * time.Second,
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			s, err := p.readClients(ctx, look, beyondtrust.LabelAutomaticUpgrades)
			if err != nil {
				return Observation{}, err
			}
			switch s.AutomaticUpgrades {
			case beyondtrust.UpgradesEnabled, beyondtrust.UpgradesThisCycle:
				return See(Done, s, "automatic Jump Client upgrades: %s", s.AutomaticUpgrades), nil
			case beyondtrust.UpgradesDisabled:
				return See(Blocked, s, "automatic Jump Client upgrades are disabled: the clients would stay at %s", beyondtrust.LabelUpgradePending), nil
			}
			return See(Blocked, s, "automatic Jump Client upgrades: %q, which is not known here", s.AutomaticUpgrades), nil
		},
		Advice: "Enable them, at least for this cycle: " + beyondtrust.MenuJumpClients + "."}
}

// DefaultThrottle is how many Jump Clients may upgrade at once while a runbook lowers that. The vendor names no number.
const DefaultThrottle = 20

// ThrottleJumpClients returns the step that lowers the Maximum Number of Concurrent Jump Client Upgrades to at most max, so that the clients do not flood the appliance when it comes back. What was set
// before is put back at the end, unless somebody changed it meanwhile. Press it on an appliance that stands alone, or on the primary: a data-sync overwrites it on a backup.
func ThrottleJumpClients(p PRA, max int) Step {
	with := map[string]string{"at most": strconv.Itoa(max)}
	s := Step{Name: "throttle Jump Clients", On: []string{p.Host()}, With: with, Attended: p.Pages.JumpClients == nil,
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			now, err := p.readClients(ctx, look, beyondtrust.LabelMaxConcurrentUpgrades)
			switch {
			case err != nil:
				return Observation{}, err
			case now.MaxConcurrent == 0:
				return See(Unknown, now, "the page does not show %q", beyondtrust.LabelMaxConcurrentUpgrades), nil
			case now.MaxConcurrent <= max:
				return See(Done, now, "%d at once", now.MaxConcurrent), nil
			}
			return See(Ready, now, "%d at once", now.MaxConcurrent), nil
		},
		Restore: func(since Mark) Step { return p.restoreThrottle(since, max) },
		Settle:  time.Minute, Every: 30 * time.Second, Limit: 15 * time.Minute, Takes: time.Minute,
		Advice: "Large numbers of Jump Clients that update at the same time may flood the appliance. To regulate that, see " + beyondtrust.MenuJumpClients + "."}
	p.setThrottle(&s, max)
	return s
}

func (p PRA) setThrottle(s *Step, n int) {
	s.Ask = func(*Mark) *Instruction {
		return &Instruction{Where: beyondtrust.MenuJumpClients, Set: []Field{{Label: beyondtrust.LabelMaxConcurrentUpgrades, Value: strconv.Itoa(n)}}, Button: beyondtrust.ButtonSave,
			Expect: strconv.Itoa(n) + " beside " + beyondtrust.LabelMaxConcurrentUpgrades}
	}
	if page := p.Pages.JumpClients; page != nil {
		s.Act = func(ctx context.Context, _ *slog.Logger) error {
			return page.Set(ctx, beyondtrust.JumpClientSettings{MaxConcurrent: n})
		}
	}
}

// restoreThrottle puts the number back that was there before, if it is still the one that was set.
func (p PRA) restoreThrottle(since Mark, set int) Step {
	var before beyondtrust.JumpClientSettings
	bad := readEvidence(since.Before, &before)
	s := Step{Name: "put the Jump Client throttle back", Attended: p.Pages.JumpClients == nil,
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			if bad != nil {
				return See(Blocked, nil, "what was set before is not known"), bad
			}
			now, err := p.readClients(ctx, look, beyondtrust.LabelMaxConcurrentUpgrades)
			switch {
			case err != nil:
				return Observation{}, err
			case now.MaxConcurrent == before.MaxConcurrent:
				return See(Done, now, "%d at once, as before", now.MaxConcurrent), nil
			case now.MaxConcurrent == set:
				return See(Ready, now, "%d at once; it was %d", now.MaxConcurrent, before.MaxConcurrent), nil
			}
			return See(Blocked, now, "%d at once: somebody chose that; it was %d before it was lowered to %d", now.MaxConcurrent, before.MaxConcurrent, set), nil
		},
		Again: IfNotBegun, Settle: time.Minute, Every: 30 * time.Second, Limit: 15 * time.Minute, Takes: time.Minute}
	p.setThrottle(&s, before.MaxConcurrent)
	return s
}
