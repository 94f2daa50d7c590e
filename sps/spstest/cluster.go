package spstest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/changeover-sdk/changeover/sps"
)

// Cluster is a search cluster: a search master, which is a node or a pair, search minions, perhaps further managed hosts, and one Central Management. The zero
// value is a master "search" that is also Central Management, and two minions "minion1" and "minion2", all on 7.0.2.
//
// What the vendor warns of happens here: a minion that runs an older version than the master while both are up corrupts the search index, and only
// Support can mend it (SPS 7.0.2.1 LTS, Upgrading a High Availability cluster, caution). An upgraded node audits nothing until all nodes run the same
// version (Upgrade Guide, Upgrading an SPS central cluster).
//
// Call a method of the cluster before one of its nodes.
type Cluster struct {
	// Master is the search master, if that is a node. Default: a node called "search", unless there is a MasterPair.
	Master *Node
	// MasterPair is the search master, if that is a pair. Default: none.
	MasterPair *Pair
	// Central is the Central Management, if that is a node of its own. Default: the search master.
	Central *Node
	// Minions are the search minions. Default: two nodes; an empty list that is not nil means none.
	Minions []*Node
	// Hosts are managed hosts without a part in searching. Default: none.
	Hosts []*Node

	// SyncWord is what GET /api/cluster/status tells as sync_status of a node that has the newest configuration. Default: "up-to-date"; only "n/a" and
	// "pending" are documented (SPS 6.0.12 REST API Reference Guide, Query the status of all nodes in the cluster).
	SyncWord string

	once      sync.Once
	world     *world
	members   []*member
	corrupted bool
}

// member is a node or a pair in a cluster.
type member struct {
	node     *Node
	pair     *Pair
	roles    []string
	auditing bool
}

// Role names in REST. The first is in a sample, the others are spelled after it.
const (
	roleCentral = "central-management"
	roleHost    = "managed-host"
	roleMaster  = "search-master"
	roleMinion  = "search-minion"
)

func (c *Cluster) begin() {
	c.once.Do(func() {
		if c.Master == nil && c.MasterPair == nil {
			c.Master = &Node{Name: "search"}
		}
		if c.Minions == nil {
			c.Minions = []*Node{{Name: "minion1"}, {Name: "minion2"}}
		}
		master := &member{node: c.Master, pair: c.MasterPair, roles: []string{roleCentral, roleMaster}}
		c.members = []*member{master}
		if c.Central != nil {
			master.roles[0] = roleHost
			c.Central.Name = cmp.Or(c.Central.Name, "central")
			c.members = append([]*member{{node: c.Central, roles: []string{roleCentral}}}, master)
		}
		for i, n := range c.Minions {
			n.Name = cmp.Or(n.Name, fmt.Sprintf("minion%d", i+1))
			c.members = append(c.members, &member{node: n, roles: []string{roleHost, roleMinion}})
		}
		for i, n := range c.Hosts {
			n.Name = cmp.Or(n.Name, fmt.Sprintf("host%d", i+1))
			c.members = append(c.members, &member{node: n, roles: []string{roleHost}})
		}
		c.world = newWorld(c.scale())
		for _, m := range c.members {
			m.auditing = m.audits()
			if m.pair != nil {
				if m.pair.world != nil {
					panic("spstest: the pair " + m.pair.name() + " was used before its cluster: call a method of that first")
				}
				m.pair.world, m.pair.clust = c.world, c
				if m.pair.A == nil {
					m.pair.A = new(Node)
				}
				m.pair.A.Roles = m.roles
				m.pair.begin()
				continue
			}
			m.node.Roles = m.roles
			m.node.join(c.world, nil, c)
		}
		c.world.mu.Lock()
		c.world.watch = append(c.world.watch, c.check)
		c.world.mu.Unlock()
	})
}

// scale is the master's.
func (c *Cluster) scale() float64 {
	if c.Master != nil {
		return c.Master.Scale
	}
	if c.MasterPair.A != nil {
		return c.MasterPair.A.Scale
	}
	return 0
}

// Nodes returns every node of the cluster, those of a pair one by one.
func (c *Cluster) Nodes() []*Node {
	c.begin()
	var out []*Node
	for _, m := range c.members {
		if m.pair != nil {
			out = append(out, m.pair.A, m.pair.B)
		} else {
			out = append(out, m.node)
		}
	}
	return out
}

// HTTPClient returns a client that reaches every node in memory; see [Node.HTTPClient].
func (c *Cluster) HTTPClient() *http.Client {
	c.begin()
	return c.world.net.HTTPClient()
}

// Record returns what has happened so far to all nodes, in order.
func (c *Cluster) Record() Record { return c.Nodes()[0].Record() }

// Violations returns what was done to any node that must never be done, the ruined index included.
func (c *Cluster) Violations() []Violation { return c.Nodes()[0].Violations() }

