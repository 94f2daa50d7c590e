package spstest

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/changeover-sdk/changeover/sps"
)

// Pages returns the node's pages as package sps wants them driven: what a page driver for a real appliance would do in a browser, done in memory. Presses are
// recorded, and faults for "press …" and "read …" meet them, as they do a person.
func (n *Node) Pages() sps.Pages {
	n.begin()
	return n.desk().pages()
}

// Pages returns the pages of whichever node of the pair is active; see [Node.Pages].
func (p *Pair) Pages() sps.Pages {
	p.begin()
	return p.desk().pages()
}

func (d *desk) pages() sps.Pages {
	return sps.Pages{Firmwares: firmwares{d}, HA: highAvailability{d}, System: system{d}, Export: exporter{d}}
}

type (
	firmwares        struct{ *desk }
	highAvailability struct{ *desk }
	system           struct{ *desk }
	exporter         struct{ *desk }
)

var _ = sps.Pages{Firmwares: firmwares{}, HA: highAvailability{}, System: system{}, Export: exporter{}}

// push presses a button that gives no file.
func (d *desk) push(ctx context.Context, where, row, button string) error {
	_, _, err := d.press(ctx, where, row, button, nil, d.question(button))
	return err
}

// question is what a driver written for this appliance expects to be asked.
func (d *desk) question(button string) (q string) {
	d.w.in(func() {
		if n, _ := d.look(); n != nil {
			q = n.Switches.Dialogs[button]
		}
	})
	return q
}

// AfterReboot selects the firmware v for after the reboot.
func (f firmwares) AfterReboot(ctx context.Context, v sps.Version) error {
	return f.push(ctx, sps.PageFirmwares, v.String(), sps.ButtonAfterReboot)
}

// HA reads the page.
func (h highAvailability) HA(ctx context.Context) (sps.HA, error) {
	var errs []error
	get := func(row, label string) string {
		v, err := h.read(ctx, sps.PageHA, row, label)
		errs = append(errs, err)
		if v == nothing {
			return ""
		}
		return v
	}
	node := func(row string) sps.HANode {
		return sps.HANode{ID: get(row, sps.LabelNodeID), State: sps.NodeHAState(get(row, sps.LabelNodeState)), UUID: get(row, sps.LabelNodeUUID),
			Firmware: get(row, sps.LabelFirmware), RAID: get(row, "RAID status")}
	}
	n, err := h.page(ctx)
	if err != nil {
		return sps.HA{}, err
	}
	out := sps.HA{
		Status: sps.HAStatus(get("", sps.LabelHAStatus)), DRBD: sps.DRBDStatus(get("", sps.LabelDRBD)), Heartbeat: sps.HeartbeatStatus(get("", sps.LabelHeartbeat)),
		NextHop: get("", sps.LabelNextHop), Progress: get("", "Synchronisation"), This: node(sps.RowThisNode),
	}
	if n.pair != nil {
		out.Other = node(sps.RowOtherNode)
	}
	if err := errors.Join(errs...); err != nil {
		return sps.HA{}, err
	}
	return out, nil
}

// ShutdownOther switches the other node off.
func (h highAvailability) ShutdownOther(ctx context.Context) error {
	return h.push(ctx, sps.PageHA, sps.RowOtherNode, sps.ButtonShutdown)
}

// ActivateSlave makes the other node active.
func (h highAvailability) ActivateSlave(ctx context.Context) error {
	return h.push(ctx, sps.PageHA, "", sps.ButtonActivateSlave)
}

// Reboot reboots this node.
func (s system) Reboot(ctx context.Context) error {
	return s.push(ctx, sps.PageSystemControl, sps.RowThisNode, sps.ButtonReboot)
}

// Shutdown switches this node off.
func (s system) Shutdown(ctx context.Context) error {
	return s.push(ctx, sps.PageSystemControl, sps.RowThisNode, sps.ButtonShutdown)
}

// Export writes the configuration to w.
func (e exporter) Export(ctx context.Context, w io.Writer) (string, error) {
	name, file, err := e.press(ctx, sps.PageExport, "", "Export", nil, e.question("Export"))
	if err != nil {
		return "", err
	}
	if file == nil {
		return "", fmt.Errorf("spstest: %s: the export gave no file", e.host)
	}
	_, err = io.Copy(w, file)
	return name, err
}
