package pratest

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// page cuts what a list call asked for out of n items, and says so in the headers (Configuration API 1.10, Pagination).
func (k *call) page(n int) (from, to int, header http.Header, refusal answer, bad bool) {
	size, current := 100, 1
	read := func(name string, low, high int, into *int) {
		if v := k.query.Get(name); v != "" {
			i, err := strconv.Atoi(v)
			if err != nil || i < low || i > high {
				refusal, bad = invalid(name, fmt.Sprintf("The %s must be between %d and %d.", name, low, high)), true
				return
			}
			*into = i
		}
	}
	read("per_page", 5, 100, &size)
	read("current_page", 1, 1<<30, &current)
	if bad {
		return
	}
	last := max(1, (n+size-1)/size)
	link := func(page int, rel string) string {
		q := maps.Clone(k.query)
		q.Set("per_page", strconv.Itoa(size))
		q.Set("current_page", strconv.Itoa(page))
		u := url.URL{Scheme: "https", Host: k.box.site.Name, Path: k.path, RawQuery: q.Encode()}
		return fmt.Sprintf("<%s>; rel=\"%s\"", u.String(), rel)
	}
	links := []string{link(1, "first")}
	if current > 1 {
		links = append(links, link(current-1, "previous"))
	}
	if current < last {
		links = append(links, link(current+1, "next"))
	}
	links = append(links, link(last, "last"))
	header = http.Header{
		"Link":                         {strings.Join(links, ", ")},
		"X-Bt-Pagination-Current-Page": {strconv.Itoa(current)},
		"X-Bt-Pagination-Last-Page":    {strconv.Itoa(last)},
		"X-Bt-Pagination-Per-Page":     {strconv.Itoa(size)},
		"X-Bt-Pagination-Total":        {strconv.Itoa(n)},
	}
	from = min((current-1)*size, n)
	return from, min(from+size, n), header, refusal, false
}

// list answers a list call with items i of n.
func (k *call) list(n int, item func(i int) map[string]any, known ...string) answer {
	if a, bad := k.unknownQuery(append(known, "per_page", "current_page")...); bad {
		return a
	}
	from, to, header, refusal, bad := k.page(n)
	if bad {
		return refusal
	}
	rows := make([]any, 0, to-from)
	for i := from; i < to; i++ {
		rows = append(rows, k.box.config(item(i)))
	}
	a := reply(http.StatusOK, rows)
	a.header = header
	return a
}

// config words a row as the Configuration API of some release does.
func (b *Box) config(row map[string]any) map[string]any {
	b.more(row)
	if !b.site.Switches.OldJSON {
		return row
	}
	for name, v := range row {
		switch v := v.(type) {
		case bool:
			row[name] = bit(v)
		case string:
			if at, err := time.Parse(time.RFC3339, v); err == nil {
				row[name] = at.Unix()
			}
		}
	}
	return row
}

// jumpClientFilters are the parameters of GET /jump-client.
var jumpClientFilters = []string{
	"name", "hostname", "fqdn", "tag", "jump_group_id", "jump_group_type", "console_user", "public_ip", "private_ip", "connection_type",
}

func listJumpClients(k *call) answer {
	b := k.box
	fl := &b.site.w.fleet
	filtered := k.query.Get("name") != "" || k.query.Get("hostname") != "" || k.query.Get("connection_type") != "" || k.query.Get("jump_group_type") == "personal"
	if !filtered {
		return k.list(len(fl.clients), b.jumpClient, jumpClientFilters...)
	}
	var found []int
	for i := range fl.clients {
		row := func(name, value string) bool { return k.query.Get(name) == "" || k.query.Get(name) == value }
		kindOf := "active"
		if fl.clients[i].kind == passive {
			kindOf = "passive"
		}
		if row("name", clientName(i)) && row("hostname", clientName(i)) && row("connection_type", kindOf) && row("jump_group_type", "shared") {
			found = append(found, i)
		}
	}
	return k.list(len(found), func(i int) map[string]any { return b.jumpClient(found[i]) }, jumpClientFilters...)
}

func getJumpClient(k *call) answer {
	id := clientNumber(k.id)
	i := clientIndex(id)
	if i < 0 || i >= len(k.box.site.w.fleet.clients) || clientID(i) != id {
		return notFound()
	}
	return reply(http.StatusOK, k.box.config(k.box.jumpClient(i)))
}

