package sps_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/sps"
)

func soundPair() sps.HA {
	return sps.HA{Status: sps.HAGood, DRBD: sps.DRBDConnected, Heartbeat: sps.HeartbeatNotUsed,
		This:  sps.HANode{ID: "1", State: sps.NodeHA, UUID: "u", Firmware: "7.0.2"},
		Other: sps.HANode{ID: "2", State: sps.NodeHA, UUID: "u", Firmware: "7.0.2"}}
}

func TestHAIssues(t *testing.T) {
	tests := map[string]struct {
		change func(*sps.HA)
		want   []string // a part of each issue
	}{
		"a sound pair":                  {func(*sps.HA) {}, nil},
		"in other letters":              {func(h *sps.HA) { h.Status, h.DRBD = "ha", "CONNECTED" }, nil},
		"no redundant heartbeat shown":  {func(h *sps.HA) { h.Heartbeat = "" }, nil},
		"degraded":                      {func(h *sps.HA) { h.Status = "DEGRADED" }, []string{"HA status"}},
		"a status nobody knows":         {func(h *sps.HA) { h.Status = "Splendid" }, []string{"HA status"}},
		"no status":                     {func(h *sps.HA) { h.Status = "" }, []string{"HA status"}},
		"copying":                       {func(h *sps.HA) { h.DRBD = sps.DRBDSyncSource }, []string{"DRBD"}},
		"a failed disk":                 {func(h *sps.HA) { h.DRBD = sps.DRBDDiskFailure }, []string{"DRBD"}},
		"split brain by status":         {func(h *sps.HA) { h.Status = "Split brain" }, []string{"split brain: neither", "HA status"}},
		"split brain by DRBD":           {func(h *sps.HA) { h.DRBD = "split-brain detected" }, []string{"split brain: neither", "DRBD"}},
		"heartbeat half gone":           {func(h *sps.HA) { h.Heartbeat = sps.HeartbeatDegradedWorking }, []string{"heartbeat"}},
		"two pairs' halves":             {func(h *sps.HA) { h.Other.UUID = "w" }, []string{"UUIDs"}},
		"versions differ":               {func(h *sps.HA) { h.Other.Firmware = "7.0.1" }, []string{"firmware"}},
		"the same version, spelled out": {func(h *sps.HA) { h.Other.Firmware = "7.0.2 LTS" }, nil},
		"versions that are none":        {func(h *sps.HA) { h.This.Firmware, h.Other.Firmware = "soon", "soon" }, []string{"firmware"}},
		"no other node":                 {func(h *sps.HA) { h.Other = sps.HANode{} }, []string{"UUIDs", "firmware"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := soundPair()
			tt.change(&h)
			got := h.Issues()
			if len(got) != len(tt.want) {
				t.Fatalf("Issues() = %q, want %q", got, tt.want)
			}
			for i := range got {
				if !strings.Contains(got[i], tt.want[i]) {
					t.Errorf("issue %d = %q, want it to speak of %q", i, got[i], tt.want[i])
				}
			}
		})
	}
}

func TestHAWords(t *testing.T) {
	type say struct{ OK, Degraded, SplitBrain bool }
	tests := map[sps.HAStatus]say{
		"HA": {OK: true}, "Degraded": {Degraded: true}, "Degraded (Disk Failure)": {Degraded: true}, "DEGRADED SYNC": {Degraded: true},
		"Split Brain": {SplitBrain: true}, "": {}, "Half": {}, "HA?": {}, "not degraded": {},
	}
	for word, want := range tests {
		if d := cmp.Diff(want, say{word.OK(), word.Degraded(), word.SplitBrain()}); d != "" {
			t.Errorf("%q (-want +got):\n%s", word, d)
		}
	}
	for word, want := range map[sps.DRBDStatus]bool{"Sync source": true, "SyncTarget": true, "sync target": true, "Connected": false, "": false} {
		if word.Syncing() != want {
			t.Errorf("%q.Syncing() = %t, want %t", word, !want, want)
		}
	}
	if (sps.HANode{Firmware: ""}).Runs(sps.Version{}) || !(sps.HANode{}).IsZero() {
		t.Error("nothing counts as a version")
	}
}
