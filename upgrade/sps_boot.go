package upgrade

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/internal/redact"
	"github.com/changeover-sdk/changeover/sps"
)

// DefaultBoot is how long an SPS may take to come back. The guide says to look at the console after 30 minutes (SPS 7.0.2.1 LTS
// Administration Guide, Troubleshooting); the vendor's own script, which gives up after six, is no model.
const DefaultBoot = 30 * time.Minute

// revertedAfter is how long the old version must be told after an outage before it is believed: an appliance may tell it for a
// while although the new one runs.
const revertedAfter = 5 * time.Minute

// upsetAfter is how long after a reboot was asked for an appliance that is still up is worth a word.
const upsetAfter = 5 * time.Minute

// A Boot says how a node is watched while it boots. The zero value is what most users want.
type Boot struct {
	Limit time.Duration // default DefaultBoot; a jump between long-term supported releases may take longer
	Takes time.Duration // expected, for the plan; default 12 minutes

	// Dial connects to TCP port 22 of the node, to see whether it opened SSH by itself: what it does when an upgrade fails and
	// cannot be undone. Default: a plain connection. Simulations set it.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	// Console returns the end of what the node's console has shown so far, by serial-over-LAN for example. It is evidence for people,
	// kept with the last look, and never a judge. Default: nobody listens.
	Console func(ctx context.Context) (string, error)

	power func(ctx context.Context) string // of a pair's nodes, for evidence
}

func (b Boot) limit() time.Duration { return orElse(b.Limit, DefaultBoot) }
func (b Boot) takes() time.Duration { return orElse(b.Takes, 12*time.Minute) }

// bootSeen is what a watch over a boot remembers. It is in the journal, so that a restart still knows that the node was away.
type bootSeen struct {
	Name   string `json:"name,omitempty"`   // who answers
	Away   bool   `json:"away"`             // an outage was seen since the act
	Runs   string `json:"runs,omitempty"`   // the version, when the API answers
	Reach  string `json:"reach,omitempty"`  // what answers otherwise
	Page   string `json:"page,omitempty"`   // title and text of a page, scrubbed
	SSH    bool   `json:"ssh,omitempty"`    // port 22 opened
	Power  string `json:"power,omitempty"`  // of both nodes of a pair, while it is away
	Screen string `json:"screen,omitempty"` // the end of the console, while it is away; scrubbed

	BackAfter time.Duration `json:"back_after_ns,omitempty"` // from the act until it was first seen with the old version after the outage
	Staged    bool          `json:"staged,omitempty"`        // the target is selected for the next boot, and the node runs on
	Person    string        `json:"person,omitempty"`        // what a person read about the last boot
}

// Words a person says about the last boot.
const (
	bootedSince    = "it booted since"
	notBootedSince = "it did not boot since"
)

// RebootNode returns the step that reboots a node that has v selected for the next boot, and watches it come back: This node >
// Reboot. A nil page means a person presses it. It is done when the API is back, logged in, on v.
//
// What a boot shows in place of the API (a page, nothing, errors) is its detail and never readiness. Back on the old version after
// an outage is [ErrReverted]. Up on the old version without an outage cannot be told from a short one: a person is asked
// when it booted, and without one the outcome is unknown. After the limit it is unknown too, with what was last seen and
// whether TCP port 22 opened, which is the vendor's rescue mode and exposes SSH on every active interface.
func RebootNode(c *sps.Client, page sps.SystemPage, v sps.Version, boot Boot) Step {
	s := bootStep(c, v, boot)
	s.Name = "reboot"
	s.Ask = func(*Mark) *Instruction {
		return &Instruction{Where: sps.PageSystemControl, Row: sps.RowThisNode, Button: sps.ButtonReboot, Expect: "the node boots with " + v.String()}
	}
	if page != nil {
		s.Act = func(ctx context.Context, _ *slog.Logger) error { return page.Reboot(ctx) }
	}
	before := func(ctx context.Context, at spsAt) (Observation, error) {
		slot, ok := at.slots.AfterReboot()
		ev := bootSeen{Name: at.Name, Runs: at.Firmware}
		if !ok || !slot.Version.Same(v) {
			return See(Blocked, ev, "%s is not selected for the next boot: a reboot would bring %s back", v, at.Firmware), nil
		}
		ev.Staged = true
		return See(Ready, ev, "runs %s; %s is selected for the next boot", at.Firmware, v), nil
	}
	s.Observe = watchBoot(c, v, boot, before, nil)
	return s
}

