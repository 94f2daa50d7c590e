package beyondtrust

// Menu paths, as a person walks them and as an instruction names them. Where newer releases word a page differently, the name that ends in
// Newer has it. Sources: Privileged Remote Access Upgrade Guide for those without; Privileged Remote Access documentation 24.3
// to 26.1 (Management, Failover) for the newer ones; Remote Support 24.3 (/appliance) where the former have none.
const (
	MenuUpdates         = "/appliance > Updates"
	MenuIPConfiguration = "/appliance > Networking > IP Configuration"
	MenuCertificates    = "/appliance > Security > Certificates"
	MenuBasics          = "/appliance > Status > Basics"
	MenuHealth          = "/appliance > Status > Health"
	MenuUtilities       = "/appliance > Support > Utilities"

	MenuSoftware         = "/login > Management > Software Management"
	MenuSoftwareNewer    = "/login > Management > Software"
	MenuFailover         = "/login > Management > Failover"
	MenuSecurity         = "/login > Management > Security"
	MenuAPIConfiguration = "/login > Management > API Configuration"
	MenuJumpClients      = "/login > Jump > Jump Clients"
	MenuInformation      = "/login > Status > Information"
	MenuUsers            = "/login > Status > Users"
)

// Headings by which a page or a section is recognised.
const (
	HeadingUpdates            = "Updates :: Check"
	HeadingFailover           = "Failover :: Configuration"
	HeadingCertificates       = "Security :: Certificates"
	HeadingExport             = "Security :: Certificates :: Export"
	HeadingWhatsNew           = "What's New" // the first page of /login after a software update
	SectionInstallation       = "Security :: Certificate Installation"
	SectionBackupSettings     = "Software :: Backup Settings"
	SectionRestoreSettings    = "Software :: Restore Settings"
	SectionSetupRelationship  = "Setup a Failover Relationship"
	SectionAvailableUpdates   = "Available Updates"
	SectionManualInstallation = "Manual Installation"
	GroupNewBackup            = "New Backup Site Connection Details"
	GroupReverse              = "Reverse Connection Details To This Primary Site"
)

// Buttons and links.
const (
	ButtonCheckForUpdates      = "Check for updates"
	ButtonCheckForUpdatesNewer = "Check for Updates"
	ButtonInstallThisUpdate    = "Install This Update"
	ButtonUpdateSoftware       = "Update Software"
	LinkDownloadKey            = "Appliance Download Key"

	ButtonSyncNow       = "Sync Now"
	ButtonBreak         = "Break Failover Relationships"
	ButtonEstablish     = "Establish Relationship"
	ButtonBecomePrimary = "Become Primary"
	ButtonBecomeBackup  = "Become Backup"
	ButtonFixThisError  = "Fix This Error" // named so that nobody presses it unasked: it decides by itself who is overwritten

	ButtonDownloadBackup    = "Download Backup"
	ButtonUploadBackup      = "Upload Backup"
	ButtonSave              = "Save"
	ButtonSaveChanges       = "Save Changes"
	ButtonSaveConfiguration = "Save Configuration"
	ButtonExport            = "Export"
	ButtonImport            = "Import"
	ButtonUpload            = "Upload"
	LinkAssignIP            = "Assign IP"

	ButtonReset    = "Reset Appliance to Factory Defaults"
	ButtonShutDown = "Shut Down This Appliance"
)

// Labels of fields, boxes and values.
const (
	LabelHost            = "Host Name or IP Address:"
	LabelHostNewer       = "Host name or IP address"
	LabelPort            = "TLS Port:"
	LabelPortNewer       = "Port"
	BoxEnabled           = "Enabled"
	BoxAutomaticFailover = "Enable Automatic Failover"
	BoxDataSyncFirst     = "Check this box to pull a data-sync from the site instance" // the beginning of it; the rest names the instance

	LabelMaxConcurrentUpgrades      = "Maximum Number of Concurrent Jump Client Upgrades"
	LabelMaxConcurrentUpgradesNewer = "Maximum number of concurrent Jump Client upgrades"
	LabelMaxBandwidth               = "Maximum bandwidth of concurrent Jump Client upgrades"
	LabelConnectionRate             = "Global connection rate for Jump Clients"
	LabelAutomaticUpgrades          = "Automatic Jump Client upgrades" // of three radio buttons whose own words are not public
	LabelUpgradePending             = "Upgrade Pending"

	LabelInterApplianceKey = "Inter-appliance Communication Pre-shared Key"
	LabelProductVersion    = "Product Version"
	LabelProductBuild      = "Product Build"
	LabelPrimaryHostname   = "Primary Hostname:"
	LabelLicenses          = "Licenses:"
	LabelExpires           = "Expires:"
	LabelIssuedTo          = "Issued To"
	BoxEnableXMLAPI        = "Enable XML API"
)

// Sentences of the pages.
const (
	TextNotConfigured    = "Failover is currently not configured."
	TextUpdatesAvailable = "There are updates available to be installed"
	// TextConflict begins the note that both site instances have one role.
	TextConflict = "There is a conflict in the primary and secondary site instances."
	// TextBlocked ends the reason why a package cannot be installed yet.
	TextBlocked = "Please install any other available package by clicking \"Install this Update\"."
	// TextBlockedBy is in its middle: "3.2.4 does not satisfy 12.2.0's requirements."
	TextBlockedBy = " does not satisfy "
)
