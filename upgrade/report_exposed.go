package upgrade

import (
	"fmt"
	"strings"
	"time"
)

// String says what was missing, and for how long.
func (x ExposedReport) String() string {
	if x.Until.IsZero() {
		return fmt.Sprintf("%s since %s, until %q is done", x.What, stamp(x.Since), x.End)
	}
	return fmt.Sprintf("%s for %s, from %s to %s", x.What, spell(x.Until.Sub(x.Since)), stamp(x.Since), stamp(x.Until))
}

// exposed finds the steps that took something away, and those that gave it back.
func (b *reporter) exposed() (list []ExposedReport) {
	if b.plan == nil || b.r.DryRun {
		return nil
	}
	for _, ps := range b.plan.Steps {
		s := b.steps[ps.Path]
		if ps.Exposes == "" || s == nil {
			continue
		}
		since := s.Acted
		switch {
		case s.Acts == 0 && (s.Status == StatusDone || s.Status == StatusAlready):
			since = s.Ended // it was so when it was first looked at
		case s.Acts == 0:
			continue
		}
		list = append(list, ExposedReport{Path: ps.Path, What: ps.Exposes, Since: since, Until: b.ended(ps.Until), End: ps.Until})
	}
	return list
}

// ended returns when a step, or the last one of a group, was done; zero when it is not.
func (b *reporter) ended(path string) (at time.Time) {
	for _, p := range b.order {
		if p != path && !strings.HasPrefix(p, path+"/") {
			continue
		}
		s := b.steps[p]
		if s.Status != StatusDone && s.Status != StatusAlready {
			return time.Time{}
		}
		if s.Ended.After(at) {
			at = s.Ended
		}
	}
	return at
}
