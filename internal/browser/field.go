package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/changeover-sdk/changeover/internal/browser/axtree"
)

// assign gives a value that came over the wire its type.
func assign(to, value any) error {
	if to == nil {
		return nil
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, to)
}

// SetSecret is Set for a text that must not be seen from then on: on no screenshot, whatever sort of field it stands in, and in no error.
func (p *Page) SetSecret(ctx context.Context, q axtree.Query, text string) error {
	p.b.learn(text)
	return p.Set(ctx, q, text)
}

// Set types text into the one field that fits, in place of what is there, and reads it back. Text is not in any error.
func (p *Page) Set(ctx context.Context, q axtree.Query, text string) error {
	const op = "fill in"
	q.Kind = axtree.Field
	n, e := p.locate(ctx, op, q)
	if e != nil {
		return e
	}
	label := q.Label.String()
	kept := false
	for _, do := range []func() error{
		func() error { return p.call(ctx, "DOM.focus", dict{"backendNodeId": n.Backend}, nil) },
		func() error { return p.on(ctx, n.Backend, "function() { this.select && this.select() }", nil) },
		func() error {
			if text == "" {
				return p.on(ctx, n.Backend, "function() { document.execCommand('delete') }", nil)
			}
			return p.call(ctx, "Input.insertText", dict{"text": text}, nil)
		},
		func() error { return p.on(ctx, n.Backend, "function(v) { return this.value === v }", &kept, text) },
		func() error { return p.on(ctx, n.Backend, "function() { this.blur() }", nil) },
	} {
		if err := do(); err != nil {
			return p.fail(ctx, op, label, err)
		}
	}
	if !kept {
		return p.fail(ctx, op, label, &Error{Reason: NotTaken})
	}
	return nil
}

// Tick presses a box unless it is as wanted, and looks again.
func (p *Page) Tick(ctx context.Context, q axtree.Query, on bool) error {
	return p.tick(ctx, axtree.Query{Kind: axtree.Check, Label: q.Label, Within: q.Within}, on)
}

// Pick presses the one of several choices that fits.
func (p *Page) Pick(ctx context.Context, q axtree.Query) error {
	return p.tick(ctx, axtree.Query{Kind: axtree.Choice, Label: q.Label, Within: q.Within}, true)
}

func (p *Page) tick(ctx context.Context, q axtree.Query, on bool) error {
	const op = "tick"
	n, e := p.locate(ctx, op, q)
	if e != nil {
		return e
	}
	want := fmt.Sprint(on)
	if n.Checked == want {
		return nil
	}
	if _, e := p.push(ctx, op, q, nil); e != nil {
		return e
	}
	_, err := p.settle(ctx, op, q.Label.String(), func(s *axtree.Snapshot, _ axtree.State) (bool, error) {
		n, err := s.Find(q)
		return err == nil && n.Checked == want, nil
	})
	if err != nil {
		e := p.fail(ctx, op, q.Label.String(), &Error{Reason: NotTaken, Err: err})
		e.Pressed = true
		return e
	}
	return nil
}

// Choose chooses the one option that fits in a list.
func (p *Page) Choose(ctx context.Context, q axtree.Query, option axtree.Label) error {
	const op = "choose"
	q.Kind = axtree.Field
	n, e := p.locate(ctx, op, q)
	if e != nil {
		return e
	}
	label := q.Label.String()
	var options []string
	if err := p.on(ctx, n.Backend, "function() { return Array.from(this.options || [], o => o.text) }", &options); err != nil {
		return p.fail(ctx, op, label, err)
	}
	var fits []int
	for i, o := range options {
		if option.Fits(o) {
			fits = append(fits, i)
		}
	}
	if len(fits) != 1 {
		reason := map[bool]Reason{true: NotFound, false: Ambiguous}[len(fits) == 0]
		return p.fail(ctx, op, label, &Error{Reason: reason, Detail: fmt.Sprintf("option %q", option), Seen: options})
	}
	var at int
	script := `function(i) { if (this.selectedIndex !== i) { this.selectedIndex = i;
		for (const e of ['input', 'change']) this.dispatchEvent(new Event(e, {bubbles: true})) } return this.selectedIndex }`
	if err := p.on(ctx, n.Backend, script, &at, fits[0]); err != nil {
		return p.fail(ctx, op, label, err)
	}
	if at != fits[0] {
		return p.fail(ctx, op, label, &Error{Reason: NotTaken})
	}
	return nil
}

// Value reads the text beside a label.
func (p *Page) Value(ctx context.Context, l axtree.Label, within ...axtree.Label) (string, error) {
	var value string
	var miss error
	_, err := p.settle(ctx, "read", l.String(), func(s *axtree.Snapshot, state axtree.State) (bool, error) {
		if err := p.elsewhere(state); err != nil || state != axtree.StatePage {
			return false, err
		}
		value, miss = s.Value(l, within...)
		return miss == nil, nil
	})
	if err != nil && miss != nil && ctx.Err() == nil {
		return "", p.fail(ctx, "read", l.String(), fromFind("read", l.String(), miss))
	}
	return strings.TrimSpace(value), p.another(err)
}

// Reveal returns what is in a field, of a password field too, which no look at the page shows. It is a secret: it goes to who asked, and
// nowhere else.
func (p *Page) Reveal(ctx context.Context, q axtree.Query) (string, error) {
	const op = "read"
	q.Kind = axtree.Field
	n, e := p.locate(ctx, op, q)
	if e != nil {
		return "", e
	}
	var text string
	if err := p.on(ctx, n.Backend, "function() { return this.value }", &text); err != nil {
		return "", p.fail(ctx, op, q.Label.String(), err)
	}
	p.b.learn(text)
	return text, nil
}
