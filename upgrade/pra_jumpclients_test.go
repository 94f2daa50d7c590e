package upgrade_test

import (
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// TestAwaitJumpClientsMany looks at 50,000 clients in bounded memory, within the vendor's 15,000 requests an hour.
func TestAwaitJumpClientsMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pratest.Single()
		s.Fleet = pratest.Fleet{Active: 50_000, Passive: -1, Offline: -1}
		defer s.Close()
		id, secret := s.Account()
		c, err := beyondtrust.NewClient(s.URL(), beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)), &beyondtrust.Options{Dial: s.A.Address(), HTTPClient: s.HTTPClient()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Health(t.Context()); err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		rep, err := upgrade.AwaitJumpClients(upgrade.PRA{Name: "A", Client: c}, upgrade.ReturnPolicy{}).Run(t.Context(), &upgrade.Options{Journal: upgrade.NoJournal()})
		if err != nil {
			t.Fatalf("Run: %v\n%s", err, rep)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if !strings.Contains(rep.Steps[0].Detail, "50000 of 50000") {
			t.Error(rep.Steps[0].Detail)
		}
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
			t.Errorf("the heap grew by %d bytes", grown)
		}
		if sys := after.Sys; sys > 256<<20 {
			t.Errorf("the process has %d bytes, of which the simulator is a part", sys)
		}
		total := 0
		for call, n := range s.Calls() {
			if strings.HasPrefix(call, "GET /api/config") {
				total += n
			}
		}
		if took := time.Since(began); total > 520 || took > 2*time.Minute {
			t.Errorf("%d requests in %s", total, took)
		}
		t.Logf("%d requests in %s; heap before %d KiB, after %d KiB", total, time.Since(began), before.HeapAlloc>>10, after.HeapAlloc>>10)
	})
}
