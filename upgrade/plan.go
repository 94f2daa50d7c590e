package upgrade

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// PlanData is a procedure as data: what a journal begins with and a report is made of.
type PlanData struct {
	Name   string     `json:"name"`
	Source string     `json:"source,omitempty"`
	Digest string     `json:"digest"` // SHA-256 over paths, references, inputs, appliances and group shapes
	Guards []string   `json:"guards,omitempty"`
	Asks   []string   `json:"asks,omitempty"` // the vigils
	Steps  []PlanStep `json:"steps"`          // groups and steps, in order
}

// A PlanStep is one line of a plan.
type PlanStep struct {
	Path     string            `json:"path"`
	Ref      string            `json:"ref,omitempty"`
	On       []string          `json:"on,omitempty"`
	With     map[string]string `json:"with,omitempty"`
	Who      Who               `json:"who"`
	Attended bool              `json:"attended,omitempty"` // a person is asked something
	Takes    time.Duration     `json:"takes_ns,omitempty"` // expected, in nanoseconds
	Outage   time.Duration     `json:"outage_ns,omitempty"`
	NoReturn bool              `json:"no_return,omitempty"`
	Whole    bool              `json:"whole,omitempty"`
	AtOnce   int               `json:"at_once,omitempty"`
	Restores bool              `json:"restores,omitempty"` // a temporary change, put back at the end of its group
	Soon     string            `json:"soon,omitempty"`     // a hold's reason to hurry
	Exposes  string            `json:"exposes,omitempty"`  // what is missing until the step Until is done
	Until    string            `json:"until,omitempty"`    // the path of the step that ends the effect
	Like     string            `json:"like,omitempty"`     // the path of the step whose measured time sets this one's
}

// Who carries a step out.
type Who string

// Who carries a step out.
const (
	WhoGroup   Who = "group"
	WhoCheck   Who = "check"             // nobody: it is looked at
	WhoMachine Who = "machine"           // an API, a page driver, a BMC
	WhoPerson  Who = "person"            // told what to press
	WhoEither  Who = "machine or person" // a person where the driver is not certain
	WhoHold    Who = "hold"
)

// Plan returns the procedure as data, or what is wrong with it. It looks at nothing.
func Plan(p Procedure) (*PlanData, error) {
	t, err := p.compile()
	if err != nil {
		return nil, err
	}
	return t.plan(), nil
}

func (t *tree) plan() *PlanData {
	d := &PlanData{Name: t.p.Name, Source: t.p.Source, Digest: t.digest}
	for _, g := range t.p.Guards {
		d.Guards = append(d.Guards, g.Name)
	}
	for _, w := range t.p.Vigils {
		d.Asks = append(d.Asks, w.Name)
	}
	t.root.each(func(n *node) {
		if n == t.root {
			return
		}
		until, like := "", ""
		if n.until != nil {
			until = n.until.path
		}
		if n.like != nil {
			like = n.like.path
		}
		d.Steps = append(d.Steps, PlanStep{
			Path: n.path, Ref: n.Ref, On: slices.Clone(n.On), With: maps.Clone(n.With), Who: n.who(), Attended: n.Attended,
			Takes: n.takes(), Outage: n.Outage, NoReturn: n.NoReturn, Whole: n.Whole, AtOnce: n.AtOnce,
			Restores: n.Restore != nil, Soon: n.soon, Exposes: n.Exposes, Until: until, Like: like,
		})
	})
	return d
}

func (s *Step) who() Who {
	switch {
	case s.group():
		return WhoGroup
	case s.hold:
		return WhoHold
	case s.Act != nil && s.Ask != nil:
		return WhoEither
	case s.Act != nil:
		return WhoMachine
	case s.Ask != nil:
		return WhoPerson
	}
	return WhoCheck
}

// Expected returns the sum of the steps' expected times and of their expected outages. Holds are not counted.
func (d *PlanData) Expected() (takes, outage time.Duration) {
	for _, s := range d.Steps {
		if !strings.Contains(s.Path, "/") {
			takes += s.Takes
		}
		outage += s.Outage
	}
	return takes, outage
}

