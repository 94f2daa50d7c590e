package upgrade

import (
	"encoding/json"
	"time"
)

// progress is what a journal says about one step.
type progress struct {
	mark    *Mark           // of the newest act that was not proven never to have happened
	before  json.RawMessage // seen before the first such act: what Restore puts back
	sends   int             // such acts
	hint    string          // what the newest act said
	hidden  bool            // an intent without an answer: a crash came between
	by      string          // "machine" or "person"
	done    bool
	already bool // done, and found so at the first look
	skipped bool
	left    bool // a restore left a person's change alone
	doneIn  int  // the run that finished it
	held    time.Time
	heldIn  int
}

func (p *progress) finished() bool { return p.done || p.skipped || p.left }

// inFlight says whether an act may be having its effect.
func (p *progress) inFlight() bool { return p.mark != nil && !p.finished() }

// state is a journal played back. The engine applies every record it writes, so a restart knows exactly what the run knew.
type state struct {
	plan      *PlanData
	runs      int
	steps     map[string]*progress
	guards    map[string]*Mark
	abandoned bool
	finished  bool // an earlier run ended with every step done
}

func replay(records []Record) *state {
	s := &state{steps: map[string]*progress{}, guards: map[string]*Mark{}}
	for _, r := range records {
		s.apply(r)
	}
	return s
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
	case KindRun:
		s.runs = r.Run
	case KindGuard:
		s.guards[r.Path] = &Mark{At: r.At, Before: r.Evidence, Last: r.Evidence}
	case KindIntent:
		p := s.step(r.Path)
		p.mark = &Mark{At: r.At, Before: r.Evidence}
		if p.sends == 0 {
			p.before = r.Evidence
		}
		p.sends++
		p.by, p.hint, p.hidden = r.By, "", true
		p.done, p.already = false, false
	case KindSent:
		p := s.step(r.Path)
		p.hint, p.hidden = r.Err, false
		if r.Class != "" { // nothing happened
			p.mark, p.sends = nil, p.sends-1
		}
	case KindSeen:
		s.step(r.Path).see(r.Evidence)
	case KindDone:
		p := s.step(r.Path)
		p.done, p.already, p.doneIn = true, r.Already, r.Run
		p.see(r.Evidence)
	case KindSkipped:
		s.step(r.Path).skipped = true
	case KindLeft:
		s.step(r.Path).left = true
	case KindHeld:
		p := s.step(r.Path)
		p.held, p.heldIn = r.At, r.Run
	case KindEnd:
		s.finished = r.Outcome.Good()
	case KindAbandoned:
		s.abandoned = true
	}
}

// acted says whether any act on this journal may have happened.
func (s *state) acted() bool {
	for _, p := range s.steps {
		if p.sends > 0 {
			return true
		}
	}
	return false
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
