package nat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/changeover-sdk/changeover/failover"
)

// Firewall is a gateway whose API stages a change, applies it, and takes it back by itself unless it is confirmed in time. Package nattest has one in memory, and a conformance suite,
// TestFirewall.
//
// # What an implementer must do
//
// Targets returns where the site's entry leads in the running configuration.
//
// Stage prepares the change in a candidate configuration of its own and changes nothing that runs. It must refuse, with an error of class failover.ErrRefused, if anybody else's changes are
// pending that applying would carry out too; and with failover.ErrGuard if the entry does not lead to exactly from. It returns a name for the staged change: a revision, a job, a
// transaction.
//
// Apply makes the staged change run, and has the gateway take it back after revert, whatever becomes of us. A gateway without such a timer must refuse. An asynchronous commit is waited
// for. It is called once.
//
// Confirm makes the applied change stay, also over a restart of the gateway. It is called once.
//
// Discard takes the change back at once, staged or applied. It may be called for one that is gone.
//
// An error of class failover.ErrRefused or failover.ErrNotSent promises that the call changed nothing; any other means that it is not known.
type Firewall interface {
	String() string // for plans, no secret: "198.51.100.1 at fw1"
	Targets(ctx context.Context) ([]netip.Addr, error)
	Stage(ctx context.Context, from, to netip.Addr) (change string, err error)
	Apply(ctx context.Context, change string, revert time.Duration) error
	Confirm(ctx context.Context, change string) error
	Discard(ctx context.Context, change string) error
}

// Staged moves an entry on a [Firewall]: stage, apply with a timer, probe, confirm. It is a [failover.NAT] and a [failover.Witness]; the evidence is the name of the change.
//
// The guard is best effort: Stage compares, but another administrator may commit between staging and applying.
type Staged struct {
	Firewall Firewall
	// Probe is asked after the change was applied, again and again until it returns nil; only then the change is confirmed. Required: a timer that takes back is of no use to whom does not
	// look.
	Probe func(ctx context.Context) error
	// Revert is after what time the gateway takes an unconfirmed change back. Default 60 s. Two thirds of it are for the probe.
	Revert time.Duration
}

var (
	_ failover.NAT     = (*Staged)(nil)
	_ failover.Witness = (*Staged)(nil)
)

// String names the entry.
func (s *Staged) String() string { return s.Firewall.String() }

// Guard returns failover.BestEffort.
func (s *Staged) Guard() failover.Guard { return failover.BestEffort }

// Targets returns where the entry leads.
func (s *Staged) Targets(ctx context.Context) ([]netip.Addr, error) { return s.Firewall.Targets(ctx) }

// Replace is ReplaceSeen without the evidence.
func (s *Staged) Replace(ctx context.Context, from, to netip.Addr) error {
	_, err := s.ReplaceSeen(ctx, from, to)
	return err
}

// ReplaceSeen stages, applies, probes and confirms. If the probe does not succeed in time, or applying or confirming is not answered, it takes the change back or has the gateway's timer do
// so, and returns only when the outcome is known or the timer has passed.
func (s *Staged) ReplaceSeen(ctx context.Context, from, to netip.Addr) (string, error) {
	fail := func(err error) error { return fmt.Errorf("nat: swing %v: %w", s, err) }
	if s.Probe == nil {
		return "", fail(fmt.Errorf("%w: %w: no probe", failover.ErrNotSent, failover.ErrInvalid))
	}
	if ctx.Err() != nil {
		return "", fail(fmt.Errorf("%w: %w", failover.ErrNotSent, context.Cause(ctx)))
	}
	have, err := s.Firewall.Targets(ctx)
	if err != nil {
		return "", fail(fmt.Errorf("%w: %w", failover.ErrNotSent, err))
	}
	if !slices.Equal(have, []netip.Addr{from}) {
		return "", fail(fmt.Errorf("%w: the entry leads to %v", failover.ErrGuard, have))
	}
	change, err := s.Firewall.Stage(ctx, from, to)
	if err != nil {
		if !errors.Is(err, failover.ErrGuard) && !errors.Is(err, failover.ErrRefused) && !errors.Is(err, failover.ErrNotSent) {
			err = fmt.Errorf("%w (nothing was applied; a staged change may be left over): %w", failover.ErrRefused, err)
		}
		return "", fail(fmt.Errorf("stage: %w", err))
	}
	revert := cmp.Or(s.Revert, time.Minute)
	evidence := "change " + change
	applied := time.Now()
	err = s.Firewall.Apply(ctx, change, revert)
	// From here on it runs, or may: the way out must be walked to its end whatever the caller does.
	over := applied.Add(revert + revert/4)
	octx, cancel := context.WithDeadlineCause(context.WithoutCancel(ctx), over.Add(10*time.Second), errors.New("the gateway did not say in time where the entry leads"))
	defer cancel()
	if err != nil {
		if errors.Is(err, failover.ErrRefused) || errors.Is(err, failover.ErrNotSent) {
			_ = s.Firewall.Discard(octx, change) // what is only staged does no harm, but the next one trips over it
			return evidence, fail(fmt.Errorf("apply: %w", err))
		}
		if now, rerr := s.Firewall.Targets(octx); rerr != nil || !slices.Equal(now, []netip.Addr{to}) {
			return evidence, fail(fmt.Errorf("apply: %w", s.takeBack(octx, change, from, over, err)))
		}
	}
	if err := s.probe(ctx, applied.Add(revert*2/3)); err != nil {
		return evidence, fail(fmt.Errorf("probe: %w", s.takeBack(octx, change, from, over, err)))
	}
	if err := s.Firewall.Confirm(octx, change); err != nil {
		if err = s.settle(octx, from, to, over, err); err != nil {
			return evidence, fail(fmt.Errorf("confirm: %w", err))
		}
	}
	return evidence, nil
}

// probe asks until it succeeds or time is up.
func (s *Staged) probe(ctx context.Context, until time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	var last error
	for {
		err := s.Probe(ctx)
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (last: %w)", context.Cause(ctx), last)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// takeBack discards the change and looks until the entry leads to the old side again, at the latest by the gateway's timer. The error says which it is.
func (s *Staged) takeBack(ctx context.Context, change string, from netip.Addr, over time.Time, why error) error {
	if err := s.Firewall.Discard(ctx, change); err != nil {
		why = errors.Join(why, fmt.Errorf("take back: %w", err))
	}
	return s.settle(ctx, from, netip.Addr{}, over, why)
}

// settle waits until what runs cannot change any more by the gateway's timer, and says what it is. Nil means that the entry leads to the wanted side for good.
func (s *Staged) settle(ctx context.Context, from, want netip.Addr, over time.Time, why error) error {
	for {
		now, err := s.Firewall.Targets(ctx)
		late := !time.Now().Before(over)
		switch {
		case err == nil && slices.Equal(now, []netip.Addr{from}) && (late || !want.IsValid()):
			return fmt.Errorf("%w; the change was taken back: %w", failover.ErrRefused, why)
		case err == nil && want.IsValid() && late && slices.Equal(now, []netip.Addr{want}):
			return nil
		case late && err == nil:
			return fmt.Errorf("the entry leads to %v: %w", now, why)
		case late:
			return errors.Join(why, err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(why, context.Cause(ctx))
		case <-time.After(min(time.Second, max(time.Until(over), 10*time.Millisecond))):
		}
	}
}
