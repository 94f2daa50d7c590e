package beyondtrust_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/internal/memnet"
)

func TestSetFailoverRole(t *testing.T) {
	type (
		change = beyondtrust.RoleChange
		answer = beyondtrust.RoleAnswer
	)
	backup := change{Role: beyondtrust.RoleBackup, DataSyncFirst: true}
	tests := map[string]struct {
		change change
		status int
		body   string // v2 when it begins with a brace
		want   answer
		err    error
		sent   string
	}{
		"v2 changed": {change{Role: beyondtrust.RolePrimary}, 200, `{"message":"Successfully changed role."}`, answer{beyondtrust.RoleChanged, "Successfully changed role."}, nil,
			`{"data_sync_first":false,"force":false,"role":"primary"}`},
		"v2 with a sync": {backup, 200, `{"message":"Started."}`, answer{beyondtrust.RoleSyncStarted, "Started."}, nil, `{"data_sync_first":true,"force":false,"role":"backup"}`},
		"v2 unknown words": {change{Role: beyondtrust.RoleBackup, Force: true}, 200, `{"message":"Noted."}`, answer{beyondtrust.RoleOutcomeUnknown, "Noted."}, nil,
			`{"data_sync_first":false,"force":true,"role":"backup"}`},
		"v2 refused":       {backup, 422, `{"message":"Invalid","errors":{"role":["failover is not configured"]}}`, answer{}, beyondtrust.ErrRefused, `{"data_sync_first":true,"force":false,"role":"backup"}`},
		"v2 not permitted": {backup, 403, `{"message":"Forbidden"}`, answer{}, beyondtrust.ErrForbidden, `{"data_sync_first":true,"force":false,"role":"backup"}`},
		"v2 failed":        {backup, 500, `{"message":"Operation failed"}`, answer{}, beyondtrust.ErrUnavailable, `{"data_sync_first":true,"force":false,"role":"backup"}`},
		"v2 a page":        {backup, 200, `{<html>`, answer{}, beyondtrust.ErrAnswer, `{"data_sync_first":true,"force":false,"role":"backup"}`},
		"v2 a redirect":    {backup, 307, `{}`, answer{}, beyondtrust.ErrAnswer, `{"data_sync_first":true,"force":false,"role":"backup"}`},
		"XML changed":      {change{Role: beyondtrust.RolePrimary}, 200, "<success>Successfully changed role</success>", answer{beyondtrust.RoleChanged, "Successfully changed role"}, nil, "action=set_failover_role&role=primary"},
		"XML with a sync": {backup, 200, "<success>Successfully started data sync. Role change will occur upon successful completion.</success>",
			answer{beyondtrust.RoleSyncStarted, "Successfully started data sync. Role change will occur upon successful completion."}, nil, "action=set_failover_role&data_sync_first=1&role=backup"},
		"XML by force":      {change{Role: beyondtrust.RoleBackup, Force: true}, 200, "<r><success>Successfully changed role.</success></r>", answer{beyondtrust.RoleChanged, "Successfully changed role."}, nil, "action=set_failover_role&force=1&role=backup"},
		"XML refused":       {backup, 200, "<error>Unable to reach the peer</error>", answer{}, beyondtrust.ErrRefused, "action=set_failover_role&data_sync_first=1&role=backup"},
		"XML half":          {backup, 200, "<success>Successfully cha", answer{}, beyondtrust.ErrAnswer, "action=set_failover_role&data_sync_first=1&role=backup"},
		"XML no success":    {backup, 200, "<done/>", answer{}, beyondtrust.ErrAnswer, "action=set_failover_role&data_sync_first=1&role=backup"},
		"force for primary": {change{Role: beyondtrust.RolePrimary, Force: true}, 0, "{", answer{}, beyondtrust.ErrNotSent, ""},
		"no role":           {change{Role: beyondtrust.RoleNone}, 0, "{", answer{}, beyondtrust.ErrNotSent, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, b *box) {
				what := "POST /api/command/v2/failover-role"
				if !strings.HasPrefix(tt.body, "{") {
					b.older()
					what = "XML set_failover_role"
				}
				var sent []string
				b.on(what, func(w http.ResponseWriter, r *http.Request) {
					if r.Method != http.MethodPost || r.URL.RawQuery != "" {
						t.Errorf("an act came as %s %s?%s", r.Method, r.URL.Path, r.URL.RawQuery)
					}
					body, _ := io.ReadAll(r.Body)
					if len(r.Form) > 0 {
						body = []byte(r.Form.Encode())
					}
					sent = append(sent, string(body))
					w.Header().Set("Location", "/elsewhere")
					w.WriteHeader(tt.status)
					io.WriteString(w, tt.body)
				})
				got, err := b.client(nil).SetFailoverRole(t.Context(), tt.change)
				if !errors.Is(err, tt.err) {
					t.Fatalf("SetFailoverRole() error = %v, want class %v", err, tt.err)
				}
				if d := cmp.Diff(tt.want, got); d != "" {
					t.Errorf("SetFailoverRole() (-want +got):\n%s", d)
				}
				want := []string{tt.sent}
				if tt.sent == "" {
					want = nil
				}
				if d := cmp.Diff(want, sent); d != "" {
					t.Errorf("sent (-want +got):\n%s", d)
				}
			})
		})
	}
}