// Close ends the cluster; see [Node.Close].
func (c *Cluster) Close() {
	for _, n := range c.Nodes() {
		n.stopFetch()
	}
	c.world.close()
}

// Corrupted reports whether an old minion has met a new master.
func (c *Cluster) Corrupted() bool {
	c.begin()
	c.world.lock()
	defer c.world.unlock()
	return c.corrupted
}

// AuditGap returns for how long the node of that name has audited nothing so far because others were not upgraded yet, in appliance time.
func (c *Cluster) AuditGap(name string) time.Duration {
	var gap time.Duration
	var since time.Time
	for _, e := range c.Record().On(name) {
		switch e.What {
		case AuditStopped:
			since = e.At
		case AuditResumed:
			gap += e.At.Sub(since)
			since = time.Time{}
		}
	}
	c.world.in(func() {
		if !since.IsZero() {
			gap += c.world.now().Sub(since)
		}
		if c.world.scale != 0 {
			gap = time.Duration(float64(gap) / c.world.scale)
		}
	})
	return gap
}

// serving is the node that works for a member; nil while none does.
func (m *member) serving() *Node {
	n := m.node
	if m.pair != nil {
		n = m.pair.active
	}
	if n == nil || n.phase != phaseUp {
		return nil
	}
	return n
}

// one is a node of the member, whether it is up or not.
func (m *member) one() *Node {
	if m.pair == nil {
		return m.node
	}
	return cmp.Or(m.pair.active, m.pair.A)
}

func (m *member) has(role string) bool { return slices.Contains(m.roles, role) }

// audits: a search master does not (SPS 6.9.4 Administration Guide, Cluster roles).
func (m *member) audits() bool { return !m.has(roleMaster) }

func (m *member) name() string {
	if m.pair != nil {
		return m.pair.name()
	}
	return m.node.name()
}

// check draws the consequences of versions that differ. With the lock held.
func (c *Cluster) check() {
	var master *Node
	mixed, oldest := false, c.members[0].one().running()
	for _, m := range c.members {
		v := m.one().running()
		mixed = mixed || v != c.members[0].one().running()
		if compare(v, oldest) < 0 {
			oldest = v
		}
		if m.has(roleMaster) {
			master = m.serving()
		}
	}
	for _, m := range c.members {
		n := m.serving()
		if m.audits() && n != nil {
			if can := !mixed || n.running() == oldest; can != m.auditing {
				m.auditing = can
				n.note(map[bool]What{true: AuditResumed, false: AuditStopped}[can], "")
			}
		}
		if m.has(roleMinion) && n != nil && master != nil && compare(n.running(), master.running()) < 0 && !c.corrupted {
			c.corrupted = true
			n.note(IndexCorrupted, "minion on %s, master on %s", n.running(), master.running())
			n.violate("an old search minion met a new search master", IndexCorrupted, "minion on %s, master on %s", n.running(), master.running())
		}
	}
}

// central tells whether n answers for the Central Management.
func (c *Cluster) central(n *Node) bool {
	i := slices.IndexFunc(c.members, func(m *member) bool { return m.has(roleCentral) })
	return c.members[i].one() == n
}

// seen is when a member last reported: every 10 seconds while it is up (SPS 6.9.4 Administration Guide, Cluster roles).
func (m *member) seen() time.Time {
	n := m.one()
	w := n.world
	if m.serving() == nil {
		return n.downAt
	}
	every := w.scaled(10 * time.Second)
	return w.now().Add(-w.now().Sub(n.bootedAt) % max(every, 1))
}

// lost tells whether a member counts as offline: no report for 60 seconds (SPS 6.9.3 Administration Guide, Monitoring the status of nodes).
func (m *member) lost() bool {
	n := m.one()
	return n.world.now().Sub(m.seen()) > n.world.scaled(60*time.Second)
}

func (c *Cluster) sync(m *member) string {
	centre := c.members[slices.IndexFunc(c.members, func(m *member) bool { return m.has(roleCentral) })]
	switch {
	case m == centre:
		return "n/a"
	case m.serving() == nil:
		return "pending"
	case m.one().running() != centre.one().running():
		return "outdated" // a configuration fits only its own version
	}
	return cmp.Or(c.SyncWord, "up-to-date")
}

// page is Basic Settings > Cluster management, whose table is on the Central Management node.
func (c *Cluster) page(n *Node) screen {
	rows := []row{}
	for _, m := range c.members {
		if !c.central(n) && m.one() != n {
			continue
		}
		status := map[bool]string{true: "OFFLINE", false: "OK"}[m.lost()]
		if c.corrupted && m.has(roleMinion) {
			status = "ISSUES"
		}
		rows = append(rows, row{m.name(), []item{
			show("Address", m.one().host()+"."+m.one().domain()), show("Roles", strings.Join(m.roles, ", ")), show("Status", status),
			show("Configuration status", strings.ToUpper(c.sync(m))),
		}})
	}
	return screen{sps.PageCluster, []section{{"", rows}}}
}