// UpgradeFirmware returns the step that upgrades by the one REST call: the appliance tests, activates and, as the vendor's own
// script expects, restarts by itself. Some may only select the firmware and stay up: when that has lasted five minutes the
// step is done, and [RebootNode] behind it does the rest. message goes to the appliance's commit log. Never for a node
// of a pair: what the call does there is not known.
func UpgradeFirmware(c *sps.Client, v sps.Version, message string, boot Boot) Step {
	s := bootStep(c, v, boot)
	s.Name = "upgrade the firmware"
	s.With["message"] = message
	s.Settle = 2 * upsetAfter // it may still go down: only a refusal is believed at once
	s.Act = func(ctx context.Context, _ *slog.Logger) error {
		_, err := c.UpgradeFirmware(ctx, v, message)
		return err
	}
	before := func(ctx context.Context, at spsAt) (Observation, error) {
		slot, err := at.slots.Find(v)
		switch {
		case err != nil:
			return See(Blocked, bootSeen{Name: at.Name, Runs: at.Firmware}, "which slot holds %s is not clear", v), err
		case slot.AfterReboot:
			return See(Done, bootSeen{Name: at.Name, Runs: at.Firmware, Staged: true}, "%s is selected for the next boot already", v), nil
		}
		return See(Ready, bootSeen{Name: at.Name, Runs: at.Firmware}, "runs %s; slot %s holds %s", at.Firmware, slot.Key, v), nil
	}
	stays := func(at spsAt, seen bootSeen, since time.Duration) (Observation, bool) {
		slot, err := at.slots.Find(v)
		if err != nil || !slot.AfterReboot {
			return See(Ready, seen, "still up with %s, and %s is not selected", at.Firmware, v), true
		}
		seen.Staged = true
		if since < upsetAfter {
			return See(Pending, seen, "%s is selected; the node has not gone down yet", v), true
		}
		return See(Done, seen, "%s is selected, and the node stays up: it has to be rebooted", v), true
	}
	s.Observe = watchBoot(c, v, boot, before, stays)
	return s
}

func bootStep(c *sps.Client, v sps.Version, boot Boot) Step {
	return Step{
		On: []string{c.Host()}, With: map[string]string{"version": v.String()},
		Every: 10 * time.Second, Limit: boot.limit(), Takes: boot.takes(), Outage: boot.takes(), NoReturn: true,
		Advice: "If the web interface is not back 30 minutes after the reboot, look at the console and contact the vendor's support team. Do not reboot it again. If SSH opened by itself, it is open on every active interface: guard the network.",
	}
}

// watchBoot looks at a node before and after an act that makes it boot. stays may judge a node that has not gone down.
func watchBoot(c *sps.Client, v sps.Version, boot Boot, before func(context.Context, spsAt) (Observation, error), stays func(spsAt, bootSeen, time.Duration) (Observation, bool)) func(context.Context, Look) (Observation, error) {
	return func(ctx context.Context, look Look) (Observation, error) {
		if look.Since == nil {
			at, err := lookAtSPS(ctx, c)
			switch {
			case err != nil:
				return spsCannot(err)
			case at.info.Firmware.Same(v):
				return See(Done, bootSeen{Runs: at.Firmware}, "runs %s", v), nil
			}
			return before(ctx, at)
		}
		var seen, first bootSeen
		if err := errors.Join(readEvidence(look.Since.Last, &seen), readEvidence(look.Since.Before, &first)); err != nil {
			return Observation{}, err
		}
		since := look.Elapsed
		reach, err := c.Probe(ctx)
		if err != nil {
			return Observation{}, err
		}
		seen.Reach, seen.Page, seen.Runs = reach.String(), "", ""
		if !reach.Ready() {
			return spsAway(ctx, c, boot, seen, reach, since), nil
		}
		at, err := lookAtSPS(ctx, c)
		if err != nil {
			// The API answers strangers and not us: it boots still, or it has lost us. The client does not try a refused login twice.
			return See(Pending, seen, "the API answers, but does not let us look: %s", firstLine(err)), nil
		}
		seen.Name, seen.Runs = at.Name, at.Firmware
		switch {
		case first.Name != "" && at.Name != first.Name:
			return See(Unknown, seen, "%s answers at the address of %s, of which nothing is known", at.Name, first.Name), nil
		case at.info.Firmware.Same(v):
			return booted(ctx, c, seen, v)
		case seen.Away && at.Firmware == first.Runs:
			return oldVersion(seen, at, v, since)
		case seen.Away:
			return See(Unknown, seen, "it came back with %s, which is neither the old version nor %s", at.Firmware, v), nil
		}
		if stays != nil {
			if obs, ok := stays(at, seen, since); ok {
				return obs, nil
			}
		}
		if since < upsetAfter {
			return See(Pending, seen, "still up with %s, %s after it was asked to reboot", at.Firmware, spell(since)), nil
		}
		return stillUp(ctx, c, look, seen, at, since)
	}
}

