package spstest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// slotKey is the key of a slot: a string, "1" for the first in the samples.
func (n *Node) slotKey(i int) string {
	if n.Switches.SparseKeys {
		i *= 2
	}
	if !n.Switches.ZeroBased {
		i++
	}
	return strconv.Itoa(i)
}

// slotAt finds a slot by its key; -1 if there is none.
func (n *Node) slotAt(key string) int {
	for i := range n.slots {
		if n.slotKey(i) == key {
			return i
		}
	}
	return -1
}

func (n *Node) emptySlots() int {
	free := 0
	for _, s := range n.slots {
		if s.version == "" {
			free++
		}
	}
	return free
}

// slotBody is a slot as the API shows it; an empty one has no members.
func (n *Node) slotBody(i int) obj {
	s := n.slots[i]
	if s.version == "" {
		return obj{}
	}
	b := obj{"version": s.version, "current": i == n.current, "after_reboot": i == n.next, "upgrade_notes": s.notes, "upgrade_news": nil}
	if n.Switches.IdleAfterReboot == "none" && n.next == n.current {
		b["after_reboot"] = false
	}
	if s.news != "" {
		b["upgrade_news"] = s.news
	}
	return b
}

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

// listSlots is GET /api/firmware/slots (SPS 7.0.4 LTS REST API Reference Guide, Retrieving information about SPS firmware image slots).
func (c *call) listSlots() {
	n := c.n
	var items []obj
	var meta obj
	if !c.in(func() {
		for i := range n.slots {
			items = append(items, obj{"key": n.slotKey(i), "body": n.slotBody(i), "meta": obj{"href": "/api/firmware/slots/" + n.slotKey(i)}})
		}
		meta = c.meta("/api/firmware/slots", obj{
			"current_slot": "/api/firmware/slots/" + n.slotKey(n.current), "slot_after_reboot": "/api/firmware/slots/" + n.slotKey(n.next),
			"number_of_empty_slots": n.emptySlots(),
		})
	}) {
		c.gone()
		return
	}
	if size := n.Switches.PageSize; size > 0 {
		from, _ := strconv.Atoi(c.r.URL.Query().Get("offset"))
		from = min(max(from, 0), len(items))
		if from+size < len(items) {
			meta["next"] = fmt.Sprintf("/api/firmware/slots?offset=%d", from+size)
			items = items[:from+size]
		}
		items = items[from:]
	}
	c.json(http.StatusOK, obj{"items": items, "meta": meta})
}

func (c *call) getSlot() {
	n := c.n
	var out obj
	if !c.in(func() {
		if i := n.slotAt(c.key); i >= 0 {
			out = obj{"key": c.key, "body": n.slotBody(i), "meta": c.meta("/api/firmware/slots/" + c.key)}
		}
	}) {
		c.gone()
		return
	}
	if out == nil {
		c.fail(http.StatusNotFound, "ResourceNotFound", "no such slot", obj{"resource": c.r.URL.Path})
		return
	}
	c.json(http.StatusOK, out)
}

// deleteSlot is DELETE /api/firmware/slots/<id>: not allowed for the current slot and the one selected for after the reboot (SPS 7.x REST API Reference
// Guide, firmware image slots). The status and type of the refusal are not documented.
func (c *call) deleteSlot() {
	n := c.n
	status, typ, why := 0, "", ""
	if !c.in(func() {
		i := n.slotAt(c.key)
		switch {
		case i < 0 || n.slots[i].version == "":
			status, typ, why = http.StatusNotFound, "ResourceNotFound", "the slot is empty"
		case i == n.current || i == n.next:
			status, typ, why = http.StatusConflict, "SlotInUse", "the slot is in use"
		default:
			n.note(DeleteSlot, "%s in slot %s", n.slots[i].version, c.key)
			n.slots[i] = slot{}
		}
	}) {
		c.gone()
		return
	}
	if status != 0 {
		c.fail(status, typ, why, obj{"resource": c.r.URL.Path})
		return
	}
	c.json(cmp.Or(n.Switches.DeleteStatus, http.StatusOK), obj{"meta": c.meta("/api/firmware/slots/" + c.key)})
}

