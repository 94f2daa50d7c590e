package pratest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Outage is a client that asks at the site's name all along and counts how long nobody answered. It asks the simulation directly, so asking often
// costs little; it sees what a client with a fresh connection would see, but neither planned faults nor slowness.
type Outage struct {
	site   *Site
	cancel context.CancelFunc
	ended  chan struct{}

	// Under the site's lock.
	report  OutageReport
	since   time.Time // when the present gap began; zero when somebody answers
	last    []string  // who answered last
	both    time.Time
	stopped bool
}

// OutageReport is what an [Outage] has seen.
type OutageReport struct {
	Every   time.Duration // between two questions
	Asked   int
	Total   time.Duration // how long nobody answered, all gaps together
	Longest time.Duration
	Gaps    []Gap
	Both    time.Duration // how long two answered
	Answers []Turn        // who answered, in order, without repetitions
}

// Gap is a time without an answer; its ends are right to within one question.
type Gap struct {
	From time.Time
	Long time.Duration
}

// Turn is when an appliance began to answer at the name.
type Turn struct {
	At  time.Time
	Who string // names joined by " and "
}

// String is the report on a few lines.
func (r OutageReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "asked every %v, %d times: %d gaps, %v in all, longest %v; two answered for %v\n", r.Every, r.Asked, len(r.Gaps), r.Total, r.Longest, r.Both)
	for _, t := range r.Answers {
		fmt.Fprintf(&b, "%s %s\n", t.At.UTC().Format("2006-01-02 15:04:05.000"), t.Who)
	}
	return b.String()
}

// Watch starts a client that asks at the site's name every so often, in real time (a bubble's, in a bubble); 0 means once a second, scaled. It ends with ctx, with
// [Outage.Stop] or with the site.
func (s *Site) Watch(ctx context.Context, every time.Duration) *Outage {
	s.lock()
	defer s.mu.Unlock()
	if every <= 0 {
		every = max(s.scaled(time.Second), time.Millisecond)
	}
	ctx, cancel := context.WithCancel(ctx)
	o := &Outage{site: s, cancel: cancel, ended: make(chan struct{}), report: OutageReport{Every: every}}
	if s.w.closed {
		cancel()
		close(o.ended)
		return o
	}
	done := s.w.done
	s.w.wg.Go(func() {
		defer close(o.ended)
		defer cancel()
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			o.ask()
			select {
			case <-t.C:
			case <-ctx.Done():
				return
			case <-done:
				return
			}
		}
	})
	return o
}

// Stop ends the asking and returns what was seen.
func (o *Outage) Stop() OutageReport {
	o.cancel()
	<-o.ended
	o.site.lock()
	defer o.site.mu.Unlock()
	if !o.stopped {
		o.stopped = true
		o.see(o.last) // a gap or a double answer that is still open ends here
		if !o.since.IsZero() {
			o.close()
		}
	}
	return o.report
}

// Report returns what was seen so far; a gap that is still open is not in it.
func (o *Outage) Report() OutageReport {
	o.site.lock()
	defer o.site.mu.Unlock()
	r := o.report
	r.Gaps, r.Answers = slices.Clone(r.Gaps), slices.Clone(r.Answers)
	return r
}

func (o *Outage) ask() {
	o.site.lock()
	defer o.site.mu.Unlock()
	o.report.Asked++
	var names []string
	for _, b := range o.site.answering(o.site.Name) {
		names = append(names, b.Name)
	}
	o.see(names)
}

// see takes in who answers now.
func (o *Outage) see(names []string) {
	now := o.site.w.now
	switch {
	case len(names) == 0 && o.since.IsZero():
		o.since = now
	case len(names) > 0 && !o.since.IsZero():
		o.close()
	}
	if !o.both.IsZero() {
		o.report.Both += now.Sub(o.both)
	}
	o.both = time.Time{}
	if len(names) > 1 {
		o.both = now
	}
	if len(names) > 0 && !slices.Equal(names, o.last) {
		o.report.Answers = append(o.report.Answers, Turn{now, strings.Join(names, " and ")})
	}
	if len(names) > 0 {
		o.last = names
	}
}

// close ends the present gap.
func (o *Outage) close() {
	g := Gap{o.since, o.site.w.now.Sub(o.since)}
	o.report.Gaps = append(o.report.Gaps, g)
	o.report.Total += g.Long
	o.report.Longest = max(o.report.Longest, g.Long)
	o.since = time.Time{}
}
