package upgrade

import (
	"encoding/json"
	"time"
)

// progress is what a journal says about one step.
type progress struct {
	mark      *Mark           // of the newest act that was not proven never to have happened
	earlier   *Mark           // mark as it was before the newest act, should that prove never to have happened
	before    json.RawMessage // seen before the first such act: what Restore puts back
	sends     int             // such acts
	unsettled bool            // the newest act may still prove never to have happened
	hint      string          // what the newest act said
	hidden    bool            // an intent without an answer: a crash came between
	by        string          // "machine" or "person"
	done      bool
	already   bool // done, and found so at the first look
	skipped   bool
	left      bool // a restore left a person's change alone
	doneIn    int  // the run that finished it
	doneAt    time.Time
	actedIn   int       // the run of the newest act
	answered  time.Time // when that returned
	first     *Mark     // of a step that remembers: its first look, and the newest evidence
	held      time.Time
	heldIn    int
}

func (p *progress) finished() bool { return p.done || p.skipped || p.left }

// inFlight says whether an act may be having its effect.
func (p *progress) inFlight() bool { return p.mark != nil && !p.finished() }

// state is a journal played back. The engine applies every record it writes, so a restart knows exactly what the run knew.
type state struct {
	plan      *PlanData
	runs      int
	steps     map[string]*progress // of those the journal says something about
	guards    map[string]*Mark
	from      string    // the step this journal began with, when that was in the middle
	lastAct   time.Time // the newest intent of all steps
	acts      int       // of all steps, that were not proven never to have happened
	abandoned bool
}

func replay(records []Record) *state {
	s := &state{steps: map[string]*progress{}, guards: map[string]*Mark{}}
	for _, r := range records {
		s.apply(r)
	}
	return s
}

// of returns a copy of what is known of a step, without leaving a trace of having been asked.
func (s *state) of(path string) progress {
	if p := s.steps[path]; p != nil {
		return *p
	}
	return progress{}
}

func (s *state) step(path string) *progress {
	p := s.steps[path]
	if p == nil {
		p = &progress{}
		s.steps[path] = p
	}
	return p
}

func (s *state) apply(r Record) {
	switch r.Kind {
	case KindPlan, KindChanged:
		s.plan = r.Plan
		s.skip(r.Skips)
	case KindRun:
		s.runs = r.Run
	case KindFrom:
		s.from = r.Path
		s.skip(r.Skips)
	case KindGuard:
		s.guards[r.Path] = &Mark{At: r.At, Before: r.Evidence, Last: r.Evidence}
	case KindIntent:
		s.step(r.Path).intend(r)
		s.lastAct = r.At
		s.acts++
	case KindSent:
		s.step(r.Path).answered = r.At
		if s.step(r.Path).sent(r) {
			s.acts--
		}
	case KindSeen:
		s.step(r.Path).see(r.Evidence)
		s.step(r.Path).remember(r)
	case KindDone:
		p := s.step(r.Path)
		p.done, p.already, p.doneIn, p.doneAt = true, r.Already, r.Run, r.At
		p.see(r.Evidence)
	case KindSkipped:
		s.skip([]string{r.Path})
	case KindLeft:
		s.step(r.Path).left = true
	case KindHeld:
		p := s.step(r.Path)
		p.held, p.heldIn = r.At, r.Run
	case KindAbandoned:
		s.abandoned = true
	}
}

func (s *state) skip(paths []string) {
	for _, path := range paths {
		s.step(path).skipped = true
	}
}

func (p *progress) intend(r Record) {
	p.earlier, p.mark = p.mark, &Mark{At: r.At, Before: r.Evidence}
	if p.sends == 0 {
		p.before = r.Evidence
	}
	p.sends++
	p.by, p.hint, p.hidden, p.unsettled = r.By, "", true, true
	p.actedIn, p.answered = r.Run, time.Time{}
	p.done, p.already = false, false
}

// sent learns what the act said, and returns whether that proves that it never happened. Then nothing of it stays, and an
// earlier act that may have happened is still there.
func (p *progress) sent(r Record) (never bool) {
	p.hint, p.hidden = r.Err, false
	if r.Class == "" || !p.unsettled {
		return false
	}
	p.unsettled = false
	p.mark, p.earlier = p.earlier, nil
	p.sends--
	return true
}

// anew forgets that a step of the EachRun kind was finished by an earlier run.
func (p *progress) anew() { *p = progress{before: p.before} }

// see remembers the newest evidence. The mark is copied, for an Observe function may still hold the old one.
func (p *progress) see(evidence json.RawMessage) {
	if p.mark == nil || len(evidence) == 0 {
		return
	}
	m := *p.mark
	m.Last = evidence
	p.mark = &m
}

// remember keeps what a step that only looks saw first, and newest.
func (p *progress) remember(r Record) {
	if p.mark != nil {
		return
	}
	m := Mark{At: r.At, Before: r.Evidence, Last: r.Evidence}
	if p.first != nil {
		m.At, m.Before = p.first.At, p.first.Before
	}
	p.first = &m
}

// took returns how long the act took until its effect was there, if one run saw both: since the act, or since a person had
// said that he had pressed.
func (p *progress) took() (time.Duration, bool) {
	if !p.done || p.already || p.mark == nil || p.actedIn != p.doneIn {
		return 0, false
	}
	from := p.mark.At
	if p.by == "person" && !p.answered.IsZero() {
		from = p.answered
	}
	d := p.doneAt.Sub(from)
	return d, d > 0
}
