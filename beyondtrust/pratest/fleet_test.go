package pratest_test

import (
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

// returns is the time from the end of the site installation until share of the clients are back.
func returns(t *testing.T, site *pratest.Site, share float64) time.Duration {
	t.Helper()
	base(t, &site.A)
	p := person{t, &site.A}
	p.press(beyondtrust.MenuUpdates, "", "Check for updates", nil)
	time.Sleep(time.Minute)
	p.press(beyondtrust.MenuUpdates, "BeyondTrust-25.1.1", "Install This Update", nil)
	until(t, "it goes away", func() bool { return !site.A.Up() })
	until(t, "it comes back", site.A.Up)
	begin := time.Now()
	for range 1000 {
		if n, all := site.Returned(&site.A); float64(n) >= share*float64(all) {
			break
		}
		time.Sleep(30 * time.Second)
	}
	return time.Since(begin)
}

func TestFleetReturnsWithinTheThrottle(t *testing.T) {
	tests := map[string]struct {
		concurrent, bandwidth string
		atLeast, atMost       time.Duration
	}{
		"ten at a time":      {"10", "100", 50 * time.Minute, time.Hour}, // 1000 of them, 30 s each, 10 at once
		"a hundred":          {"100", "100", 5 * time.Minute, 7 * time.Minute},
		"little bandwidth":   {"100", "10", 45 * time.Minute, 60 * time.Minute},  // 1000 times 30 MiB at 10 MiB/s
		"too many at a time": {"500", "100", 40 * time.Minute, 60 * time.Minute}, // slower than a hundred
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			site := pratest.Single()
			site.Fleet = pratest.Fleet{Active: 1000}
			bubble(t, site, func(t *testing.T) {
				person{t, &site.A}.press(beyondtrust.MenuJumpClients, "", "Save", map[string]string{
					beyondtrust.LabelMaxConcurrentUpgrades: tt.concurrent, beyondtrust.LabelMaxBandwidth: tt.bandwidth})
				took := returns(t, site, 1)
				if took < tt.atLeast || took > tt.atMost {
					t.Errorf("they returned in %v, want %v to %v", took, tt.atLeast, tt.atMost)
				}
				if flooded := len(site.Violations()) > 0; flooded != (tt.concurrent == "500") {
					t.Errorf("violations: %v", site.Violations())
				}
			})
		})
	}
}

func TestFleetPassiveAndOffline(t *testing.T) {
	site := pratest.Single()
	site.Fleet = pratest.Fleet{Active: 50, Passive: 50, Offline: 10}
	bubble(t, site, func(t *testing.T) {
		c := client(t, site, &site.A, beyondtrust.Options{})
		if took := returns(t, site, 0.5); took > 10*time.Minute {
			t.Errorf("the active ones took %v", took)
		}
		if n, err := c.ConnectedJumpClients(t.Context()); err != nil || n != 50 {
			t.Errorf("connected: %d, %v", n, err)
		}
		begin := time.Now()
		until(t, "the passive ones", func() bool { n, all := site.Returned(&site.A); return n == all })
		if took := time.Since(begin); took < 12*time.Hour || took > 25*time.Hour {
			t.Errorf("the passive ones took %v", took)
		}
		counts := map[string]int{}
		for j, err := range c.JumpClients(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case j.NeedsUpdate:
				counts["pending"]++
			case j.Online():
				counts["online"]++
			default:
				counts["away"]++
			}
		}
		if counts["pending"] != 10 || counts["online"] != 50 || counts["away"] != 50 {
			t.Errorf("%v", counts)
		}
	})
}

func TestFleetNeverReturns(t *testing.T) {
	for name, play := range map[string]func(*pratest.Site){
		"the package was built with another authority": func(s *pratest.Site) { s.Play("clients-never-return") },
		"automatic upgrades are disabled":              func(s *pratest.Site) { s.Play("clients-never-upgrade") },
		"the certificate has another authority":        func(s *pratest.Site) { s.A.Reissue(true, time.Now().AddDate(1, 0, 0)) },
	} {
		t.Run(name, func(t *testing.T) {
			site := pratest.Single()
			bubble(t, site, func(t *testing.T) {
				play(site)
				whole(t, &site.A)
				time.Sleep(48 * time.Hour)
				if n, all := site.Returned(&site.A); n != 0 && name != "the package was built with another authority" || n == all {
					t.Errorf("%d of %d returned", n, all)
				}
				c := client(t, site, &site.A, beyondtrust.Options{})
				if n, _ := c.ConnectedJumpClients(t.Context()); (n != 0) != (name == "automatic upgrades are disabled") {
					t.Errorf("%d are connected", n)
				}
			})
		})
	}
}

