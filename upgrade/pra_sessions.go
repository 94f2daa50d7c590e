package upgrade

import (
	"context"
	"fmt"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// A DrainPolicy says what becomes of the sessions that run: an installation, or a swing, ends them all.
type DrainPolicy struct {
	Wait time.Duration // how long to wait for them to end by themselves, in one run; default 30 minutes
	Cut  bool          // after that go on, and let them be cut; else the run stops
}

// DrainSessions returns the group that counts who would be cut off: a person says that notice was given, and sessions are waited for by policy. "All logged in users and active sessions
// will be terminated" (PRA Upgrade Guide). It ends no session by itself.
func DrainSessions(p PRA, policy DrainPolicy) Step {
	wait := orElse(policy.Wait, 30*time.Minute)
	notice := Confirm("give notice", fmt.Sprintf("All users who are signed in to %s and all sessions will be cut off. Have they been told?", p.site()))
	notice.On = []string{p.Host()}
	drain := Step{Name: "drain sessions", On: []string{p.Host()}, With: map[string]string{"wait": spell(wait), "cut": fmt.Sprint(policy.Cut)},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			n, err := p.Client.CountSessions(ctx)
			if err != nil {
				return praCannot(look, err)
			}
			ev := map[string]int{"sessions": n}
			switch {
			case n == 0:
				return See(Done, ev, "no session runs"), nil
			case policy.Cut && look.Elapsed >= wait:
				return See(Done, ev, "%d sessions still run and will be cut off", n), nil
			}
			return See(Pending, ev, "%d sessions run", n), nil
		},
		Every: time.Minute, Limit: wait + 2*time.Minute, Takes: wait,
		Advice: "Who is signed in is shown at " + beyondtrust.MenuUsers + ", where they can be sent a message."}
	return Group("drain "+p.Name, notice, drain)
}
