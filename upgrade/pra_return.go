package upgrade

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// A ReturnPolicy says when enough clients are back to go on.
type ReturnPolicy struct {
	// MissingPercent of the Jump Clients that were there lately may be missing or not updated. Default 0: all must be back. 100 does not wait.
	MissingPercent int
	// Lately is how long ago a client may have been connected to be waited for: passive clients check in once a day, and some are switched off for good. Default 24 hours before
	// the first look, in whichever run that was: a client that does not come back must not become one that is not expected by waiting long enough.
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

	Lately time.Time     `json:"lately"`          // who was there after this, by the appliance's clock, is expected
	Curve  []returnPoint `json:"curve,omitempty"` // how they came back
}

// returnPoint is one look of the return curve: how many were back, how long after the first look.
type returnPoint struct {
	After time.Duration `json:"after_ns"`
	Back  int           `json:"back"`
	Of    int           `json:"of"`
}

// curveMost bounds the points that are kept: beyond it every second one goes, and the curve keeps its shape.
const curveMost = 48

// bend adds a point to the curve of the looks before.
func (s *clientsSeen) bend(before []returnPoint, after time.Duration) {
	s.Curve = append(before[:len(before):len(before)], returnPoint{after, s.Back, s.Expected})
	if len(s.Curve) <= curveMost {
		return
	}
	thin := s.Curve[:0:0]
	for i, p := range s.Curve {
		if i%2 == 0 || i == len(s.Curve)-1 {
			thin = append(thin, p)
		}
	}
	s.Curve = thin
}

// curve is the return of the clients in a few points: " (3 at once, 40 after 5m, 52 after 10m)". It is empty when all were back at once.
func (s clientsSeen) curve() string {
	const shown = 6
	if len(s.Curve) < 2 {
		return ""
	}
	parts := []string{fmt.Sprintf("%d at once", s.Curve[0].Back)}
	for i, p := range s.Curve[1:] {
		if step := (len(s.Curve) + shown - 1) / shown; (i+1)%step == 0 || i == len(s.Curve)-2 {
			parts = append(parts, fmt.Sprintf("%d after %s", p.Back, spell(p.After)))
		}
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

const (
	maxStragglers = 20
	lately        = 24 * time.Hour
)

// AwaitJumpClients returns a wait: the Jump Clients are back and updated, and the enabled Jumpoints connected, within policy. "Please allow some time for all Jump Clients to come back online
// before moving forward with any other upgrading processes" (PRA Upgrade Guide). Clients that were away for longer are counted, not waited for. Memory does not grow with their number. How they came
// back, look by look, is kept in the journal, and goes on there after a restart.
func AwaitJumpClients(p PRA, policy ReturnPolicy) Step {
	recent := orElse(policy.Lately, lately)
	return Step{Name: "await Jump Clients", Remembers: true, On: []string{p.Host()}, With: map[string]string{"missing percent": strconv.Itoa(policy.MissingPercent)},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			h, err := p.health(ctx)
			if err != nil {
				return praCannot(look, err)
			}
			now := h.Date // the clients' times are by the appliance's clock
			if now.IsZero() {
				now = time.Now()
			}
			before := clientsSeen{Lately: now.Add(-recent)}
			if look.Since != nil && len(look.Since.Last) > 0 {
				if err := readEvidence(look.Since.Last, &before); err != nil {
					return Observation{}, err
				}
			}
			after := look.Elapsed
			if look.Since == nil {
				after = 0
			}
			seen, err := countClients(ctx, p.Client, before.Lately)
			seen.Lately = before.Lately
			seen.bend(before.Curve, after)
			switch {
			case errors.Is(err, beyondtrust.ErrIncomplete):
				return See(Pending, before, "the list changed while it was read"), nil
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
	text := fmt.Sprintf("%d of %d Jump Clients are back%s; %d are Upgrade Pending, %d more were away before", s.Back, s.Expected, s.curve(), s.Pending, s.All-s.Expected)
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
