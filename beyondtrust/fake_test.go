package beyondtrust_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/internal/memnet"
)

const (
	guidA  = "50000000000000000000000000000aaa"
	guidB  = "50000000000000000000000000000bbb"
	id     = "0123456789abcdef"
	secret = "canary-5ecret-of-the-account"
	site   = "access.example.com"
)

// box is an appliance that answers what a test tells it to. What nobody told it fails the test.
type box struct {
	t   *testing.T
	net *memnet.Network

	mu       sync.Mutex
	answers  map[string]http.HandlerFunc // by "GET /path"
	asked    []string                    // every request: "GET /path?query"
	at       []time.Time                 // when
	conns    int
	tokens   []string // valid ones, oldest first
	minted   int
	life     int    // seconds
	secret   string // what it accepts
	hosts    map[string]bool
	tokenHit func() // called while a token is made
	refuse   func() // called before a dead token is refused
}

// newBox returns an appliance of the 26.1 line that is healthy, listening at the addresses.
func newBox(t *testing.T, n *memnet.Network, addrs ...string) *box {
	t.Helper()
	b := &box{t: t, net: n, answers: map[string]http.HandlerFunc{}, life: 3600, secret: secret, hosts: map[string]bool{}}
	b.json("GET /api/command/v2/info", 200, infoV2)
	b.json("GET /api/command/v2/health", 200, healthV2)
	b.xml("check_health", 200, healthXML)
	for _, addr := range addrs {
		stop, err := n.Serve(addr, func(c *memnet.Conn) {
			b.mu.Lock()
			b.conns++
			b.mu.Unlock()
			memnet.ServeHTTP(c, b)
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
	}
	return b
}

// client returns a client of the box at the site's name.
func (b *box) client(opts *beyondtrust.Options) *beyondtrust.Client {
	b.t.Helper()
	return b.clientOf(beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)), opts)
}

func (b *box) clientOf(cred beyondtrust.Credential, opts *beyondtrust.Options) *beyondtrust.Client {
	b.t.Helper()
	o := beyondtrust.Options{}
	if opts != nil {
		o = *opts
	}
	o.HTTPClient = b.net.HTTPClient()
	c, err := beyondtrust.NewClient("https://"+site, cred, &o)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// on answers requests like "GET /path".
func (b *box) on(what string, h http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answers[what] = h
}

func (b *box) text(what string, status int, kind, body string) {
	b.on(what, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		io.WriteString(w, body)
	})
}

func (b *box) json(what string, status int, body string) {
	b.text(what, status, "application/json", body)
}

// xml answers an action of the XML API.
func (b *box) xml(action string, status int, body string) {
	b.text("XML "+action, status, "text/xml; charset=UTF-8", body)
}

// count returns how many requests began with what.
func (b *box) count(what string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, a := range b.asked {
		if strings.HasPrefix(a, what) {
			n++
		}
	}
	return n
}

// kill makes every token invalid.
func (b *box) kill() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens = nil
}

func (b *box) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	what := r.Method + " " + r.URL.Path
	b.mu.Lock()
	line := what
	if r.URL.RawQuery != "" {
		line += "?" + r.URL.RawQuery
	}
	b.asked, b.at = append(b.asked, line), append(b.at, time.Now())
	b.hosts[r.Host] = true
	b.mu.Unlock()
	switch r.URL.Path {
	case "/oauth2/token":
		b.mu.Lock()
		h := b.answers["POST /oauth2/token"]
		b.mu.Unlock()
		if h == nil {
			h = b.token
		}
		h(w, r)
		return
	case "/check_health":
	default:
		b.mu.Lock()
		ok := false
		for _, t := range b.tokens {
			ok = ok || r.Header.Get("Authorization") == "Bearer "+t
		}
		b.mu.Unlock()
		if !ok {
			if b.refuse != nil {
				b.refuse()
			}
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, `{"error":"access_denied","message":"The resource owner or authorization server denied the request."}`)
			return
		}
	}
	if r.URL.Path == "/api/command" {
		r.ParseForm()
		what = "XML " + r.Form.Get("action")
	}
	b.mu.Lock()
	h := b.answers[what]
	b.mu.Unlock()
	if h == nil {
		b.t.Errorf("the appliance was asked %s, which it does not know", line)
		w.WriteHeader(http.StatusNotFound)
		return
	}
	h(w, r)
}

// token makes a token; the thirty-first ends the first.
func (b *box) token(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	hit := b.tokenHit
	b.mu.Unlock()
	if hit != nil {
		hit()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if user, pass, _ := r.BasicAuth(); user != id || pass != b.secret {
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, `{"error":"invalid_client","message":"Client authentication failed."}`)
		return
	}
	b.minted++
	t := fmt.Sprintf("canary-t0ken-%d", b.minted)
	if b.tokens = append(b.tokens, t); len(b.tokens) > 30 {
		b.tokens = b.tokens[1:]
	}
	json.NewEncoder(w).Encode(map[string]any{"access_token": t, "token_type": "Bearer", "expires_in": b.life})
}

const infoV2 = `{"permissions":{"perm_backup":true,"perm_command":"full_access","perm_vault_backup":false},
 "current_time":"2026-03-01T02:00:00+00:00","command_api_version":"2.0.0","config_api_version":"1.12","product":"pra"}`

const healthV2 = `{"version":"26.1.2","build":"61234","appliance_hostname":"pra-a","appliance_id":"` + guidA + `",
 "cluster_role":"single","failover_role":"primary","enabled_shared_ips":["192.0.2.10"],
 "last_data_sync":"2026-03-01T01:10:00+00:00","last_data_sync_status":"success"}`

const healthXML = `<?xml version="1.0" encoding="UTF-8"?>
<health_check xmlns="https://www.beyondtrust.com/namespaces/API/command">
  <appliance id="` + guidA + `">pra-a</appliance>
  <version>26.1.2 (61234-0123456789abcdef0123456789abcdef01234567)</version>
  <success>1</success>
  <failover_role>primary</failover_role>
  <enabled_shared_ips><ip>192.0.2.10</ip></enabled_shared_ips>
  <last_data_sync_time ts="1772327400">2026-03-01T01:10:00+0000</last_data_sync_time>
  <last_data_sync_status>success</last_data_sync_status>
</health_check>`

const infoXML = `<api_information xmlns="http://www.bomgar.com/namespaces/API/command"><api_version>1.24.1</api_version>
<timestamp>1772330400</timestamp><permissions><permission name="perm_command">full_access</permission>
<permission name="perm_backup">1</permission></permissions></api_information>`

// older turns the box into one of the 24.3 line, which has no v2.
func (b *box) older() *box {
	b.text("GET /api/command/v2/info", 404, "text/html", "<html><title>Not Found</title></html>")
	b.xml("get_api_info", 200, infoXML)
	return b
}

// redirect answers with a way to somewhere else.
func (b *box) redirect(what, to string) {
	b.on(what, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) })
}
