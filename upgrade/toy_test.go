package upgrade_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
)

// toy is an appliance with a few switches, each of which takes a while to turn. It counts every press: the oracle of "no act twice".
type toy struct {
	mu      sync.Mutex
	takes   time.Duration
	at      map[string]time.Time // when pressed
	presses map[string]int
	values  map[string]string
}

func newToy(takes time.Duration) *toy {
	return &toy{takes: takes, at: map[string]time.Time{}, presses: map[string]int{}, values: map[string]string{}}
}

func (b *toy) press(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at[name] = time.Now()
	b.presses[name]++
}

func (b *toy) state(name string) (pressed bool, since time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, ok := b.at[name]
	return ok, time.Since(t)
}

func (b *toy) look(name string) func(context.Context, upgrade.Look) (upgrade.Observation, error) {
	return func(context.Context, upgrade.Look) (upgrade.Observation, error) {
		switch pressed, since := b.state(name); {
		case !pressed:
			return upgrade.See(upgrade.Ready, map[string]bool{"on": false}, "%s is off", name), nil
		case since < b.takes:
			return upgrade.See(upgrade.Pending, nil, "%s turns, %s so far", name, since), nil
		}
		return upgrade.See(upgrade.Done, map[string]bool{"on": true}, "%s is on", name), nil
	}
}

// step turns one switch.
func (b *toy) step(name string) upgrade.Step {
	return upgrade.Step{
		Name: name, On: []string{"toy"}, Observe: b.look(name),
		Act: func(context.Context, *slog.Logger) error { b.press(name); return nil },
	}
}

// byHand turns one switch by a person.
func (b *toy) byHand(name string) upgrade.Step {
	s := b.step(name)
	s.Act = nil
	s.Ask = func(*upgrade.Mark) *upgrade.Instruction {
		return &upgrade.Instruction{Where: "Toy > Switches", Row: name, Button: "On"}
	}
	return s
}

// person presses what an instruction says and answers values from the toy.
func (b *toy) person() upgrade.Operator {
	return upgrade.OperatorFunc(func(_ context.Context, q upgrade.Question) (upgrade.Answer, error) {
		switch q.Kind {
		case upgrade.AskPress:
			b.press(q.Instruction.Row)
			return upgrade.Answer{Text: upgrade.AnswerDone, By: "tester"}, nil
		case upgrade.AskConfirm:
			return upgrade.Answer{Text: q.Options[0], By: "tester"}, nil
		case upgrade.AskLook:
			return upgrade.Answer{Text: "now"}, nil
		}
		return upgrade.Answer{}, fmt.Errorf("%w to %s", upgrade.ErrNoAnswer, q.Kind)
	})
}

var errLost = errors.New("connection reset")
