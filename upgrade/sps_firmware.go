package upgrade

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/changeover-sdk/changeover/sps"
)

// UploadFirmware returns the step that uploads the image called name in images, after its SHA-256 was found to be sum, the
// one on the vendor's download page. It is done when a slot holds v: also one that an earlier run filled. A pair of spare
// things is needed: a free slot, and time; an upload that moves is never cut off, one that stands still is.
//
// The appliance checks an image itself; what the hash adds is that this is the file that was meant.
func UploadFirmware(c *sps.Client, images fs.FS, name, sum string, v sps.Version) Step {
	return Step{
		Name: "upload the firmware", On: []string{c.Host()},
		With:    map[string]string{"image": name, "sha256": sum, "version": v.String()},
		Observe: slotHolds(c, v),
		Act: func(ctx context.Context, log *slog.Logger) error {
			img, err := sps.HashFirmware(ctx, images, name)
			if err == nil {
				err = img.Check(sum)
			}
			if err != nil {
				return fmt.Errorf("%w: %w", ErrNotSent, err)
			}
			progress, stop := onItsWay(ctx)
			up, err := c.UploadFirmware(ctx, images, name, progress)
			stop()
			switch {
			case err != nil:
				return err
			case up.SHA256 != img.SHA256:
				return fmt.Errorf("the image changed between hashing and sending: %s was sent", up.SHA256)
			case !up.Slot.Version.Same(v):
				return fmt.Errorf("slot %s now holds %s, and not %s: the image is not what its name says", up.Slot.Key, up.Slot.VersionText, v)
			}
			return nil
		},
		Again: IfNotBegun, Settle: 30 * time.Second, Limit: 4 * time.Hour, Takes: 15 * time.Minute,
		Advice: "Without a free slot delete a firmware that is neither running nor selected; keep the one you may go back to. Big uploads die in proxies: go around them.",
	}
}

func slotHolds(c *sps.Client, v sps.Version) func(context.Context, Look) (Observation, error) {
	return func(ctx context.Context, look Look) (Observation, error) {
		slots, err := c.Slots(ctx)
		if err != nil {
			return spsCannot(err)
		}
		slot, err := slots.Find(v)
		ev := map[string]any{"slot": slot.Key, "version": slot.VersionText, "empty": slots.Empty}
		switch {
		case err == nil && look.Since == nil:
			return See(Done, ev, "slot %s holds %s already", slot.Key, v), nil
		case err == nil:
			return See(Done, ev, "slot %s holds %s", slot.Key, v), nil
		case errors.Is(err, sps.ErrAmbiguous):
			return See(Blocked, ev, "more than one slot holds %s: delete one, so that it is clear which is meant", v), err
		case slots.Empty == 0:
			return See(Blocked, ev, "no slot is free"), nil
		}
		return See(Ready, ev, "no slot holds %s; %d are free", v, slots.Empty), nil
	}
}

// ReadUpgradeNotes returns a check that somebody read the upgrade notes that came with the firmware: they are shown, and the
// acknowledgement is bound to the hash of their text. A firmware without notes passes.
func ReadUpgradeNotes(c *sps.Client, v sps.Version) Step {
	return unlessOn(c, v, Step{Name: "read the upgrade notes", With: map[string]string{"version": v.String()}, Attended: true,
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			slot, err := c.UpgradeNotes(ctx, v)
			if errors.Is(err, sps.ErrNotFound) {
				return See(Pending, nil, "no slot holds %s yet", v), nil
			}
			if err != nil {
				return spsCannot(err)
			}
			hash := slot.NotesHash()
			if hash == "" {
				return See(Done, nil, "%s came without upgrade notes", v), nil
			}
			text := fmt.Sprintf("The upgrade notes of %s (SHA-256 %s):\n%s\n%s\nHave you read them, and done what they ask for?", v, hash, slot.Notes, slot.News)
			a, err := look.Ask(ctx, Question{Kind: AskConfirm, Text: text, Options: []string{AnswerYes, AnswerNo}})
			if err != nil {
				return Observation{}, err
			}
			ev := map[string]string{"notes": hash, "answer": a}
			if a != AnswerYes {
				return See(Blocked, ev, "the upgrade notes were not acknowledged"), nil
			}
			return See(Done, ev, "the upgrade notes were acknowledged (%.12s…)", hash), nil
		}})
}

