package upgrade

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Report says what happened, as far as a journal knows. It is a pure function of the journal's records: [ReportOf] on
// the same records gives the same report, on any machine, at any time. Its JSON form is stable; its text form is for people.
type Report struct {
	Procedure string       `json:"procedure"`
	Source    string       `json:"source,omitempty"`
	Digest    string       `json:"digest"`
	Outcome   Outcome      `json:"outcome"` // of the newest run; none while it goes on, or when it was killed
	Next      string       `json:"next"`    // what to do now
	Err       string       `json:"error,omitempty"`
	DryRun    bool         `json:"dry_run,omitempty"`
	Abandoned bool         `json:"abandoned,omitempty"`
	Runs      []RunReport  `json:"runs"`
	Steps     []StepReport `json:"steps"` // without groups, in the guide's order, restores behind all
	Holds     []HoldReport `json:"holds,omitempty"`
	Owed      []OwedReport `json:"owed,omitempty"` // temporary changes that were not put back
	Answers   []Answered   `json:"answers,omitempty"`
	Changes   []string     `json:"changes,omitempty"` // how the procedure was changed between runs
}

// A RunReport is one run. A run without an end was killed, or goes on.
type RunReport struct {
	N       int       `json:"n"`
	Began   time.Time `json:"began"`
	Ended   time.Time `json:"ended,omitzero"`
	Outcome Outcome   `json:"outcome,omitzero"`
	Err     string    `json:"error,omitempty"`
}

// Status is where a step stands.
type Status string

// Statuses.
const (
	StatusOpen     Status = "open"         // not reached
	StatusDone     Status = "done"         // acted, and proven; or a check that held
	StatusAlready  Status = "already done" // found done at the first look
	StatusSkipped  Status = "skipped"
	StatusHeld     Status = "held"
	StatusStopped  Status = "stopped"   // ended the run before its act
	StatusInFlight Status = "in flight" // acted, and not proven
	StatusLeft     Status = "left"      // a restore that found a person's change
)

// A StepReport is one step.
type StepReport struct {
	Path     string          `json:"path"`
	Ref      string          `json:"ref,omitempty"`
	Who      Who             `json:"who"`
	Status   Status          `json:"status"`
	Acts     int             `json:"acts,omitempty"` // acts that were not proven never to have happened
	By       string          `json:"by,omitempty"`   // who acted: "machine" or "person"
	Acted    time.Time       `json:"acted,omitzero"` // the first act
	Ended    time.Time       `json:"ended,omitzero"`
	Detail   string          `json:"detail,omitempty"`
	Said     string          `json:"said,omitempty"` // what the newest act said, if it was an error
	Evidence json.RawMessage `json:"evidence,omitempty"`
	Outage   time.Duration   `json:"outage_ns,omitempty"` // expected
}

// Took returns how long the step took from its first act to its end; 0 for a check.
func (s StepReport) Took() time.Duration {
	if s.Acted.IsZero() || s.Ended.IsZero() {
		return 0
	}
	return s.Ended.Sub(s.Acted)
}

// A HoldReport says how long a procedure was held, and why that should not last.
type HoldReport struct {
	Path  string    `json:"path"`
	Soon  string    `json:"soon,omitempty"`
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"` // zero: still held
}

// An OwedReport names a temporary change that was not put back, and what was there before.
type OwedReport struct {
	Path   string          `json:"path"`
	Before json.RawMessage `json:"before,omitempty"`
	Detail string          `json:"detail,omitempty"` // why not
}

// An Answered is what a person said.
type Answered struct {
	At       time.Time    `json:"at"`
	Step     string       `json:"step"`
	Kind     QuestionKind `json:"kind"`
	Question string       `json:"question,omitempty"`
	Answer   string       `json:"answer"`
	By       string       `json:"by,omitempty"`
}

// ReportOf makes a report of a journal's records.
func ReportOf(records []Record) *Report {
	b := &reporter{r: &Report{}, steps: map[string]*StepReport{}, owed: map[string]OwedReport{}}
	for _, r := range records {
		b.add(r)
	}
	return b.finish(replay(records))
}

type reporter struct {
	r     *Report
	plan  *PlanData
	order []string
	steps map[string]*StepReport
	owed  map[string]OwedReport // by the path of the restore: why it was not put back
}

