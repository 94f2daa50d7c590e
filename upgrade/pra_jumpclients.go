package upgrade

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
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

// A ReturnPolicy says when enough clients are back to go on.
type ReturnPolicy struct {
	// MissingPercent of the Jump Clients that were there lately may be missing or not updated. Default 0: all must be back. 100 does not wait.
	MissingPercent int
	// Lately is how long ago a client may have been connected to be waited for: passive clients check in once a day, and some are switched off for good. Default 24 hours before
	// the first look of a run: a client that does not come back must not become one that is not expected by waiting long enough.
	Lately time.Duration
	// Limit is how long to wait; default 6 hours. When it passes the run stops, and names the stragglers.
	Limit time.Duration
	// Every is the pause between two looks; default 5 minutes. Each reads the whole list: 50,000 clients are 500 requests of the 15,000 that an account has an hour.
	Every time.Duration
	// NoJumpoints leaves the Jumpoints out.
	NoJumpoints bool
}

// clientsSeen is what a look at the Jump Clients found. It holds the first stragglers by name, and counts the others.
type clientsSeen struct {
	All        int      `json:"all"`
	Expected   int      `json:"expected"` // there now, or lately
	Back       int      `json:"back"`     // of those: there, and updated
	Pending    int      `json:"pending"`  // of those: there, and Upgrade Pending
	Stragglers []string `json:"stragglers,omitempty"`
	Jumpoints  []string `json:"jumpoints,omitempty"` // enabled and not connected
}

const (
	maxStragglers = 20
	lately        = 24 * time.Hour
)

// AwaitJumpClients returns a wait: the Jump Clients are back and updated, and the enabled Jumpoints connected, within policy. "Please allow some time for all Jump Clients to come back online
// before moving forward with any other upgrading processes" (PRA Upgrade Guide). Clients that were away for longer are counted, not waited for. Memory does not grow with their number.
func AwaitJumpClients(p PRA, policy ReturnPolicy) Step {
	recent := orElse(policy.Lately, lately)
	var since time.Time // by the appliance's clock
	return Step{Name: "await Jump Clients", On: []string{p.Host()}, With: map[string]string{"missing percent": strconv.Itoa(policy.MissingPercent)},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			h, err := p.health(ctx)
			if err != nil {
				return praCannot(look, err)
			}
			now := h.Date // the clients' times are by the appliance's clock
			if now.IsZero() {
				now = time.Now()
			}
			if since.IsZero() {
				since = now.Add(-recent)
			}
			seen, err := countClients(ctx, p.Client, since)
			switch {
			case errors.Is(err, beyondtrust.ErrIncomplete):
				return See(Pending, seen, "the list changed while it was read"), nil
			case err != nil:
				return praCannot(look, err)
			}
			if !policy.NoJumpoints {
				if seen.Jumpoints, err = lostJumpoints(ctx, p.Client); err != nil {
					return praCannot(look, err)
				}
			}
			missing := seen.Expected - seen.Back
			if seen.All > 0 && seen.Expected == 0 && policy.MissingPercent < 100 {
				return See(Pending, seen, "not one Jump Client was there lately: %s", seen), nil
			}
			if missing*100 <= policy.MissingPercent*seen.Expected && len(seen.Jumpoints) == 0 {
				return See(Done, seen, "%s", seen), nil
			}
			return See(Pending, seen, "%s", seen), nil
		},
		Every: orElse(policy.Every, 5*time.Minute), Limit: orElse(policy.Limit, 6*time.Hour), Takes: 30 * time.Minute,
		Advice: "Look at the certificates first, then whether automatic Jump Client upgrades are enabled, then at the connection rate. A Jump to a client that is Upgrade Pending moves it to the front of the queue."}
}

func (s clientsSeen) String() string {
	text := fmt.Sprintf("%d of %d Jump Clients are back (%d are Upgrade Pending; %d more were away before)", s.Back, s.Expected, s.Pending, s.All-s.Expected)
	if len(s.Stragglers) > 0 {
		text += "; awaited: " + strings.Join(s.Stragglers, ", ")
		if more := s.Expected - s.Back - len(s.Stragglers); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
	}
	if len(s.Jumpoints) > 0 {
		text += "; Jumpoints not connected: " + strings.Join(s.Jumpoints, ", ")
	}
	return text
}

func countClients(ctx context.Context, c *beyondtrust.Client, since time.Time) (clientsSeen, error) {
	var seen clientsSeen
	for j, err := range c.JumpClients(ctx) {
		if err != nil {
			return seen, err
		}
		seen.All++
		switch {
		case j.Type == beyondtrust.ConnectionUninstalled, j.Unavailable != "" && j.Unavailable != "none":
			continue
		case !j.Online() && (j.Lost || j.LastDisconnect.Before(since)):
			continue
		case j.Type == beyondtrust.ConnectionPassive && !j.Online():
			continue // it checks in once a day
		}
		seen.Expected++
		switch {
		case j.Online() && !j.NeedsUpdate:
			seen.Back++
			continue
		case j.Online():
			seen.Pending++
		}
		if len(seen.Stragglers) < maxStragglers {
			seen.Stragglers = append(seen.Stragglers, oneLine(j.Name, 60))
		}
	}
	return seen, nil
}

func lostJumpoints(ctx context.Context, c *beyondtrust.Client) (names []string, err error) {
	for j, err := range c.Jumpoints(ctx) {
		if err != nil {
			return nil, err
		}
		if j.Enabled && !j.Connected && len(names) < maxStragglers {
			names = append(names, oneLine(j.Name, 60))
		}
	}
	return names, nil
}
