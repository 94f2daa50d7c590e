package runbook_test

import (
	"testing"
	"testing/synctest"

	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/upgrade"
)

func TestSPSHA(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]hands{"through the pages": byPages, "by a person": byPerson} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &spstest.Pair{}
				r := pairRig(t, p, h)
				before := p.Active().Name
				rep, err := r.run(t)
				if err != nil || rep.Outcome != upgrade.Succeeded {
					t.Fatalf("Run: %v\n%s\n%s", err, rep, p.Record())
				}
				if err := r.person.Err(); err != nil {
					t.Error(err)
				}
				if a, b := p.A.Running(), p.B.Running(); a != newVersion || b != newVersion {
					t.Errorf("the nodes run %s and %s", a, b)
				}
				if p.Active().Name == before {
					t.Errorf("%s still serves", before)
				}
				checkRecord(t, rep, p.Record(), p.Violations())
			})
		})
	}
}