// TestFleetFollowsTheName, or stays where it is until that goes away.
func TestFleetFollowsTheName(t *testing.T) {
	for name, stays := range map[string]bool{"at once": false, "when A goes away": true} {
		t.Run(name, func(t *testing.T) {
			site := pratest.Pair()
			site.Relation = beyondtrust.RelationNone
			site.Switches.ClientsStay = stays
			bubble(t, site, func(t *testing.T) {
				b := client(t, site, &site.B, beyondtrust.Options{})
				site.SetDNS(site.Name, site.B.Addr)
				time.Sleep(10 * time.Minute)
				if n, err := b.ConnectedJumpClients(t.Context()); err != nil || (n == 0) != stays {
					t.Errorf("at B: %d, %v", n, err)
				}
				site.A.PowerCycle()
				time.Sleep(10 * time.Minute)
				if n, err := b.ConnectedJumpClients(t.Context()); err != nil || n != 12 {
					t.Errorf("then: %d, %v", n, err)
				}
				for j, err := range client(t, site, &site.A, beyondtrust.Options{}).JumpClients(t.Context()) {
					if err != nil || j.Online() {
						t.Errorf("to A %s is online, %v", j.Name, err)
					}
				}
				connected := 0
				for j, err := range b.Jumpoints(t.Context()) {
					if err == nil && j.Connected {
						connected++
					}
				}
				if connected != 2 {
					t.Errorf("%d Jumpoints", connected)
				}
			})
		})
	}
}

// TestFleetOfFiftyThousand needs little memory and little time.
func TestFleetOfFiftyThousand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		site := pratest.Single()
		site.Fleet = pratest.Fleet{Active: 40000, Passive: 10000}
		defer site.Close()
		site.A.Address()
		runtime.GC()
		runtime.ReadMemStats(&after)
		if used := int64(after.HeapAlloc) - int64(before.HeapAlloc); used > 4<<20 {
			t.Errorf("%d bytes for 50,000 clients", used)
		}
		person{t, &site.A}.press(beyondtrust.MenuJumpClients, "", "Save", map[string]string{
			beyondtrust.LabelMaxConcurrentUpgrades: "90", beyondtrust.LabelConnectionRate: "300"})
		took := returns(t, site, 0.8)
		if took < 3*time.Hour || took > 8*time.Hour {
			t.Errorf("40,000 at 90 at a time took %v", took)
		}
		if v := site.Violations(); v != nil {
			t.Errorf("violations: %v", v)
		}
	})
}

func BenchmarkFleet(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		site := pratest.Single()
		site.Fleet = pratest.Fleet{Active: 50000}
		site.Close()
	}
}

// TestFleetNewerThanTheAppliance: "updated clients will not come online until their appliance is updated" (guide).
func TestFleetNewerThanTheAppliance(t *testing.T) {
	site := pratest.Pair()
	site.Relation = beyondtrust.RelationNone
	bubble(t, site, func(t *testing.T) {
		whole(t, &site.B)
		site.SetDNS(site.Name, site.B.Addr)
		time.Sleep(10 * time.Minute)
		a, b := client(t, site, &site.A, beyondtrust.Options{}), client(t, site, &site.B, beyondtrust.Options{})
		if n, err := b.ConnectedJumpClients(t.Context()); err != nil || n != 12 {
			t.Fatalf("at B: %d, %v", n, err)
		}
		site.SetDNS(site.Name, site.A.Addr)
		time.Sleep(24 * time.Hour)
		if n, err := a.ConnectedJumpClients(t.Context()); err != nil || n != 0 {
			t.Errorf("at A, which is older: %d, %v", n, err)
		}
		whole(t, &site.A)
		time.Sleep(10 * time.Minute)
		if n, err := a.ConnectedJumpClients(t.Context()); err != nil || n != 12 {
			t.Errorf("at A after its own upgrade: %d, %v", n, err)
		}
	})
}

// TestFleetPending: one whose upgrade is pending cannot be jumped to, but the attempt moves it to the front of the queue (guide).
func TestFleetPending(t *testing.T) {
	site := pratest.Single()
	site.Fleet = pratest.Fleet{Active: 100}
	site.Times.ClientUpgrade = 10 * time.Minute
	bubble(t, site, func(t *testing.T) {
		p := person{t, &site.A}
		p.press(beyondtrust.MenuJumpClients, "", "Save", map[string]string{beyondtrust.LabelMaxConcurrentUpgrades: "1"})
		whole(t, &site.A)
		jump := func() error {
			_, _, err := site.A.Press(t.Context(), pratest.MenuConsole, "", "Jump", map[string]string{"Jump Item": "host-00090"}, "")
			return err
		}
		if err := jump(); err == nil || !strings.Contains(err.Error(), beyondtrust.LabelUpgradePending) {
			t.Errorf("jump to a pending one: %v", err)
		}
		time.Sleep(25 * time.Minute) // with one at a time it would be hours without the attempt
		if err := jump(); err != nil {
			t.Errorf("it was not moved to the front: %v", err)
		}
	})
}
