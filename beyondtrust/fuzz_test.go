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
		_, jsonErr := decodeList[any](b, listMost)
		root, xmlErr := parseXML(b)
		if len(b) < backupMin || json.Valid(b) || jsonErr == nil || xmlErr == nil && root != nil {
			t.Errorf("%.40q was taken for a backup", b)
		}
	})
}
