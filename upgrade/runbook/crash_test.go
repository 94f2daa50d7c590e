package runbook_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

// notBooted is what a person says who has read when the node last booted.
const notBooted = "it did not boot since"

// trial is a ground as something to crash: whatever happens, no act is made twice, no rule is broken, and every run comes to its end or stops where
// only a person can tell, who says then that it may be sent again, having looked.
func (g *ground) trial(t *testing.T) upgradetest.Trial {
	g.rig.person.Answer = func(q upgrade.Question) string {
		switch {
		case q.Kind == upgrade.AskDecide:
			return upgrade.AnswerAgain
		case slices.Contains(q.Options, notBooted) && len(g.record().Of(spstest.Reboot)) == 0:
			return notBooted // he read it on the console
		}
		return ""
	}
	return upgradetest.Trial{
		Procedure: g.rig.procedure,
		Options:   upgrade.Options{Operator: g.rig.person},
		Truth: func(rep *upgrade.Report, err error) error {
			if err != nil {
				return fmt.Errorf("%w\n%s\n%s", err, rep, g.record())
			}
			var errs []error
			for _, n := range g.nodes() {
				if n.Running() != newVersion {
					errs = append(errs, fmt.Errorf("%s runs %s", n.Name, n.Running()))
				}
			}
			for _, what := range []spstest.What{spstest.Reboot, spstest.Upgrade, spstest.MarkSlot, spstest.Upload, spstest.Shutdown, spstest.ActivateSlave} {
				perNode := map[string]int{}
				for _, e := range g.record().Of(what) {
					if perNode[e.Node]++; perNode[e.Node] > 1 {
						errs = append(errs, fmt.Errorf("%s twice on %s\n%s", what, e.Node, g.record()))
					}
				}
			}
			for _, v := range g.violations() {
				errs = append(errs, errors.New(v.String()))
			}
			return errors.Join(errs...)
		},
	}
}

func clusterGround(t *testing.T) *ground {
	c := &spstest.Cluster{}
	return &ground{rig: clusterRig(t, c, byPages), nodes: c.Nodes}
}

// crashes crashes a trial at every boundary; while the race detector watches, a few times at random places.
func crashes(t *testing.T, begin func(*testing.T) upgradetest.Trial) {
	t.Helper()
	if raced && !soak() {
		upgradetest.TestCrashes(t, 8, 1, begin)
		return
	}
	upgradetest.TestCrash(t, begin)
}

func TestCrashSPSNode(t *testing.T) {
	t.Parallel()
	crashes(t, func(t *testing.T) upgradetest.Trial { return nodeGround(t).trial(t) })
}

func TestCrashSPSHA(t *testing.T) {
	t.Parallel()
	crashes(t, func(t *testing.T) upgradetest.Trial { return pairGround(t).trial(t) })
}

// TestCrashSPSSearch crashes several times in a row at random places; every boundary in turn is for the soak.
func TestCrashSPSSearch(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T) upgradetest.Trial { return clusterGround(t).trial(t) }
	if soak() {
		upgradetest.TestCrash(t, begin)
		return
	}
	upgradetest.TestCrashes(t, 10, 1, begin)
}

// TestCrashCareless proves that the sweep can fail: on a journal that is written after the act it finds a second press.
func TestCrashCareless(t *testing.T) {
	t.Parallel()
	if raced {
		t.Skip("make test sweeps without the race detector")
	}
	_, err := upgradetest.Sweep(t, func(t *testing.T) upgradetest.Trial {
		trial := nodeGround(t).trial(t)
		j := upgradetest.AfterSuccess(upgrade.NoJournal())
		trial.Open = func() (upgrade.Journal, error) { return j, nil }
		return trial
	})
	if err == nil {
		t.Error("a journal that is written after the act passes the sweep")
	}
}
