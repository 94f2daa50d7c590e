package upgrade

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Run carries the procedure out, or goes on with it where the journal ends, and returns a report of everything the journal
// knows, also when it fails. The error is nil when every step is done; else it is a [*StepError], or says why nothing began.
//
// Run may be killed at any moment. Called again with the same procedure and journal it looks, and goes on.
func Run(ctx context.Context, p Procedure, o *Options) (*Report, error) {
	e, err := newEngine(p, o)
	if err != nil {
		return nil, err
	}
	if e.o.DryRun {
		return e.dryRun(ctx)
	}
	release, err := e.start(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	return e.finish(e.walk(ctx))
}

// engine is one run.
type engine struct {
	t     *tree
	o     Options
	run   int
	boxes map[string]chan struct{}

	looking   chan struct{}        // held by who looks at guards and effects
	sentinels map[string]*sentinel // by path; guarded by looking

	mu       sync.Mutex // guards all below
	st       *state
	shown    []Record // what a failing journal could not keep; for this run's report only
	acts     int      // of this run
	halted   bool     // a step ended the run: no sibling starts
	events   sync.Mutex
	finished bool // every step was finished when the run began
}

func newEngine(p Procedure, o *Options) (*engine, error) {
	t, err := p.compile()
	if err != nil {
		return nil, err
	}
	e := &engine{t: t, o: *cmp.Or(o, &Options{}), boxes: map[string]chan struct{}{}, sentinels: map[string]*sentinel{}, looking: make(chan struct{}, 1)}
	if e.o.Logger == nil {
		e.o.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case e.o.Journal == nil && e.o.DryRun:
		e.o.Journal = NoJournal()
	case e.o.Journal == nil:
		return nil, fmt.Errorf("upgrade: %q: Options.Journal is nil: open one, or say NoJournal to give crash safety up", p.Name)
	case e.o.Scale < 0:
		return nil, fmt.Errorf("upgrade: %q: Options.Scale is %v; want more than 0", p.Name, e.o.Scale)
	}
	if j, ok := e.o.Journal.(*FileJournal); ok && e.o.LockDir == "" {
		e.o.LockDir = filepath.Dir(j.Path())
	}
	for _, n := range t.leaves {
		for _, a := range n.On {
			e.boxes[a] = make(chan struct{}, 1)
		}
	}
	e.st = replay(e.o.Journal.Records())
	e.run = e.st.runs + 1
	return e, nil
}

// start refuses what must not begin, takes the locks and writes how the journal goes on.
func (e *engine) start(ctx context.Context) (release func(), err error) {
	name := e.t.p.Name
	if e.st.abandoned {
		return nil, fmt.Errorf("upgrade: %q: this journal was abandoned: begin a new one", name)
	}
	if err := e.needsPerson(); err != nil {
		return nil, err
	}
	if err := e.sameProcedure(); err != nil {
		return nil, err
	}
	var from *node
	if e.o.From != "" {
		if from, err = e.beginning(); err != nil {
			return nil, err
		}
	}
	release, err = lockAppliances(e.o.LockDir, e.t)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			release()
		}
	}()
	e.finished = e.allFinished()
	if e.st.plan == nil {
		err = e.write(Record{Kind: KindPlan, Plan: e.t.plan()})
	} else if e.st.plan.Digest != e.t.digest {
		err = e.change()
	}
	if err == nil {
		err = e.write(Record{Kind: KindRun})
	}
	if err != nil {
		return nil, fmt.Errorf("upgrade: %q: nothing was begun: %w", name, err)
	}
	e.emit(Event{Kind: EventRun, Detail: e.opening()})
	if from != nil {
		if err := e.beginAt(ctx, from); err != nil {
			return nil, err
		}
	}
	return release, nil
}

func (e *engine) opening() string {
	switch {
	case e.run == 1:
		return "begins"
	case e.finished:
		return "was finished by an earlier run"
	}
	return fmt.Sprintf("goes on, run %d", e.run)
}

// needsPerson refuses a procedure that will need a person and has none, naming the steps.
func (e *engine) needsPerson() error {
	var press, ask []string
	for _, n := range e.t.leaves {
		switch {
		case e.st.step(n.path).finished():
		case n.byPerson():
			press = append(press, n.path)
		case n.Attended:
			ask = append(ask, n.path)
		}
	}
	switch {
	case e.o.Operator == nil && len(press)+len(ask) > 0:
		return fmt.Errorf("upgrade: %q was not begun: %w; these steps need one: %s", e.t.p.Name, ErrNoOperator, strings.Join(append(press, ask...), ", "))
	case len(press) > 0 && !canPress(e.o.Operator):
		return fmt.Errorf("upgrade: %q was not begun: %w who can press buttons (consents only answer); these steps need one: %s", e.t.p.Name, ErrNoOperator, strings.Join(press, ", "))
	}
	return nil
}

