package pratest_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

// fromTheList are the scenarios of other vendors' upgrades that can happen to PRA too.
var fromTheList = []string{
	"wrong-member-selected", "peer-too-far-behind", "preempt-takes-over", "exposed-while-downloading", "sync-strict-in-mixed-state", "licence-expired-silent",
	"reboot-after-failed-install", "still-up-just-after-reboot-call", "peer-not-yet-seen-dead", "token-dead-after-failover", "ok-status-error-body",
	"reset-during-act", "upload-slow-but-moving", "upload-stalled", "timeout-of-watcher-only", "boots-older-slot", "window-burned-by-hook", "ghost-lock",
	"burst-beats-limit", "pause-returned-too-early", "effect-kills-the-runner", "operator-changed-state-between-runs", "partial-page-of-results",
	"never-switched-slot", "host-name-redirected-to-peer", "left-in-maintenance-mode", "old-failure-still-shown", "reboot-takes-29-minutes", "both-primary",
	"both-backup-for-a-while", "both-backup-for-ever", "clients-never-return", "package-served-once", "clock-off-by-a-day",
	"image-not-there-yet", "slot-already-there", "slot-list-position-is-not-slot-id",
}

// TestScenarios plays every scenario and sees what it is about.
func TestScenarios(t *testing.T) {
	failover := func(t *testing.T, b *pratest.Box) beyondtrust.FailoverStatus {
		f, err := b.Pages().Failover.Failover(t.Context())
		if err != nil {
			t.Error(err)
		}
		return f
	}
	updates := func(t *testing.T, b *pratest.Box) beyondtrust.UpdateStatus {
		u, err := b.Pages().Updates.Updates(t.Context())
		if err != nil {
			t.Error(err)
		}
		return u
	}
	backup := func(t *testing.T, s *pratest.Site, patience time.Duration) (int, error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var buf bytes.Buffer
		err := client(t, s, &s.A, beyondtrust.Options{}).Backup(ctx, &buf)
		return buf.Len(), err
	}
	away := func(t *testing.T, s *pratest.Site) time.Duration {
		begin(t, &s.A)
		until(t, "it goes away", func() bool { return !s.A.Up() })
		from := time.Now()
		until(t, "it comes back", s.A.Up)
		return time.Since(from).Round(time.Minute)
	}
	type check func(t *testing.T, s *pratest.Site) bool
	tests := map[string]struct {
		site *pratest.Site // default a pair
		seen check
	}{
		"image-not-there-yet": {nil, func(t *testing.T, s *pratest.Site) bool {
			for _, b := range s.Boxes() {
				act(t, b, beyondtrust.MenuUpdates, "", beyondtrust.ButtonCheckForUpdates, nil)
			}
			time.Sleep(time.Minute)
			return updates(t, &s.A).State == beyondtrust.UpdateAvailable && updates(t, &s.B).State == beyondtrust.UpdateUpToDate
		}},
		"slot-already-there": {nil, func(t *testing.T, s *pratest.Site) bool {
			base, version, _ := s.A.Running()
			return base == "7.0.0" && version == "24.3.2"
		}},
		"slot-list-position-is-not-slot-id": {nil, func(t *testing.T, s *pratest.Site) bool {
			act(t, &s.A, beyondtrust.MenuUpdates, "", beyondtrust.ButtonCheckForUpdates, nil)
			time.Sleep(time.Minute)
			list := updates(t, &s.A).Available
			return len(list) == 3 && list[0].Name == "Hotfix 4711" && list[1].Class == beyondtrust.PackageSite && list[1].Blocked != "" && list[2].Class == beyondtrust.PackageBase
		}},
		"wrong-member-selected":        {nil, func(t *testing.T, s *pratest.Site) bool { return identity(t, s, s.A.Address()) == "pra-b" }},
		"host-name-redirected-to-peer": {nil, func(t *testing.T, s *pratest.Site) bool { return identity(t, s, s.A.Host()+":443") == "pra-b" }},
		"peer-too-far-behind": {nil, func(t *testing.T, s *pratest.Site) bool {
			_, version, _ := s.B.Running()
			return version == "23.3.1"
		}},
		"both-primary": {nil, func(t *testing.T, s *pratest.Site) bool {
			return roles(s) == [2]beyondtrust.Role{"primary", "primary"} && failover(t, &s.A).Relation == beyondtrust.RelationConflict
		}},
		"both-backup-for-a-while": {nil, func(t *testing.T, s *pratest.Site) bool {
			first := roles(s)
			time.Sleep(11 * time.Minute)
			return first == [2]beyondtrust.Role{"backup", "backup"} && roles(s) == [2]beyondtrust.Role{"primary", "backup"}
		}},
		"both-backup-for-ever": {nil, func(t *testing.T, s *pratest.Site) bool {
			time.Sleep(48 * time.Hour)
			stuck := roles(s) == [2]beyondtrust.Role{"backup", "backup"}
			act(t, &s.A, beyondtrust.MenuFailover, "", beyondtrust.ButtonBecomePrimary, nil)
			time.Sleep(time.Minute)
			return stuck && roles(s) == [2]beyondtrust.Role{"primary", "backup"}
		}},
		"half-broken": {nil, func(t *testing.T, s *pratest.Site) bool { return roles(s) == [2]beyondtrust.Role{"none", "backup"} }},
		"peer-not-yet-seen-dead": {nil, func(t *testing.T, s *pratest.Site) bool {
			failover(t, &s.B)
			s.A.PowerCycle()
			time.Sleep(10 * time.Minute)
			s.Play("both-backup-for-ever")
			return failover(t, &s.B).PeerRole == beyondtrust.RolePrimary
		}},
		"mismatched-keys": {nil, func(t *testing.T, s *pratest.Site) bool {
			same, err := beyondtrust.SameKey(t.Context(), s.A.Pages().Security, s.B.Pages().Security)
			return err == nil && !same
		}},
		"operator-changed-state-between-runs": {&pratest.Site{Relation: beyondtrust.RelationNone}, func(t *testing.T, s *pratest.Site) bool {
			return roles(s) == [2]beyondtrust.Role{"primary", "backup"} && s.A.Throttle().MaxConcurrent == 7
		}},
		"left-in-maintenance-mode": {nil, func(t *testing.T, s *pratest.Site) bool {
			return s.A.Throttle().MaxConcurrent == 1 && s.A.Throttle().AutomaticUpgrades == beyondtrust.UpgradesDisabled
		}},
		"clock-off-by-a-day": {nil, func(t *testing.T, s *pratest.Site) bool {
			h, err := client(t, s, &s.A, beyondtrust.Options{}).Identify(t.Context())
			off, known := h.Offset()
			return err == nil && known && off.Round(time.Hour) == 24*time.Hour
		}},
		"preempt-takes-over": {&pratest.Site{Relation: beyondtrust.RelationNone, Traffic: pratest.BySharedIP}, func(t *testing.T, s *pratest.Site) bool {
			act(t, &s.A, beyondtrust.MenuIPConfiguration, "192.0.2.10", "Save Changes", map[string]string{"Enabled": "off"})
			act(t, &s.B, beyondtrust.MenuIPConfiguration, "192.0.2.10", "Save Changes", map[string]string{"Enabled": "on"})
			time.Sleep(4 * time.Minute)
			before := len(s.At())
			time.Sleep(2 * time.Minute)
			return before == 1 && len(s.At()) == 2
		}},
		"exposed-while-downloading": {pratest.Single(), func(t *testing.T, s *pratest.Site) bool {
			begin(t, &s.A)
			time.Sleep(5 * time.Hour)
			return s.A.Up() && updates(t, &s.A).State == beyondtrust.UpdateDownloading
		}},
		"package-served-once": {pratest.Single(), func(t *testing.T, s *pratest.Site) bool {
			key := person{t, &s.A}.read(beyondtrust.MenuUpdates, "", "Appliance Download Key")
			_, _, err := s.FetchUpdate(t.Context(), key, "Base Software 7.0.0")
			return errors.Is(err, pratest.ErrServed)
		}},
		"automatic-updates-fail": {pratest.Single(), func(t *testing.T, s *pratest.Site) bool {
			person{t, &s.A}.press(beyondtrust.MenuUpdates, "", "Check for updates", nil)
			time.Sleep(time.Minute)
			return updates(t, &s.A).State == beyondtrust.UpdateCheckFailed
		}},
		"still-up-just-after-reboot-call": {pratest.Single(), func(t *testing.T, s *pratest.Site) bool {
			begin(t, &s.A)
			time.Sleep(7 * time.Minute) // 3 of them for the download
			up := s.A.Up() && updates(t, &s.A).State == beyondtrust.UpdateInstalling
			time.Sleep(2 * time.Minute)
			return up && !s.A.Up()
		}},
		"reboot-takes-29-minutes": {pratest.Single(), func(t *testing.T, s *pratest.Site) bool { return away(t, s) == 29*time.Minute }},
		"timeout-of-watcher-only": {pratest.Single(), func(t *testing.T, s *pratest.Site) bool { return away(t, s) == 4*time.Hour }},
		"pause-returned-too-early": {pratest.Single(), func(t *testing.T, s *pratest.Site) bool {
			early := away(t, s) == 8*time.Minute
			base, _, _ := s.A.Running()
			time.Sleep(time.Hour)
			after, _, _ := s.A.Running()
			return early && base == "6.1.1" && after == "7.0.0" && len(s.Record().Of(pratest.Down)) == 2
		}},
		"boots-older-slot": {pratest.Single(), func(t *testing.T, s *pratest.Site) bool {
			away(t, s)
			base, _, _ := s.A.Running()
			return base == "6.1.1" && updates(t, &s.A).State == beyondtrust.UpdateIdle
		}},
		"never-switched-slot": {pratest.Single(), func(t *testing.T, s *pratest.Site) bool {
			away(t, s)
			base, _, _ := s.A.Running()
			return base == "6.1.1" && updates(t, &s.A).State == beyondtrust.UpdateInstalled
		}},
		"install-fails": {pratest.Single(), func(t *testing.T, s *pratest.Site) bool {
			away(t, s)
			return updates(t, &s.A).State == beyondtrust.UpdateFailed
		}},
		"install-stalls": {pratest.Single(), func(t *testing.T, s *pratest.Site) bool {
			begin(t, &s.A)
			time.Sleep(10 * 24 * time.Hour)
			return !s.A.Up()
		}},
		"reboot-after-failed-install": {pratest.Single(), func(t *testing.T, s *pratest.Site) bool {
			away(t, s)
			time.Sleep(90 * time.Second)
			return !s.A.Up()
		}},
		"old-failure-still-shown": {nil, func(t *testing.T, s *pratest.Site) bool { return updates(t, &s.A).State == beyondtrust.UpdateFailed }},
		"licence-expired-silent": {pratest.Single(), func(t *testing.T, s *pratest.Site) bool {
			whole(t, &s.A)
			time.Sleep(time.Hour)
			_, _, err := s.A.Press(t.Context(), pratest.MenuConsole, "", "Jump", nil, "")
			h, herr := client(t, s, &s.A, beyondtrust.Options{}).Identify(t.Context())
			return err != nil && strings.Contains(err.Error(), "licence") && herr == nil && h.Healthy
		}},
		"window-burned-by-hook": {nil, func(t *testing.T, s *pratest.Site) bool {
			act(t, &s.A, beyondtrust.MenuFailover, "", "Sync Now", nil)
			time.Sleep(4 * time.Hour)
			return failover(t, &s.A).Syncing == beyondtrust.On
		}},
		"sync-strict-in-mixed-state": {nil, func(t *testing.T, s *pratest.Site) bool {
			s.Play("peer-too-far-behind")
			time.Sleep(2 * time.Hour)
			return failover(t, &s.A).LastSyncStatus == "failed"
		}},
		"ghost-lock": {nil, func(t *testing.T, s *pratest.Site) bool {
			time.Sleep(30 * time.Minute)
			return failover(t, &s.A).Syncing == beyondtrust.On && len(s.Record().Of(pratest.SyncBegun)) == 0
		}},
		"burst-beats-limit": {pratest.Single(), func(t *testing.T, s *pratest.Site) bool {
			base(t, &s.A)
			act(t, &s.A, beyondtrust.MenuUpdates, "", "Check for updates", nil)
			time.Sleep(time.Minute)
			act(t, &s.A, beyondtrust.MenuUpdates, "BeyondTrust-25.1.1", "Install This Update", nil)
			until(t, "it is flooded", func() bool { return s.Record().Of(pratest.Flood) != nil })
			from := time.Now()
			p, err := client(t, s, &s.A, beyondtrust.Options{}).Probe(t.Context())
			return err == nil && !p.Healthy && time.Since(from) >= 10*time.Second
		}},
		"clients-never-return": {pratest.Single(), func(t *testing.T, s *pratest.Site) bool {
			whole(t, &s.A)
			time.Sleep(48 * time.Hour)
			n, _ := client(t, s, &s.A, beyondtrust.Options{}).ConnectedJumpClients(t.Context())
			return n == 0
		}},
		"clients-never-upgrade": {pratest.Single(), func(t *testing.T, s *pratest.Site) bool {
			whole(t, &s.A)
			time.Sleep(48 * time.Hour)
			n, _ := s.Returned(&s.A)
			return n == 0
		}},
		"partial-page-of-results": {nil, func(t *testing.T, s *pratest.Site) bool {
			n := 0
			for _, err := range client(t, s, &s.A, beyondtrust.Options{}).JumpClients(t.Context()) {
				if err == nil {
					n++
				}
			}
			return n == 250
		}},
		"token-dead-after-failover": {&pratest.Site{Topology: pratest.TopologySingle}, func(t *testing.T, s *pratest.Site) bool {
			away(t, s)
			tok := token(t, s, &s.A)
			act(t, &s.A, beyondtrust.MenuUpdates, "", "Check for updates", nil)
			time.Sleep(time.Minute)
			act(t, &s.A, beyondtrust.MenuUpdates, "BeyondTrust-25.1.1", "Install This Update", nil)
			time.Sleep(35 * time.Minute)
			return ask(t.Context(), s, "GET", "https://access.example.com/api/command/v2/info", tok).status == 401
		}},
		"ok-status-error-body": {nil, func(t *testing.T, s *pratest.Site) bool {
			n, err := backup(t, s, time.Hour)
			return n == 0 && errors.Is(err, beyondtrust.ErrNotABackup)
		}},
		"upload-slow-but-moving": {nil, func(t *testing.T, s *pratest.Site) bool {
			from := time.Now()
			n, err := backup(t, s, 24*time.Hour)
			return err == nil && n == 512<<10 && time.Since(from) > 5*time.Minute
		}},
		"upload-stalled": {nil, func(t *testing.T, s *pratest.Site) bool {
			n, err := backup(t, s, 24*time.Hour)
			return err != nil && n < 512<<10
		}},
		"reset-during-act": {nil, func(t *testing.T, s *pratest.Site) bool {
			err := s.A.Pages().Failover.Break(t.Context())
			return err != nil && !errors.Is(err, beyondtrust.ErrNotPressed) && s.B.Role() == beyondtrust.RoleNone
		}},
		"effect-kills-the-runner": {&pratest.Site{Traffic: pratest.BySharedIP}, func(t *testing.T, s *pratest.Site) bool {
			err := s.A.Pages().Network.SetEnabled(t.Context(), s.A.SharedIP, false)
			return err != nil && !s.A.SharedIPEnabled()
		}},
	}
	known := map[string]bool{}
	for _, sc := range pratest.Scenarios() {
		known[sc.Name] = true
		tt, ok := tests[sc.Name]
		if !ok {
			t.Errorf("scenario %q is not looked at", sc.Name)
			continue
		}
		t.Run(sc.Name, func(t *testing.T) {
			site := tt.site
			if site == nil {
				site = pratest.Pair()
			}
			bubble(t, site, func(t *testing.T) {
				if err := site.Play(sc.Name); err != nil {
					t.Fatal(err)
				}
				if !tt.seen(t, site) {
					t.Errorf("not seen: %s\n%v", sc.About, site.Record())
				}
			})
		})
	}
	for _, name := range fromTheList {
		if !known[name] {
			t.Errorf("scenario %q is missing", name)
		}
	}
}

