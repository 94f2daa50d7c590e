package pratest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

func decode(t *testing.T, body []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return m
}

// TestWire are the facts of the Command, Configuration and OAuth documents.
func TestWire(t *testing.T) {
	site := pratest.Pair()
	site.Traffic = pratest.BySharedIP
	site.B.ClockOffset = -3 * time.Hour
	bubble(t, site, func(t *testing.T) {
		ctx := t.Context()
		tok, tokB := token(t, site, &site.A), token(t, site, &site.B)
		get := func(path string) got { return ask(ctx, site, "GET", "https://pra-a.example.com"+path, tok) }

		h := decode(t, get("/api/command/v2/health").body)
		for field, want := range map[string]any{
			"version": "24.3.2", "build": "51234", "appliance_hostname": "pra-a", "appliance_id": "50000000000000000000000000000aaa",
			"cluster_role": "single", "failover_role": "primary", "last_data_sync_status": "success",
		} {
			if d := cmp.Diff(want, h[field]); d != "" {
				t.Errorf("health %s (-want +got):\n%s", field, d)
			}
		}
		if s, _ := h["last_data_sync"].(string); !strings.HasSuffix(s, "+00:00") {
			t.Errorf("date-times end in +00:00: %q", s)
		}
		hb := decode(t, ask(ctx, site, "GET", "https://pra-b.example.com/api/command/v2/health", tokB).body)
		if hb["last_data_sync"] != nil || hb["failover_role"] != "backup" {
			t.Errorf("a backup has no last_data_sync in v2: %v", hb)
		}
		if _, ok := hb["enabled_shared_ips"]; ok {
			t.Error("B has no shared IP enabled, the field is left out")
		}
		xb := ask(ctx, site, "GET", "https://pra-b.example.com/api/command?action=check_health", tokB)
		if !bytes.Contains(xb.body, []byte("<last_data_sync_time ts=")) || !bytes.Contains(xb.body, []byte("<failover_role>backup</failover_role>")) {
			t.Errorf("XML health of B: %s", xb.body)
		}
		if !strings.HasPrefix(xb.kind, "text/xml") {
			t.Errorf("its type is %s", xb.kind)
		}

		for path, want := range map[string]int{
			"/api/command/v2/health?deep=1":             400, // unknown parameter in Command v2
			"/api/config/v1/jump-client?colour=red":     401, // and in the Configuration API
			"/api/config/v1/jump-client?per_page=1":     422,
			"/api/config/v1/jump-client/4":              404,
			"/api/command/v2/session/0123":              404,
			"/check_health":                             200,
			"/get_mech_list?version=3":                  200,
			"/api/command/v2/openapi.yaml":              200,
			"/api/command.xsd":                          200,
			"/api/command?action=dance":                 200, // an error element
			"/api/command/v2/appliance/client-count":    200,
			"/api/config/v1/jumpoint/501/node":          200,
			"/api/config/v1/api-account/1":              200,
			"/api/command/v2/client?type=asset_client":  200,
			"/api/command?action=get_logged_in_reps":    200,
			"/api/command?action=get_api_info":          200,
			"/api/command?action=get_connected_clients": 200,
		} {
			if g := get(path); g.status != want {
				t.Errorf("GET %s = %d, want %d: %s", path, g.status, want, g.body)
			}
			if g := ask(ctx, site, "POST", "https://pra-a.example.com/check_health", ""); g.status != 405 {
				t.Errorf("wrong method: %d", g.status)
			}
		}
		if m := decode(t, get("/api/config/v1/jump-client?colour=red").body); m["error"] != nil {
			t.Errorf("the 401 for an unknown parameter is no OAuth error: %v", m)
		}
		if g := ask(ctx, site, "GET", "https://pra-a.example.com/api/command/v2/info", "wrong"); g.status != 401 || decode(t, g.body)["error"] != "access_denied" {
			t.Errorf("bad token: %d %s", g.status, g.body)
		}
		if g := ask(ctx, site, "GET", "https://pra-a.example.com/api/command/v2/info", tokB); g.status != 401 {
			t.Errorf("B's token at A: %d", g.status)
		}
		if g := ask(ctx, site, "OPTIONS", "https://pra-a.example.com/api/command/v2/failover-role", tok); g.status != 204 {
			t.Errorf("OPTIONS: %d", g.status)
		}
		if g := ask(ctx, site, "HEAD", "https://pra-a.example.com/api/command/v2/info", tok); g.status != 200 || len(g.body) != 0 {
			t.Errorf("HEAD: %d %s", g.status, g.body)
		}
		req, _ := http.NewRequestWithContext(ctx, "GET", "https://pra-b.example.com/check_health", nil)
		resp, err := site.HTTPClient().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if at, err := http.ParseTime(resp.Header.Get("Date")); err != nil || time.Since(at).Round(time.Minute) != 3*time.Hour {
			t.Errorf("Date of B = %v, %v", at, err)
		}
	})
}

