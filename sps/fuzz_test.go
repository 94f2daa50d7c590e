package sps_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/changeover-sdk/changeover/sps"
)

const secretWord = "simulated" // the password of every client under test

// lawful checks what holds for every error of this package, whatever the appliance said.
func lawful(t *testing.T, answer string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	e, ok := errors.AsType[*sps.Error](err)
	if !ok {
		t.Fatalf("%q: %T is no *sps.Error", answer, err)
	}
	text := fmt.Sprintf("%v|%+v", err, *e)
	if strings.Contains(text, secretWord) {
		t.Errorf("%q shows the password in %q", answer, text)
	}
	if len(text) > 20<<10 {
		t.Errorf("%q gives an error of %d bytes", answer, len(text))
	}
	if utf8.ValidString(answer) && (!utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && r != '\t' && unicode.IsControl(r) })) {
		t.Errorf("%q gives an error with control characters: %q", answer, text)
	}
	if errors.Is(err, sps.ErrNotSent) {
		t.Errorf("%q: %v says that nothing was sent", answer, err)
	}
}

// The law: a version is only what the appliance said in so many words, and nothing passes for a login.
func FuzzInfo(f *testing.F) {
	f.Add(info)
	f.Add(`{"body": {"hostname": "sps1"}}`)
	f.Add(`{"error": {"type": "Unauthenticated", "details": {"path": "/api/info"}}}`)
	f.Add(`<html><title>simulated`)
	f.Add(`{"body": {"firmware_version": 7.5, "roles": [null, 1], "hostname": {"a": 1}}, "meta": {"remaining_seconds": -1}}`)
	f.Fuzz(func(t *testing.T, answer string) {
		got, err := answering(t, "GET /api/info", answer).Info(t.Context())
		lawful(t, answer, err)
		if err != nil {
			return
		}
		if got.FirmwareText == "" || got.Remaining < 0 {
			t.Errorf("%q gives %+v", answer, got)
		}
		if v, err := sps.ParseVersion(got.FirmwareText); !got.Firmware.IsZero() && (err != nil || v != got.Firmware) {
			t.Errorf("%q: the text %q is the version %v", answer, got.FirmwareText, got.Firmware)
		}
		if !strings.Contains(answer, "firmware_version") && !strings.Contains(answer, `\u`) && !strings.Contains(strings.ToLower(answer), "firmware_version") {
			t.Errorf("%q gives a version out of nothing", answer)
		}
	})
}

// The law: keys are unique and not empty, what is found by version has that version, and a slot is either empty or listed.
func FuzzSlots(f *testing.F) {
	f.Add(slots(`"number_of_empty_slots": 2`, "1 7.0.2 c", "2 7.0.2.1 a", "3", "4")["GET /api/firmware/slots"])
	f.Add(`{"items": [{"key": 1, "body": {"version": null}}, {"key": "1.0", "body": []}], "meta": null}`)
	f.Add(`{"items": [{"key": "1"}], "meta": {"next": "/api/firmware/slots?x", "number_of_empty_slots": 1e300}}`)
	f.Fuzz(func(t *testing.T, answer string) {
		got, err := answering(t, "GET /api/firmware/slots", answer).Slots(t.Context())
		lawful(t, answer, err)
		seen := map[string]bool{}
		for _, s := range got.List {
			if s.Key == "" || seen[s.Key] {
				t.Errorf("%q has a slot called %q", answer, s.Key)
			}
			seen[s.Key] = true
			found, err := got.Find(s.Version)
			if err == nil && !found.Version.Same(s.Version) {
				t.Errorf("%q: looking for %v finds %v", answer, s.Version, found)
			}
			if err == nil && s.Version.IsZero() {
				t.Errorf("%q: no version is found", answer)
			}
		}
		if got.Empty < 0 || (err != nil && len(got.List)+got.Empty > 0) {
			t.Errorf("%q has %d empty slots, %d others, %v", answer, got.Empty, len(got.List), err)
		}
	})
}

// The law: a configuration is free only if the appliance says closed.
func FuzzTransaction(f *testing.F) {
	f.Add(`{"transaction": {"status": "closed"}}`)
	f.Add(`{"body": {"status": "closed", "commit_message": "required"}, "meta": {"remaining_seconds": 600}}`)
	f.Add(`{"body": {"status": ["closed"]}}`)
	f.Fuzz(func(t *testing.T, answer string) {
		got, err := answering(t, "GET /api/transaction", answer).Transaction(t.Context())
		lawful(t, answer, err)
		if got.Free() && (err != nil || !strings.EqualFold(got.Status, "closed")) {
			t.Errorf("%q is free: %+v, %v", answer, got, err)
		}
		if got.Remaining < 0 || strings.Contains(got.String(), secretWord) {
			t.Errorf("%q gives %+v", answer, got)
		}
	})
}

// The law: whatever an appliance answers with an error status is an error, and one that keeps the rules of all errors.
func FuzzErrorBody(f *testing.F) {
	f.Add(400, `{"error": {"type": "FirmwareTestFailed", "message": "no", "details": {"test_summary": "disk full"}}}`)
	f.Add(500, `{"error": "simulated"}`)
	f.Add(200, `{"error": {"type": {}, "message": [], "details": "simul\u0061ted"}}`)
	f.Add(404, `<title>not here</title>`)
	f.Add(401, ``)
	f.Add(302, "\x1b[2J")
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			t.Skip()
		}
		c := answering(t, "GET /api/firmware/slots/1", fmt.Sprintf("%d %s", status, body))
		_, err := c.Slot(t.Context(), "1")
		lawful(t, body, err)
		if err == nil && status >= 300 {
			t.Errorf("%d %q is no error", status, body)
		}
		if errors.Is(err, sps.ErrReverted) || errors.Is(err, sps.ErrNotPressed) {
			t.Errorf("%d %q is of a class that no answer has: %v", status, body, err)
		}
	})
}

// The law: a probe always has an answer, says ready only for the API's own JSON, and shows no secret of a page.
func FuzzPage(f *testing.F) {
	f.Add("<html><head><title>Upgrade of simulated</title></head><body>42 %</body></html>")
	f.Add("<title>")
	f.Add(`{"body": {"hostname": "sps1"}}`)
	f.Add("\x00\xff<b>session_id=0123456789abcdef</b>")
	f.Fuzz(func(t *testing.T, page string) {
		got, err := answering(t, "GET /api/info", page).Probe(t.Context())
		if err != nil || got.Kind == "" || got.String() == "" {
			t.Fatalf("%q: %+v, %v", page, got, err)
		}
		shown := fmt.Sprintf("%+v %s", got, got)
		if strings.Contains(shown, secretWord) || len(got.Text) > 2<<10 {
			t.Errorf("%q shows %q", page, shown)
		}
		if got.Ready() && !strings.HasPrefix(strings.TrimSpace(page), "{") {
			t.Errorf("%q passes for the API", page)
		}
	})
}

// The law: only a cluster whose every other member is up, in step and seen just now has no issues.
func FuzzClusterStatus(f *testing.F) {
	f.Add(clusterStatus)
	f.Add(`{"items": [{}], "meta": {"self": "/"}}`)
	f.Fuzz(func(t *testing.T, answer string) {
		got, err := answering(t, "GET /api/cluster/status", answer).ClusterStatus(t.Context())
		lawful(t, answer, err)
		if err != nil || len(got.Issues()) > 0 {
			return
		}
		for _, m := range got.Members {
			if !m.Self && (!m.Healthy || m.LastSeen.IsZero() || len(m.Warnings) > 0) {
				t.Errorf("%q has no issues: %+v", answer, m)
			}
		}
	})
}
