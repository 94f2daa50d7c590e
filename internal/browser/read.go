package browser

import (
	"context"
	"errors"
	"fmt"

	"github.com/changeover-sdk/changeover/internal/browser/axtree"
)

// Expect waits for the page with the heading.
func (p *Page) Expect(ctx context.Context, heading axtree.Label) error {
	p.heading = heading
	_, err := p.settle(ctx, "open", heading.String(), func(_ *axtree.Snapshot, state axtree.State) (bool, error) {
		return state == axtree.StatePage, p.elsewhere(state)
	})
	return p.another(err)
}

// Anywhere makes every page the one that is expected.
func (p *Page) Anywhere() { p.heading = nil }

// At reports whether the page with the heading is there now, and expects it from then on if it is.
func (p *Page) At(ctx context.Context, heading axtree.Label) bool {
	s, err := p.look(ctx)
	if err != nil || s.State(heading) != axtree.StatePage {
		return false
	}
	p.heading = heading
	return true
}

// Arrive waits until it is plain where the way goes on: at the page with the heading, at one that is [axtree.StateSignedOut] or
// [axtree.StateWhatsNew], or, which is [axtree.StateUnknown], at any other one on which one of the ways is to be seen. Way is the number of the last of
// them that is there, or -1. A page that needs a person is an error, and so is one on which nothing of all that comes. No page is expected afterwards.
func (p *Page) Arrive(ctx context.Context, heading axtree.Label, ways []axtree.Query) (state axtree.State, way int, err error) {
	const op = "open"
	p.heading, p.signing = nil, true
	defer func() { p.signing = false }()
	var miss *Error
	before := axtree.State("")
	_, err = p.settle(ctx, op, heading.String(), func(s *axtree.Snapshot, _ axtree.State) (bool, error) {
		state = s.State(heading)
		if err := p.elsewhere(state); err != nil {
			return false, err
		}
		way = -1
		for i, q := range ways {
			_, err := s.Find(q)
			if err == nil {
				way = i
			} else if i == 0 {
				miss = fromFind(op, "", err)
			}
		}
		same := state == before
		before = state
		return same && (state != axtree.StateUnknown || way >= 0), nil
	})
	if e, ok := errors.AsType[*Error](err); ok && e.Reason == Late {
		e.Reason, e.Detail = UnknownPage, fmt.Sprintf("heading %q was expected", heading)
		if miss != nil {
			e.Detail = fmt.Sprintf("neither heading %q nor %q, which leads there, came", heading, miss.Label)
			e.Seen = miss.Seen
		}
		err = p.fail(ctx, op, e.Label, e)
	}
	return state, way, err
}

// Read reads the page with f until two readings in a row are the same and without an error. F returns what it read, in short.
func (p *Page) Read(ctx context.Context, what string, f func(*axtree.Snapshot) (string, error)) error {
	var miss error
	before, read := "", false
	_, err := p.settle(ctx, "read", what, func(s *axtree.Snapshot, state axtree.State) (bool, error) {
		if err := p.elsewhere(state); err != nil {
			return false, err
		}
		if state != axtree.StatePage {
			miss, read = nil, false
			return false, nil
		}
		var got string
		if got, miss = f(s); miss != nil {
			miss = p.seen(fromFind("read", what, miss), s)
			read = false
			return false, nil
		}
		same := read && got == before
		before, read = got, true
		return same, nil
	})
	if e, ok := errors.AsType[*Error](err); ok && e.Reason == Late && miss != nil {
		return p.fail(ctx, "read", what, miss)
	}
	return p.another(err)
}
