package beyondtrust

import "strings"

// Role is an appliance's part in a failover relationship, as the appliance words it.
type Role string

// Roles known when this was written (Command API, check_health, failover_role). Others may occur and are kept as they are.
const (
	RoleNone    Role = "none" // failover is not configured
	RolePrimary Role = "primary"
	RoleBackup  Role = "backup"
)

// Known reports whether r is one of the constants.
func (r Role) Known() bool { return r == RoleNone || r == RolePrimary || r == RoleBackup }

// ClusterRole is an appliance's part in an Atlas cluster, as the appliance words it.
type ClusterRole string

// Cluster roles known when this was written (Command API v2, HealthBase). Others may occur and are kept as they are.
const (
	ClusterSingle  ClusterRole = "single" // not clustered
	ClusterPrimary ClusterRole = "primary"
	ClusterTraffic ClusterRole = "traffic"
)

// Relation is how two appliances stand to each other. It is this package's word, because the appliances have none: [RelationOf]
// makes it of what each says of itself.
type Relation string

// Relations. The empty one is unknown and never good.
const (
	RelationUnknown     Relation = ""
	RelationNone        Relation = "none"        // two appliances that stand alone
	RelationEstablished Relation = "established" // one primary, one backup
	RelationBothBackup  Relation = "both backup" // for a moment in every change of roles; if it lasts, a conflict
	RelationConflict    Relation = "conflict"    // both primary
	RelationHalfBroken  Relation = "half broken" // one stands alone, the other believes in a relationship
)

// RelationOf says how appliances of roles a and b stand to each other. A role that is not known makes the relation unknown.
func RelationOf(a, b Role) Relation {
	if !a.Known() || !b.Known() {
		return RelationUnknown
	}
	switch {
	case a == RoleNone && b == RoleNone:
		return RelationNone
	case a == RoleNone || b == RoleNone:
		return RelationHalfBroken
	case a == RolePrimary && b == RolePrimary:
		return RelationConflict
	case a == RoleBackup && b == RoleBackup:
		return RelationBothBackup
	}
	return RelationEstablished
}

// Switch is a setting that is on or off, or not shown. The zero value is "not shown", which is neither.
type Switch string

// Positions of a Switch.
const (
	On  Switch = "on"
	Off Switch = "off"
)

// SwitchOf returns On or Off.
func SwitchOf(on bool) Switch {
	if on {
		return On
	}
	return Off
}

// UpdateState is what the Updates page is about. The page's own words for most of these are not public, so this is the vocabulary
// of a page driver; a driver that meets a page it cannot place gives the page's heading.
type UpdateState string

// Update states. Only [UpdateUpToDate] and [UpdateInstalled] are good news.
const (
	UpdateIdle         UpdateState = "idle"          // nothing was checked yet
	UpdateChecking     UpdateState = "checking"      // the appliance asks the update server
	UpdateUpToDate     UpdateState = "up to date"    // it asked, and there is nothing
	UpdateAvailable    UpdateState = "available"     // there is something, perhaps blocked
	UpdateCheckFailed  UpdateState = "check failed"  // it could not ask: a wrong clock, or no way to the update server
	UpdateEULARequired UpdateState = "EULA required" // a licence agreement must be signed first
	UpdateDownloading  UpdateState = "downloading"
	UpdateInstalling   UpdateState = "installing"
	UpdateInstalled    UpdateState = "installed"
	UpdateFailed       UpdateState = "failed" // an installation ended badly: Technical Support, and no restart
)

// PackageClass is the kind of an update. Only site packages make clients update (Privileged Remote Access Upgrade Guide, Client Upgrades).
type PackageClass string

// Package classes. The empty one is unknown.
const (
	PackageBase    PackageClass = "base"
	PackageSite    PackageClass = "site"
	PackageLicense PackageClass = "license"
	PackagePatch   PackageClass = "patch"
)

// AutomaticUpgrades is the choice between the three radio buttons for Jump Client upgrades. The buttons' exact words are not public, so
// these are short names of them (Manage Jump Client Settings, Privileged Remote Access).
type AutomaticUpgrades string

// Choices. With UpgradesDisabled, clients stay at [LabelUpgradePending] until somebody acts: waiting for them would not end.
const (
	UpgradesDisabled  AutomaticUpgrades = "permanently disable"
	UpgradesThisCycle AutomaticUpgrades = "temporarily enable for the current upgrade cycle"
	UpgradesEnabled   AutomaticUpgrades = "permanently enable"
)

// SameGUID reports whether a and b are the same appliance GUID, whatever the case, hyphens and braces. Empty ones are never the same.
func SameGUID(a, b string) bool {
	a, b = plainGUID(a), plainGUID(b)
	return a != "" && a == b
}

// plainGUID is s as Command API v2 spells it: 32 hexadecimal digits, here in lower case. It is empty when s is no GUID.
func plainGUID(s string) string {
	s = strings.ToLower(strings.Trim(strings.TrimSpace(s), "{}"))
	s = strings.ReplaceAll(s, "-", "")
	if len(s) != 32 || strings.Trim(s, "0123456789abcdef") != "" {
		return ""
	}
	return s
}
