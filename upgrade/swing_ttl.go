package upgrade

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/changeover-sdk/changeover/failover"
)

// awaitTTL is the name of the second step of LowerTTL.
const awaitTTL = "await the old TTL"

// LowerTTL returns two steps that go ahead of a DNS swing, so that caches follow it within ttl in place of the hours that the name's TTL may say.
//
// The first lowers the TTL of every set that moves and has a longer one, by the same guarded change as the swing with equal values. It is done when every authoritative server serves the
// lowered TTL. Put it days before the window behind a [Hold], or early in the first window. What the TTLs were is put back when its group ends, whichever side the name leads to then; a
// TTL that somebody changed meanwhile is reported and left.
//
// The second waits until the longest old TTL has run out since, or rec.OldTTL if that is longer. It belongs just before the swing, in front of whatever ends sessions; it stops the run if
// somebody has raised the TTL again. Both must be in one procedure. Between the two no name server is asked, so that one that is down for a while does not stop an upgrade half-way.
//
// An editor that cannot write answers [failover.ErrNotPressed], and then a person is asked. rec may be the record that [SwingDNS] is given; it is not changed.
func LowerTTL(rec *failover.Record, ttl time.Duration) (lower, await Step) {
	l := &loweredTTL{rec: rec, ttl: ttl}
	on, with := recordName(rec), map[string]string{"at most": ttl.String()}
	// Freely, because it may be done twice without harm, and a cancel while secondaries are awaited leaves nothing unknown.
	lower = Step{Name: "lower the TTL", On: []string{on}, With: with, Observe: l.observe, Act: l.act, Ask: l.ask(on, seconds(ttl)), Until: awaitTTL, Restore: l.restore,
		Again: Freely, Settle: 10 * time.Second, Every: 10 * time.Second, Limit: 25 * time.Hour, Takes: 5 * time.Minute,
		Advice: "A secondary that lost the notification asks by itself within the zone's SOA refresh. One that is dead has to be left out, with a reason."}
	await = Step{Name: awaitTTL, On: []string{on}, With: with, Observe: l.wait, Every: 30 * time.Second, Limit: 8 * 24 * time.Hour, Takes: time.Hour,
		Advice: "Swing earlier only if users may be led to the old appliance for as long as the old TTL says."}
	return lower, await
}

// ttlSeen is what the journal keeps of a lowering.
type ttlSeen struct {
	Was       failover.TTLState `json:"was"`                // before the first act
	Effective time.Time         `json:"effective,omitzero"` // when every authoritative server served the lowered TTL
}

// loweredTTL is what both steps know. What the first one saw comes back from the journal with its mark, when the engine looks at it in a new process.
type loweredTTL struct {
	rec *failover.Record
	ttl time.Duration

	mu   sync.Mutex
	seen ttlSeen
}

func (l *loweredTTL) keep(s ttlSeen) ttlSeen {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = s
	return s
}

func (l *loweredTTL) known() ttlSeen {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

func (l *loweredTTL) observe(ctx context.Context, look Look) (Observation, error) {
	var seen ttlSeen
	if look.Since != nil {
		newest := look.Since.Last
		if len(newest) == 0 {
			newest = look.Since.Before
		}
		if err := readEvidence(newest, &seen); err != nil {
			return Observation{}, err
		}
		if !seen.Effective.IsZero() { // that it was so is a fact; whether it still is, the wait asks just before the swing
			return See(Done, l.keep(seen), "lowered, everywhere since %s", stamp(seen.Effective)), nil
		}
	}
	now, err := l.rec.TTLs(ctx)
	known := l.known()
	switch {
	case err != nil && look.Since == nil && !known.Effective.IsZero():
		return See(Done, known, "it was low at %s; it cannot be read now", stamp(known.Effective)), nil
	case err != nil:
		return Observation{}, err
	case look.Since == nil:
		seen.Was = now
	}
	if longest := now.Longest(); longest > l.ttl {
		return See(Ready, seen, "the longest TTL is %s", spell(longest)), nil
	}
	if err := l.rec.EffectiveTTL(ctx, l.ttl); err != nil {
		return See(Pending, seen, "lowered, but not everywhere yet: %v", err), nil
	}
	seen.Effective = time.Now().Round(0)
	return See(Done, l.keep(seen), "every authoritative server serves at most %s", spell(l.ttl)), nil
}

func (l *loweredTTL) act(ctx context.Context, log *slog.Logger) error {
	_, res, err := l.rec.LowerTTL(ctx, l.ttl)
	log.Debug("lower ttl", "outcome", res.Outcome.String(), "detail", res.Detail)
	return swingHint(res, err)
}

func (l *loweredTTL) ask(on, seconds string) func(*Mark) *Instruction {
	return func(*Mark) *Instruction {
		return &Instruction{Where: "the controller of the DNS zone", Row: on, Set: []Field{{Label: "TTL in seconds", Value: seconds}}, Expect: "the same values, under that TTL"}
	}
}

// wait is the second step's look.
func (l *loweredTTL) wait(ctx context.Context, _ Look) (Observation, error) {
	now, err := l.rec.TTLs(ctx)
	if err != nil {
		return Observation{}, err
	}
	if longest := now.Longest(); longest > l.ttl {
		return See(Blocked, nil, "the longest TTL is %s: somebody has raised it again", spell(longest)), nil
	}
	seen := l.known()
	if seen.Effective.IsZero() {
		return See(Blocked, nil, "it is not known since when the TTL is low: have %q in the same procedure", "lower the TTL"), nil
	}
	ready := seen.Effective.Add(max(seen.Was.Longest(), l.rec.OldTTL))
	if d := time.Until(ready); d > 0 {
		return See(Pending, nil, "caches may hold the old TTL until %s, for another %s", stamp(ready), spell(d)), nil
	}
	return See(Done, nil, "no cache that keeps to TTLs holds the old one since %s", stamp(ready)), nil
}

// restore puts every TTL back that is still the lowered one.
func (l *loweredTTL) restore(since Mark) Step {
	var seen ttlSeen
	bad := readEvidence(since.Before, &seen)
	on := recordName(l.rec)
	return Step{Name: "put the TTL back", On: []string{on},
		Observe: func(ctx context.Context, _ Look) (Observation, error) {
			if bad != nil {
				return See(Blocked, nil, "what the TTL was is not known"), bad
			}
			owed, changed, err := l.rec.LoweredTTLs(ctx, seen.Was, l.ttl)
			switch {
			case err != nil:
				return Observation{}, err
			case len(owed) > 0:
				return See(Ready, nil, "%d record sets have the lowered TTL; the longest was %s", len(owed), spell(seen.Was.Longest())), nil
			case len(changed) > 0:
				return See(Blocked, changed, "somebody chose another TTL: %s has %s; the longest was %s", changed[0], changed[0].TTL, spell(seen.Was.Longest())), nil
			}
			return See(Done, nil, "the TTLs are as they were, the longest %s", spell(seen.Was.Longest())), nil
		},
		Act: func(ctx context.Context, log *slog.Logger) error {
			res, err := l.rec.RestoreTTL(ctx, seen.Was, l.ttl)
			log.Debug("restore ttl", "outcome", res.Outcome.String(), "detail", res.Detail)
			return swingHint(res, err)
		},
		Ask:   l.ask(on, fmt.Sprintf("%s, as before", seconds(seen.Was.Longest()))),
		Again: Freely, Settle: 10 * time.Second, Every: 10 * time.Second, Limit: 15 * time.Minute, Takes: time.Minute}
}
