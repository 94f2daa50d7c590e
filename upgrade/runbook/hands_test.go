package runbook_test

import (
	"testing"
	"testing/synctest"

	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// Whether drivers press or a person does, it is one procedure: a run of the one goes on with the journal of the other.
func TestHandsAreNoOtherProcedure(t *testing.T) {
	for name, procedure := range map[string]func(t *testing.T, h hands) upgrade.Procedure{
		"SPSNode":   func(t *testing.T, h hands) upgrade.Procedure { return nodeRig(t, &spstest.Node{}, h).procedure },
		"SPSHA":     func(t *testing.T, h hands) upgrade.Procedure { return pairRig(t, &spstest.Pair{}, h).procedure },
		"SPSSearch": func(t *testing.T, h hands) upgrade.Procedure { return clusterRig(t, &spstest.Cluster{}, h).procedure },
		"PRANode":   func(t *testing.T, h hands) upgrade.Procedure { return praNodeRig(t, pratest.Single(), h).procedure },
		"PRANode, manual": func(t *testing.T, h hands) upgrade.Procedure {
			r := newPRARig(t, pratest.Single(), h)
			r.update.Manual, r.update.Store = true, r.artifacts
			return r.node().Procedure()
		},
		"PRASync": func(t *testing.T, h hands) upgrade.Procedure { return newPRARig(t, pairSite(), h).sync().Procedure() },
		"PRAAsync": func(t *testing.T, h hands) upgrade.Procedure {
			s := pairSite()
			w := wire(s, pratest.BySharedIP)
			return newPRARig(t, s, h).async(w, pratest.BySharedIP).Procedure()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				driven, err := upgrade.Plan(procedure(t, byPages))
				if err != nil {
					t.Fatal(err)
				}
				told, err := upgrade.Plan(procedure(t, byPerson))
				if err != nil {
					t.Fatal(err)
				}
				if driven.Digest != told.Digest {
					t.Errorf("by drivers:\n%s\nby a person:\n%s", driven, told)
				}
			})
		})
	}
}

// The backup that a person takes at the end is one of the new version: what lay in the inbox from before is not taken for it.
func TestSPSNodeFreshBackupByPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &spstest.Node{}
		r := nodeRig(t, n, byPerson)
		rep, err := r.run(t)
		if err != nil || rep.Outcome != upgrade.Succeeded {
			t.Fatalf("Run: %v\n%s", err, rep)
		}
		if got := len(n.Record().Of(spstest.Export)); got != 2 {
			t.Errorf("%d exports, want one of each version\n%s", got, rep)
		}
	})
}
