package beyondtrust

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// Law: a GUID in any spelling is the same as its plain one, and what is no GUID is like nothing, not even itself.
func FuzzGUID(f *testing.F) {
	f.Add("{50000000-0000-0000-0000-000000000AAA}", fuzzGUID)
	f.Add("", "")
	f.Add("5000000000000000000000000000-aaa", "x")
	f.Fuzz(func(t *testing.T, a, b string) {
		p := plainGUID(a)
		if p != plainGUID(p) || p != "" && len(p) != 32 {
			t.Errorf("%q is %q", a, p)
		}
		if SameGUID(a, b) != SameGUID(b, a) || SameGUID(a, b) && plainGUID(a) != plainGUID(b) {
			t.Errorf("%q and %q are the same one way round", a, b)
		}
		if SameGUID(a, a) != (p != "") {
			t.Errorf("%q is not itself", a)
		}
	})
}

// Law: a relation is named only for roles that are known, is the same from both sides, and is good for one primary and one backup alone.
func FuzzRelation(f *testing.F) {
	for _, a := range []string{"none", "primary", "backup", "", "Primary", "standby"} {
		f.Add(a, "backup")
		f.Add(a, "primary")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		r := RelationOf(Role(a), Role(b))
		if r != RelationOf(Role(b), Role(a)) {
			t.Errorf("%q and %q are %q one way round", a, b, r)
		}
		if r == RelationEstablished && !(a == "primary" && b == "backup" || a == "backup" && b == "primary") {
			t.Errorf("%q and %q are established", a, b)
		}
		if (r == RelationUnknown) == (Role(a).Known() && Role(b).Known()) {
			t.Errorf("%q and %q are %q", a, b, r)
		}
	})
}

// Law: a JSON value that is read means what it says: nothing is true, a time or a number that was not written so.
func FuzzWire(f *testing.F) {
	for _, s := range []string{`true`, `"1"`, `0`, `null`, `"null"`, `"2026-03-01T02:00:00+00:00"`, `1739990000`, `-1`, `1e99`, `"x"`, `{}`, `[1]`, `""`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var said struct {
			T wireTime
			W wireWord
			S wireSeconds
		}
		for _, name := range []string{"T", "W", "S"} {
			_ = decode([]byte(`{"`+name+`":`+string(b)+`}`), &said) // what cannot be read stays as it was
		}
		var v any
		if json.Unmarshal(b, &v) != nil {
			return
		}
		told := strings.Trim(string(b), " \t\r\n")
		var is wireBool
		if err := json.Unmarshal(b, &is); err == nil {
			want, known := map[string]bool{"true": true, "1": true, `"true"`: true, `"1"`: true, "false": false, "0": false, `"false"`: false, `"0"`: false, "null": false}[told]
			if !known || bool(is) != want {
				t.Errorf("%s is %t", told, is)
			}
		}
		if !said.T.IsZero() && (said.T.Location() != time.UTC || !strings.ContainsAny(told, "0123456789")) {
			t.Errorf("%s is %v", told, said.T)
		}
		if w := string(said.W); w != "" {
			if s, ok := v.(string); w != told && (!ok || s != w) {
				t.Errorf("%s is the word %q", told, w)
			}
		}
	})
}

// Law: the pause that an appliance asks for is obeyed, and is never longer than a minute: no answer can stop a run for good.
func FuzzPause(f *testing.F) {
	f.Add(429, "30", "")
	f.Add(503, "-1", "0")
	f.Add(200, "", "0")
	f.Add(429, "99999999999999999999", "7")
	f.Add(429, "Wed, 21 Oct 2099 07:28:00 GMT", "")
	f.Fuzz(func(t *testing.T, status int, after, left string) {
		var p pacer
		h := http.Header{"Retry-After": {after}, "X-Ratelimit-Remaining": {left}}
		resp := &rest.Response{Status: status, Header: h}
		before := time.Now()
		p.heed(resp)
		if d := p.next.Sub(before); d > pauseMost+time.Second || (p.next.IsZero() && throttled(resp)) {
			t.Errorf("a pause of %v for %d %q %q", d, status, after, left)
		}
	})
}

// Law: a change of roles is believed for the two documented sentences alone, and what is shown of any other is short and fit for a line.
func FuzzRoleAnswer(f *testing.F) {
	f.Add("Successfully changed role.")
	f.Add("Successfully started data sync. Role change will occur upon successful completion.")
	f.Add("Not successfully changed role.")
	f.Add("\x1b[2JSuccessfully")
	cred := NewCredential("id", NewSecret("s3cret-canary"))
	f.Fuzz(func(t *testing.T, message string) {
		c := &Client{account: cred.open("host:443")}
		a := c.roleAnswer(message)
		if a.Outcome != RoleOutcomeUnknown && !strings.HasPrefix(message, "Successfully ") {
			t.Errorf("%q is %q", message, a.Outcome)
		}
		if len(a.Message) > most+len("…") || strings.Contains(a.Message, "s3cret-canary") || strings.ContainsAny(a.Message, "\n\r\x1b") {
			t.Errorf("%q is shown as %q", message, a.Message)
		}
	})
}

// Law: a page for people is never taken for an API's answer, and what is left of a name can be shown.
func FuzzPage(f *testing.F) {
	f.Add([]byte("<!DOCTYPE html><html><body><form></form></body></html>"))
	f.Add([]byte(`{"message":"<html>"}`))
	f.Add([]byte("\ufeff<HTML lang=x>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if isHTML(b) && json.Valid(b) {
			t.Errorf("%q is a page and JSON", b)
		}
		if resp := (&rest.Response{Status: 200, Body: b}); absent(resp) != isHTML(b) {
			t.Errorf("%q is absent: %t", b, absent(resp))
		}
		_ = isForm(b)
		if s := printable(string(b)); strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
			t.Errorf("%q is shown as %q", b, s)
		}
	})
}
