package sps_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/changeover-sdk/changeover/sps"
)

// An appliance that repeats the password and the session wherever it can say anything must not get them into a result, an error or a log.
func TestCanaryAppliance(t *testing.T) {
	const password, cookie = `c4n"ary&p`, "c4narysession0123456789abcdef01234567890"
	quoted, err := json.Marshal(password + " " + cookie + " " + url.QueryEscape(password))
	if err != nil {
		t.Fatal(err)
	}
	echo := string(quoted)
	slot := `{"key": "%s", "body": {"version": ` + echo + `, "upgrade_notes": ` + echo + `, "upgrade_news": ` + echo + `, "test_summary": ` + echo + `}, "meta": {"slot": "/api/firmware/slots/` + "2" + `"}}`
	good := strings.Replace(slot, `"version": `+echo, `"version": "7.0.2.1"`, 1)
	as := func(body, key string) string { return strings.Replace(body, "%s", key, 1) }
	answers := map[string]string{
		"/api/info":             `{"body": {"hostname": E, "domainname": E, "nickname": E, "firmware_version": E, "version": E, "build_date": E, "config_hash": E, "roles": [E]}}`,
		"/api/setup":            `{"status": E}`,
		"/api/health_status":    `{"health_status": {"disk": 1, "sessions": {E: 1}, "firmware": {"integrity": {E: E}, "tainted_files": {E: E}}, "raid": {"status": {"status": E, "detailed_status": E, "operation_progress": E}, "disks": {E: {"status": E}}}, "pipeline_queues": {E: 1}}}`,
		"/api/firmware/slots":   `{"items": [` + as(slot, "1") + "," + as(good, "2") + `, {"key": "3", "body": {}}], "meta": {}}`,
		"/api/firmware/slots/1": as(slot, "1"), "/api/firmware/slots/2": as(good, "2"),
		"/api/firmware/test": as(good, "2"), "/api/firmware/upgrade": as(good, "2"),
		"/api/upload/firmware":                  as(good, "2"),
		"/api/transaction":                      `{"body": {"status": E}}`,
		"/api/cluster/status":                   `{"items": [{"key": E, "fqdn": E, "sync_status": E, "last_seen": E, "configuration_sync": {"issues": {"warnings": [{"message": E}]}}}], "meta": {"self": E}}`,
		"/api/cluster/nodes":                    `{"items": [{"key": E, "body": {"address": E, "roles": [E]}}], "meta": {}}`,
		"/api/configuration/management/license": `{"body": {"a": E, "b": [E], "c": {"d": E}}}`,
		"/api/troubleshooting/support-bundle":   `{"items": [], "key": "k", "meta": {}}`,
		"/api/troubleshooting/support-bundle/k": `{"key": "k", "body": {"status": E, "error": E}}`,
		"/api/firmware/fetch":                   `{"key": "k", "body": {"status": E}}`,
		"/api/firmware/fetch/k":                 `{"key": "k", "body": {"status": "failed", "error": E}}`,
	}
	modes := map[string]func(w http.ResponseWriter, path string){
		"in good answers": func(w http.ResponseWriter, path string) {
			io.WriteString(w, strings.ReplaceAll(answers[path], "E", echo))
		},
		"in errors": func(w http.ResponseWriter, _ string) {
			w.WriteHeader(400)
			fmt.Fprintf(w, `{"error": {"type": %s, "message": %s, "details": {%s: [%s]}}}`, echo, echo, echo, echo)
		},
		"in pages": func(w http.ResponseWriter, _ string) {
			fmt.Fprintf(w, "<title>%s</title><p class='%s'>%s</p>Cookie: session_id=%s", password, password, url.QueryEscape(password), cookie)
		},
		"in broken answers": func(w http.ResponseWriter, _ string) { io.WriteString(w, `{"a": `+echo+`, `+cookie) },
		"in redirects": func(w http.ResponseWriter, _ string) {
			w.Header().Set("Location", "https://other.example.test/?p="+url.QueryEscape(password))
			w.WriteHeader(302)
		},
	}
	for name, say := range modes {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				f := &fake{handle: func(w http.ResponseWriter, r *http.Request) bool {
					if r.URL.Path == "/api/authentication" {
						w.Header().Set("Set-Cookie", "session_id="+cookie)
						io.WriteString(w, `{"meta": {}}`)
						return true
					}
					io.Copy(io.Discard, r.Body)
					say(w, r.URL.Path)
					return true
				}}
				c, err := sps.NewClient("https://sps1", sps.Login{User: "admin", Password: password}, &sps.Options{
					HTTPClient: &http.Client{Transport: f}, Retries: -1,
					Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
				if err != nil {
					t.Fatal(err)
				}
				ctx := t.Context()
				check := func(what string, v any, err error) {
					t.Helper()
					text, jerr := json.Marshal(v)
					if jerr != nil {
						t.Errorf("%s: %v", what, jerr)
					}
					e, _ := err.(*sps.Error)
					all := fmt.Sprintf("%v %+v %#v %s %v %+v %#v", v, v, v, text, err, err, e)
					if e != nil {
						all += fmt.Sprintf("%+v %#v", *e, *e)
					}
					if strings.Contains(all, "c4n") {
						t.Errorf("%s shows a secret:\n%s", what, all)
					}
				}
				{
					v, err := c.Info(ctx)
					check("Info", v, err)
				}
				{
					v, err := c.Probe(ctx)
					check("Probe", v, err)
				}
				{
					v, err := c.Setup(ctx)
					check("Setup", v, err)
				}
				{
					v, err := c.Health(ctx)
					check("Health", v, err)
					check("Issues", v.Issues(), nil)
				}
				{
					v, err := c.Slots(ctx)
					check("Slots", v, err)
				}
				{
					v, err := c.Slot(ctx, "1")
					check("Slot", v, err)
				}
				{
					v, err := c.Transaction(ctx)
					check("Transaction", v, err)
				}
				{
					v, err := c.ClusterStatus(ctx)
					check("ClusterStatus", v, err)
					check("Issues", v.Issues(), nil)
				}
				{
					v, err := c.ClusterNodes(ctx)
					check("ClusterNodes", v, err)
				}
				{
					v, err := c.License(ctx)
					check("License", v, err)
				}
				{
					v, err := c.TestFirmware(ctx, v7021)
					check("TestFirmware", v, err)
				}
				{
					v, err := c.UpgradeFirmware(ctx, v7021, "")
					check("UpgradeFirmware", v, err)
				}
				for name, call := range acts {
					check(name, nil, call(context.WithoutCancel(ctx), c))
				}
				check("Client", fmt.Sprintf("%v %+v %#v %+v", c, c, c, f.asked), nil)
				if strings.Contains(log.String(), "c4n") || !strings.Contains(log.String(), "path=/api/info") {
					t.Errorf("the log shows a secret, or nothing:\n%s", log.String())
				}
			})
		})
	}
}
