package upgrade

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"path"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// String returns the report as text for people.
func (r *Report) String() string {
	var b bytes.Buffer
	r.WriteText(&b) // a buffer never fails
	return b.String()
}

// WriteText writes the report as text for people: the outcome first, then what to do next, then every step with the
// guide's number, then what is owed, how long the site was held, and who answered what.
func (r *Report) WriteText(w io.Writer) error {
	out := &textWriter{w: w}
	out.printf("%s: %s\n", r.Procedure, cmp.Or(map[bool]string{true: "dry run, "}[r.DryRun], "")+r.Outcome.String())
	if r.Source != "" {
		out.printf("after: %s\n", r.Source)
	}
	if r.Err != "" {
		out.printf("why: %s\n", oneLine(strings.TrimPrefix(r.Err, "upgrade: "), 2000))
	}
	out.printf("next: %s\n\n", r.Next)

	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(tw, "GUIDE\tSTEP\tSTATUS\tBY\tTOOK\tSEEN\n")
	for _, s := range r.Steps {
		took := ""
		if d := s.Took(); d > 0 {
			took = spell(d)
		}
		seen := s.Detail
		if s.Said != "" && s.Status != StatusDone {
			seen = strings.TrimSpace(seen + " - the act said: " + s.Said)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", s.Ref, s.Path, s.Status, s.By, took, oneLine(seen, 110))
	}
	tw.Flush()

	section(out, "Exposed", len(r.Exposed), func(i int) { out.printf("  %s\n", r.Exposed[i]) })
	for _, w := range r.Vigils {
		writeVigil(out, w)
	}
	pages := r.pages()
	section(out, "Pages as they were seen, in the artifacts", len(pages), func(i int) { out.printf("  %s\n", pages[i]) })
	section(out, "Temporary changes not put back", len(r.Owed), func(i int) {
		o := r.Owed[i]
		out.printf("  %s; before: %s%s\n", o.Path, cmp.Or(oneLine(string(o.Before), 200), "not known"), prefixed("; ", oneLine(o.Detail, 400)))
	})
	section(out, "Held", len(r.Holds), func(i int) {
		h := r.Holds[i]
		if h.Until.IsZero() {
			out.printf("  %s: since %s, still%s\n", h.Path, stamp(h.Since), prefixed(": ", h.Soon))
			return
		}
		out.printf("  %s: %s, from %s to %s%s\n", h.Path, spell(h.Until.Sub(h.Since)), stamp(h.Since), stamp(h.Until), prefixed(": ", h.Soon))
	})
	answers, read := r.judgements()
	section(out, "Answers", len(answers), func(i int) {
		a := answers[i]
		out.printf("  %s  %s: %s - %q%s\n", stamp(a.At), a.Step, cmp.Or(oneLine(a.Question, 110), string(a.Kind)), a.Answer, prefixed(", ", oneLine(a.By, 120)))
	})
	if read > 0 {
		out.printf("  and %d values that a person read from pages; the JSON form has them all\n", read)
	}
	section(out, "Changes of the procedure between runs", len(r.Changes), func(i int) { out.printf("  %s\n", r.Changes[i]) })
	section(out, "Runs", len(r.Runs), func(i int) {
		run := r.Runs[i]
		if run.Ended.IsZero() {
			out.printf("  %d: from %s, without an end\n", run.N, stamp(run.Began))
			return
		}
		out.printf("  %d: from %s, %s: %s\n", run.N, stamp(run.Began), spell(run.Ended.Sub(run.Began)), run.Outcome)
	})
	return out.err
}

// pages returns one line for each moment of which artifacts were kept. Those that differ in their ending only are one moment.
func (r *Report) pages() (lines []string) {
	list := func(whose string, k Kept) {
		for i := 0; i < len(k.Artifacts); {
			name := k.Artifacts[i]
			stem := strings.TrimSuffix(name, path.Ext(name))
			line := whose + ": " + name
			for i++; i < len(k.Artifacts) && strings.TrimSuffix(k.Artifacts[i], path.Ext(k.Artifacts[i])) == stem; i++ {
				line += ", " + path.Ext(k.Artifacts[i])
			}
			lines = append(lines, oneLine(line, 400))
		}
		if k.NotKept != "" {
			lines = append(lines, whose+": could not be stored: "+oneLine(k.NotKept, 200))
		}
	}
	for _, s := range r.Steps {
		list(s.Path, s.Kept)
	}
	for _, g := range r.Guards {
		list(guardPath(g.Name), g.Kept)
	}
	return lines
}

func section(out *textWriter, title string, n int, line func(int)) {
	if n == 0 {
		return
	}
	out.printf("\n%s:\n", title)
	for i := range n {
		line(i)
	}
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// stamp shows the offset and not the zone's name, which another machine may not know.
func stamp(t time.Time) string { return t.Format("2006-01-02 15:04:05 -07:00") }

// oneLine makes s fit a table: one line, at most n runes, nothing that could play with a terminal.
func oneLine(s string, n int) string {
	s = strings.Join(strings.Fields(printable(s)), " ")
	if runes := []rune(s); len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return s
}

// printable puts a space for every rune that shows nothing but may do something: control characters, line ends, changes of
// direction.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
}

// textWriter keeps the first error, so that writing reads like writing.
type textWriter struct {
	w   io.Writer
	err error
}

func (t *textWriter) Write(p []byte) (int, error) {
	if t.err != nil {
		return 0, t.err
	}
	n, err := t.w.Write(p)
	t.err = err
	return n, err
}

func (t *textWriter) printf(format string, args ...any) { fmt.Fprintf(t, format, args...) }

// judgements are the answers that somebody is responsible for; read counts the values that were only read from a page.
func (r *Report) judgements() (answers []Answered, read int) {
	for _, a := range r.Answers {
		if a.Kind == AskValue {
			read++
			continue
		}
		answers = append(answers, a)
	}
	return answers, read
}
