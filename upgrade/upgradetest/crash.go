package upgradetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"

	"github.com/changeover-sdk/changeover/upgrade"
)

// A Trial is a fresh appliance and a procedure for it: what is carried out, crashed and gone on with.
type Trial struct {
	Procedure upgrade.Procedure
	// Fresh, when set, makes the procedure anew for every run, as a new process does: nothing that a run kept in memory outlives it then.
	Fresh   func() upgrade.Procedure
	Options upgrade.Options // its Journal is opened by Open

	// Open opens the journal for one more run; what it knows must outlive a run. One that is an io.Closer is closed after
	// the run. Default: one journal in memory for the whole trial.
	Open func() (upgrade.Journal, error)

	// Again says whether the procedure is run once more after a run that ended so. Default: after a hold.
	Again func(rep *upgrade.Report, err error) bool

	// Truth is asked at the end, with what the last run returned: nil when all is well by the appliance's own books. Default:
	// the last run must have succeeded.
	Truth func(rep *upgrade.Report, err error) error
}

// maxRuns bounds the runs of one trial.
const maxRuns = 50

// CrashAt carries the trial out. It crashes the first run at the first of the given boundaries, the second run at the second,
// and so on, counted from 1 in each run; 0, and a boundary that a run does not reach, crashes nothing. Then it runs the procedure
// until it has ended, and asks for the truth. It returns how many runs it crashed, and what went wrong.
//
// A boundary is the moment just before or just after a record becomes durable, an act is sent, or a person is asked. From there
// on nothing that the crashed run does has any effect: its records are lost, its acts are not sent, nobody is asked.
func CrashAt(ctx context.Context, t Trial, boundaries ...int) (crashed int, err error) {
	var where []string
	defer func() {
		if err != nil && len(where) > 0 {
			err = fmt.Errorf("crashed %q: %w", where, err)
		}
	}()
	if t.Open == nil {
		j := upgrade.NoJournal()
		t.Open = func() (upgrade.Journal, error) { return j, nil }
	}
	if t.Again == nil {
		t.Again = func(_ *upgrade.Report, err error) bool { return errors.Is(err, upgrade.ErrHeld) }
	}
	if t.Truth == nil {
		t.Truth = func(_ *upgrade.Report, err error) error { return err }
	}
	for n := range maxRuns {
		at := 0
		if n < len(boundaries) {
			at = boundaries[n]
		}
		j, err := t.Open()
		if err != nil {
			return crashed, fmt.Errorf("opening the journal for run %d: %w", n+1, err)
		}
		c := &crash{at: at}
		rep, err := c.run(ctx, t, j)
		if closer, ok := j.(io.Closer); ok {
			if err := closer.Close(); err != nil {
				return crashed, err
			}
		}
		switch {
		case c.dead:
			crashed++
			where = append(where, c.where)
		case n+1 < len(boundaries) || t.Again(rep, err):
		default:
			return crashed, t.Truth(rep, err)
		}
	}
	return crashed, fmt.Errorf("after %d runs the procedure has not ended", maxRuns)
}

// crash is the death of one run.
type crash struct {
	mu     sync.Mutex
	at     int
	passed int
	dead   bool
	where  string
	cancel context.CancelFunc
}

var errCrashed = errors.New("upgradetest: the process is dead")

// pass counts one boundary. It returns errCrashed from the one on at which the run dies.
func (c *crash) pass(where string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.dead {
		if c.passed++; c.passed == c.at {
			c.dead, c.where = true, where
			c.cancel()
		}
	}
	if c.dead {
		return errCrashed
	}
	return nil
}

// around does something between two boundaries.
func (c *crash) around(what string, do func() error) error {
	if err := c.pass("before " + what); err != nil {
		return err
	}
	err := do()
	if dead := c.pass("after " + what); dead != nil {
		return dead
	}
	return err
}

func (c *crash) run(ctx context.Context, t Trial, j upgrade.Journal) (*upgrade.Report, error) {
	ctx, c.cancel = context.WithCancel(ctx)
	defer c.cancel()
	p, o := t.Procedure, t.Options
	if t.Fresh != nil {
		p = t.Fresh()
	}
	p.Steps = c.steps("", p.Steps)
	o.Journal = &mortalJournal{Journal: j, crash: c}
	o.Operator = c.operator(o.Operator)
	return upgrade.Run(ctx, p, &o)
}

// steps returns copies whose acts are boundaries.
func (c *crash) steps(under string, steps []upgrade.Step) []upgrade.Step {
	steps = slices.Clone(steps)
	for i := range steps {
		steps[i] = c.step(under, steps[i])
	}
	return steps
}

func (c *crash) step(under string, s upgrade.Step) upgrade.Step {
	path := under + s.Name
	s.Steps = c.steps(path+"/", s.Steps)
	if act := s.Act; act != nil {
		s.Act = func(ctx context.Context, log *slog.Logger) error {
			return c.around("the act of "+path, func() error { return act(ctx, log) })
		}
	}
	if restore := s.Restore; restore != nil {
		s.Restore = func(since upgrade.Mark) upgrade.Step { return c.step(path+"/", restore(since)) }
	}
	return s
}

// operator makes a boundary of every word with a person. Consents answer out of the process itself.
func (c *crash) operator(op upgrade.Operator) upgrade.Operator {
	if op == nil {
		return nil
	}
	if consents, ok := op.(*upgrade.Consents); ok {
		return &upgrade.Consents{Given: consents.Given, Or: c.operator(consents.Or)}
	}
	return upgrade.OperatorFunc(func(ctx context.Context, q upgrade.Question) (a upgrade.Answer, err error) {
		err = c.around(fmt.Sprintf("the question %q of %s", q.Kind, q.Step), func() error { a, err = op.Ask(ctx, q); return err })
		return a, err
	})
}

// mortalJournal loses what is written after the death.
type mortalJournal struct {
	upgrade.Journal
	crash *crash
}

func (j *mortalJournal) Append(r upgrade.Record) error {
	return j.crash.around(fmt.Sprintf("the record %q of %s", r.Kind, r.Path), func() error { return j.Journal.Append(r) })
}

// AfterSuccess returns j as a careless engine would keep it: the intent is not written before the act, but together with what
// the act said. A trial that passes on it does not test what it should.
func AfterSuccess(j upgrade.Journal) upgrade.Journal {
	return &carelessJournal{Journal: j, intents: map[string]upgrade.Record{}}
}

type carelessJournal struct {
	upgrade.Journal
	mu      sync.Mutex
	intents map[string]upgrade.Record
}

func (j *carelessJournal) Append(r upgrade.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if r.Kind == upgrade.KindIntent {
		j.intents[r.Path] = r
		return nil
	}
	if intent, ok := j.intents[r.Path]; ok && (r.Kind == upgrade.KindSent || r.Kind == upgrade.KindDone) {
		delete(j.intents, r.Path)
		if err := j.Journal.Append(intent); err != nil {
			return err
		}
	}
	return j.Journal.Append(r)
}

// Close closes the journal beneath, if that can be closed.
func (j *carelessJournal) Close() error {
	if c, ok := j.Journal.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
