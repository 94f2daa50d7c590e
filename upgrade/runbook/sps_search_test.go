package runbook_test

import (
	"testing"
	"testing/synctest"

	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/upgrade"
)

func TestSPSSearch(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cluster func() *spstest.Cluster
		hands   hands
	}{
		"a node as master, through the pages": {func() *spstest.Cluster { return &spstest.Cluster{} }, byPages},
		"a node as master, by a person":       {func() *spstest.Cluster { return &spstest.Cluster{} }, byPerson},
		"a pair as master, with hosts and a central management": {func() *spstest.Cluster {
			return &spstest.Cluster{MasterPair: &spstest.Pair{}, Central: &spstest.Node{}, Hosts: []*spstest.Node{{}}}
		}, byPages},
		"a pair as master, by a person": {func() *spstest.Cluster { return &spstest.Cluster{MasterPair: &spstest.Pair{}} }, byPerson},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := tt.cluster()
				r := clusterRig(t, c, tt.hands)
				rep, err := r.run(t)
				if err != nil || rep.Outcome != upgrade.Succeeded {
					t.Fatalf("Run: %v\n%s\n%s", err, rep, c.Record())
				}
				if err := r.person.Err(); err != nil {
					t.Error(err)
				}
				for _, n := range c.Nodes() {
					if n.Running() != newVersion {
						t.Errorf("%s runs %s", n.Name, n.Running())
					}
				}
				if c.Corrupted() {
					t.Errorf("the search index is corrupted:\n%s", c.Record())
				}
				checkRecord(t, rep, c.Record(), c.Violations())
			})
		})
	}
}
