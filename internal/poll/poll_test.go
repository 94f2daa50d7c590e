package poll_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/internal/poll"
)

func TestUntilAsksUntilTheAnswerIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, n := time.Now(), 0
		err := poll.Until(t.Context(), poll.Every(15*time.Second), func(context.Context) error {
			if n++; n < 5 {
				return errors.New("not yet")
			}
			return nil
		})
		if err != nil || n != 5 || time.Since(start) != time.Minute {
			t.Errorf("Until = %v after %d attempts and %v, want nil after 5 and 1m", err, n, time.Since(start))
		}
	})
}

func TestUntilPausesByTheNumberOfTheAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []int
		pause := func(n int) time.Duration { seen = append(seen, n); return time.Second << n }
		start := time.Now()
		n := 0
		err := poll.Until(t.Context(), pause, func(context.Context) error {
			if n++; n == 4 {
				return nil
			}
			return errors.New("not yet")
		})
		if err != nil || time.Since(start) != 7*time.Second || len(seen) != 3 || seen[0] != 0 || seen[2] != 2 {
			t.Errorf("Until = %v after %v, pauses %v; want nil after 7s, pauses [0 1 2]", err, time.Since(start), seen)
		}
	})
}

func TestUntilGivesUpWithBothReasons(t *testing.T) {
	booting, patience := errors.New("the box boots"), errors.New("half an hour has passed")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 30*time.Minute, patience)
		defer cancel()
		err := poll.Until(ctx, poll.Every(20*time.Second), func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return ctx.Err() // cut short: says nothing new
			case <-time.After(time.Minute):
				return booting
			}
		})
		for _, want := range []error{context.DeadlineExceeded, patience, booting} {
			if !errors.Is(err, want) {
				t.Errorf("Until = %v, want it to be of class %q", err, want)
			}
		}
		gaveUp, ok := errors.AsType[*poll.GaveUpError](err)
		if !ok || gaveUp.Last != booting {
			t.Fatalf("Until = %#v, want a GaveUpError with the last reason that was not the deadline's own", err)
		}
		if text := err.Error(); !strings.HasPrefix(text, "gave up after 23 attempts: half an hour has passed") {
			t.Errorf("text = %q, want the end of the context first", text)
		}
	})
}

func TestUntilAsksNothingWhenTheContextHasEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := poll.Until(ctx, poll.Every(0), func(context.Context) error { t.Error("asked"); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Until = %v, want context.Canceled", err)
	}
}

func TestUntilStopsForAnErrorThatWaitingDoesNotCure(t *testing.T) {
	wrong := errors.New("wrong password")
	n := 0
	err := poll.Until(t.Context(), poll.Every(0), func(context.Context) error { n++; return poll.Stop(wrong) })
	if err != wrong || n != 1 {
		t.Errorf("Until = %v after %d attempts, want %v itself after 1", err, n, wrong)
	}
	if poll.Stop(nil) != nil {
		t.Error("Stop(nil) != nil: an answer would be taken for a failure")
	}
}
