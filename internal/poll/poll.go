// Package poll is the one waiting loop of this module: ask, pause, ask again, until the answer is there or the context
// ends.
//
// Waiting is not retrying. A retry sends the same request again because the first got lost and belongs to the transport
// (package internal/rest); a poll asks a new question because the world needs time.
//
// Giving up never looks like success, and never looks like failure either: the error says that the wait ended, why it
// ended, and what was seen last. The caller decides what that means.
package poll

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Until calls check until it returns nil, and returns nil then. Every other error is taken as the reason why it is "not
// yet": Until waits for pause(n), n counting from 0, and asks again. A pause that is zero or negative asks at once.
//
// Two things end the wait early. When ctx ends, Until returns a [*GaveUpError], which is of the class of ctx.Err() and
// of context.Cause(ctx), and holds the last reason that was not merely the end of ctx itself. When check returns an
// error made by [Stop], Until returns the error inside it, as it is.
//
// A ctx that has ended already is noticed before the first check.
func Until(ctx context.Context, pause func(n int) time.Duration, check func(context.Context) error) error {
	var last error
	for n := 0; ; n++ {
		if ctx.Err() != nil {
			return &GaveUpError{Attempts: n, Err: ctx.Err(), Cause: context.Cause(ctx), Last: last}
		}
		err := check(ctx)
		if err == nil {
			return nil
		}
		if stop, ok := errors.AsType[*stopError](err); ok {
			return stop.err
		}
		if last == nil || ctx.Err() == nil {
			last = err // what an attempt says that ctx cut short is nothing new
		}
		select {
		case <-ctx.Done():
			return &GaveUpError{Attempts: n + 1, Err: ctx.Err(), Cause: context.Cause(ctx), Last: last}
		case <-time.After(pause(n)):
		}
	}
}

// Every is the pause that is always d.
func Every(d time.Duration) func(int) time.Duration {
	return func(int) time.Duration { return d }
}

// Stop wraps an error that no waiting will cure: [Until] gives up at once and returns err itself. Stop(nil) is nil.
func Stop(err error) error {
	if err == nil {
		return nil
	}
	return &stopError{err}
}

type stopError struct{ err error }

func (e *stopError) Error() string { return e.err.Error() }
func (e *stopError) Unwrap() error { return e.err }

// GaveUpError says that a wait ended before what was waited for came about. It does not say that it will not come about.
type GaveUpError struct {
	Attempts int   // how often was asked
	Err      error // ctx.Err(): context.Canceled or context.DeadlineExceeded
	Cause    error // context.Cause(ctx); equal to Err when no cause was given
	Last     error // the last reason why not yet; nil when nothing was asked
}

// Error names the end first and the last reason after it.
func (e *GaveUpError) Error() string {
	end := e.Cause
	if end == nil {
		end = e.Err
	}
	if e.Last == nil {
		return fmt.Sprintf("gave up before the first attempt: %v", end)
	}
	return fmt.Sprintf("gave up after %d attempts: %v (last: %v)", e.Attempts, end, e.Last)
}

// Unwrap returns the end of the context, its cause and the last reason, so that [errors.Is] finds each of them.
func (e *GaveUpError) Unwrap() []error {
	list := make([]error, 0, 3)
	for _, err := range []error{e.Err, e.Cause, e.Last} {
		if err != nil {
			list = append(list, err)
		}
	}
	return list
}
