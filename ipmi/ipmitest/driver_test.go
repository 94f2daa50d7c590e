package ipmitest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"go.uber.org/goleak"

	"github.com/changeover-sdk/changeover/ipmi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSwitchConforms(t *testing.T) {
	TestDriver(t, func(*testing.T) Rig {
		s := &Switch{}
		return Rig{Power: s, Set: func(on bool) { _ = s.put(on) }, Told: s.Told}
	})
}

// recorder is a test that only notes that it failed.
type recorder struct {
	testing.TB
	failed, skipped bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) Fatalf(string, ...any) { r.failed = true; runtime.Goexit() }
func (r *recorder) Skipf(string, ...any)  { r.skipped = true; runtime.Goexit() }

// broken is a Switch with a fault of a driver's author.
type broken struct {
	*Switch
	state func(ctx context.Context) (string, error)
	on    func(ctx context.Context) error
	off   func(ctx context.Context) error
	cycle func(ctx context.Context) error
	close func() error
}

func (b broken) State(ctx context.Context) (string, error) {
	if b.state != nil {
		return b.state(ctx)
	}
	return b.Switch.State(ctx)
}

func call(f func(context.Context) error, or func(context.Context) error, ctx context.Context) error {
	if f != nil {
		return f(ctx)
	}
	return or(ctx)
}

func (b broken) PowerOn(ctx context.Context) error    { return call(b.on, b.Switch.PowerOn, ctx) }
func (b broken) PowerOff(ctx context.Context) error   { return call(b.off, b.Switch.PowerOff, ctx) }
func (b broken) PowerCycle(ctx context.Context) error { return call(b.cycle, b.Switch.PowerCycle, ctx) }

func (b broken) Close() error {
	if b.close != nil {
		return b.close()
	}
	return b.Switch.Close()
}

// The suite finds what it is there to find.
func TestDriverFindsWhatIsWrong(t *testing.T) {
	tell := func(s *Switch, command string, on bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.told = append(s.told, command)
		s.on = on
	}
	for name, tt := range map[string]struct {
		breaks func(s *Switch) broken
		found  string // the check that finds it
	}{
		"always on": {func(s *Switch) broken {
			return broken{Switch: s, state: func(context.Context) (string, error) { return ipmi.On, nil }}
		}, "reads the state there is"},
		"power on sent twice": {func(s *Switch) broken {
			return broken{Switch: s, on: func(context.Context) error { tell(s, PowerOn, true); tell(s, PowerOn, true); return nil }}
		}, "powers on once"},
		"power on not sent": {func(s *Switch) broken {
			return broken{Switch: s, on: func(context.Context) error { return nil }}
		}, "powers on once"},
		"power off that powers on": {func(s *Switch) broken {
			return broken{Switch: s, off: func(context.Context) error { tell(s, PowerOff, true); return nil }}
		}, "powers off once"},
		"power on sent to a machine that is on": {func(s *Switch) broken {
			return broken{Switch: s, on: func(context.Context) error { tell(s, PowerOn, true); return nil }}
		}, "does nothing that is done already"},
		"a cycle that stays off": {func(s *Switch) broken {
			return broken{Switch: s, cycle: func(context.Context) error { tell(s, PowerOff, false); return nil }}
		}, "cycles once"},
		"cycles what is off": {func(s *Switch) broken {
			return broken{Switch: s, cycle: func(context.Context) error { tell(s, PowerCycle, true); return nil }}
		}, "does not cycle a machine that is off"},
		"its own error instead of the context's": {func(s *Switch) broken {
			return broken{Switch: s, state: func(ctx context.Context) (string, error) {
				if ctx.Err() != nil {
					return "", errors.New("signal: killed")
				}
				return s.State(ctx)
			}}
		}, "reports the caller's context first"},
		"no class for what was not sent": {func(s *Switch) broken {
			return broken{Switch: s, off: func(ctx context.Context) error {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				return s.PowerOff(ctx)
			}}
		}, "reports the caller's context first"},
		"each goroutine sends": {func(s *Switch) broken {
			return broken{Switch: s, on: func(context.Context) error { tell(s, PowerOn, true); return nil }}
		}, "is safe for several goroutines"},
		"the second Close fails": {func(s *Switch) broken {
			n := 0
			return broken{Switch: s, close: func() error {
				if n++; n > 1 {
					return fmt.Errorf("close of closed channel")
				}
				return s.Close()
			}}
		}, "can be closed twice and not used again"},
		"works after Close": {func(s *Switch) broken {
			return broken{Switch: s, close: func() error { return nil }}
		}, "can be closed twice and not used again"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Switch{}
			r := &recorder{TB: t}
			done := make(chan struct{})
			go func() {
				defer close(done)
				checks()[tt.found](r, Rig{Power: tt.breaks(s), Set: func(on bool) { _ = s.put(on) }, Told: s.Told})
			}()
			<-done
			if !r.failed {
				t.Errorf("the check %q does not find it", tt.found)
			}
		})
	}
}

// A missing peer is skipped by a developer and fails in CI.
func TestNeeds(t *testing.T) {
	for ci, wantFailed := range map[string]bool{"": false, "true": true} {
		t.Setenv("CI", ci)
		r := &recorder{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			Needs(r, "no-such-program", "no-such-package")
		}()
		<-done
		if r.failed != wantFailed || r.skipped == wantFailed {
			t.Errorf("CI=%q: failed %t, skipped %t", ci, r.failed, r.skipped)
		}
	}
}
