package runbook

import (
	"errors"
	"fmt"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/upgrade"
)

// PRASettings are what every PRA runbook may be told. The zero value works.
type PRASettings struct {
	Certificate string // SHA-256 of the certificate that the new site package was built with, or of its chain; empty: asked, not compared
	// Passphrase protects the private keys of certificates that page drivers export into the artifacts. Without it, or without a driver, a person exports them and confirms that.
	Passphrase    beyondtrust.Secret
	ClockOffset   time.Duration // default upgrade.DefaultClockOffset
	SyncAge       time.Duration // default upgrade.DefaultSyncAge
	SyncLimit     time.Duration // how long a data-sync may take; default 6 hours
	BackupMaxAge  time.Duration // default upgrade.DefaultBackupAge
	Drain         upgrade.DrainPolicy
	Throttle      int // Jump Client upgrades at once while a runbook runs; default upgrade.DefaultThrottle
	Return        upgrade.ReturnPolicy
	Testers       int           // default 2, as in the guide
	UpdateServer  string        // where a person submits a download key; default upgrade.DefaultUpdateServer
	VaultAccounts bool          // the site keeps Vault accounts: then a backup of the Vault encryption key is asked for
	WatchEvery    time.Duration // how often it is asked who answers at the site's name, for the outage in the report; default upgrade.DefaultVigilEvery; below 0 not at all
}

func (s PRASettings) throttle() int {
	if s.Throttle > 0 {
		return s.Throttle
	}
	return upgrade.DefaultThrottle
}

// watch asks all along who answers at the site's name.
func (s PRASettings) watch(site *beyondtrust.Client, boxes ...upgrade.PRA) []upgrade.Vigil {
	if s.WatchEvery < 0 {
		return nil
	}
	return []upgrade.Vigil{upgrade.WatchSite(site, s.WatchEvery, boxes...)}
}

// prepare are the questions of the guide's Upgrade Preparation that no look can prove.
func (s PRASettings) prepare(p upgrade.PRA, v beyondtrust.Version) upgrade.Step {
	ask := func(name, question string) upgrade.Step { return aboutOne(p, name, question) }
	steps := []upgrade.Step{
		ask("change log", "Has the Product Change Log of "+v.Number+" been read?"),
		ask("support", "Is there a current maintenance contract, and is BeyondTrust Technical Support at hand? An update that misbehaves is theirs: the appliance must not be restarted."),
		ask("certificate stores", "Is the new site package built with the certificate chain that the appliances show now, and are all certificate stores up-to-date? Otherwise most Jump Clients may appear offline."),
		ask("settings recorded", "Have the settings of /appliance (network, routes, NTP, mail, syslog, access lists) been written down? No backup holds them. Session recordings are in no backup either."),
		ask("connection agents", "Are the Connection Agents known, so that somebody can see afterwards that they are back? They update by themselves."),
		ask("old MSI", "Is the MSI of the present access consoles and Jump Clients kept, where they were deployed by one? It removes outdated installations afterwards, which the new one cannot."),
	}
	if s.VaultAccounts {
		steps = append(steps, ask("vault key", "Has the Vault encryption key been backed up, with its password at hand ("+beyondtrust.MenuSoftware+")? Without it the Vault accounts of a restored backup are of no use."))
	}
	return at("Upgrade Preparation", upgrade.Group("before you begin", steps...))
}

// certificates exports each appliance's certificate with its key, encrypted, or has a person confirm that he did.
func (s PRASettings) certificates(a upgrade.Artifacts, boxes ...upgrade.PRA) (steps []upgrade.Step) {
	for _, p := range boxes {
		if p.Pages.Certificates != nil && !s.Passphrase.IsZero() {
			steps = append(steps, upgrade.ExportCertificates(p, a, s.Passphrase))
			continue
		}
		steps = append(steps, aboutOne(p, "certificate of "+p.Name+" exported", "Have the SSL certificate of "+p.Name+" ("+p.Host()+"), its chain and the private key been exported under a passphrase, and stored safely ("+beyondtrust.MenuCertificates+")?"))
	}
	return steps
}

// aboutOne is a question about one appliance.
func aboutOne(p upgrade.PRA, name, question string) upgrade.Step {
	q := upgrade.Confirm(name, question)
	q.On = []string{p.Host()}
	return q
}

