package beyondtrust

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// parseHealthV2 reads the body of /health: HealthBase, with a message when it came with status 500 (Command API 2.0.0). A healthy appliance tells
// who it is and in which role; of an unhealthy one any field may be null.
func parseHealthV2(b []byte, healthy bool) (Health, error) {
	var said struct {
		Version     *string   `json:"version"`
		Build       *wireWord `json:"build"`
		Hostname    *string   `json:"appliance_hostname"`
		GUID        *string   `json:"appliance_id"`
		ClusterRole *string   `json:"cluster_role"`
		Role        *string   `json:"failover_role"`
		SharedIPs   []string  `json:"enabled_shared_ips"`
		LastSync    wireTime  `json:"last_data_sync"`
		SyncStatus  *string   `json:"last_data_sync_status"`
		Message     *string   `json:"message"`
	}
	if err := decode(b, &said); err != nil {
		return Health{}, err
	}
	h := Health{
		Healthy: healthy, Dialect: DialectV2, Problem: text(said.Message), Hostname: text(said.Hostname), VersionText: strings.TrimSpace(text(said.Version)),
		ClusterRole: ClusterRole(text(said.ClusterRole)), FailoverRole: Role(text(said.Role)),
		LastDataSync: said.LastSync.Time, LastDataSyncStatus: text(said.SyncStatus),
	}
	if said.GUID != nil {
		if h.GUID = plainGUID(*said.GUID); h.GUID == "" {
			return Health{}, fmt.Errorf("read health: appliance GUID %.60q is not one", *said.GUID)
		}
	}
	if v, err := ParseVersion(h.VersionText); err == nil {
		if said.Build != nil && v.Build == "" && word(string(*said.Build)) {
			v.Build = string(*said.Build)
		}
		h.Version = v
	}
	var err error
	if h.SharedIPs, err = parseAddrs(said.SharedIPs); err != nil {
		return Health{}, fmt.Errorf("read health: %w", err)
	}
	switch {
	case healthy && (h.GUID == "" || h.VersionText == "" || h.FailoverRole == ""):
		return Health{}, errors.New("read health: GUID, version or failover role is missing")
	case !healthy && h.GUID == "" && said.Version == nil && said.Role == nil && said.Hostname == nil:
		return Health{}, errors.New("read health: a message alone")
	}
	return h, nil
}

// parseHealthXML reads the answer of check_health (PRA, API Command: check_health). The name of the root is not documented, so any element that holds
// an appliance with its GUID and the success is taken.
func parseHealthXML(root *node) (Health, error) {
	box, err := root.one("appliance")
	if err != nil || box == nil {
		return Health{}, fmt.Errorf("read health: root element %.40q: want one appliance: %w", root.name, orMissing(err))
	}
	h := Health{GUID: plainGUID(box.attrs["id"]), Hostname: box.text, Dialect: DialectXML}
	if h.GUID == "" {
		return Health{}, fmt.Errorf("read health: appliance GUID %.60q is not one", box.attrs["id"])
	}
	words := map[string]string{}
	for _, name := range []string{"version", "success", "error_message", "failover_role", "last_data_sync_status"} {
		if words[name], err = root.word(name); err != nil {
			return Health{}, fmt.Errorf("read health: %w", err)
		}
	}
	switch words["success"] {
	case "1":
		h.Healthy = true
	case "0":
	default:
		return Health{}, fmt.Errorf("read health: success is %.20q, neither 1 nor 0", words["success"])
	}
	h.Problem, h.FailoverRole, h.LastDataSyncStatus = words["error_message"], Role(words["failover_role"]), words["last_data_sync_status"]
	h.VersionText = words["version"]
	if v, err := ParseVersion(h.VersionText); err == nil {
		h.Version = v
	}
	ips, err := root.one("enabled_shared_ips")
	if err != nil {
		return Health{}, fmt.Errorf("read health: %w", err)
	}
	if ips != nil {
		var list []string
		for _, ip := range ips.all("ip") {
			list = append(list, ip.text)
		}
		if h.SharedIPs, err = parseAddrs(list); err != nil {
			return Health{}, fmt.Errorf("read health: %w", err)
		}
	}
	if h.LastDataSync, err = xmlTime(root, "last_data_sync_time", "ts"); err != nil {
		return Health{}, fmt.Errorf("read health: %w", err)
	}
	if h.Healthy && (h.VersionText == "" || h.FailoverRole == "") {
		return Health{}, errors.New("read health: version or failover role is missing")
	}
	return h, nil
}

// xmlTime reads the time in the child called name: the UNIX seconds in its attribute, and its text where there are none.
func xmlTime(n *node, name, attr string) (time.Time, error) {
	k, err := n.one(name)
	if k == nil {
		return time.Time{}, err
	}
	if ts := k.attrs[attr]; ts != "" {
		return parseTime(ts)
	}
	return parseTime(k.text)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func orMissing(err error) error {
	if err == nil {
		return errors.New("it is missing")
	}
	return err
}
