package upgrade

import (
	"slices"
	"strings"
	"time"
)

// ReportOf makes a report of a journal's records.
func ReportOf(records []Record) *Report {
	b := &reporter{r: &Report{}, steps: map[string]*StepReport{}, listed: map[string]bool{}, why: map[string]string{}, tellings: map[string]*telling{}}
	for _, r := range records {
		b.add(r)
	}
	return b.finish(replay(records))
}

type reporter struct {
	r      *Report
	plan   *PlanData
	order  []string
	listed map[string]bool // paths in order
	steps  map[string]*StepReport
	why    map[string]string // what stopped a step last, by its path

	tellings map[string]*telling // of vigils, by their names
	told     []*telling          // in the order of the journal
	at       time.Time           // of the record before
}

func (b *reporter) add(r Record) {
	rep := b.r
	defer func() { b.at = r.At }()
	switch r.Kind {
	case KindPlan, KindChanged:
		if r.Kind == KindChanged {
			rep.Changes = append(rep.Changes, r.Detail)
		}
		b.setPlan(r.Plan)
		b.skip(r.Skips, "new, and before the last finished step")
	case KindRun:
		b.killed()
		rep.Runs = append(rep.Runs, RunReport{N: r.Run, Began: r.At})
		rep.DryRun = r.Detail == detailDryRun
		rep.Outcome, rep.Err = OutcomeNone, ""
	case KindFrom:
		b.skip(r.Skips, r.Detail)
	case KindAnswer:
		b.answered(r)
	case KindHeld:
		rep.Holds = append(rep.Holds, HoldReport{Path: r.Path, Soon: r.Detail, Since: r.At})
		b.step(r.Path).Status = StatusHeld
	case KindEnd:
		rep.Outcome, rep.Err = r.Outcome, r.Err
		b.endRun(r, r.Outcome)
	case KindAbandoned:
		rep.Abandoned = true
		rep.Outcome, rep.Err = Cancelled, ""
		b.endRun(r, Cancelled)
	case KindEvidence:
		b.kept(r).add(r)
	case KindVigil:
		b.vigil(r)
	case KindGuard, KindWaiting:
	default:
		b.addStep(r)
	}
}

// kept returns where the names of an evidence record go: to its step, or to its guard, which is no step.
func (b *reporter) kept(r Record) *Kept {
	name, guard := strings.CutPrefix(r.Path, guardPath(""))
	if !guard || b.steps[r.Path] != nil && b.steps[r.Path].Status != StatusStopped {
		return &b.step(r.Path).Kept
	}
	for i := range b.r.Guards {
		if g := &b.r.Guards[i]; g.Name == name {
			return &g.Kept
		}
	}
	b.r.Guards = append(b.r.Guards, GuardReport{Name: name})
	return &b.r.Guards[len(b.r.Guards)-1].Kept
}

// killed ends what vigils saw in a run that had no end: at its last record somebody was there.
func (b *reporter) killed() {
	for _, t := range b.told {
		t.close(b.at)
	}
}

func (b *reporter) endRun(r Record, outcome Outcome) {
	if n := len(b.r.Runs); n > 0 {
		run := &b.r.Runs[n-1]
		run.Ended, run.Outcome, run.Err = r.At, outcome, r.Err
	}
}

func (b *reporter) skip(paths []string, why string) {
	for _, path := range paths {
		s := b.step(path)
		s.Status, s.Detail = StatusSkipped, why
	}
}

func (b *reporter) answered(r Record) {
	a := Answered{At: r.At, Step: r.Path, Answer: r.Answer, By: r.By}
	if q := r.Question; q != nil {
		a.Kind = q.Kind
		a.Question = q.Text
		if q.Kind == AskValue {
			a.Question = strings.Join(slices.DeleteFunc([]string{q.Where, q.Row, q.Label}, func(s string) bool { return s == "" }), " > ")
		}
	}
	if a.Kind != AskLook {
		b.r.Answers = append(b.r.Answers, a)
	}
}

