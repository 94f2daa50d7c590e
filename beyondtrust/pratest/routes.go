package pratest

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// family is a set of calls that have their errors and their permission in common.
type family int

const (
	public family = iota // no sign-in
	oauth
	commandXML
	commandV2
	config
	backupAPI
	reporting
)

// act answers one call. It runs under the lock.
type act func(*call) answer

// route is a path and what its methods do.
type route struct {
	family family
	quiet  bool   // a backup appliance may leave it out, see [Switches.BackupSilent]
	path   string // {id} stands for one element
	do     map[string]act
}

// routes are all paths that the documents know and an upgrade may need (PRA Command API 1.24.1 and 2.0.0, Configuration API 1.7 to 1.10, Backup
// API). /get_mech_list is not documented, the vendor's own Go client calls it.
var routes = []route{
	{public, false, "/check_health", map[string]act{"GET": probe}},
	{public, false, "/get_mech_list", map[string]act{"GET": mechList}},
	{oauth, false, "/oauth2/token", map[string]act{"POST": createToken}},

	{commandXML, false, "/api/command", map[string]act{"GET": command, "POST": command}},
	{commandXML, false, "/api/command.xsd", map[string]act{"GET": schema}},

	{commandV2, false, "/api/command/v2/openapi.yaml", map[string]act{"GET": openAPI("BeyondTrust Privileged Remote Access Command APIs", "2.0.0")}},
	{commandV2, false, "/api/command/v2/info", map[string]act{"GET": v2Info}},
	{commandV2, false, "/api/command/v2/health", map[string]act{"GET": v2Health}},
	{commandV2, false, "/api/command/v2/appliance", map[string]act{"GET": v2Appliances}},
	{commandV2, false, "/api/command/v2/appliance/client-count", map[string]act{"GET": v2Counts}},
	{commandV2, true, "/api/command/v2/client", map[string]act{"GET": v2Clients}},
	{commandV2, true, "/api/command/v2/client/{id}", map[string]act{"GET": v2Client}},
	{commandV2, true, "/api/command/v2/client/{id}/connections", map[string]act{"GET": v2Connections}},
	{commandV2, true, "/api/command/v2/session/{id}", map[string]act{"GET": v2Session, "PATCH": v2SetSession, "DELETE": v2EndSession}},
	{commandV2, true, "/api/command/v2/user", map[string]act{"GET": v2Users}},
	{commandV2, true, "/api/command/v2/user/{id}/logout", map[string]act{"POST": v2Logout}},
	{commandV2, false, "/api/command/v2/failover-role", map[string]act{"POST": v2SetRole}},

	{config, true, "/api/config/v1/openapi.yaml", map[string]act{"GET": openAPI("PRA Configuration APIs", "1.10")}},
	{config, true, "/api/config/v1/jump-client", map[string]act{"GET": listJumpClients}},
	{config, true, "/api/config/v1/jump-client/installer", map[string]act{"GET": listInstallers, "POST": createInstaller}},
	{config, true, "/api/config/v1/jump-client/installer/{id}", map[string]act{"GET": getInstaller, "DELETE": deleteInstaller}},
	{config, true, "/api/config/v1/jump-client/installer/{id}/{id}", map[string]act{"GET": downloadInstaller}},
	{config, true, "/api/config/v1/jump-client/{id}", map[string]act{"GET": getJumpClient}},
	{config, true, "/api/config/v1/jumpoint", map[string]act{"GET": listJumpoints}},
	{config, true, "/api/config/v1/jumpoint/{id}", map[string]act{"GET": getJumpoint}},
	{config, true, "/api/config/v1/jumpoint/{id}/node", map[string]act{"GET": listNodes}},
	{config, true, "/api/config/v1/api-account", map[string]act{"GET": listAccounts}},
	{config, true, "/api/config/v1/api-account/{id}", map[string]act{"GET": getAccount}},

	{reporting, true, "/api/reporting", map[string]act{"GET": report, "POST": report}},

	{backupAPI, true, "/api/backup", map[string]act{"GET": apiBackup, "POST": apiBackup}},
}

// match reports whether the route is k's, and takes its ids out of the path.
func (rt *route) match(k *call) bool {
	want, got := strings.Split(rt.path, "/"), strings.Split(k.path, "/")
	if len(want) != len(got) {
		return false
	}
	var ids [2]string
	n := 0
	for i := range want {
		switch {
		case want[i] == "{id}" && got[i] != "":
			ids[n] = got[i]
			n++
		case want[i] != got[i]:
			return false
		}
	}
	k.id, k.id2 = ids[0], ids[1]
	return true
}

// allow is the Allow header.
func (rt *route) allow() string {
	methods := slices.Collect(maps.Keys(rt.do))
	if rt.do["GET"] != nil {
		methods = append(methods, "HEAD")
	}
	methods = append(methods, "OPTIONS")
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}

// admit lets a call pass that may: the token, the rate, the permission.
func (f family) admit(k *call, do act) answer {
	b := k.box
	sw := b.site.Switches
	switch {
	case f == public || f == oauth:
		return do(k)
	case (f == commandXML || f == reporting) && sw.NoXML, f == commandV2 && sw.NoV2:
		return answer{status: http.StatusNotFound, kind: kindHTML, body: []byte("<html><body>Not Found</body></html>")}
	}
	if refusal, ok := b.authenticate(k); !ok {
		return refusal
	}
	header, ok := b.rate(k.account)
	if !ok {
		a := f.fail(b, sw.ThrottleStatus, "Too many requests")
		a.header = header
		return a
	}
	if !f.permits(k) {
		a := f.fail(b, http.StatusForbidden, "The API account does not have permission.")
		a.header = header
		return a
	}
	a := do(k)
	if a.header == nil {
		a.header = http.Header{}
	}
	maps.Copy(a.header, header)
	return a
}

// permits reports whether the account may make this kind of call. Reading needs read_only and acting full_access, as the XML commands say.
func (f family) permits(k *call) bool {
	a := k.account.Account
	switch f {
	case commandXML, commandV2:
		if k.acts() {
			return a.Command == "full_access"
		}
		return a.Command == "full_access" || a.Command == "read_only"
	case config:
		return a.Configuration
	case backupAPI:
		return a.Backup
	case reporting:
		return a.Reporting
	}
	return true
}

// acts reports whether a Command API call changes something.
func (k *call) acts() bool {
	if k.path == "/api/command" {
		return k.value("action") == "set_failover_role" || k.value("action") == "terminate_session"
	}
	return k.method != http.MethodGet && k.method != http.MethodHead
}

// fail is the family's way to say no.
func (f family) fail(b *Box, status int, message string) answer {
	switch f {
	case commandXML, reporting:
		return b.xmlError(message)
	case public:
		return answer{status: status, kind: kindPlain, body: []byte(message + "\n")}
	}
	return reply(status, map[string]any{"message": message})
}

// reply is an answer in JSON.
func reply(status int, v any) answer {
	return answer{status: status, kind: kindJSON, body: must(json.Marshal(v))}
}

// invalid is the answer to a request that cannot be right (422).
func invalid(field, message string) answer {
	return reply(http.StatusUnprocessableEntity, map[string]any{
		"message": "The given data was invalid.", "errors": map[string][]string{field: {message}},
	})
}
