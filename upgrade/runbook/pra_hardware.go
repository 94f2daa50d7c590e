package runbook

import (
	"errors"
	"net/netip"
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
// Pages of both appliances are required: the private key of a certificate is not handed around by hand here. New.Client must be pinned to the new appliance's GUID, which its page shows at Status > Basics.
type PRAHardware struct {
	Old, New upgrade.PRA
	Site     *beyondtrust.Client // speaks to the site's name, pinned to no appliance
	Swing    upgrade.Step        // leads the site's name to New: [upgrade.SwingDNS], as in the guide, or another
	// LowerTTL and AwaitTTL are the two steps of [upgrade.LowerTTL]; both or neither. The TTL is lowered first of all, and what it was is put back when the new appliance
	// was confirmed in production.
	LowerTTL, AwaitTTL upgrade.Step
	Artifacts          upgrade.Artifacts
	Update             upgrade.PRAUpdate // the site package of the version that Old runs; with Base software where New needs it

	Address    netip.Addr         // the new appliance's own address, that the certificate is assigned to
	Passphrase beyondtrust.Secret // protects the exported private key; required
	Backup     beyondtrust.Secret // the password of backups, as Old.Client has it; none by default
	Soak       time.Duration      // how long New serves before Old is reset; default 7 days
	KeepOld    bool               // do not reset Old

	PRASettings
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
	need(!r.Passphrase.IsZero(), "Passphrase is missing: it protects the private key")
	need(r.New.Client == nil || r.New.Client.PinnedGUID() != "", "New.Client is pinned to no GUID: before it has software nothing else tells who it is")
	for _, p := range []upgrade.PRA{r.Old, r.New} {
		need(p.Pages.Certificates != nil && p.Pages.Software != nil && p.Pages.Updates != nil, p.Name+" has no page drivers for certificates, software and updates")
	}
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
	p.Guards = []upgrade.Guard{upgrade.SamePRA(r.Old), upgrade.SiteServed(r.Site, r.Old, r.New)}
	p.Steps = r.steps()
	return p
}

func (r PRAHardware) steps() []upgrade.Step {
	old, to, v := r.Old, r.New, r.Update.Version
	soak := r.Soak
	if soak <= 0 {
		soak = 7 * 24 * time.Hour
	}
	steps := []upgrade.Step{
		aboutOne(to, "new appliance installed", "Is "+to.Name+" ("+to.Host()+") installed after its setup guide, with network, time and mail set as on "+old.Name+", and reachable from nowhere but here while its site has the documented first password?").At("1"),
		upgrade.CheckPRA(old, v).At("2"),
		upgrade.CheckClock(old, r.ClockOffset).At("5"),
		r.prepare(old, v),
	}
	move := append(given("DNS", r.LowerTTL),
		upgrade.BackupPRA(old, r.Artifacts, r.BackupMaxAge).At("2"),
		upgrade.ExportCertificates(old, r.Artifacts, r.Passphrase).At("3 a-c"),
		upgrade.ImportCertificates(old, to, r.Artifacts, r.Passphrase).At("3 d-f"),
		upgrade.AssignCertificate(old, to, r.Address).At("4"),
		at("5", upgrade.InstallFirst(to, r.Update)),
		aboutOne(to, "first sign-in", "Has somebody signed in to the new site's /login with the documented first-time credentials, and given it another password? Does the new site know the same API account as the old one?").At("6 a"),
		upgrade.RestoreBackup(old, to, r.Artifacts, r.Backup).At("6 b-c"),
		at("testing", upgrade.VerifyAndTest(to, v, r.Testers)),
	)
	move = append(move, given("DNS", r.AwaitTTL)...)
	move = append(move,
		at("testing", upgrade.DrainSessions(old, r.Drain)),
		at("DNS", r.Swing),
		upgrade.AwaitJumpClients(to, r.Return).At("testing"),
		aboutOne(to, "confirmed in production", "Is the new appliance functioning properly: sessions, recordings, integrations, Vault accounts?").At("testing"),
	)
	if r.LowerTTL.Name != "" { // at the group's end the TTL is put back, while the old appliance still answers the guards
		move = []upgrade.Step{upgrade.Group("move with a lowered TTL", move...)}
	}
	steps = append(append(steps, move...), named("fresh backup", upgrade.BackupPRA(to, r.Artifacts, r.BackupMaxAge)), r.toDo(to))
	if r.KeepOld {
		return steps
	}
	return append(steps, at("return", upgrade.FactoryReset(old, to, r.Site, soak)))
}
