package spstest

import (
	"cmp"
	"net/http"
)

// info is GET /api/info: the name for everybody, the version only after login (SPS 6.9.3 REST API Reference Guide, Retrieve basic firmware and host
// information).
func (c *call) info() {
	n := c.n
	var body obj
	if !c.in(func() {
		body = obj{"hostname": n.host(), "domainname": n.domain(), "nickname": nil, "support_link": "mailto:support@" + n.domain()}
		if n.Nickname != "" {
			body["nickname"] = n.Nickname
		}
		if since("6.9")(n) {
			body["plugin_sdk_version"] = obj{"feature": "1.8", "full": "1.8.0"}
		}
		if c.user != "" {
			roles := n.Roles
			if roles == nil {
				roles = []string{}
			}
			body["analytics_enabled"] = false
			body["build_date"] = "2024-05-01T10:00:00+00:00"
			body["config_hash"] = "0123456789abcdef0123456789abcdef"
			body["firmware_version"] = n.shown()
			body["version"] = n.shown()
			body["roles"] = roles
		}
	}) {
		c.gone()
		return
	}
	meta := obj{"href": "/api/info", "parent": "/api"}
	if c.user != "" {
		meta["remaining_seconds"] = int(c.left.Seconds())
	}
	c.json(http.StatusOK, obj{"body": body, "key": "about_info", "meta": meta})
}

// setup is GET /api/setup (SPS 7.4 REST API Reference Guide, Completing the Welcome Wizard using REST).
func (c *call) setup() {
	status := "completed"
	c.in(func() {
		if c.n.Uninitialized {
			status = "uninitialized"
		}
	})
	c.json(http.StatusOK, obj{"status": status, "meta": obj{"eula": "/api/setup/eula", "href": "/api/setup", "parent": "/api", "remaining_seconds": 0}})
}

// Health is what a node reports of itself. The zero value is good.
type Health struct {
	CPU, Memory, Swap float64        // percent. Default: 3, 40 and 0
	Disk              float64        // percent used. Default: 21. An upgrade wants at least 10 % free (Upgrade Guide, central cluster)
	Sessions          map[string]int // live sessions by protocol. Default: none
	TaintedBoot       int            // files changed by hand
	TaintedCore       int
	TaintedOther      int    // on the other node of a pair
	BootIntegrity     string // Default: "OK"; the other known word is "CORRUPTED"
	CoreIntegrity     string // likewise
	RAID              string // status of the array. Default: "OK" (the word is a guess)
	RAIDProgress      string // of a rebuild. Default: none
	IndexerQueue      int    // documents that wait in front of the indexer
	WeakCertificate   string // where a certificate is too weak for 6.10 and later; the firmware test fails on it. Default: none
	Issue             string // anything else the System Monitor complains of. Default: none
}

func (n *Node) healthPath() string {
	return cmp.Or(n.Switches.HealthPath, map[bool]string{true: "hyphen", false: "underscore"}[before("7.0")(n)])
}

// health is GET /api/health_status (SPS 7.x REST API Reference Guide, Monitor appliance health).
func (c *call) health() {
	n := c.n
	var out obj
	if !c.in(func() {
		h := n.Health
		sessions, total := obj{}, 0
		for _, p := range []string{"http", "ica", "mssql", "rdp", "ssh", "telnet", "vnc"} {
			if h.Sessions[p] > 0 || !n.Switches.OldHealth {
				sessions[p] = h.Sessions[p]
			}
			total += h.Sessions[p]
		}
		disk := cmp.Or(h.Disk, 21)
		out = obj{"memory": cmp.Or(h.Memory, 40), "disk": disk, "swap": h.Swap, "load1": 0.2, "load5": 0.2, "load15": 0.1, "sessions": sessions}
		if n.Switches.OldHealth {
			out["total_sessions"] = total
			return
		}
		out["cpu"] = cmp.Or(h.CPU, 3)
		out["sessions_total"] = total
		out["firmware"] = obj{
			"tainted_files": obj{"boot": h.TaintedBoot, "core": h.TaintedCore, "ha_other": h.TaintedOther},
			"integrity":     obj{"boot": cmp.Or(h.BootIntegrity, "OK"), "core": cmp.Or(h.CoreIntegrity, "OK")},
		}
		out["indexer"] = obj{"indexer_status": []any{}, "processing_tasks": 0, "remaining_tasks": h.IndexerQueue, "worker_warnings": []any{}}
		out["pipeline_queues"] = obj{"session_events": 0, "indexer_events": h.IndexerQueue}
		raid := cmp.Or(h.RAID, "OK")
		out["raid"] = obj{
			"disks":  obj{"0": obj{"status": raid}, "1": obj{"status": "OK"}},
			"status": obj{"status": raid, "detailed_status": raid, "operation_progress": h.RAIDProgress},
		}
		const size = 1 << 40
		out["system_details"] = obj{"cpu": obj{"count": 8}, "disk": obj{"free": int64(size * (100 - disk) / 100), "percent": disk, "total": int64(size)}}
	}) {
		c.gone()
		return
	}
	c.json(http.StatusOK, obj{"health_status": out})
}
