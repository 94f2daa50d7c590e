package upgrade_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
)

// box is an appliance with switches, each of which takes a while to turn, and settings. A toy is one; so is a toy in another process.
type box interface {
	press(name string) error
	state(name string) (shown bool, since time.Duration, err error)
	was(name string) (pressed bool, err error) // what its own books say, before anything shows
	set(key, value string) error
	get(key string) (string, error)
}

// toy counts every press: the oracle of "no act twice". Its zero value is not ready: use newToy.
type toy struct {
	mu      sync.Mutex
	takes   time.Duration // how long a switch turns
	lag     time.Duration // how long nothing shows after a press
	at      map[string]time.Time
	presses map[string]int
	looks   map[string]int
	values  map[string]string
	sets    map[string]int
	log     []string // what was looked at, pressed and asked, in order
}

func newToy(takes time.Duration) *toy {
	return &toy{takes: takes, at: map[string]time.Time{}, presses: map[string]int{}, looks: map[string]int{}, values: map[string]string{}, sets: map[string]int{}}
}

func (b *toy) press(name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at[name] = time.Now()
	b.presses[name]++
	b.log = append(b.log, "press "+name)
	return nil
}

// release turns a switch off behind everybody's back.
func (b *toy) release(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.at, name)
}

func (b *toy) was(name string) (pressed bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.presses[name] > 0, nil
}

func (b *toy) state(name string) (shown bool, since time.Duration, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looks[name]++
	b.log = append(b.log, "look "+name)
	t, ok := b.at[name]
	since = time.Since(t)
	return ok && since >= b.lag, since, nil
}

func (b *toy) set(key, value string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.values[key] = value
	b.sets[key+"="+value]++
	b.log = append(b.log, "set "+key+"="+value)
	return nil
}

func (b *toy) get(key string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.values[key], nil
}

// did says what happened since it was asked last, without looks.
func (b *toy) did() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	did := slices.DeleteFunc(b.log, func(s string) bool { return s[:5] == "look " })
	b.log = nil
	return did
}

// count returns how often a switch was pressed and looked at.
func (b *toy) count(name string) (presses, looks int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.presses[name], b.looks[name]
}

// look sees a switch turn. What shows nothing for a while after the act is still waited for.
func look(b box, takes time.Duration, name string) func(context.Context, upgrade.Look) (upgrade.Observation, error) {
	return func(_ context.Context, l upgrade.Look) (upgrade.Observation, error) {
		switch pressed, since, err := b.state(name); {
		case err != nil:
			return upgrade.Observation{}, err
		case !pressed && l.Since != nil && l.Elapsed < takes:
			return upgrade.See(upgrade.Pending, nil, "%s was turned %s ago and does not show it", name, l.Elapsed), nil
		case !pressed:
			return upgrade.See(upgrade.Ready, map[string]bool{"on": false}, "%s is off", name), nil
		case since < takes:
			return upgrade.See(upgrade.Pending, map[string]string{"turning": name}, "%s turns", name), nil
		}
		return upgrade.See(upgrade.Done, map[string]bool{"on": true}, "%s is on", name), nil
	}
}

func (b *toy) look(name string) func(context.Context, upgrade.Look) (upgrade.Observation, error) {
	return look(b, b.takes, name)
}

// turn is a step that turns one switch.
func turn(b box, takes time.Duration, name string) upgrade.Step {
	return upgrade.Step{
		Name: name, On: []string{"toy"}, Observe: look(b, takes, name),
		Act: func(context.Context, *slog.Logger) error { return b.press(name) },
	}
}

func (b *toy) step(name string) upgrade.Step { return turn(b, b.takes, name) }

// on is step, on an appliance of its own.
func (b *toy) on(appliance, name string) upgrade.Step {
	s := b.step(name)
	s.On = []string{appliance}
	return s
}

// byHand turns one switch by a person.
func (b *toy) byHand(name string) upgrade.Step { return byHand(b.step(name)) }

func byHand(s upgrade.Step) upgrade.Step {
	name := s.Name
	s.Act = nil
	s.Ask = func(*upgrade.Mark) *upgrade.Instruction {
		return &upgrade.Instruction{Where: "Toy > Switches", Row: name, Button: "On", Expect: "it turns"}
	}
	return s
}

// blind turns one switch that cannot be seen.
func (b *toy) blind(name string) upgrade.Step {
	s := b.step(name)
	s.Observe = nil
	return s
}

// setting gives a setting a value for the time being.
func setting(b box, key, value string) upgrade.Step {
	look := func(want, old string) func(context.Context, upgrade.Look) (upgrade.Observation, error) {
		return func(context.Context, upgrade.Look) (upgrade.Observation, error) {
			switch v, err := b.get(key); {
			case err != nil:
				return upgrade.Observation{}, err
			case v == want:
				return upgrade.See(upgrade.Done, v, "%s is %q", key, v), nil
			case v == old:
				return upgrade.See(upgrade.Ready, v, "%s is %q", key, v), nil
			default:
				return upgrade.See(upgrade.Blocked, v, "somebody made %s %q", key, v), nil
			}
		}
	}
	return upgrade.Step{
		Name: "set " + key, On: []string{"toy"}, Observe: func(ctx context.Context, l upgrade.Look) (upgrade.Observation, error) {
			v, err := b.get(key)
			if err != nil {
				return upgrade.Observation{}, err
			}
			return look(value, v)(ctx, l)
		},
		Act: func(context.Context, *slog.Logger) error { return b.set(key, value) },
		Restore: func(since upgrade.Mark) upgrade.Step {
			old := text(since.Before)
			return upgrade.Step{
				Name: "reset " + key, Observe: look(old, value),
				Act: func(context.Context, *slog.Logger) error { return b.set(key, old) },
			}
		},
	}
}

// person presses what an instruction says, and knows the toy well enough to tell what an act did.
func (b *toy) person() upgrade.Operator { return person(b) }

func person(b box) upgrade.Operator {
	return upgrade.OperatorFunc(func(_ context.Context, q upgrade.Question) (upgrade.Answer, error) {
		a := upgrade.Answer{By: "tester"}
		switch q.Kind {
		case upgrade.AskPress:
			a.Text = upgrade.AnswerDone
			return a, b.press(q.Instruction.Row)
		case upgrade.AskConfirm:
			a.Text = q.Options[0]
			return a, nil
		case upgrade.AskLook:
			a.Text = "now"
			return a, nil
		case upgrade.AskDecide:
			pressed, err := b.was(path.Base(q.Step))
			switch {
			case !pressed:
				a.Text = upgrade.AnswerAgain
			case slices.Contains(q.Options, upgrade.AnswerDone):
				a.Text = upgrade.AnswerDone
			default:
				a.Text = upgrade.AnswerLook
			}
			return a, err
		}
		return a, fmt.Errorf("%w to %s", upgrade.ErrNoAnswer, q.Kind)
	})
}

var errLost = errors.New("connection reset")
