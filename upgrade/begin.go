package upgrade

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// start refuses what must not begin, takes the locks and writes how the journal goes on.
func (e *engine) start() (err error) {
	name := e.t.p.Name
	if e.st.abandoned {
		return fmt.Errorf("upgrade: %q: this journal was abandoned: begin a new one", name)
	}
	if err := e.sameProcedure(); err != nil {
		return err
	}
	if err := e.beginning(); err != nil {
		return err
	}
	if err := e.needsPerson(); err != nil {
		return err
	}
	if err := e.claim(); err != nil {
		return err
	}
	if e.st.plan == nil {
		err = e.write(Record{Kind: KindPlan, Plan: e.t.plan()})
	} else if e.st.plan.Digest != e.t.digest {
		err = e.write(Record{Kind: KindChanged, Plan: e.t.plan(), Detail: difference(e.st.plan, e.t.plan()), Skips: e.skips})
	}
	e.finished = e.allFinished()
	if err == nil {
		err = e.write(Record{Kind: KindRun})
	}
	if err != nil {
		return fmt.Errorf("upgrade: %q: nothing was begun: %w", name, err)
	}
	e.emit(Event{Kind: EventRun, Detail: e.opening()})
	return nil
}

// claim takes the journal and the appliances for this run.
func (e *engine) claim() error {
	if j, ok := e.o.Journal.(interface{ claim() (func(), bool) }); ok {
		unclaim, ok := j.claim()
		if !ok {
			return fmt.Errorf("upgrade: %q: the journal: %w: another run of this process goes on with it", e.t.p.Name, ErrLocked)
		}
		e.unclaim = unclaim
	}
	var names []string
	for _, n := range e.t.leaves {
		names = append(names, n.On...)
	}
	return e.locks.take(names)
}

// release gives everything up that claim took.
func (e *engine) release() {
	e.locks.release()
	e.unclaim()
}

func (e *engine) opening() string {
	switch {
	case e.run == 1:
		return "begins"
	case e.finished:
		return "was finished by an earlier run"
	}
	return fmt.Sprintf("goes on, run %d%s", e.run, e.exposure())
}

// exposure says what the site lacks since an earlier run, and for how long.
func (e *engine) exposure() (text string) {
	for _, n := range e.t.leaves {
		p := e.progress(n.path)
		if n.Exposes == "" || n.until == nil || p.mark == nil && !p.done || p.skipped {
			continue
		}
		over := true
		n.until.each(func(k *node) {
			kid := e.progress(k.path)
			over = over && (k.group() || kid.finished())
		})
		if over {
			continue
		}
		since := p.doneAt
		if p.mark != nil {
			since = p.mark.At
		}
		text += fmt.Sprintf("; %s, for %s so far, until %q is done", n.Exposes, spell(time.Since(since)), n.until.path)
	}
	return text
}

// needsPerson refuses a procedure that will need a person and has none, naming the steps.
func (e *engine) needsPerson() error {
	var press, ask []string
	for _, n := range e.t.leaves {
		p := e.progress(n.path)
		again := n.EachRun && e.actsBehind(n)
		switch {
		case p.finished() && !again, slices.Contains(e.skips, n.path), e.from != nil && n.order < e.from.first():
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

// sameProcedure refuses a journal of another procedure, and a changed one unless that is allowed. Of an allowed change it
// finds what is new before the last finished step: that is never run.
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
	known := map[string]bool{}
	for _, s := range old.Steps {
		known[s.Path] = true
		p, back := e.progress(s.Path), e.progress(s.Path+restorePath)
		n := e.t.byPath[s.Path]
		switch gone := n == nil || n.group(); {
		case gone && (p.inFlight() || back.inFlight()):
			return fmt.Errorf("upgrade: %q: %w: step %q was begun, is not finished, and is no longer in it", e.t.p.Name, ErrChanged, s.Path)
		case s.Restores && p.sends > 0 && !back.finished() && (gone || n.Restore == nil):
			return fmt.Errorf("upgrade: %q: %w: what step %q changed for the time being was not put back, and the step that would is no longer in it", e.t.p.Name, ErrChanged, s.Path)
		}
	}
	last := -1
	for _, n := range e.t.leaves {
		if p := e.progress(n.path); p.finished() || p.inFlight() {
			last = n.order
		}
	}
	for _, n := range e.t.leaves[:last+1] {
		if !known[n.path] {
			e.skips = append(e.skips, n.path)
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
		case !maps.Equal(a.Steps[i].With, b.Steps[i].With) || a.Steps[i].Ref != b.Steps[i].Ref || !slices.Equal(sorted(a.Steps[i].On), sorted(b.Steps[i].On)):
			return fmt.Sprintf("%q has other inputs", b.Steps[i].Path)
		}
	}
	return "their shapes differ"
}
