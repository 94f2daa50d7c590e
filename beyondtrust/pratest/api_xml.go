package pratest

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// element is a node of an answer of the XML API.
type element struct {
	name     string
	attrs    []xml.Attr
	text     string
	children []element
}

func el(name, text string, children ...element) element {
	return element{name: name, text: text, children: children}
}

func (e element) with(name, value string) element {
	e.attrs = append(slices.Clip(e.attrs), xml.Attr{Name: xml.Name{Local: name}, Value: value})
	return e
}

// MarshalXML writes e without namespaces of its own: the root carries the one there is.
func (e element) MarshalXML(enc *xml.Encoder, _ xml.StartElement) error {
	start := xml.StartElement{Name: xml.Name{Local: e.name}, Attr: e.attrs}
	if err := enc.EncodeToken(start); err != nil {
		return err
	}
	if e.text != "" {
		if err := enc.EncodeToken(xml.CharData(e.text)); err != nil {
			return err
		}
	}
	for _, c := range e.children {
		if err := enc.Encode(c); err != nil {
			return err
		}
	}
	return enc.EncodeToken(start.End())
}

// xml is an answer with root as its document.
func (b *Box) xml(status int, root element) answer {
	return document(status, root.with("xmlns", b.site.Switches.Namespace))
}

func document(status int, root element) answer {
	return answer{status: status, kind: kindXML, body: append([]byte(xml.Header), must(xml.Marshal(root))...)}
}

func (b *Box) xmlError(message string) answer {
	return b.xml(b.site.Switches.XMLErrorStatus, el("error", message))
}

// command is GET or POST /api/command.
func command(k *call) answer {
	b := k.box
	if strings.HasPrefix(k.header.Get("Content-Type"), "multipart/") {
		return b.xmlError("Multipart requests are not supported")
	}
	action := k.value("action")
	if action == "set_failover_role" && b.site.Switches.NoRoleAPI {
		action = ""
	}
	switch action {
	case "check_health":
		return b.xml(http.StatusOK, b.healthXML())
	case "get_api_info":
		return b.xml(http.StatusOK, b.infoXML(k))
	case "get_logged_in_reps":
		return b.xml(http.StatusOK, b.repsXML())
	case "get_connected_client_list":
		return b.clientListXML(k)
	case "get_connected_clients":
		return b.clientsXML(k)
	case "terminate_session":
		if !b.endSession(k.value("lsid")) {
			return b.xmlError("No such session")
		}
		return b.xml(http.StatusOK, el("success", "Successfully terminated"))
	case "set_failover_role":
		role, err := b.setRole(beyondtrust.Role(k.value("role")), k.value("data_sync_first") == "1", k.value("force") == "1")
		if err != nil {
			return b.xmlError(err.text)
		}
		return b.xml(http.StatusOK, el("success", role))
	}
	// Session attributes, import_jump_shortcut and what only Remote Support has are no upgrade's business.
	return b.xmlError("Invalid action")
}

func schema(k *call) answer {
	return answer{status: http.StatusOK, kind: kindXML, body: []byte(xml.Header +
		`<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="` + k.box.site.Switches.Namespace + `"/>`)}
}

func (b *Box) healthXML() element {
	h := b.healthNow()
	root := el("health_check", "",
		el("appliance", h.Host).with("id", b.GUID),
		el("version", fmt.Sprintf("%s (%s-%s)", h.Version, h.Build, revision(h.Version+h.Build))),
		el("success", bit(h.Trouble == "")),
	)
	add := func(e element) { root.children = append(root.children, e) }
	if h.Trouble != "" {
		add(el("error_message", h.Trouble))
	}
	add(el("failover_role", string(h.Role)))
	if h.Role == beyondtrust.RoleNone { // the rest is left out when failover is not configured
		return root
	}
	if ips := b.sharedIPs(); len(ips) > 0 {
		list := el("enabled_shared_ips", "")
		for _, ip := range ips {
			list.children = append(list.children, el("ip", ip))
		}
		add(list)
	}
	if !b.st.lastSync.IsZero() {
		at := b.st.lastSync.UTC()
		add(el("last_data_sync_time", at.Format("2006-01-02T15:04:05-0700")).with("ts", strconv.FormatInt(at.Unix(), 10)))
		add(el("last_data_sync_status", b.syncWord()))
	}
	return root
}

