package sps

import (
	"context"
	"io"

	"github.com/changeover-sdk/changeover/internal/act"
)

// ErrNotPressed is wrapped by the error of a page driver that is certain to have pressed nothing, because it was not certain
// what to press. A person is then asked to press it.
var ErrNotPressed = act.ErrNotPressed

// Pages is what only the appliance's web pages can do, a small interface a page. A nil page means that a person does it.
//
// None of this is in the REST API, as far as its guides could be read (5.7 to 8.0).
//
// Two rules hold for every method of every page:
//
//   - A method that presses something returns nil when the page took it, which is not yet the effect: look for that. It
//     returns an error that wraps [ErrNotPressed] when it is certain that nothing was pressed. Any other error means that it
//     may have been pressed.
//   - A method that reads presses nothing and changes nothing. What the page does not show is the zero value of its
//     field, and a word it does not know is handed out as it stands.
//
// Methods are called one at a time for one appliance.
type Pages struct {
	Firmwares FirmwaresPage // Basic Settings > System > Firmwares
	HA        HAPage        // Basic Settings > High Availability
	System    SystemPage    // Basic Settings > System > System control
	Export    ExportPage    // Basic Settings > System > Export configuration
}

// FirmwaresPage is Basic Settings > System > Firmwares ([PageFirmwares]).
type FirmwaresPage interface {
	// AfterReboot selects [ButtonAfterReboot] in the row of the firmware v. Nothing restarts; the next boot uses it. It presses
	// nothing when no row, or more than one, shows v.
	AfterReboot(ctx context.Context, v Version) error
}

// HAPage is Basic Settings > High Availability ([PageHA]).
type HAPage interface {
	// HA reads the page.
	HA(ctx context.Context) (HA, error)

	// ShutdownOther presses [ButtonShutdown] in [RowOtherNode]. Nothing on any page can power that node on again.
	ShutdownOther(ctx context.Context) error

	// ActivateSlave presses [ButtonActivateSlave]: the other node takes over, and serves this address from then on.
	ActivateSlave(ctx context.Context) error
}

// SystemPage is Basic Settings > System > System control ([PageSystemControl]), row This node.
type SystemPage interface {
	// Reboot presses [ButtonReboot] in [RowThisNode].
	Reboot(ctx context.Context) error

	// Shutdown presses [ButtonShutdown] in [RowThisNode].
	Shutdown(ctx context.Context) error
}

// ExportPage is Basic Settings > System > Export configuration ([PageExport]).
type ExportPage interface {
	// Export writes the configuration to w and returns the name under which the appliance offers the file:
	// <host name>-<time>.config, with -encrypted or -gpg behind the time where it is encrypted. The file is a gzip archive
	// unless it is encrypted (SPS 7.5 Administration Guide, Exporting the configuration).
	Export(ctx context.Context, w io.Writer) (name string, err error)
}

// Menu paths, as the SPS 7.0.2.1 LTS Administration Guide words them where no other source is named. Instructions for people and
// page drivers use the same words.
const (
	PageSystem          = "Basic Settings > System"
	PageFirmwares       = "Basic Settings > System > Firmwares"
	PageSystemControl   = "Basic Settings > System > System control"
	PageVersionDetails  = "Basic Settings > System > Version details"
	PageExport          = "Basic Settings > System > Export configuration" // SPS 7.5 Administration Guide
	PageTraffic         = "Basic Settings > System > Traffic control"      // SPS 7.x Administration Guide
	PageSealedMode      = "Basic Settings > System > Sealed mode"          // SPS 7.5 Installation Guide
	PageHA              = "Basic Settings > High Availability"
	PageCoreFiles       = "Basic Settings > Troubleshooting > Core files"
	PageCertificate     = "Basic Settings > Management > SSL certificate" // SPS 7.0.5.1 LTS REST API Reference Guide
	PageSSHServer       = "Basic Settings > Local Services > SSH server"  // SPS 6.9.4 Administration Guide
	PageCluster         = "Basic Settings > Cluster management"           // SPS REST API Reference Guide, Manage SPS clusters
	PageSystemMonitor   = "System Monitor"                                // the box at the side of every page
	RowThisNode         = "This node"
	RowOtherNode        = "Other node"
	ButtonUpload        = "Upload"
	ButtonTest          = "Test"
	ButtonAfterReboot   = "After reboot"
	ButtonReboot        = "Reboot"
	ButtonShutdown      = "Shutdown"
	ButtonActivateSlave = "Activate Slave"
)

// Labels of the fields of [PageHA] (SPS Administration Guide, Understanding SPS cluster statuses, Adjusting the synchronization
// speed, Redundant heartbeat interfaces, Next-hop router monitoring). LabelFirmware is not given in any guide that could be
// read: that each node's firmware version is on the page is, and this word stands for it.
const (
	LabelHAStatus  = "Status"
	LabelNodeID    = "Node ID" // remembered only (SPS Administration Guide, High Availability page)
	LabelNodeState = "Node HA state"
	LabelNodeUUID  = "Node HA UUID"
	LabelDRBD      = "DRBD status"
	LabelHeartbeat = "Redundant Heartbeat status"
	LabelNextHop   = "Next hop monitoring"
	LabelFirmware  = "Firmware version"
)
