package beyondtrust

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/internal/redact"
	"github.com/changeover-sdk/changeover/internal/rest"
)

const fuzzGUID = "50000000000000000000000000000aaa"

// Law: what was parsed reads back as the same.
func FuzzVersion(f *testing.F) {
	for _, s := range []string{"24.3.2", "19.1.8 (37380-0123456789abcdef0123456789abcdef01234567)", "24.3.2 (51234)", "Invalid action", "1.2 (", "0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseVersion(s)
		if err != nil {
			if v != (Version{}) {
				t.Errorf("%q is an error and %v", s, v)
			}
			return
		}
		if again, err := ParseVersion(v.String()); err != nil || again != v {
			t.Errorf("%q parsed as %v, which parses as %v, %v", s, v, again, err)
		}
		if v.Compare(v) != 0 || v.Build != "" && !v.Same(v) {
			t.Errorf("%v is not itself", v)
		}
	})
}

// Law: the order has two directions, and equal things are equal to a third alike.
func FuzzCompareNumbers(f *testing.F) {
	f.Add("24.3", "24.3.0", "25")
	f.Add("0.1", ".1", "1a.2")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if CompareNumbers(a, b) != -CompareNumbers(b, a) {
			t.Errorf("%q and %q compare as %d and %d", a, b, CompareNumbers(a, b), CompareNumbers(b, a))
		}
		if CompareNumbers(a, b) == 0 && CompareNumbers(a, c) != CompareNumbers(b, c) {
			t.Errorf("%q and %q are equal, and compare to %q as %d and %d", a, b, c, CompareNumbers(a, c), CompareNumbers(b, c))
		}
	})
}

// Law: the name is kept, and a class has a number.
func FuzzPackage(f *testing.F) {
	for _, s := range []string{"Base Software 3.3.2", "Bomgar-12.2.0", "Patch BT26-02", "Base Software ", "-1.2", "a-1.2-3.4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := ParsePackage(s)
		if p.Name != strings.Join(strings.Fields(s), " ") {
			t.Errorf("%q is named %q", s, p.Name)
		}
		if (p.Class == "") != (p.Number == "") || !strings.HasSuffix(p.Name, p.Number) || ParsePackage(p.Name) != p {
			t.Errorf("%q is %+v", s, p)
		}
	})
}

// Law: what was parsed can be written as RFC 3339, and reads back as the same.
func FuzzTime(f *testing.F) {
	for _, s := range []string{"2026-03-01T02:00:00+00:00", "2025-02-19T18:33:20+0000", "1739990000", "0", "", "yesterday", "9999-12-31T23:59:59-23:59", "99999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := parseTime(s)
		if err != nil || at.IsZero() {
			return
		}
		if at.Year() < 0 || at.Year() > 9999 {
			return
		}
		again, err := parseTime(at.Format(time.RFC3339Nano))
		if err != nil || !again.Equal(at) {
			t.Errorf("%q is %v, which reads as %v, %v", s, at, again, err)
		}
	})
}

// Law: a tree that was read has one name for each element and ends; and cutting the document anywhere before its root ends makes it unreadable.
func FuzzXML(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0"?><a xmlns="x"><b c="d">e</b></a>`), 9)
	f.Add([]byte(`<error>no</error>`), 3)
	f.Add([]byte(`<!DOCTYPE html><html></html>`), 20)
	f.Add([]byte(`<a/><b/>`), 4)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		root, err := parseXML(b)
		if err != nil {
			return
		}
		var walk func(n *node, depth int)
		walk = func(n *node, depth int) {
			if n.name == "" || depth > xmlDepth {
				t.Errorf("element %q at depth %d", n.name, depth)
			}
			for _, k := range n.kids {
				walk(k, depth+1)
			}
		}
		walk(root, 1)
		end := bytes.LastIndexByte(b, '<')
		if comment := bytes.LastIndex(b, []byte("-->")); comment >= end || cut < 0 || cut >= end || bytes.HasSuffix(bytes.TrimSpace(b), []byte("?>")) {
			return // what follows the root is not the root
		}
		if bytes.Contains(b, []byte("<!--")) || bytes.Contains(b, []byte("<?")) || bytes.Contains(b, []byte("<![")) {
			return // the last angle bracket may not be the root's
		}
		if _, err := parseXML(b[:cut]); err == nil {
			t.Errorf("%q was read although cut at %d: %q", b, cut, b[:cut])
		}
	})
}