func (b *Box) infoXML(k *call) element {
	p := el("permissions", "")
	for _, kv := range permissions(k.account.Account) {
		value := fmt.Sprint(kv.value)
		if on, ok := kv.value.(bool); ok {
			value = bit(on)
		}
		p.children = append(p.children, el("permission", value).with("name", kv.name))
	}
	return el("api_information", "",
		el("api_version", "1.24.1"), el("timestamp", strconv.FormatInt(b.clock().Unix(), 10)), p)
}

func (b *Box) repsXML() element {
	root := el("logged_in_reps", "")
	for _, u := range b.st.users {
		root.children = append(root.children, el("rep", "",
			el("display_name", u.name), el("public_display_name", u.name), el("private_display_name", u.name),
			el("type", "Normal"), el("direct_link", ""), el("logged_in_since", b.appTime(u.since).UTC().Format("2006-01-02T15:04:05-0700")),
			el("presentation_count", "0"), el("support_session_count", strconv.Itoa(u.sessions())), el("showing_on_rep_list", "0"),
		).with("id", strconv.Itoa(u.id)))
	}
	return root
}

// clientListXML answers get_connected_client_list: pinned_client, the connected Jump Clients, is there with type=all only.
func (b *Box) clientListXML(k *call) answer {
	kinds := map[string]bool{}
	for t := range strings.SplitSeq(k.value("type"), ",") {
		switch t {
		case "", "all", "representative", "support_customer", "presentation_attendee", "push_agent":
			kinds[t] = true
		default:
			return b.xmlError("Invalid type")
		}
	}
	all := kinds["all"] || k.value("type") == ""
	summary := el("appliance_summary", "").with("id", b.GUID)
	root := el("connected_client_list", "")
	var clients []element
	count := func(kind string, n int) {
		if all || kinds[kind] {
			summary.children = append(summary.children, el("count", strconv.Itoa(n)).with("type", kind))
		}
	}
	list := b.connected()
	for _, c := range list {
		if all || kinds[c.xmlKind] {
			clients = append(clients, el("connected_client", "").with("type", c.xmlKind).with("id", c.id))
		}
	}
	for _, kind := range []string{"representative", "support_customer", "push_agent"} {
		n := 0
		for _, c := range list {
			if c.xmlKind == kind {
				n++
			}
		}
		count(kind, n)
	}
	if all {
		summary.children = append(summary.children, el("count", strconv.Itoa(b.site.pinned(b))).with("type", "pinned_client"))
	}
	root.children = append(root.children, el("connected_client_summary", "", summary))
	if k.value("summary_only") != "1" {
		root.children = append(root.children, clients...)
	}
	return b.xml(http.StatusOK, root)
}

func (b *Box) clientsXML(k *call) answer {
	var want []string
	if ids := k.value("id"); ids != "" {
		if want = strings.Split(ids, ","); len(want) > 100 {
			return b.xmlError("Too many ids")
		}
	}
	root := el("connected_clients", "")
	for _, c := range b.connected() {
		if want != nil && !slices.Contains(want, c.id) {
			continue
		}
		root.children = append(root.children, el("connected_"+c.xmlKind, "",
			el("hostname", c.host), el("platform", "Windows").with("id", "windows"), el("timezone_offset", "0"),
			el("connected_since", b.appTime(c.since).UTC().Format("2006-01-02T15:04:05-0700")).with("ts", strconv.FormatInt(b.appTime(c.since).Unix(), 10)),
		).with("id", c.id))
	}
	return b.xml(http.StatusOK, root)
}

// appTime is t by b's clock.
func (b *Box) appTime(t time.Time) time.Time { return t.Add(b.ClockOffset) }

func bit(on bool) string {
	if on {
		return "1"
	}
	return "0"
}
