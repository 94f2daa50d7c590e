package pratest

import (
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// Menu paths that the vendor's documents do not have: what a person uses besides the appliance's own pages.
const (
	// MenuUpdateServer is the vendor's update server, where a download key is submitted; MenuUpdateServerNewer its newer address.
	MenuUpdateServer      = "https://" + UpdateHost
	MenuUpdateServerNewer = "https://" + UpdateHostNewer
	// MenuConsole is the access console on a machine whose hosts file has the site's name lead to this appliance, and MenuAbout its Help > About (guide).
	MenuConsole = "Access Console"
	MenuAbout   = "Access Console > Help > About"
)

// pages is the one table of pages.
var pages = []page{
	{where: beyondtrust.MenuUpdates, path: "/appliance/updates", view: updatesView},
	{where: beyondtrust.MenuIPConfiguration, path: "/appliance/networking", view: networkView},
	{where: beyondtrust.MenuCertificates, path: "/appliance/certificates", view: certificatesView},
	{where: beyondtrust.MenuBasics, path: "/appliance/basics", view: basicsView},
	{where: beyondtrust.MenuHealth, path: "/appliance/health", view: healthView, shown: func(b *Box) bool { return !b.Physical }},
	{where: beyondtrust.MenuUtilities, path: "/appliance/utilities", view: utilitiesView},

	{where: beyondtrust.MenuFailover, path: "/login/failover", view: failoverView, shown: hasSite},
	{where: beyondtrust.MenuSoftware, newer: beyondtrust.MenuSoftwareNewer, path: "/login/software", view: softwareView, shown: hasAllTabs},
	{where: beyondtrust.MenuSecurity, path: "/login/security", view: securityView, shown: hasSite},
	{where: beyondtrust.MenuAPIConfiguration, path: "/login/api", view: apiView, shown: hasAllTabs},
	{where: beyondtrust.MenuJumpClients, path: "/login/jump-clients", view: jumpClientsView, shown: hasAllTabs},
	{where: beyondtrust.MenuInformation, path: "/login/information", view: informationView, shown: hasSite},
	{where: beyondtrust.MenuUsers, path: "/login/users", view: usersView, shown: hasSite},

	{where: MenuUpdateServer, newer: MenuUpdateServerNewer, distant: true, view: updateServerView},
	{where: MenuConsole, distant: true, view: consoleView},
	{where: MenuAbout, distant: true, view: aboutView},
}

func hasSite(b *Box) bool { return !b.st.factory }

// hasAllTabs: on a backup "extraneous tabs are removed" (guide). Which, is not documented.
func hasAllTabs(b *Box) bool {
	return !b.st.factory && (!b.standby() || b.site.Switches.BackupTabs)
}

// message is what a page said last: why it turned something down.
func (b *Box) message(where string) []string {
	if m := b.st.message[where]; m != "" {
		return []string{m}
	}
	return nil
}

// stamp is a time as the pages show it.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// word is one of two label texts: the guide's, or the newer.
func (b *Box) word(old, newer string) string {
	if b.site.Switches.Newer {
		return newer
	}
	return old
}
