package ipmitest

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/ipmi"
)

func TestSwitchFaults(t *testing.T) {
	t.Run("before the act", func(t *testing.T) {
		s := &Switch{}
		s.FailBefore(PowerOn, ipmi.ErrUnreachable)
		if err := s.PowerOn(t.Context()); !errors.Is(err, ipmi.ErrUnreachable) || !errors.Is(err, ipmi.ErrNotSent) {
			t.Errorf("PowerOn: %v", err)
		}
		if err := s.PowerOn(t.Context()); err != nil || !slices.Equal(s.Told(), []string{PowerOn}) {
			t.Errorf("the second PowerOn: %v, told %q", err, s.Told())
		}
	})
	t.Run("after the act", func(t *testing.T) {
		s := &Switch{}
		s.FailAfter(PowerOn, ipmi.ErrTimeout)
		if err := s.PowerOn(t.Context()); !errors.Is(err, ipmi.ErrTimeout) || errors.Is(err, ipmi.ErrNotSent) {
			t.Errorf("PowerOn: %v", err)
		}
		if state, err := s.State(t.Context()); state != ipmi.On || err != nil {
			t.Errorf("State() = %q, %v", state, err)
		}
	})
	t.Run("while reading", func(t *testing.T) {
		s := &Switch{}
		s.FailBefore(Status, ipmi.ErrBusy)
		if _, err := s.State(t.Context()); !errors.Is(err, ipmi.ErrBusy) {
			t.Errorf("State: %v", err)
		}
		if _, err := s.State(t.Context()); err != nil {
			t.Errorf("the second State: %v", err)
		}
	})
	t.Run("stuck", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &Switch{}
			s.Stick(true)
			begin := time.Now()
			err := s.PowerOn(t.Context())
			if !errors.Is(err, ipmi.ErrTimeout) || errors.Is(err, ipmi.ErrNotSent) || time.Since(begin) != ipmi.DefaultSettle {
				t.Errorf("PowerOn after %v: %v", time.Since(begin), err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := s.PowerOn(ctx); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ipmi.ErrNotSent) {
				t.Errorf("PowerOn until the deadline: %v", err)
			}
			s.Stick(false)
			if err := s.PowerOn(t.Context()); err != nil {
				t.Errorf("loosened: %v", err)
			}
		})
	})
}

// Another simulator's machine, which takes its time.
func TestSwitchOfAnotherSimulator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var on atomic.Bool
		s := &Switch{Power: on.Load, Set: func(want bool) error {
			time.AfterFunc(10*time.Second, func() { on.Store(want) })
			return nil
		}}
		begin := time.Now()
		if err := s.PowerOn(t.Context()); err != nil || !on.Load() || time.Since(begin) > 11*time.Second {
			t.Errorf("PowerOn after %v: %v", time.Since(begin), err)
		}
		broken := errors.New("no such machine")
		s.Set = func(bool) error { return broken }
		if err := s.PowerOff(t.Context()); !errors.Is(err, broken) || errors.Is(err, ipmi.ErrNotSent) {
			t.Errorf("PowerOff: %v", err)
		}
	})
}
