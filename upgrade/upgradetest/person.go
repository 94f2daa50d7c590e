package upgradetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
)

// Pages is an appliance's pages as a person uses them. The simulators have them.
type Pages interface {
	// Press presses button on the page where, in the table row (empty: none), after filling fields in by label. dialog is the
	// question that is expected to come up (empty: none). A file that is downloaded comes back with its name.
	Press(ctx context.Context, where, row, button string, set map[string]string, dialog string) (name string, file io.Reader, err error)

	// Read reads the value beside label.
	Read(ctx context.Context, where, row, label string) (string, error)
}

// Person is an Operator who does literally what an instruction says and reads literally what a question names, and nothing else.
// Where a procedure passes with him, its instructions and questions are complete.
type Person struct {
	Name  string           // default: "a simulated person"
	Pages map[string]Pages // by the appliance's name in Step.On; one under "" stands for all others
	Inbox string           // the folder where he puts what he downloads; empty: he loses it

	// Secret returns the value of a secret field, by what the instruction calls it. Default: he was given none.
	Secret func(name string) (value string, known bool)

	// Answer answers questions that no page can: confirmations and decisions. Default: the first option of a confirmation, and
	// "stop" for a decision.
	Answer func(q upgrade.Question) string

	// Takes is how long he takes for a button, and Patience how long he waits before he looks again. Default: nothing, and
	// one minute.
	Takes, Patience time.Duration

	mu    sync.Mutex
	asked []upgrade.Question
	err   error
}

// Asked returns every question he was asked, in order.
func (p *Person) Asked() []upgrade.Question {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]upgrade.Question(nil), p.asked...)
}

// Err returns the first thing that he could not do as he was told: a page, a row, a button or a label that is not there.
func (p *Person) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Ask does what q says.
func (p *Person) Ask(ctx context.Context, q upgrade.Question) (upgrade.Answer, error) {
	p.mu.Lock()
	p.asked = append(p.asked, q)
	p.mu.Unlock()
	text, err := p.do(ctx, q)
	if err != nil {
		if ctx.Err() == nil {
			p.mu.Lock()
			if p.err == nil {
				p.err = fmt.Errorf("upgradetest: %s: %w", q.Step, err)
			}
			p.mu.Unlock()
		}
		return upgrade.Answer{}, fmt.Errorf("%w: %w", upgrade.ErrNoAnswer, err)
	}
	name := p.Name
	if name == "" {
		name = "a simulated person"
	}
	return upgrade.Answer{Text: text, By: name}, nil
}

func (p *Person) do(ctx context.Context, q upgrade.Question) (string, error) {
	switch q.Kind {
	case upgrade.AskPress:
		return upgrade.AnswerDone, p.press(ctx, q.Instruction)
	case upgrade.AskValue:
		pages, err := p.pages(q.On)
		if err != nil {
			return "", err
		}
		return p.read(ctx, pages, q)
	case upgrade.AskLook:
		return "now", wait(ctx, p.patience())
	}
	if p.Answer != nil {
		if a := p.Answer(q); a != "" {
			return a, nil
		}
	}
	if q.Kind == upgrade.AskConfirm && len(q.Options) > 0 {
		return q.Options[0], nil
	}
	return upgrade.AnswerStop, nil
}

// reloads is how often he reloads a page that does not answer.
const reloads = 30

// read reads a value, and reloads a page that does not answer for the moment.
func (p *Person) read(ctx context.Context, pages Pages, q upgrade.Question) (v string, err error) {
	for range reloads {
		if v, err = pages.Read(ctx, q.Where, q.Row, q.Label); err == nil {
			return v, nil
		}
		if err := wait(ctx, p.patience()); err != nil {
			return "", err
		}
	}
	return "", err
}

func (p *Person) patience() time.Duration {
	if p.Patience == 0 {
		return time.Minute
	}
	return p.Patience
}

func (p *Person) press(ctx context.Context, ins *upgrade.Instruction) error {
	if err := wait(ctx, p.Takes); err != nil {
		return err
	}
	pages, err := p.pages(ins.On)
	if err != nil || ins.Button == "" {
		return err
	}
	set := map[string]string{}
	for _, f := range ins.Set {
		set[f.Label] = f.Value
		if f.Secret {
			secret, known := "", false
			if p.Secret != nil {
				secret, known = p.Secret(f.Value)
			}
			if !known {
				return fmt.Errorf("the instruction names the secret %q, which he was not given", f.Value)
			}
			set[f.Label] = secret
		}
	}
	name, file, err := pages.Press(ctx, ins.Where, ins.Row, ins.Button, set, ins.Dialog)
	if err != nil || file == nil || p.Inbox == "" {
		return err
	}
	return save(filepath.Join(p.Inbox, filepath.Base(name)), file)
}

func (p *Person) pages(appliance string) (Pages, error) {
	if pages, ok := p.Pages[appliance]; ok {
		return pages, nil
	}
	if pages, ok := p.Pages[""]; ok {
		return pages, nil
	}
	return nil, fmt.Errorf("he knows no appliance called %q", appliance)
}

// save writes a download as a browser does: a name that is taken gets a number.
func save(path string, r io.Reader) error {
	ext := filepath.Ext(path)
	name := path
	var f *os.File
	for n := 1; ; n++ {
		var err error
		if f, err = os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
			break
		} else if !errors.Is(err, fs.ErrExist) {
			return err
		}
		name = fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(path, ext), n, ext)
	}
	defer f.Close()
	if _, err := io.Copy(f, r); err != nil {
		return err
	}
	return f.Close()
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

var _ upgrade.Operator = (*Person)(nil)
