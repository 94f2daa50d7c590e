package upgrade

import (
	"cmp"
	"fmt"
	"time"
)

// VigilReport is what a vigil heard in all runs of a journal.
type VigilReport struct {
	Name    string        `json:"name"`
	Every   time.Duration `json:"every_ns"` // and ten times as often when something might change
	Asked   int           `json:"asked"`
	Watched time.Duration `json:"watched_ns"` // how long it asked, all runs together
	Away    time.Duration `json:"away_ns"`    // how long nobody answered, at most: from the last answer before to the first one after
	Longest time.Duration `json:"longest_ns"` // of the gaps
	Gaps    []Absence     `json:"gaps,omitempty"`
	Turns   []Turn        `json:"turns,omitempty"` // who answered, whenever that changed
	Blind   []Span        `json:"blind,omitempty"` // when no run went on, so that nobody asked
	Many    bool          `json:"many,omitempty"`  // there were more changes than are listed; Away counts them all
}

// An Absence is a time in which nobody answered, or the wrong one.
type Absence struct {
	Span
	Least  time.Duration `json:"least_ns"`         // from the first question without an answer to the last one
	Why    string        `json:"why,omitempty"`    // what the first question met
	Before string        `json:"before,omitempty"` // who had answered
	After  string        `json:"after,omitempty"`  // who answered next; empty when the run, or the journal, ended before
}

// A Turn is when somebody began to answer.
type Turn struct {
	At  time.Time `json:"at"`
	Who string    `json:"who"`
}

// A Span is from one moment to another.
type Span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Long returns the span's length.
func (s Span) Long() time.Duration { return s.To.Sub(s.From) }

// String returns both ends and the length.
func (s Span) String() string {
	return fmt.Sprintf("%s, from %s to %s", spellShort(s.Long()), stamp(s.From), stamp(s.To))
}

// spellShort is spell, with tenths of a second where it is seconds that matter.
func spellShort(d time.Duration) string {
	if d >= time.Second && d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return spell(d)
}

// telling is a vigil's report as far as the journal was read.
type telling struct {
	VigilReport
	open  bool // its run goes on
	from  time.Time
	ended time.Time // of the run before
	who   string
	first time.Time // of the gap that is open
	away  time.Duration
	asked int
}

// vigil takes in one record of a vigil.
func (b *reporter) vigil(r Record) {
	t := b.tellings[r.Path]
	if t == nil {
		t = &telling{VigilReport: VigilReport{Name: r.Path}}
		b.tellings[r.Path] = t
		b.told = append(b.told, t)
	}
	var seen vigilSeen
	if readEvidence(r.Evidence, &seen) != nil {
		return // another version's; the rest of the report is worth having
	}
	t.Every, t.asked, t.away = seen.Every, seen.Asked, seen.Away
	t.Many = t.Many || seen.Many
	switch {
	case seen.Ended:
		t.close(r.At)
		return
	case !t.open:
		t.open, t.from = true, r.At
		if !t.ended.IsZero() {
			t.Blind = append(t.Blind, Span{t.ended, r.At})
		}
		t.who = ""
		if r.Detail == "" {
			t.gap(r.At, r.At, "", r.Err)
		}
	case r.Detail == "":
		t.gap(seen.Last, r.At, t.who, r.Err)
	case t.who == "":
		t.gapEnds(r.At, seen.Last, r.Detail)
	}
	if t.who = r.Detail; t.who != "" && (len(t.Turns) == 0 || t.Turns[len(t.Turns)-1].Who != t.who) {
		t.Turns = append(t.Turns, Turn{r.At, t.who})
	}
}

func (t *telling) gap(from, first time.Time, before, why string) {
	t.first = first
	t.Gaps = append(t.Gaps, Absence{Span: Span{From: from}, Why: why, Before: before})
}

// gapEnds closes the gap that is open. last is when nobody answered last.
func (t *telling) gapEnds(to, last time.Time, after string) {
	if t.first.IsZero() {
		return
	}
	g := &t.Gaps[len(t.Gaps)-1]
	g.To, g.Least, g.After = to, max(last.Sub(t.first), 0), after
	t.first = time.Time{}
}

// close ends what one run saw: at its end, or at its last record when it was killed.
func (t *telling) close(at time.Time) {
	if !t.open {
		return
	}
	t.gapEnds(at, at, "")
	t.open, t.ended = false, at
	t.Watched += at.Sub(t.from)
	t.Asked += t.asked
	t.Away += t.away
}

// report makes the sums.
func (t *telling) report() VigilReport {
	var sum time.Duration
	for _, g := range t.Gaps {
		sum += g.Long()
		t.Longest = max(t.Longest, g.Long())
	}
	if t.Away = max(t.Away, sum); !t.Many {
		t.Away = sum
	}
	return t.VigilReport
}

// writeVigil writes what a client would have seen that asked all along.
func writeVigil(out *textWriter, w VigilReport) {
	out.printf("\nOutage, as a client sees it that asks %s all along (%d times; every %s, every %s when something might change):\n", w.Name, w.Asked, spellShort(w.Every), spellShort(w.Every/vigilQuick))
	switch {
	case len(w.Gaps) == 0:
		out.printf("  none: somebody answered every time, for %s\n", spell(w.Watched))
	default:
		out.printf("  nobody answered for at most %s of %s, in %s; the longest took %s\n", spellShort(w.Away), spell(w.Watched), count(len(w.Gaps), "gap"), spellShort(w.Longest))
	}
	for i, g := range w.Gaps {
		if i == vigilShown {
			out.printf("  … and %s more; the JSON form has them all\n", count(len(w.Gaps)-i, "gap"))
			break
		}
		out.printf("  - %s; before %s, after %s%s\n", g.Span, cmp.Or(oneLine(g.Before, 60), "not known"), cmp.Or(oneLine(g.After, 60), "not known"), prefixed(": ", oneLine(g.Why, 160)))
	}
	for i, t := range w.Turns {
		if i == vigilShown {
			out.printf("  … and %s more\n", count(len(w.Turns)-i, "change"))
			break
		}
		out.printf("  %s answers from %s\n", oneLine(t.Who, 80), stamp(t.At))
	}
	for _, s := range w.Blind {
		out.printf("  not watched, for no run went on: %s\n", s)
	}
	if w.Many {
		out.printf("  there were more changes than are kept; the time is counted to the end\n")
	}
}

const vigilShown = 20

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
