package upgrade

import (
	"fmt"
	"math"
	"time"
)

// Like returns step with the times of another: every step in it that has a Worry is expected to take what the one of the same place in the group called name took, as far as the journal has measured it. So
// the second appliance of a pair is judged by the first one: Like("update B", UpdateAppliance(a, u, artifacts)). See [Step].Like.
//
// What was measured is read from the journal at the moment it is needed: nothing is handed from step to step, and a restart changes nothing.
func Like(name string, step Step) Step {
	if !step.group() {
		if step.Worry > 0 {
			step.Like = name
		}
		return step
	}
	kids := step.Steps
	step.Steps = nil
	for _, k := range kids {
		step.Steps = append(step.Steps, Like(name+"/"+k.Name, k))
	}
	return step
}

// implausible is the part of the expected time below which a step did not do what it usually does: an installation that found a licence agreement to be signed.
const implausible = 10

// times are how long a step may take: its own times, or in proportion what the step that it is like took. measured says which.
func (e *engine) times(n *node) (expected, worry, limit time.Duration, measured bool) {
	expected, worry, limit = n.takes(), n.Worry, n.limit()
	if n.like == nil || expected <= 0 {
		return expected, worry, limit, false
	}
	p := e.progress(n.like.path)
	took, ok := p.took()
	if !ok {
		return expected, worry, limit, false
	}
	if took = e.unscaled(took); took < expected/implausible {
		return expected, worry, limit, false
	}
	by := float64(took) / float64(expected)
	return took, proportion(worry, by), max(proportion(limit, by), min(limit, DefaultLimit)), true
}

func proportion(d time.Duration, by float64) time.Duration {
	return time.Duration(min(float64(d)*by, math.MaxInt64/2))
}

// unscaled is real time as the appliance's time.
func (e *engine) unscaled(d time.Duration) time.Duration {
	if e.o.Scale > 0 {
		return time.Duration(min(float64(d)/e.o.Scale, math.MaxInt64/2))
	}
	return d
}

// expecting is what is said when a measured step acts.
func (e *engine) expecting(n *node) string {
	expected, worry, limit, measured := e.times(n)
	if !measured {
		return ""
	}
	text := fmt.Sprintf("; expected to take %s, as %q did", spell(expected), n.like.path)
	if worry > 0 {
		text += fmt.Sprintf(", a worry from %s on", spell(worry))
	}
	return text + fmt.Sprintf(", watched for %s", spell(limit))
}
