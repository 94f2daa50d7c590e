package upgrade

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/sps"
)

// CheckHealth returns a check that an SPS is in good condition: set up, and nothing wrong in its health status: disk, integrity,
// modified files, RAID, indexer. The guide asks for a System Monitor without issues (SPS 7.0.2.1 LTS Administration Guide,
// upgrade checklist). Live sessions are counted in the detail, for they will be cut.
func CheckHealth(c *sps.Client) Step {
	return Step{Name: "check the health", On: []string{c.Host()},
		Observe: func(ctx context.Context, _ Look) (Observation, error) {
			setup, err := c.Setup(ctx)
			if err != nil {
				return spsCannot(err)
			}
			switch setup {
			case sps.SetupCompleted:
			case sps.SetupBooting:
				return See(Pending, setup, "the appliance boots"), nil
			default:
				return See(Blocked, setup, "the appliance is not set up: it calls itself %q", setup), nil
			}
			h, err := c.Health(ctx)
			if err != nil {
				return spsCannot(err)
			}
			if issues := h.Issues(); len(issues) > 0 {
				return See(Blocked, h, "%s", strings.Join(issues, "; ")), nil
			}
			if !h.Full {
				return See(Done, h, "no issues, but integrity and modified files are not told: the firmware test looks for these; %d sessions are open", h.SessionsTotal), nil
			}
			return See(Done, h, "no issues; %d sessions are open", h.SessionsTotal), nil
		},
		Advice: "Mend what the System Monitor shows before you upgrade. Modified files and a failed integrity check are for the vendor's support."}
}

// CheckLicence returns a check that the appliance has a licence. Whether it is good for the target cannot be told: its fields are not documented. Every new
// long-term supported release needs a new one (SPS 6.0 Upgrade Guide).
func CheckLicence(c *sps.Client) Step {
	return Step{Name: "check the licence", On: []string{c.Host()},
		Observe: func(ctx context.Context, _ Look) (Observation, error) {
			l, err := c.License(ctx)
			switch {
			case err != nil:
				return spsCannot(err)
			case !l.Present():
				return See(Blocked, nil, "the appliance shows no licence"), nil
			}
			return See(Done, nil, "there is a licence"), nil
		},
		Advice: "Upload the licence first: with a new release it would be missing as well."}
}

// CheckLocks returns a check that nobody holds the configuration: no transaction is open. A held one is waited for, and never
// broken; a stale one is deleted from the appliance's console menu (SPS 7.5.1 Administration Guide, Accessing the SPS console).
func CheckLocks(c *sps.Client) Step {
	return Step{Name: "check for locks", On: []string{c.Host()},
		Observe: func(ctx context.Context, _ Look) (Observation, error) {
			t, err := c.Transaction(ctx)
			switch {
			case err != nil:
				return spsCannot(err)
			case t.Free():
				return See(Done, t, "nobody holds the configuration"), nil
			}
			return See(Pending, t, "the configuration is held: %s", t), nil
		},
		Every: 15 * time.Second, Limit: 15 * time.Minute, Takes: time.Second,
		Advice: "Ask whoever has a settings page or a console open to leave it. A lock that outlived its owner is deleted from the appliance's console menu, by a person."}
}

// SupportBundle returns the step that stores the appliance's support bundle in artifacts: logs and state as they were before
// the upgrade, for the vendor's support. It stands in for the core files, which only a page exports and an upgrade deletes. The
// bundle is deleted from the appliance afterwards; maxAge (default 12 hours) is how old one may be before it is taken again.
func SupportBundle(c *sps.Client, a Artifacts, maxAge time.Duration) Step {
	maxAge = orElse(maxAge, DefaultBackupAge)
	name := func(info sps.Info) string {
		return fmt.Sprintf("sps-bundle-%s-%s-", plainName(info.Host), plainName(info.FirmwareText))
	}
	return Step{Name: "support bundle", On: []string{c.Host()}, With: map[string]string{"max age": maxAge.String()},
		Observe: func(ctx context.Context, _ Look) (Observation, error) {
			info, err := c.Info(ctx)
			if err != nil {
				return spsCannot(err)
			}
			list, err := a.List(ctx)
			if err != nil {
				return Observation{}, err
			}
			for _, x := range list {
				if strings.HasPrefix(x.Name, name(info)) && time.Since(x.At) <= maxAge {
					return See(Done, x, "%s, %d bytes", x.Name, x.Size), nil
				}
			}
			return See(Ready, nil, "no support bundle of %s with %s is stored", info.Host, info.FirmwareText), nil
		},
		Act: func(ctx context.Context, _ *slog.Logger) error {
			info, err := c.Info(ctx)
			if err != nil {
				return err
			}
			_, err = a.Put(ctx, name(info)+time.Now().UTC().Format("20060102T150405Z")+".tar.gz", moving(ctx, func(w io.Writer) error {
				return c.SupportBundle(ctx, w)
			}))
			return err
		},
		Again: Freely, Limit: 30 * time.Minute, Takes: 3 * time.Minute, Every: 10 * time.Second}
}

// VerifyFirmware returns a check after the upgrade: the node runs v from a slot it calls current, says that it has booted, is in
// good health, and has a licence. The licence's fields are not documented: one that is not there at all is Blocked, for a new
// version may come up without one and say nothing.
func VerifyFirmware(c *sps.Client, v sps.Version) Step {
	health := CheckHealth(c)
	return Step{Name: "verify the upgrade", On: []string{c.Host()}, With: map[string]string{"version": v.String()},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			at, err := lookAtSPS(ctx, c)
			if err != nil {
				return spsCannot(err)
			}
			slot, ok := at.slots.Current()
			switch {
			case !at.info.Firmware.Same(v):
				return See(Blocked, at, "runs %s, not %s", at.Firmware, v), nil
			case !ok || !slot.Version.Same(v):
				return See(Blocked, at, "runs %s, but calls the slot of another version the current one", v), nil
			}
			lic, err := c.License(ctx)
			if err != nil {
				return spsCannot(err)
			}
			if !lic.Present() {
				return See(Blocked, at, "runs %s without a licence", v), nil
			}
			obs, err := health.Observe(ctx, look)
			if obs.Phase == Done {
				obs.Detail = fmt.Sprintf("runs %s; %s", v, obs.Detail)
			}
			return obs, err
		},
		Every: 15 * time.Second, Limit: 15 * time.Minute, Takes: time.Minute,
		Advice: "Log in to the web interface and look at Basic Settings > System > Version details and at the System Monitor. A new long-term supported release needs a new licence file."}
}
