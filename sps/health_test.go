package sps_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
)

const health75 = `{"health_status": {"cpu": 3.0, "disk": 21.0, "memory": 40.5, "swap": 0.0, "load1": 0.2, "load5": 0.2, "load15": 0.1,
	"sessions": {"http": 0, "rdp": 1, "ssh": 2}, "sessions_total": 3,
	"firmware": {"tainted_files": {"boot": 0, "core": 0, "ha_other": 0}, "integrity": {"boot": "OK", "core": "OK"}},
	"pipeline_queues": {"session_events": 4, "indexer_events": 5},
	"raid": {"disks": {"0": {"status": "OK"}, "1": {"status": "online"}}, "status": {"status": "OK", "detailed_status": "Optimal", "operation_progress": null}}}}`

func TestHealth(t *testing.T) {
	p := func(f float64) *float64 { return &f }
	got, err := answering(t, "GET /api/health_status", health75).Health(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := sps.Health{CPU: p(3), Disk: p(21), Memory: p(40.5), Swap: p(0), Load1: p(0.2), Load5: p(0.2), Load15: p(0.1),
		Sessions: map[string]int{"http": 0, "rdp": 1, "ssh": 2}, SessionsTotal: 3, Full: true,
		Integrity: map[string]string{"boot": "OK", "core": "OK"}, Tainted: map[string]int{"boot": 0, "core": 0, "ha_other": 0},
		RAID: "OK", RAIDDetail: "Optimal", RAIDDisks: map[string]string{"0": "OK", "1": "online"},
		Queues: map[string]float64{"session_events": 4, "indexer_events": 5}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("Health (-want +got):\n%s", d)
	}
	if issues := got.Issues(); len(issues) > 0 {
		t.Errorf("a healthy appliance has issues: %q", issues)
	}
}

func TestHealthOfOldReleases(t *testing.T) {
	got, err := answering(t, "GET /api/health-status", `{"health_status": {"disk": 30, "memory": 1, "swap": 0, "load1": 0, "sessions": {"ssh": 2}, "total_sessions": 2}}`).Health(t.Context())
	if err != nil || got.Full || got.SessionsTotal != 2 || got.Sessions["ssh"] != 2 || *got.Disk != 30 || len(got.Issues()) != 0 {
		t.Errorf("Health = %+v, %v, issues %q", got, err, got.Issues())
	}
	synctest.Test(t, func(t *testing.T) {
		c := node(t, &spstest.Node{Version: "6.0.14", Switches: spstest.Switches{OldHealth: true}})
		if h, err := c.Health(t.Context()); err != nil || h.Disk == nil {
			t.Errorf("Health = %+v, %v", h, err)
		}
	})
	_, err = (&fake{}).client(t).Health(t.Context())
	mustBe(t, err, sps.ErrNotFound)
}

func TestHealthIssues(t *testing.T) {
	change := func(old, now string) string {
		if !strings.Contains(health75, old) {
			t.Fatalf("no %q in the sample", old)
		}
		return strings.Replace(health75, old, now, 1)
	}
	tests := map[string]struct {
		answer string
		want   []string
	}{
		"a full disk":                     {change(`"disk": 21.0`, `"disk": 90.1`), []string{"90 % full"}},
		"an almost full disk":             {change(`"disk": 21.0`, `"disk": 90`), nil},
		"no word of the disk":             {change(`"disk": 21.0,`, ``), []string{"how full the disk is"}},
		"a disk that is no number":        {change(`"disk": 21.0`, `"disk": "NaN"`), []string{"how full the disk is"}},
		"a number that is a text":         {change(`"disk": 21.0`, `"disk": "95"`), []string{"95 % full"}},
		"a corrupted core":                {change(`"core": "OK"`, `"core": "CORRUPTED"`), []string{`integrity of the core firmware is "CORRUPTED"`}},
		"an integrity nobody knows":       {change(`"boot": "OK"`, `"boot": "fine?"`), []string{`integrity of the boot firmware`}},
		"no integrity":                    {change(`"integrity": {"boot": "OK", "core": "OK"}`, `"integrity": []`), []string{"whether the firmware is intact"}},
		"a firmware nobody understands":   {change(`"firmware": {`, `"firmware": 7, "was": {`), []string{"whether the firmware is intact"}},
		"modified files on the other one": {change(`"ha_other": 0`, `"ha_other": 3`), []string{"3 files of the ha_other firmware"}},
		"modified files uncounted":        {change(`"ha_other": 0`, `"ha_other": "many"`), []string{"number of modified files of the ha_other firmware is not understood"}},
		"a degraded RAID":                 {change(`"status": "OK", "detailed_status": "Optimal"`, `"status": "DEGRADED", "detailed_status": "disk 1"`), []string{`"DEGRADED disk 1"`}},
		"a RAID that rebuilds":            {change(`"operation_progress": null`, `"operation_progress": "42%"`), []string{"works: 42%"}},
		"a RAID that has rebuilt":         {change(`"operation_progress": null`, `"operation_progress": 100`), nil},
		"a failing disk":                  {change(`"1": {"status": "online"}`, `"1": {"status": "failed"}`), []string{`disk 1 of the RAID is "failed"`}},
		"several":                         {change(`"disk": 21.0`, `"disk": 99, "x": 1`), []string{"99 % full"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h, err := answering(t, "GET /api/health_status", tt.answer).Health(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got := h.Issues()
			if len(got) != len(tt.want) {
				t.Fatalf("Issues = %q, want %q", got, tt.want)
			}
			for i := range got {
				if !strings.Contains(got[i], tt.want[i]) {
					t.Errorf("issue = %q, want it to say %q", got[i], tt.want[i])
				}
			}
		})
	}
}

// The law: whatever the appliance says, a healthy verdict needs a disk that is known not to be full, and a firmware that says OK if it says
// anything.
func FuzzHealth(f *testing.F) {
	f.Add(health75)
	f.Add(`{"health_status": {"disk": 30}}`)
	f.Add(`{"health_status": {"disk": -1e309, "firmware": {"integrity": {"": null}}}}`)
	f.Add(`{"health_status": {"disk": [], "raid": {"status": []}, "sessions": 1}}`)
	f.Fuzz(func(t *testing.T, answer string) {
		h, err := answering(t, "GET /api/health_status", answer).Health(t.Context())
		if err != nil || len(h.Issues()) > 0 {
			return
		}
		if h.Disk == nil || !(*h.Disk <= 90) {
			t.Errorf("%q is healthy with disk %v", answer, h.Disk)
		}
		for part, word := range h.Integrity {
			if !strings.EqualFold(word, "OK") {
				t.Errorf("%q is healthy with %s %q", answer, part, word)
			}
		}
		if h.Full && len(h.Integrity) == 0 {
			t.Errorf("%q is healthy without a word of integrity", answer)
		}
	})
}