// checkHealth is the law of both health parsers: nothing is healthy that does not say who it is, in which version and which role.
func checkHealth(t *testing.T, h Health) {
	t.Helper()
	if h.GUID != plainGUID(h.GUID) {
		t.Errorf("GUID %q is not plain", h.GUID)
	}
	if h.Healthy && (h.GUID == "" || h.VersionText == "" || h.FailoverRole == "") {
		t.Errorf("healthy without a name: %+v", h)
	}
	for _, a := range h.SharedIPs {
		if !a.IsValid() {
			t.Errorf("shared IP %v", a)
		}
	}
}

func FuzzHealthXML(f *testing.F) {
	f.Add([]byte(`<health_check xmlns="x"><appliance id="` + fuzzGUID + `">pra-a</appliance><version>24.3.2 (51234-0123)</version><success>1</success><failover_role>primary</failover_role>` +
		`<enabled_shared_ips><ip>192.0.2.10</ip></enabled_shared_ips><last_data_sync_time ts="1739990000">2025-02-19T18:33:20+0000</last_data_sync_time></health_check>`))
	f.Add([]byte(`<x><appliance id="` + fuzzGUID + `"/><success>0</success></x>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		root, err := parseXML(b)
		if err != nil {
			return
		}
		h, err := parseHealthXML(root)
		if err != nil {
			return
		}
		if h.GUID == "" {
			t.Errorf("an answer of nobody: %+v", h)
		}
		checkHealth(t, h)
	})
}

func FuzzHealthV2(f *testing.F) {
	f.Add([]byte(`{"version":"26.1.2","build":"61234","appliance_hostname":"pra-a","appliance_id":"`+fuzzGUID+`","failover_role":"primary","enabled_shared_ips":["192.0.2.10"]}`), true)
	f.Add([]byte(`{"message":"no"}`), false)
	f.Add([]byte(`{"appliance_id":null,"version":"x"}`), false)
	f.Fuzz(func(t *testing.T, b []byte, healthy bool) {
		h, err := parseHealthV2(b, healthy)
		if err != nil {
			return
		}
		if h.Healthy != healthy {
			t.Errorf("healthy is %t, the status said %t", h.Healthy, healthy)
		}
		checkHealth(t, h)
	})
}

// Law: a permission that is not told is not had.
func FuzzInfo(f *testing.F) {
	f.Add([]byte(`{"permissions":{"perm_command":"read_only","perm_backup":true},"product":"pra"}`))
	f.Add([]byte(`<api_information><permissions><permission name="perm_backup">1</permission></permissions></api_information>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := parseInfoV2(b)
		if err != nil {
			root, bad := parseXML(b)
			if bad != nil {
				return
			}
			if info, err = parseInfoXML(root); err != nil {
				return
			}
		}
		for _, p := range []Permission{PermCommand, PermBackup, PermConfiguration} {
			if info.Allows(p) && !bytes.Contains(b, []byte("full_access")) && !bytes.Contains(b, []byte("1")) && !bytes.Contains(b, []byte("true")) && !bytes.Contains(b, []byte("&#")) && !bytes.Contains(b, []byte(`\u`)) {
				t.Errorf("%s is had by %q", p, b)
			}
		}
	})
}

