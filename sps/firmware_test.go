package sps_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
)

// slots makes the answer to GET /api/firmware/slots, and the answer of each slot, of "key version flags" lines; flags are c, a.
func slots(meta string, lines ...string) map[string]string {
	answers := map[string]string{}
	var items []string
	for _, line := range lines {
		f := strings.Fields(line)
		body := "{}"
		if len(f) > 1 {
			flags := ""
			if len(f) > 2 {
				flags = f[2]
			}
			body = fmt.Sprintf(`{"version": %q, "current": %t, "after_reboot": %t, "upgrade_notes": "notes of %s", "upgrade_news": null}`, f[1], strings.Contains(flags, "c"), strings.Contains(flags, "a"), f[1])
		}
		item := fmt.Sprintf(`{"key": %q, "body": %s, "meta": {"href": "/api/firmware/slots/%s"}}`, f[0], body, f[0])
		items = append(items, item)
		answers["GET /api/firmware/slots/"+f[0]] = item
	}
	answers["GET /api/firmware/slots"] = fmt.Sprintf(`{"items": [%s], "meta": {%s}}`, strings.Join(items, ","), meta)
	return answers
}

func TestSlots(t *testing.T) {
	f := &fake{answers: slots(`"number_of_empty_slots": 2, "current_slot": "/api/firmware/slots/1"`, "1 7.0.2 c", "2 7.0.2.1 a", "3", "4")}
	got, err := f.client(t).Slots(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := sps.Slots{Empty: 2, List: []sps.Slot{
		{Key: "1", Version: sps.MustVersion("7.0.2"), VersionText: "7.0.2", Current: true, Notes: "notes of 7.0.2"},
		{Key: "2", Version: v7021, VersionText: "7.0.2.1", AfterReboot: true, Notes: "notes of 7.0.2.1"},
	}}
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b sps.Version) bool { return a == b })); d != "" {
		t.Errorf("Slots (-want +got):\n%s", d)
	}
	if s, ok := got.Current(); !ok || s.Key != "1" {
		t.Errorf("Current = %v, %t", s, ok)
	}
	if s, ok := got.AfterReboot(); !ok || s.Key != "2" {
		t.Errorf("AfterReboot = %v, %t", s, ok)
	}
	if got.List[0].NotesHash() == got.List[1].NotesHash() || len(got.List[0].NotesHash()) != 64 || (sps.Slot{}).NotesHash() != "" {
		t.Error("the hash does not tell notes apart")
	}
}