// sameProcedure refuses a journal of another procedure, and a changed one unless that is allowed.
func (e *engine) sameProcedure() error {
	old := e.st.plan
	switch {
	case old == nil || old.Digest == e.t.digest:
		return nil
	case old.Name != e.t.p.Name:
		return fmt.Errorf("upgrade: %q: %w: %q; use its own journal", e.t.p.Name, ErrChanged, old.Name)
	case !e.o.AllowChanged:
		return fmt.Errorf("upgrade: %q: %w: %s; use Options.AllowChanged to go on with it as it is now", e.t.p.Name, ErrChanged, difference(old, e.t.plan()))
	}
	for path, p := range e.st.steps {
		if _, there := e.t.byPath[strings.TrimSuffix(path, restorePath)]; !there && p.inFlight() {
			return fmt.Errorf("upgrade: %q: %w: step %q was begun, is not finished, and is no longer in it", e.t.p.Name, ErrChanged, path)
		}
	}
	return nil
}

// difference names the first line in which two plans differ.
func difference(a, b *PlanData) string {
	for i := range max(len(a.Steps), len(b.Steps)) {
		switch {
		case i >= len(a.Steps):
			return fmt.Sprintf("%q is new", b.Steps[i].Path)
		case i >= len(b.Steps):
			return fmt.Sprintf("%q is gone", a.Steps[i].Path)
		case a.Steps[i].Path != b.Steps[i].Path:
			return fmt.Sprintf("%q stands where %q stood", b.Steps[i].Path, a.Steps[i].Path)
		case a.Steps[i].label() != b.Steps[i].label() || a.Steps[i].Ref != b.Steps[i].Ref || !slices.Equal(a.Steps[i].On, b.Steps[i].On):
			return fmt.Sprintf("%q has other inputs", b.Steps[i].Path)
		}
	}
	return "their shapes differ"
}

// change goes on with a changed procedure: what is new before the last finished step is never run.
func (e *engine) change() error {
	if err := e.write(Record{Kind: KindChanged, Plan: e.t.plan(), Detail: difference(e.st.plan, e.t.plan())}); err != nil {
		return err
	}
	last := -1
	for _, n := range e.t.leaves {
		if p := e.st.step(n.path); p.finished() || p.inFlight() {
			last = n.order
		}
	}
	for _, n := range e.t.leaves[:last+1] {
		if p := e.st.step(n.path); !p.finished() && !p.inFlight() {
			if err := e.write(Record{Kind: KindSkipped, Path: n.path, Detail: "new, and before the last finished step"}); err != nil {
				return err
			}
		}
	}
	return nil
}

// write makes a record durable and learns it.
func (e *engine) write(r Record) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	r.At, r.Run = time.Now().Round(0), e.run
	if err := e.o.Journal.Append(r); err != nil {
		if !errors.Is(err, ErrJournal) {
			err = fmt.Errorf("%w: %w", ErrJournal, err)
		}
		return err
	}
	e.st.apply(r)
	if r.Kind == KindIntent {
		e.acts++
	}
	return nil
}

// note is write for what ends a run: when the journal can't keep it, at least this run's report shows it.
func (e *engine) note(r Record) {
	if err := e.write(r); err != nil {
		r.At, r.Run = time.Now().Round(0), e.run
		e.mu.Lock()
		e.shown = append(e.shown, r)
		e.mu.Unlock()
	}
}

func (e *engine) emit(ev Event) {
	if ev.At.IsZero() {
		ev.At = time.Now()
	}
	e.o.Logger.Debug("upgrade", "event", string(ev.Kind), "step", ev.Path, "phase", ev.Phase.String(), "detail", ev.Detail)
	if e.o.Events == nil {
		return
	}
	e.events.Lock()
	defer e.events.Unlock()
	e.o.Events(ev)
}

// progress returns a copy of what is known of a step, so that no lock is held while it is used.
func (e *engine) progress(path string) progress {
	e.mu.Lock()
	defer e.mu.Unlock()
	return *e.st.step(path)
}

func (e *engine) allFinished() bool {
	return !slices.ContainsFunc(e.t.leaves, func(n *node) bool {
		p := e.progress(n.path)
		return !p.finished() && !(n.hold && p.heldIn > 0)
	})
}

// finish writes the end and makes the report.
func (e *engine) finish(err error) (*Report, error) {
	outcome := Succeeded
	if se, ok := errors.AsType[*StepError](err); ok {
		outcome = se.Outcome
	} else if err != nil {
		outcome = Failed
	} else if !e.acted() || (e.finished && e.acts == 0) {
		outcome = AlreadyDone
	}
	end := Record{Kind: KindEnd, Outcome: outcome}
	if err != nil {
		end.Err = err.Error()
	}
	e.note(end)
	e.emit(Event{Kind: EventEnd, Outcome: outcome, Err: err})
	return e.report(), err
}

func (e *engine) report() *Report {
	e.mu.Lock()
	defer e.mu.Unlock()
	return ReportOf(slices.Concat(e.o.Journal.Records(), e.shown))
}
