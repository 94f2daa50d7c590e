package pratest_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

// person presses and reads at one appliance, and fails the test when he cannot.
type person struct {
	t   *testing.T
	box *pratest.Box
}

func (p person) press(where, row, button string, set map[string]string) (name string, file io.Reader) {
	p.t.Helper()
	name, file, err := p.box.Press(p.t.Context(), where, row, button, set, "")
	if err != nil {
		p.t.Fatal(err)
	}
	return name, file
}

func (p person) read(where, row, label string) string {
	p.t.Helper()
	text, err := p.box.Read(p.t.Context(), where, row, label)
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// save puts a downloaded file into dir and returns its path.
func (p person) save(dir, name string, file io.Reader) string {
	p.t.Helper()
	if file == nil {
		p.t.Fatalf("no file came")
	}
	path := filepath.Join(dir, filepath.Base(name))
	out, err := os.Create(path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer out.Close()
	if _, err := io.Copy(out, file); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// until waits until ok says yes, for at most a day.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 24 * 60 * 6 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Second)
	}
	t.Fatalf("never: %s", what)
}

// fetch is the person at the update server.
func (p person) fetch(dir, key, pkg string) string {
	p.t.Helper()
	p.press(pratest.MenuUpdateServer, "", "Submit", map[string]string{"Appliance Download Key": key})
	name, file := p.press(pratest.MenuUpdateServer, pkg, "Download", nil)
	return p.save(dir, name, file)
}

// update is the manual way: key, two packages, Base, backup, site.
func (p person) update(dir string) {
	p.t.Helper()
	p.press(beyondtrust.MenuUpdates, "", "Appliance Download Key", nil)
	key := p.read(beyondtrust.MenuUpdates, "", "Appliance Download Key")
	base := p.fetch(dir, key, "Base Software 7.0.0")
	site := p.fetch(dir, key, "BeyondTrust-25.1.1")

	p.press(beyondtrust.MenuUpdates, "", "Update Software", map[string]string{"Package File": base})
	until(p.t, "Base goes away", func() bool { return !p.box.Up() })
	until(p.t, "Base comes back", p.box.Up)
	if got := p.read(beyondtrust.MenuBasics, "", "Base Software"); got != "7.0.0" {
		p.t.Fatalf("Base Software = %s", got)
	}
	name, backup := p.press(beyondtrust.MenuSoftware, "", "Download Backup", nil)
	p.save(dir, name, backup)
	p.press(beyondtrust.MenuUpdates, "", "Update Software", map[string]string{"Package File": site})
	until(p.t, "the site goes away", func() bool { return !p.box.Up() })
	until(p.t, "the site comes back", p.box.Up)
	if got := p.read(beyondtrust.MenuInformation, "", "Product Version"); got != "25.1.1" {
		p.t.Fatalf("Product Version = %s", got)
	}
}

// TestManualAsynchronous is the guide's asynchronous upgrade with a shared IP switch, pressed by hand from beginning to end, and nothing is wrong with it.
func TestManualAsynchronous(t *testing.T) {
	for name, traffic := range map[string]pratest.Traffic{"shared IP": pratest.BySharedIP, "DNS": pratest.ByDNS, "NAT": pratest.ByNAT} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				site := pratest.Pair()
				site.Traffic = traffic
				defer site.Close()
				seen := site.Watch(context.Background(), time.Second)
				a, b := person{t, &site.A}, person{t, &site.B}

				nameA, backup := a.press(beyondtrust.MenuSoftware, "", "Download Backup", map[string]string{
					"Software :: Backup Settings > Backup Password": "secret", "Confirm Password": "secret"})
				a.save(dir, nameA, backup)
				pressed := time.Now()
				a.press(beyondtrust.MenuFailover, "", "Sync Now", nil)
				until(t, "the sync is done", func() bool {
					at, err := time.Parse(time.RFC3339, a.read(beyondtrust.MenuFailover, "", "Last Data Sync"))
					return err == nil && at.After(pressed)
				})
				a.press(beyondtrust.MenuFailover, "", "Break Failover Relationships", nil)

				b.press(beyondtrust.MenuJumpClients, "", "Save", map[string]string{"Maximum Number of Concurrent Jump Client Upgrades": "5"})
				b.update(dir)
				b.press(pratest.MenuConsole, "", "Sign In", nil)
				if got := b.read(pratest.MenuAbout, "", "Version"); got != "25.1.1" {
					t.Errorf("the console at B is %s", got)
				}

				switch traffic {
				case pratest.BySharedIP:
					a.press(beyondtrust.MenuIPConfiguration, "192.0.2.10", "Save Changes", map[string]string{"Enabled": "off"})
					b.press(beyondtrust.MenuIPConfiguration, "192.0.2.10", "Save Changes", map[string]string{"Enabled": "on"})
				case pratest.ByNAT:
					site.SetNAT(site.Outside(), site.B.Addr)
				default:
					site.SetDNS(site.Name, site.B.Addr)
				}
				until(t, "all Jump Clients come to B", func() bool { n, all := site.Returned(&site.B); return n == all })
				b.press(pratest.MenuConsole, "", "Jump", nil)
				b.press(pratest.MenuConsole, "", "Sign Out", nil)

				time.Sleep(24 * time.Hour) // the interim
				a.update(dir)
				b.press(beyondtrust.MenuFailover, "", "Establish Relationship", map[string]string{
					"New Backup Site Connection Details > Host Name or IP Address:":              "192.0.2.11",
					"Reverse Connection Details To This Primary Site > Host Name or IP Address:": "192.0.2.12",
				})
				until(t, "the first sync", func() bool { return b.read(beyondtrust.MenuFailover, "", "Last Data Sync") != "" })

				if site.A.Role() != beyondtrust.RoleBackup || site.B.Role() != beyondtrust.RolePrimary {
					t.Errorf("roles are %s and %s", site.A.Role(), site.B.Role())
				}
				if got := site.A.Throttle().MaxConcurrent; got != 5 {
					t.Errorf("the sync did not overwrite A's settings with B's: %d", got)
				}
				if v := site.Violations(); v != nil {
					t.Errorf("violations: %v", v)
				}
				report := seen.Stop()
				if report.Total > 2*time.Second || report.Both > 0 {
					t.Errorf("outage: %v", report)
				}
				if t.Failed() {
					t.Log(site.Record())
				}
			})
		})
	}
}