func TestTokens(t *testing.T) {
	site := pratest.Single()
	bubble(t, site, func(t *testing.T) {
		info := func(tok string) int {
			return ask(t.Context(), site, "GET", "https://access.example.com/api/command/v2/info", tok).status
		}
		first, second := token(t, site, &site.A), token(t, site, &site.A)
		for range 29 {
			token(t, site, &site.A)
		}
		if info(first) != 401 || info(second) != 200 {
			t.Errorf("the 31st token ends the oldest and no other: %d, %d", info(first), info(second))
		}
		time.Sleep(time.Hour)
		if info(second) != 401 {
			t.Error("a token lives an hour")
		}
		third := token(t, site, &site.A)
		site.A.RevokeTokens()
		if info(third) != 401 {
			t.Error("revoked, and yet good")
		}
	})
}

func TestLockout(t *testing.T) {
	site := pratest.Single()
	site.Switches.LockoutAfter = 3
	bubble(t, site, func(t *testing.T) {
		id, secret := site.Account()
		try := func(secret string) int {
			req, _ := http.NewRequestWithContext(t.Context(), "POST", "https://access.example.com/oauth2/token", strings.NewReader(`{"grant_type":"client_credentials"}`))
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(id+":"+secret)))
			resp, err := site.HTTPClient().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			return resp.StatusCode
		}
		for range 3 {
			if try("wrong") != 401 {
				t.Error("a wrong secret is accepted")
			}
		}
		if try(secret) != 401 {
			t.Error("not locked after three wrong secrets")
		}
		time.Sleep(11 * time.Minute)
		if try(secret) != 200 {
			t.Error("locked for ever")
		}
	})
}

func TestRateLimit(t *testing.T) {
	site := pratest.Single()
	bubble(t, site, func(t *testing.T) {
		tok := token(t, site, &site.A)
		var last *http.Response
		for i := range 21 {
			req, _ := http.NewRequestWithContext(t.Context(), "GET", "https://access.example.com/api/config/v1/jumpoint", nil)
			req.Header.Set("Authorization", "Bearer "+tok)
			resp, err := site.HTTPClient().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if i < 20 && (resp.StatusCode != 200 || resp.Header.Get("X-RateLimit-Remaining") != fmt.Sprint(14999-i)) {
				t.Errorf("call %d: %d, remaining %s", i+1, resp.StatusCode, resp.Header.Get("X-RateLimit-Remaining"))
			}
			last = resp
		}
		if last.StatusCode != 429 || last.Header.Get("X-RateLimit-Limit") != "15000" {
			t.Errorf("the 21st in a second: %d %v", last.StatusCode, last.Header)
		}
		time.Sleep(time.Second)
		if g := ask(t.Context(), site, "GET", "https://access.example.com/api/config/v1/jumpoint", tok); g.status != 200 {
			t.Errorf("a second later: %d", g.status)
		}
	})
}

func TestPages(t *testing.T) {
	site := pratest.Single()
	site.Fleet = pratest.Fleet{Active: 230, Passive: 20}
	bubble(t, site, func(t *testing.T) {
		tok := token(t, site, &site.A)
		var ids []float64
		url := "https://access.example.com/api/config/v1/jump-client"
		for n := 0; url != ""; n++ {
			req, _ := http.NewRequestWithContext(t.Context(), "GET", url, nil)
			req.Header.Set("Authorization", "Bearer "+tok)
			resp, err := site.HTTPClient().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			var rows []map[string]any
			if err := json.NewDecoder(resp.Body).Decode(&rows); err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			for _, r := range rows {
				ids = append(ids, r["id"].(float64))
			}
			if resp.Header.Get("X-BT-Pagination-Total") != "250" || resp.Header.Get("X-BT-Pagination-Last-Page") != "3" {
				t.Errorf("headers of page %d: %v", n+1, resp.Header)
			}
			url = ""
			for link := range strings.SplitSeq(resp.Header.Get("Link"), ", ") {
				if to, ok := strings.CutSuffix(link, `>; rel="next"`); ok {
					url = strings.TrimPrefix(to, "<")
				}
			}
		}
		if len(ids) != 250 || ids[0] == 0 || ids[1] == ids[0]+1 {
			t.Errorf("%d Jump Clients, the first ids are %v: ids are not places", len(ids), ids[:2])
		}
	})
}

