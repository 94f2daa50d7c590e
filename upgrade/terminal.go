package upgrade

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxTyped bounds one line that a person types.
const maxTyped = 64 << 10

// terminal asks at a terminal.
type terminal struct {
	out  io.Writer
	turn chan struct{} // one question at a time; held by who reads or changes what is below

	in    *bufio.Reader
	typed chan typed // the line that is being read; nil when nobody reads
	name  string
}

type typed struct {
	line string
	err  error
}

// Terminal returns an Operator that asks in plain lines on out and reads answers from in: a terminal, a session over SSH, a
// pipe. It asks once for the person's name, which the report shows. At the end of in it says [ErrNoAnswer]; a line of more than
// 64 KiB is no answer.
//
// A line is read only when a question waits for one. A question ends with its context; the line that was then still to come
// belongs to it, and answers no later question unless that is asked before the line is typed. The goroutine that reads it ends
// with the line, or with in.
func Terminal(in io.Reader, out io.Writer) Operator {
	return &terminal{in: bufio.NewReader(in), out: out, turn: make(chan struct{}, 1)}
}

func (t *terminal) Ask(ctx context.Context, q Question) (Answer, error) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return Answer{}, context.Cause(ctx)
	}
	if err := context.Cause(ctx); err != nil {
		return Answer{}, err
	}
	t.dropStale()
	if t.name == "" && q.Kind != AskLook {
		name, err := t.line(ctx, "Your name, for the report: ")
		if err != nil && !errors.Is(err, errLineTooLong) {
			return Answer{}, err
		}
		t.name = cmp.Or(oneLine(name, 100), "somebody at the terminal")
	}
	if _, err := io.WriteString(t.out, t.text(q)); err != nil {
		return Answer{}, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	for {
		a, err := t.line(ctx, prompt(q))
		if errors.Is(err, errLineTooLong) {
			fmt.Fprintf(t.out, "  That line is too long.\n")
			continue
		}
		if err != nil {
			return Answer{}, err
		}
		a = strings.TrimSpace(a)
		switch match, ok := choose(q, a); {
		case ok:
			return Answer{Text: match, By: t.name}, nil
		case a == "":
			fmt.Fprintf(t.out, "  Please answer.\n")
		default:
			fmt.Fprintf(t.out, "  %q is no answer; these are: %s\n", oneLine(a, 80), strings.Join(q.Options, ", "))
		}
	}
}

// dropStale forgets a line that was typed after its question had ended.
func (t *terminal) dropStale() {
	select {
	case l := <-t.typed:
		t.typed = nil
		if l.err != nil && !errors.Is(l.err, errLineTooLong) { // the end of the input is not a line, and stays
			t.typed = make(chan typed, 1)
			t.typed <- l
		}
	default:
	}
}

// line prompts and waits for a line. Where an earlier question still waits for one, this question takes its place.
func (t *terminal) line(ctx context.Context, prompt string) (string, error) {
	if _, err := io.WriteString(t.out, prompt); err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	if t.typed == nil {
		t.typed = make(chan typed, 1)
		go t.read(t.typed)
	}
	select {
	case l := <-t.typed:
		t.typed = nil
		switch {
		case l.err == nil, errors.Is(l.err, errLineTooLong):
			return l.line, l.err
		case l.err == io.EOF:
			return "", fmt.Errorf("%w: the input ended", ErrNoAnswer)
		}
		return "", fmt.Errorf("%w: %w", ErrNoAnswer, l.err)
	case <-ctx.Done():
		fmt.Fprintln(t.out)
		return "", context.Cause(ctx)
	}
}

// read reads one line. A last line without an end counts.
func (t *terminal) read(to chan<- typed) {
	l, err := readLine(t.in, maxTyped)
	if err == io.EOF && len(l) > 0 {
		err = nil
	}
	to <- typed{string(l), err}
}

// choose finds the answer that was meant. An empty line is an answer only to "look again".
func choose(q Question, a string) (string, bool) {
	switch {
	case q.Kind == AskLook:
		return a, true
	case a == "":
		return "", false
	case len(q.Options) == 0:
		return a, true
	}
	i := slices.IndexFunc(q.Options, func(o string) bool { return strings.EqualFold(o, a) })
	if i < 0 {
		return "", false
	}
	return q.Options[i], true
}

func prompt(q Question) string {
	switch {
	case q.Kind == AskLook:
		return "  Press Enter to look again: "
	case len(q.Options) > 0:
		return "  [" + strings.Join(q.Options, " / ") + "]: "
	}
	return "  Value: "
}

func (t *terminal) text(q Question) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s", q.Step)
	if q.Ref != "" {
		fmt.Fprintf(&b, " (guide: %s)", q.Ref)
	}
	b.WriteString("\n")
	if q.Seen != "" {
		fmt.Fprintf(&b, "  seen:   %s\n", oneLine(q.Seen, 400))
	}
	switch {
	case q.Instruction != nil:
		b.WriteString(q.Instruction.String())
	case q.Kind == AskValue:
		if q.Text != "" {
			fmt.Fprintf(&b, "  %s\n", printable(q.Text))
		}
		lines(&b, "on", q.On)
		lines(&b, "page", q.Where)
		lines(&b, "row", q.Row)
		lines(&b, "read", q.Label)
	default:
		for l := range strings.Lines(q.Text) {
			fmt.Fprintf(&b, "  %s\n", strings.TrimRight(printable(l), " "))
		}
	}
	return b.String()
}

// String returns the instruction as indented lines, as [Terminal] shows it.
func (i *Instruction) String() string {
	var b strings.Builder
	lines(&b, "on", i.On)
	lines(&b, "page", i.Where)
	lines(&b, "row", i.Row)
	for _, f := range i.Set {
		v := f.Value
		if f.Secret {
			v = "(" + v + ", a secret)"
		}
		lines(&b, "set", f.Label+" = "+v)
	}
	lines(&b, "press", i.Button)
	lines(&b, "dialog", i.Dialog)
	lines(&b, "expect", i.Expect)
	return b.String()
}

func lines(b *strings.Builder, label, value string) {
	if value != "" {
		fmt.Fprintf(b, "  %-7s %s\n", label+":", strings.TrimSpace(printable(value)))
	}
}
