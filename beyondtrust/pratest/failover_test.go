package pratest_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

func roles(site *pratest.Site) [2]beyondtrust.Role {
	return [2]beyondtrust.Role{site.A.Role(), site.B.Role()}
}

func TestEstablishIsRefused(t *testing.T) {
	tests := map[string]struct {
		prepare func(*pratest.Site)
		backup  string
		want    string
	}{
		"the shared name":    {nil, "access.example.com", "should not be used"},
		"nobody there":       {nil, "192.0.2.77", "cannot be contacted"},
		"itself":             {nil, "192.0.2.11", "cannot be contacted"},
		"different keys":     {func(s *pratest.Site) { s.Play("mismatched-keys") }, "192.0.2.12", "differ"},
		"different versions": {func(s *pratest.Site) { s.Play("peer-too-far-behind") }, "192.0.2.12", "same installed package"},
		"the peer is away":   {func(s *pratest.Site) { s.B.PowerCycle() }, "192.0.2.12", "cannot be contacted"},
		"an empty field":     {nil, "", "Enter a valid"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			site := pratest.Pair()
			site.Relation = beyondtrust.RelationNone
			bubble(t, site, func(t *testing.T) {
				if tt.prepare != nil {
					tt.prepare(site)
				}
				err := site.A.Pages().Failover.Establish(t.Context(), beyondtrust.Establish{
					Backup: beyondtrust.Endpoint{Host: tt.backup}, Primary: beyondtrust.Endpoint{Host: "192.0.2.11", Port: 443},
				})
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("Establish = %v, want %q", err, tt.want)
				}
				if d := cmp.Diff([2]beyondtrust.Role{"none", "none"}, roles(site)); d != "" {
					t.Error(d)
				}
			})
		})
	}
}

func TestSwapPassesThroughBothBackup(t *testing.T) {
	site := pratest.Pair()
	bubble(t, site, func(t *testing.T) {
		if err := site.B.Pages().Failover.Become(t.Context(), beyondtrust.RolePrimary, beyondtrust.BecomeOptions{DataSyncFirst: true}); err != nil {
			t.Fatal(err)
		}
		var seen [][2]beyondtrust.Role
		for range 600 {
			if r := roles(site); len(seen) == 0 || seen[len(seen)-1] != r {
				seen = append(seen, r)
			}
			time.Sleep(time.Second)
		}
		want := [][2]beyondtrust.Role{{"primary", "backup"}, {"backup", "backup"}, {"backup", "primary"}}
		if d := cmp.Diff(want, seen); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		if n := len(site.Record().Of(pratest.SyncDone)); n != 1 {
			t.Errorf("%d syncs before the swap", n)
		}
		if n := len(site.Record().Of(pratest.End)); n != 3 { // two consoles, one session
			t.Errorf("%d users and sessions were cut off", n)
		}
	})
}

