package pratest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

// What a simulated person and a server want of an appliance.
var (
	_ interface {
		Press(ctx context.Context, where, row, button string, set map[string]string, dialog string) (name string, file io.Reader, err error)
		Read(ctx context.Context, where, row, label string) (string, error)
	} = (*pratest.Box)(nil)
	_ http.Handler = (*pratest.Box)(nil)
)

// story is what happened, without times and file names.
func story(site *pratest.Site) []string {
	var out []string
	for _, e := range site.Record() {
		out = append(out, e.Box+": "+string(e.What)+" "+e.Detail)
	}
	return out
}

// TestPagesThreeWays does the same by hand, in Go and in a browser, and the same happens.
func TestPagesThreeWays(t *testing.T) {
	dir := t.TempDir()
	cert := filepath.Join(dir, "cert.pem")
	pkg := filepath.Join(dir, "base.pkg")
	backupFile := filepath.Join(dir, "a.nsb")
	shared := netip.MustParseAddr("192.0.2.10")
	prepare := func(t *testing.T, site *pratest.Site) {
		r, _, err := site.PackageFile("Base Software 7.0.0", "50000000000000000000000000000bbb")
		if err != nil {
			t.Fatal(err)
		}
		data, _ := io.ReadAll(r)
		os.WriteFile(pkg, data, 0o600)
	}
	stories := map[string][]string{}
	run := func(name string, f func(t *testing.T, site *pratest.Site)) {
		t.Run(name, func(t *testing.T) {
			site := pratest.Pair()
			site.Traffic = pratest.BySharedIP
			bubble(t, site, func(t *testing.T) {
				prepare(t, site)
				f(t, site)
				time.Sleep(time.Hour)
				stories[name] = story(site)
				if d := cmp.Diff(5, site.B.Throttle().MaxConcurrent); d != "" {
					t.Error(d)
				}
			})
		})
	}

	run("by hand", func(t *testing.T, site *pratest.Site) {
		a, b := person{t, &site.A}, person{t, &site.B}
		name, file := a.press(beyondtrust.MenuSoftware, "", "Download Backup", nil)
		os.Rename(a.save(dir, name, file), backupFile)
		a.press(beyondtrust.MenuFailover, "", "Sync Now", nil)
		time.Sleep(10 * time.Minute)
		a.press(beyondtrust.MenuFailover, "", "Break Failover Relationships", nil)
		_, file = a.press(beyondtrust.MenuCertificates, "access.example.com", "Export", map[string]string{"Passphrase": "p"})
		os.Rename(a.save(dir, "x.pem", file), cert)
		b.press(beyondtrust.MenuCertificates, "", "Import", map[string]string{"Certificate File": cert, "Passphrase": "p"})
		b.press(beyondtrust.MenuJumpClients, "", "Save", map[string]string{
			"Maximum Number of Concurrent Jump Client Upgrades": "5", "Automatic Jump Client upgrades": "permanently disable"})
		a.press(beyondtrust.MenuIPConfiguration, "192.0.2.10", "Save Changes", map[string]string{"Enabled": "off"})
		b.press(beyondtrust.MenuIPConfiguration, "192.0.2.10", "192.0.2.10", map[string]string{"Enabled": "on"})
		b.press(beyondtrust.MenuUpdates, "", "Update Software", map[string]string{"Package File": pkg})
		time.Sleep(time.Hour)
		b.press(beyondtrust.MenuUpdates, "", "Check for updates", nil)
		time.Sleep(time.Minute)
		b.press(beyondtrust.MenuUpdates, "BeyondTrust-25.1.1", "Install This Update", nil)
		time.Sleep(time.Hour)
		_, _, err := site.B.Press(t.Context(), beyondtrust.MenuSoftware, "", "Upload Backup", map[string]string{"Backup File": backupFile}, "")
		if err == nil || errors.Is(err, beyondtrust.ErrNotPressed) {
			t.Errorf("a backup of another version was restored: %v", err)
		}
	})
	run("in Go", func(t *testing.T, site *pratest.Site) {
		ctx := t.Context()
		a, b := site.A.Pages(), site.B.Pages()
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		var file bytes.Buffer
		check(a.Software.DownloadBackup(ctx, &file, beyondtrust.BackupPageOptions{}))
		check(os.WriteFile(backupFile, file.Bytes(), 0o600))
		check(a.Failover.SyncNow(ctx))
		time.Sleep(10 * time.Minute)
		check(a.Failover.Break(ctx))
		file.Reset()
		list, err := a.Certificates.Certificates(ctx)
		check(err)
		check(a.Certificates.Export(ctx, list[0], beyondtrust.NewSecret("p"), &file))
		check(os.WriteFile(cert, file.Bytes(), 0o600))
		check(b.Certificates.Import(ctx, os.DirFS(dir), "cert.pem", beyondtrust.NewSecret("p")))
		check(b.JumpClients.Set(ctx, beyondtrust.JumpClientSettings{MaxConcurrent: 5, AutomaticUpgrades: beyondtrust.UpgradesDisabled}))
		check(a.Network.SetEnabled(ctx, shared, false))
		check(b.Network.SetEnabled(ctx, shared, true))
		check(b.Updates.UpdateSoftware(ctx, os.DirFS(dir), "base.pkg"))
		time.Sleep(time.Hour)
		check(b.Updates.Check(ctx))
		time.Sleep(time.Minute)
		check(b.Updates.Install(ctx, "BeyondTrust-25.1.1"))
		time.Sleep(time.Hour)
		if err := b.Software.Restore(ctx, os.DirFS(dir), "a.nsb", beyondtrust.Secret{}); err == nil || errors.Is(err, beyondtrust.ErrNotPressed) {
			t.Errorf("a backup of another version was restored: %v", err)
		}
	})
	run("in a browser", func(t *testing.T, site *pratest.Site) {
		a, b := newBrowser(t, site, &site.A, pratest.AdminPassword), newBrowser(t, site, &site.B, pratest.AdminPassword)
		os.WriteFile(backupFile, []byte(a.press(beyondtrust.MenuSoftware, "", "", "Download Backup", nil)), 0o600)
		a.press(beyondtrust.MenuFailover, "", "", "Sync Now", nil)
		time.Sleep(10 * time.Minute)
		a.press(beyondtrust.MenuFailover, "", "", "Break Failover Relationships", nil)
		os.WriteFile(cert, []byte(a.press(beyondtrust.MenuCertificates, "access.example.com", "Export", "Export", map[string]string{"Passphrase": "p"})), 0o600)
		b.press(beyondtrust.MenuCertificates, "", "Import", "Upload", map[string]string{"Certificate File": "file:" + cert, "Passphrase": "p"})
		b.press(beyondtrust.MenuJumpClients, "", "", "Save", map[string]string{
			"Maximum Number of Concurrent Jump Client Upgrades": "5", "Automatic Jump Client upgrades": "permanently disable"})
		a.press(beyondtrust.MenuIPConfiguration, "192.0.2.10", "192.0.2.10", "Save Changes", map[string]string{"Enabled": "off"})
		b.press(beyondtrust.MenuIPConfiguration, "192.0.2.10", "192.0.2.10", "Save Changes", map[string]string{"Enabled": "on"})
		b.press(beyondtrust.MenuUpdates, "", "", "Update Software", map[string]string{"Package File": "file:" + pkg})
		time.Sleep(time.Hour)
		b.signIn("/appliance", pratest.AdminPassword) // an installation ends page sessions
		b.press(beyondtrust.MenuUpdates, "", "", "Check for updates", nil)
		time.Sleep(time.Minute)
		b.press(beyondtrust.MenuUpdates, "BeyondTrust-25.1.1", "", "Install This Update", nil)
		time.Sleep(time.Hour)
		b.signIn("/login", pratest.AdminPassword)
		if page := b.get("/login/"); !strings.Contains(page, "What&#39;s New") {
			t.Errorf("the first page after an update is not What's New:\n%s", page)
		}
		b.answer("/login/", "continue", "1") // it is passed by a button
		page := b.press(beyondtrust.MenuSoftware, "", "", "Upload Backup", map[string]string{"Backup File": "file:" + backupFile})
		if !strings.Contains(page, "The backup was made with 24.3.2") {
			t.Errorf("the page does not say why it refused:\n%s", page)
		}
	})
	if d := cmp.Diff(stories["by hand"], stories["in Go"]); d != "" {
		t.Errorf("by hand and in Go (-hand +Go):\n%s", d)
	}
	if d := cmp.Diff(stories["in Go"], stories["in a browser"]); d != "" {
		t.Errorf("in Go and in a browser (-Go +browser):\n%s", d)
	}
}

