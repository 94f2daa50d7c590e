package pratest_test

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

// TestSwitches are the positions that the other tests do not turn.
func TestSwitches(t *testing.T) {
	tests := map[string]struct {
		set  func(*pratest.Switches)
		seen func(t *testing.T, s *pratest.Site) bool
	}{
		"roles stay after a break": {func(sw *pratest.Switches) { sw.RolesStay = true }, func(t *testing.T, s *pratest.Site) bool {
			s.A.Pages().Failover.Break(t.Context())
			f, err := s.A.Pages().Failover.Failover(t.Context())
			stayed := roles(s) == [2]beyondtrust.Role{"primary", "backup"} && err == nil && f.Relation == beyondtrust.RelationNone
			if err := s.B.SignIn(pratest.User{Name: "tester"}); err != nil {
				t.Errorf("standing alone B takes consoles: %v", err)
			}
			establish(t, &s.A, &s.B)
			time.Sleep(10 * time.Minute)
			f, _ = s.A.Pages().Failover.Failover(t.Context())
			return stayed && f.Relation == beyondtrust.RelationEstablished && !f.LastSync.IsZero()
		}},
		"no automatic updates on a pair": {func(sw *pratest.Switches) { sw.NoAutomatic = true }, func(t *testing.T, s *pratest.Site) bool {
			before := s.B.Pages().Updates.Check(t.Context())
			s.A.Pages().Failover.Break(t.Context())
			return errors.Is(before, beyondtrust.ErrNotPressed) && s.B.Pages().Updates.Check(t.Context()) == nil
		}},
		"the newer words": {func(sw *pratest.Switches) { sw.Newer = true }, func(t *testing.T, s *pratest.Site) bool {
			_, err := s.A.Read(t.Context(), beyondtrust.MenuSoftwareNewer, "", "Product Version")
			p := s.A.Pages()
			return err == nil && p.Failover.Break(t.Context()) == nil && p.Updates.Check(t.Context()) == nil &&
				p.Failover.Establish(t.Context(), beyondtrust.Establish{
					Backup: beyondtrust.Endpoint{Host: "192.0.2.12", Port: 443}, Primary: beyondtrust.Endpoint{Host: "192.0.2.11"}}) == nil
		}},
		"an agreement for every package": {func(sw *pratest.Switches) { sw.EULAAlways = true }, func(t *testing.T, s *pratest.Site) bool {
			s.A.Pages().Failover.Break(t.Context())
			base(t, &s.B)
			p := s.B.Pages().Updates
			p.Check(t.Context())
			time.Sleep(time.Minute)
			p.Install(t.Context(), "BeyondTrust-25.1.1")
			u, err := p.Updates(t.Context())
			asked := err == nil && u.State == beyondtrust.UpdateEULARequired && s.B.Up()
			return asked && p.AcceptEULA(t.Context(), u.EULA) == nil && len(s.Record().Of(pratest.Agree)) == 1
		}},
		"certificates choose themselves": {func(sw *pratest.Switches) { sw.NoAssign = true }, func(t *testing.T, s *pratest.Site) bool {
			err := s.A.Pages().Certificates.AssignIP(t.Context(), beyondtrust.Certificate{IssuedTo: s.Name}, netip.MustParseAddr("192.0.2.11"))
			return errors.Is(err, beyondtrust.ErrNotPressed)
		}},
		"a sync is not shown": {func(sw *pratest.Switches) { sw.NoSyncing = true }, func(t *testing.T, s *pratest.Site) bool {
			f, err := s.A.Pages().Failover.Failover(t.Context())
			return err == nil && f.Syncing == ""
		}},
		"syncs across versions work": {func(sw *pratest.Switches) { sw.SyncAcrossVersions = true }, func(t *testing.T, s *pratest.Site) bool {
			s.Play("peer-too-far-behind")
			s.A.Pages().Failover.SyncNow(t.Context())
			time.Sleep(10 * time.Minute)
			f, _ := s.A.Pages().Failover.Failover(t.Context())
			return f.LastSyncStatus == "success" && len(s.Violations()) == 1
		}},
		"the role held is refused": {func(sw *pratest.Switches) { sw.RoleHeldStatus = 409 }, func(t *testing.T, s *pratest.Site) bool {
			return setRole(t, s, `{"role":"primary"}`) == 409
		}},
		"the role held": {nil, func(t *testing.T, s *pratest.Site) bool { return setRole(t, s, `{"role":"primary"}`) == 200 }},
		"no failover": {nil, func(t *testing.T, s *pratest.Site) bool {
			s.A.Pages().Failover.Break(t.Context())
			return setRole(t, s, `{"role":"primary"}`) == 422
		}},
		"an unknown field": {nil, func(t *testing.T, s *pratest.Site) bool { return setRole(t, s, `{"role":"primary","now":true}`) == 400 }},
		"the peer is away": {nil, func(t *testing.T, s *pratest.Site) bool {
			s.B.PowerCycle()
			return setRole(t, s, `{"role":"backup"}`) == 500 && s.A.Role() == "primary" && setRole(t, s, `{"role":"backup","force":true}`) == 200 && s.A.Role() == "backup"
		}},
		"a package stays in the list": {func(sw *pratest.Switches) { sw.StaysOffered = true }, func(t *testing.T, s *pratest.Site) bool {
			key := person{t, &s.A}.read(beyondtrust.MenuUpdates, "", "Appliance Download Key")
			s.FetchUpdate(t.Context(), key, "Base Software 7.0.0")
			left, err := s.UpdatesFor(key)
			return err == nil && len(left) == 2
		}},
		"consumed by its last byte": {func(sw *pratest.Switches) { sw.ConsumedWhole = true }, func(t *testing.T, s *pratest.Site) bool {
			key := person{t, &s.A}.read(beyondtrust.MenuUpdates, "", "Appliance Download Key")
			s.FetchUpdate(t.Context(), key, "Base Software 7.0.0")
			left, err := s.UpdatesFor(key)
			return err == nil && len(left) == 2
		}},
		"unwell during a sync": {func(sw *pratest.Switches) { sw.SyncUnwell = true }, func(t *testing.T, s *pratest.Site) bool {
			probe := func() int { return ask(t.Context(), s, "GET", "https://pra-b.example.com/check_health", "").status }
			before := probe()
			s.A.Pages().Failover.SyncNow(t.Context())
			during := probe()
			time.Sleep(10 * time.Minute)
			return before == 200 && during == 500 && probe() == 200
		}},
		"no role call": {func(sw *pratest.Switches) { sw.NoRoleAPI = true }, func(t *testing.T, s *pratest.Site) bool {
			g := ask(t.Context(), s, "GET", "https://pra-a.example.com/api/command?action=set_failover_role&role=backup", token(t, s, &s.A))
			return setRole(t, s, `{"role":"backup"}`) == 404 && strings.Contains(string(g.body), "<error") && s.A.Role() == beyondtrust.RolePrimary
		}},
		"appliances alone": {func(sw *pratest.Switches) { sw.AppliancesAlone = true }, func(t *testing.T, s *pratest.Site) bool {
			g := ask(t.Context(), s, "GET", "https://pra-a.example.com/api/command/v2/appliance", token(t, s, &s.A))
			return strings.Count(string(g.body), `"id"`) == 1
		}},
		"a node is an object": {func(sw *pratest.Switches) { sw.NodeObject = true }, func(t *testing.T, s *pratest.Site) bool {
			g := ask(t.Context(), s, "GET", "https://pra-a.example.com/api/config/v1/jumpoint/501/node", token(t, s, &s.A))
			return strings.HasPrefix(string(g.body), "{")
		}},
		"forms without a token": {func(sw *pratest.Switches) { sw.NoToken = true }, func(t *testing.T, s *pratest.Site) bool {
			b := newBrowser(t, s, &s.A, pratest.AdminPassword)
			has := strings.Contains(b.get(b.path(beyondtrust.MenuFailover)), `name="token"`)
			b.press(beyondtrust.MenuFailover, "", "", beyondtrust.ButtonBreak, nil)
			return !has && s.A.Role() == beyondtrust.RoleNone
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			site := pratest.Pair()
			if tt.set != nil {
				tt.set(&site.Switches)
			}
			bubble(t, site, func(t *testing.T) {
				if !tt.seen(t, site) {
					t.Errorf("not seen:\n%v", site.Record())
				}
			})
		})
	}
}

