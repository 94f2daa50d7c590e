package beyondtrust

import (
	"net/netip"
	"time"
)

// FailoverStatus is what /login > Management > Failover shows.
type FailoverStatus struct {
	Relation       Relation     // as this page tells it, from one side: [RelationNone], [RelationEstablished], [RelationConflict] or a word of its own
	Host           string       // this site instance's name
	Role           Role         // its role; [RoleNone] when the page says that failover is not configured
	PeerHost       string       // the other's name
	PeerRole       Role         // the other's role as this one last saw it
	Checked        time.Time    // the last status check of the peer, by the appliance's clock
	LastSync       time.Time    // the last data synchronization that was completed, by the appliance's clock; zero when none is shown
	LastSyncStatus string       // its result in the appliance's words; the vocabulary is not documented
	Syncing        Switch       // whether a data-sync runs now; "" where the page does not say
	Automatic      Switch       // whether the backup may promote itself ([BoxAutomaticFailover]); "" where the page does not say
	Operations     Switch       // whether backup operations (the scheduled data-sync) are on; "" where the page does not say
	SharedIPs      []netip.Addr // the shared addresses ticked for the time this instance is primary; each side has its own ticks
	Text           string       // the page's own sentence about the relationship, for people
	AsOf           time.Time    // when the page was read, by this machine's clock
}

// Endpoint is one side of a relationship as the Failover page wants it.
type Endpoint struct {
	Host string // the appliance's unique IP address, recommended by the guide, or its unique host name; never the site's shared name
	Port int    // TLS port; 0 is 443
}

// Establish is the form under [SectionSetupRelationship].
type Establish struct {
	Backup  Endpoint // [GroupNewBackup]: how this appliance reaches the one that is to be backup
	Primary Endpoint // [GroupReverse]: how that one reaches this appliance, which becomes primary
}

// BecomeOptions are the check boxes beside [ButtonBecomePrimary] and [ButtonBecomeBackup].
type BecomeOptions struct {
	DataSyncFirst bool // pull a data-sync first: users are cut off, nothing else can be done until the swap ends
	Force         bool // only for a primary that is to become backup: also when the peer cannot be contacted
}

// UpdateStatus is what /appliance > Updates shows.
type UpdateStatus struct {
	State     UpdateState // what the page is about
	Available []Update    // the rows of [SectionAvailableUpdates], in the order of the page
	EULA      string      // the text of the licence agreement, when the page asks for it to be signed
	Progress  string      // what the page says about a running installation
	Text      string      // the page's message, for people: why a check failed, why an installation did
	AsOf      time.Time   // when the page was read, by this machine's clock
}

// Update is one row of the available updates.
type Update struct {
	Package
	Blocked string // why there is no button in this row, in the page's words; "" when it can be installed
	// Details are the lines under a site package: [LabelPrimaryHostname], [LabelLicenses], [LabelExpires].
	Details []Reading
}

// Package is a piece of software as the Updates page names it.
type Package struct {
	Name  string       // the row's title: "Base Software 3.3.2", "Bomgar-12.2.0"
	Class PackageClass // base, site, license, patch; [ParsePackage] tells the first two from the title
	// Number is the version in the name: "3.3.2"; "" when there is none.
	Number string
}

// Reading is a label and the text beside it.
type Reading struct {
	Label string
	Text  string
}

// IP is a row of /appliance > Networking > IP Configuration.
type IP struct {
	Addr      netip.Addr
	Enabled   bool
	Interface string // as the page names it
}

// JumpClientSettings are the upgrade settings of /login > Jump > Jump Clients. A field that is zero was not shown, or is not
// to be changed. None of them concerns access consoles.
type JumpClientSettings struct {
	MaxConcurrent     int               // [LabelMaxConcurrentUpgrades]; at most 500 (Remote Support 24.3, Jump Clients on-prem)
	MaxBandwidth      int               // [LabelMaxBandwidth] in MiB/s; at most 100 (same source)
	ConnectionRate    int               // [LabelConnectionRate], clients a second; at most 300, the appliance's default is 50 (same source)
	AutomaticUpgrades AutomaticUpgrades // the three radio buttons
}

// Certificate is a row of /appliance > Security > Certificates. Given to a page it means the one row that agrees in every
// field that is not zero.
type Certificate struct {
	IssuedTo   string       // the name in the column of that title, usually the site's
	IssuedBy   string       // the issuer's name
	Names      []string     // alternative names, where shown
	NotAfter   time.Time    // expiry
	PrivateKey Switch       // whether the appliance holds its private key
	Assigned   []netip.Addr // the addresses it serves; empty where the appliance chooses by itself
	Warnings   []string     // what the row warns of; to be resolved before the certificate is assigned
}

// BackupPageOptions are the fields of [SectionBackupSettings].
type BackupPageOptions struct {
	Password   Secret // the zero Secret leaves the file without a password
	LogHistory bool   // include logged session reporting data
}

// Basics is /appliance > Status > Basics.
type Basics struct {
	Time    time.Time // the system time as shown; keys and licences depend on it
	Serial  string    // serial number
	GUID    string    // appliance GUID where shown, in the page's spelling; compare with [SameGUID]
	Base    string    // version of the Base software
	Version string    // appliance version as shown
	AsOf    time.Time // when the page was read, by this machine's clock: Time minus AsOf is the offset
}
