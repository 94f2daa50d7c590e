package upgradetest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
)

// TestCrash crashes a trial at every boundary in turn (see [CrashAt]), each time on a fresh one in a synctest bubble of its own.
// begin is called inside the bubble. A failure names the boundary: look at it alone with CrashAt.
func TestCrash(t *testing.T, begin func(t *testing.T) Trial) {
	t.Helper()
	n, err := Sweep(t, begin)
	if err != nil {
		t.Error(err)
	}
	t.Logf("crashed at each of %d boundaries", n)
}

// Sweep is [TestCrash] as a function: it returns how many boundaries there are, and the first trial that failed. It fails t only
// where begin does.
func Sweep(t *testing.T, begin func(t *testing.T) Trial) (boundaries int, err error) {
	t.Helper()
	for k := 0; ; k++ { // at 0 nothing crashes: a trial that fails by itself says so first
		var crashed int
		synctest.Test(t, func(t *testing.T) { crashed, err = CrashAt(t.Context(), begin(t), k) })
		switch {
		case err != nil:
			return k, fmt.Errorf("boundary %d: %w", k, err)
		case k > 0 && crashed == 0:
			return k - 1, nil
		}
	}
}

// TestCrashes carries n trials out and crashes each several times in a row, at boundaries drawn from seed: also while a run goes on
// after an earlier crash. A failure names seed and boundaries.
func TestCrashes(t *testing.T, n int, seed uint64, begin func(t *testing.T) Trial) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range n {
		at := make([]int, 2+rnd.IntN(4))
		for i := range at {
			at[i] = 1 + rnd.IntN(64>>i)
		}
		synctest.Test(t, func(t *testing.T) {
			if _, err := CrashAt(t.Context(), begin(t), at...); err != nil {
				t.Errorf("seed %d, boundaries %v: %v", seed, at, err)
			}
		})
	}
}
