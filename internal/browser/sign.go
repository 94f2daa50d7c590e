package browser

import (
	"context"
	"errors"
	"time"

	"github.com/changeover-sdk/changeover/internal/browser/axtree"
)

// SignIn fills in the page that is shown and presses the button that signs in: once. Reason [Refused] means that the appliance did not
// let us in; whoever tries again may lock the account. What comes after the sign-in and needs a person is reason [UnknownPage], with its state.
func (p *Page) SignIn(ctx context.Context, user, password, button axtree.Label, name, secret string) error {
	const op = "sign in"
	p.heading, p.signing = nil, true
	defer func() { p.signing = false }()
	if err := p.Set(ctx, axtree.Query{Label: user}, name); err != nil {
		return err
	}
	if err := p.SetSecret(ctx, axtree.Query{Label: password}, secret); err != nil {
		return err
	}
	mark, e := p.push(ctx, op, axtree.Query{Kind: axtree.Button, Label: button}, nil)
	if e != nil {
		e.Pressed = false // what this error is asked for is the button of a step, not this one
		return e
	}
	var answered time.Time
	_, err := p.await(ctx, p.b.cfg.Answer, op, "", func(s *axtree.Snapshot, state axtree.State) (bool, error) {
		r := p.outcome(mark)
		if err := r.refusal(s); err != nil {
			return false, err
		}
		if r != nil && r.status != 0 && answered.IsZero() {
			answered = time.Now()
		}
		switch state {
		case axtree.StateSignedOut:
			if s.Document != p.pressed.document {
				return false, &Error{Reason: Refused, State: string(state)}
			}
			if !answered.IsZero() && time.Since(answered) > p.b.cfg.Patience { // a page drawn by a script says no in place
				return false, &Error{Reason: Refused, State: string(state), Detail: "the page stayed as it was"}
			}
			return false, nil
		case axtree.StatePage, axtree.StateUnknown, axtree.StateWhatsNew:
			// An empty page is one that is not there yet; and a script that says "please wait" has not signed in before it was answered.
			return s.Root.Text() != "" && (!answered.IsZero() || r != nil && r.took), nil
		}
		return false, &Error{Reason: UnknownPage, State: string(state)}
	})
	if err == nil {
		return nil
	}
	failure, _ := errors.AsType[*Error](err)
	if failure.Reason == Late && failure.State == string(axtree.StateSignedOut) {
		failure.Reason, failure.Detail = Refused, "the page stayed as it was"
	}
	return failure
}
