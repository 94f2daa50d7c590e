package spstest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/sps"
)

// screen is a page of the web interface as it stands now. Press, Read and the HTML are made from the same screens, so what a person is told to press
// is what a browser finds.
type screen struct {
	path     string // the menu path: "Basic Settings > System"
	sections []section
}

// section is a part of a page with a heading; the heading may be named behind the menu path. One without a name is the page itself.
type section struct {
	name string
	rows []row
}

// row is a row of a table; items outside a table are in a row without a name.
type row struct {
	name  string
	items []item
}

// item is a value, a field or a button.
type item struct {
	label   string
	kind    itemKind
	value   string   // of a value; of a field: what is in it already
	choices []string // of a choice
	gives   bool     // of a button: a file comes of it
	press   func(ctx context.Context, set form) (*download, error)
}

type itemKind int

const (
	value itemKind = iota
	button
	text
	secret
	file
	choice
)

// form is what the fields of a section hold when a button is pressed, by label.
type form map[string]field

type field struct {
	text  string
	image *imageCheck // of a file, which has been read to its end
}

// download is a file that a button gives.
type download struct {
	name string
	data []byte
}

// screens returns all pages, in the order of the menu. With the lock held. The words are those of the guides where package sps names them; the rest is
// plain wording of our own.
func (n *Node) screens() []screen {
	pages := []screen{n.monitor(), n.system(), n.highAvailability(), n.troubleshooting(), n.management(), n.localServices()}
	if n.clust != nil {
		pages = append(pages, n.clust.page(n))
	}
	return pages
}

func show(label, v string) item { return item{label: label, value: v} }

func press(label string, do func(ctx context.Context, set form) (*download, error)) item {
	return item{label: label, kind: button, press: do}
}

// giving is a button of which a file comes.
func giving(label string, do func(ctx context.Context, set form) (*download, error)) item {
	return item{label: label, kind: button, press: do, gives: true}
}

// at once is a button that does what it does while the world stands still.
func (n *Node) atOnce(label string, do func() error) item {
	return press(label, func(context.Context, form) (_ *download, err error) {
		n.world.in(func() {
			if n.phase != phaseUp {
				err = fmt.Errorf("%s is not up", n.name())
				return
			}
			err = do()
		})
		return nil, err
	})
}

func yes(b bool) string { return map[bool]string{true: "yes", false: "no"}[b] }

// monitor is the System Monitor. The checklist wants no issues on it (SPS 7.0.2.1 LTS, Upgrade checklist).
func (n *Node) monitor() screen {
	locked := "nobody"
	if n.locked != nil {
		locked = fmt.Sprintf("%s, for %v", n.locked.owner, n.world.now().Sub(n.locked.since).Round(time.Minute))
	}
	total := 0
	for _, k := range n.Health.Sessions {
		total += k
	}
	issues := n.issues()
	return screen{sps.PageSystemMonitor, []section{{"", []row{{"", []item{
		show("Issues", cmp.Or(strings.Join(issues, "; "), "none")),
		show("Locked by", locked),
		show("Active sessions", fmt.Sprint(total)),
		show("Disk", fmt.Sprintf("%.0f %% used", cmp.Or(n.Health.Disk, 21))),
		show("RAID", cmp.Or(n.Health.RAID, "OK")),
		show("HA", string(n.ha().Status)),
		show("Uptime", n.world.now().Sub(n.bootedAt).Round(time.Second).String()),
		show("Time", n.clock().UTC().Format(time.DateTime)),
	}}}}}}
}

// issues is what is wrong with the node, in a word each.
func (n *Node) issues() (list []string) {
	h := n.Health
	if d := cmp.Or(h.Disk, 21); d > 80 {
		list = append(list, fmt.Sprintf("disk %.0f %% full", d))
	}
	for part, v := range map[string]string{"boot": h.BootIntegrity, "core": h.CoreIntegrity} {
		if v != "" && v != "OK" {
			list = append(list, part+" firmware "+v)
		}
	}
	if h.TaintedBoot+h.TaintedCore+h.TaintedOther > 0 {
		list = append(list, "firmware tainted")
	}
	if h.RAID != "" && h.RAID != "OK" {
		list = append(list, "RAID "+h.RAID)
	}
	if _, valid := n.licensed(); !valid {
		list = append(list, "no valid license")
	}
	if ha := n.ha(); n.pair != nil && !ha.Status.OK() {
		list = append(list, "HA "+string(ha.Status))
	}
	if h.Issue != "" {
		list = append(list, h.Issue)
	}
	slices.Sort(list)
	return list
}

