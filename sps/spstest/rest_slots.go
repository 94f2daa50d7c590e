package spstest

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
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
	if size := c.sw.PageSize; size > 0 {
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
	c.json(cmp.Or(c.sw.DeleteStatus, http.StatusOK), obj{"meta": c.meta("/api/firmware/slots/" + c.key)})
}