func (b *reporter) add(r Record) {
	rep := b.r
	switch r.Kind {
	case KindPlan, KindChanged:
		if r.Kind == KindChanged {
			rep.Changes = append(rep.Changes, r.Detail)
		}
		b.setPlan(r.Plan)
	case KindRun:
		rep.Runs = append(rep.Runs, RunReport{N: r.Run, Began: r.At})
		rep.DryRun = r.Detail == detailDryRun
		rep.Outcome, rep.Err = OutcomeNone, ""
	case KindAnswer:
		b.answered(r)
	case KindHeld:
		rep.Holds = append(rep.Holds, HoldReport{Path: r.Path, Soon: r.Detail, Since: r.At})
		b.step(r.Path).Status = StatusHeld
	case KindEnd:
		rep.Outcome, rep.Err = r.Outcome, r.Err
		if n := len(rep.Runs); n > 0 {
			run := &rep.Runs[n-1]
			run.Ended, run.Outcome, run.Err = r.At, r.Outcome, r.Err
		}
	case KindAbandoned:
		rep.Abandoned = true
		rep.Outcome, rep.Err = Cancelled, ""
		if n := len(rep.Runs); n > 0 {
			rep.Runs[n-1].Ended, rep.Runs[n-1].Outcome = r.At, Cancelled
		}
	case KindGuard, KindWaiting, KindFrom:
	default:
		b.addStep(r)
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
	if strings.HasPrefix(r.Path, "guard ") && b.steps[r.Path] == nil && r.Kind != KindStopped && !b.r.DryRun {
		return
	}
	s := b.step(r.Path)
	if r.Detail != "" {
		s.Detail = r.Detail
	}
	if len(r.Evidence) > 0 && r.Kind != KindIntent {
		s.Evidence = r.Evidence
	}
	switch r.Kind {
	case KindIntent:
		if s.Acts == 0 {
			s.Acted = r.At
		}
		s.Acts++
		s.By, s.Status, s.Said, s.Ended = r.By, StatusInFlight, "", time.Time{}
	case KindSent:
		s.Said = r.Err
		if r.Class != "" {
			s.Acts--
			s.Status = StatusOpen
		}
	case KindDone:
		s.Ended, s.Status = r.At, StatusDone
		if r.Already {
			s.Status = StatusAlready
		}
		if strings.HasSuffix(r.Path, restorePath) {
			delete(b.owed, r.Path)
		}
		b.unhold(r)
	case KindSkipped:
		s.Status = StatusSkipped
	case KindLeft:
		s.Status = StatusLeft
		delete(b.owed, r.Path)
	case KindStopped:
		if s.Status == StatusOpen {
			s.Status = StatusStopped
		}
		s.Ended = r.At
		b.owed[r.Path] = OwedReport{Detail: strings.TrimSpace(r.Detail + " " + r.Err)}
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
	b.order = nil
	for _, ps := range p.Steps {
		if ps.Who == WhoGroup {
			continue
		}
		s := b.step(ps.Path)
		s.Ref, s.Who, s.Outage = ps.Ref, ps.Who, ps.Outage
	}
	for _, path := range old { // steps that are gone still happened
		if !slices.Contains(b.order, path) && b.steps[path].Status != StatusOpen {
			b.order = append(b.order, path)
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
	if !slices.Contains(b.order, path) {
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
			p := st.steps[ps.Path]
			back := st.steps[ps.Path+restorePath]
			if !ps.Restores || p == nil || p.sends == 0 || (back != nil && back.finished()) {
				continue
			}
			b.r.Owed = append(b.r.Owed, OwedReport{Path: ps.Path, Before: p.before, Detail: b.owed[ps.Path+restorePath].Detail})
		}
	}
	b.r.Next = b.next()
	return b.r
}

func (b *reporter) next() string {
	r := b.r
	switch {
	case r.Abandoned:
		return "nothing: the journal was abandoned and every temporary change is put back"
	case r.DryRun:
		return "nothing was pressed; run without the dry run to begin"
	case len(r.Owed) > 0 && r.Outcome != Held:
		owed := map[string]bool{}
		for _, o := range r.Owed {
			owed[o.Path] = true
		}
		return r.Outcome.Next() + "; still to be put back: " + strings.Join(slices.Sorted(maps.Keys(owed)), ", ")
	}
	return r.Outcome.Next()
}