// The connection dies between the request and the answer: the act happened, and nobody may say that it did not.
func TestFaultConnectionDiesDuringAnAct(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.on("POST /api/command/v2/failover-role", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		_, err := b.client(nil).SetFailoverRole(t.Context(), beyondtrust.RoleChange{Role: beyondtrust.RoleBackup})
		if err == nil || errors.Is(err, beyondtrust.ErrNotSent) {
			t.Errorf("SetFailoverRole() error = %v, want one that leaves open whether it happened", err)
		}
		if n := b.count("POST /api/command/v2/failover-role"); n != 1 {
			t.Errorf("sent %d times, want 1", n)
		}
	})
}

func TestActAfterItsContextEnded(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		c := b.client(nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := c.SetFailoverRole(ctx, beyondtrust.RoleChange{Role: beyondtrust.RoleBackup})
		if !errors.Is(err, context.Canceled) || !errors.Is(err, beyondtrust.ErrNotSent) {
			t.Errorf("SetFailoverRole() error = %v, want context.Canceled and ErrNotSent", err)
		}
	})
}

func TestSessionsAndUsers(t *testing.T) {
	const one, two = "11111111111111111111111111111111", "22222222222222222222222222222222"
	bubble(t, func(t *testing.T, b *box) {
		b.json("GET /api/command/v2/client", 200, `[
		 {"id":"1","type":"access_console","hostname":"ws1","username":"ada","session_count":2,"session_lsids":["`+two+`","`+one+`"]},
		 {"id":"2","type":"access_console","hostname":"ws2","username":"bob\u001b[31m","session_count":1,"session_lsids":["`+two+`"]},
		 {"id":"3","type":"asset_client","hostname":"db01","lsid":"`+one+`"},
		 {"id":"4","type":"jump_client_of_old","hostname":"db02","lsid":"33333333333333333333333333333333"},
		 {"id":"5","type":"gateway","hostname":"gw"}]`)
		b.json("GET /api/command/v2/user", 200, `[{"id":"7","type":"normal","display_name":"Ada","logged_in_since":"2026-03-01T01:00:00+00:00","session_count":2}]`)
		c := b.client(nil)
		sessions, err := c.Sessions(t.Context())
		want := []beyondtrust.Session{
			{LSID: one, Users: []string{"ada"}, Hosts: []string{"db01"}}, {LSID: two, Users: []string{"ada", "bob[31m"}},
			{LSID: "33333333333333333333333333333333", Hosts: []string{"db02"}},
		}
		if d := cmp.Diff(want, sessions, cmpopts.IgnoreFields(beyondtrust.Session{}, "AsOf")); d != "" || err != nil {
			t.Errorf("Sessions() (-want +got), error %v:\n%s", err, d)
		}
		users, err := c.Users(t.Context())
		wantUsers := []beyondtrust.User{{ID: "7", Name: "Ada", Type: "normal", Since: time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC), Sessions: 2}}
		if d := cmp.Diff(wantUsers, users, cmpopts.IgnoreFields(beyondtrust.User{}, "AsOf")); d != "" || err != nil {
			t.Errorf("Users() (-want +got), error %v:\n%s", err, d)
		}
		b.on("DELETE /api/command/v2/session/"+one, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
		b.json("DELETE /api/command/v2/session/"+two, 404, `{"message":"Not found"}`)
		b.on("POST /api/command/v2/user/7/logout", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
		if err := c.EndSession(t.Context(), one); err != nil {
			t.Errorf("EndSession() = %v", err)
		}
		if err := c.EndSession(t.Context(), two); !errors.Is(err, beyondtrust.ErrNotFound) {
			t.Errorf("EndSession() of one that is gone: %v, want ErrNotFound", err)
		}
		for _, bad := range []string{"", "..", strings.Repeat("/", 32), one + "/x"} {
			if err := c.EndSession(t.Context(), bad); !errors.Is(err, beyondtrust.ErrNotSent) {
				t.Errorf("EndSession(%q) = %v, want ErrNotSent", bad, err)
			}
			if err := c.LogOut(t.Context(), bad); bad != one && !errors.Is(err, beyondtrust.ErrNotSent) {
				t.Errorf("LogOut(%q) = %v, want ErrNotSent", bad, err)
			}
		}
		if err := c.LogOut(t.Context(), "7"); err != nil {
			t.Errorf("LogOut() = %v", err)
		}
		b.json("GET /api/command/v2/client", 200, `null`)
		if _, err := c.Sessions(t.Context()); !errors.Is(err, beyondtrust.ErrAnswer) {
			t.Errorf("Sessions() of null: %v, want ErrAnswer: nobody there, and no answer, are different things", err)
		}
	})
}

const report = `<?xml version="1.0" encoding="UTF-8"?>
<session_list xmlns="http://www.beyondtrust.com/sra/namespaces/API/reporting">
 <session lsid="11111111111111111111111111111111"><start_time timestamp="1">x</start_time><end_time timestamp="2">y</end_time></session>
 <session lsid="22222222222222222222222222222222"><start_time timestamp="1">x</start_time><primary_rep id="1">Ada</primary_rep>
  <primary_customer gsnumber="1">db01</primary_customer><session_details><event><end_time timestamp="9"/></event></session_details></session>
 <session lsid="33333333333333333333333333333333"><end_time timestamp=""/></session>
</session_list>`

func TestSessionsAndUsersOverXML(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		c := b.older().client(nil)
		b.text("GET /api/reporting", 200, "text/xml", report)
		b.xml("get_connected_client_list", 200, counts)
		got, err := c.Sessions(t.Context())
		want := []beyondtrust.Session{
			{LSID: "22222222222222222222222222222222", Users: []string{"Ada"}, Hosts: []string{"db01"}}, {LSID: "33333333333333333333333333333333"},
		}
		if d := cmp.Diff(want, got, cmpopts.IgnoreFields(beyondtrust.Session{}, "AsOf")); d != "" || err != nil {
			t.Errorf("Sessions() (-want +got), error %v:\n%s", err, d)
		}
		asked := false
		for _, a := range b.asked {
			if q, ok := strings.CutPrefix(a, "GET /api/reporting?"); ok {
				v, _ := url.ParseQuery(q)
				asked = v.Get("generate_report") == "AccessSession" && v.Get("duration") == "0" && v.Get("start_time") != ""
			}
		}
		if !asked {
			t.Errorf("the report was not asked for: %v", b.asked)
		}
		b.xml("get_connected_client_list", 200, strings.Replace(counts, `customer">2`, `customer">3`, 1))
		if list, err := c.Sessions(t.Context()); !errors.Is(err, beyondtrust.ErrIncomplete) || len(list) != 2 {
			t.Errorf("Sessions() with three endpoints and two sessions: %d, %v, want ErrIncomplete", len(list), err)
		}
		for name, body := range map[string]string{
			"half":            report[:len(report)-40],
			"a second root":   report + "<session_list/>",
			"HTML":            "<html></html>",
			"another root":    "<list/>",
			"nothing":         "",
			"without an lsid": "<session_list><session/></session_list>",
			"one long text":   "<session_list>" + strings.Repeat("x", 3<<20) + "</session_list>",
		} {
			b.text("GET /api/reporting", 200, "text/xml", body)
			if _, err := c.Sessions(t.Context()); !errors.Is(err, beyondtrust.ErrAnswer) {
				t.Errorf("Sessions() of %s: %v, want ErrAnswer", name, err)
			}
		}
		b.text("GET /api/reporting", 200, "text/xml", "<error>You may not</error>")
		if _, err := c.Sessions(t.Context()); !errors.Is(err, beyondtrust.ErrRefused) || !strings.Contains(err.Error(), "You may not") {
			t.Errorf("Sessions() of an error: %v, want ErrRefused", err)
		}
		b.text("GET /api/reporting", 403, "text/xml", "<error>You may not</error>")
		if _, err := c.Sessions(t.Context()); !errors.Is(err, beyondtrust.ErrForbidden) {
			t.Errorf("Sessions() without the permission: %v, want ErrForbidden", err)
		}
		b.text("GET /api/reporting", 200, "text/xml", report)
		b.kill()
		b.xml("get_connected_client_list", 200, counts)
		if _, err := c.Sessions(t.Context()); err != nil {
			t.Errorf("Sessions() with a dead token: %v", err)
		}

		b.xml("get_logged_in_reps", 200, `<logged_in_reps><rep id="7"><display_name>old</display_name><private_display_name>Ada</private_display_name><type>Normal</type>
		 <logged_in_since ts="1772326800">sometime</logged_in_since><support_session_count>2</support_session_count></rep></logged_in_reps>`)
		users, err := c.Users(t.Context())
		wantUsers := []beyondtrust.User{{ID: "7", Name: "Ada", Type: "normal", Since: time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC), Sessions: 2}}
		if d := cmp.Diff(wantUsers, users, cmpopts.IgnoreFields(beyondtrust.User{}, "AsOf")); d != "" || err != nil {
			t.Errorf("Users() (-want +got), error %v:\n%s", err, d)
		}
		b.xml("get_logged_in_reps", 200, `<logged_in_reps/>`)
		if users, err := c.Users(t.Context()); err != nil || len(users) != 0 {
			t.Errorf("Users() of nobody = %v, %v", users, err)
		}
		b.xml("get_logged_in_reps", 200, `<reps/>`)
		if _, err := c.Users(t.Context()); !errors.Is(err, beyondtrust.ErrAnswer) {
			t.Errorf("Users() of another root: %v, want ErrAnswer", err)
		}
		if err := c.LogOut(t.Context(), "7"); !errors.Is(err, beyondtrust.ErrNotOffered) || !errors.Is(err, beyondtrust.ErrNotSent) {
			t.Errorf("LogOut() = %v, want ErrNotOffered and ErrNotSent", err)
		}
		b.xml("terminate_session", 200, "<success>Successfully terminated</success>")
		if err := c.EndSession(t.Context(), strings.Repeat("2", 32)); err != nil {
			t.Errorf("EndSession() = %v", err)
		}
		b.xml("terminate_session", 200, "<error>No such session</error>")
		if err := c.EndSession(t.Context(), strings.Repeat("2", 32)); !errors.Is(err, beyondtrust.ErrRefused) {
			t.Errorf("EndSession() of one that is gone: %v, want ErrRefused", err)
		}
	})
}

