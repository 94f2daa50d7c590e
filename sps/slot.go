package sps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// Slot is a firmware slot that holds a firmware (GET /api/firmware/slots, SPS 7.0.4 LTS REST API Reference Guide, firmware
// image slots).
type Slot struct {
	Key         string  `json:"key"`     // the slot's own name: not its place in the list
	Version     Version `json:"version"` // zero when VersionText is no version
	VersionText string  `json:"version_text"`
	Current     bool    `json:"current"`      // it runs now
	AfterReboot bool    `json:"after_reboot"` // it is selected for the next boot
	Notes       string  `json:"notes,omitempty"`
	News        string  `json:"news,omitempty"` // the part of the notes that concerns this appliance
}

// NotesHash is the SHA-256 of the upgrade notes and news in hex: what a person acknowledged can be told from what came later.
// Empty when there are neither.
func (s Slot) NotesHash() string {
	if s.Notes == "" && s.News == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(s.Notes + "\x00" + s.News))
	return hex.EncodeToString(sum[:])
}

// Slots are the firmware slots of an appliance. How many there are differs: the guides show four and five.
type Slots struct {
	List  []Slot `json:"list"`  // those that hold a firmware, in the appliance's order
	Empty int    `json:"empty"` // how many do not
}

// Find returns the slot that holds v. The error is of class [ErrNotFound] when none does and [ErrAmbiguous] when several do, as
// after uploading an image twice.
func (s Slots) Find(v Version) (Slot, error) {
	var found []Slot
	for _, slot := range s.List {
		if slot.Version.Same(v) {
			found = append(found, slot)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return Slot{}, &Error{Op: "find firmware " + v.String(), class: ErrNotFound, Message: "no slot holds it", Advice: "upload the image first"}
	}
	e := &Error{Op: "find firmware " + v.String(), class: ErrAmbiguous, Advice: "name the slot by its key, or delete the one that is not wanted"}
	var keys []string
	for _, slot := range found {
		keys = append(keys, slot.Key)
	}
	e.Message = "slots " + strings.Join(keys, ", ") + " hold it"
	return Slot{}, e
}

// Key returns the slot called key; the error is of class [ErrNotFound] when it is empty or not there.
func (s Slots) Key(key string) (Slot, error) {
	i := slices.IndexFunc(s.List, func(slot Slot) bool { return slot.Key == key })
	if i < 0 {
		return Slot{}, &Error{Op: "find firmware slot " + key, class: ErrNotFound, Message: "it is empty or not there"}
	}
	return s.List[i], nil
}

// Current returns the slot that runs now, and whether the appliance named exactly one.
func (s Slots) Current() (Slot, bool) { return s.one(func(slot Slot) bool { return slot.Current }) }

// AfterReboot returns the slot that is selected for the next boot, and whether the appliance named exactly one. When nothing
// is selected, it may be the current slot or none: the guides do not say.
func (s Slots) AfterReboot() (Slot, bool) {
	return s.one(func(slot Slot) bool { return slot.AfterReboot })
}

func (s Slots) one(is func(Slot) bool) (Slot, bool) {
	i := slices.IndexFunc(s.List, is)
	if i < 0 || slices.ContainsFunc(s.List[i+1:], is) {
		return Slot{}, false
	}
	return s.List[i], true
}

const pathSlots = "/api/firmware/slots"

type wireSlot struct {
	Key  lenient `json:"key"`
	Body struct {
		Version     *lenient `json:"version"`
		Current     flag     `json:"current"`
		AfterReboot flag     `json:"after_reboot"`
		Notes       lenient  `json:"upgrade_notes"`
		News        lenient  `json:"upgrade_news"`
		Summary     lenient  `json:"test_summary"`
	} `json:"body"`
	Meta wireMeta `json:"meta"`
}

// Slots lists the firmware slots. An appliance whose release has no firmware REST endpoints answers with class [ErrNotFound].
func (c *Client) Slots(ctx context.Context) (Slots, error) {
	const op = "list firmware slots"
	var s Slots
	var filled []wireSlot
	seen := map[string]bool{}
	list, err := c.listAll(ctx, op, pathSlots, func() any { return new(wireSlot) }, func(item any) error {
		w := *item.(*wireSlot)
		key := string(w.Key)
		if pathElement(op, key) != nil || seen[key] {
			return &Error{Op: op, Method: http.MethodGet, Path: pathSlots, class: ErrBadAnswer, Message: "a slot without a key of its own"}
		}
		seen[key] = true
		if w.Body.Version == nil {
			s.Empty++
		} else {
			filled = append(filled, w)
		}
		return nil
	})
	if err != nil {
		return Slots{}, err
	}
	for _, w := range filled {
		s.List = append(s.List, c.slotOf(w, list.meta))
	}
	// Two counts that differ: the smaller one promises less.
	if n, ok := list.meta.EmptySlots.value(); ok && n >= 0 && n < float64(s.Empty) {
		s.Empty = int(n)
	}
	return s, nil
}

// freeSlots lists the slots for an operation that needs an empty one, and so renews the session too.
func (c *Client) freeSlots(ctx context.Context, op string) (Slots, error) {
	slots, err := c.Slots(ctx)
	if err != nil {
		return Slots{}, notSent(op, err)
	}
	if slots.Empty == 0 {
		return Slots{}, &Error{Op: op, class: ErrNoFreeSlot, Err: ErrNotSent, Message: fmt.Sprintf("%d slots, none of them empty", len(slots.List)),
			Advice: "delete a firmware that is neither running nor the one to go back to, on " + PageFirmwares}
	}
	return slots, nil
}

// slotOf reads one item. The links of the list say which slot is current, should the slot itself not.
func (c *Client) slotOf(w wireSlot, meta wireMeta) Slot {
	scrub := c.session.scrub()
	key := string(w.Key)
	text := string(*w.Body.Version)
	v, _ := ParseVersion(text)
	return Slot{
		Key: key, Version: v, VersionText: scrub(text),
		Current:     w.Body.Current.or(path.Base(string(meta.CurrentSlot)) == key),
		AfterReboot: w.Body.AfterReboot.or(path.Base(string(meta.SlotAfterReboot)) == key),
		Notes:       scrub(string(w.Body.Notes)), News: scrub(string(w.Body.News)),
	}
}

// Slot reads one slot by its key. The error is of class [ErrNotFound] when it is empty or not there.
func (c *Client) Slot(ctx context.Context, key string) (Slot, error) {
	op := "read firmware slot " + key
	if err := pathElement(op, key); err != nil {
		return Slot{}, err
	}
	var w wireSlot
	where := pathSlots + "/" + key
	resp, err := c.call(ctx, request{op: op, intent: rest.Read, method: http.MethodGet, path: where}, &w)
	if err != nil {
		return Slot{}, err
	}
	if string(w.Key) != key {
		return Slot{}, &Error{Op: op, Method: http.MethodGet, Path: where, Status: resp.Status, class: ErrBadAnswer, Message: "the answer is about slot " + c.session.scrub()(string(w.Key))}
	}
	if w.Body.Version == nil {
		return Slot{}, &Error{Op: op, Method: http.MethodGet, Path: where, Status: resp.Status, class: ErrNotFound, Message: "the slot is empty"}
	}
	return c.slotOf(w, wireMeta{}), nil
}

// UpgradeNotes reads the upgrade notes that came with the firmware v: see [Slot.Notes], [Slot.News] and [Slot.NotesHash]. A
// firmware without notes is no error.
func (c *Client) UpgradeNotes(ctx context.Context, v Version) (Slot, error) {
	slots, err := c.Slots(ctx)
	if err != nil {
		return Slot{}, err
	}
	return slots.Find(v)
}

// DeleteSlot empties the slot called key. The current slot and the one selected for the next boot cannot be deleted (SPS 7.0.4
// LTS REST API Reference Guide): then nothing is sent, and the error is of class [ErrSlotInUse]. A slot that is empty
// already, or not there, is of class [ErrNotFound].
func (c *Client) DeleteSlot(ctx context.Context, key string) error {
	op := "delete firmware slot " + key
	if err := pathElement(op, key); err != nil {
		return err
	}
	slots, err := c.Slots(ctx)
	if err != nil {
		return notSent(op, err)
	}
	slot, err := slots.Key(key)
	if err != nil {
		return notSent(op, err)
	}
	if slot.Current || slot.AfterReboot {
		return &Error{Op: op, class: ErrSlotInUse, Err: ErrNotSent, Message: "firmware " + slot.VersionText + " runs, or will after the next boot"}
	}
	_, err = c.call(ctx, request{op: op, intent: rest.Act, method: http.MethodDelete, path: pathSlots + "/" + key, timeout: c.act}, nil)
	return err
}
