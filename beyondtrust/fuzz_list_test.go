package beyondtrust

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"
)

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
		if list, err := decodeList[wireJumpClient](b, perPage); err == nil {
			for _, w := range list {
				if j, err := parseJumpClient(w, time.Time{}); err == nil && j.Online() && j.LastConnect.IsZero() {
					t.Errorf("online without ever having connected: %+v", j)
				}
			}
		}
		if list, err := decodeList[wireJumpoint](b, perPage); err == nil {
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