const counts = `<connected_client_list xmlns="https://www.beyondtrust.com/namespaces/API/command"><connected_client_summary>
 <appliance_summary id="` + guidA + `"><count type="representative">3</count><count type="support_customer">2</count><count type="push_agent">4</count>
 <count type="pinned_client">1180</count><count type="of_tomorrow">1</count></appliance_summary></connected_client_summary></connected_client_list>`

func TestClientCounts(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.xml("get_connected_client_list", 200, counts)
		b.json("GET /api/command/v2/appliance/client-count", 200, `[{"id":"`+guidA+`","access_consoles":3,"asset_clients":2,"gateways":4}]`)
		want := []beyondtrust.ClientCount{{GUID: guidA, Consoles: 3, Endpoints: 2, Jumpoints: 4, JumpClients: 1180}}
		same := cmpopts.IgnoreFields(beyondtrust.ClientCount{}, "AsOf")
		c := b.client(nil)
		if got, err := c.ClientCounts(t.Context()); err != nil || cmp.Diff(want, got, same) != "" {
			t.Errorf("ClientCounts() = %v, %v, want %v", got, err, want)
		}
		if n, err := c.ConnectedJumpClients(t.Context()); err != nil || n != 1180 {
			t.Errorf("ConnectedJumpClients() = %d, %v, want 1180", n, err)
		}
		b.xml("get_connected_client_list", 404, "<html></html>")
		want[0].JumpClients = -1
		if got, err := c.ClientCounts(t.Context()); err != nil || cmp.Diff(want, got, same) != "" {
			t.Errorf("ClientCounts() without XML = %v, %v, want %v", got, err, want)
		}
		if _, err := c.ConnectedJumpClients(t.Context()); !errors.Is(err, beyondtrust.ErrNotOffered) {
			t.Errorf("ConnectedJumpClients() without XML: %v, want ErrNotOffered", err)
		}
		b.xml("get_connected_client_list", 200, strings.Replace(counts, "pinned_client", "pinned_clients", 1))
		if n, err := c.ConnectedJumpClients(t.Context()); !errors.Is(err, beyondtrust.ErrAnswer) {
			t.Errorf("ConnectedJumpClients() not told = %d, %v, want ErrAnswer and never zero", n, err)
		}
		for _, bad := range []string{`[{"id":"` + guidA + `","access_consoles":3,"jump_clients":2,"gateways":4}]`, `[{"id":"x"}]`, `{}`, `[{`} {
			b.json("GET /api/command/v2/appliance/client-count", 200, bad)
			if _, err := b.client(&beyondtrust.Options{Dialect: beyondtrust.DialectV2}).ClientCounts(t.Context()); !errors.Is(err, beyondtrust.ErrAnswer) {
				t.Errorf("ClientCounts() of %s: %v, want ErrAnswer", bad, err)
			}
		}
	})
}