func TestSlotsReadLeniently(t *testing.T) {
	tests := map[string]struct {
		answer string
		check  func(sps.Slots) bool
	}{
		"flags missing, links there": {`{"items": [{"key": "1", "body": {"version": "7.0.2"}}, {"key": "2", "body": {"version": "7.0.3"}}],
			"meta": {"current_slot": "/api/firmware/slots/1", "slot_after_reboot": "/api/firmware/slots/2"}}`,
			func(s sps.Slots) bool { return s.List[0].Current && !s.List[1].Current && s.List[1].AfterReboot }},
		"keys that are numbers": {`{"items": [{"key": 1, "body": {"version": "7.0.2", "current": true}}], "meta": {}}`,
			func(s sps.Slots) bool { return s.List[0].Key == "1" && s.List[0].Current }},
		"a version nobody understands": {`{"items": [{"key": "1", "body": {"version": "7.0.2-b12", "current": true}}], "meta": {}}`,
			func(s sps.Slots) bool { return s.List[0].Version.IsZero() && s.List[0].VersionText == "7.0.2-b12" }},
		"two that call themselves current": {`{"items": [{"key": "1", "body": {"version": "7.0.2", "current": true}}, {"key": "2", "body": {"version": "7.0.3", "current": true}}], "meta": {}}`,
			func(s sps.Slots) bool { _, ok := s.Current(); return !ok }},
		"more free slots said than there are": {`{"items": [{"key": "1", "body": {}}], "meta": {"number_of_empty_slots": 7}}`,
			func(s sps.Slots) bool { return s.Empty == 1 }},
		"fewer free slots said than there are": {`{"items": [{"key": "1", "body": {}}, {"key": "2"}], "meta": {"number_of_empty_slots": 0}}`,
			func(s sps.Slots) bool { return s.Empty == 0 }},
		"no slots at all": {`{"items": [], "meta": {}}`, func(s sps.Slots) bool { return len(s.List) == 0 && s.Empty == 0 }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := answering(t, "GET /api/firmware/slots", tt.answer).Slots(t.Context())
			if err != nil || !tt.check(got) {
				t.Errorf("Slots = %+v, %v", got, err)
			}
		})
	}
	for name, answer := range map[string]string{
		"no list":            `{"meta": {}}`,
		"a slot without key": `{"items": [{"body": {"version": "7.0.2"}}], "meta": {}}`,
		"two of one key":     `{"items": [{"key": "1", "body": {}}, {"key": "1", "body": {}}], "meta": {}}`,
		"the rest elsewhere": `{"items": [], "meta": {"next": "https://other.example.test/api/firmware/slots?offset=1"}}`,
		"a list that loops":  `{"items": [], "meta": {"next": "/api/firmware/slots"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := answering(t, "GET /api/firmware/slots", answer).Slots(t.Context())
			mustBe(t, err, sps.ErrBadAnswer)
		})
	}
}

func TestScenarioPartialPageOfResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := node(t, &spstest.Node{Stored: []string{"6.0.1", "6.13.1", "7.0.2.1"}, Switches: spstest.Switches{PageSize: 1}})
		got, err := c.Slots(t.Context())
		if err != nil || len(got.List) != 4 || got.Empty != 1 {
			t.Fatalf("Slots = %+v, %v; want all four versions and one empty slot", got, err)
		}
		if _, err := c.TestFirmware(t.Context(), v7021); err != nil {
			t.Errorf("TestFirmware of the version on the last page: %v", err)
		}
	})
	n := 0
	f := &fake{handle: func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/api/firmware/slots" {
			return false
		}
		n++
		fmt.Fprintf(w, `{"items": [], "meta": {"next": "/api/firmware/slots?offset=%d"}}`, n)
		return true
	}}
	_, err := f.client(t).Slots(t.Context())
	mustBe(t, err, sps.ErrBadAnswer)
	if n != 100 {
		t.Errorf("read %d parts of a list without end", n)
	}
}

// A slot is known by its key: neither by its place in the list, nor by what the key was before.
func TestScenarioSlotListPositionIsNotSlotID(t *testing.T) {
	for name, switches := range map[string]spstest.Switches{
		"keys from one":        {},
		"keys from zero":       {ZeroBased: true},
		"keys with gaps":       {SparseKeys: true},
		"slot_id as a number":  {SlotIDAs: "number"},
		"slot_id as a text":    {SlotIDAs: "string"},
		"both odd":             {ZeroBased: true, SparseKeys: true},
		"no message in errors": {NoErrorMessage: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &spstest.Node{Stored: []string{"6.0.1", "7.0.2.1"}, Switches: switches}
				c := node(t, n)
				test, err := c.TestFirmware(t.Context(), v7021)
				if err != nil || !test.Slot.Version.Same(v7021) || test.Summary == "" {
					t.Fatalf("TestFirmware = %+v, %v", test, err)
				}
				up, err := c.UpgradeFirmware(t.Context(), v7021, "")
				if err != nil || up.Slot != test.Slot {
					t.Fatalf("UpgradeFirmware = %+v, %v; want slot %+v", up, err, test.Slot)
				}
				time.Sleep(time.Hour)
				if n.Running() != "7.0.2.1" {
					t.Errorf("runs %s", n.Running())
				}
			})
		})
	}
}

func TestFirmwareThatIsNotThereOrThereTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &spstest.Node{Stored: []string{"7.0.3", "7.0.3"}}
		c := node(t, n)
		_, err := c.TestFirmware(t.Context(), v7021)
		mustBe(t, err, sps.ErrNotFound, sps.ErrNotSent)
		_, err = c.UpgradeFirmware(t.Context(), v7021, "")
		mustBe(t, err, sps.ErrNotFound, sps.ErrNotSent)
		_, err = c.UpgradeFirmware(t.Context(), sps.MustVersion("7.0.3"), "")
		mustBe(t, err, sps.ErrAmbiguous, sps.ErrNotSent)
		if !strings.Contains(err.Error(), "slots 2, 3") {
			t.Errorf("err = %v, want it to name both slots", err)
		}
		if _, err := c.TestSlot(t.Context(), "3"); err != nil {
			t.Errorf("TestSlot = %v, want none: the key says which", err)
		}
		for _, key := range []string{"4", "9"} {
			_, err = c.TestSlot(t.Context(), key)
			mustBe(t, err, sps.ErrNotFound, sps.ErrNotSent)
		}
		for _, key := range []string{"", "..", ".", "1/../2", "1?x", "ä", "1 "} {
			_, err = c.UpgradeSlot(t.Context(), key, "")
			mustBe(t, err, sps.ErrNotFound, sps.ErrNotSent)
			mustBe(t, c.DeleteSlot(t.Context(), key), sps.ErrNotFound, sps.ErrNotSent)
		}
		if _, err := c.UpgradeSlot(t.Context(), "3", ""); err != nil {
			t.Errorf("UpgradeSlot = %v", err)
		}
		if v := n.Violations(); len(v) > 0 {
			t.Errorf("violations: %v", v)
		}
	})
}

// Between the list and the act the slot is read back by its key.
func TestSlotThatSaysSomethingElseIsNotActedOn(t *testing.T) {
	f := &fake{answers: slots(``, "1 7.0.2 c", "2 7.0.2.1")}
	f.answers["GET /api/firmware/slots/2"] = `{"key": "2", "body": {"version": "6.0.1"}}`
	c := f.client(t)
	_, err := c.UpgradeFirmware(t.Context(), v7021, "")
	mustBe(t, err, sps.ErrBadAnswer, sps.ErrNotSent)
	f.answers["GET /api/firmware/slots/2"] = `{"key": "3", "body": {"version": "7.0.2.1"}}`
	_, err = c.UpgradeFirmware(t.Context(), v7021, "")
	mustBe(t, err, sps.ErrBadAnswer, sps.ErrNotSent)
	if n := f.count("POST /api/firmware/upgrade"); n != 0 {
		t.Errorf("%d upgrades", n)
	}
}

// An answer that speaks of another slot than the one that was meant is no success.
func TestScenarioWrongSlotInTheAnswer(t *testing.T) {
	for name, answer := range map[string]string{
		"by key":  `{"key": "1", "body": {"test_summary": "fine"}, "meta": {}}`,
		"by link": `{"body": {"test_summary": "fine"}, "meta": {"slot": "/api/firmware/slots/3"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{answers: slots(``, "1 7.0.2 c", "2 7.0.2.1")}
			f.answers["POST /api/firmware/test"], f.answers["POST /api/firmware/upgrade"] = answer, answer
			_, err := f.client(t).TestFirmware(t.Context(), v7021)
			mustBe(t, err, sps.ErrBadAnswer)
			_, err = f.client(t).UpgradeFirmware(t.Context(), v7021, "")
			mustBe(t, err, sps.ErrBadAnswer)
		})
	}
}

