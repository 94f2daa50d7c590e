package pratest

import (
	"fmt"
)

// Violation is something that must never be done to an appliance, and was. A run in which one is recorded is wrong, however it ended.
type Violation struct {
	Event
	Rule Rule
}

// String returns the event and the rule it broke.
func (v Violation) String() string { return v.Event.String() + ": " + string(v.Rule) }

// Rule is what was broken.
type Rule string

// Rules. The guide is the Privileged Remote Access Upgrade Guide.
const (
	// RuleSyncAcrossVersions: a data-sync ran while versions or builds differ. What it does is not documented; a mail alert exists for it.
	RuleSyncAcrossVersions Rule = "data-sync across versions"
	// RuleRestartDuringInstall: a restart, shutdown or reset during an installation, or after one went wrong: "do not restart the appliance" (guide).
	RuleRestartDuringInstall Rule = "restart during an installation"
	// RuleBothSharedIPs: one shared address is enabled on two appliances (Set Up a Shared IP Address, Remote Support).
	RuleBothSharedIPs Rule = "both shared IPs on"
	// RuleWrongSide: a relationship was established on the appliance that does not serve the site's name, which overwrites the one that does (guide).
	RuleWrongSide Rule = "established on the wrong side"
	// RuleActDuringInstall: something was pressed on an appliance that installs.
	RuleActDuringInstall Rule = "act on an appliance that installs"
	// RulePeerDuringInstall: something was pressed on the peer of an appliance that installs, or was called for there.
	RulePeerDuringInstall Rule = "act on the peer of an appliance that installs"
	// RuleBetweenBaseAndSite: something came between Base and site but a backup and the site package itself (guide).
	RuleBetweenBaseAndSite Rule = "act between Base and site"
	// RuleInstallInRelation: an installation on an appliance in a failover relationship; the guide breaks it first.
	RuleInstallInRelation Rule = "installation inside a failover relationship"
	// RuleConsumedTwice: a package that was served already was asked for again; it is served once (guide).
	RuleConsumedTwice Rule = "package consumed twice"
	// RuleFlooded: more Jump Clients upgraded at once than the appliance bears (guide).
	RuleFlooded Rule = "flooded by Jump Clients"
	// RuleTakenOutOfService: a factory reset or shutdown of the appliance that serves the site's name, or its own address disabled.
	RuleTakenOutOfService Rule = "serving appliance taken out of service"
	// RuleRestoreOnBackup: a restore onto a failover backup (Data Recovery, PRA: inadvisable).
	RuleRestoreOnBackup Rule = "restore onto a backup"
	// RuleConnectionKept: a second API call over one connection; the vendor asks for one each (Command API, PRA).
	RuleConnectionKept Rule = "connection kept between API calls"
)

func (s *Site) violate(b *Box, rule Rule, format string, args ...any) {
	e := Event{At: s.w.now, What: Refused, Detail: fmt.Sprintf(format, args...)}
	if b != nil {
		e.Box = b.Name
	}
	e.What = "violation"
	s.w.violations = append(s.w.violations, Violation{e, rule})
}

// gravity is how much an act disturbs, to judge whether it may be done now.
type gravity int

const (
	harmless gravity = iota // a backup, a check: allowed at any time
	light                   // a setting: not while it installs
	heavy                   // a sync, a change of role, of the relationship, of an address: never near an installation
	install                 // an installation
	restart                 // a shutdown or reset
)

// judge records what is wrong with doing what on b now.
func (s *Site) judge(b *Box, g gravity, what string) {
	peer := b.other()
	switch {
	case b.installing() && g == restart, g == restart && b.st.updates.troubled:
		s.violate(b, RuleRestartDuringInstall, "%s", what)
	case b.installing() && g != harmless:
		s.violate(b, RuleActDuringInstall, "%s", what)
	case peer != nil && peer.installing() && g > light:
		s.violate(b, RulePeerDuringInstall, "%s while %s installs", what, peer.Name)
	case b.st.updates.siteOwed && (g == heavy || g == restart):
		s.violate(b, RuleBetweenBaseAndSite, "%s before the site package", what)
	case peer != nil && peer.st.updates.siteOwed && g > light:
		s.violate(b, RuleBetweenBaseAndSite, "%s before the site package of %s", what, peer.Name)
	}
	if g == install && b.related() {
		s.violate(b, RuleInstallInRelation, "%s as %s", what, b.st.role)
	}
	if g == restart && s.serving(b) {
		s.violate(b, RuleTakenOutOfService, "%s", what)
	}
}
