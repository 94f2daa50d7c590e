package upgrade

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/sps"
)

// haField is a value of Basic Settings > High Availability that a person may be asked for.
type haField struct {
	row, label string
	set        func(*sps.HA, string)
}

var (
	haStatus       = haField{"", sps.LabelHAStatus, func(ha *sps.HA, v string) { ha.Status = sps.HAStatus(v) }}
	haDRBD         = haField{"", sps.LabelDRBD, func(ha *sps.HA, v string) { ha.DRBD = sps.DRBDStatus(v) }}
	haHeartbeat    = haField{"", sps.LabelHeartbeat, func(ha *sps.HA, v string) { ha.Heartbeat = sps.HeartbeatStatus(v) }}
	haThisID       = haField{sps.RowThisNode, sps.LabelNodeID, func(ha *sps.HA, v string) { ha.This.ID = v }}
	haThisState    = haField{sps.RowThisNode, sps.LabelNodeState, func(ha *sps.HA, v string) { ha.This.State = sps.NodeHAState(v) }}
	haThisUUID     = haField{sps.RowThisNode, sps.LabelNodeUUID, func(ha *sps.HA, v string) { ha.This.UUID = v }}
	haThisFirmware = haField{sps.RowThisNode, sps.LabelFirmware, func(ha *sps.HA, v string) { ha.This.Firmware = v }}
	haOtherID      = haField{sps.RowOtherNode, sps.LabelNodeID, func(ha *sps.HA, v string) { ha.Other.ID = v }}
	haOtherState   = haField{sps.RowOtherNode, sps.LabelNodeState, func(ha *sps.HA, v string) { ha.Other.State = sps.NodeHAState(v) }}
	haOtherUUID    = haField{sps.RowOtherNode, sps.LabelNodeUUID, func(ha *sps.HA, v string) { ha.Other.UUID = v }}
	haOtherFirm    = haField{sps.RowOtherNode, sps.LabelFirmware, func(ha *sps.HA, v string) { ha.Other.Firmware = v }}
	haWhole        = []haField{haStatus, haDRBD, haHeartbeat, haThisID, haThisState, haThisUUID, haThisFirmware, haOtherID, haOtherState, haOtherUUID, haOtherFirm}
)

// readHA reads Basic Settings > High Availability: all of it by the page driver, or the fields that are needed by asking a person for each.
func readHA(ctx context.Context, c *sps.Client, page sps.HAPage, look Look, fields ...haField) (ha sps.HA, err error) {
	if page != nil {
		return page.HA(ctx)
	}
	for _, f := range fields {
		v, err := look.Ask(ctx, Question{Kind: AskValue, On: c.Host(), Where: sps.PageHA, Row: f.row, Label: f.label,
			Text: "Type it as it is shown; type - where nothing is. Reload the page first; if it does not answer, wait until it does."})
		if err != nil {
			return sps.HA{}, err
		}
		f.set(&ha, notThere(v))
	}
	return ha, nil
}

// pairIssues lists what is wrong with the pair. A person is only asked for the two values that the guide has one look at.
func pairIssues(page sps.HAPage, ha sps.HA) (issues []string) {
	if page != nil {
		return ha.Issues()
	}
	if !ha.Status.OK() {
		issues = append(issues, fmt.Sprintf("the status is %q", ha.Status))
	}
	if !ha.DRBD.OK() {
		issues = append(issues, fmt.Sprintf("the DRBD status is %q", ha.DRBD))
	}
	return issues
}

func notThere(v string) string {
	v = strings.TrimSpace(v)
	if v == "-" || v == "–" || v == "—" {
		return ""
	}
	return v
}

// haStep is a step that reads the High Availability page.
func haStep(c *sps.Client, page sps.HAPage, name string, fields []haField, see func(ctx context.Context, look Look, ha sps.HA) (Observation, error)) Step {
	return Step{Name: name, On: []string{c.Host()}, Attended: page == nil, Every: 30 * time.Second,
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			ha, err := readHA(ctx, c, page, look, fields...)
			switch {
			case err != nil:
				return spsCannot(err)
			case ha.SplitBrain():
				return See(Blocked, ha, "split brain: no node may be rebooted or shut down; call the vendor's support"), nil
			}
			return see(ctx, look, ha)
		}}
}

