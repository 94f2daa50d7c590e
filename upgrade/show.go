package upgrade

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Show returns a function for Options.Events that writes a run to w as it goes: a line for what begins, acts, asks, ends. With
// live, which wants a terminal of width columns, the last line is the newest look and is written over; without, for pipes and
// logs, a look is a line when its phase changes.
func Show(w io.Writer, live bool, width int) func(Event) {
	s := &show{w: w, live: live, width: max(width, 40)}
	return s.event
}

type show struct {
	w     io.Writer
	live  bool
	width int
	drawn bool // the last line is to be written over
	path  string
	phase Phase

	skipped int    // in a row
	last    string // of these
}

func (s *show) event(e Event) {
	name := e.Path
	if e.Ref != "" {
		name = "[" + e.Ref + "] " + name
	}
	if e.Kind == EventSkip {
		s.skipped++
		s.last = name + ": " + e.Detail
		return
	}
	if e.Kind != EventBegin {
		s.skips(e.At)
	}
	switch e.Kind {
	case EventRun, EventWindow:
		s.line(e.At, "run", name+" "+e.Detail)
	case EventAct:
		s.line(e.At, "act", name+": "+e.Detail)
	case EventSent:
		if e.Err != nil {
			s.line(e.At, "said", name+": "+e.Err.Error())
		}
	case EventAsk:
		s.line(e.At, "ask", name+": "+e.Detail)
	case EventDone:
		s.line(e.At, "done", name+": "+e.Detail)
	case EventWorry:
		s.line(e.At, "worry", name+": "+e.Detail)
	case EventVigil:
		s.line(e.At, "answers", name+": "+e.Detail)
	case EventRestore:
		s.line(e.At, "put back", name+": "+e.Detail)
	case EventStop:
		s.line(e.At, e.Outcome.String(), name+": "+e.Detail)
	case EventEnd:
		s.clear()
	case EventLook, EventMoves:
		s.look(e, name)
	}
}

func (s *show) look(e Event, name string) {
	guard := strings.HasPrefix(e.Path, "guard ")
	if guard && e.Phase == Done {
		return
	}
	if s.live {
		text := fmt.Sprintf("  %-8s %s: %s", e.Phase, name, e.Detail)
		fmt.Fprintf(s.w, "\r\x1b[K%s", oneLine(text, s.width-1))
		s.drawn = true
		return
	}
	if e.Phase == Done || (e.Path == s.path && e.Phase == s.phase) {
		return
	}
	s.path, s.phase = e.Path, e.Phase
	s.line(e.At, e.Phase.String(), name+": "+e.Detail)
}

// skips says in one line that what stands in a row was finished before.
func (s *show) skips(at time.Time) {
	switch s.skipped {
	case 0:
		return
	case 1:
		s.line(at, "skip", s.last)
	default:
		s.line(at, "skip", fmt.Sprintf("%d steps, the last of them %s", s.skipped, s.last))
	}
	s.skipped = 0
}

func (s *show) clear() {
	if s.drawn {
		io.WriteString(s.w, "\r\x1b[K")
		s.drawn = false
	}
}

func (s *show) line(at time.Time, what, text string) {
	s.clear()
	limit := 400
	if s.live {
		limit = s.width - 24
	}
	fmt.Fprintf(s.w, "%s  %-12s %s\n", at.Format(time.TimeOnly), what, strings.TrimSpace(oneLine(text, limit)))
}
