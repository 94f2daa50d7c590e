package spstest

import (
	"net/http"
	"time"
)

// clusterIndex is GET /api/cluster (SPS REST API Reference Guide, Manage SPS clusters).
func (c *call) clusterIndex() {
	var items []obj
	for _, key := range []string{"nodes", "status"} {
		items = append(items, obj{"key": key, "meta": obj{"href": "/api/cluster/" + key}})
	}
	c.json(http.StatusOK, obj{"items": items, "meta": c.meta("/api/cluster")})
}

// clusterList answers with what one makes of each member, or of the one the path names. Elsewhere than on the Central Management node the call fails, in a
// way that is not documented (the vendor's PowerShell module takes any failure for that).
func (c *call) clusterList(href string, one func(*member) obj) {
	n := c.n
	items, self, central := []obj{}, "", false
	if !c.in(func() {
		if n.clust == nil || !n.clust.central(n) {
			return
		}
		central = true
		for _, m := range n.clust.members {
			key := m.one().id()
			if m.one() == n {
				self = href + "/" + key
			}
			if c.key == "" || c.key == key {
				items = append(items, one(m))
			}
		}
	}) {
		c.gone()
		return
	}
	switch {
	case !central:
		c.fail(http.StatusNotFound, "ResourceNotFound", "this node is not the Central Management node of a cluster", obj{"resource": c.r.URL.Path})
	case c.key == "":
		c.json(http.StatusOK, obj{"items": items, "meta": c.meta(href, obj{"self": self})})
	case len(items) == 0:
		c.fail(http.StatusNotFound, "ResourceNotFound", "no such node", obj{"resource": c.r.URL.Path})
	default:
		c.json(http.StatusOK, items[0])
	}
}

// clusterStatus is GET /api/cluster/status (SPS 6.0.12 REST API Reference Guide, Query the status of all nodes in the cluster). The entry of the asked node
// itself has neither health nor last_seen, as in the sample.
func (c *call) clusterStatus() {
	const href = "/api/cluster/status"
	c.clusterList(href, func(m *member) obj {
		n := m.one()
		out := obj{"key": n.id(), "fqdn": n.host() + "." + n.domain(), "sync_status": n.clust.sync(m), "health_status": nil,
			"meta": obj{"href": href + "/" + n.id(), "configuration": "/api/cluster/nodes/" + n.id()}}
		if n == c.n {
			return out
		}
		out["last_seen"] = m.seen().Add(n.ClockOffset).UTC().Format(time.RFC3339)
		if !m.lost() {
			disk := n.Health.Disk
			if disk == 0 {
				disk = 21
			}
			out["health_status"] = obj{"disk": disk, "memory": 40, "swap": 0, "load1": 0.2, "load5": 0.2, "load15": 0.1, "total_sessions": 0}
		}
		issues := obj{}
		if n.clust.corrupted && m.has(roleMinion) {
			issues["warnings"] = []obj{{"message": "search data cannot be pushed: wrong schema mapping", "paths": []string{}}}
		}
		out["configuration_sync"] = obj{"last_updated": out["last_seen"], "last_checked": out["last_seen"], "downloaded_xml_hash": "0123456789abcdef", "issues": issues}
		return out
	})
}

// clusterNodes is GET /api/cluster/nodes (SPS 8.0 LTS REST API Reference Guide, Query nodes).
func (c *call) clusterNodes() {
	const href = "/api/cluster/nodes"
	c.clusterList(href, func(m *member) obj {
		n := m.one()
		return obj{"key": n.id(), "body": obj{"address": n.host() + "." + n.domain(), "roles": m.roles},
			"meta": obj{"href": href + "/" + n.id(), "status": "/api/cluster/status/" + n.id()}}
	})
}