func (b *reporter) addStep(r Record) {
	s := b.step(r.Path)
	if r.Detail != "" {
		s.Detail = r.Detail
	}
	if len(r.Evidence) > 0 && r.Kind != KindIntent {
		s.Evidence = r.Evidence
	}
	switch r.Kind {
	case KindIntent:
		if s.Acts == 0 || s.Status == StatusDone || s.Status == StatusAlready { // a backup is taken again by a later run
			s.Acted = r.At
		}
		s.Acts++
		s.By, s.Status, s.Said, s.Ended = r.By, StatusInFlight, "", time.Time{}
	case KindSent:
		s.Said = r.Err
		if r.Class != "" && s.Acts > 0 {
			if s.Acts--; s.Acts == 0 {
				s.Status, s.Acted = StatusOpen, time.Time{}
			}
		}
	case KindSeen:
		if b.r.DryRun && r.Phase != nil && *r.Phase == Done {
			s.Status = StatusAlready
		}
	case KindDone:
		switch {
		case r.Already && s.Status == StatusDone: // and found to be fresh enough by a later run
		case r.Already:
			s.Ended, s.Status = r.At, StatusAlready
		default:
			s.Ended, s.Status = r.At, StatusDone
		}
		b.unhold(r)
	case KindSkipped:
		s.Status = StatusSkipped
	case KindLeft:
		s.Ended, s.Status = r.At, StatusLeft
	case KindStopped:
		b.stopped(s, r)
	}
}

// stopped also hears of guards that broke, and of steps that were done and whose effect is gone.
func (b *reporter) stopped(s *StepReport, r Record) {
	b.why[r.Path] = strings.TrimSpace(r.Detail + " " + r.Err)
	if s.Status == StatusOpen {
		s.Status = StatusStopped
	}
	if s.Status == StatusStopped || s.Status == StatusInFlight {
		s.Ended = r.At
	}
}

func (b *reporter) unhold(r Record) {
	for i := range b.r.Holds {
		if h := &b.r.Holds[i]; h.Path == r.Path && h.Until.IsZero() {
			h.Until = r.At
		}
	}
}

func (b *reporter) setPlan(p *PlanData) {
	if p == nil {
		return
	}
	b.plan = p
	b.r.Procedure, b.r.Source, b.r.Digest = p.Name, p.Source, p.Digest
	old := b.order
	b.order, b.listed = nil, map[string]bool{}
	for _, ps := range p.Steps {
		if ps.Who == WhoGroup {
			continue
		}
		s := b.step(ps.Path)
		s.Ref, s.Who, s.Outage = ps.Ref, ps.Who, ps.Outage
	}
	for _, path := range old { // steps that are gone still happened
		if b.steps[path].Status != StatusOpen {
			b.step(path)
		}
	}
}

func (b *reporter) step(path string) *StepReport {
	s := b.steps[path]
	if s == nil {
		s = &StepReport{Path: path, Status: StatusOpen, Who: WhoCheck}
		if base, ok := strings.CutSuffix(path, restorePath); ok && b.steps[base] != nil {
			s.Ref, s.Who = b.steps[base].Ref, b.steps[base].Who
		}
		b.steps[path] = s
	}
	if !b.listed[path] {
		b.listed[path] = true
		b.order = append(b.order, path)
	}
	return s
}

func (b *reporter) finish(st *state) *Report {
	for _, path := range b.order {
		b.r.Steps = append(b.r.Steps, *b.steps[path])
	}
	if b.plan != nil {
		for _, ps := range b.plan.Steps {
			p, back := st.of(ps.Path), st.of(ps.Path+restorePath)
			if ps.Restores && p.sends > 0 && !back.finished() {
				b.r.Owed = append(b.r.Owed, OwedReport{Path: ps.Path, Before: p.before, Detail: b.why[ps.Path+restorePath]})
			}
		}
	}
	b.killed()
	for _, t := range b.told {
		b.r.Vigils = append(b.r.Vigils, t.report())
	}
	b.r.Exposed = b.exposed()
	b.r.Next = b.next()
	return b.r
}

func (b *reporter) next() string {
	r := b.r
	var owed, open []string
	for _, o := range r.Owed {
		owed = append(owed, o.Path)
	}
	for _, s := range r.Steps {
		if s.Status == StatusInFlight {
			open = append(open, s.Path)
		}
	}
	switch {
	case r.Abandoned && len(open) > 0:
		return "the journal was abandoned and every temporary change is put back; look at the appliance yourself, for these steps acted and were never proven: " + strings.Join(open, ", ")
	case r.Abandoned:
		return "nothing: the journal was abandoned and every temporary change is put back"
	case r.DryRun:
		return "nothing was pressed; run without the dry run to begin"
	case len(owed) > 0 && r.Outcome != Held:
		return r.Outcome.Next() + "; still to be put back: " + strings.Join(owed, ", ")
	}
	return r.Outcome.Next()
}
