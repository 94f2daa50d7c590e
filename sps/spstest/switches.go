package spstest

// Switches decide what the vendor's readable documents leave open, contradict each other on, or change between releases without saying when. The zero
// value takes the likeliest reading. A client has to live with each of them.
type Switches struct {
	// Slots is the number of firmware slots. Default: 5, as in the sample of the SPS 7.0.4 LTS REST API Reference Guide, "Retrieving information about
	// SPS firmware image slots"; the vendor's PowerShell module speaks of 1 to 4.
	Slots int
	// ZeroBased makes slot keys begin at "0". The samples begin at "1", yet the vendor's PowerShell module sends a zero-based index.
	ZeroBased bool
	// SparseKeys makes the key of a slot differ from its place in the list by more than one: 1, 3, 5, … Nothing says that keys are consecutive.
	SparseKeys bool
	// IdleAfterReboot: "" = at rest the current slot has both current and after_reboot true; "none" = no slot has after_reboot true. Not documented.
	IdleAfterReboot string
	// SlotIDAs: "" = slot_id is taken as a number or a string; "number" or "string" = only so. Not documented; the vendor's module sends a number.
	SlotIDAs string

	// UploadStatus is the status of a finished upload. Default: 200. Not documented.
	UploadStatus int
	// UploadLimit is the largest request the upload takes, in bytes; a larger one ends in 413. Default: none. Not documented.
	UploadLimit int64
	// UploadAsked is what becomes of a client that asks before it sends an image (Expect: 100-continue, RFC 9110, 10.1.1): "" = it is told to go on, or refused; "late" = it
	// is told so after ten seconds; "refused" = the question is, with 417. Not documented.
	UploadAsked string
	// RefuseDuplicate makes the upload refuse a version that is in a slot already. Default: it fills another slot. Not documented.
	RefuseDuplicate bool
	// SayAfterReboot makes the upload answer after_reboot: true, as the sample of the SPS 8.0 LTS guide does against its own table.
	SayAfterReboot bool

	// BundleRanges makes the download of a support bundle offer a validator and ranges. Default: neither. Not documented.
	BundleRanges bool

	// FetchDone is the word for a finished download. Default: "finished", as support bundles have it. The guide describes the end states without
	// spelling them (SPS 7.0 LTS REST API Reference Guide, firmware fetch).
	FetchDone string
	// FetchNeedsChecksum makes a download without a checksum an error. Default: optional. Not documented.
	FetchNeedsChecksum bool

	// ErrorStatus is the status of IncompleteRequestBodyError. Default: 400. The types are documented, their status is not.
	ErrorStatus int
	// TestFailedStatus is the status of FirmwareTestFailed. Default: 400. The vendor's module only relies on its not being 2xx.
	TestFailedStatus int
	// NoErrorMessage leaves error.message out. No readable sample shows one.
	NoErrorMessage bool
	// TestFailedAs: "" = the reasons of a failed test are in error.details.test_summary; "list" = in error.details.errors, a list; "message" = only in
	// error.message. Not documented.
	TestFailedAs string

	// UpgradeStays makes POST /api/firmware/upgrade select the slot without rebooting. Default: the node reboots by itself, as the vendor's PowerShell
	// module expects. Not documented.
	UpgradeStays bool
	// MarkReboots makes After reboot on the page reboot at once. Default: it only selects, as the guide says.
	MarkReboots bool
	// SessionsEndAtBoot makes a boot end all sessions. Default: they live on, as web sessions do (Administration Guide, Controlling SPS) and the
	// vendor's module expects of REST sessions. Not documented for REST.
	SessionsEndAtBoot bool
	// CertificateChanges makes the first boot into another version present a new certificate of the same CA. Not documented.
	CertificateChanges bool
	// VersionLateBy is the number of seconds for which GET /api/info goes on telling the old version after the boot. Default: 0.
	VersionLateBy int
	// VersionSuffix is appended to firmware_version in GET /api/info, not to the version of a slot: a build number. Default: none. Not documented.
	VersionSuffix string

	// HealthPath: "" = /api/health-status before 7.0 and /api/health_status from then on; "hyphen", "underscore" or "both". The release in which the
	// path changed is not documented (hyphen in 6.0.1, underscore in 7.2).
	HealthPath string
	// OldHealth leaves out all that the 6.0.1 guide does not show (integrity, taint, RAID) and spells total_sessions as it does.
	OldHealth bool
	// Transaction: "" = {"transaction":{"status":…}} before 8.0, {"body":{"status":…,"commit_message":…}} from then on; "old" or "new". The release in
	// which the shape changed is not documented (between 6.13 and 8.0).
	Transaction string
	// RequireCommitLog makes a commit, and an upgrade, without a message an error (accounting settings, require_commitlog).
	RequireCommitLog bool
	// CommitField is the name of the message in PUT /api/transaction. Default: "message". Not documented.
	CommitField string

	// LockStatus and LockType are the answer to a request that a lock refuses. Default: 409 and "ConfigurationLocked". Not documented.
	LockStatus int
	LockType   string
	// LockBlocksUpgrade makes a lock held by somebody else refuse POST /api/firmware/upgrade. Not documented.
	LockBlocksUpgrade bool

	// NoUserEndpoints leaves the list of endpoints out of GET /api/user_info, as the table of the SPS 7.5.1 guide does.
	NoUserEndpoints bool
	// TokenAlways demands the X-Token header on PUT, POST and DELETE of every client. Default: from 7.5 on and only of clients whose User-Agent looks like
	// a browser's (comment in the vendor's PowerShell module). The value is the "token" of GET /api/user/info; that name is a guess.
	TokenAlways bool
	// NoFirmwareAPI leaves /api/firmware out, as 6.0 LTS seems to.
	NoFirmwareAPI bool
	// DeleteStatus is the status of a deletion. Default: 200 with a body; 204 has none. Not documented.
	DeleteStatus int

	// MaxRequests is how many requests are answered at a time; one more gets 503. Default: no limit. Rate limits are not documented.
	MaxRequests int
	// PageSize cuts lists of slots, with meta.next leading to the rest. Default: whole lists. Only the names of meta.next and its siblings are documented.
	PageSize int

	// BundleTwice: "" = a second POST while a support bundle is being made answers with the first one's key; "conflict" = it answers 409. The guide
	// only says that the case exists (SPS 8.0 LTS, Generating SPS support bundle using REST).
	BundleTwice string

	// Newer heads the rows of firmwares "7.0.2.1 LTS". The guides write both that and "7.0.2.1" for one firmware.
	Newer bool
	// Frames puts the menu into one document and the rest into a frame in it. Not documented.
	Frames bool
	// NoToken leaves the hidden token out of the forms. Whether there is one is not documented.
	NoToken bool
	// SecondFactor is the code that is asked for after the password, in a browser. Default: none is. What the page says is not documented.
	SecondFactor string
	// Agreement asks to accept a licence agreement after the login, once. Not documented.
	Agreement bool
	// PasswordExpired makes the password one that must be changed after the login, once. Not documented.
	PasswordExpired bool

	// Dialogs are the questions the pages ask before a button does its work, by the button's label. Default: none. Not documented.
	Dialogs map[string]string
	// EncryptedSuffix: "" = an encrypted export is called ….config-encrypted; "before" = …-encrypted.config. The guide names the suffix, not its place.
	EncryptedSuffix string
}
