package pratest

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// health is what an appliance says of itself, in whichever API.
type health struct {
	Version, Build, Host, Trouble string
	Role                          beyondtrust.Role
}

func (b *Box) healthNow() health {
	h := health{Version: b.st.version, Build: b.st.build, Host: b.Name, Role: b.st.role, Trouble: b.trouble()}
	return h
}

// trouble is why b is not healthy; empty when it is.
func (b *Box) trouble() string {
	switch {
	case b.st.front == unhealthy:
		return "The site software is starting."
	case b.st.syncing != nil && b.site.Switches.SyncUnwell:
		return "A data sync is running."
	case b.site.flooded(b):
		return "The appliance is overloaded."
	}
	return ""
}

// probe is GET /check_health: 200 or 500 with a sentence, for anybody.
func probe(k *call) answer {
	if why := k.box.trouble(); why != "" {
		return answer{status: http.StatusInternalServerError, kind: kindPlain, body: []byte(why + "\n")}
	}
	return answer{status: http.StatusOK, kind: kindPlain, body: []byte("The site is healthy.\n")}
}

// mechList is GET /get_mech_list, which tells PRA from Remote Support.
func mechList(*call) answer {
	return reply(http.StatusOK, map[string]any{
		"mechs": []string{"local"}, "default_mech": "local", "cache": "1", "company": "example", "product": "bpam",
	})
}

// cached is an answer that is given again to who asks again within a minute.
type cached struct {
	at time.Time
	a  answer
}

// v2Health is GET /api/command/v2/health: 500 with the same fields when it is not well.
func v2Health(k *call) answer {
	if a, bad := k.unknownQuery(); bad {
		return a
	}
	b, s := k.box, k.box.site
	if old, ok := b.st.health["v2"]; ok && !s.Switches.FreshHealth && s.w.now.Sub(old.at) < s.scaled(time.Minute) {
		return old.a
	}
	h := b.healthNow()
	fields := map[string]any{
		"version": h.Version, "build": h.Build, "appliance_hostname": h.Host, "appliance_id": b.GUID,
		"cluster_role": "single", "failover_role": h.Role, "last_data_sync": nil, "last_data_sync_status": nil,
	}
	switch ips := b.sharedIPs(); {
	case len(ips) > 0:
		fields["enabled_shared_ips"] = ips
	case s.Switches.SharedIPs == "null":
		fields["enabled_shared_ips"] = nil
	case s.Switches.SharedIPs == "[]":
		fields["enabled_shared_ips"] = []string{}
	}
	if h.Role == beyondtrust.RolePrimary && !b.st.lastSync.IsZero() {
		fields["last_data_sync"], fields["last_data_sync_status"] = when(b.st.lastSync), b.syncWord()
	}
	b.more(fields)
	status := http.StatusOK
	if h.Trouble != "" {
		status, fields["message"] = http.StatusInternalServerError, h.Trouble
	}
	a := reply(status, fields)
	b.st.health["v2"] = cached{s.w.now, a}
	return a
}

// sharedIPs are the shared addresses that b has enabled.
func (b *Box) sharedIPs() []string {
	var list []string
	for _, i := range b.st.ips {
		if i.enabled && i.addr != b.Addr {
			list = append(list, i.addr.String())
		}
	}
	return list
}

// syncWord is the status of the last data-sync, or of the one that runs.
func (b *Box) syncWord() string {
	if w := b.site.Switches.SyncRunning; w != "" && (b.st.syncing != nil || b.st.stuckSyncing) {
		return w
	}
	return b.st.syncStatus
}

// more adds fields that no document knows.
func (b *Box) more(fields map[string]any) {
	if b.site.Switches.MoreFields {
		fields["a_field_of_the_future"] = map[string]any{"nested": []int{1, 2, 3}}
	}
}

// when is a point in time as v2 and the Configuration API word it: UTC, "+00:00" at the end.
func when(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05-07:00") }

// revision is the 40 hexadecimal digits that the XML API shows behind a build.
func revision(of string) string {
	sum := sha1.Sum([]byte(of)) // any 40 digits would do
	return hex.EncodeToString(sum[:])
}

// openAPI is an API's description of itself.
func openAPI(title, version string) act {
	return func(k *call) answer {
		return answer{status: http.StatusOK, kind: "application/yaml", body: fmt.Appendf(nil,
			"openapi: 3.0.0\ninfo:\n  title: %s\n  version: %s\nservers:\n  - url: https://%s\n", title, version, k.box.site.Name)}
	}
}