// oldVersion tells a node that came back as it was from one that tells its version late.
func oldVersion(seen bootSeen, at spsAt, v sps.Version, since time.Duration) (Observation, error) {
	if seen.BackAfter == 0 {
		seen.BackAfter = since
	}
	slot, ok := at.slots.Current()
	switch {
	case ok && slot.Version.Same(v):
		return See(Pending, seen, "it is back, tells %s and calls the slot of %s the current one", at.Firmware, v), nil
	case since-seen.BackAfter < revertedAfter:
		return See(Pending, seen, "it went away and is back with %s, the old version", at.Firmware), nil
	}
	return See(Blocked, seen, "it went away and came back with %s, the old version", at.Firmware), ErrReverted
}

// booted waits for the appliance to say that it is through.
func booted(ctx context.Context, c *sps.Client, seen bootSeen, v sps.Version) (Observation, error) {
	setup, err := c.Setup(ctx)
	switch {
	case err != nil:
		return See(Pending, seen, "runs %s, and does not say yet whether it has booted: %s", v, firstLine(err)), nil
	case setup != sps.SetupCompleted:
		return See(Pending, seen, "runs %s, and calls itself %q", v, setup), nil
	}
	return See(Done, seen, "runs %s", v), nil
}

// spsAway is a node that does not answer, or answers with something that is not the API.
func spsAway(ctx context.Context, c *sps.Client, boot Boot, seen bootSeen, reach sps.Reach, since time.Duration) Observation {
	seen.Away = true
	if reach.Kind == sps.ReachPage {
		seen.Page = strings.TrimSpace(reach.Title + "\n" + reach.Text)
	}
	if open, err := sps.SSHOpen(ctx, c.Host(), boot.Dial); err == nil {
		seen.SSH = open
	}
	if boot.power != nil {
		seen.Power = boot.power(ctx)
	}
	if boot.Console != nil {
		if screen, err := boot.Console(ctx); err == nil {
			seen.Screen = scrubbed(screen)
		}
	}
	detail := fmt.Sprintf("boots, %s so far: %s", spell(since), reach)
	if seen.SSH {
		detail += "; TCP port 22 is open"
	}
	return See(Pending, seen, "%s", detail)
}

// stillUp asks a person when the node booted, for nobody saw it go down.
func stillUp(ctx context.Context, c *sps.Client, look Look, seen bootSeen, at spsAt, since time.Duration) (Observation, error) {
	a, err := look.Ask(ctx, Question{Kind: AskConfirm, On: c.Host(), Where: sps.PageSystemMonitor, Label: "Uptime",
		Text:    fmt.Sprintf("%s was asked to reboot, runs %s and was not seen to go down. Read on its page or console when it last booted.", at.Name, at.Firmware),
		Options: []string{bootedSince, notBootedSince}})
	switch {
	case errors.Is(err, ErrNoOperator):
		return See(Unknown, seen, "still up with %s, %s after it was asked to reboot; no outage was seen", at.Firmware, spell(since)), nil
	case err != nil:
		return Observation{}, err
	}
	seen.Person = a
	if a == bootedSince {
		seen.Away = true
		return See(Blocked, seen, "a person says that it booted, and it runs %s, the old version", at.Firmware), ErrReverted
	}
	return See(Ready, seen, "a person says that it did not boot"), nil
}

// maxScreen is how much of a console is kept.
const maxScreen = 2 << 10

// scrubbed is the end of a console without what looks like a secret.
func scrubbed(screen string) string {
	screen = redact.New()(screen)
	if len(screen) > maxScreen {
		screen = strings.ToValidUTF8(screen[len(screen)-maxScreen:], "")
	}
	return screen
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return oneLine(line, 200)
}
