package runbook_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/upgrade"
)

func contains(err error, what string) bool { return err != nil && strings.Contains(err.Error(), what) }

func TestPRANode(t *testing.T) {
	for name, h := range map[string]hands{"through the pages": byPages, "by a person": byPerson} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := pratest.Single()
				s.Users = []pratest.User{{Name: "ada"}}
				r := praNodeRig(t, s, h)
				rep, err := r.run(t)
				if err != nil || rep.Outcome != upgrade.Succeeded {
					t.Fatalf("Run: %v\n%s\n%s", err, rep, s.Record())
				}
				r.check(t, rep)
				if _, v, _ := s.A.Running(); v != praNew {
					t.Errorf("A runs %s", v)
				}
			})
		})
	}
}

// check compares a run with the truth: no rule was broken, and the person could do all he was told.
func (r *praRig) check(t *testing.T, rep *upgrade.Report) {
	t.Helper()
	if err := r.person.Err(); err != nil {
		t.Error(err)
	}
	if v := r.site.Violations(); len(v) > 0 {
		t.Errorf("violations: %v\n%s", v, r.site.Record())
	}
	if len(rep.Owed) > 0 {
		t.Errorf("owed: %+v", rep.Owed)
	}
}
