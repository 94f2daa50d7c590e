package sps_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
)

func TestInfo(t *testing.T) {
	const answer = `{"key": "about_info", "body": {"hostname": "sps1", "domainname": "example.test", "nickname": null, "firmware_version": "7.5.0", "version": "7.5",
		"build_date": "2024-05-01T10:00:00+00:00", "config_hash": "0123", "roles": ["search-master"], "analytics_enabled": true}, "meta": {"remaining_seconds": 1190}}`
	got, err := answering(t, "GET /api/info", answer).Info(t.Context())
	want := sps.Info{Host: "sps1", Domain: "example.test", Firmware: sps.MustVersion("7.5.0"), FirmwareText: "7.5.0", Marketing: "7.5",
		BuildDate: "2024-05-01T10:00:00+00:00", ConfigHash: "0123", Roles: []string{"search-master"}, Remaining: 1190 * time.Second,
		Time: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)}
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b sps.Version) bool { return a == b })); d != "" || err != nil {
		t.Errorf("Info (-want +got), %v:\n%s", err, d)
	}
	if got.Name() != "sps1.example.test" || (sps.Info{Host: "a"}).Name() != "a" {
		t.Errorf("Name = %q", got.Name())
	}
	// A version that is none is kept, and is no version.
	got, err = answering(t, "GET /api/info", strings.Replace(answer, "7.5.0", "7.5.0-b12", 1)).Info(t.Context())
	if err != nil || !got.Firmware.IsZero() || got.FirmwareText != "7.5.0-b12" {
		t.Errorf("Info = %+v, %v", got, err)
	}
}

func TestInfoTellsTheAppliancesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := node(t, &spstest.Node{ClockOffset: -26 * time.Hour})
		got, err := c.Info(t.Context())
		if err != nil || !got.Time.Equal(time.Now().Add(-26*time.Hour).Truncate(time.Second)) {
			t.Errorf("Time = %v, %v; want the appliance's, a day and two hours behind %v", got.Time, err, time.Now())
		}
	})
}

func TestSetup(t *testing.T) {
	for answer, want := range map[string]sps.SetupStatus{
		`{"status": "completed", "meta": {}}`: sps.SetupCompleted, `{"status": "uninitialized"}`: sps.SetupUninitialized,
		`{"body": {"status": "booting"}}`: sps.SetupBooting, `{"status": "something new"}`: "something new",
	} {
		if got, err := answering(t, "GET /api/setup", answer).Setup(t.Context()); got != want || err != nil {
			t.Errorf("Setup = %q, %v; want %q", got, err, want)
		}
	}
	_, err := answering(t, "GET /api/setup", `{"meta": {}}`).Setup(t.Context())
	mustBe(t, err, sps.ErrBadAnswer)
}

func TestTransaction(t *testing.T) {
	tests := map[string]struct {
		answer string
		want   sps.Transaction
		free   bool
	}{
		"6.0 to 6.13, closed": {`{"key": "transaction", "transaction": {"status": "closed"}}`, sps.Transaction{Status: "closed"}, true},
		"6.0 to 6.13, open":   {`{"transaction": {"status": "open"}, "meta": {"remaining_seconds": 600}}`, sps.Transaction{Status: "open", Remaining: 10 * time.Minute}, false},
		"8.0, closed":         {`{"body": {"status": "closed", "commit_message": "optional"}}`, sps.Transaction{Status: "closed"}, true},
		"8.0, with messages":  {`{"body": {"status": "closed", "commit_message": "required"}}`, sps.Transaction{Status: "closed", MessageRequired: true}, true},
		"a new word":          {`{"body": {"status": "closing"}}`, sps.Transaction{Status: "closing"}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := answering(t, "GET /api/transaction", tt.answer).Transaction(t.Context())
			if err != nil || got != tt.want || got.Free() != tt.free || !strings.Contains(got.String(), tt.want.Status) {
				t.Errorf("Transaction = %+v (%s), %v; want %+v, free %t", got, got, err, tt.want, tt.free)
			}
		})
	}
	_, err := answering(t, "GET /api/transaction", `{"meta": {}}`).Transaction(t.Context())
	mustBe(t, err, sps.ErrBadAnswer)
}

func TestScenarioGhostLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &spstest.Node{}
		c := node(t, n)
		n.Lock("admin2", 3*time.Hour)
		err := c.CheckLock(t.Context())
		mustBe(t, err, sps.ErrLocked)
		if !strings.Contains(err.Error(), "admin2") || !strings.Contains(err.Error(), "console menu") {
			t.Errorf("err = %v, want the holder and the remedy", err)
		}
		n.Lock("", 0)
		if err := c.CheckLock(t.Context()); err != nil {
			t.Errorf("CheckLock = %v of a free configuration", err)
		}
		if tr, err := c.Transaction(t.Context()); err != nil || !tr.Free() {
			t.Errorf("afterwards: %v, %v; want nothing left open", tr, err)
		}
	})
}

func TestFaultCheckLockLeavesNothingOpen(t *testing.T) {
	for name, fault := range map[string]spstest.Fault{
		"the answer is lost":     {Kind: spstest.FaultReset, Acts: true},
		"a page instead":         {Kind: spstest.FaultPage, Acts: true},
		"the answer is cut":      {Kind: spstest.FaultCut, After: 5},
		"a 500, after all":       {Kind: spstest.FaultAnswer, Status: 500, Acts: true},
		"nothing came of it":     {Kind: spstest.FaultReset},
		"refused in other words": {Kind: spstest.FaultAnswer, Status: 409, Body: `{"error": {"type": "Hm"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &spstest.Node{}
				c := node(t, n)
				n.Inject("POST /api/transaction", fault)
				if err := c.CheckLock(t.Context()); err == nil || errors.Is(err, sps.ErrLocked) != (fault.Status == 409) {
					t.Errorf("CheckLock = %v", err)
				}
				if tr, err := c.Transaction(t.Context()); err != nil || !tr.Free() {
					t.Errorf("afterwards: %v, %v; want nothing left open", tr, err)
				}
			})
		})
	}
	f := &fake{answers: map[string]string{"GET /api/transaction": `{"body": {"status": "open"}}`}}
	mustBe(t, f.client(t).CheckLock(t.Context()), sps.ErrLocked, sps.ErrNotSent)
	if f.count("POST /api/transaction")+f.count("DELETE /api/transaction") > 0 {
		t.Error("somebody's open transaction was touched")
	}
}

func TestLicense(t *testing.T) {
	tests := map[string]struct {
		answer, raw string
		present     bool
	}{
		"some fields":           {`{"body": {"limit": 5, "valid_until": "2027-01-01", "type": "x"}}`, `{"limit":5,"type":"x","valid_until":"2027-01-01"}`, true},
		"large numbers survive": {`{"body": {"n": 12345678901234567890}}`, `{"n":12345678901234567890}`, true},
		"null":                  {`{"body": null}`, `null`, false},
		"nothing in it":         {`{"body": {}}`, `{}`, false},
		"no body":               {`{"meta": {}}`, ``, false},
		"not there":             {`404 {"error": {"type": "ResourceNotFound"}}`, ``, false},
		"a secret among them":   {`{"body": {"licence_token": "abc", "note": "simulated", "list": ["a", {"password": "b"}]}}`, `{"licence_token":"REDACTED","list":["a",{"password":"REDACTED"}],"note":"REDACTED"}`, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := answering(t, "GET /api/configuration/management/license", tt.answer).License(t.Context())
			if err != nil || string(got.Raw) != tt.raw || got.Present() != tt.present {
				t.Errorf("License = %s, %v, present %t; want %s, %t", got.Raw, err, got.Present(), tt.raw, tt.present)
			}
			if _, err := json.Marshal(got); err != nil {
				t.Errorf("it does not go into JSON: %v", err)
			}
		})
	}
	// While the appliance boots, a page answers for everything: that is no licence that is missing.
	_, err := answering(t, "GET /api/configuration/management/license", "404 <title>Starting</title>").License(t.Context())
	mustBe(t, err, sps.ErrNotReady)
}

const clusterStatus = `{"items": [
	{"key": "a1", "fqdn": "central.example.test", "health_status": null, "sync_status": "n/a", "meta": {}},
	{"key": "b2", "fqdn": "minion1.example.test", "last_seen": "2026-11-24T09:59:50Z", "health_status": {"disk": 1}, "sync_status": "up-to-date", "configuration_sync": {"issues": {"warnings": []}}}],
	"meta": {"self": "/api/cluster/status/a1"}}`

func TestClusterStatus(t *testing.T) {
	got, err := answering(t, "GET /api/cluster/status", clusterStatus).ClusterStatus(t.Context())
	want := sps.ClusterState{Time: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), Members: []sps.ClusterMember{
		{Key: "a1", FQDN: "central.example.test", Sync: "n/a", Self: true},
		{Key: "b2", FQDN: "minion1.example.test", Sync: "up-to-date", Healthy: true, LastSeen: time.Date(2026, 11, 24, 9, 59, 50, 0, time.UTC)},
	}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("ClusterStatus (-want +got), %v:\n%s", err, d)
	}
	if issues := got.Issues(); len(issues) > 0 {
		t.Errorf("issues of a sound cluster: %q", issues)
	}
	tests := map[string]struct{ old, now, issue string }{
		"down":                    {`"health_status": {"disk": 1}`, `"health_status": null`, "minion1.example.test is down"},
		"not fetched yet":         {`"up-to-date"`, `"pending"`, `configuration of minion1.example.test is "pending"`},
		"a word nobody knows":     {`"up-to-date"`, `"splendid"`, `"splendid"`},
		"no word":                 {`"sync_status": "up-to-date",`, ``, `configuration`},
		"seen a minute ago":       {`09:59:50`, `09:58:59`, "last seen 1m1s ago"},
		"never seen":              {`"last_seen": "2026-11-24T09:59:50Z",`, ``, "never seen"},
		"a warning":               {`"warnings": []`, `"warnings": [{"message": "wrong schema", "paths": []}]`, "warns: wrong schema"},
		"a warning of other kind": {`"warnings": []`, `"warnings": "many"`, "not understood"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := answering(t, "GET /api/cluster/status", strings.Replace(clusterStatus, tt.old, tt.now, 1)).ClusterStatus(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if issues := got.Issues(); len(issues) != 1 || !strings.Contains(issues[0], tt.issue) {
				t.Errorf("Issues = %q, want one that says %q", issues, tt.issue)
			}
		})
	}
	for _, word := range []string{"UP-TO-DATE", "up_to_date", "up to date"} {
		got, err := answering(t, "GET /api/cluster/status", strings.Replace(clusterStatus, "up-to-date", word, 1)).ClusterStatus(t.Context())
		if issues := got.Issues(); err != nil || len(issues) > 0 {
			t.Errorf("%q: %q, %v", word, issues, err)
		}
	}
	_, err = answering(t, "GET /api/cluster/status", `{"items": [], "meta": {}}`).ClusterStatus(t.Context())
	mustBe(t, err, sps.ErrBadAnswer)
}

func TestClusterNodes(t *testing.T) {
	const answer = `{"items": [{"key": "a1", "body": {"address": "10.0.0.1", "roles": ["central-management", "search-master"]}}, {"key": "b2", "body": {"address": "10.0.0.2", "roles": []}}], "meta": {"self": "a1"}}`
	got, err := answering(t, "GET /api/cluster/nodes", answer).ClusterNodes(t.Context())
	want := []sps.ClusterNode{{Key: "a1", Address: "10.0.0.1", Roles: []string{"central-management", "search-master"}, Self: true}, {Key: "b2", Address: "10.0.0.2"}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("ClusterNodes (-want +got), %v:\n%s", err, d)
	}
	_, err = answering(t, "GET /api/cluster/nodes", `{"items": [], "meta": {}}`).ClusterNodes(t.Context())
	mustBe(t, err, sps.ErrBadAnswer)
	synctest.Test(t, func(t *testing.T) {
		cl := &spstest.Cluster{}
		defer cl.Close()
		master := cl.Nodes()[0]
		c, err := sps.NewClient(master.URL(), admin, &sps.Options{HTTPClient: cl.HTTPClient()})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		nodes, err := c.ClusterNodes(t.Context())
		if err != nil || len(nodes) != 3 {
			t.Errorf("ClusterNodes = %+v, %v", nodes, err)
		}
		state, err := c.ClusterStatus(t.Context())
		if err != nil || len(state.Members) != 3 || len(state.Issues()) > 0 {
			t.Errorf("ClusterStatus = %+v, %v, %q", state, err, state.Issues())
		}
		self := 0
		for i := range nodes {
			if nodes[i].Self && state.Members[i].Self {
				self++
			}
		}
		if self != 1 {
			t.Errorf("%d nodes call themselves the one that was asked", self)
		}
	})
}

func TestPrintedEvidenceGoesIntoJSON(t *testing.T) {
	for _, v := range []any{sps.Info{}, sps.Health{}, sps.Slots{}, sps.HA{}, sps.Reach{}, sps.Transaction{}, sps.License{}, sps.ClusterState{}, sps.Upload{}, sps.FirmwareTest{}} {
		if out, err := json.Marshal(v); err != nil || strings.Contains(string(out), "0001-01-01") {
			t.Errorf("%T: %s, %v", v, out, err)
		}
		_ = fmt.Sprintf("%+v", v)
	}
}