func identity(t *testing.T, s *pratest.Site, dial string) string {
	t.Helper()
	id, secret := s.Account()
	c, err := beyondtrust.NewClient("https://access.example.com", beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)),
		&beyondtrust.Options{Dial: dial, HTTPClient: s.HTTPClient()})
	if err != nil {
		t.Fatal(err)
	}
	h, err := c.Identify(t.Context())
	if err != nil {
		t.Error(err)
	}
	return h.Hostname
}

func TestScenarioOnOneBox(t *testing.T) {
	site := pratest.Pair()
	defer site.Close()
	if err := site.B.Play("left-in-maintenance-mode"); err != nil {
		t.Error(err)
	}
	if site.A.Throttle().MaxConcurrent == 1 || site.B.Throttle().MaxConcurrent != 1 {
		t.Error("played on the wrong appliance")
	}
	if err := site.B.Play("both-primary"); err == nil {
		t.Error("one appliance alone is both")
	}
	if err := site.Play("no-such"); err == nil || !strings.Contains(err.Error(), "both-primary") {
		t.Errorf("Play = %v", err)
	}
	if err := pratest.Single().Play("both-primary"); err == nil {
		t.Error("a single appliance is both")
	}
	for _, sc := range pratest.Scenarios() {
		if sc.About == "" || len(sc.On()) == 0 {
			t.Errorf("scenario %q is not described", sc.Name)
		}
	}
}
