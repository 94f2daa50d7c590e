package upgrade

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// Run carries the procedure out, or goes on with it where the journal ends, and returns a report of everything the journal
// knows, also when it fails. The error is nil when every step is done; else it is a [*StepError], or says why nothing began,
// and then there is no report.
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
	defer e.release()
	if err := e.start(); err != nil {
		return nil, err
	}
	end := func() {}
	if !e.finished {
		end = e.vigils(ctx)
	}
	err = e.walk(ctx)
	end()
	return e.finish(err)
}

// engine is one run.
type engine struct {
	t     *tree
	o     Options
	run   int
	from  *node    // where a new journal begins, when that is in the middle
	skips []string // what a changed procedure put where it is too late

	locks   locks
	unclaim func()

	looking   chan struct{}        // held by who looks at guards and effects
	sentinels map[string]*sentinel // by path; guarded by looking

	events sync.Mutex

	mu      sync.Mutex // guards all below
	st      *state
	lost    error         // the journal broke: why
	stir    chan struct{} // closed by the next act
	shown   []Record      // what a failing journal could not keep; for this run's report only
	acts    int           // of this run
	boxes   map[string]chan struct{}
	scopes  map[*node]*scope // of groups under way that must not be left half-way
	halt    halt
	waiting map[*node]context.CancelCauseFunc // steps that have not acted yet, and end when the run is halted

	finished   bool // every step was finished when the run began
	abandoning bool
}

func newEngine(p Procedure, o *Options) (*engine, error) {
	t, err := p.compile()
	if err != nil {
		return nil, err
	}
	e := &engine{
		t: t, o: *cmp.Or(o, &Options{}), unclaim: func() {}, looking: make(chan struct{}, 1), sentinels: map[string]*sentinel{},
		boxes: map[string]chan struct{}{}, scopes: map[*node]*scope{}, waiting: map[*node]context.CancelCauseFunc{}, stir: make(chan struct{}),
	}
	if e.o.Logger == nil {
		e.o.Logger = slog.New(slog.DiscardHandler)
	}
	bad := func(format string, args ...any) error {
		return fmt.Errorf("upgrade: %q: "+format, append([]any{p.Name}, args...)...)
	}
	switch {
	case e.o.Journal == nil && e.o.DryRun:
		e.o.Journal = NoJournal()
	case e.o.Journal == nil:
		return nil, bad("Options.Journal is nil: open one, or say NoJournal to give crash safety up")
	case e.o.Scale < 0 || math.IsNaN(e.o.Scale) || math.IsInf(e.o.Scale, 0):
		return nil, bad("Options.Scale is %v; want more than 0, or 0 for 1", e.o.Scale)
	case !e.o.Opens.IsZero() && !e.o.Closes.IsZero() && !e.o.Opens.Before(e.o.Closes):
		return nil, bad("Options.Opens (%s) is not before Closes (%s): no act could ever begin", e.o.Opens.Format(time.RFC3339), e.o.Closes.Format(time.RFC3339))
	}
	if j, ok := e.o.Journal.(*FileJournal); ok && e.o.LockDir == "" {
		e.o.LockDir = filepath.Dir(j.Path())
	}
	e.locks.dir = e.o.LockDir
	e.st = replay(e.o.Journal.Records())
	e.run = e.st.runs + 1
	return e, nil
}

// write makes a record durable and learns it. Once that failed nothing further is written but how the run ends: a vigil may be what finds out first.
func (e *engine) write(r Record) error { return e.keep(r, false) }

func (e *engine) keep(r Record, end bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.lost != nil && !end {
		return e.lost
	}
	r.At, r.Run = time.Now().Round(0), e.run
	if err := e.append(r); err != nil {
		e.lost = err
		return err
	}
	e.st.apply(r)
	if r.Kind == KindIntent {
		e.acts++
		close(e.stir)
		e.stir = make(chan struct{})
	}
	return nil
}

func (e *engine) append(r Record) error {
	var err error
	broken := e.protect("it", func() { err = e.o.Journal.Append(r) })
	if err = cmp.Or(broken, err); err != nil && !errors.Is(err, ErrJournal) {
		err = fmt.Errorf("%w: %w", ErrJournal, err)
	}
	return err
}

// note is write for what ends a run: when the journal can't keep it, at least this run's report shows it.
func (e *engine) note(r Record) {
	if err := e.keep(r, true); err != nil {
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
	e.protect("a logger", func() {
		e.o.Logger.Debug("upgrade", "event", string(ev.Kind), "step", ev.Path, "phase", ev.Phase.String(), "detail", ev.Detail)
	})
	if e.o.Events == nil {
		return
	}
	e.events.Lock()
	defer e.events.Unlock()
	e.protect("Options.Events", func() { e.o.Events(ev) })
}

// protect makes an error of a panic, so that what others wrote never loses the run. The place of the panic goes to the log.
func (e *engine) protect(what string, do func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s panicked: %v", what, p)
			defer func() { _ = recover() }() // the logger itself may be what panics
			e.o.Logger.Error("upgrade: "+err.Error(), "stack", string(debug.Stack()))
		}
	}()
	do()
	return nil
}

// progress returns a copy of what is known of a step, so that no lock is held while it is used.
func (e *engine) progress(path string) progress {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.st.of(path)
}

// allFinished says whether every step is finished and every temporary change put back.
func (e *engine) allFinished() bool {
	return !e.owes() && !slices.ContainsFunc(e.t.leaves, func(n *node) bool {
		p := e.progress(n.path)
		return !p.finished()
	})
}

// acted says whether any act on this journal may have happened.
func (e *engine) acted() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.st.acts > 0
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
		end.Err = errText(err)
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