// toDo is the list that the guide leaves to people after a site upgrade.
func (s PRASettings) toDo(p upgrade.PRA) upgrade.Step {
	ask := func(name, question string) upgrade.Step { return aboutOne(p, name, question) }
	return at("Client Upgrades", upgrade.Group("afterwards, by people",
		ask("connection agents back", "Are the Connection Agents connected again?"),
		ask("installers", "Does somebody regenerate the installer packages for Jump Clients and access consoles? Those made before are invalid now."),
		ask("integration clients", "Does somebody re-install the Integration Clients? They do not update by themselves."),
		ask("MSI consoles", "Are access consoles that were deployed by MSI re-deployed, and is the old MSI kept to remove outdated ones? The new one cannot."),
		ask("monitoring", "Is monitoring of the site on again, and are entries in testers' hosts files removed?"),
	))
}

// byIP is the guide's note on clients that follow no name.
func byIP(p upgrade.PRA) upgrade.Step {
	return aboutOne(p, "integration clients by IP", "Can Integration Clients that are configured by IP address rather than by host name extract data from "+p.Host()+", or are there none?")
}

// get are the steps before redundancy is given up that make sure that the software is there: the appliance's own list, or the stored packages.
func (s PRASettings) get(p upgrade.PRA, u upgrade.PRAUpdate) []upgrade.Step {
	if u.Manual {
		return guide("Manual", upgrade.FetchPackages(p, u, s.UpdateServer), upgrade.CheckPackages(p, u))
	}
	return guide("Automatic", named("check for updates of "+p.Name, upgrade.CheckForUpdates(p, u)))
}

// guide are steps under one heading of the guide.
func guide(ref string, steps ...upgrade.Step) []upgrade.Step {
	for i := range steps {
		steps[i] = at(ref, steps[i])
	}
	return steps
}

// at gives a group and everything in it the guide's heading, where they have none of their own.
func at(ref string, s upgrade.Step) upgrade.Step {
	if s.Ref == "" {
		s.Ref = ref
	}
	s.Steps = guide(ref, append([]upgrade.Step(nil), s.Steps...)...)
	return s
}

// aside is a step on an appliance that does not serve the site: it takes nothing away.
func aside(s upgrade.Step) upgrade.Step {
	s.Outage = 0
	s.Steps = append([]upgrade.Step(nil), s.Steps...)
	for i := range s.Steps {
		s.Steps[i] = aside(s.Steps[i])
	}
	return s
}

// given returns a step that the caller may have left out, under the guide's heading.
func given(ref string, s upgrade.Step) []upgrade.Step {
	if s.Name == "" {
		return nil
	}
	return []upgrade.Step{at(ref, s)}
}

// checkTTL wants both steps of upgrade.LowerTTL, or none.
func checkTTL(book string, lower, await upgrade.Step) error {
	if (lower.Name == "") != (await.Name == "") {
		return fmt.Errorf("runbook: %s: LowerTTL and AwaitTTL belong together: give both steps of upgrade.LowerTTL, or none", book)
	}
	return nil
}

// checkPRA finds what is missing in what all PRA runbooks need.
func checkPRA(book string, site *beyondtrust.Client, a upgrade.Artifacts, u upgrade.PRAUpdate, boxes ...upgrade.PRA) error {
	var errs []error
	need := func(ok bool, what string) {
		if !ok {
			errs = append(errs, fmt.Errorf("runbook: %s: %s", book, what))
		}
	}
	need(a != nil, "Artifacts is missing")
	need(site != nil, "Site is missing: a client that speaks to the site's name")
	need(site == nil || site.PinnedGUID() == "", "Site is pinned to a GUID: it must be able to meet any appliance")
	hosts, names := map[string]bool{}, map[string]bool{}
	for _, p := range boxes {
		need(p.Client != nil && p.Name != "", "an appliance has no Client or no Name")
		need(!names[p.Name], "two appliances are called "+p.Name)
		names[p.Name] = true
		if p.Client == nil {
			continue
		}
		need(!hosts[p.Host()], "two appliances have the address "+p.Host())
		need(site == nil || p.Client.Dialed() != site.Dialed(), p.Name+" is dialed by the site's name: give its own unique address (Options.Dial)")
		hosts[p.Host()] = true
	}
	return errors.Join(append(errs, u.Check())...)
}
