package pratest

import "time"

// Switches choose between the answers that no document gives. The zero value is the guess this package thinks likeliest, or the one that is named as a
// simulator's choice where nothing is known; each field says what is documented and what is not. A client that is right passes with every position
// of every switch.
type Switches struct {
	// The Command API.

	// Namespace is the XML namespace. Three are in circulation; default "https://www.beyondtrust.com/namespaces/API/command" (PRA API Programmer's Guide
	// 1.24.1). Seen elsewhere: "http://www.bomgar.com/namespaces/API/command" (a Remote Support 19.1 site).
	Namespace string
	// XMLErrorStatus is the HTTP status of an XML error; not documented. Default 200.
	XMLErrorStatus int
	// NoXML and NoV2 leave a Command API out: v2 came with a release that is not documented, and XML needs "Enable XML API" ticked.
	NoXML, NoV2 bool
	// BackupSilent makes an appliance in the backup role answer health and role calls only. Whether a backup serves the other APIs is not documented.
	BackupSilent bool
	// HostChecked makes an appliance answer 404 to a Host that is not the site's name nor its own. Whether it looks at Host is not documented.
	HostChecked bool
	// FreshHealth makes v2 health answer afresh each time; documented is that it may be cached when asked more than once a minute.
	FreshHealth bool
	// SharedIPs words the field enabled_shared_ips of v2 when there is none: "" leaves it out, "null" and "[]" are what they say. The specification contradicts itself.
	SharedIPs string
	// MoreFields adds fields that no document knows, which the vendor reserves the right to do.
	MoreFields bool
	// OldJSON writes the Configuration API's times as UNIX seconds and its booleans as "1" and "0", as the vendor's own client has had to read them.
	OldJSON bool
	// NodeObject answers one object in place of a list for a Jumpoint's nodes, as the specification's type says and its text does not.
	NodeObject bool
	// AppliancesAlone leaves the peer out of v2's list of appliances. That it is in it is known of Remote Support only.
	AppliancesAlone bool
	// NoRoleAPI leaves the change of roles out of both Command APIs: PRA's overview of 26.1 does not name it, its failover guide does.
	NoRoleAPI bool
	// OldCounts uses the words of Jumpoints and Jump Clients in place of gateway and asset in v2. The enum before the renaming is not documented.
	OldCounts bool

	// Words for last_data_sync_status, of which no vocabulary is documented. Defaults "success", "failed" and, for a running sync, the last one's.
	SyncGood, SyncBad, SyncRunning string

	// Changes of roles.

	// RoleHeldStatus answers a request for the role already held; default 200, not documented.
	RoleHeldStatus int
	// RoleNoneStatus answers it while failover is not configured; default 422, not documented.
	RoleNoneStatus int
	// SyncAcrossVersions lets a data-sync between different versions succeed; by default it fails. Only the mail alert about it is documented. It is a violation either way.
	SyncAcrossVersions bool
	// SyncUnwell makes both appliances unhealthy while a data-sync runs. Whether health is answered during one is not documented.
	SyncUnwell bool
	// OldSyncShown makes a new relationship show the last data-sync of the former one until its own first is done.
	OldSyncShown bool
	// RolesStay lets both appliances keep their former role after a break, as health reports it; that both report none is inferred, not documented.
	RolesStay bool
	// SharedIPStays keeps the shared address where it is in a change of roles, although both have it ticked.
	SharedIPStays bool

	// OAuth.

	// BadClientStatus and BadTokenStatus are the HTTP statuses of wrong credentials and of a token that is not valid; default 401, not documented.
	BadClientStatus, BadTokenStatus int
	// TokensShared makes a token of one appliance good on the other; by default each has its own.
	TokensShared bool
	// TokensDie makes every token of an appliance invalid when it comes back from an installation or changes its role.
	TokensDie bool
	// LockoutAfter locks an API account for 10 minutes after so many wrong secrets; 0 never. That there is a lockout is documented, its threshold not.
	LockoutAfter int
	// HourRolls counts the requests of the last hour in place of those since the hour began. Which of the two is not documented.
	HourRolls bool
	// TokensOutlive lets a token that was made before go on when its account is bound to other addresses; by default it stops. Not documented.
	TokensOutlive bool
	// ThrottleStatus is the HTTP status beyond 20 requests a second or 15,000 an hour; default 429, not documented (the limits are).
	ThrottleStatus int

	// Installations.

	// EULAAlways asks for the licence agreement before every site package; documented is only the new appliance (guide, hardware upgrade).
	EULAAlways bool
	// NoAutomatic takes the check and install buttons away from an appliance in a failover relationship: "automatic updates do not apply to a failover pair".
	NoAutomatic bool
	// StaysOffered keeps a package in the list after it was fetched with the key; the guide says it goes away, not from which list.
	StaysOffered bool
	// ConsumedWhole counts a package as served only when its last byte was sent; by default the request is enough. Not documented.
	ConsumedWhole bool
	// ClockLimit is the clock error beyond which the update server refuses an appliance; default 1 h. That it matters is documented (guide), how much not.
	ClockLimit time.Duration
	// NoWhatsNew leaves the What's New page out, which is documented as the first page of /login after an update.
	NoWhatsNew bool
	// SilentWhenDown makes an appliance that is away swallow connections; by default it refuses them.
	SilentWhenDown bool

	// Backups.

	// NoDisposition leaves the Content-Disposition header of a backup out. Its headers are not documented.
	NoDisposition bool
	// BackupError answers a backup with status 200 and the text "Invalid credentials", as an old script's author saw it.
	BackupError bool

	// Pages.

	// Newer uses the words of releases 24.3 to 26.1 where they differ from the guide's.
	Newer bool
	// Dialogs gives buttons a question that must be confirmed, by label. None is documented, so none is there by default.
	Dialogs map[string]string
	// NoToken leaves the hidden anti-forgery field out of the forms. Whether there is one is not documented.
	NoToken bool
	// Frames puts the menu into one document and the rest into a frame in it. Not documented.
	Frames bool
	// SecondFactor is the code that both interfaces ask for after the password; default none. That /login can ask for one is documented, what the page says is not.
	SecondFactor string
	// Agreement asks to accept a licence agreement after the sign-in to /login, once. Documented is the first sign-in of all, without the page's words.
	Agreement bool
	// PasswordExpired makes the password of each interface one that must be changed after the sign-in, once. That it happens is documented, what the page says is not.
	PasswordExpired bool
	// NoAssign makes the appliance choose certificates by itself, as newer ones do: there is no "Assign IP" link.
	NoAssign bool
	// BackupTabs leaves an appliance in the backup role all its tabs. The guide says that extraneous ones are removed, not which.
	BackupTabs bool
	// NoSyncing leaves out whether a data-sync runs now; no document says that the page tells.
	NoSyncing bool

	// Jump Clients.

	// ClientsStay keeps Jump Clients connected where they are when the name moves, until that appliance goes away. The guide says that all requests go to the other one.
	ClientsStay bool
}

// fill sets what has a default.
func (sw *Switches) fill() {
	for p, d := range map[*string]string{
		&sw.Namespace: "https://www.beyondtrust.com/namespaces/API/command", &sw.SyncGood: "success", &sw.SyncBad: "failed",
	} {
		if *p == "" {
			*p = d
		}
	}
	for p, d := range map[*int]int{
		&sw.XMLErrorStatus: 200, &sw.RoleHeldStatus: 200, &sw.RoleNoneStatus: 422,
		&sw.BadClientStatus: 401, &sw.BadTokenStatus: 401, &sw.ThrottleStatus: 429,
	} {
		if *p == 0 {
			*p = d
		}
	}
	if sw.ClockLimit == 0 {
		sw.ClockLimit = time.Hour
	}
}