func TestHealthIsCached(t *testing.T) {
	for name, fresh := range map[string]bool{"cached": false, "fresh": true} {
		t.Run(name, func(t *testing.T) {
			site := pratest.Pair()
			site.Switches.FreshHealth = fresh
			bubble(t, site, func(t *testing.T) {
				tok := token(t, site, &site.A)
				role := func() any {
					return decode(t, ask(t.Context(), site, "GET", "https://pra-a.example.com/api/command/v2/health", tok).body)["failover_role"]
				}
				before := role()
				site.A.Pages().Failover.Break(t.Context())
				time.Sleep(59 * time.Second)
				soon := role()
				time.Sleep(2 * time.Second)
				if d := cmp.Diff([]any{"primary", map[bool]any{false: "primary", true: "none"}[fresh], "none"}, []any{before, soon, role()}); d != "" {
					t.Errorf("(-want +got):\n%s", d)
				}
			})
		})
	}
}

// TestUnknownRequest: a request that no document knows is told loudly.
func TestUnknownRequest(t *testing.T) {
	for _, path := range []string{"/api/command/v3/health", "/appliance/secret", "/metrics"} {
		t.Run(path, func(t *testing.T) {
			site := pratest.Single()
			var told []string
			site.Unknown = func(r *http.Request) { told = append(told, r.URL.Path) }
			bubble(t, site, func(t *testing.T) {
				b := newBrowser(t, site, &site.A, pratest.AdminPassword)
				b.get(path)
				if len(told) != 1 || told[0] != path {
					t.Errorf("told: %v", told)
				}
				if r := site.Record().Of(pratest.UnknownRequest); len(r) != 1 {
					t.Errorf("record: %v", r)
				}
			})
		})
	}
}

// TestFormWithoutToken: a form that was not served is not taken.
func TestFormWithoutToken(t *testing.T) {
	site := pratest.Pair()
	bubble(t, site, func(t *testing.T) {
		b := newBrowser(t, site, &site.A, pratest.AdminPassword)
		resp, err := b.http.PostForm(b.base+b.path(beyondtrust.MenuFailover), url.Values{"press[]": {beyondtrust.ButtonBreak}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 403 || site.A.Role() != beyondtrust.RolePrimary {
			t.Errorf("%d, role %s", resp.StatusCode, site.A.Role())
		}
	})
}

// TestServeHTTP: a Box is a handler for any server.
func TestServeHTTP(t *testing.T) {
	site := pratest.Single()
	defer site.Close()
	w := httptest.NewRecorder()
	site.A.ServeHTTP(w, httptest.NewRequest("GET", "https://access.example.com/check_health", nil))
	if w.Code != 200 {
		t.Errorf("check_health = %d", w.Code)
	}
	site.A.PowerCycle()
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("an appliance that is away does not break the connection")
		}
	}()
	site.A.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "https://access.example.com/check_health", nil))
}

// TestInstallationAtTheDoor: refused, 503, 500, then healthy with the new version.
func TestInstallationAtTheDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := pratest.Single()
		defer site.Close()
		begin(t, &site.A)
		var seen []string
		for range 4 * 60 * 60 {
			g := ask(t.Context(), site, "GET", "https://access.example.com/check_health", "")
			word := fmt.Sprint(g.status)
			if g.err != nil {
				word = "refused"
			}
			if len(seen) == 0 || seen[len(seen)-1] != word {
				seen = append(seen, word)
			}
			if len(seen) == 5 {
				break
			}
			time.Sleep(time.Second)
		}
		if d := cmp.Diff([]string{"200", "refused", "503", "500", "200"}, seen); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		if base, _, _ := site.A.Running(); base != "7.0.0" {
			t.Errorf("Base %s runs", base)
		}
		if got := site.A.Role(); got != beyondtrust.RoleNone {
			t.Errorf("role %s", got)
		}
	})
}
