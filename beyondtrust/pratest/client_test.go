package pratest_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

// client returns a client of one appliance, dialled by its own address and spoken to as the site.
func client(t *testing.T, site *pratest.Site, box *pratest.Box, opts beyondtrust.Options) *beyondtrust.Client {
	t.Helper()
	id, secret := site.Account()
	opts.Dial, opts.HTTPClient = box.Address(), site.HTTPClient()
	c, err := beyondtrust.NewClient("https://access.example.com", beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)), &opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// bubble runs f in a bubble with a site that is closed at its end and must not have met an unknown request.
func bubble(t *testing.T, site *pratest.Site, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		site.T = t
		defer site.Close()
		f(t)
	})
}

func TestClientOverBothDialects(t *testing.T) {
	for _, dialect := range []beyondtrust.Dialect{beyondtrust.DialectV2, beyondtrust.DialectXML} {
		t.Run(string(dialect), func(t *testing.T) {
			site := pratest.Pair()
			site.Traffic = pratest.BySharedIP
			site.Switches.MoreFields = true
			bubble(t, site, func(t *testing.T) {
				ctx := t.Context()
				site.A.Address() // starts the simulation, so that A has its GUID
				opts := beyondtrust.Options{Dialect: dialect, GUID: site.A.GUID}
				a, b := client(t, site, &site.A, opts), client(t, site, &site.B, beyondtrust.Options{Dialect: dialect})

				h, err := a.Health(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if !h.Healthy || h.Version.Number != "24.3.2" || h.Version.Build != "51234" || h.FailoverRole != beyondtrust.RolePrimary || h.LastDataSync.IsZero() {
					t.Errorf("Health of A = %+v", h)
				}
				if d := cmp.Diff("192.0.2.10", h.SharedIPs[0].String()); d != "" {
					t.Error(d)
				}
				if h, err := b.Health(ctx); err != nil || h.FailoverRole != beyondtrust.RoleBackup || len(h.SharedIPs) != 0 {
					t.Errorf("Health of B = %+v, %v", h, err)
				}
				info, err := a.Info(ctx)
				if err != nil || info.Permissions[beyondtrust.PermBackup] == "" {
					t.Errorf("Info = %+v, %v", info, err)
				}
				users, err := a.Users(ctx)
				if err != nil || len(users) != 2 {
					t.Fatalf("Users = %v, %v", users, err)
				}
				sessions, err := a.CountSessions(ctx)
				if err != nil || sessions != 1 {
					t.Errorf("CountSessions = %d, %v", sessions, err)
				}
				if n, err := a.ConnectedJumpClients(ctx); err != nil || n != 12 {
					t.Errorf("ConnectedJumpClients = %d, %v", n, err)
				}
				if n, err := b.ConnectedJumpClients(ctx); err != nil || n != 0 {
					t.Errorf("ConnectedJumpClients of B = %d, %v", n, err)
				}
				var buf bytes.Buffer
				if err := a.Backup(ctx, &buf); err != nil || buf.Len() != 512<<10 {
					t.Errorf("Backup wrote %d bytes, %v", buf.Len(), err)
				}
				jumpoints := 0
				for j, err := range a.Jumpoints(ctx) {
					if err != nil || !j.Connected {
						t.Errorf("Jumpoint %+v, %v", j, err)
					}
					jumpoints++
				}
				if jumpoints != 2 {
					t.Errorf("%d Jumpoints", jumpoints)
				}
				if v := site.Violations(); v != nil {
					t.Errorf("violations: %v", v)
				}
			})
		})
	}
}

func TestClientDrainsAndSwapsRoles(t *testing.T) {
	for _, dialect := range []beyondtrust.Dialect{beyondtrust.DialectV2, beyondtrust.DialectXML} {
		t.Run(string(dialect), func(t *testing.T) { drainAndSwap(t, dialect) })
	}
}

func drainAndSwap(t *testing.T, dialect beyondtrust.Dialect) {
	site := pratest.Pair()
	site.Traffic = pratest.BySharedIP
	bubble(t, site, func(t *testing.T) {
		ctx := t.Context()
		a := client(t, site, &site.A, beyondtrust.Options{Dialect: dialect})
		list, err := a.Sessions(ctx)
		if err != nil || len(list) != 1 {
			t.Fatalf("Sessions = %v, %v", list, err)
		}
		if err := a.EndSession(ctx, list[0].LSID); err != nil {
			t.Error(err)
		}
		if n, err := a.CountSessions(ctx); err != nil || n != 0 {
			t.Errorf("after the end of the last one: %d sessions, %v", n, err)
		}
		users, err := a.Users(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if dialect == beyondtrust.DialectV2 { // the XML API of PRA has no such act
			for _, u := range users {
				if err := a.LogOut(ctx, u.ID); err != nil {
					t.Error(err)
				}
			}
			if users, err = a.Users(ctx); err != nil || len(users) != 0 {
				t.Errorf("Users = %v, %v", users, err)
			}
		}

		if _, err := a.SetFailoverRole(ctx, beyondtrust.RoleChange{Role: beyondtrust.RoleBackup, DataSyncFirst: true}); err != nil {
			t.Fatal(err)
		}
		until(t, "B is primary", func() bool { return site.B.Role() == beyondtrust.RolePrimary })
		if got := site.At(); !cmp.Equal(got, []string{"pra-b"}) {
			t.Errorf("at the site's name: %v: the shared IP follows the role", got)
		}
		if v := site.Violations(); v != nil {
			t.Errorf("violations: %v", v)
		}
	})
}

// TestClientAgainstSwitches: a client that is right passes with every position of the switches that concern it.
func TestClientAgainstSwitches(t *testing.T) {
	tests := map[string]func(*pratest.Switches){
		"Bomgar's namespace":       func(s *pratest.Switches) { s.Namespace = "http://www.bomgar.com/namespaces/API/command"; s.NoV2 = true },
		"no XML":                   func(s *pratest.Switches) { s.NoXML = true },
		"no v2":                    func(s *pratest.Switches) { s.NoV2 = true },
		"shared IPs null":          func(s *pratest.Switches) { s.SharedIPs = "null" },
		"shared IPs empty":         func(s *pratest.Switches) { s.SharedIPs = "[]" },
		"fresh health":             func(s *pratest.Switches) { s.FreshHealth = true },
		"new fields":               func(s *pratest.Switches) { s.MoreFields = true },
		"one token for both":       func(s *pratest.Switches) { s.TokensShared = true },
		"Host looked at":           func(s *pratest.Switches) { s.HostChecked = true },
		"no disposition":           func(s *pratest.Switches) { s.NoDisposition = true },
		"the backup is silent":     func(s *pratest.Switches) { s.BackupSilent = true },
		"silent when down":         func(s *pratest.Switches) { s.SilentWhenDown = true },
		"the role call is missing": func(s *pratest.Switches) { s.NoRoleAPI = true },
		"old JSON":                 func(s *pratest.Switches) { s.OldJSON = true },
		"a node is an object":      func(s *pratest.Switches) { s.NodeObject = true },
		"appliances alone":         func(s *pratest.Switches) { s.AppliancesAlone = true },
		"words before gateways":    func(s *pratest.Switches) { s.OldCounts = true },
	}
	for name, set := range tests {
		t.Run(name, func(t *testing.T) {
			site := pratest.Pair()
			set(&site.Switches)
			bubble(t, site, func(t *testing.T) {
				ctx := t.Context()
				a := client(t, site, &site.A, beyondtrust.Options{})
				for range 2 {
					if h, err := a.Health(ctx); err != nil || !h.Healthy || h.FailoverRole != beyondtrust.RolePrimary {
						t.Errorf("Health = %+v, %v", h, err)
					}
					time.Sleep(61 * time.Second)
				}
				if h, err := client(t, site, &site.B, beyondtrust.Options{}).Health(ctx); err != nil || h.FailoverRole != beyondtrust.RoleBackup {
					t.Errorf("Health of B = %+v, %v", h, err)
				}
				var buf bytes.Buffer
				if err := a.Backup(ctx, &buf); err != nil {
					t.Errorf("Backup: %v", err)
				}
				online := 0
				for j, err := range a.JumpClients(ctx) {
					if err != nil {
						t.Fatal(err)
					}
					if j.Online() && !j.NeedsUpdate {
						online++
					}
				}
				if online != 12 {
					t.Errorf("%d Jump Clients are online", online)
				}
			})
		})
	}
}

func TestClientErrors(t *testing.T) {
	tests := map[string]struct {
		prepare func(*pratest.Site)
		want    error
	}{
		"wrong secret":                  {func(s *pratest.Site) { s.Accounts = []pratest.Account{{ClientID: "someone", Secret: "other"}} }, beyondtrust.ErrBadCredential},
		"no permission":                 {func(s *pratest.Site) { s.Change(func() { s.Accounts[0].Command = "deny" }) }, beyondtrust.ErrForbidden},
		"the wrong appliance":           {func(s *pratest.Site) { s.Play("wrong-member-selected") }, beyondtrust.ErrWrongAppliance},
		"it is away":                    {func(s *pratest.Site) { s.A.PowerCycle() }, beyondtrust.ErrUnavailable},
		"a page in the place of health": {func(s *pratest.Site) { s.A.Inject("GET /api/*", pratest.Fault{Kind: pratest.FaultPage, Times: -1}) }, beyondtrust.ErrAnswer},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			site := pratest.Pair()
			bubble(t, site, func(t *testing.T) {
				id, secret := site.Account()
				guid, addr := site.A.GUID, site.A.Address()
				tt.prepare(site)
				c, err := beyondtrust.NewClient("https://access.example.com", beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)),
					&beyondtrust.Options{Dial: addr, GUID: guid, HTTPClient: site.HTTPClient()})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				if name == "wrong secret" {
					c, _ = beyondtrust.NewClient("https://access.example.com", beyondtrust.NewCredential("someone", beyondtrust.NewSecret("wrong")),
						&beyondtrust.Options{Dial: addr, HTTPClient: site.HTTPClient()})
				}
				if _, err := c.Health(ctx); !errors.Is(err, tt.want) {
					t.Errorf("Health: %v, want %v", err, tt.want)
				}
			})
		})
	}
}

func BenchmarkProbe(b *testing.B) {
	site := pratest.Single()
	site.Switches.FreshHealth = true
	defer site.Close()
	id, secret := site.Account()
	c, err := beyondtrust.NewClient(site.URL(), beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)), &beyondtrust.Options{HTTPClient: site.HTTPClient()})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Probe(b.Context()); err != nil { // a connection with TLS each
			b.Fatal(err)
		}
	}
}
