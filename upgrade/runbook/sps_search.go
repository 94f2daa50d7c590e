package runbook

import (
	"errors"
	"fmt"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/upgrade"
)

// SPSSearch upgrades a search cluster of SPS: one search master, which is a node or a High Availability pair, its search minions, and, where there are any, other
// managed hosts and a central management node of its own.
//
// # Order
//
// The vendor documents two orders. The Administration Guide (SPS 7.0.2.1 LTS) stages the master, shuts it down, upgrades the minions and starts the master; its first
// step says "complete steps 1-11", which taken literally would upgrade the master first: what the caution above it forbids. The Upgrade Guides (6.0, 6.9, 7.0, 7.1)
// go from the minions over the other managed hosts and the central management to the master. Both keep one invariant: no minion on the old version ever meets
// a search master on the new one.
//
// This procedure takes the second order. It keeps the invariant by order alone, needs no power button for the master, and leaves search up for longest. The
// invariant is also a guard, looked at before every act, and once more a condition of the master's reboot. Nodes are upgraded one after another.
//
// # The gap
//
// A node that is upgraded audits nothing until every node is (SPS Upgrade Guide, Upgrading a central cluster). The gap begins with the first minion's reboot and
// ends with the master's; somebody has to accept it before the first act, and stopping half-way keeps it open.
type SPSSearch struct {
	Version sps.Version

	Minions []SPSNode // search minions, in the order in which they are upgraded
	Hosts   []SPSNode // other managed hosts
	Central *SPSNode  // the central management, where it is a node of its own

	Master     *SPSNode // the search master, a node
	MasterPair *SPSHA   // or a pair
}

// Check says what is missing, without talking to anybody.
func (r SPSSearch) Check() error {
	var errs []error
	if (r.Master == nil) == (r.MasterPair == nil) {
		errs = append(errs, errors.New("runbook: SPSSearch: want the search master: Master or MasterPair"))
	}
	if len(r.Minions) == 0 {
		errs = append(errs, errors.New("runbook: SPSSearch: want Minions; without any, use SPSNode or SPSHA"))
	}
	nodes := append(append([]SPSNode(nil), r.Minions...), r.Hosts...)
	for _, n := range []*SPSNode{r.Central, r.Master} {
		if n != nil {
			nodes = append(nodes, *n)
		}
	}
	hosts := map[string]bool{}
	add := func(v sps.Version, c *sps.Client, err error) {
		errs = append(errs, err)
		if err != nil {
			return
		}
		if !v.Same(r.Version) {
			errs = append(errs, fmt.Errorf("runbook: SPSSearch: %s would get %s: every node of a cluster runs the same version, %s", c.Host(), v, r.Version))
		}
		if hosts[c.Host()] {
			errs = append(errs, fmt.Errorf("runbook: SPSSearch: %s is given twice", c.Host()))
		}
		hosts[c.Host()] = true
	}
	for _, n := range nodes {
		add(n.Version, n.Client, n.Check())
	}
	if r.MasterPair != nil {
		add(r.MasterPair.Version, r.MasterPair.Client, r.MasterPair.Check())
	}
	return errors.Join(errs...)
}

// Procedure returns the procedure as data. What Check finds missing makes it an invalid procedure, which [upgrade.Run] refuses.
func (r SPSSearch) Procedure() upgrade.Procedure {
	p := upgrade.Procedure{
		Name:   "SPS search cluster upgrade to " + r.Version.String(),
		Source: "SPS Upgrade Guide, upgrading a central cluster; SPS 7.0.2.1 LTS Administration Guide, caution for Search Minion nodes",
	}
	if r.Check() != nil {
		return p // without steps, so that it is refused
	}
	master, guards, masterSteps := r.master()
	minions, members := r.members(master)
	central := master
	if r.Central != nil {
		central = r.Central.Client
	}
	p.Guards = append(guards, upgrade.NoOldMinion(master, minions, r.Version))
	for _, m := range members {
		if m.Client != master {
			p.Guards = append(p.Guards, upgrade.SameSPS(m.Client))
		}
	}
	p.Steps = []upgrade.Step{
		upgrade.CheckRoles(central, members).At("checklist"),
		upgrade.Confirm("audit gap", fmt.Sprintf("From the first node's upgrade to the last one's, upgraded nodes audit nothing; there are %d. Is that accepted, and is the window reserved for all of them?", len(members))).At("upgrade guide"),
	}
	for _, n := range r.Minions {
		p.Steps = append(p.Steps, upgrade.Group("search minion "+n.Client.Host(), n.steps()...).At("1, 3"))
	}
	for _, n := range r.Hosts {
		p.Steps = append(p.Steps, upgrade.Group("managed host "+n.Client.Host(), n.steps()...))
	}
	if r.Central != nil {
		p.Steps = append(p.Steps, upgrade.Group("central management "+r.Central.Client.Host(), r.Central.steps()...))
	}
	p.Steps = append(p.Steps,
		upgrade.Group("search master "+master.Host(), append([]upgrade.Step{upgrade.CheckMinionsFirst(master, minions, r.Version, r.rebootsMaster()).At("caution")}, masterSteps...)...).At("4"),
		upgrade.VerifyCluster(central, members, r.Version),
	)
	return p
}

func (r SPSSearch) master() (*sps.Client, []upgrade.Guard, []upgrade.Step) {
	if r.MasterPair != nil {
		return r.MasterPair.Client, r.MasterPair.guards(), r.MasterPair.steps()
	}
	return r.Master.Client, []upgrade.Guard{upgrade.SameSPS(r.Master.Client)}, r.Master.steps()
}

// rebootsMaster names the step that may bring the master up on the new version.
func (r SPSSearch) rebootsMaster() string {
	switch {
	case r.MasterPair != nil:
		return "reboot primary"
	case r.Master.OneCall:
		return "upgrade the firmware"
	}
	return "reboot"
}

func (r SPSSearch) members(master *sps.Client) (minions []*sps.Client, members []upgrade.SPSMember) {
	for _, n := range r.Minions {
		minions = append(minions, n.Client)
		members = append(members, upgrade.SPSMember{Client: n.Client, Role: upgrade.RoleMinion})
	}
	for _, n := range r.Hosts {
		members = append(members, upgrade.SPSMember{Client: n.Client, Role: upgrade.RoleHost})
	}
	if r.Central != nil {
		members = append(members, upgrade.SPSMember{Client: r.Central.Client, Role: upgrade.RoleCentral})
	}
	return minions, append(members, upgrade.SPSMember{Client: master, Role: upgrade.RoleMaster})
}
