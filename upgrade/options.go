package upgrade

import (
	"log/slog"
	"math"
	"time"
)

// Options of a run. Only Journal is required.
type Options struct {
	// Journal is the memory. [OpenJournal] for a file; [NoJournal] gives crash safety up. A dry run may do without.
	Journal Journal

	// Operator is the person. Nil is allowed when no step needs one.
	Operator Operator

	// Opens and Closes bound when an act may begin. Before Opens the run waits; after Closes it is held. Zero: no bound.
	// A group that must not be left half-way begins only if its expected time fits, and is finished whatever the hour. The hour is
	// this machine's, and Scale does not change it.
	Opens, Closes time.Time

	// LockDir is where appliances are locked, one kernel lock a name in Step.On. It excludes runs on this machine that
	// use the same folder, and nothing else. Default: the folder of a file journal; without one, no lock is taken.
	LockDir string

	// From is the path of the step to begin with when the journal is lost and a new one is used. A person confirms it,
	// and every guard is looked at first. Steps before it are reported as skipped. A journal that began there goes on.
	From string

	// AllowChanged lets a journal go on with a changed procedure. A new step before the last finished one is reported
	// as skipped and never run.
	AllowChanged bool

	// DryRun looks at everything once and presses nothing, asks nobody and writes no journal.
	DryRun bool

	// Scale multiplies every wait of the engine, for simulations: 1.0/600 makes ten minutes a second. Default 1.
	Scale float64

	// Events is called with everything that happens, one call at a time. It must not block for long. A panic in it is logged, and
	// loses nothing. Default: nobody listens.
	Events func(Event)

	// Logger is handed to Act functions and gets one line an event at debug level. Default: discards.
	Logger *slog.Logger
}

// scale returns d as long as this run's time makes it.
func (o *Options) scale(d time.Duration) time.Duration {
	if o.Scale <= 0 || d <= 0 {
		return d
	}
	scaled := float64(d) * o.Scale
	if scaled >= math.MaxInt64 {
		return math.MaxInt64
	}
	return max(time.Duration(scaled), 1)
}