// TestFirmware returns a check: the appliance's own firmware test of the slot that holds v. The test changes nothing, so it is
// run again by whoever looks again. What it finds is Blocked; a held configuration lock is waited for.
func TestFirmware(c *sps.Client, v sps.Version) Step {
	return unlessOn(c, v, Step{Name: "test the firmware", With: map[string]string{"version": v.String()},
		Observe: func(ctx context.Context, _ Look) (Observation, error) {
			t, err := c.TestFirmware(ctx, v)
			ev := map[string]string{"slot": t.Slot.Key, "summary": t.Summary}
			switch {
			case err == nil:
				return See(Done, ev, "the test of slot %s found nothing", t.Slot.Key), nil
			case errors.Is(err, sps.ErrTestFailed):
				return See(Blocked, ev, "the firmware test found something"), err
			case errors.Is(err, sps.ErrNotFound):
				return See(Pending, nil, "no slot holds %s yet", v), nil
			case errors.Is(err, sps.ErrLocked):
				return See(Pending, nil, "somebody holds the configuration lock"), nil
			case errors.Is(err, sps.ErrAmbiguous):
				return See(Blocked, nil, "more than one slot holds %s", v), err
			}
			return spsCannot(err)
		},
		Every: 30 * time.Second, Limit: 45 * time.Minute, Takes: 5 * time.Minute,
		Advice: "Correct what the test found before you go on; proceed only if it is successful. If it persists, contact the vendor's support team."})
}

// staysUp is how long a node that was only to select a firmware is watched: should it reboot at once all the same, nobody must press Reboot on top of that.
const staysUp = time.Minute

// ActivateAfterReboot returns the step that selects v for the next boot: the button "After reboot" in the row of the firmware.
// A nil page means a person presses it. until names the step that reboots: until then the selection is looked at again.
func ActivateAfterReboot(c *sps.Client, page sps.FirmwaresPage, v sps.Version, until string) Step {
	s := Step{
		Name: "activate after reboot", On: []string{c.Host()}, With: map[string]string{"version": v.String()}, Until: until,
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			at, err := lookAtSPS(ctx, c)
			if err != nil {
				return spsCannot(err)
			}
			slot, err := at.slots.Find(v)
			ev := map[string]any{"slot": slot.Key, "after_reboot": slot.AfterReboot, "runs": at.Firmware}
			switch {
			case at.info.Firmware.Same(v):
				return See(Done, ev, "runs %s already", v), nil
			case errors.Is(err, sps.ErrNotFound) && look.Since != nil:
				return See(Unknown, ev, "the slot of %s is gone: who answers is not the node that was told", v), err
			case errors.Is(err, sps.ErrNotFound):
				return See(Blocked, ev, "no slot holds %s", v), err
			case err != nil:
				return See(Blocked, ev, "which slot is meant is not clear"), err
			case slot.AfterReboot && look.Since != nil && look.Elapsed < staysUp:
				return See(Pending, ev, "slot %s, %s, is selected; does the node stay up?", slot.Key, v), nil
			case slot.AfterReboot:
				return See(Done, ev, "slot %s, %s, is selected for the next boot", slot.Key, v), nil
			}
			return See(Ready, ev, "slot %s holds %s and is not selected", slot.Key, v), nil
		},
		Ask: func(*Mark) *Instruction {
			return &Instruction{Where: sps.PageFirmwares, Row: v.String(), Button: sps.ButtonAfterReboot, Expect: "the row of " + v.String() + " is marked for after the reboot; nothing restarts"}
		},
		Again: IfNotBegun, Settle: 30 * time.Second, Limit: 45 * time.Minute, Takes: 2 * time.Minute,
		Advice: "Proceed only if the firmware test was successful.",
	}
	if page != nil {
		s.Act = func(ctx context.Context, _ *slog.Logger) error { return page.AfterReboot(ctx, v) }
	}
	return s
}

// FetchFirmware returns the step that lets the appliance download the image from url by itself, and check its SHA-256. It
// needs SPS 7.0 LTS or later (SPS 7.0 LTS REST API Reference Guide).
func FetchFirmware(c *sps.Client, url, sum string, v sps.Version) Step {
	s := UploadFirmware(c, nil, "", sum, v)
	s.Name = "fetch the firmware"
	s.With = map[string]string{"url": url, "sha256": sum, "version": v.String()}
	s.Act = func(ctx context.Context, log *slog.Logger) error { return c.FetchFirmware(ctx, url, sum) }
	return s
}
