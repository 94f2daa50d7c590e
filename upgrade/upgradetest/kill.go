package upgradetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"testing"
	"time"
)

// Kill is the death of a whole process at random moments. The appliance must live elsewhere: in the test, or in a third process.
type Kill struct {
	Command func() *exec.Cmd // the program, once more from its beginning; it must go on by itself
	Times   int              // how often it is killed; default 20. Then it may end
	Within  time.Duration    // a life lasts between nothing and so long; default 200 ms
	Seed    uint64           // default: drawn, and logged

	// Alive says that the program does something: the simulator sends on it, without blocking, at every request. A life then
	// begins with the first of these, so that no kill is spent on a program that is still starting. Default: it begins with the start.
	Alive <-chan struct{}
}

// Run starts the program again and again, and ends it with SIGKILL. It returns how often it did, which is less than Times when the
// program ended first, and how the program ended by itself: nil for exit code 0.
func (k Kill) Run(t testing.TB) (killed int, err error) {
	t.Helper()
	if k.Times == 0 {
		k.Times = 20
	}
	if k.Within == 0 {
		k.Within = 200 * time.Millisecond
	}
	if k.Seed == 0 {
		k.Seed = rand.Uint64()
	}
	t.Logf("kills: seed %d", k.Seed)
	rnd := rand.New(rand.NewPCG(k.Seed, 0))
	for killed < k.Times {
		life := time.Duration(rnd.Int64N(int64(k.Within)))
		if ended, err := k.once(life); ended {
			return killed, err
		}
		killed++
	}
	return killed, k.Command().Run()
}

// once lets the program live for a while. It says whether it ended by itself.
func (k Kill) once(life time.Duration) (ended bool, err error) {
	cmd := k.Command()
	select {
	case <-k.Alive: // of the one before
	default:
	}
	if err := cmd.Start(); err != nil {
		return true, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	end := make(chan error, 1)
	go func() { end <- cmd.Wait() }()
	if k.Alive != nil {
		select {
		case <-k.Alive:
		case err := <-end:
			return true, err
		}
	}
	alarm := time.NewTimer(life)
	defer alarm.Stop()
	select {
	case err := <-end:
		return true, err
	case <-alarm.C:
	}
	cmd.Process.Kill() // the only error is that it has just ended
	err = <-end
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && !exit.Exited() {
		return false, nil
	}
	return true, err
}