// setRole asks A for a role and returns the status.
func setRole(t *testing.T, s *pratest.Site, body string) int {
	t.Helper()
	req, _ := http.NewRequestWithContext(t.Context(), "POST", "https://pra-a.example.com/api/command/v2/failover-role", strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+token(t, s, &s.A))
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.HTTPClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// TestAccountRestrictions: an account may be limited to addresses and to reading.
func TestAccountRestrictions(t *testing.T) {
	site := pratest.Pair()
	site.Accounts = []pratest.Account{
		{Name: "reader", ClientID: "reader", Secret: "s", Command: "read_only"},
		{Name: "elsewhere", ClientID: "elsewhere", Secret: "s", Command: "full_access", Allowed: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, From: netip.MustParseAddr("192.0.2.200")},
	}
	bubble(t, site, func(t *testing.T) {
		if got := setRole(t, site, `{"role":"backup"}`); got != 403 {
			t.Errorf("a reader changes roles: %d", got)
		}
		req, _ := http.NewRequestWithContext(t.Context(), "POST", "https://pra-a.example.com/oauth2/token", strings.NewReader("grant_type=client_credentials"))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.SetBasicAuth("elsewhere", "s")
		resp, err := site.HTTPClient().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 401 {
			t.Errorf("from an address that is not allowed: %d", resp.StatusCode)
		}
	})
}
