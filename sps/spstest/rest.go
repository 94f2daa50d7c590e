package spstest

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/sps"
)

// route is one method and path of the REST API. Nothing is answered that no vendor document or vendor program knows.
type route struct {
	method, path string // {key} stands for one element
	open         bool   // without login
	acts         bool   // changes something, so it must not come while the node boots
	do           func(*call)
	only         func(*Node) bool // nil: always; otherwise whether the release has it
}

// call is one request on its way through the API.
type call struct {
	n     *Node
	w     http.ResponseWriter
	r     *http.Request
	key   string // what {key} was
	user  string
	epoch int
	left  time.Duration // until the session ends

	// What the knobs were when the request came: they may be turned meanwhile.
	sw         Switches
	noPassword bool
	clientCAs  *x509.CertPool
	clock      time.Time
}

// call begins a request. With the lock held.
func (n *Node) call(w http.ResponseWriter, r *http.Request) *call {
	return &call{n: n, w: w, r: r, epoch: n.epoch, sw: n.Switches, noPassword: n.NoPasswordLogin, clientCAs: n.ClientCAs, clock: n.clock()}
}

var routes = []route{
	{method: "GET", path: "/api/authentication", open: true, do: (*call).login},
	{method: "GET", path: "/api/authentication/types", open: true, do: (*call).loginTypes, only: before("7.0")},
	{method: "GET", path: "/api/authentication/login_methods", open: true, do: (*call).loginMethods, only: since("7.0")},
	{method: "GET", path: "/api/user_info", do: (*call).userInfo},
	{method: "GET", path: "/api/user/info", do: (*call).userInfo},
	{method: "GET", path: "/api/userinfo", do: (*call).userInfo},
	{method: "GET", path: "/api/info", open: true, do: (*call).info},
	{method: "GET", path: "/api/setup", open: true, do: (*call).setup},
	{method: "GET", path: "/api/health_status", do: (*call).health, only: func(n *Node) bool { return n.healthPath() != "hyphen" }},
	{method: "GET", path: "/api/health-status", do: (*call).health, only: func(n *Node) bool { return n.healthPath() != "underscore" }},

	{method: "GET", path: "/api/firmware", do: (*call).firmware, only: firmwareAPI},
	{method: "GET", path: "/api/firmware/slots", do: (*call).listSlots, only: firmwareAPI},
	{method: "GET", path: "/api/firmware/slots/{key}", do: (*call).getSlot, only: firmwareAPI},
	{method: "DELETE", path: "/api/firmware/slots/{key}", acts: true, do: (*call).deleteSlot, only: firmwareAPI},
	{method: "POST", path: "/api/upload/firmware", acts: true, do: (*call).upload, only: firmwareAPI},
	{method: "POST", path: "/api/firmware/test", acts: true, do: (*call).test, only: firmwareAPI},
	{method: "POST", path: "/api/firmware/upgrade", acts: true, do: (*call).upgrade, only: firmwareAPI},
	{method: "POST", path: "/api/firmware/fetch", acts: true, do: (*call).startFetch, only: fetchAPI},
	{method: "GET", path: "/api/firmware/fetch", do: (*call).listFetches, only: fetchAPI},
	{method: "GET", path: "/api/firmware/fetch/{key}", do: (*call).getFetch, only: fetchAPI},
	{method: "DELETE", path: "/api/firmware/fetch/{key}", acts: true, do: (*call).deleteFetch, only: fetchAPI},

	{method: "GET", path: "/api/transaction", do: (*call).getTransaction},
	{method: "POST", path: "/api/transaction", acts: true, do: (*call).openTransaction},
	{method: "PUT", path: "/api/transaction", acts: true, do: (*call).commit},
	{method: "DELETE", path: "/api/transaction", acts: true, do: (*call).rollback},
	{method: "GET", path: "/api/transaction/changes", do: (*call).changes},
	{method: "GET", path: "/api/configuration", do: (*call).configuration},
	{method: "GET", path: "/api/configuration/management/license", do: (*call).licence},
	{method: "GET", path: "/api/configuration/management/accounting", do: (*call).accounting},
	{method: "GET", path: "/api/configuration/management/webinterface", do: (*call).webinterface},
	{method: "GET", path: "/api/configuration/troubleshooting", do: (*call).troubleshooting},

	{method: "POST", path: "/api/troubleshooting/support-bundle", acts: true, do: (*call).startBundle},
	{method: "GET", path: "/api/troubleshooting/support-bundle", do: (*call).listBundles},
	{method: "GET", path: "/api/troubleshooting/support-bundle/{key}", do: (*call).getBundle},
	{method: "GET", path: "/api/troubleshooting/support-bundle/{key}/download", do: (*call).downloadBundle},
	{method: "DELETE", path: "/api/troubleshooting/support-bundle/{key}", acts: true, do: (*call).deleteBundle},

	{method: "GET", path: "/api/cluster", do: (*call).clusterIndex},
	{method: "GET", path: "/api/cluster/status", do: (*call).clusterStatus},
	{method: "GET", path: "/api/cluster/status/{key}", do: (*call).clusterStatus},
	{method: "GET", path: "/api/cluster/nodes", do: (*call).clusterNodes},
	{method: "GET", path: "/api/cluster/nodes/{key}", do: (*call).clusterNodes},
}

