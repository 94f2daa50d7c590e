package upgrade

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// maxLine bounds what a person may type.
const maxLine = 64 << 10

// terminal asks at a terminal.
type terminal struct {
	in  io.Reader
	out io.Writer

	turn  chan struct{} // one question at a time
	once  sync.Once
	lines chan string
	name  string
}

// Terminal returns an Operator that asks in plain lines on out and reads answers from in: a terminal, a session over SSH, a
// pipe. It asks once for the person's name, which the report shows. At the end of in it says [ErrNoAnswer].
//
// Reading goes on in one goroutine that ends with in. A question ends with its context; what is typed afterwards answers nothing.
func Terminal(in io.Reader, out io.Writer) Operator {
	return &terminal{in: in, out: out, turn: make(chan struct{}, 1), lines: make(chan string)}
}

func (t *terminal) Ask(ctx context.Context, q Question) (Answer, error) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return Answer{}, context.Cause(ctx)
	}
	t.once.Do(func() { go t.read() })
	if t.name == "" && q.Kind != AskLook {
		name, err := t.line(ctx, "Your name, for the report: ")
		if err != nil {
			return Answer{}, err
		}
		t.name = strings.TrimSpace(name)
		if t.name == "" {
			t.name = "somebody at the terminal"
		}
	}
	if _, err := io.WriteString(t.out, t.text(q)); err != nil {
		return Answer{}, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	for {
		a, err := t.line(ctx, prompt(q))
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
			fmt.Fprintf(t.out, "  %q is no answer; these are: %s\n", a, strings.Join(q.Options, ", "))
		}
	}
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
			fmt.Fprintf(&b, "  %s\n", q.Text)
		}
		lines(&b, "on", q.On)
		lines(&b, "page", q.Where)
		lines(&b, "row", q.Row)
		lines(&b, "read", q.Label)
	default:
		for l := range strings.Lines(q.Text) {
			fmt.Fprintf(&b, "  %s\n", strings.TrimRight(l, "\r\n"))
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
		fmt.Fprintf(b, "  %-7s %s\n", label+":", value)
	}
}

func (t *terminal) line(ctx context.Context, prompt string) (string, error) {
	if _, err := io.WriteString(t.out, prompt); err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	select {
	case l, ok := <-t.lines:
		if !ok {
			return "", fmt.Errorf("%w: the input ended", ErrNoAnswer)
		}
		return l, nil
	case <-ctx.Done():
		fmt.Fprintln(t.out)
		return "", context.Cause(ctx)
	}
}

// read hands lines over until the input ends. It owns lines.
func (t *terminal) read() {
	defer close(t.lines)
	in := bufio.NewReader(t.in)
	for {
		l, err := readLine(in)
		if err != nil {
			return
		}
		t.lines <- l
	}
}

// readLine is a ReadString that a stuck key cannot make endless. A last line without an end counts.
func readLine(in *bufio.Reader) (string, error) {
	var b strings.Builder
	for {
		c, err := in.ReadByte()
		switch {
		case err == io.EOF && b.Len() > 0, err == nil && c == '\n':
			return b.String(), nil
		case err != nil:
			return "", err
		case b.Len() >= maxLine:
			return "", errors.New("line too long")
		}
		b.WriteByte(c)
	}
}
