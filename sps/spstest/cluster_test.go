package spstest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/sps"
)

// upgradeNode upgrades a node through its pages; a boot takes 12 minutes.
func upgradeNode(t *testing.T, n *Node, reboot bool) {
	t.Helper()
	press := func(where, row, button string, set map[string]string) {
		t.Helper()
		if _, _, err := n.Press(t.Context(), where, row, button, set, ""); err != nil {
			t.Fatal(err)
		}
	}
	press(sps.PageFirmwares, "", "Upload", map[string]string{"Browse": "sps-7.0.2.1.iso"})
	press(sps.PageFirmwares, "7.0.2.1", "Test", nil)
	press(sps.PageFirmwares, "7.0.2.1", "After reboot", nil)
	if reboot {
		press(sps.PageSystemControl, "This node", "Reboot", nil)
		time.Sleep(15 * time.Minute)
	}
}

func inCluster(t *testing.T, f func(t *testing.T, c *Cluster)) {
	synctest.Test(t, func(t *testing.T) {
		images := Image("7.0.2.1", 1<<16)
		c := &Cluster{Master: &Node{Name: "search", Files: images}, Minions: []*Node{{Files: images}, {Files: images}}}
		defer c.Close()
		c.begin()
		f(t, c)
	})
}

func TestClusterOrders(t *testing.T) {
	tests := map[string]struct {
		do        func(t *testing.T, c *Cluster)
		corrupted bool
	}{
		"minions first, then the master": {func(t *testing.T, c *Cluster) {
			for _, n := range c.Minions {
				upgradeNode(t, n, true)
			}
			upgradeNode(t, c.Master, true)
		}, false},
		"the master staged and off, minions, then the master on": {func(t *testing.T, c *Cluster) {
			upgradeNode(t, c.Master, false)
			c.Master.Pages().System.Shutdown(t.Context())
			time.Sleep(time.Minute)
			for _, n := range c.Minions {
				upgradeNode(t, n, true)
			}
			c.Master.PowerOn()
			time.Sleep(15 * time.Minute)
		}, false},
		"the master first": {func(t *testing.T, c *Cluster) {
			upgradeNode(t, c.Master, true)
			for _, n := range c.Minions {
				upgradeNode(t, n, true)
			}
		}, true},
		"the master staged and off, and on again too early": {func(t *testing.T, c *Cluster) {
			upgradeNode(t, c.Master, false)
			c.Master.Pages().System.Shutdown(t.Context())
			time.Sleep(time.Minute)
			upgradeNode(t, c.Minions[0], true)
			c.Master.PowerOn()
			time.Sleep(15 * time.Minute)
			upgradeNode(t, c.Minions[1], true)
		}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inCluster(t, func(t *testing.T, c *Cluster) {
				tt.do(t, c)
				if c.Corrupted() != tt.corrupted || len(c.Violations()) != len(c.Record().Of(IndexCorrupted)) {
					t.Errorf("corrupted %t, want %t; violations %v\n%v", c.Corrupted(), tt.corrupted, c.Violations(), c.Record())
				}
				for _, n := range c.Nodes() {
					if n.Running() != "7.0.2.1" {
						t.Errorf("%s runs %s", n.Name, n.Running())
					}
				}
				if got := len(c.Record().Of(AuditStopped)); got != len(c.Record().Of(AuditResumed)) || got == 0 {
					t.Errorf("audit stopped %d times:\n%v", got, c.Record())
				}
			})
		})
	}
}

func TestClusterAuditGap(t *testing.T) {
	inCluster(t, func(t *testing.T, c *Cluster) {
		upgradeNode(t, c.Minions[0], true)
		time.Sleep(57 * time.Minute) // it came up 12 minutes and 5 seconds after the reboot was ordered
		if got := c.AuditGap("minion1"); got.Round(time.Minute) != time.Hour {
			t.Errorf("minion1: %v", got)
		}
		if got := c.AuditGap("minion2"); got != 0 {
			t.Errorf("minion2, not upgraded: %v", got)
		}
	})
}

func TestClusterREST(t *testing.T) {
	inCluster(t, func(t *testing.T, c *Cluster) {
		u := loggedIn(t, c.Master)
		roles := map[string]any{}
		for i := range 3 {
			body := at(u.must("GET", "/api/cluster/nodes", ""), "items", i, "body")
			roles[at(body, "address").(string)] = at(body, "roles")
		}
		want := map[string]any{
			"search.example.test":  []any{"central-management", "search-master"},
			"minion1.example.test": []any{"managed-host", "search-minion"},
			"minion2.example.test": []any{"managed-host", "search-minion"},
		}
		if d := cmp.Diff(want, roles); d != "" {
			t.Errorf("roles (-want +got):\n%s", d)
		}
		if d := cmp.Diff(want["search.example.test"], at(u.must("GET", "/api/info", ""), "body", "roles")); d != "" {
			t.Errorf("info (-want +got):\n%s", d)
		}
		status := func() any {
			out := u.must("GET", "/api/cluster/status", "")
			if self := at(out, "meta", "self"); self != at(out, "items", 0, "meta", "href") {
				t.Errorf("self is %v", self)
			}
			return []any{at(out, "items", 0, "sync_status"), at(out, "items", 0, "health_status"), at(out, "items", 1, "sync_status"), at(out, "items", 2, "health_status") != nil}
		}
		if d := cmp.Diff([]any{"n/a", nil, "up-to-date", true}, status()); d != "" {
			t.Errorf("status (-want +got):\n%s", d)
		}
		c.Play("minion-offline")
		time.Sleep(61 * time.Second)
		if d := cmp.Diff([]any{"n/a", nil, "up-to-date", false}, status()); d != "" {
			t.Errorf("with a minion off (-want +got):\n%s", d)
		}
		if got, err := c.Master.Read(t.Context(), sps.PageCluster, "minion2", "Status"); got != "OFFLINE" || err != nil {
			t.Errorf("the page says %q, %v", got, err)
		}
		m := loggedIn(t, c.Minions[0])
		if status, _, _ := m.do("GET", "/api/cluster/status", ""); status != 404 {
			t.Errorf("a minion answers for the cluster: %d", status)
		}
	})
}

// A pair as the master: the invariant looks at the node that serves.
func TestClusterOfAPair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		images := Image("7.0.2.1", 1<<16)
		c := &Cluster{MasterPair: &Pair{A: &Node{Files: images}}, Central: &Node{Name: "central"}, Minions: []*Node{{Files: images}}, Hosts: []*Node{{}}}
		defer c.Close()
		if got := len(c.Nodes()); got != 5 {
			t.Fatalf("%d nodes", got)
		}
		u := loggedIn(t, c.Central)
		if got := at(u.must("GET", "/api/cluster/nodes", ""), "items", 1, "body", "roles"); !cmp.Equal(got, []any{"managed-host", "search-master"}) {
			t.Errorf("roles of the master: %v", got)
		}
		p := pairUnderTest{c.MasterPair, t}
		p.stage()
		time.Sleep(4 * time.Minute)
		p.shutdownOther()
		p.rebootThis()
		time.Sleep(15 * time.Minute)
		if !c.Corrupted() {
			t.Error("an old minion met a new master, and nothing happened")
		}
	})
}
