package runbook

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/upgrade"
)

// PRAHardware moves a site from one PRA appliance to new hardware, or between hardware and a virtual appliance, after "Upgrade the BeyondTrust Hardware" (Privileged Remote Access Upgrade Guide), steps 1 to 6 and the return
// of the old appliance.
//
// Where the guide is silent or contradicts itself: it installs the newest package and then restores, but a backup fits the version it was made with, so Update names the version that the old appliance
// runs; upgrade afterwards, or before. A restore overwrites the failover settings and the pre-shared key, so an old appliance in a relationship is refused. The first sign-in at the new site, which wants another password than the documented one, is a
// person's. The old appliance is reset only after a soak time in which the new one served, and after its name was typed.
//
// By hand, where there are no page drivers, a person exports the certificate with its key under a passphrase, imports and assigns it, installs, and uploads the backup; the clear key is never needed. Each of it is
// proven by what can be seen: the row that a person reads out, the certificate chain at the new appliance's own address, its version, its health. New.Client must be pinned to the new appliance's GUID, which
// its page shows at Status > Basics: until it has software nothing else tells who it is.
type PRAHardware struct {
	Old, New upgrade.PRA
	Site     *beyondtrust.Client // speaks to the site's name, pinned to no appliance
	Swing    upgrade.Step        // leads the site's name to New: [upgrade.SwingDNS], as in the guide, or another
	// LowerTTL and AwaitTTL are the two steps of [upgrade.LowerTTL]; both or neither. The TTL is lowered first of all, and what it was is put back when the new appliance
	// was confirmed in production.
	LowerTTL, AwaitTTL upgrade.Step
	Artifacts          upgrade.Artifacts
	Update             upgrade.PRAUpdate // the site package of the version that Old runs; with Base software where New needs it

	Address netip.Addr         // the new appliance's own address, that the certificate is assigned to
	Backup  beyondtrust.Secret // the password of backups, as Old.Client has it; none by default
	Soak    time.Duration      // how long New serves before Old is reset; default 7 days. The program need not run meanwhile
	KeepOld bool               // do not reset Old

	PRASettings // Passphrase is required where the page driver of one appliance exports the certificate, or that of the other imports it
}

// Check says what is missing, without talking to anybody.
func (r PRAHardware) Check() error {
	errs := []error{checkPRA("PRAHardware", r.Site, r.Artifacts, r.Update, r.Old, r.New)}
	need := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New("runbook: PRAHardware: "+what))
		}
	}
	need(r.Swing.Name != "", "Swing is missing")
	need(r.Address.IsValid(), "Address is missing")
	need(!r.Passphrase.IsZero() || r.Old.Pages.Certificates == nil && r.New.Pages.Certificates == nil, "Passphrase is missing: it protects the private key that a page driver exports or imports")
	need(r.New.Client == nil || r.New.Client.PinnedGUID() != "", "New.Client is pinned to no GUID: before it has software nothing else tells who it is")
	return errors.Join(append(errs, checkTTL("PRAHardware", r.LowerTTL, r.AwaitTTL))...)
}

// Procedure returns the guide as data. What Check finds missing makes it an invalid procedure, which [upgrade.Run] refuses.
func (r PRAHardware) Procedure() upgrade.Procedure {
	p := upgrade.Procedure{
		Name:   "PRA migration of " + r.Old.Name + " to " + r.New.Name,
		Source: "Privileged Remote Access Upgrade Guide: Upgrade the BeyondTrust Hardware, steps 1 to 6",
	}
	if r.Check() != nil {
		return p // without steps, so that it is refused
	}
	p.Guards = []upgrade.Guard{upgrade.SamePRA(r.Old), upgrade.SameNewPRA(r.New), upgrade.SiteServed(r.Site, r.Old, r.New)}
	p.Vigils = r.watch(r.Site, r.Old, r.New)
	p.Steps = r.steps()
	return p
}

func (r PRAHardware) steps() []upgrade.Step {
	old, to, v := r.Old, r.New, r.Update.Version
	soak := r.Soak
	if soak <= 0 {
		soak = 7 * 24 * time.Hour
	}
	return slices.Concat(
		guide("1", aboutOne(to, "new appliance installed", "Is "+to.Name+" ("+to.Host()+") installed after its setup guide, with network, time and mail set as on "+old.Name+", and reachable from nowhere but here while its site has the documented first password?")),
		guide("2", upgrade.CheckPRA(old, v)),
		guide("Upgrade Preparation",
			upgrade.CheckClock(old, r.ClockOffset),
			upgrade.CheckCertificates(r.Certificate, 0, old),
			r.prepare(old, v),
		),
		r.move(),
		guide("testing", named("fresh backup", upgrade.BackupPRA(to, r.Artifacts, r.BackupMaxAge))),
		guide("Client Upgrades", r.toDo(to)),
		r.giveBack(soak),
	)
}

// move are the guide's steps 2 to 6, with the swing and the testing after them. With a lowered TTL they are a group, at whose end the TTL is put back, while the old appliance still answers the guards.
func (r PRAHardware) move() []upgrade.Step {
	old, to, v := r.Old, r.New, r.Update.Version
	steps := slices.Concat(
		given("DNS", r.LowerTTL),
		guide("DNS", upgrade.CheckServes(old, r.Site, r.Swing.Name)), // a restore would overwrite a new appliance that serves already
		guide("2", upgrade.BackupPRA(old, r.Artifacts, r.BackupMaxAge)),
		guide("3 a-c", upgrade.ExportCertificates(old, r.Artifacts, r.Passphrase)),
		guide("3 d-f", upgrade.ImportCertificates(old, to, r.Artifacts, r.Passphrase)),
		guide("4", upgrade.AssignCertificate(old, to, r.Address)),
		guide("5", aside(upgrade.InstallFirst(to, r.Update))),
		guide("6 a", aboutOne(to, "first sign-in", "Has somebody signed in to the new site's /login with the documented first-time credentials, and given it another password? Does the new site know the same API account as the old one?")),
		guide("6 b-c", upgrade.RestoreBackup(old, to, r.Artifacts, r.Backup)),
		guide("testing", upgrade.CheckClock(to, r.ClockOffset), upgrade.VerifyAndTest(to, v, r.Testers)),
		given("DNS", r.AwaitTTL),
		guide("testing", upgrade.DrainSessions(old, r.Drain)),
		guide("DNS", r.Swing, byIP(to)),
		guide("testing",
			upgrade.AwaitJumpClients(to, r.Return),
			aboutOne(to, "confirmed in production", "Is the new appliance functioning properly: sessions, recordings, integrations, Vault accounts?"),
		),
	)
	if r.LowerTTL.Name == "" {
		return steps
	}
	return guide("2-6", upgrade.Group("move with a lowered TTL", steps...))
}

// giveBack is the return of the old appliance.
func (r PRAHardware) giveBack(soak time.Duration) []upgrade.Step {
	if r.KeepOld {
		return nil
	}
	return guide("return", upgrade.FactoryReset(r.Old, r.New, r.Site, soak))
}
