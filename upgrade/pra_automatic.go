package upgrade

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// CheckAutomaticFailover returns a check that makes known how automatic failover is set on each appliance of a pair, before the relationship is broken: with it a backup promotes itself while the primary is
// away. The break ends that, so being on is no reason to stop; but what was set is in the report, for a new relationship may have forgotten it.
func CheckAutomaticFailover(boxes ...PRA) Step {
	s := Step{Name: "check automatic failover", Every: 30 * time.Second, Limit: 15 * time.Minute, Takes: time.Second,
		Advice: "See " + beyondtrust.BoxAutomaticFailover + " on " + beyondtrust.MenuFailover + " of both."}
	for _, p := range boxes {
		s.On = append(s.On, p.Host())
		s.Attended = s.Attended || p.Pages.Failover == nil
	}
	s.Observe = func(ctx context.Context, look Look) (Observation, error) {
		set := map[string]string{}
		var said []string
		for _, p := range boxes {
			v, err := p.automaticFailover(ctx, look)
			if err != nil {
				return Observation{}, fmt.Errorf("%s: %w", p.Name, err)
			}
			set[p.Name] = v
			if v == "" {
				v = "not shown"
			}
			said = append(said, v+" on "+p.Name)
		}
		return See(Done, set, "automatic failover is %s", strings.Join(said, " and ")), nil
	}
	return s
}

func (p PRA) automaticFailover(ctx context.Context, look Look) (string, error) {
	if p.Pages.Failover == nil {
		return p.read(ctx, look, beyondtrust.MenuFailover, "", beyondtrust.BoxAutomaticFailover, "Is the box ticked? Type on or off, and - where there is no such box.", string(beyondtrust.On), string(beyondtrust.Off), "-")
	}
	f, err := p.Pages.Failover.Failover(ctx)
	return string(f.Automatic), err
}
