package pratest

import (
	"slices"
	"strings"
	"time"
)

// Served is who answered at the site's name from a moment on, until the next one.
type Served struct {
	At  time.Time
	Who []string // names of the appliances: one in good times, none in an outage, two when the name or its address has both
}

// String is the moment and the names on one line.
func (v Served) String() string {
	who := strings.Join(v.Who, " and ")
	if who == "" {
		who = "nobody"
	}
	return v.At.UTC().Format("2006-01-02 15:04:05.000") + " " + who
}

// Served returns who answered healthily at the site's name, from the first use of the site on and without a gap between two questions: it is no
// client that asks, as [Site.Watch] is, but the simulation's own book, kept at every change. What [Site.Lookup] and [Site.Translate] tell is seen when the simulation
// next moves.
func (s *Site) Served() []Served {
	s.lock()
	defer s.mu.Unlock()
	s.see()
	return slices.Clone(s.w.served)
}

// see writes down who answers at the site's name, if that has changed.
func (s *Site) see() {
	boxes := s.answering(s.Name)
	last := len(s.w.served) - 1
	if last >= 0 && slices.EqualFunc(s.w.served[last].Who, boxes, func(name string, b *Box) bool { return name == b.Name }) {
		return
	}
	v := Served{At: s.w.now}
	for _, b := range boxes {
		v.Who = append(v.Who, b.Name)
	}
	if last >= 0 && s.w.served[last].At.Equal(v.At) {
		s.w.served = s.w.served[:last] // within one moment: nobody can have seen it
		if last > 0 && slices.Equal(s.w.served[last-1].Who, v.Who) {
			return
		}
	}
	s.w.served = append(s.w.served, v)
}