// Law: a token is fit for a header, and its life is an hour at most; an error repeats no piece of the answer.
func FuzzToken(f *testing.F) {
	f.Add([]byte(`{"access_token":"Zm9vYmFy","token_type":"Bearer","expires_in":3600}`))
	f.Add([]byte(`{"access_token":"a","token_type":"bearer","expires_in":"60"}`))
	f.Add([]byte(`{"access_token":"a\nb","token_type":"Bearer"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		text, life, err := parseToken(b)
		if err != nil {
			if len(b) > 20 && strings.Contains(err.Error(), string(b[10:18])) && !strings.Contains("read token: want a JSON object its type is not Bearer empty or not fit for a header", string(b[10:18])) {
				t.Errorf("the error %q repeats %q", err, b)
			}
			return
		}
		if life <= 0 || life > time.Hour {
			t.Errorf("lives %v", life)
		}
		req, _ := http.NewRequest("GET", "https://host/", nil)
		req.Header.Set("Authorization", "Bearer "+text)
		if err := req.Header.Write(new(bytes.Buffer)); err != nil || strings.ContainsAny(text, "\r\n \x00") {
			t.Errorf("token %q does not fit a header: %v", text, err)
		}
	})
}

// Law: every session has an id, each id once, in order.
func checkSessions(t *testing.T, list []Session) {
	t.Helper()
	for i, s := range list {
		if len(s.LSID) > 128 || i > 0 && list[i-1].LSID >= s.LSID {
			t.Errorf("session %q after %q", s.LSID, list[max(0, i-1)].LSID)
		}
	}
}

func FuzzSessions(f *testing.F) {
	f.Add([]byte(`[{"username":"ada","session_lsids":["b","a"]},{"hostname":"db","lsid":"a"}]`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if list, err := parseSessionsV2(b, time.Time{}); err == nil {
			checkSessions(t, list)
		}
	})
}

func FuzzReport(f *testing.F) {
	f.Add([]byte(`<session_list><session lsid="a"><end_time timestamp="1"/></session><session lsid="b"><primary_rep>Ada</primary_rep></session></session_list>`))
	f.Add([]byte(`<error>no</error>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := parseReport(bytes.NewReader(b), time.Time{})
		if err != nil {
			if list != nil {
				t.Errorf("an error and a list: %v", err)
			}
			return
		}
		checkSessions(t, list)
		// What this reads in a stream is what the tree says.
		if root, err := parseXML(b); err == nil {
			open := map[string]bool{}
			for _, s := range root.all("session") {
				ended := false
				for _, e := range s.all("end_time") {
					ended = ended || strings.TrimSpace(e.attrs["timestamp"]) != "" || e.text != ""
				}
				if !ended {
					open[printable(strings.TrimSpace(s.attrs["lsid"]))] = true
				}
			}
			if len(open) != len(list) {
				t.Errorf("%q: %d open sessions in the tree, %d in the stream", b, len(open), len(list))
			}
		}
	})
}

