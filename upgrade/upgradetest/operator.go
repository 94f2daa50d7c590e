package upgradetest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/changeover-sdk/changeover/upgrade"
)

// TestOperator checks what an [upgrade.Operator] promises: the answers that were given, by whom, to several questions at once; and
// that a question ends with its context. open returns an operator with a person behind it who gives these answers, in order, and
// then no more; a person who is asked for his name by the operator itself is called as the operator likes.
func TestOperator(t *testing.T, open func(t *testing.T, answers ...string) upgrade.Operator) {
	confirm := upgrade.Question{Kind: upgrade.AskConfirm, Step: "g/sure", Ref: "3", Text: "Sure?\nReally?", Options: []string{"yes", "no"}}
	press := upgrade.Question{Kind: upgrade.AskPress, Step: "press", Options: []string{upgrade.AnswerDone, upgrade.AnswerNotDone},
		Instruction: &upgrade.Instruction{On: "sps1", Where: "Basic Settings > System", Row: "r", Set: []upgrade.Field{{Label: "l", Value: "v"}}, Button: "Reboot", Dialog: "Sure?", Expect: "it boots"}}
	value := upgrade.Question{Kind: upgrade.AskValue, Step: "read", On: "sps1", Where: "HA", Row: "Other node", Label: "Status", Seen: "it booted"}
	decide := upgrade.Question{Kind: upgrade.AskDecide, Step: "act", Text: "Was it done?", Options: []string{upgrade.AnswerDone, upgrade.AnswerAgain, upgrade.AnswerStop}}

	t.Run("what was answered comes back, with who answered", func(t *testing.T) {
		op := open(t, "no", "not done", "HA degraded, 3 of 4", "again")
		for _, tt := range []struct {
			q    upgrade.Question
			want string
		}{{confirm, "no"}, {press, "not done"}, {value, "HA degraded, 3 of 4"}, {decide, "again"}} {
			a, err := op.Ask(t.Context(), tt.q)
			if err != nil || a.Text != tt.want || a.By == "" {
				t.Errorf("to %s: %+v, %v; want %q", tt.q.Kind, a, err, tt.want)
			}
		}
	})

	t.Run("several may ask at the same time", func(t *testing.T) {
		op := open(t, "yes", "yes", "yes", "yes", "yes")
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if a, err := op.Ask(t.Context(), confirm); err != nil || a.Text != "yes" {
					t.Errorf("%+v, %v", a, err)
				}
			})
		}
		wg.Wait()
	})

	t.Run("a question ends with its context", func(t *testing.T) {
		because := errors.New("called off")
		op := open(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan error, 2)
		for range 2 { // the second may have to wait for the first
			go func() {
				_, err := op.Ask(ctx, confirm)
				ended <- err
			}()
		}
		cancel(because)
		for range 2 {
			// An operator whose person is known to be gone may say so instead.
			if err := <-ended; !errors.Is(err, because) && !errors.Is(err, context.Canceled) && !errors.Is(err, upgrade.ErrNoAnswer) {
				t.Errorf("ended with %v, want the context's cause", err)
			}
		}
	})

	t.Run("a run is carried out with it", func(t *testing.T) {
		op := open(t, "yes", "done")
		pressed := false
		p := upgrade.Procedure{Name: "p", Steps: []upgrade.Step{
			upgrade.Confirm("sure", "Sure?"),
			{Name: "press", Ask: func(*upgrade.Mark) *upgrade.Instruction { pressed = true; return press.Instruction }},
		}}
		rep, err := upgrade.Run(t.Context(), p, &upgrade.Options{Journal: upgrade.NoJournal(), Operator: op})
		if err != nil || !pressed || len(rep.Answers) != 2 || rep.Answers[0].By == "" {
			t.Errorf("Run = %v, %v", rep, err)
		}
	})
}
