package sps

import (
	"context"
	"errors"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// FirmwareTest is the outcome of a firmware test that found nothing.
type FirmwareTest struct {
	Slot    Slot   `json:"slot"`
	Summary string `json:"summary"` // the test's own words, a line a check
}

// TestFirmware lets the appliance test whether its configuration can be upgraded to the firmware v: version policy, free storage,
// configuration, modified files, and on a pair its HA check. It changes nothing. It waits for the end of the test, up to
// [Options.Act].
//
// A test that finds something is an error of class [ErrTestFailed]; the appliance's reasons are in the [*Error]'s Message and
// Details. See [Slots.Find] for a version that is missing or there twice, and [Client.TestSlot].
//
// Source: SPS On Demand (6.13) REST API Reference Guide, Testing new SPS firmware before upgrade.
func (c *Client) TestFirmware(ctx context.Context, v Version) (FirmwareTest, error) {
	op := "test firmware " + v.String()
	slot, err := c.find(ctx, op, v)
	if err != nil {
		return FirmwareTest{}, err
	}
	return c.test(ctx, op, slot)
}

// TestSlot is [Client.TestFirmware] for the slot called key.
func (c *Client) TestSlot(ctx context.Context, key string) (FirmwareTest, error) {
	op := "test firmware in slot " + key
	slot, err := c.Slot(ctx, key)
	if err != nil {
		return FirmwareTest{}, notSent(op, err)
	}
	return c.test(ctx, op, slot)
}

func (c *Client) test(ctx context.Context, op string, slot Slot) (FirmwareTest, error) {
	send := func() (string, error) {
		return c.carryOut(ctx, op, "/api/firmware/test", slot, map[string]any{"slot_id": c.slotID(slot.Key)})
	}
	summary, err := send()
	// The test changes nothing, so it may find out how slot_id is spelled here; an upgrade then knows.
	if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusBadRequest && !e.Is(ErrTestFailed) && !e.Is(ErrNotFound) && c.keyAsText.CompareAndSwap(false, true) {
		again, err2 := send()
		if err2 == nil || errors.Is(err2, ErrTestFailed) {
			summary, err = again, err2
		} else {
			c.keyAsText.Store(false)
		}
	}
	return FirmwareTest{Slot: slot, Summary: summary}, err
}

// Upgrade is the appliance's answer to an upgrade: the firmware is selected, and the appliance is about to restart, or waits
// for somebody to restart it. Which of the two is not documented; look for it.
type Upgrade struct {
	Slot    Slot   `json:"slot"`
	Summary string `json:"summary"` // of the firmware test that the upgrade begins with
}

// UpgradeFirmware lets the appliance test and activate the firmware v. The vendor's own client then waits for the appliance to
// restart by itself (safeguard-ps, sessionapi.psm1); the guide's answer reads as if it only selected the firmware. Watch for both:
// an outage, and a slot whose AfterReboot is set while the appliance stays up.
//
// The message goes to the commit log, which some appliances require; an empty one becomes "Upgrade to <version>". It must not
// hold a secret.
//
// The request is sent once. An error of class [ErrNotSent] means that it was not sent at all, one of class [ErrTestFailed] that
// the appliance refused. After any other error the upgrade may have begun. An upgrade to an older version is not refused
// here, but the appliance's test may.
//
// Source: SPS 7.1.1 REST API Reference Guide, Upgrading SPS to a new firmware.
func (c *Client) UpgradeFirmware(ctx context.Context, v Version, message string) (Upgrade, error) {
	op := "upgrade to firmware " + v.String()
	slot, err := c.find(ctx, op, v)
	if err != nil {
		return Upgrade{}, err
	}
	return c.upgrade(ctx, op, slot, message)
}

// UpgradeSlot is [Client.UpgradeFirmware] for the slot called key.
func (c *Client) UpgradeSlot(ctx context.Context, key, message string) (Upgrade, error) {
	op := "upgrade to firmware in slot " + key
	slot, err := c.Slot(ctx, key)
	if err != nil {
		return Upgrade{}, notSent(op, err)
	}
	return c.upgrade(ctx, op, slot, message)
}

func (c *Client) upgrade(ctx context.Context, op string, slot Slot, message string) (Upgrade, error) {
	if strings.TrimSpace(message) == "" {
		message = "Upgrade to " + slot.VersionText
	}
	summary, err := c.carryOut(ctx, op, "/api/firmware/upgrade", slot, map[string]any{"slot_id": c.slotID(slot.Key), "message": message})
	return Upgrade{Slot: slot, Summary: summary}, err
}

// find looks v up in the list and reads its slot back by its key: the vendor's own client takes a slot's place in the list for
// its key (safeguard-ps, sessionapi.psm1), so what is about to be acted on is looked at once more by the name it is acted on by.
func (c *Client) find(ctx context.Context, op string, v Version) (Slot, error) {
	slots, err := c.Slots(ctx)
	if err != nil {
		return Slot{}, notSent(op, err)
	}
	listed, err := slots.Find(v)
	if err != nil {
		return Slot{}, notSent(op, err)
	}
	slot, err := c.Slot(ctx, listed.Key)
	if err != nil {
		return Slot{}, notSent(op, err)
	}
	if !slot.Version.Same(v) {
		return Slot{}, &Error{Op: op, class: ErrBadAnswer, Err: ErrNotSent, Advice: "look at " + PageFirmwares,
			Message: "the list has " + v.String() + " in slot " + listed.Key + ", but that slot says " + slot.VersionText}
	}
	return slot, nil
}

// carryOut sends a firmware test or an upgrade, and checks that the answer is about the slot that was meant.
func (c *Client) carryOut(ctx context.Context, op, where string, slot Slot, body map[string]any) (summary string, err error) {
	var w wireSlot
	resp, err := c.call(ctx, request{op: op, intent: rest.Act, method: http.MethodPost, path: where, body: body, timeout: c.act}, &w)
	if err != nil {
		return "", err
	}
	scrub := c.session.scrub()
	var names []string
	if w.Key != "" {
		names = append(names, string(w.Key))
	}
	if w.Meta.Slot != "" {
		names = append(names, path.Base(string(w.Meta.Slot)))
	}
	if len(names) == 0 {
		return "", &Error{Op: op, Method: http.MethodPost, Path: where, Status: resp.Status, class: ErrBadAnswer,
			Message: "the answer names no slot", Advice: "look at " + PageFirmwares + " before anything else"}
	}
	for _, named := range names {
		if named != slot.Key {
			return "", &Error{Op: op, Method: http.MethodPost, Path: where, Status: resp.Status, class: ErrBadAnswer,
				Message: "slot " + slot.Key + " was meant, the answer is about slot " + scrub(named), Advice: "look at " + PageFirmwares + " before anything else"}
		}
	}
	return scrub(string(w.Body.Summary)), nil
}

// slotID is a slot's key as the API takes it: the vendor's client sends an integer (safeguard-ps, sessionapi.psm1), while keys are
// texts. One that takes texts only is met by the firmware test.
func (c *Client) slotID(key string) any {
	if c.keyAsText.Load() {
		return key
	}
	if n, err := strconv.ParseUint(key, 10, 31); err == nil && strconv.FormatUint(n, 10) == key {
		return n
	}
	return key
}
