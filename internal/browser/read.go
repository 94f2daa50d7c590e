package browser

import (
	"context"
	"errors"

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

// FirstOf waits until one of the elements is there and returns the number of the last one that is. The page is no particular one then.
func (p *Page) FirstOf(ctx context.Context, queries []axtree.Query) (int, error) {
	p.heading = nil
	last := -1
	var miss error
	_, err := p.settle(ctx, "find", queries[0].Label.String(), func(s *axtree.Snapshot, state axtree.State) (bool, error) {
		last = -1
		for i, q := range queries {
			_, err := s.Find(q)
			if err == nil {
				last = i
			} else if i == 0 {
				miss = p.seen(fromFind("find", "", err), s)
			}
		}
		return last >= 0, p.elsewhere(state)
	})
	if e, ok := errors.AsType[*Error](err); ok && e.Reason == Late && miss != nil {
		err = p.fail(ctx, "find", queries[0].Label.String(), miss)
	}
	return last, err
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