// NoSplitBrain returns a guard: the High Availability page speaks of no split brain. In one, neither node may be rebooted or shut
// down, and nothing is ever automated (SPS Administration Guide, Recovering from a split brain situation). With a nil page a
// person reads it.
func NoSplitBrain(c *sps.Client, page sps.HAPage) Guard {
	return Guard{Name: "no split brain", On: []string{c.Host()},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			if page == nil {
				v, err := look.Ask(ctx, Question{Kind: AskValue, On: c.Host(), Where: sps.PageHA, Label: sps.LabelHAStatus, Text: "Type it as it is shown."})
				if err != nil {
					return Observation{}, err
				}
				if sps.HAStatus(v).SplitBrain() {
					return See(Blocked, v, "split brain"), nil
				}
				return See(Done, v, "the status is %s", v), nil
			}
			ha, err := page.HA(ctx)
			switch {
			case err != nil:
				return Observation{}, err
			case ha.SplitBrain():
				return See(Blocked, ha, "split brain"), nil
			}
			return See(Done, ha, "the status is %s", ha.Status), nil
		}}
}

// OneServes returns a guard: the service address is answered by a node in working order, and at least one power button says on. While a step has
// taken the node down on purpose, not being able to tell is no alarm.
func OneServes(c *sps.Client, power PowerMap) Guard {
	return Guard{Name: "one node serves", On: []string{c.Host()}, Limit: 5 * time.Minute,
		Observe: func(ctx context.Context, _ Look) (Observation, error) {
			p, err := power.look(ctx)
			if err != nil {
				return Observation{}, err
			}
			if off, clear := p.off(); clear && len(off) == len(power) {
				return See(Blocked, p, "every node is off"), nil
			}
			info, err := c.Info(ctx)
			if err != nil {
				return spsCannot(err)
			}
			return See(Done, nil, "%s serves with %s (%s)", info.Name(), info.FirmwareText, p), nil
		}}
}

// CheckHA returns a check: the pair is whole. The checklist asks that its status is not degraded (SPS 7.0.2.1 LTS); anything that is not known
// to be good stops here. Watched routers that could force a takeover in mid-upgrade are named in the detail.
func CheckHA(c *sps.Client, page sps.HAPage) Step {
	s := haStep(c, page, "check the pair", haWhole, func(_ context.Context, _ Look, ha sps.HA) (Observation, error) {
		if issues := ha.Issues(); len(issues) > 0 {
			return See(Blocked, ha, "%s", strings.Join(issues, "; ")), nil
		}
		detail := fmt.Sprintf("%s, %s, both nodes on %s", ha.Status, ha.DRBD, ha.This.Firmware)
		if ha.NextHop != "" {
			detail += "; next hop monitoring is on: an unreachable router may force a takeover in the middle"
		}
		return See(Done, ha, "%s", detail), nil
	})
	s.Advice = "Bring the pair in order first: power on or reconnect the missing node, let it synchronise, replace a failed disk."
	return s
}

// AwaitSecondaryFirmware returns a wait: the High Availability page shows v on the other node, to which the product carries it by itself. The guide
// says a few minutes; over a slow link it may be an hour. limit is how long it may take; default 90 minutes.
func AwaitSecondaryFirmware(c *sps.Client, page sps.HAPage, v sps.Version, limit time.Duration) Step {
	s := haStep(c, page, "await the secondary's firmware", []haField{haStatus, haOtherFirm}, func(_ context.Context, _ Look, ha sps.HA) (Observation, error) {
		if ha.Other.Runs(v) {
			return See(Done, ha, "the other node shows %s", v), nil
		}
		return See(Pending, ha, "the other node shows %s", cmp.Or(ha.Other.Firmware, "no firmware")), nil
	})
	s.With = map[string]string{"version": v.String()}
	s.Limit, s.Takes = orElse(limit, 90*time.Minute), 5*time.Minute
	s.Advice = "Do not switch the secondary off before it has the new firmware: it would come back with the old one."
	return s
}

