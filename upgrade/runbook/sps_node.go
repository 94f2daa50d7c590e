package runbook

import (
	"errors"
	"io/fs"
	"net/url"
	"time"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/upgrade"
)

// SPSNode upgrades one SPS that is neither part of a High Availability pair nor of a search cluster, after the guide "To
// upgrade SPS to a newer firmware version" (SPS 7.0.2.1 LTS Administration Guide), with its checklist and what the upgrade guides and
// release notes add to it.
//
// Client, Artifacts, Version, SHA256 and an image, by Images and Image or by ImageURL, are required.
type SPSNode struct {
	Client    *sps.Client
	Pages     sps.Pages         // what only pages can do; nil ones mean a person
	Artifacts upgrade.Artifacts // where the backups and the support bundle go, and the inbox for what a person hands in

	Version sps.Version // the target
	Images  fs.FS       // holds the image
	Image   string      // its name in Images
	SHA256  string      // of the image, from the vendor's download page: 64 hexadecimal digits

	// ImageURL lets the appliance download the image by itself, from SPS 7.0 LTS on, in place of Images and Image.
	ImageURL string

	// Paths are the upgrade paths the target's upgrade guide allows. Default: any newer version; the firmware test is the judge.
	Paths []upgrade.SPSPath

	// OneCall upgrades by the REST call in place of steps 4 and 5: it activates the firmware, and most likely reboots by itself.
	// Where it does not, the reboot step behind it does. Message goes to the appliance's commit log.
	OneCall bool
	Message string

	// Virtual says that the appliance is a virtual machine: then a snapshot and console redirection are asked for.
	Virtual bool

	Boot         upgrade.Boot
	BackupMaxAge time.Duration // default upgrade.DefaultBackupAge
}

// Check says what is missing, without talking to anybody.
func (r SPSNode) Check() error {
	var errs []error
	need := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New("runbook: SPSNode: "+what))
		}
	}
	need(r.Client != nil, "Client is missing")
	need(r.Artifacts != nil, "Artifacts is missing")
	need(!r.Version.IsZero(), "Version is missing")
	need(r.SHA256 != "", "SHA256 is missing: take it from the vendor's download page")
	if r.ImageURL == "" {
		need(r.Images != nil && r.Image != "", "an image is missing: Images and Image, or ImageURL")
	} else {
		u, err := url.Parse(r.ImageURL)
		need(err == nil && u.User == nil, "ImageURL must be an address without a password in it")
		need(r.Images == nil && r.Image == "", "both an image and ImageURL are given")
	}
	return errors.Join(errs...)
}

// Procedure returns the guide as data. What Check finds missing makes it an invalid procedure, which [upgrade.Run] refuses.
//
// Steps 4 and 5 of the guide are two pages: "After reboot" in the list of firmwares, and Reboot. The REST API has one
// call for both, which the guide does not mention; see OneCall.
func (r SPSNode) Procedure() upgrade.Procedure {
	p := upgrade.Procedure{
		Name:   "SPS upgrade to " + r.Version.String(),
		Source: "SPS 7.0.2.1 LTS Administration Guide, upgrading SPS: checklist and steps 1 to 6",
	}
	if r.Check() != nil {
		return p // without steps, so that it is refused
	}
	p.Guards = []upgrade.Guard{upgrade.SameSPS(r.Client)}
	p.Steps = r.steps()
	return p
}

func (r SPSNode) steps() []upgrade.Step {
	c, v := r.Client, r.Version
	steps := []upgrade.Step{
		upgrade.CheckUpgradePath(c, v, r.Paths).At("checklist"),
		upgrade.CheckHealth(c).At("checklist"),
		upgrade.CheckLicence(c).At("checklist"),
		upgrade.CheckLocks(c).At("checklist"),
		upgrade.Group("before you begin", spsQuestions(c, v, r.Virtual)...),
		at("checklist", upgrade.Backup(c, r.Pages.Export, r.Artifacts, r.BackupMaxAge)),
		upgrade.SupportBundle(c, r.Artifacts, r.BackupMaxAge).At("checklist"),
		r.image().At("1-2"),
		upgrade.ReadUpgradeNotes(c, v).At("2"),
		upgrade.TestFirmware(c, v).At("3"),
	}
	if r.OneCall {
		steps = append(steps, upgrade.UpgradeFirmware(c, v, r.Message, r.Boot).At("4-5"))
	} else {
		steps = append(steps, upgrade.ActivateAfterReboot(c, r.Pages.Firmwares, v, "reboot").At("4"))
	}
	return append(steps,
		upgrade.RebootNode(c, r.Pages.System, v, r.Boot).At("5"),
		upgrade.VerifyFirmware(c, v).At("6"),
		testConnection(c),
		named("fresh backup", upgrade.Backup(c, r.Pages.Export, r.Artifacts, r.BackupMaxAge)),
	)
}

func (r SPSNode) image() upgrade.Step {
	if r.ImageURL != "" {
		return upgrade.FetchFirmware(r.Client, r.ImageURL, r.SHA256, r.Version)
	}
	return upgrade.UploadFirmware(r.Client, r.Images, r.Image, r.SHA256, r.Version)
}
