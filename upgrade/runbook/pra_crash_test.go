package runbook_test

import (
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

// TestCrashPRA crashes every PRA runbook at a boundary, or at several in a row, has a new process go on, and holds the whole history against the guide: no act twice, none on another
// appliance, none out of turn, and one appliance behind the site's name at every moment but for what the guide announces. make test draws boundaries; the soak has each of them, and draws besides.
func TestCrashPRA(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(praGrounds)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := func(t *testing.T) upgradetest.Trial { return praGrounds[name](t).trial() }
			if soak() {
				upgradetest.TestCrash(t, begin)
			}
			drawn(t, begin)
		})
	}
}

// drawn crashes trials at boundaries that are drawn: the first ones anywhere, the later ones soon after the run went on.
func drawn(t *testing.T, begin func(*testing.T) upgradetest.Trial) {
	t.Helper()
	trials := 5
	switch {
	case soak():
		trials = 200
	case raced:
		trials = 1
	}
	last := 0 // boundary of a run that nothing disturbs
	rnd, s := seeded(t)
	for range trials {
		at := make([]int, 1+rnd.IntN(4))
		for i := range at {
			at[i] = 1 + rnd.IntN(max(praBoundaries>>(2*i), 8))
		}
		synctest.Test(t, func(t *testing.T) {
			n, err := upgradetest.CrashAt(t.Context(), begin(t), at...)
			if err != nil {
				t.Errorf("seed %d, boundaries %v: %v", s, at, err)
			}
			last = max(last, n)
		})
	}
	if last == 0 && trials > 3 {
		t.Errorf("seed %d: nothing was crashed", s)
	}
}

// praBoundaries is about how many a long PRA runbook has.
const praBoundaries = 400

// seeded returns a source of chance and its seed, which a failure names; CHANGEOVER_SEED repeats one.
func seeded(t *testing.T) (*rand.Rand, uint64) {
	t.Helper()
	s := uint64(time.Now().UnixNano())
	if v, err := strconv.ParseUint(os.Getenv("CHANGEOVER_SEED"), 10, 64); err == nil {
		s = v
	}
	t.Logf("seed %d", s)
	return rand.New(rand.NewPCG(s, 0)), s
}
