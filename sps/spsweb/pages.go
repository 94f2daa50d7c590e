package spsweb

import (
	"context"
	"errors"
	"io"

	"github.com/changeover-sdk/changeover/internal/browser/site"
	"github.com/changeover-sdk/changeover/sps"
)

// Keys of the pages in labels.json.
const (
	pageSystem = "system"
	pageHA     = "high availability"
)

type (
	firmwares        struct{ d *Driver }
	highAvailability struct{ d *Driver }
	system           struct{ d *Driver }
	export           struct{ d *Driver }
)

var _ = sps.Pages{Firmwares: firmwares{}, HA: highAvailability{}, System: system{}, Export: export{}}

// AfterReboot presses the button in the one row that shows v.
func (f firmwares) AfterReboot(ctx context.Context, v sps.Version) error {
	return f.d.press(ctx, pageSystem, "firmwares.after reboot", site.Values{"firmware": rows(v)})
}

// rows are the ways in which the row of a firmware may be headed: the guides write 7.0.2.1 and 7.0.2.1 LTS for the same one.
func rows(v sps.Version) []string {
	s := v.String()
	return []string{s, s + " LTS"}
}

// HA reads the page, twice the same.
func (h highAvailability) HA(ctx context.Context) (out sps.HA, err error) {
	err = h.d.visit(ctx, pageHA, func(v *site.Visit) error {
		return v.Read(func(r *site.Reading) error {
			node := func(which string) sps.HANode {
				return sps.HANode{
					ID: r.Value("ha."+which+".id", nil), State: sps.NodeHAState(r.Value("ha."+which+".state", nil)), UUID: r.Value("ha."+which+".uuid", nil),
					Firmware: r.Value("ha."+which+".firmware", nil), RAID: r.Value("ha."+which+".raid", nil),
				}
			}
			out = sps.HA{
				Status: sps.HAStatus(r.Must("ha.status", nil)), DRBD: sps.DRBDStatus(r.Value("ha.drbd", nil)),
				Heartbeat: sps.HeartbeatStatus(r.Value("ha.heartbeat", nil)), NextHop: r.Value("ha.next hop", nil), Progress: r.Value("ha.progress", nil),
				This: node("this"), Other: node("other"),
			}
			if out.Status == "" {
				return errors.New("the page shows no status")
			}
			return nil
		})
	})
	if err != nil {
		return sps.HA{}, err
	}
	return out, nil
}

// ShutdownOther presses Shutdown in the part of the page that is about the other node.
func (h highAvailability) ShutdownOther(ctx context.Context) error {
	return h.d.press(ctx, pageHA, "ha.other.shutdown", nil)
}

// ActivateSlave presses the button of that name.
func (h highAvailability) ActivateSlave(ctx context.Context) error {
	return h.d.press(ctx, pageHA, "ha.activate slave", nil)
}

// Reboot presses the button in the row This node.
func (s system) Reboot(ctx context.Context) error {
	return s.d.press(ctx, pageSystem, "system.reboot", nil)
}

// Shutdown presses the button in the row This node.
func (s system) Shutdown(ctx context.Context) error {
	return s.d.press(ctx, pageSystem, "system.shutdown", nil)
}

// Export presses the button and writes the file that comes, as soon as it has come whole.
func (e export) Export(ctx context.Context, w io.Writer) (name string, err error) {
	err = e.d.visit(ctx, pageSystem, func(v *site.Visit) error {
		t, err := v.Save("export.export", nil, w)
		name = t.Name
		return err
	})
	return name, err
}
