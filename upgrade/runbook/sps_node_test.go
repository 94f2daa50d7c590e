package runbook_test

import (
	"testing"
	"testing/synctest"

	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/upgrade"
)

func TestSPSNode(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]hands{"through the pages": byPages, "by a person": byPerson} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &spstest.Node{T: t}
				r := nodeRig(t, n, h)
				rep, err := r.run(t)
				if err != nil || rep.Outcome != upgrade.Succeeded {
					t.Fatalf("Run: %v\n%s", err, rep)
				}
				if err := r.person.Err(); err != nil {
					t.Error(err)
				}
				if got := n.Running(); got != newVersion {
					t.Errorf("the node runs %s", got)
				}
				if v := n.Violations(); len(v) > 0 {
					t.Errorf("violations: %v", v)
				}
				again, err := r.run(t)
				if err != nil || again.Outcome != upgrade.AlreadyDone {
					t.Errorf("Run again: %v\n%s", err, again)
				}
			})
		})
	}
}