// upload is POST /api/upload/firmware: multipart with one part named firmware (SPS 8.0 LTS REST API Reference Guide, Uploading new firmware to SPS), or
// the image itself as the body, as the vendor's own clients send it. The image is looked at and not kept.
func (c *call) upload() {
	n := c.n
	if limit := n.Switches.UploadLimit; limit > 0 && c.r.ContentLength > limit {
		c.fail(http.StatusRequestEntityTooLarge, "RequestTooLarge", "the image is too large", nil)
		return
	}
	var image io.Reader = c.r.Body
	if kind, params, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")); kind == "multipart/form-data" {
		form := multipart.NewReader(c.r.Body, params["boundary"])
		part, err := form.NextPart()
		for err == nil && part.FormName() != "firmware" {
			part, err = form.NextPart()
		}
		if err != nil {
			c.fail(http.StatusBadRequest, "IncompleteRequestBodyError", "there is no part called firmware", nil)
			return
		}
		image = part
	}
	cookie, _ := c.r.Cookie("session_id")
	check := new(imageCheck)
	renew := func() { // an upload is not inactivity
		if s := n.sessions[cookie.Value]; s != nil {
			s.last = n.world.now()
		}
	}
	if err := n.take(c.r.Context(), c.epoch, check, image, renew); err != nil {
		if errors.Is(err, errDown) {
			c.gone()
			return
		}
		panic(http.ErrAbortHandler) // the client has gone: nobody to answer
	}
	io.Copy(io.Discard, io.LimitReader(c.r.Body, 1<<20)) // the end of the form
	alive := false
	c.in(func() { alive = n.sessions[cookie.Value] != nil })
	if !alive {
		c.fail(http.StatusUnauthorized, "Unauthenticated", "the session has ended", obj{"resource": c.r.URL.Path})
		return
	}
	if !c.wait(cmp.Or(n.InstallTime, 20*time.Second)) {
		c.gone()
		return
	}
	var key string
	var body, meta obj
	var err error
	if !c.in(func() {
		var i int
		if i, err = n.install(check, "upload"); err != nil {
			return
		}
		key = n.slotKey(i)
		body = n.slotBody(i)
		body["after_reboot"] = n.Switches.SayAfterReboot
		meta = c.meta("/api/upload/firmware", obj{
			"slot": "/api/firmware/slots/" + key, "test": "/api/firmware/test", "upgrade": "/api/firmware/upgrade", "number_of_empty_slots": n.emptySlots(),
		})
	}) {
		c.gone()
		return
	}
	if err != nil {
		f := err.(*refusal)
		c.fail(f.status, f.typ, f.why, nil)
		return
	}
	c.json(cmp.Or(n.Switches.UploadStatus, http.StatusOK), obj{"body": body, "key": key, "meta": meta})
}

var errDown = errors.New("the node went down")

// take reads an image at the speed of the node, into check. It ends when the node, which was up in epoch, goes down.
func (n *Node) take(ctx context.Context, epoch int, check *imageCheck, image io.Reader, renew func()) error {
	buf := make([]byte, 256<<10)
	for {
		m, rerr := 0, error(nil)
		for m < len(buf) && rerr == nil { // io.ReadFull would hide whether the image ended or the connection did
			var k int
			k, rerr = image.Read(buf[m:])
			m += k
		}
		check.Write(buf[:m])
		if speed := n.UploadSpeed; speed > 0 && m > 0 {
			if n.world.sleep(ctx, time.Duration(float64(m)/float64(speed)*float64(time.Second))) != nil {
				return errDown
			}
		}
		down := false
		n.world.in(func() {
			down = n.epoch != epoch || n.world.closed
			renew()
		})
		switch {
		case down:
			return errDown
		case rerr == io.EOF:
			return nil
		case rerr != nil:
			return rerr
		}
	}
}

// refusal is why an image was not taken. Types and statuses are not documented.
type refusal struct {
	status   int
	typ, why string
}

func (r *refusal) Error() string { return r.why }

// install puts an image into the first free slot. With the lock held.
func (n *Node) install(check *imageCheck, how string) (int, error) {
	s, err := check.slot()
	if err != nil {
		return 0, &refusal{http.StatusBadRequest, "InvalidFirmwareImage", err.Error()}
	}
	if n.Switches.RefuseDuplicate && slices.ContainsFunc(n.slots, func(o slot) bool { return o.version == s.version }) {
		return 0, &refusal{http.StatusConflict, "FirmwareAlreadyUploaded", s.version + " is there already"}
	}
	i := slices.IndexFunc(n.slots, func(o slot) bool { return o.version == "" })
	if i < 0 {
		return 0, &refusal{http.StatusConflict, "NoEmptySlot", "there is no empty slot"}
	}
	n.slots[i] = s
	n.note(Upload, "%s in slot %s, by %s", s.version, n.slotKey(i), how)
	if n.pair != nil {
		n.pair.changed(n)
	}
	return i, nil
}

// chosen reads slot_id and finds the slot; it has answered when it returns -1.
func (c *call) chosen(body obj) int {
	n := c.n
	id, given := body["slot_id"]
	if !given {
		c.fail(cmp.Or(n.Switches.ErrorStatus, http.StatusBadRequest), "IncompleteRequestBodyError", "slot_id is missing", obj{"missing": []string{"slot_id"}})
		return -1
	}
	var key string
	switch id := id.(type) {
	case json.Number:
		if n.Switches.SlotIDAs != "string" {
			key = id.String()
		}
	case string:
		if n.Switches.SlotIDAs != "number" {
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
	s := c.n.Switches
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
	alive = c.wait(cmp.Or(n.TestTime, 40*time.Second))
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
	if n.Switches.RequireCommitLog && message == "" {
		c.fail(http.StatusBadRequest, "IncompleteRequestBodyError", "a commit message is required", obj{"missing": []string{"message"}})
		return
	}
	if n.Switches.LockBlocksUpgrade && c.refusedByLock() {
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
