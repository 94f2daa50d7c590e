package upgrade_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

// buffer is written by the terminal and read by the test.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

var (
	confirm = upgrade.Question{Kind: upgrade.AskConfirm, Step: "sure", Ref: "3", Text: "Is all traffic drained?", Options: []string{"yes", "no"}, Seen: "12 sessions"}
	value   = upgrade.Question{Kind: upgrade.AskValue, Step: "read", Text: "Type it as it is shown.", On: "sps1", Where: "Basic Settings > High Availability", Row: "Other node", Label: "Status"}
	press   = upgrade.Question{Kind: upgrade.AskPress, Step: "activate", Options: []string{upgrade.AnswerDone, upgrade.AnswerNotDone}, Instruction: &upgrade.Instruction{
		On: "sps1", Where: "Basic Settings > High Availability", Row: "Other node", Button: "Activate Slave", Dialog: "Are you sure?", Expect: "the nodes swap",
		Set: []upgrade.Field{{Label: "Reason", Value: "upgrade"}, {Label: "Password", Value: "the admin password", Secret: true}}}}
	again = upgrade.Question{Kind: upgrade.AskLook, Step: "read", Text: "Say when it is time to look again."}
)

// Over a pipe: the name once, then an answer a question, in plain lines.
func TestTerminalOverAPipe(t *testing.T) {
	var out buffer
	op := upgrade.Terminal(strings.NewReader("Anna\nYES\n  HA degraded \r\ndone\n\nno"), &out)
	for i, tt := range []struct {
		q    upgrade.Question
		want string
	}{{confirm, "yes"}, {value, "HA degraded"}, {press, "done"}, {again, ""}, {confirm, "no"}} {
		a, err := op.Ask(t.Context(), tt.q)
		if err != nil || a.Text != tt.want || a.By != "Anna" {
			t.Fatalf("question %d: %+v, %v", i, a, err)
		}
	}
	want := `Your name, for the report: 
sure (guide: 3)
  seen:   12 sessions
  Is all traffic drained?
  [yes / no]: 
read
  Type it as it is shown.
  on:     sps1
  page:   Basic Settings > High Availability
  row:    Other node
  read:   Status
  Value: 
activate
  on:     sps1
  page:   Basic Settings > High Availability
  row:    Other node
  set:    Reason = upgrade
  set:    Password = (the admin password, a secret)
  press:  Activate Slave
  dialog: Are you sure?
  expect: the nodes swap
  [done / not done]: 
read
  Say when it is time to look again.
  Press Enter to look again: 
sure (guide: 3)
  seen:   12 sessions
  Is all traffic drained?
  [yes / no]: `
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("said (-want +got):\n%s", d)
	}
}