func since(v string) func(*Node) bool {
	return func(n *Node) bool { return compare(n.running(), v) >= 0 }
}
func before(v string) func(*Node) bool {
	return func(n *Node) bool { return compare(n.running(), v) < 0 }
}

func firmwareAPI(n *Node) bool { return !n.Switches.NoFirmwareAPI && since("6.1")(n) }
func fetchAPI(n *Node) bool    { return firmwareAPI(n) && since("7.0")(n) }

// compare orders two versions; a word that is none is older than every version.
func compare(a, b string) int {
	v, _ := sps.ParseVersion(a)
	w, _ := sps.ParseVersion(b)
	return v.Compare(w)
}

// match returns what {key} stands for in path.
func match(pattern, path string) (key string, ok bool) {
	before, after, found := strings.Cut(pattern, "{key}")
	if !found {
		return "", pattern == path
	}
	rest, ok := strings.CutPrefix(path, before)
	if !ok {
		return "", false
	}
	key, ok = strings.CutSuffix(rest, after)
	return key, ok && key != "" && !strings.Contains(key, "/")
}

// ServeHTTP answers as the appliance does: the REST API under /api, the pages elsewhere. A node that is down answers nothing and breaks the
// connection.
func (n *Node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.begin()
	n.world.lock()
	c, face, booting := n.call(w, r), n.face(), n.phase == phaseBooting
	n.requests++
	crowded := n.Switches.MaxRequests > 0 && n.requests > n.Switches.MaxRequests
	n.world.unlock()
	defer n.world.in(func() { n.requests-- })
	if face != faceServe {
		breakConnection(w)
		return
	}
	w.Header().Set("Date", c.clock.UTC().Format(http.TimeFormat))
	switch {
	case booting:
		n.serveBoot(c)
		return
	case crowded:
		http.Error(w, "too many requests at a time", http.StatusServiceUnavailable)
		return
	}
	isAPI := r.URL.Path == "/api" || strings.HasPrefix(r.URL.Path, "/api/")
	what := r.Method + " " + r.URL.Path
	var found *route
	if isAPI {
		for i := range routes {
			k, ok := match(routes[i].path, r.URL.Path)
			if ok && routes[i].method == r.Method && (routes[i].only == nil || n.has(&routes[i])) {
				found, c.key = &routes[i], k
				break
			}
		}
	}
	pattern := what
	if found != nil {
		pattern = found.method + " " + found.path
	}
	n.faulty(w, r, []string{what, pattern}, func(w http.ResponseWriter, r *http.Request) {
		if !isAPI {
			n.servePage(w, r)
			return
		}
		c.w, c.r = w, r
		if found == nil {
			n.unknown(c)
			return
		}
		if c.admitted(found) {
			found.do(c)
		}
	})
}

func (n *Node) has(r *route) (ok bool) {
	n.world.in(func() { ok = r.only(n) })
	return ok
}