// ShutdownSecondary returns the step that shuts the other node down: Other node > Shutdown. Before it, the service address answers, both buttons say
// on and the other node has v. It is done when one BMC says off while the other node still serves: that is also the proof of which BMC is whose.
// Until the step called until begins, this is looked at again before every act.
func ShutdownSecondary(c *sps.Client, page sps.HAPage, power PowerMap, v sps.Version, until string) Step {
	s := Step{Name: "shut down secondary", On: []string{c.Host()}, With: map[string]string{"version": v.String()}, Until: until,
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			p, err := power.look(ctx)
			if err != nil {
				return Observation{}, err
			}
			off, clear := p.off()
			switch {
			case !clear:
				return See(Unknown, p, "a power button says neither on nor off: %s", p), nil
			case len(off) == len(power):
				return See(Blocked, p, "every node is off"), nil
			}
			info, err := c.Info(ctx)
			if err != nil {
				return spsCannot(err) // also while the primary reboots on purpose: then nobody can tell
			}
			if len(off) == 1 {
				return wrongMember(look, p, off[0]), nil
			}
			if look.Since != nil && info.Firmware.Same(v) {
				return See(Done, p, "both nodes are on, and the primary runs %s: the secondary was off for as long as it had to be", v), nil
			}
			if look.Since != nil {
				// Ready would be believed after Settle; the node may take its time to go down.
				return See(Ready, p, "both nodes are still on"), nil
			}
			return readyToShutDown(ctx, c, page, look, p, v)
		},
		Ask: func(*Mark) *Instruction {
			return &Instruction{Where: sps.PageHA, Row: sps.RowOtherNode, Button: sps.ButtonShutdown, Expect: "the secondary switches itself off; this node goes on serving"}
		},
		Settle: 10 * time.Minute, Every: 15 * time.Second, Limit: 20 * time.Minute, Takes: 3 * time.Minute,
		Advice: "From here to the verified secondary there is no redundancy. Nothing on any page can switch that node on again.",
	}
	if page != nil {
		s.Act = func(ctx context.Context, _ *slog.Logger) error { return page.ShutdownOther(ctx) }
	}
	return s
}

type shutdownSeen struct {
	Power powers `json:"power"`
	Other string `json:"other,omitempty"` // the secondary's ID, before
	Off   string `json:"off,omitempty"`
}

// wrongMember compares the node that is off with the one that was meant.
func wrongMember(look Look, p powers, off string) Observation {
	seen := shutdownSeen{Power: p, Off: off}
	if look.Since != nil {
		var before shutdownSeen
		if err := readEvidence(look.Since.Before, &before); err == nil && before.Other != "" && p[before.Other] == powerOn {
			return See(Blocked, seen, "%s is off, and the secondary was %s: the wrong node was switched off, or the power buttons are swapped", off, before.Other)
		}
	}
	return See(Done, seen, "%s is off, and the other node serves", off)
}

func readyToShutDown(ctx context.Context, c *sps.Client, page sps.HAPage, look Look, p powers, v sps.Version) (Observation, error) {
	ha, err := readHA(ctx, c, page, look, haStatus, haOtherID, haOtherFirm)
	switch {
	case err != nil:
		return spsCannot(err)
	case ha.SplitBrain():
		return See(Blocked, ha, "split brain"), nil
	case !ha.Other.Runs(v):
		return See(Blocked, ha, "the other node shows %s, not %s: switched off now it would come back with the old firmware", cmp.Or(ha.Other.Firmware, "no firmware"), v), nil
	}
	seen := shutdownSeen{Power: p}
	if _, known := p[ha.Other.ID]; known {
		seen.Other = ha.Other.ID
	}
	return See(Ready, seen, "both nodes are on, and the other has %s", v), nil
}

// RebootPrimary returns the step that reboots the node that serves while the other one is proven off: This node > Reboot. See [RebootNode]
// for how it is watched. It is never sent twice.
func RebootPrimary(c *sps.Client, page sps.SystemPage, power PowerMap, v sps.Version, boot Boot) Step {
	boot.power = func(ctx context.Context) string {
		p, err := power.look(ctx)
		if err != nil {
			return firstLine(err)
		}
		return p.String()
	}
	s := RebootNode(c, page, v, boot)
	s.Name = "reboot primary"
	observe := s.Observe
	s.Observe = func(ctx context.Context, look Look) (Observation, error) {
		obs, err := observe(ctx, look)
		if look.Since != nil || obs.Phase != Ready {
			return obs, err
		}
		p, err := power.look(ctx)
		if err != nil {
			return Observation{}, err
		}
		if off, clear := p.off(); !clear || len(off) != 1 {
			return See(Blocked, p, "the secondary must be off, and only it: %s", p), nil
		}
		return obs, nil
	}
	return s
}