func TestFirmwareTestThatFails(t *testing.T) {
	for name, s := range map[string]spstest.Switches{
		"reasons in a text":      {},
		"reasons in a list":      {TestFailedAs: "list"},
		"reasons in the message": {TestFailedAs: "message"},
		"another status":         {TestFailedStatus: 500},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &spstest.Node{Stored: []string{"7.0.2.1"}, TestFails: "the disk is full of cats", Switches: s}
				c := node(t, n)
				_, err := c.TestFirmware(t.Context(), v7021)
				mustBe(t, err, sps.ErrTestFailed)
				if !strings.Contains(err.Error(), "full of cats") {
					t.Errorf("err = %v, want the appliance's reasons", err)
				}
				_, err = c.UpgradeFirmware(t.Context(), v7021, "")
				mustBe(t, err, sps.ErrTestFailed)
				if n.Running() != "7.0.2" {
					t.Errorf("runs %s", n.Running())
				}
			})
		})
	}
}

func TestUpgradeSendsAMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := node(t, &spstest.Node{Stored: []string{"7.0.2.1"}, Switches: spstest.Switches{RequireCommitLog: true}})
		if _, err := c.UpgradeFirmware(t.Context(), v7021, " "); err != nil {
			t.Errorf("an appliance that requires a commit message: %v", err)
		}
	})
}

func TestUpgradeThatALockRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &spstest.Node{Stored: []string{"7.0.2.1"}, Switches: spstest.Switches{LockBlocksUpgrade: true}}
		n.Lock("somebody", 3*time.Hour)
		_, err := node(t, n).UpgradeFirmware(t.Context(), v7021, "")
		mustBe(t, err, sps.ErrLocked)
		if !strings.Contains(err.Error(), "somebody") {
			t.Errorf("err = %v, want the holder", err)
		}
	})
}

func TestDeleteSlot(t *testing.T) {
	for _, status := range []int{0, 204} {
		synctest.Test(t, func(t *testing.T) {
			n := &spstest.Node{Stored: []string{"7.0.1", "7.0.2.1"}, Switches: spstest.Switches{DeleteStatus: status}}
			c := node(t, n)
			mustBe(t, c.DeleteSlot(t.Context(), "1"), sps.ErrSlotInUse, sps.ErrNotSent)
			mustBe(t, c.DeleteSlot(t.Context(), "5"), sps.ErrNotFound, sps.ErrNotSent)
			if err := c.DeleteSlot(t.Context(), "2"); err != nil {
				t.Fatal(err)
			}
			if got, err := c.Slots(t.Context()); err != nil || len(got.List) != 2 {
				t.Errorf("Slots = %+v, %v; want two left", got, err)
			}
		})
	}
}

// Requests that act go out once, whatever comes back, and only say that they were not sent when that is so.
func TestFaultActsGoOutOnce(t *testing.T) {
	faults := map[string]struct {
		fault spstest.Fault
		acted bool
	}{
		"the connection breaks before":       {spstest.Fault{Kind: spstest.FaultReset, Times: -1}, false},
		"the connection breaks after":        {spstest.Fault{Kind: spstest.FaultReset, Acts: true, Times: -1}, true},
		"the answer is cut":                  {spstest.Fault{Kind: spstest.FaultCut, After: 10, Times: -1}, true},
		"a 503":                              {spstest.Fault{Kind: spstest.FaultAnswer, Status: 503, Times: -1}, false},
		"a 503 after the act":                {spstest.Fault{Kind: spstest.FaultAnswer, Status: 503, Acts: true, Times: -1}, true},
		"a 401 after the act":                {spstest.Fault{Kind: spstest.FaultAnswer, Status: 401, Acts: true, Times: -1}, true},
		"a page":                             {spstest.Fault{Kind: spstest.FaultPage, Acts: true, Times: -1}, true},
		"JSON of the wrong shape, after all": {spstest.Fault{Kind: spstest.FaultJSON, Acts: true, Times: -1}, true},
		"another host":                       {spstest.Fault{Kind: spstest.FaultRedirect, Times: -1}, false},
	}
	for name, tt := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &spstest.Node{Stored: []string{"7.0.2.1"}}
				c := node(t, n)
				n.Inject("POST /api/firmware/upgrade", tt.fault)
				_, err := c.UpgradeFirmware(t.Context(), v7021, "")
				if err == nil || errors.Is(err, sps.ErrNotSent) {
					t.Errorf("err = %v, want one, that leaves open what happened", err)
				}
				time.Sleep(time.Hour)
				if got := n.Running() == "7.0.2.1"; got != tt.acted {
					t.Errorf("runs %s, upgraded %t, want %t", n.Running(), got, tt.acted)
				}
				boots := 0
				for _, e := range n.Record() {
					if e.What == spstest.Upgrade {
						boots++
					}
				}
				if boots > 1 {
					t.Errorf("%d upgrades:\n%v", boots, n.Record())
				}
			})
		})
	}
}
