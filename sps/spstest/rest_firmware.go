package spstest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// firmware is GET /api/firmware (SPS 8.0 LTS REST API Reference Guide, Firmware management); upload lives elsewhere and is not listed.
func (c *call) firmware() {
	names := []string{"fetch", "slots", "test", "upgrade"}
	if !c.n.has(&route{only: fetchAPI}) {
		names = names[1:]
	}
	var items []obj
	links := obj{}
	for _, name := range names {
		items = append(items, obj{"key": name, "meta": obj{"href": "/api/firmware/" + name}})
		links[name] = "/api/firmware/" + name
	}
	c.json(http.StatusOK, obj{"items": items, "meta": c.meta("/api/firmware", links)})
}

// chosen reads slot_id and finds the slot; it has answered when it returns -1.
func (c *call) chosen(body obj) int {
	n := c.n
	id, given := body["slot_id"]
	if !given {
		c.fail(cmp.Or(c.sw.ErrorStatus, http.StatusBadRequest), "IncompleteRequestBodyError", "slot_id is missing", obj{"missing": []string{"slot_id"}})
		return -1
	}
	var key string
	switch id := id.(type) {
	case json.Number:
		if c.sw.SlotIDAs != "string" {
			key = id.String()
		}
	case string:
		if c.sw.SlotIDAs != "number" {
			key = id
		}
	}
	if key == "" {
		c.fail(http.StatusBadRequest, "InvalidValue", "slot_id has the wrong type", nil)
		return -1
	}
	found := -1
	if !c.in(func() {
		if i := n.slotAt(key); i >= 0 && n.slots[i].version != "" {
			found = i
		}
	}) {
		c.gone()
		return -1
	}
	if found < 0 {
		c.fail(http.StatusNotFound, "ResourceNotFound", "the slot is empty", obj{"resource": "/api/firmware/slots/" + key})
	}
	return found
}

// test is POST /api/firmware/test (SPS REST API Reference Guide, Testing new SPS firmware before upgrade). It changes nothing.
func (c *call) test() {
	body, ok := c.body()
	if !ok {
		return
	}
	i := c.chosen(body)
	if i < 0 {
		return
	}
	if lines, good, alive := c.runTest(i); !alive {
		c.gone()
	} else if good {
		c.tested("/api/firmware/test", i, lines)
	} else {
		c.testFailed(lines)
	}
}

func (c *call) tested(href string, i int, lines []string) {
	key := c.n.slotKey(i)
	c.json(http.StatusOK, obj{"body": obj{"test_summary": strings.Join(lines, "\n")}, "key": key, "meta": c.meta(href, obj{"slot": "/api/firmware/slots/" + key})})
}

func (c *call) testFailed(lines []string) {
	s := c.sw
	text := strings.Join(lines, "\n")
	details := obj{"test_summary": text}
	switch s.TestFailedAs {
	case "list":
		details = obj{"errors": lines}
	case "message":
		details = nil
	}
	c.fail(cmp.Or(s.TestFailedStatus, http.StatusBadRequest), "FirmwareTestFailed", "the firmware test failed: "+lines[len(lines)-1], details)
}

// runTest spends the time of a test and gives its verdict.
func (c *call) runTest(i int) (lines []string, good, alive bool) {
	n := c.n
	if !c.in(n.beginWork) {
		return nil, false, false
	}
	alive = c.wait(n.testTime)
	n.world.in(func() {
		if n.epoch == c.epoch {
			n.busy--
			lines, good = n.testSlot(i)
		}
	})
	return lines, good, alive
}

// beginWork counts a firmware operation. Whether an appliance bears two at a time is not documented. With the lock held.
func (n *Node) beginWork() {
	n.busy++
	if n.busy > 1 {
		n.violate("two firmware operations ran at the same time", Test, "%d", n.busy)
	}
}

// testSlot is the verdict on a slot: what the guide says is checked (version, storage, configuration, taint, High Availability), in lines of our own
// wording but for the two about HA, which are the sample's. With the lock held.
func (n *Node) testSlot(i int) (lines []string, good bool) {
	target := n.slots[i].version
	good = true
	bad := func(format string, a ...any) { good = false; lines = append(lines, fmt.Sprintf(format, a...)) }
	lines = append(lines, "HA check started")
	if n.pair != nil && n.pair.testIssue() != "" {
		bad("HA check failed: %s", n.pair.testIssue())
	} else {
		lines = append(lines, "HA check finished")
	}
	h := n.Health
	if compare(target, n.running()) < 0 {
		bad("version %s is older than %s", target, n.running())
	}
	if cmp.Or(h.Disk, 21) > 90 {
		bad("not enough free disk space: %.0f %% used", h.Disk)
	}
	if h.TaintedBoot+h.TaintedCore+h.TaintedOther > 0 {
		bad("the firmware is tainted: %d files", h.TaintedBoot+h.TaintedCore+h.TaintedOther)
	}
	if h.WeakCertificate != "" && compare(target, "6.10") >= 0 {
		bad("the certificate at %s is too weak", h.WeakCertificate)
	}
	if n.TestFails != "" {
		bad("%s", n.TestFails)
	}
	word := map[bool]string{true: "ok", false: "failed"}[good]
	n.note(Test, "slot %s, %s: %s", n.slotKey(i), target, word)
	return lines, good
}

// upgrade is POST /api/firmware/upgrade: it tests, selects the slot, and reboots by itself or not (SPS 7.1.1 REST API Reference Guide, Upgrading SPS to a
// new firmware; the vendor's PowerShell module).
func (c *call) upgrade() {
	n := c.n
	body, ok := c.body()
	if !ok {
		return
	}
	i := c.chosen(body)
	if i < 0 {
		return
	}
	message, _ := body["message"].(string)
	if c.sw.RequireCommitLog && message == "" {
		c.fail(http.StatusBadRequest, "IncompleteRequestBodyError", "a commit message is required", obj{"missing": []string{"message"}})
		return
	}
	if c.sw.LockBlocksUpgrade && c.refusedByLock() {
		return
	}
	lines, good, alive := c.runTest(i)
	if !alive {
		c.gone()
		return
	}
	if !good {
		c.in(func() {
			if n.rebootAnyway {
				n.reboot()
			}
		})
		c.testFailed(lines)
		return
	}
	if !c.in(func() {
		n.note(Upgrade, "%s in slot %s", n.slots[i].version, n.slotKey(i))
		n.mark(i)
		if n.pair != nil {
			n.pair.restUpgrade(n)
		}
		if !n.Switches.UpgradeStays {
			n.reboot()
		}
	}) {
		c.gone()
		return
	}
	c.tested("/api/firmware/upgrade", i, lines)
}

// mark selects a slot for the next boot. With the lock held.
func (n *Node) mark(i int) {
	n.note(MarkSlot, "%s in slot %s", n.slots[i].version, n.slotKey(i))
	n.next = i
	if n.pair != nil {
		n.pair.changed(n)
	}
}
