package pratest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// unknownQuery refuses query parameters that are not named: 400 in Command v2, 401 in the Configuration API, as documented.
func (k *call) unknownQuery(known ...string) (answer, bool) {
	for name := range k.query {
		if !slices.Contains(known, name) {
			status := http.StatusBadRequest
			if strings.HasPrefix(k.path, "/api/config/") {
				status = http.StatusUnauthorized
			}
			return reply(status, map[string]any{"message": "Unknown parameter: " + name}), true
		}
	}
	return answer{}, false
}

// readBody reads a JSON body strictly into v: an unknown field is refused as an unknown parameter is.
func (k *call) readBody(v any) (answer, bool) {
	d := json.NewDecoder(bytes.NewReader(k.body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		status := http.StatusBadRequest
		if strings.HasPrefix(k.path, "/api/config/") {
			status = http.StatusUnauthorized
		}
		return reply(status, map[string]any{"message": "Unknown or malformed field"}), true
	}
	return answer{}, false
}

// permission is one right of an account.
type permission struct {
	name  string
	value any
}

func permissions(a Account) []permission {
	return []permission{
		{"perm_backup", a.Backup}, {"perm_command", a.Command}, {"perm_configuration", a.Configuration},
		{"perm_configuration_vault_account", false}, {"perm_ecm", false}, {"perm_reporting_license", false},
		{"perm_reporting_session", a.Reporting}, {"perm_reporting_syslog", false}, {"perm_reporting_vault", false},
		{"perm_vault_backup", a.VaultBackup}, {"perm_scim", false},
	}
}

func v2Info(k *call) answer {
	if a, bad := k.unknownQuery(); bad {
		return a
	}
	perms := map[string]any{}
	for _, p := range permissions(k.account.Account) {
		perms[p.name] = p.value
	}
	fields := map[string]any{
		"permissions": perms, "current_time": when(k.box.clock()), "command_api_version": "2.0.0", "config_api_version": "1.10",
		"reporting_api_version": "1.24.1", "backup_api_version": "1.0", "product": "pra",
	}
	k.box.more(fields)
	return reply(http.StatusOK, fields)
}

// v2Appliances lists an appliance and, in a relationship, its peer. That the peer is in it is inferred from Remote Support.
func v2Appliances(k *call) answer {
	if a, bad := k.unknownQuery(); bad {
		return a
	}
	b := k.box
	row := func(x *Box, role beyondtrust.Role) map[string]any {
		return map[string]any{
			"id": x.GUID, "name": x.Name, "public_hostname": b.site.Name, "cluster_role": "single", "failover_role": role,
			"accepting_connections": true, "timezone_offset": 0,
		}
	}
	list := []map[string]any{row(b, b.st.role)}
	if b.st.peer != nil && !b.site.Switches.AppliancesAlone {
		list = append(list, row(b.st.peer, b.peerSeen()))
	}
	return reply(http.StatusOK, list)
}

// words are the names that v2 has for kinds of clients, before and after Jumpoints became gateways.
func (s *Site) words() (console, client, gateway, consoles, clients, gateways string) {
	if s.Switches.OldCounts {
		return "access_console", "jump_client", "jumpoint", "access_consoles", "jump_clients", "jumpoints"
	}
	return "access_console", "asset_client", "gateway", "access_consoles", "asset_clients", "gateways"
}

func v2Counts(k *call) answer {
	if a, bad := k.unknownQuery("type"); bad {
		return a
	}
	console, client, gateway, consoles, clients, gateways := k.box.site.words()
	row := map[string]any{"id": k.box.GUID, consoles: 0, clients: 0, gateways: 0}
	for _, c := range k.box.connected() {
		switch c.xmlKind {
		case "representative":
			row[consoles] = row[consoles].(int) + 1
		case "support_customer":
			row[clients] = row[clients].(int) + 1
		case "push_agent":
			row[gateways] = row[gateways].(int) + 1
		}
	}
	switch t := k.query.Get("type"); t {
	case "":
	case console:
		delete(row, clients)
		delete(row, gateways)
	case client:
		delete(row, consoles)
		delete(row, gateways)
	case gateway:
		delete(row, consoles)
		delete(row, clients)
	default:
		return invalid("type", "The selected type is invalid.")
	}
	return reply(http.StatusOK, []any{row})
}

func (b *Box) v2Row(c connected) map[string]any {
	console, client, gateway, _, _, _ := b.site.words()
	row := map[string]any{"id": c.id, "hostname": c.host, "platform": "Windows", "timezone_offset": "0"}
	switch c.xmlKind {
	case "representative":
		row["type"], row["user_id"], row["user_type"] = console, c.user.id, "normal"
		row["username"], row["display_name"] = c.user.name, c.user.name
		row["session_count"], row["session_lsids"] = c.user.sessions(), c.user.lsids()
	case "support_customer":
		row["type"], row["lsid"] = client, c.lsid
	default:
		row["type"] = gateway
	}
	b.more(row)
	return row
}

func v2Clients(k *call) answer {
	if a, bad := k.unknownQuery("type"); bad {
		return a
	}
	list := []any{}
	for _, c := range k.box.connected() {
		if row := k.box.v2Row(c); k.query.Get("type") == "" || k.query.Get("type") == row["type"] {
			list = append(list, row)
		}
	}
	return reply(http.StatusOK, list)
}

func v2Client(k *call) answer {
	for _, c := range k.box.connected() {
		if c.id == k.id {
			return reply(http.StatusOK, k.box.v2Row(c))
		}
	}
	return notFound()
}

func v2Connections(k *call) answer {
	for _, c := range k.box.connected() {
		if c.id != k.id {
			continue
		}
		row := k.box.v2Row(c)
		row["connections"] = []any{map[string]any{
			"appliance_id": k.box.GUID, "purpose": "primary", "receive_traffic_node": nil,
			"connected_since": when(k.box.appTime(c.since)), "private_ip": "10.0.0.5",
		}}
		row["events"] = []any{}
		return reply(http.StatusOK, row)
	}
	return notFound()
}

func v2Session(k *call) answer {
	if k.box.session(k.id) == nil {
		return notFound()
	}
	return reply(http.StatusOK, []any{})
}

func v2SetSession(k *call) answer {
	if k.box.session(k.id) == nil {
		return notFound()
	}
	return reply(http.StatusOK, map[string]any{"message": "Updated."})
}

func v2EndSession(k *call) answer {
	if !k.box.endSession(k.id) {
		return notFound()
	}
	return answer{status: http.StatusNoContent}
}

func v2Users(k *call) answer {
	if a, bad := k.unknownQuery(); bad {
		return a
	}
	list := []any{}
	for _, u := range k.box.st.users {
		list = append(list, map[string]any{
			"id": u.id, "type": "normal", "display_name": u.name, "logged_in_since": when(k.box.appTime(u.since)), "session_count": u.sessions(),
		})
	}
	return reply(http.StatusOK, list)
}

func v2Logout(k *call) answer {
	if !k.box.logOut(k.id) {
		return notFound()
	}
	return answer{status: http.StatusNoContent}
}

// v2SetRole is POST /failover-role. The words of its message are those of the XML API.
func v2SetRole(k *call) answer {
	if k.box.site.Switches.NoRoleAPI {
		return notFound()
	}
	var body struct {
		Role      beyondtrust.Role `json:"role"`
		SyncFirst bool             `json:"data_sync_first"`
		Force     bool             `json:"force"`
	}
	if a, bad := k.readBody(&body); bad {
		return a
	}
	text, err := k.box.setRole(body.Role, body.SyncFirst, body.Force)
	if err != nil {
		if err.status == http.StatusUnprocessableEntity {
			return invalid("role", err.text)
		}
		return reply(err.status, map[string]any{"message": err.text})
	}
	return reply(http.StatusOK, map[string]any{"message": text})
}

func notFound() answer {
	return reply(http.StatusNotFound, map[string]any{"message": "Not Found"})
}