// TestPagesAgreeWithRead: what the Go pages say is what a person reads.
func TestPagesAgreeWithRead(t *testing.T) {
	site := pratest.Pair()
	site.Traffic = pratest.BySharedIP
	site.A.AutomaticFailover = true
	bubble(t, site, func(t *testing.T) {
		ctx := t.Context()
		p, a := site.A.Pages(), person{t, &site.A}
		a.press(beyondtrust.MenuFailover, "", "Sync Now", nil)
		f, err := p.Failover.Failover(ctx)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{
			"This Host": f.Host, "Role": string(f.Role), "Peer Host": f.PeerHost, "Peer Role": string(f.PeerRole),
			"Last Data Sync": f.LastSync.UTC().Format(time.RFC3339), "Last Data Sync Status": f.LastSyncStatus, "Data Sync Running": string(f.Syncing),
			"Enable Automatic Failover": string(f.Automatic), "Enable Backup Operations": string(f.Operations),
		}
		for label, text := range got {
			if want := a.read(beyondtrust.MenuFailover, "", label); text != want || text == "" {
				t.Errorf("%s: the Go page says %q, a person reads %q", label, text, want)
			}
		}
		if f.Relation != beyondtrust.RelationEstablished || len(f.SharedIPs) != 1 {
			t.Errorf("Failover = %+v", f)
		}

		b, err := p.Status.Basics(ctx)
		if err != nil || b.Base != a.read(beyondtrust.MenuBasics, "", "Base Software") || b.GUID != a.read(beyondtrust.MenuBasics, "", "Appliance GUID") || !beyondtrust.SameGUID(b.GUID, site.A.GUID) {
			t.Errorf("Basics = %+v, %v", b, err)
		}
		v, err := p.Software.Version(ctx)
		if err != nil || v.Number != a.read(beyondtrust.MenuInformation, "", "Product Version") || v.Build != a.read(beyondtrust.MenuInformation, "", "Product Build") {
			t.Errorf("Version = %v, %v", v, err)
		}
		ips, err := p.Network.IPs(ctx)
		if err != nil || len(ips) != 2 {
			t.Fatalf("IPs = %v, %v", ips, err)
		}
		for _, ip := range ips {
			if want := a.read(beyondtrust.MenuIPConfiguration, ip.Addr.String(), "Enabled"); string(beyondtrust.SwitchOf(ip.Enabled)) != want {
				t.Errorf("%v enabled %t, a person reads %s", ip.Addr, ip.Enabled, want)
			}
		}
		certs, err := p.Certificates.Certificates(ctx)
		if err != nil || len(certs) != 1 || certs[0].IssuedBy != a.read(beyondtrust.MenuCertificates, "access.example.com", "Issued By") {
			t.Errorf("Certificates = %v, %v", certs, err)
		}
		set, err := p.JumpClients.Settings(ctx)
		if err != nil || set != site.A.Throttle() {
			t.Errorf("Settings = %+v, %v", set, err)
		}
		same, err := beyondtrust.SameKey(ctx, p.Security, site.B.Pages().Security)
		if err != nil || !same {
			t.Errorf("SameKey = %t, %v", same, err)
		}
		if key := a.read(beyondtrust.MenuSecurity, "", beyondtrust.LabelInterApplianceKey); strings.Trim(key, "*") != "" {
			t.Errorf("the key is shown: %s", key)
		}
		health, err := p.Status.Health(ctx)
		if err != nil || len(health) == 0 || health[0].Text != a.read(beyondtrust.MenuHealth, "", health[0].Label) {
			t.Errorf("Health = %v, %v", health, err)
		}

		a.press(beyondtrust.MenuUpdates, "", "Check for updates", nil)
		time.Sleep(time.Minute)
		u, err := p.Updates.Updates(ctx)
		if err != nil || u.State != beyondtrust.UpdateAvailable || len(u.Available) != 2 || !strings.Contains(u.Text, beyondtrust.TextUpdatesAvailable) {
			t.Fatalf("Updates = %+v, %v", u, err)
		}
		want := `6.1.1 does not satisfy 25.1.1's requirements. Please install any other available package by clicking "Install this Update".`
		if d := cmp.Diff(want, u.Available[1].Blocked); d != "" || u.Available[0].Blocked != "" {
			t.Errorf("blocked (-want +got):\n%s", d)
		}
		if got := a.read(beyondtrust.MenuUpdates, "BeyondTrust-25.1.1", "Primary Hostname:"); got != "access.example.com" {
			t.Errorf("Primary Hostname: %s", got)
		}
		if err := p.Updates.Install(ctx, "BeyondTrust-25.1.1"); !errors.Is(err, beyondtrust.ErrNotPressed) {
			t.Errorf("a blocked row has no button, but: %v", err)
		}
		inst, err := p.Updates.Installed(ctx)
		if err != nil || len(inst) != 2 || inst[0].Number != "6.1.1" || inst[1].Class != beyondtrust.PackageSite {
			t.Errorf("Installed = %v, %v", inst, err)
		}
	})
}