func TestAppliances(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.json("GET /api/command/v2/appliance", 200, `[{"id":"`+guidA+`","name":"pra-a","public_hostname":"a.example.com","cluster_role":"single","failover_role":"primary","accepting_connections":true,"timezone_offset":3600},
		 {"id":"`+guidB+`","name":"pra-b","public_hostname":"b.example.com","cluster_role":"single","failover_role":"backup","accepting_connections":"0","timezone_offset":-3600}]`)
		got, err := b.client(nil).Appliances(t.Context())
		want := []beyondtrust.Appliance{
			{GUID: guidA, Name: "pra-a", PublicHost: "a.example.com", ClusterRole: "single", FailoverRole: "primary", Accepting: true, UTCOffset: time.Hour},
			{GUID: guidB, Name: "pra-b", PublicHost: "b.example.com", ClusterRole: "single", FailoverRole: "backup", UTCOffset: -time.Hour},
		}
		if d := cmp.Diff(want, got, cmpopts.IgnoreFields(beyondtrust.Appliance{}, "AsOf")); d != "" || err != nil {
			t.Errorf("Appliances() (-want +got), error %v:\n%s", err, d)
		}
		if _, err := b.older().client(nil).Appliances(t.Context()); !errors.Is(err, beyondtrust.ErrNotOffered) {
			t.Errorf("Appliances() over XML: %v, want ErrNotOffered", err)
		}
	})
}

func TestOneConnectionForEachCall(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.json("GET /api/command/v2/user", 200, "[]")
		kept := &http.Transport{DialTLSContext: b.net.DialContext} // would keep its connections
		c, err := beyondtrust.NewClient("https://"+site, beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)), &beyondtrust.Options{HTTPClient: &http.Client{Transport: kept}})
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			if _, err := c.Users(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if b.conns != len(b.asked) {
			t.Errorf("%d connections for %d requests, want one each", b.conns, len(b.asked))
		}
	})
}

func TestReadIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, &memnet.Network{}, site+":443")
		c := b.client(nil)
		if _, err := c.Info(t.Context()); err != nil {
			t.Fatal(err)
		}
		n := 0
		b.on("GET /api/command/v2/user", func(w http.ResponseWriter, _ *http.Request) {
			if n++; n < 3 {
				panic(http.ErrAbortHandler)
			}
			io.WriteString(w, "[]")
		})
		if _, err := c.Users(t.Context()); err != nil || n != 3 {
			t.Errorf("Users() = %v after %d requests, want an answer at the third", err, n)
		}
	})
}