// The end of the input is no answer, now and for ever.
func TestTerminalAtTheEndOfItsInput(t *testing.T) {
	for in, q := range map[string]upgrade.Question{"": again, "Anna\n": confirm, "Anna": value, "Anna\nmaybe\n": confirm} {
		op := upgrade.Terminal(strings.NewReader(in), io.Discard)
		for range 3 {
			if a, err := op.Ask(t.Context(), q); !errors.Is(err, upgrade.ErrNoAnswer) {
				t.Errorf("%q: %+v, %v", in, a, err)
			}
		}
	}
	op := upgrade.Terminal(iotest.ErrReader(errLost), io.Discard)
	if _, err := op.Ask(t.Context(), again); !errors.Is(err, upgrade.ErrNoAnswer) || !errors.Is(err, errLost) {
		t.Errorf("a broken input: %v", err)
	}
	op = upgrade.Terminal(strings.NewReader("Anna\nyes\n"), brokenPipe{})
	if _, err := op.Ask(t.Context(), confirm); !errors.Is(err, upgrade.ErrNoAnswer) {
		t.Errorf("a broken output: %v", err)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// A wrong answer is asked again.
func TestTerminalWrongAnswersAreAskedAgain(t *testing.T) {
	var out buffer
	op := upgrade.Terminal(strings.NewReader("\nmaybe\n\nye\x1b[2Js\nno\n"), &out)
	a, err := op.Ask(t.Context(), confirm)
	if err != nil || a.Text != "no" || a.By != "somebody at the terminal" {
		t.Fatalf("%+v, %v", a, err)
	}
	wantText(t, out.String(), `"maybe" is no answer; these are: yes, no`, "Please answer.", `"ye [2Js" is no answer`)
}

// A line without end is no answer, and does not fill the memory; the next one is.
func TestTerminalLongLines(t *testing.T) {
	var out buffer
	long := strings.Repeat("x", 1<<20)
	op := upgrade.Terminal(strings.NewReader(long+"\n"+long+"\nfine\n"+long), &out)
	a, err := op.Ask(t.Context(), value)
	if err != nil || a.Text != "fine" || a.By != "somebody at the terminal" {
		t.Fatalf("%.40q, %v", a.Text, err)
	}
	wantText(t, out.String(), "That line is too long.")
	if a, err = op.Ask(t.Context(), value); !errors.Is(err, upgrade.ErrNoAnswer) {
		t.Errorf("a long line at the end: %.40q, %v", a.Text, err)
	}
}

// What an appliance says cannot play with the terminal.
func TestTerminalShowsNothingThatActs(t *testing.T) {
	var out buffer
	evil := "harmless\x1b]0;owned\x07\u202egnp.exe\r\x9b2J"
	q := upgrade.Question{Kind: upgrade.AskConfirm, Step: "s", Text: evil + "\nsecond line", Options: []string{"yes"}, Seen: evil}
	v := upgrade.Question{Kind: upgrade.AskValue, Step: "s", Text: evil, Where: evil, Label: evil}
	p := upgrade.Question{Kind: upgrade.AskPress, Step: "s", Options: []string{"done"}, Instruction: &upgrade.Instruction{Where: evil, Set: []upgrade.Field{{Label: evil, Value: evil}}, Expect: evil}}
	op := upgrade.Terminal(strings.NewReader("A\nyes\nv\ndone\n"), &out)
	for _, q := range []upgrade.Question{q, v, p} {
		if _, err := op.Ask(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if i := strings.IndexFunc(out.String(), func(r rune) bool { return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == 0x202e }); i >= 0 {
		t.Errorf("wrote %q", out.String()[i:])
	}
	wantText(t, out.String(), "  second line\n")
}

// A question ends with its context; what is typed for it afterwards answers nothing, and a question asked meanwhile is answered by it.
func TestTerminalEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, typed := io.Pipe()
		defer typed.Close()
		because := errors.New("called off")
		op := upgrade.Terminal(in, io.Discard)
		ask := func(ctx context.Context) chan upgrade.Answer {
			done := make(chan upgrade.Answer, 1)
			go func() {
				a, err := op.Ask(ctx, confirm)
				if err != nil && !errors.Is(err, because) {
					t.Error(err)
				}
				done <- a
			}()
			synctest.Wait()
			return done
		}
		first := ask(t.Context())
		io.WriteString(typed, "Anna\nyes\n")
		if a := <-first; a.Text != "yes" {
			t.Fatalf("answered %+v", a)
		}

		ctx, cancel := context.WithCancelCause(t.Context())
		abandoned := ask(ctx)
		cancel(because)
		if a := <-abandoned; a.Text != "" {
			t.Errorf("answered %+v", a)
		}
		io.WriteString(typed, "yes\n") // for the question that is gone
		synctest.Wait()
		next := ask(t.Context())
		select {
		case a := <-next:
			t.Errorf("answered %+v with what was typed before it was asked", a)
		default:
		}
		io.WriteString(typed, "no\n")
		if a := <-next; a.Text != "no" {
			t.Errorf("answered %+v", a)
		}

		ctx, cancel = context.WithCancelCause(t.Context())
		abandoned = ask(ctx)
		cancel(because)
		<-abandoned
		next = ask(t.Context()) // in its place, before anything was typed
		io.WriteString(typed, "no\n")
		if a := <-next; a.Text != "no" {
			t.Errorf("answered %+v", a)
		}

		if _, err := op.Ask(ctx, confirm); !errors.Is(err, because) {
			t.Errorf("asked after its context had ended: %v", err)
		}
	})
}

// Several questions at once are asked one after another.
func TestTerminalAsksOneQuestionAtATime(t *testing.T) {
	var out buffer
	op := upgrade.Terminal(strings.NewReader("Anna\n"+strings.Repeat("yes\n", 20)), &out)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if a, err := op.Ask(t.Context(), confirm); err != nil || a.Text != "yes" {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
	wg.Wait()
	if n := strings.Count(out.String(), "drained?\n  [yes / no]: "); n != 20 {
		t.Errorf("%d questions stand together with their prompts:\n%s", n, out.String())
	}
}

// With Consents in front, only what nobody consented to is asked.
func TestTerminalBehindConsents(t *testing.T) {
	var out buffer
	c := &upgrade.Consents{Given: []upgrade.Consent{{Step: "sure", Question: confirm.Hash(), Answer: "yes", By: "Anna"}}, Or: upgrade.Terminal(strings.NewReader("Bob\nHA\n"), &out)}
	a, err := c.Ask(t.Context(), confirm)
	if err != nil || a.By != "Anna (beforehand)" || out.String() != "" {
		t.Errorf("%+v, %v; said %q", a, err, out.String())
	}
	a, err = c.Ask(t.Context(), value)
	if err != nil || a.Text != "HA" || a.By != "Bob" {
		t.Errorf("%+v, %v", a, err)
	}
}

// FuzzTerminal: whatever is typed, an answer is one of the options, and the terminal comes to its end.
func FuzzTerminal(f *testing.F) {
	f.Add("Anna\nyes\n")
	f.Add("\n\n\nNO")
	f.Add("Anna\r\nmaybe\x00\r\nyes\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		op := upgrade.Terminal(iotest.OneByteReader(strings.NewReader(in)), io.Discard)
		for {
			a, err := op.Ask(t.Context(), confirm)
			if err != nil {
				if !errors.Is(err, upgrade.ErrNoAnswer) {
					t.Errorf("ended with %v", err)
				}
				return
			}
			if a.Text != "yes" && a.Text != "no" || a.By == "" {
				t.Errorf("answered %+v", a)
			}
		}
	})
}

func TestTerminalPassesTheSuite(t *testing.T) {
	upgradetest.TestOperator(t, func(t *testing.T, answers ...string) upgrade.Operator {
		in, typed := io.Pipe()
		t.Cleanup(func() { typed.Close() })
		go func() {
			io.WriteString(typed, "Anna\n")
			for _, a := range answers {
				io.WriteString(typed, a+"\n")
			}
		}()
		return upgrade.Terminal(in, io.Discard)
	})
}

func TestConsentsPassTheSuite(t *testing.T) {
	upgradetest.TestOperator(t, func(t *testing.T, answers ...string) upgrade.Operator {
		return &upgrade.Consents{Or: script(answers)}
	})
}

// script gives answers in order, and then none until the context ends.
func script(answers []string) upgrade.Operator {
	next := make(chan string, len(answers))
	for _, a := range answers {
		next <- a
	}
	return upgrade.OperatorFunc(func(ctx context.Context, _ upgrade.Question) (upgrade.Answer, error) {
		select {
		case a := <-next:
			return upgrade.Answer{Text: a, By: "script"}, nil
		case <-ctx.Done():
			return upgrade.Answer{}, context.Cause(ctx)
		}
	})
}
