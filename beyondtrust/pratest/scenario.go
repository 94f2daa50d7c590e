package pratest

import (
	"net/http"
	"slices"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// Scenario is a way in which real upgrades went wrong, as a switch with a name. [Scenarios] lists them, Play turns one on.
type Scenario struct {
	Name  string
	About string // what happens

	box  func(*Box)  // nil: it is not about one appliance
	site func(*Site) // nil: what it does to an appliance, it does to all
	pair bool        // it needs two appliances
}

// On tells what the scenario can be played on: "box", "site".
func (s Scenario) On() (on []string) {
	if s.box != nil {
		on = append(on, "box")
	}
	return append(on, "site")
}

// NeedsPair reports whether it can be played only where two appliances are in service.
func (s Scenario) NeedsPair() bool { return s.pair }

// ends plans how the first installation from now on ends, wherever it is.
func ends(e Ending) func(*Site) {
	return func(s *Site) {
		for _, b := range s.boxes() {
			b.Next = e
		}
		s.w.oneEnding = true
	}
}

func endsOn(e Ending) func(*Box) { return func(b *Box) { b.Next = e } }

func inject(what string, f Fault) func(*Box) { return func(b *Box) { b.inject(what, f) } }

// acting are the calls and presses that change something.
var acting = []string{
	"press " + beyondtrust.ButtonSyncNow, "press " + beyondtrust.ButtonBreak, "press " + beyondtrust.ButtonEstablish,
	"press " + beyondtrust.ButtonInstallThisUpdate, "press " + beyondtrust.ButtonUpdateSoftware, "press " + beyondtrust.ButtonSaveChanges,
	"press " + beyondtrust.ButtonSave, "press " + beyondtrust.ButtonUploadBackup, "press " + beyondtrust.ButtonSaveConfiguration,
	"POST /api/command/v2/failover-role", "GET /api/command?action=set_failover_role", "POST /api/command?action=set_failover_role",
	"DELETE /api/command/v2/session/{id}", "POST /api/command/v2/user/{id}/logout",
}

var scenarios = []Scenario{
	// The wrong appliance, the wrong state.
	{Name: "wrong-member-selected", About: "what dials A's own address reaches B, and the other way round", pair: true, site: swapAddresses},
	{Name: "host-name-redirected-to-peer", About: "A's own host name leads to B", pair: true, site: func(s *Site) { s.setDNS(s.A.host(), s.B.Addr) }},
	{Name: "peer-too-far-behind", About: "B runs an older site package than A", pair: true, site: func(s *Site) { s.B.st.version, s.B.st.build = "23.3.1", "40001" }},
	{Name: "both-primary", About: "both say primary", pair: true, site: func(s *Site) { s.conflict(beyondtrust.RolePrimary) }},
	{Name: "both-backup-for-a-while", About: "a change of roles takes ten minutes, in which both say backup", pair: true, site: func(s *Site) {
		s.Times.RoleFlip = 10 * time.Minute
		s.conflict(beyondtrust.RoleBackup)
		s.after(s.Times.RoleFlip, func() {
			if s.A.st.role == beyondtrust.RoleBackup && s.A.inConflict() {
				s.A.takeRole(beyondtrust.RolePrimary)
			}
		})
	}},
	{Name: "both-backup-for-ever", About: "both say backup until somebody decides", pair: true, site: func(s *Site) { s.conflict(beyondtrust.RoleBackup) }},
	{Name: "half-broken", About: "A stands alone, B believes in a relationship", pair: true, site: func(s *Site) {
		s.cancelSync(&s.A)
		s.A.alone()
	}},
	{Name: "peer-not-yet-seen-dead", About: "each shows its peer as it was up to 20 minutes ago", pair: true, site: func(s *Site) { s.Times.StatusCheck = 20 * time.Minute }},
	{Name: "mismatched-keys", About: "the Inter-appliance Communication Pre-shared Keys differ", pair: true, site: func(s *Site) { s.B.st.key = "another key" }},
	{Name: "operator-changed-state-between-runs", About: "somebody has established the relationship again, from A, and set the throttle to 7", pair: true, site: operatorWasHere},
	{Name: "left-in-maintenance-mode", About: "an earlier run left the throttle at 1 and client upgrades disabled", box: func(b *Box) {
		b.st.data.concurrent, b.st.data.automatic = 1, beyondtrust.UpgradesDisabled
	}},
	{Name: "clock-off-by-a-day", About: "the appliance's clock is a day fast: its key and its checks are refused", box: func(b *Box) { b.ClockOffset = 24 * time.Hour }},
	{Name: "preempt-takes-over", About: "five minutes after the other took the shared address or the name over, A takes it back", pair: true, site: preempt},

	// Packages and installations.
	{Name: "exposed-while-downloading", About: "an automatic installation downloads for six hours before it begins", site: func(s *Site) { s.Times.Download = 6 * time.Hour }},
	{Name: "package-served-once", About: "somebody has fetched every package with the key before", box: func(b *Box) {
		for _, p := range b.site.Offers {
			b.site.w.server.served[b.GUID+p.Name] = true
		}
	}},
	{Name: "image-not-there-yet", About: "the update server has the packages for A, and not yet for B", pair: true, site: func(s *Site) { s.w.server.withheld = &s.B }},
	{Name: "slot-already-there", About: "somebody has installed the Base software already", box: func(b *Box) { b.st.base = newestBase(b.site.Offers, b.st.base) }},
	{Name: "slot-list-position-is-not-slot-id", About: "the list of updates begins with one that nobody asked for, and its order is not that of installing", site: func(s *Site) {
		s.Offers = append([]Package{{Name: "Hotfix 4711"}}, s.Offers...)
		slices.Reverse(s.Offers[1:])
	}},
	{Name: "automatic-updates-fail", About: "the update server cannot be reached", box: func(b *Box) { b.Restricted = true }},
	{Name: "still-up-just-after-reboot-call", About: "the appliance answers for five more minutes after an installation began", site: func(s *Site) { s.Times.Linger = 5 * time.Minute }},
	{Name: "reboot-takes-29-minutes", About: "an installation keeps the appliance away for 29 minutes", site: func(s *Site) {
		s.Times.Base, s.Times.Site, s.Times.Boot = 29*time.Minute, 29*time.Minute, 29*time.Minute
	}},
	{Name: "timeout-of-watcher-only", About: "installations take four hours, and work", site: func(s *Site) { s.Times.Base, s.Times.Site = 4*time.Hour, 4*time.Hour }},
	{Name: "pause-returned-too-early", About: "in the middle of an installation the appliance looks healthy for a minute", box: func(b *Box) { b.Flaps = true }},
	{Name: "boots-older-slot", About: "the next installation ends with the old version, and nothing is said", site: ends(EndsOlder), box: endsOn(EndsOlder)},
	{Name: "never-switched-slot", About: "the next installation is said to be done, and the old version runs", site: ends(EndsClaimed), box: endsOn(EndsClaimed)},
	{Name: "install-fails", About: "the next installation fails and says so", site: ends(EndsFailed), box: endsOn(EndsFailed)},
	{Name: "install-stalls", About: "from the next installation the appliance does not come back", site: ends(EndsStalled), box: endsOn(EndsStalled)},
	{Name: "reboot-after-failed-install", About: "the next installation fails, and the appliance restarts by itself a minute later", site: ends(EndsRestart), box: endsOn(EndsRestart)},
	{Name: "old-failure-still-shown", About: "the Updates page still shows that an earlier installation failed", box: func(b *Box) {
		b.st.updates.state, b.st.updates.text = beyondtrust.UpdateFailed, "The installation of Base Software 6.1.0 failed. Contact Technical Support."
	}},
	{Name: "licence-expired-silent", About: "the new site package comes up without a licence: no session starts, and nothing says so", site: func(s *Site) {
		s.Offers = slices.Clone(s.Offers)
		for i := range s.Offers {
			if s.Offers[i].filled().Class == beyondtrust.PackageSite {
				s.Offers[i].Unlicensed, s.Offers[i].Until = true, "2020-01-01"
			}
		}
	}},

	// Syncs.
	{Name: "window-burned-by-hook", About: "a data-sync takes five hours", site: func(s *Site) { s.Times.Sync = 5 * time.Hour }},
	{Name: "sync-strict-in-mixed-state", About: "a scheduled data-sync comes every five minutes, and fails between different versions", site: func(s *Site) { s.Times.SyncEvery = 5 * time.Minute }},
	{Name: "ghost-lock", About: "the page says that a data-sync runs, for ever, and none does", box: func(b *Box) { b.st.stuckSyncing = true }},

	// Clients.
	{Name: "burst-beats-limit", About: "thousands of Jump Clients, and a throttle that lets 500 of them upgrade at once", site: func(s *Site) {
		for _, b := range s.boxes() {
			b.st.data.concurrent, b.st.data.rate = maxConcurrentUpgrade, maxConnectionRate
		}
		s.growFleet(3000)
	}},
	{Name: "clients-never-return", About: "the site package was built with another certification authority: upgraded Jump Clients do not trust the appliance", site: func(s *Site) {
		s.Offers = slices.Clone(s.Offers)
		for i := range s.Offers {
			s.Offers[i].Other = true
		}
	}},
	{Name: "clients-never-upgrade", About: "automatic Jump Client upgrades are permanently disabled", box: func(b *Box) { b.st.data.automatic = beyondtrust.UpgradesDisabled }},
	{Name: "partial-page-of-results", About: "so many Jump Clients that a list has several pages, and those that lag behind are on the last", site: func(s *Site) { s.growFleet(250) }},

	// Transport and answers.
	{Name: "token-dead-after-failover", About: "tokens do not survive an installation or a change of roles", site: func(s *Site) { s.Switches.TokensDie = true }},
	{Name: "ok-status-error-body", About: "a backup is answered with status 200 and an error text", box: func(b *Box) {
		for _, m := range []string{"GET", "POST"} {
			b.inject(m+" /api/backup", Fault{Kind: FaultAnswer, Status: http.StatusOK, Body: "Invalid credentials"})
		}
	}},
	{Name: "reset-during-act", About: "the connection dies between an act and its answer; the act happened", box: func(b *Box) {
		for _, what := range acting {
			b.inject(what, Fault{Kind: FaultReset, Acts: true})
		}
	}},
	{Name: "effect-kills-the-runner", About: "saving an address breaks the presser's own connection", box: inject("press "+beyondtrust.ButtonSaveChanges, Fault{Kind: FaultReset, Acts: true, Times: -1})},
	{Name: "upload-slow-but-moving", About: "a backup comes at 16 KiB in ten seconds, and does come", box: func(b *Box) {
		for _, m := range []string{"GET", "POST"} {
			b.inject(m+" /api/backup", Fault{Kind: FaultTrickle})
		}
	}},
	{Name: "upload-stalled", About: "a backup stops in the middle", box: func(b *Box) {
		for _, m := range []string{"GET", "POST"} {
			b.inject(m+" /api/backup", Fault{Kind: FaultStall})
		}
	}},
}
