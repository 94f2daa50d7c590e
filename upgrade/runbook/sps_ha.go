package runbook

import (
	"errors"
	"io/fs"
	"time"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/upgrade"
)

// SPSHA upgrades a High Availability pair of SPS, after the guide "To upgrade a High Availability SPS cluster to a newer firmware
// version" (SPS 7.0.2.1 LTS Administration Guide): eleven steps, with the checklist before them.
//
// From step 6 to step 10 there is no redundancy, so that part is begun only when it fits into the window, and finished once begun. The REST
// call that upgrades in one go is never used: what it does on a pair is not known. High Availability is for hardware; virtual machines are
// refused by a question, for no page tells.
//
// Client, which speaks to the service address, Power, Artifacts, Version, SHA256, Images and Image are required.
type SPSHA struct {
	Client    *sps.Client
	Pages     sps.Pages        // what only pages can do; nil ones mean a person
	Power     upgrade.PowerMap // both nodes' BMCs, by the node's ID
	Artifacts upgrade.Artifacts

	Version sps.Version
	Images  fs.FS
	Image   string
	SHA256  string
	Paths   []upgrade.SPSPath // see SPSNode

	Boot         upgrade.Boot
	BackupMaxAge time.Duration // default upgrade.DefaultBackupAge
	CopyLimit    time.Duration // how long the firmware may take to the secondary; default 90 minutes
	SyncLimit    time.Duration // how long the pair may take to be in step again; default 24 hours
}

// Check says what is missing, without talking to anybody.
func (r SPSHA) Check() error {
	errs := []error{r.node().Check()}
	if len(r.Power) != 2 {
		errs = append(errs, errors.New("runbook: SPSHA: Power: want the BMCs of both nodes"))
	}
	return errors.Join(errs...)
}

func (r SPSHA) node() SPSNode {
	return SPSNode{Client: r.Client, Pages: r.Pages, Artifacts: r.Artifacts, Version: r.Version, Images: r.Images, Image: r.Image,
		SHA256: r.SHA256, Paths: r.Paths, Boot: r.Boot, BackupMaxAge: r.BackupMaxAge}
}

// Procedure returns the guide as data. What Check finds missing makes it an invalid procedure, which [upgrade.Run] refuses.
func (r SPSHA) Procedure() upgrade.Procedure {
	p := upgrade.Procedure{
		Name:   "SPS HA upgrade to " + r.Version.String(),
		Source: "SPS 7.0.2.1 LTS Administration Guide, upgrading a High Availability cluster: checklist and steps 1 to 11",
	}
	if r.Check() != nil {
		return p // without steps, so that it is refused
	}
	p.Guards = r.guards()
	p.Steps = r.steps()
	return p
}

func (r SPSHA) guards() []upgrade.Guard {
	return []upgrade.Guard{
		upgrade.SameSPS(r.Client),
		upgrade.NoSplitBrain(r.Client, r.Pages.HA),
		upgrade.OneServes(r.Client, r.Power),
	}
}

func (r SPSHA) steps() []upgrade.Step {
	c, p, v := r.Client, r.Pages, r.Version
	return append(r.stage(),
		upgrade.AwaitSecondaryFirmware(c, p.HA, v, r.CopyLimit).At("5"),
		upgrade.Whole("without redundancy",
			upgrade.ShutdownSecondary(c, p.HA, r.Power, v, "power on secondary").At("6"),
			upgrade.RebootPrimary(c, p.System, r.Power, v, r.Boot).At("7-8"),
			upgrade.PowerOnSecondary(c, r.Power, v).At("9"),
			upgrade.VerifySecondary(c, p.HA, v, r.SyncLimit).At("10"),
		),
		upgrade.VerifyFirmware(c, v).At("8"),
		upgrade.ActivateSlave(c, p.HA).At("11"),
		named("verify after the takeover", upgrade.VerifyFirmware(c, v)).At("11"),
		testConnection(c),
		named("fresh backup", upgrade.Backup(c, p.Export, r.Artifacts, r.BackupMaxAge)),
	)
}

// stage is the checklist and steps 1 to 4: all that leaves the pair as it is.
func (r SPSHA) stage() []upgrade.Step {
	c, p, v := r.Client, r.Pages, r.Version
	hardware := upgrade.Confirm("hardware", "Are both nodes hardware appliances? High Availability of SPS is for hardware only; virtual machines use the hypervisor's own.")
	questions := append(spsQuestions(c, v, false), upgrade.BeforeUpgrade(c, v, hardware).At("checklist"))
	return []upgrade.Step{
		upgrade.CheckUpgradePath(c, v, r.Paths).At("checklist"),
		upgrade.CheckHealth(c).At("checklist"),
		upgrade.CheckHA(c, p.HA).At("checklist"),
		upgrade.CheckPower(c, p.HA, r.Power).At("checklist"),
		upgrade.CheckLicence(c).At("checklist"),
		upgrade.CheckLocks(c).At("checklist"),
		upgrade.Group("before you begin", questions...),
		at("checklist", upgrade.Backup(c, p.Export, r.Artifacts, r.BackupMaxAge)),
		upgrade.SupportBundle(c, r.Artifacts, r.BackupMaxAge).At("checklist"),
		r.node().image().At("1-2"),
		upgrade.ReadUpgradeNotes(c, v).At("2"),
		upgrade.TestFirmware(c, v).At("3"),
		upgrade.ActivateAfterReboot(c, p.Firmwares, v, "reboot primary").At("4"),
	}
}

func named(name string, s upgrade.Step) upgrade.Step {
	s.Name = name
	return s
}
