package site

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/changeover-sdk/changeover/internal/browser"
	"github.com/changeover-sdk/changeover/internal/browser/axtree"
)

// Report is what a probe found: whether the table of labels fits this appliance.
type Report struct {
	Product string       `json:"product"`
	Table   string       `json:"table"` // which versions' table was used
	Site    string       `json:"site"`
	Version string       `json:"version,omitempty"` // of the appliance, as a page shows it
	At      time.Time    `json:"at"`                // by this machine's clock
	Pages   []PageReport `json:"pages"`
}

// PageReport is one page of the table.
type PageReport struct {
	Page     string        `json:"page"`               // its key in the table
	Optional bool          `json:"optional,omitempty"` // not every appliance, nor every state of one, has it
	Headings []string      `json:"headings,omitempty"` // what the page is headed
	Shot     string        `json:"shot,omitempty"`     // the name of its Evidence
	Problem  string        `json:"problem,omitempty"`  // why it could not be opened; then there are no labels
	Labels   []LabelReport `json:"labels,omitempty"`
}

// LabelReport is one label on a page.
type LabelReport struct {
	Label    string   `json:"label"` // its key in the table
	Text     string   `json:"text"`  // its wordings
	Finding  Finding  `json:"finding"`
	Optional bool     `json:"optional,omitempty"` // not every appliance, nor every state of one, has it
	Value    string   `json:"value,omitempty"`    // of a value
	Seen     []string `json:"seen,omitempty"`     // what was there instead, or every place that fits
}

// Finding is what a probe says of a label.
type Finding string

// Findings.
const (
	Found    Finding = "found"    // once: a driver can use it
	Missing  Finding = "missing"  // a driver would refuse
	Double   Finding = "double"   // a driver would refuse
	Disabled Finding = "disabled" // there, but it cannot be pressed in this state
	InRows   Finding = "in rows"  // once in each of several rows; a driver names the row
	Depends  Finding = "depends"  // its words depend on what the appliance holds; a probe does not look for it
)

// OK reports whether every page was there and every label that is not optional.
func (r Report) OK() bool { return len(r.Problems()) == 0 }

// Problems lists what a driver would stumble over, a line each.
func (r Report) Problems() (list []string) {
	for _, p := range r.Pages {
		if p.Problem != "" && !p.Optional {
			list = append(list, p.Page+": "+p.Problem)
		}
		for _, l := range p.Labels {
			if l.Finding == Double || l.Finding == Missing && !l.Optional {
				list = append(list, fmt.Sprintf("%s: %s: %s is %s", p.Page, l.Label, l.Text, l.Finding))
			}
		}
	}
	return list
}

// String is the report as a table for people.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s at %s, %s\n", r.Product, r.Site, r.At.UTC().Format(time.DateTime))
	fmt.Fprintf(&b, "the appliance says that it has version %s; looked for with the table for %s\n", cmp.Or(r.Version, "(nothing)"), r.Table)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, p := range r.Pages {
		fmt.Fprintf(w, "\n%s\t%s\t%s\n", p.Page, strings.Join(p.Headings, " | "), p.Problem)
		for _, l := range p.Labels {
			note := l.Value
			if l.Finding == Missing && l.Optional {
				note = "(not on every appliance)"
			}
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", l.Finding, short(l.Text), note, l.Label)
			if len(l.Seen) > 0 && l.Finding != Found && !(l.Finding == Missing && l.Optional) {
				fmt.Fprintf(w, "  \tthere:\t%s\n", strings.Join(l.Seen[:min(len(l.Seen), 8)], ", "))
			}
		}
	}
	w.Flush()
	return b.String()
}

// short is a text that leaves room for others in a table.
func short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return s
}

// Probe signs in, visits every page of the table and looks for every label. It presses nothing but the menu and the sign-in. The error is ctx's
// own, or the first one when no page at all could be opened: what is wrong with single pages is in the report.
func (s *Site) Probe(ctx context.Context) (Report, error) {
	r := Report{Product: s.table.Product, Table: s.table.name(), Site: s.cfg.Site.Host, At: time.Now()}
	var first error
	opened := false
	for _, key := range slices.Sorted(maps.Keys(s.table.Pages)) {
		if key == signIn || s.table.Pages[key].Sub {
			continue
		}
		p := PageReport{Page: key, Optional: s.table.Pages[key].Optional}
		err := s.Visit(ctx, key, func(v *Visit) error {
			p.Shot = s.see(ctx, browser.Visited, key, "", nil)
			return v.Read(func(r *Reading) error {
				p.Headings, p.Labels = r.now.Headings(), s.table.probe(key, r)
				p.hide(s.p.Hide)
				return nil
			})
		})
		if ctx.Err() != nil {
			return r, err
		}
		if err != nil {
			p.Problem = err.Error()
			if first == nil {
				first = err
			}
		} else {
			opened = true
		}
		r.Pages = append(r.Pages, p)
		for _, l := range p.Labels {
			if l.Label == s.table.Version && l.Finding == Found {
				r.Version = l.Value
			}
		}
	}
	if !opened {
		return r, first
	}
	return r, nil
}

// probe looks for every label of a page.
func (t *Table) probe(page string, r *Reading) (list []LabelReport) {
	for _, key := range slices.Sorted(maps.Keys(t.Labels)) {
		l := t.Labels[key]
		if l.Page != page {
			continue
		}
		out := LabelReport{Label: key, Text: axtree.Label(l.Text).String(), Optional: l.Optional, Finding: Found}
		q, _, err := t.query(key, nil)
		switch {
		case slices.ContainsFunc(q.Label, open):
			out.Finding = Depends
		case err != nil && q.Kind == axtree.Value:
			_, err := r.now.Value(q.Label)
			if out.note(err); out.Finding == Double {
				out.Finding, out.Seen = InRows, nil
			}
		case err != nil: // it is in a row that only a driver knows
			q.Within = nil
			_, err := r.now.Find(q)
			if out.note(err); out.Finding == Double {
				out.Finding, out.Seen = InRows, nil
			}
		case q.Kind == "table":
			if _, err := r.now.Rows(q.Label, q.Within...); err != nil {
				out.note(err)
			}
		case q.Kind == axtree.Value:
			v, err := r.now.Value(q.Label, q.Within...)
			if out.Value = v; l.Secret && v != "" {
				out.Value = "(secret)"
			}
			out.note(err)
		default:
			_, err := r.now.Find(q)
			out.note(err)
		}
		r.log = append(r.log, fmt.Sprint(out))
		list = append(list, out)
	}
	return list
}

// hide takes secrets out of what the page said.
func (p *PageReport) hide(text func(string) string) {
	for i, h := range p.Headings {
		p.Headings[i] = text(h)
	}
	for i := range p.Labels {
		l := &p.Labels[i]
		l.Value = text(l.Value)
		for j, s := range l.Seen {
			l.Seen[j] = text(s)
		}
	}
}

func (l *LabelReport) note(err error) {
	f, ok := errors.AsType[*axtree.FindError](err)
	if !ok {
		return
	}
	l.Finding = map[axtree.Miss]Finding{axtree.None: Missing, axtree.Several: Double, axtree.Off: Disabled}[f.Miss]
	l.Seen = f.Seen
	if f.Detail != "" {
		l.Seen = append([]string{f.Detail}, f.Seen...)
	}
}
