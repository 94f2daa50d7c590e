package runbook_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

// trial is a PRA runbook as something to crash: whatever happens, nothing is installed or established twice, no rule is broken, and it comes to its end. A person who is asked
// what became of an act has looked, and says that it may be sent again.
func (r *praRig) trial() upgradetest.Trial {
	r.person.Answer = func(q upgrade.Question) string {
		if q.Kind == upgrade.AskDecide {
			return upgrade.AnswerAgain
		}
		return r.honest(q)
	}
	return upgradetest.Trial{
		Procedure: r.procedure,
		Options:   upgrade.Options{Operator: r.person},
		Truth: func(rep *upgrade.Report, err error) error {
			if err != nil {
				return fmt.Errorf("%w\n%s\n%s", err, rep, r.site.Record())
			}
			var errs []error
			for _, b := range r.site.Boxes() {
				if _, v, _ := b.Running(); v != praNew {
					errs = append(errs, fmt.Errorf("%s runs %s", b.Name, v))
				}
				seen := map[string]bool{}
				for _, e := range r.site.Record().On(b.Name) {
					key := fmt.Sprint(e.What, e.Detail)
					if once := e.What == pratest.Install || e.What == pratest.Establish || e.What == pratest.Break; once && seen[key] {
						errs = append(errs, fmt.Errorf("twice: %s\n%s", e, r.site.Record()))
					}
					seen[key] = true
				}
			}
			for _, v := range r.site.Violations() {
				errs = append(errs, errors.New(v.String()))
			}
			return errors.Join(errs...)
		},
	}
}

func TestCrashPRANode(t *testing.T) {
	begin := func(t *testing.T) upgradetest.Trial {
		s := pratest.Single()
		s.Users = []pratest.User{{Name: "ada"}}
		return praNodeRig(t, s, byPages).trial()
	}
	if soak() {
		upgradetest.TestCrash(t, begin)
		return
	}
	upgradetest.TestCrashes(t, 10, 1, begin)
}

// TestCrashPRAAsync crashes several times in a row at random places; every boundary in turn is for the soak.
func TestCrashPRAAsync(t *testing.T) {
	begin := func(t *testing.T) upgradetest.Trial {
		s := pairSite()
		w := wire(s, pratest.BySharedIP)
		r := newPRARig(t, s, byPages)
		r.procedure = r.async(w, pratest.BySharedIP).Procedure()
		return r.trial()
	}
	if soak() {
		upgradetest.TestCrash(t, begin)
		return
	}
	upgradetest.TestCrashes(t, 15, 1, begin)
}
