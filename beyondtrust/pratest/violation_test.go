package pratest_test

import (
	"cmp"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

// act is a press that may be refused: what counts is what the rules say about it.
func act(t *testing.T, box *pratest.Box, where, row, button string, set map[string]string) {
	t.Helper()
	if _, _, err := box.Press(t.Context(), where, row, button, set, ""); err != nil {
		t.Log(err)
	}
}

// begin starts the Base installation on box and waits for its download.
func begin(t *testing.T, box *pratest.Box) {
	t.Helper()
	p := person{t, box}
	p.press(beyondtrust.MenuUpdates, "", "Check for updates", nil)
	time.Sleep(time.Minute)
	p.press(beyondtrust.MenuUpdates, "Base Software 7.0.0", "Install This Update", nil)
}

// base installs Base on box.
func base(t *testing.T, box *pratest.Box) {
	t.Helper()
	begin(t, box)
	time.Sleep(30 * time.Minute)
}

// whole installs Base and site on box.
func whole(t *testing.T, box *pratest.Box) {
	t.Helper()
	base(t, box)
	p := person{t, box}
	p.press(beyondtrust.MenuUpdates, "", "Check for updates", nil)
	time.Sleep(time.Minute)
	p.press(beyondtrust.MenuUpdates, "BeyondTrust-25.1.1", "Install This Update", nil)
	time.Sleep(time.Hour)
}

func establish(t *testing.T, from, to *pratest.Box) {
	t.Helper()
	act(t, from, beyondtrust.MenuFailover, "", beyondtrust.ButtonEstablish, map[string]string{
		"New Backup Site Connection Details > Host Name or IP Address:":              to.Host(),
		"Reverse Connection Details To This Primary Site > Host Name or IP Address:": from.Host(),
	})
}

// TestViolations provokes each rule, alone.
func TestViolations(t *testing.T) {
	shared := map[string]string{"Enabled": "on"}
	tests := map[pratest.Rule]struct {
		site *pratest.Site // default a pair
		do   func(t *testing.T, s *pratest.Site)
	}{
		pratest.RuleSyncAcrossVersions: {do: func(t *testing.T, s *pratest.Site) {
			s.Play("peer-too-far-behind")
			act(t, &s.A, beyondtrust.MenuFailover, "", "Sync Now", nil)
		}},
		pratest.RuleRestartDuringInstall: {site: &pratest.Site{Relation: beyondtrust.RelationNone}, do: func(t *testing.T, s *pratest.Site) {
			begin(t, &s.B)
			time.Sleep(10 * time.Minute)
			s.B.PowerCycle()
			time.Sleep(24 * time.Hour)
			if s.B.Up() {
				t.Error("it survived a restart in the middle of an installation")
			}
			s.B.Support()
			if !s.B.Up() {
				t.Error("Technical Support did not help")
			}
		}},
		pratest.RuleBothSharedIPs: {site: &pratest.Site{Relation: beyondtrust.RelationNone, Traffic: pratest.BySharedIP}, do: func(t *testing.T, s *pratest.Site) {
			act(t, &s.B, beyondtrust.MenuIPConfiguration, "192.0.2.10", "Save Changes", shared)
			if at := s.At(); len(at) != 2 {
				t.Errorf("at the name: %v", at)
			}
		}},
		pratest.RuleWrongSide: {site: &pratest.Site{Relation: beyondtrust.RelationNone}, do: func(t *testing.T, s *pratest.Site) {
			establish(t, &s.B, &s.A)
		}},
		pratest.RuleActDuringInstall: {site: &pratest.Site{Relation: beyondtrust.RelationNone}, do: func(t *testing.T, s *pratest.Site) {
			begin(t, &s.B)
			act(t, &s.B, beyondtrust.MenuJumpClients, "", "Save", nil)
		}},
		pratest.RulePeerDuringInstall: {site: &pratest.Site{Relation: beyondtrust.RelationNone}, do: func(t *testing.T, s *pratest.Site) {
			begin(t, &s.B)
			time.Sleep(10 * time.Minute)
			begin(t, &s.A)
		}},
		pratest.RuleBetweenBaseAndSite: {site: &pratest.Site{Relation: beyondtrust.RelationNone}, do: func(t *testing.T, s *pratest.Site) {
			base(t, &s.B)
			begin(t, &s.A)
		}},
		pratest.RuleInstallInRelation: {do: func(t *testing.T, s *pratest.Site) { begin(t, &s.B) }},
		pratest.RuleConsumedTwice: {site: &pratest.Site{Topology: pratest.TopologySingle}, do: func(t *testing.T, s *pratest.Site) {
			key := person{t, &s.A}.read(beyondtrust.MenuUpdates, "", "Appliance Download Key")
			for range 2 {
				if r, _, err := s.FetchUpdate(t.Context(), key, "Base Software 7.0.0"); err == nil {
					io.Copy(io.Discard, r)
				}
			}
		}},
		pratest.RuleFlooded: {site: &pratest.Site{Topology: pratest.TopologySingle}, do: func(t *testing.T, s *pratest.Site) {
			s.Play("burst-beats-limit")
			whole(t, &s.A)
		}},
		pratest.RuleTakenOutOfService: {site: &pratest.Site{Topology: pratest.TopologySingle}, do: func(t *testing.T, s *pratest.Site) {
			act(t, &s.A, beyondtrust.MenuBasics, "", beyondtrust.ButtonShutDown, nil)
		}},
		pratest.RuleRestoreOnBackup: {do: func(t *testing.T, s *pratest.Site) {
			_, file := person{t, &s.A}.press(beyondtrust.MenuSoftware, "", "Download Backup", nil)
			path := filepath.Join(t.TempDir(), "a.nsb")
			data, _ := io.ReadAll(file)
			os.WriteFile(path, data, 0o600)
			s.Change(func() { s.Switches.BackupTabs = true })
			act(t, &s.B, beyondtrust.MenuSoftware, "", "Upload Backup", map[string]string{"Backup File": path})
		}},
		pratest.RuleConnectionKept: {site: &pratest.Site{Topology: pratest.TopologySingle}, do: func(t *testing.T, s *pratest.Site) {
			c := s.HTTPClient()
			c.Transport.(*http.Transport).DisableKeepAlives = false
			defer c.CloseIdleConnections()
			for range 2 {
				resp, err := c.Get("https://access.example.com/api/command?action=check_health")
				if err != nil {
					t.Fatal(err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		}},
	}
	for _, rule := range []pratest.Rule{
		pratest.RuleSyncAcrossVersions, pratest.RuleRestartDuringInstall, pratest.RuleBothSharedIPs, pratest.RuleWrongSide, pratest.RuleActDuringInstall,
		pratest.RulePeerDuringInstall, pratest.RuleBetweenBaseAndSite, pratest.RuleInstallInRelation, pratest.RuleConsumedTwice, pratest.RuleFlooded,
		pratest.RuleTakenOutOfService, pratest.RuleRestoreOnBackup, pratest.RuleConnectionKept,
	} {
		tt, ok := tests[rule]
		if !ok {
			t.Errorf("rule %q is not provoked", rule)
			continue
		}
		t.Run(string(rule), func(t *testing.T) {
			site := cmp.Or(tt.site, pratest.Pair())
			bubble(t, site, func(t *testing.T) {
				if v := site.Violations(); v != nil {
					t.Fatalf("before: %v", v)
				}
				tt.do(t, site)
				got := site.Violations()
				if len(got) == 0 {
					t.Fatalf("nothing was recorded:\n%v", site.Record())
				}
				if i := slices.IndexFunc(got, func(v pratest.Violation) bool { return v.Rule != rule }); i >= 0 {
					t.Errorf("another rule was broken too: %v", got)
				}
			})
		})
	}
}

// TestOwnAddressDisabled: an appliance's own address stays enabled always.
func TestOwnAddressDisabled(t *testing.T) {
	site := pratest.Pair()
	site.Relation = beyondtrust.RelationNone
	bubble(t, site, func(t *testing.T) {
		if err := site.B.Pages().Network.SetEnabled(t.Context(), netip.MustParseAddr("192.0.2.12"), false); err != nil {
			t.Fatal(err)
		}
		if v := site.Violations(); len(v) != 1 || v[0].Rule != pratest.RuleTakenOutOfService {
			t.Errorf("violations: %v", v)
		}
		if _, err := site.DialContext(t.Context(), "tcp", "192.0.2.12:443"); err == nil {
			t.Error("it can still be dialled")
		}
	})
}