// PowerOnSecondary returns the step that powers the secondary on, by the button of the one node that is off, after the primary runs v. A secondary that
// came up earlier would take over on old data.
func PowerOnSecondary(c *sps.Client, power PowerMap, v sps.Version) Step {
	return Step{Name: "power on secondary", On: []string{c.Host()}, With: map[string]string{"version": v.String()},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			p, err := power.look(ctx)
			if err != nil {
				return Observation{}, err
			}
			off, clear := p.off()
			switch {
			case !clear:
				return See(Unknown, p, "a power button says neither on nor off: %s", p), nil
			case len(off) == 0:
				return See(Done, p, "both nodes are on"), nil
			case len(off) > 1:
				return See(Blocked, p, "every node is off"), nil
			}
			info, err := c.Info(ctx)
			switch {
			case err != nil:
				return spsCannot(err)
			case !info.Firmware.Same(v):
				return See(Blocked, p, "the primary runs %s, not %s: a secondary that comes up now could take over on the old data", info.FirmwareText, v), nil
			}
			return See(Ready, p, "%s is off, and the primary runs %s", off[0], v), nil
		},
		Act: func(ctx context.Context, _ *slog.Logger) error {
			p, err := power.look(ctx)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrNotSent, err)
			}
			off, clear := p.off()
			if !clear || len(off) != 1 {
				return fmt.Errorf("%w: not exactly one node is off: %s", ErrNotSent, p)
			}
			return power[off[0]].PowerOn(ctx)
		},
		Again: IfNotBegun, Settle: time.Minute, Every: 10 * time.Second, Limit: 10 * time.Minute, Takes: time.Minute,
		Advice: "Power the secondary on by its IPMI yourself; leave the primary alone.",
	}
}

// VerifySecondary returns a wait: both nodes are in High Availability again, in step, and on v. Synchronising takes as long as it
// takes, by default at 10 Mbit/s. limit is how long it may; default 24 hours.
func VerifySecondary(c *sps.Client, page sps.HAPage, v sps.Version, limit time.Duration) Step {
	s := haStep(c, page, "verify secondary", []haField{haStatus, haDRBD, haThisFirmware, haOtherFirm}, func(_ context.Context, _ Look, ha sps.HA) (Observation, error) {
		switch issues := pairIssues(page, ha); {
		case !ha.This.Runs(v):
			return See(Pending, ha, "this node shows %s", cmp.Or(ha.This.Firmware, "no firmware")), nil
		case len(issues) > 0:
			detail := strings.Join(issues, "; ")
			if ha.Progress != "" {
				detail = ha.Progress + "; " + detail
			}
			return See(Pending, ha, "%s", detail), nil
		case !ha.Other.Runs(v):
			return See(Blocked, ha, "the pair is whole, and the other node shows %s, not %s", cmp.Or(ha.Other.Firmware, "no firmware"), v), nil
		}
		return See(Done, ha, "%s, %s, both nodes on %s", ha.Status, ha.DRBD, v), nil
	})
	s.With = map[string]string{"version": v.String()}
	s.Every, s.Limit, s.Takes = time.Minute, orElse(limit, 24*time.Hour), 20*time.Minute
	s.Advice = "Do not reboot or shut the primary down while data is copied. If the node does not come, look at its console by IPMI."
	return s
}

// ActivateSlave returns the step that makes the other node take over, which proves High Availability: Activate Slave. It is Ready only while the
// pair is whole and in step, and done when the node that serves is another than before, and lets us in.
func ActivateSlave(c *sps.Client, page sps.HAPage) Step {
	type seen struct {
		Active string `json:"active"`
		HA     sps.HA `json:"ha"`
	}
	s := haStep(c, page, "activate slave", []haField{haStatus, haDRBD, haThisID}, func(ctx context.Context, look Look, ha sps.HA) (Observation, error) {
		now := seen{Active: ha.This.ID, HA: ha}
		if look.Since == nil {
			switch issues := pairIssues(page, ha); {
			case len(issues) > 0:
				return See(Blocked, now, "the pair is not whole: %s", strings.Join(issues, "; ")), nil
			case now.Active == "":
				return See(Unknown, now, "the page does not say which node serves: a takeover could not be proven"), nil
			}
			return See(Ready, now, "%s serves, and the pair is whole", now.Active), nil
		}
		var before seen
		if err := readEvidence(look.Since.Before, &before); err != nil {
			return Observation{}, err
		}
		switch {
		case now.Active == "" || before.Active == "":
			return See(Unknown, now, "the page does not say which node serves"), nil
		case now.Active == before.Active:
			return See(Ready, now, "%s still serves", now.Active), nil
		}
		info, err := c.Info(ctx)
		if err != nil {
			return See(Pending, now, "%s took over, and does not let us in yet: %s", now.Active, firstLine(err)), nil
		}
		return See(Done, now, "%s took over from %s, and serves with %s", now.Active, before.Active, info.FirmwareText), nil
	})
	s.Every, s.Settle, s.Limit, s.Takes, s.Outage = 15*time.Second, 5*time.Minute, 20*time.Minute, 2*time.Minute, time.Minute
	s.Ask = func(*Mark) *Instruction {
		return &Instruction{Where: sps.PageHA, Button: sps.ButtonActivateSlave, Expect: "the other node takes over; the page shows it as this node"}
	}
	if page != nil {
		s.Act = func(ctx context.Context, _ *slog.Logger) error { return page.ActivateSlave(ctx) }
	}
	return s
}