// String returns the plan as a table: the guide's number, what is done, by whom, on what, expected time and outage, and
// the point of no return.
func (d *PlanData) String() string {
	var b bytes.Buffer
	d.write(&b)
	return b.String()
}

func (d *PlanData) write(w io.Writer) {
	fmt.Fprintf(w, "%s\n", d.Name)
	if d.Source != "" {
		fmt.Fprintf(w, "after: %s\n", d.Source)
	}
	takes, outage := d.Expected()
	fmt.Fprintf(w, "expected: %s in all, of which the site is away for %s\n", spell(takes), spell(outage))
	if len(d.Guards) > 0 {
		fmt.Fprintf(w, "looked at before every act: %s\n", strings.Join(d.Guards, ", "))
	}
	if len(d.Asks) > 0 {
		fmt.Fprintf(w, "asked all along, for the report: %s\n", strings.Join(d.Asks, ", "))
	}
	fmt.Fprintln(w)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "GUIDE\tSTEP\tWHO\tON\tTAKES\tOUTAGE\n")
	for _, s := range d.Steps {
		if s.NoReturn {
			fmt.Fprintf(tw, "\t%s-- point of no return --\t\t\t\t\n", indent(s.Path))
		}
		who := string(s.Who)
		if s.Attended && s.Who != WhoPerson {
			who += ", asks"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", s.Ref, s.label(), who, strings.Join(s.On, ", "), short(s.Takes), short(s.Outage))
	}
	tw.Flush()
	for _, s := range d.Steps {
		if s.Soon != "" {
			fmt.Fprintf(w, "\nHeld at %q: %s\n", s.Path, s.Soon)
		}
	}
	questions := slices.DeleteFunc(slices.Clone(d.Steps), func(s PlanStep) bool { return s.With[withQuestion] == "" })
	if len(questions) > 0 {
		fmt.Fprintf(w, "\nA person will be asked, where it applies:\n")
	}
	for _, s := range questions {
		fmt.Fprintf(w, "  %s: %s\n", s.Path[strings.LastIndex(s.Path, "/")+1:], s.With[withQuestion])
	}
}

func (s PlanStep) label() string {
	name := indent(s.Path) + s.Path[strings.LastIndex(s.Path, "/")+1:]
	var notes []string
	for _, k := range slices.Sorted(maps.Keys(s.With)) {
		v := s.With[k]
		switch {
		case k == withQuestion:
			continue // below the table
		case len(v) == 64:
			v = v[:12] + "…" // a hash: enough to compare by eye
		}
		notes = append(notes, k+" "+oneLine(v, 60))
	}
	if s.Whole {
		notes = append(notes, "not left half-way")
	}
	if s.AtOnce > 1 {
		notes = append(notes, fmt.Sprintf("%d at once", s.AtOnce))
	}
	if s.Restores {
		notes = append(notes, "put back at the end")
	}
	if s.Exposes != "" {
		notes = append(notes, s.Exposes+" until "+s.Until)
	}
	if s.Like != "" {
		notes = append(notes, "as long as on the first one, when that is measured")
	}
	if len(notes) == 0 {
		return name
	}
	return name + " (" + strings.Join(notes, ", ") + ")"
}

func indent(path string) string { return strings.Repeat("  ", strings.Count(path, "/")) }

func short(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return spell(d)
}

// spell writes a duration as people say it: "1h 20m", "12m", "40s", "3d 2h".
func spell(d time.Duration) string {
	day := 24 * time.Hour
	switch {
	case d >= day:
		return trimZero(fmt.Sprintf("%dd %dh", d/day, d%day/time.Hour))
	case d >= time.Hour:
		return trimZero(fmt.Sprintf("%dh %dm", d/time.Hour, d%time.Hour/time.Minute))
	case d >= time.Minute:
		return trimZero(fmt.Sprintf("%dm %ds", d/time.Minute, d%time.Minute/time.Second))
	case d >= time.Second || d == 0:
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return d.Round(time.Millisecond).String()
}

func trimZero(s string) string {
	first, rest, _ := strings.Cut(s, " ")
	if strings.HasPrefix(rest, "0") {
		return first
	}
	return cmp.Or(s, first)
}