// jumpClient is a Jump Client as b knows it: to an appliance that it is not connected to, it is disconnected.
func (b *Box) jumpClient(i int) map[string]any {
	s := b.site
	fl := &s.w.fleet
	c := fl.clients[i]
	at := func(sec int32) any {
		if sec == 0 {
			return nil
		}
		return when(b.appTime(fl.epoch.Add(time.Duration(sec) * time.Second)))
	}
	connect, disconnect := c.connect, c.disconnect
	if c.box != 0 && c.box != s.number(b) && disconnect <= connect {
		disconnect = connect + 1 // it went to the other appliance
	}
	kindOf := "active"
	if c.kind == passive {
		kindOf = "passive"
	}
	return map[string]any{
		"id": clientID(i), "name": clientName(i), "hostname": clientName(i), "fqdn": clientName(i) + "." + s.domain(),
		"jump_group_id": 3, "jump_group_type": "shared", "connection_type": kindOf, "operating_system": "Windows Server 2022",
		"last_connect_timestamp": at(connect), "last_disconnect_timestamp": at(disconnect), "last_access_timestamp": nil, "expiration_timestamp": nil,
		"is_lost": c.kind == offline, "needs_update": fl.versions[c.version].software != b.software(),
		"unavailable_reason": "none", "install_mode": "service", "public_ip": "203.0.113.7", "private_ip": "10.0.0.7", "console_user": "", "tag": "",
	}
}

func listJumpoints(k *call) answer {
	return k.list(len(k.box.site.w.fleet.jumpoints), k.box.jumpoint, "name", "public_ip", "private_ip", "hostname", "code_name")
}

func (b *Box) jumpoint(i int) map[string]any {
	return map[string]any{
		"id": 501 + i, "name": jumpointName(i), "code_name": fmt.Sprintf("jumpoint_%d", i+1), "platform": "windows-x86", "enabled": true,
		"connected": b.site.w.fleet.jumpoints[i].box == b, "clustered": false, "public_ip": "203.0.113.8", "private_ip": "10.0.0.8", "hostname": jumpointName(i),
	}
}

func (k *call) jumpointIndex() (int, bool) {
	i := clientNumber(k.id) - 501
	return i, i >= 0 && i < len(k.box.site.w.fleet.jumpoints)
}

func getJumpoint(k *call) answer {
	if i, ok := k.jumpointIndex(); ok {
		return reply(http.StatusOK, k.box.config(k.box.jumpoint(i)))
	}
	return notFound()
}

func listNodes(k *call) answer {
	i, ok := k.jumpointIndex()
	if !ok {
		return notFound()
	}
	j := k.box.site.w.fleet.jumpoints[i]
	node := map[string]any{
		"id": 1, "hostname": jumpointName(i), "public_ip": "203.0.113.8", "private_ip": "10.0.0.8",
		"last_connect_timestamp": when(k.box.appTime(j.connect)), "last_disconnect_timestamp": nil,
	}
	if !j.disconnect.IsZero() {
		node["last_disconnect_timestamp"] = when(k.box.appTime(j.disconnect))
	}
	if node = k.box.config(node); k.box.site.Switches.NodeObject {
		return reply(http.StatusOK, node)
	}
	return reply(http.StatusOK, []any{node})
}

func listAccounts(k *call) answer {
	return k.list(len(k.box.site.Accounts), k.box.accountRow, "name")
}

func getAccount(k *call) answer {
	i := clientNumber(k.id) - 1
	if i < 0 || i >= len(k.box.site.Accounts) {
		return notFound()
	}
	return reply(http.StatusOK, k.box.accountRow(i))
}

func (b *Box) accountRow(i int) map[string]any {
	a := b.account(b.site.Accounts[i].ClientID)
	allowed := []string{}
	for _, p := range a.Allowed {
		allowed = append(allowed, p.String())
	}
	row := map[string]any{
		"id": i + 1, "name": a.Name, "comments": "", "enabled": !a.Disabled, "ip_addresses": allowed, "client_id": a.ClientID,
		"failed_login_attempts": a.failed, "failed_login_expiration": nil,
	}
	if b.site.w.now.Before(a.locked) {
		row["failed_login_expiration"] = when(b.appTime(a.locked))
	}
	for _, p := range permissions(a.Account) {
		row[p.name] = p.value
	}
	return row
}