// Law: no counts below zero but the one that says "not told", and no user without being told.
func FuzzListsXML(f *testing.F) {
	f.Add([]byte(`<connected_client_list><connected_client_summary><appliance_summary id="` + fuzzGUID + `"><count type="pinned_client">3</count></appliance_summary></connected_client_summary></connected_client_list>`))
	f.Add([]byte(`<logged_in_reps><rep id="1"><display_name>a</display_name><support_session_count>2</support_session_count></rep></logged_in_reps>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		root, err := parseXML(b)
		if err != nil {
			return
		}
		if list, err := parseCountsXML(root, time.Time{}); err == nil {
			for _, n := range list {
				if n.GUID == "" || min(n.Consoles, n.Endpoints, n.Jumpoints) < 0 || n.JumpClients < -1 {
					t.Errorf("count %+v", n)
				}
			}
		}
		if list, err := parseUsersXML(root, time.Time{}); err == nil && len(list) != len(root.all("rep")) {
			t.Errorf("%d users of %d", len(list), len(root.all("rep")))
		}
		_, _ = parseSuccess(root)
	})
}

// Law: what has no id is not in a list.
func FuzzListsV2(f *testing.F) {
	f.Add([]byte(`[{"id":"` + fuzzGUID + `","access_consoles":1,"asset_clients":2,"gateways":3,"failover_role":"primary"}]`))
	f.Add([]byte(`[{"id":7,"display_name":"Ada","needs_update":"1","connected":false,"last_connect_timestamp":1}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if list, err := parseCountsV2(b, time.Time{}); err == nil {
			for _, n := range list {
				if n.GUID == "" || min(n.Consoles, n.Endpoints, n.Jumpoints) < 0 || n.JumpClients != -1 {
					t.Errorf("count %+v", n)
				}
			}
		}
		if list, err := parseAppliances(b, time.Time{}); err == nil {
			for _, a := range list {
				if plainGUID(a.GUID) != a.GUID || a.GUID == "" {
					t.Errorf("appliance %+v", a)
				}
			}
		}
		if list, err := parseUsersV2(b, time.Time{}); err == nil && list == nil {
			t.Error("no list and no error")
		}
		if list, err := decodeList[wireJumpClient](b); err == nil {
			for _, w := range list {
				if j, err := parseJumpClient(w, time.Time{}); err == nil && j.Online() && j.LastConnect.IsZero() {
					t.Errorf("online without ever having connected: %+v", j)
				}
			}
		}
		if list, err := decodeList[wireJumpoint](b); err == nil {
			for _, w := range list {
				_, _ = parseJumpoint(w, time.Time{})
			}
		}
		_, _ = parseMessage(b)
	})
}

// Law: a list never goes on after an empty page, and never beyond the page that is called the last.
func FuzzPaging(f *testing.F) {
	f.Add(`<https://h/?current_page=2>; rel="next", <https://h/?current_page=9>; rel="last"`, "1", "9", "812", 1, 100)
	f.Add(`<x>; rel=previous`, "", "", "", 3, 7)
	f.Fuzz(func(t *testing.T, link, current, last, total string, page, n int) {
		h := http.Header{}
		for k, v := range map[string]string{"Link": link, "X-Bt-Pagination-Current-Page": current, "X-Bt-Pagination-Last-Page": last, "X-Bt-Pagination-Total": total} {
			if v != "" {
				h[k] = []string{v}
			}
		}
		if page < 1 || n < 0 {
			return
		}
		next, err := parsePaging(h, page, n)
		if err != nil {
			return
		}
		if next.more && n == 0 {
			t.Error("it goes on after an empty page")
		}
		if next.total < -1 {
			t.Errorf("total %d", next.total)
		}
	})
}

// Law: an error shows no secret that was sent, is one line, and is bounded; only a documented OAuth word or a 401 makes it a matter of the token.
func FuzzErrorBody(f *testing.F) {
	f.Add(401, []byte(`{"error":"access_denied","message":"the s3cret-canary"}`))
	f.Add(200, []byte(`<error>s3cret-canary</error>`))
	f.Add(500, []byte(`<html><title>s3cret-canary</title>`))
	f.Add(422, []byte(`{"message":"x","errors":{"s3cret-canary":["s3cret-canary"]}}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		scrub := redact.New("s3cret-canary")
		e := explainStatus("ask", &rest.Response{Status: status, Header: http.Header{}, Body: body}, "GET", "/api", scrub)
		text := e.Error()
		if strings.Contains(text, "s3cret-canary") {
			t.Errorf("the error holds the secret: %s", text)
		}
		if strings.ContainsAny(text, "\n\r\x1b") || len(text) > 64<<10 {
			t.Errorf("the error is not fit for a line: %q", text)
		}
		if e.Class == nil {
			t.Error("an error without a class")
		}
		if errors.Is(e, ErrUnauthorized) && !json.Valid(bytes.TrimSpace(body)) {
			t.Errorf("a matter of the token because of %q", body)
		}
	})
}

// Law: a page, a message or a short text is never a backup, whatever surrounds it.
func FuzzBackup(f *testing.F) {
	f.Add([]byte("Invalid credentials"))
	f.Add(append([]byte("PK\x03\x04"), make([]byte, 1000)...))
	f.Add([]byte("<html>"))
	f.Add([]byte("\ufeff {\"message\":1}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		err := CheckBackup(b)
		if err != nil && !errors.Is(err, ErrNotABackup) {
			t.Errorf("class of %v", err)
		}
		if err != nil {
			return
		}
		_, jsonErr := decodeList[any](b)
		root, xmlErr := parseXML(b)
		if len(b) < backupMin || json.Valid(b) || jsonErr == nil || xmlErr == nil && root != nil {
			t.Errorf("%.40q was taken for a backup", b)
		}
	})
}
