package beyondtrust

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestPaceOfAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pacer
		var at []time.Time
		for range 40_000 {
			if err := p.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			at = append(at, time.Now())
			if len(at) == 20_000 {
				time.Sleep(100 * time.Hour) // much longer than the ring remembers
			}
		}
		j := 0
		for i := range at {
			for at[i].Sub(at[j]) >= time.Hour {
				j++
			}
			if n := i - j + 1; n > 15_000 {
				t.Fatalf("%d requests in one hour, want 15,000 at most", n)
			}
		}
		if d := at[14_000].Sub(at[0]); d > 20*time.Minute {
			t.Errorf("the first 14,000 took %v, want them as fast as a second allows", d)
		}
	})
}

func TestPaceEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pacer
		p.next = time.Now().Add(time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := p.wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("wait() = %v, want the deadline", err)
		}
	})
}