func TestSwapWithoutSync(t *testing.T) {
	site := pratest.Pair()
	bubble(t, site, func(t *testing.T) {
		if err := site.A.Pages().Failover.Become(t.Context(), beyondtrust.RoleBackup, beyondtrust.BecomeOptions{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if d := cmp.Diff([2]beyondtrust.Role{"backup", "primary"}, roles(site)); d != "" {
			t.Error(d)
		}
		if n := len(site.Record().Of(pratest.End)); n != 3 || len(site.Record().Of(pratest.SyncBegun)) != 0 {
			t.Errorf("%d users and sessions were cut off: %v", n, site.Record())
		}
	})
}

func TestBreakWithoutPeerLeavesItHalfBroken(t *testing.T) {
	site := pratest.Pair()
	bubble(t, site, func(t *testing.T) {
		site.B.PowerCycle()
		if err := site.A.Pages().Failover.Break(t.Context()); err != nil {
			t.Fatal(err)
		}
		until(t, "B boots", site.B.Up)
		if d := cmp.Diff([2]beyondtrust.Role{"none", "backup"}, roles(site)); d != "" {
			t.Error(d)
		}
	})
}

func TestAutomaticFailover(t *testing.T) {
	for name, automatic := range map[string]bool{"on": true, "off": false} {
		t.Run(name, func(t *testing.T) {
			site := pratest.Pair()
			site.Traffic = pratest.BySharedIP
			site.B.AutomaticFailover = automatic
			site.Times.Boot = 20 * time.Minute
			bubble(t, site, func(t *testing.T) {
				site.A.PowerCycle()
				time.Sleep(10 * time.Minute)
				promoted := len(site.Record().Of(pratest.Promote)) == 1
				if promoted != automatic || (site.B.Role() == beyondtrust.RolePrimary) != automatic {
					t.Errorf("promoted: %t, roles %v", promoted, roles(site))
				}
				time.Sleep(time.Hour)
				f, err := site.A.Pages().Failover.Failover(t.Context())
				if err != nil || (f.Relation == beyondtrust.RelationConflict) != automatic {
					t.Errorf("when A is back: %+v, %v", f, err)
				}
				if automatic {
					person{t, &site.A}.press(beyondtrust.MenuFailover, "", beyondtrust.ButtonFixThisError, nil)
					if at := site.At(); len(at) != 1 {
						t.Errorf("after Fix This Error: %v", at)
					}
				}
			})
		})
	}
}

func TestSyncs(t *testing.T) {
	site := pratest.Pair()
	site.Switches.SyncRunning = "running"
	bubble(t, site, func(t *testing.T) {
		p := site.A.Pages().Failover
		person{t, &site.A}.press(beyondtrust.MenuJumpClients, "", "Save", map[string]string{"Global connection rate for Jump Clients": "33"})
		before, _ := p.Failover(t.Context())
		if err := p.SyncNow(t.Context()); err != nil {
			t.Fatal(err)
		}
		during, _ := p.Failover(t.Context())
		if during.Syncing != beyondtrust.On || during.LastSyncStatus != "running" || !during.LastSync.Equal(before.LastSync) {
			t.Errorf("during: %+v", during)
		}
		time.Sleep(5 * time.Minute)
		after, _ := p.Failover(t.Context())
		if after.Syncing != beyondtrust.Off || after.LastSyncStatus != "success" || !after.LastSync.After(before.LastSync) {
			t.Errorf("after: %+v", after)
		}
		if got := site.B.Throttle().ConnectionRate; got != 33 {
			t.Errorf("B's settings are not A's: %d", got)
		}
		n := len(site.Record().Of(pratest.SyncDone))
		time.Sleep(3 * time.Hour)
		if more := len(site.Record().Of(pratest.SyncDone)) - n; more != 3 && more != 2 {
			t.Errorf("%d scheduled syncs in three hours", more)
		}
		if err := p.SyncNow(t.Context()); err != nil {
			t.Fatal(err)
		}
		site.B.PowerCycle()
		time.Sleep(10 * time.Minute)
		if f, _ := p.Failover(t.Context()); f.LastSyncStatus != "failed" {
			t.Errorf("a sync with a peer that went away: %q", f.LastSyncStatus)
		}
	})
}

// TestFirstSync comes by itself a minute after the relationship, and the last one of the former relationship is not shown, unless a switch says so.
func TestFirstSync(t *testing.T) {
	for name, old := range map[string]bool{"the old one is gone": false, "the old one is shown": true} {
		t.Run(name, func(t *testing.T) {
			site := pratest.Pair()
			site.Switches.OldSyncShown = old
			bubble(t, site, func(t *testing.T) {
				a := site.A.Pages().Failover
				a.Break(t.Context())
				establish(t, &site.A, &site.B)
				began := time.Now()
				f, _ := a.Failover(t.Context())
				if !f.LastSync.IsZero() != old {
					t.Errorf("at first: %v", f.LastSync)
				}
				until(t, "the first sync", func() bool {
					f, err := a.Failover(t.Context())
					return err == nil && f.LastSync.After(began)
				})
				if took := time.Since(began).Round(time.Minute); took != 5*time.Minute {
					t.Errorf("it took %v", took)
				}
				if v := site.Violations(); v != nil {
					t.Errorf("violations: %v", v)
				}
			})
		})
	}
}

func TestBackupHidesTabs(t *testing.T) {
	site := pratest.Pair()
	bubble(t, site, func(t *testing.T) {
		if _, err := site.B.Read(t.Context(), beyondtrust.MenuSoftware, "", "Product Version"); err == nil || strings.Contains(err.Error(), "Software Management;") {
			t.Errorf("a backup shows its Software page: %v", err)
		}
		if err := site.A.Pages().Failover.Break(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := site.B.Read(t.Context(), beyondtrust.MenuSoftware, "", "Product Version"); err != nil {
			t.Errorf("standing alone it does not: %v", err)
		}
	})
}

// TestRestoreOverwritesFailoverSettings: a backup brings back roles and the pre-shared key of its day.
func TestRestoreOverwritesFailoverSettings(t *testing.T) {
	site := pratest.Pair()
	bubble(t, site, func(t *testing.T) {
		a := site.A.Pages()
		var file bytes.Buffer
		if err := a.Software.DownloadBackup(t.Context(), &file, beyondtrust.BackupPageOptions{}); err != nil {
			t.Fatal(err)
		}
		a.Failover.Break(t.Context())
		site.Play("mismatched-keys")
		files := fstest.MapFS{"a.nsb": {Data: file.Bytes()}}
		if err := site.B.Pages().Software.Restore(t.Context(), files, "a.nsb", beyondtrust.Secret{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if same, err := beyondtrust.SameKey(t.Context(), a.Security, site.B.Pages().Security); err != nil || !same {
			t.Errorf("the key: %t, %v", same, err)
		}
		if err := site.A.Pages().Software.Restore(t.Context(), files, "a.nsb", beyondtrust.NewSecret("any")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if d := cmp.Diff([2]beyondtrust.Role{"primary", "none"}, roles(site)); d != "" {
			t.Errorf("A believes in its former relationship again (-want +got):\n%s", d)
		}
	})
}

func TestBackupPassword(t *testing.T) {
	site := pratest.Single()
	bubble(t, site, func(t *testing.T) {
		p := site.A.Pages().Software
		var file bytes.Buffer
		if err := p.DownloadBackup(t.Context(), &file, beyondtrust.BackupPageOptions{Password: beyondtrust.NewSecret("right")}); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(file.Bytes(), []byte("right")) {
			t.Error("the password stands in the file")
		}
		files := fstest.MapFS{"a.nsb": {Data: file.Bytes()}, "text": {Data: []byte("Invalid credentials")}}
		for word, want := range map[string]string{"right": "", "wrong": "password is wrong"} {
			err := p.Restore(t.Context(), files, "a.nsb", beyondtrust.NewSecret(word))
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s: %v", word, err)
			}
			time.Sleep(10 * time.Minute)
		}
		if err := p.Restore(t.Context(), files, "text", beyondtrust.Secret{}); err == nil || !strings.Contains(err.Error(), "not a backup") {
			t.Errorf("a text: %v", err)
		}
	})
}
