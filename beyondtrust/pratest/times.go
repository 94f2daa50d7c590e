package pratest

import "time"

// Times is how long things take. A zero field means its default; for "at once" use a nanosecond. Every value is in the appliances' time and multiplied with
// [Site.Scale]. Only what is marked (guide) or (documented) has a source; the rest is a guess of the right size.
type Times struct {
	Check    time.Duration // asking the update server; default 5 s
	Download time.Duration // an automatic installation's download; default 3 min

	// An installation takes an appliance away for Base or Site. At first connections are refused; then, for Unavailable, it answers 503, and for
	// Unhealthy at the end its probes answer 500. The guide says 15 minutes to an hour; what an appliance answers meanwhile is not documented.
	Base        time.Duration // default 15 min (guide)
	Site        time.Duration // default 25 min (guide)
	Unavailable time.Duration // default 1 min
	Unhealthy   time.Duration // default 30 s
	Linger      time.Duration // how long it still answers as before after an installation was begun; default 10 s

	FirstSync   time.Duration // from a relationship to its first data-sync; default 60 s (guide)
	Sync        time.Duration // a data-sync; default 4 min (guide: seconds to hours)
	SyncEvery   time.Duration // between the starts of scheduled data-syncs; default 1 h
	RoleFlip    time.Duration // from one appliance's change of role to the other's; default 5 s
	StatusCheck time.Duration // how old the view of the peer may be; default 1 min
	Promote     time.Duration // how long the primary is away before a backup with automatic failover promotes itself; default 5 min

	Backup  time.Duration // from the request to the first byte of a backup; default 3 s
	Restore time.Duration // restoring a backup, during which the site answers 503; default 5 min
	Reset   time.Duration // a factory reset, during which the appliance is away; default 20 min
	Boot    time.Duration // a restart; default 5 min

	ClientUpgrade   time.Duration // one Jump Client's upgrade with bandwidth to spare; default 30 s
	Recheck         time.Duration // how often clients notice that the name leads elsewhere; default 1 min
	JumpointReturn  time.Duration // from the site's return to its Jumpoints'; default 30 s
	JumpointUpgrade time.Duration // what an upgrade adds to that; default 2 min
	PassiveEvery    time.Duration // between two check-ins of a passive Jump Client; default 24 h (guide)

	// TokenLife is the life of an OAuth token; default 1 h (documented). It is not scaled, nor are the request limits: clients measure them by their own clock.
	TokenLife time.Duration
}

// fill sets what is zero to its default.
func (t *Times) fill() {
	for p, d := range map[*time.Duration]time.Duration{
		&t.Check: 5 * time.Second, &t.Download: 3 * time.Minute,
		&t.Base: 15 * time.Minute, &t.Site: 25 * time.Minute, &t.Unavailable: time.Minute, &t.Unhealthy: 30 * time.Second, &t.Linger: 10 * time.Second,
		&t.FirstSync: time.Minute, &t.Sync: 4 * time.Minute, &t.SyncEvery: time.Hour, &t.RoleFlip: 5 * time.Second,
		&t.StatusCheck: time.Minute, &t.Promote: 5 * time.Minute,
		&t.Backup: 3 * time.Second, &t.Restore: 5 * time.Minute, &t.Reset: 20 * time.Minute, &t.Boot: 5 * time.Minute,
		&t.ClientUpgrade: 30 * time.Second, &t.Recheck: time.Minute, &t.JumpointReturn: 30 * time.Second, &t.JumpointUpgrade: 2 * time.Minute,
		&t.PassiveEvery: 24 * time.Hour, &t.TokenLife: time.Hour,
	} {
		if *p == 0 {
			*p = d
		}
	}
}