// TestPressNamesWhatIsThere: an instruction that is wrong says what would have been right, and nothing happens.
func TestPressNamesWhatIsThere(t *testing.T) {
	tests := map[string]struct {
		where, row, button string
		set                map[string]string
		dialog             string
		want               string
	}{
		"page":   {"/login > Failover", "", "Sync Now", nil, "", "/login > Management > Failover"},
		"row":    {beyondtrust.MenuIPConfiguration, "192.0.2.99", "Save Changes", nil, "", "192.0.2.11"},
		"button": {beyondtrust.MenuFailover, "", "Synchronise", nil, "", "Sync Now"},
		"field":  {beyondtrust.MenuJumpClients, "", "Save", map[string]string{"Throttle": "1"}, "", "Global connection rate for Jump Clients"},
		"choice": {beyondtrust.MenuJumpClients, "", "Save", map[string]string{"Automatic Jump Client upgrades": "never"}, "", "permanently disable"},
		"box":    {beyondtrust.MenuIPConfiguration, "192.0.2.11", "Save Changes", map[string]string{"Enabled": "perhaps"}, "", "neither on nor off"},
		"dialog": {beyondtrust.MenuFailover, "", "Sync Now", nil, "Are you sure?", "came up"},
		"file":   {beyondtrust.MenuUpdates, "", "Update Software", map[string]string{"Package File": "/nowhere/at/all"}, "", "no such file"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			site := pratest.Pair()
			bubble(t, site, func(t *testing.T) {
				_, _, err := site.A.Press(t.Context(), tt.where, tt.row, tt.button, tt.set, tt.dialog)
				if !errors.Is(err, beyondtrust.ErrNotPressed) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("Press = %v, want a word of %q", err, tt.want)
				}
				if r := site.Record().Of(pratest.Press); r != nil {
					t.Errorf("pressed: %v", r)
				}
			})
		})
	}
	t.Run("label", func(t *testing.T) {
		site := pratest.Pair()
		bubble(t, site, func(t *testing.T) {
			if _, err := site.A.Read(t.Context(), beyondtrust.MenuFailover, "", "State"); err == nil || !strings.Contains(err.Error(), "Last Data Sync") {
				t.Errorf("Read = %v", err)
			}
		})
	})
	t.Run("a label that is there twice", func(t *testing.T) {
		site := pratest.Pair()
		site.Relation = beyondtrust.RelationNone
		bubble(t, site, func(t *testing.T) {
			_, _, err := site.A.Press(t.Context(), beyondtrust.MenuFailover, "", "Establish Relationship", map[string]string{"TLS Port:": "1"}, "")
			if err == nil || !strings.Contains(err.Error(), "New Backup Site Connection Details > TLS Port:") {
				t.Errorf("Press = %v", err)
			}
		})
	})
}

func TestPressAsksAQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := pratest.Pair()
		defer site.Close()
		site.Switches.Dialogs = map[string]string{beyondtrust.ButtonBreak: "Really?"}
		if _, _, err := site.A.Press(t.Context(), beyondtrust.MenuFailover, "", beyondtrust.ButtonBreak, nil, ""); !errors.Is(err, beyondtrust.ErrNotPressed) {
			t.Errorf("without the question: %v", err)
		}
		if site.A.Role() != beyondtrust.RolePrimary {
			t.Error("it broke all the same")
		}
		if _, _, err := site.A.Press(t.Context(), beyondtrust.MenuFailover, "", beyondtrust.ButtonBreak, nil, "Really?"); err != nil {
			t.Error(err)
		}
		if site.A.Role() != beyondtrust.RoleNone || site.B.Role() != beyondtrust.RoleNone {
			t.Error("it did not break")
		}
	})
}
