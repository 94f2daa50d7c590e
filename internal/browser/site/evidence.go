package site

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/changeover-sdk/changeover/internal/browser"
)

// seePatience is how long a look for the record may take. It holds a step up, also one that was cancelled.
const seePatience = 10 * time.Second

// see hands out what the page shows now, if anybody wants it. What is given on as the context holds ctx's values and does not end with it: a
// failure, and what was seen of it, is worth keeping just when ctx has ended. It returns the name that the Evidence has.
func (s *Site) see(ctx context.Context, m browser.Moment, page, label string, failure error) string {
	if s.evidence == nil || s.p == nil {
		return ""
	}
	lasting := context.WithoutCancel(ctx)
	inner, cancel := context.WithTimeout(lasting, seePatience)
	defer cancel()
	e := s.p.See(inner)
	s.seen++
	what := label
	if what == "" {
		what = page
	}
	e.Name, e.Moment, e.Page, e.Label = fmt.Sprintf("%03d %s %s", s.seen, fileName(what), m), m, page, label
	if failure != nil {
		e.Error = failure.Error()
		if why, ok := errors.AsType[*browser.Error](failure); ok {
			e.Reason = why.Reason
		}
	}
	s.evidence(lasting, e)
	return e.Name
}

// fileName is a key of the table without what a file's name should not hold.
func fileName(key string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" .-_", r) {
			return r
		}
		return '-'
	}, key)
}