// unknown is a request for something that is in no document. It is loud, because a real appliance would refuse it too, and a test that passes
// nevertheless proves nothing. A path that exists in another release, or with another method, is answered quietly: clients probe.
func (n *Node) unknown(c *call) {
	for _, r := range routes {
		if _, ok := match(r.path, c.r.URL.Path); ok {
			if r.method == c.r.Method {
				c.fail(http.StatusNotFound, "ResourceNotFound", "this release has no "+c.r.URL.Path, nil)
				return
			}
		}
	}
	what := c.r.Method + " " + c.r.URL.Path
	var hook func(*http.Request)
	var t TB
	n.world.in(func() {
		n.note(UnknownRequest, "%s", what)
		hook, t = n.Unknown, n.T
	})
	switch {
	case hook != nil:
		hook(c.r)
	case t != nil:
		t.Helper()
		t.Errorf("spstest: %s: %s is in no vendor document", n.name(), what)
	}
	c.fail(http.StatusNotFound, "ResourceNotFound", "no such resource", map[string]any{"resource": c.r.URL.Path})
}

// admitted checks what holds for every path: a length, the token, the session.
func (c *call) admitted(r *route) bool {
	if r.method == "POST" && c.r.ContentLength < 0 || r.method == "POST" && c.r.ContentLength == 0 && c.r.Header.Get("Content-Length") == "" {
		// Stated for POST /api/transaction (SPS REST API Reference Guide, Open a transaction).
		c.fail(http.StatusLengthRequired, "LengthRequired", "the request has no Content-Length", nil)
		return false
	}
	if !r.open || r.path == "/api/info" {
		if !c.session() && !r.open {
			// SPS 7.0 LTS REST API Reference Guide, Retrieve user information, status table.
			c.fail(http.StatusUnauthorized, "Unauthenticated", "log in first", map[string]any{"resource": c.r.URL.Path})
			return false
		}
	}
	return !c.refusedToken()
}

// in runs f while the world stands still, unless the node has gone down since the request came.
func (c *call) in(f func()) bool {
	c.n.world.lock()
	defer c.n.world.unlock()
	if c.n.epoch != c.epoch || c.n.world.closed {
		return false
	}
	f()
	return true
}

// wait spends appliance time and reports whether the node is still there.
func (c *call) wait(d func() time.Duration) bool {
	if c.n.spend(c.r.Context(), d) != nil {
		return false
	}
	return c.in(func() {})
}

// gone breaks the connection: the node went down while it worked.
func (c *call) gone() { breakConnection(c.w) }

// json answers.
func (c *call) json(status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only our own values come here
	}
	if status == http.StatusNoContent {
		c.w.WriteHeader(status)
		return
	}
	c.w.Header().Set("Content-Type", "application/json")
	c.w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	c.w.WriteHeader(status)
	c.w.Write(b)
}

// obj is a JSON object.
type obj = map[string]any

func (c *call) meta(href string, more ...obj) obj {
	m := obj{"href": href, "remaining_seconds": int(c.left.Seconds())}
	if i := strings.LastIndexByte(href, '/'); i > 0 {
		m["parent"] = href[:i]
	}
	for _, o := range more {
		for k, v := range o {
			m[k] = v
		}
	}
	return m
}

// fail answers with an error object (SPS REST API Reference Guide, firmware test and upgrade: error.type and error.details).
func (c *call) fail(status int, typ, message string, details obj) {
	if details == nil {
		details = obj{}
	}
	e := obj{"type": typ, "details": details}
	if !c.sw.NoErrorMessage {
		e["message"] = message
	}
	c.json(status, obj{"error": e, "meta": obj{"href": c.r.URL.Path}})
}

// body reads a JSON object of at most 1 MiB. The samples of the firmware pages send none of the JSON content type, so any is accepted, and unknown
// members are ignored.
func (c *call) body() (obj, bool) {
	b, err := io.ReadAll(io.LimitReader(c.r.Body, 1<<20))
	if err != nil {
		return nil, false
	}
	out := obj{}
	if len(bytes.TrimSpace(b)) == 0 {
		return out, true
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&out); err != nil {
		c.fail(http.StatusBadRequest, "InvalidRequestBody", fmt.Sprintf("the body is no JSON object: %v", err), nil)
		return nil, false
	}
	return out, true
}

// breakConnection ends the connection as a dying machine does.
func breakConnection(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // no connection of ours below: net/http breaks it as well as it can
	}
	reset(c)
}