// system is Basic Settings > System, with its sections.
func (n *Node) system() screen {
	control := []row{{sps.RowThisNode, []item{n.rebootButton(n), n.shutdownButton(n)}}}
	if n.pair != nil {
		other := n.pair.other(n)
		control = append(control, row{sps.RowOtherNode, []item{n.rebootButton(other), n.shutdownButton(other)}})
	}
	h := n.Health
	tainted := h.TaintedBoot + h.TaintedCore + h.TaintedOther
	details := []item{
		show(sps.LabelFirmware, n.running()),
		show("Tainted", yes(tainted > 0)),
		show("Boot time", n.bootedAt.Add(n.ClockOffset).UTC().Format(time.RFC3339)),
		show("Uptime", n.world.now().Sub(n.bootedAt).Round(time.Second).String()),
		show("Platform", map[bool]string{true: "virtual machine", false: "physical appliance"}[n.Virtual]),
		show("Console redirection", yes(n.Virtual && !n.NoConsoleRedirection)),
	}
	release, valid := n.licensed()
	licence := []item{show("Release", cmp.Or(release, "none: demo mode")), show("Valid", yes(valid))}
	encryption := item{label: "Encryption", kind: choice, value: "No encryption", choices: []string{"No encryption", "Encrypt with password", "GPG encryption"}}
	return screen{sps.PageSystem, []section{
		{"System control", control},
		{"Version details", []row{{"", details}}},
		{"Firmwares", n.firmwareRows()},
		{"License", []row{{"", licence}}},
		{"Export configuration", []row{{"", []item{encryption, {label: "Encryption password", kind: secret}, giving("Export", n.export)}}}},
		{"Traffic control", []row{{"All services", []item{
			show("Status", map[bool]string{true: "stopped", false: "running"}[n.trafficStopped]),
			n.atOnce("Stop", func() error { n.trafficStopped = true; return nil }),
			n.atOnce("Start", func() error { n.trafficStopped = false; return nil }),
			n.atOnce("Restart", func() error { n.trafficStopped = false; return nil }),
		}}}},
		{"Sealed mode", []row{{"", []item{
			show("Status", map[bool]string{true: "sealed", false: "not sealed"}[n.Sealed]),
			n.atOnce("Activate sealed mode", func() error { n.Sealed = true; return nil }),
		}}}},
	}}
}

// firmwareRows is the table of firmwares, a row each, named by the version, and the upload.
func (n *Node) firmwareRows() []row {
	rows := []row{{"", []item{{label: "Browse", kind: file}, press(sps.ButtonUpload, n.uploadFile)}}}
	for i, s := range n.slots {
		if s.version == "" {
			continue
		}
		rows = append(rows, row{s.version, []item{
			show("Slot", n.slotKey(i)),
			show("Current", yes(i == n.current)),
			show(sps.ButtonAfterReboot, yes(i == n.next)),
			show("Upgrade Notes", s.notes),
			show("Test result", cmp.Or(s.tested, "not tested")),
			press(sps.ButtonTest, func(ctx context.Context, _ form) (*download, error) { return nil, n.testButton(ctx, i, s.version) }),
			n.atOnce(sps.ButtonAfterReboot, func() error { return n.markButton(i, s.version) }),
			n.atOnce("Delete", func() error { return n.deleteButton(i, s.version) }),
		}})
	}
	return rows
}

// troubleshooting is Basic Settings > Troubleshooting: the core files, which an upgrade removes.
func (n *Node) troubleshooting() screen {
	rows := []row{{"", []item{show("Core files", fmt.Sprint(len(n.CoreFiles)))}}}
	for _, name := range n.CoreFiles {
		rows = append(rows, row{name, []item{giving("Download", func(context.Context, form) (*download, error) {
			return &download{name, []byte("core file " + name)}, nil
		})}})
	}
	return screen{"Basic Settings > Troubleshooting", []section{{"Core files", rows}}}
}

func (n *Node) management() screen {
	ca, _ := n.tls.get(n.names())
	return screen{"Basic Settings > Management", []section{
		{"SSL certificate", []row{{"", []item{show("Issuer", ca.Subject.CommonName), show("SHA-256 fingerprint", n.fingerprint())}}}},
	}}
}

func (n *Node) localServices() screen {
	return screen{"Basic Settings > Local Services", []section{
		{"SSH server", []row{{"", []item{show("Enable", "no")}}}},
	}}
}
