package upgrade

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/sps"
)

// Roles of the nodes of a search cluster, as GET /api/info words them. The first is in a sample of the SPS 6.0 REST API Reference Guide, the others are
// spelled after it.
const (
	RoleCentral = "central-management"
	RoleHost    = "managed-host"
	RoleMaster  = "search-master"
	RoleMinion  = "search-minion"
)

// An SPSMember is a node, or a pair at its service address, with the role it is given in a procedure.
type SPSMember struct {
	Client *sps.Client
	Role   string
}

// NoOldMinion returns a guard: the search master does not run v while a minion runs anything else. An old minion that meets a new master may create
// a legacy index with the wrong mapping, which only the vendor's support can mend (SPS 7.0.2.1 LTS, upgrading a High Availability cluster, caution).
func NoOldMinion(master *sps.Client, minions []*sps.Client, v sps.Version) Guard {
	on := []string{master.Host()}
	for _, m := range minions {
		on = append(on, m.Host())
	}
	return Guard{Name: "no old minion meets a new search master", On: on, Limit: 5 * time.Minute,
		Observe: func(ctx context.Context, _ Look) (Observation, error) {
			info, err := master.Info(ctx)
			switch {
			case err != nil:
				return spsCannot(err)
			case !info.Firmware.Same(v):
				return See(Done, nil, "the search master runs %s", info.FirmwareText), nil
			}
			old, err := olderThan(ctx, minions, v)
			switch {
			case err != nil:
				return spsCannot(err)
			case len(old) > 0:
				return See(Blocked, old, "the search master runs %s, and an old minion is up: %s. Switch those minions off from the network and call the vendor's support", v, strings.Join(old, ", ")), nil
			}
			return See(Done, nil, "master and minions run %s", v), nil
		}}
}

// olderThan names the nodes that do not run v.
func olderThan(ctx context.Context, nodes []*sps.Client, v sps.Version) (old []string, err error) {
	for _, c := range nodes {
		info, err := c.Info(ctx)
		if err != nil {
			return nil, err
		}
		if !info.Firmware.Same(v) {
			old = append(old, c.Host()+" "+info.FirmwareText)
		}
	}
	return old, nil
}

// CheckMinionsFirst returns a check that every minion runs v. Until the step called until begins, the one that brings the search master up on v, it is
// looked at again before every act.
func CheckMinionsFirst(master *sps.Client, minions []*sps.Client, v sps.Version, until string) Step {
	return Step{Name: "check that every minion is upgraded", On: []string{master.Host()}, With: map[string]string{"version": v.String()}, Until: until,
		Observe: func(ctx context.Context, _ Look) (Observation, error) {
			old, err := olderThan(ctx, minions, v)
			switch {
			case err != nil:
				return spsCannot(err)
			case len(old) > 0:
				return See(Blocked, old, "not on %s yet: %s", v, strings.Join(old, ", ")), nil
			}
			return See(Done, nil, "all %d minions run %s", len(minions), v), nil
		},
		Advice: "Upgrade every search minion before the search master."}
}

// CheckRoles returns a check that every member has the role it is given here, as the node itself says, and that central, the central management node, knows no
// node that is left out: a node that nobody upgrades leaves the cluster with mixed versions, and audits nothing (SPS Upgrade Guide, central cluster).
func CheckRoles(central *sps.Client, members []SPSMember) Step {
	with := map[string]string{}
	for _, m := range members {
		with[m.Client.Host()] = m.Role
	}
	return Step{Name: "check the roles", On: []string{central.Host()}, With: with,
		Observe: func(ctx context.Context, _ Look) (Observation, error) {
			var wrong []string
			for _, m := range members {
				info, err := m.Client.Info(ctx)
				if err != nil {
					return spsCannot(err)
				}
				if !hasRole(info.Roles, m.Role) {
					wrong = append(wrong, fmt.Sprintf("%s is no %s: its roles are %q", m.Client.Host(), m.Role, info.Roles))
				}
				for _, role := range []string{RoleMaster, RoleMinion} {
					if role != m.Role && hasRole(info.Roles, role) {
						wrong = append(wrong, fmt.Sprintf("%s is a %s, and stands here as %s", m.Client.Host(), role, m.Role))
					}
				}
			}
			nodes, err := central.ClusterNodes(ctx)
			if err != nil {
				return spsCannot(err)
			}
			if len(nodes) != len(members) {
				wrong = append(wrong, fmt.Sprintf("the cluster has %d nodes, and %d are in this procedure", len(nodes), len(members)))
			}
			if len(wrong) > 0 {
				return See(Blocked, wrong, "%s", strings.Join(wrong, "; ")), nil
			}
			return See(Done, with, "%d nodes, each in its role", len(members)), nil
		},
		Advice: "Give every node of the cluster its place in the procedure; roles are on Basic Settings > Cluster management."}
}

func hasRole(roles []string, role string) bool {
	return slices.ContainsFunc(roles, func(r string) bool { return strings.EqualFold(r, role) })
}

// VerifyCluster returns a wait after the upgrade: every member runs v, and central has heard from every node and sees no issue. Mixed versions are named.
func VerifyCluster(central *sps.Client, members []SPSMember, v sps.Version) Step {
	return Step{Name: "verify the cluster", On: []string{central.Host()}, With: map[string]string{"version": v.String()},
		Observe: func(ctx context.Context, _ Look) (Observation, error) {
			var clients []*sps.Client
			for _, m := range members {
				clients = append(clients, m.Client)
			}
			old, err := olderThan(ctx, clients, v)
			switch {
			case err != nil:
				return spsCannot(err)
			case len(old) > 0:
				return See(Blocked, old, "mixed versions: not on %s: %s", v, strings.Join(old, ", ")), nil
			}
			status, err := central.ClusterStatus(ctx)
			if err != nil {
				return spsCannot(err)
			}
			if issues := status.Issues(); len(issues) > 0 {
				return See(Pending, issues, "%s", strings.Join(issues, "; ")), nil
			}
			return See(Done, nil, "all %d nodes run %s, and the central management sees no issue", len(members), v), nil
		},
		Every: 30 * time.Second, Limit: 30 * time.Minute, Takes: time.Minute,
		Advice: "Nodes that are upgraded audit nothing until all are. Look at Basic Settings > Cluster management."}
}
