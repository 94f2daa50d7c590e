package pratest_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

func TestInstallEndings(t *testing.T) {
	tests := map[string]struct {
		ending pratest.Ending
		up     bool
		base   string
		state  beyondtrust.UpdateState
	}{
		"well":    {pratest.EndsWell, true, "7.0.0", beyondtrust.UpdateInstalled},
		"failed":  {pratest.EndsFailed, true, "6.1.1", beyondtrust.UpdateFailed},
		"restart": {pratest.EndsRestart, true, "6.1.1", beyondtrust.UpdateFailed},
		"stalled": {pratest.EndsStalled, false, "6.1.1", ""},
		"older":   {pratest.EndsOlder, true, "6.1.1", beyondtrust.UpdateIdle},
		"claimed": {pratest.EndsClaimed, true, "6.1.1", beyondtrust.UpdateInstalled},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			site := pratest.Single()
			site.A.Next = tt.ending
			bubble(t, site, func(t *testing.T) {
				begin(t, &site.A)
				if u, err := site.A.Pages().Updates.Updates(t.Context()); err != nil || u.State != beyondtrust.UpdateDownloading || u.Progress == "" {
					t.Errorf("while it downloads: %+v, %v", u, err)
				}
				time.Sleep(24 * time.Hour)
				if up := site.A.Up(); up != tt.up {
					t.Fatalf("up: %t", up)
				}
				if base, _, _ := site.A.Running(); base != tt.base {
					t.Errorf("Base %s runs, want %s", base, tt.base)
				}
				downs := len(site.Record().Of(pratest.Down))
				if want := map[bool]int{true: 2, false: 1}[name == "restart"]; downs != want {
					t.Errorf("it went down %d times", downs)
				}
				if !tt.up {
					site.A.Support()
				} else if u, err := site.A.Pages().Updates.Updates(t.Context()); err != nil || u.State != tt.state {
					t.Errorf("then: %+v, %v", u, err)
				}
				if tt.ending != pratest.EndsWell {
					begin(t, &site.A) // the next one ends well
					time.Sleep(time.Hour)
				}
				p := person{t, &site.A}
				p.press(beyondtrust.MenuUpdates, "", "Check for updates", nil)
				time.Sleep(time.Minute)
				p.press(beyondtrust.MenuUpdates, "BeyondTrust-25.1.1", "Install This Update", nil)
				time.Sleep(time.Hour)
				if _, version, build := site.A.Running(); version != "25.1.1" || build != "61234" {
					t.Errorf("%s (%s) runs in the end", version, build)
				}
				if v := site.Violations(); v != nil {
					t.Errorf("violations: %v", v)
				}
			})
		})
	}
}

func TestUploadIsRefused(t *testing.T) {
	site := pratest.Single()
	site.A.Address()
	file := func(name, guid string, damage func([]byte) []byte) fstest.MapFS {
		r, size, err := site.PackageFile(name, guid)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil || int64(len(data)) != size {
			t.Fatalf("%d bytes of %d, %v", len(data), size, err)
		}
		if damage != nil {
			data = damage(data)
		}
		return fstest.MapFS{"p.pkg": {Data: data}}
	}
	const a, other = "50000000000000000000000000000aaa", "50000000000000000000000000000bbb"
	tests := map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"for another appliance": {file("Base Software 7.0.0", other, nil), "not made for this appliance"},
		"blocked":               {file("BeyondTrust-25.1.1", a, nil), "6.1.1 does not satisfy 25.1.1's requirements"},
		"cut":                   {file("Base Software 7.0.0", a, func(b []byte) []byte { return b[:len(b)/2] }), "not complete"},
		"changed":               {file("Base Software 7.0.0", a, func(b []byte) []byte { b[1000]++; return b }), "damaged"},
		"something else":        {fstest.MapFS{"p.pkg": {Data: []byte("<html>Sign in</html>")}}, "not an update package"},
		"empty":                 {fstest.MapFS{"p.pkg": {}}, "not an update package"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := site.A.Pages().Updates.UpdateSoftware(t.Context(), tt.files, "p.pkg")
			if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, beyondtrust.ErrNotPressed) {
				t.Errorf("UpdateSoftware = %v, want %q", err, tt.want)
			}
		})
	}
	site.Close()
	if r := site.Record().Of(pratest.Install); r != nil {
		t.Errorf("installed: %v", r)
	}
}

func TestPackageServedOnce(t *testing.T) {
	site := pratest.Pair()
	bubble(t, site, func(t *testing.T) {
		key, err := site.A.Pages().Updates.DownloadKey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		word, _ := key.Reveal()
		names, err := site.UpdatesFor(word)
		if err != nil || !cmp.Equal(names, []string{"Base Software 7.0.0", "BeyondTrust-25.1.1"}) {
			t.Fatalf("UpdatesFor = %v, %v", names, err)
		}
		if _, _, err := site.FetchUpdate(t.Context(), word, names[0]); err != nil {
			t.Fatal(err)
		}
		if left, _ := site.UpdatesFor(word); len(left) != 1 {
			t.Errorf("left: %v", left)
		}
		if _, _, err := site.FetchUpdate(t.Context(), word, names[0]); !errors.Is(err, pratest.ErrServed) {
			t.Errorf("a second copy: %v", err)
		}
		keyB, _ := site.B.Pages().Updates.DownloadKey(t.Context())
		wordB, _ := keyB.Reveal()
		if left, _ := site.UpdatesFor(wordB); len(left) != 2 {
			t.Errorf("B has packages of its own: %v", left)
		}
		site.Play("clock-off-by-a-day")
		bad, _ := site.B.Pages().Updates.DownloadKey(t.Context())
		word, _ = bad.Reveal()
		if _, err := site.UpdatesFor(word); err == nil {
			t.Error("a key made with a wrong clock is good")
		}
		person{t, &site.B}.press(beyondtrust.MenuUpdates, "", "Check for updates", nil)
		time.Sleep(time.Minute)
		if u, err := site.B.Pages().Updates.Updates(t.Context()); err != nil || u.State != beyondtrust.UpdateCheckFailed || u.Text == "" {
			t.Errorf("a check with a wrong clock: %+v, %v", u, err)
		}
	})
}

// TestUpdateServerPage is the update server over HTTPS, as a script of somebody's would use it.
func TestUpdateServerPage(t *testing.T) {
	site := pratest.Single()
	bubble(t, site, func(t *testing.T) {
		key := person{t, &site.A}.read(beyondtrust.MenuUpdates, "", "Appliance Download Key")
		c := site.HTTPClient()
		get := func(url string) (int, string) {
			resp, err := c.Get(url)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return resp.StatusCode, string(body)
		}
		if _, page := get("https://btupdate.com/?key=" + key); !strings.Contains(page, "BeyondTrust-25.1.1") {
			t.Errorf("page:\n%s", page)
		}
		if _, page := get("https://update.bomgar.com/?key=nonsense"); strings.Contains(page, "BeyondTrust-25.1.1") || !strings.Contains(page, "not valid") {
			t.Errorf("page for a wrong key:\n%s", page)
		}
		url := "https://update.bomgar.com/download?package=BeyondTrust-25.1.1&key=" + key
		if status, body := get(url); status != 200 || !strings.HasPrefix(body, "PRATEST PACKAGE 1\n") {
			t.Errorf("%d %.40q", status, body)
		}
		if status, _ := get(url); status != 403 {
			t.Errorf("a second copy: %d", status)
		}
	})
}

// TestRounds: an appliance that is far behind needs several packages, each of which makes the next installable.
func TestRounds(t *testing.T) {
	site := pratest.Single()
	site.Offers = []pratest.Package{
		{Name: "Base Software 6.2.0"}, {Name: "BeyondTrust-24.3.4", Build: "52000", Base: "6.2.0"},
		{Name: "Base Software 7.0.0", Site: "24.3.4"}, {Name: "BeyondTrust-25.1.1", Build: "61234", Base: "7.0.0", Site: "24.3.4"},
		{Name: "Security Patch BT26-01"},
	}
	bubble(t, site, func(t *testing.T) {
		p := site.A.Pages().Updates
		var order []string
		for range 10 {
			if err := p.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			u, err := p.Updates(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			next := ""
			for _, up := range u.Available {
				if up.Blocked == "" {
					next = up.Name
					break
				}
			}
			if next == "" {
				break
			}
			order = append(order, next)
			if err := p.Install(t.Context(), next); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Hour)
		}
		want := []string{"Base Software 6.2.0", "BeyondTrust-24.3.4", "Base Software 7.0.0", "BeyondTrust-25.1.1", "Security Patch BT26-01"}
		if d := cmp.Diff(want, order); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		inst, err := p.Installed(t.Context())
		if err != nil || len(inst) != 3 || inst[2].Name != "Security Patch BT26-01" {
			t.Errorf("Installed = %v, %v", inst, err)
		}
		if v := site.Violations(); v != nil {
			t.Errorf("violations: %v", v)
		}
	})
}

// TestMigration is the guide's "Upgrade the BeyondTrust Hardware", by hand.
func TestMigration(t *testing.T) {
	dir := t.TempDir()
	site := pratest.Migrate()
	bubble(t, site, func(t *testing.T) {
		old, fresh := person{t, &site.A}, person{t, &site.B}
		if base, version, _ := site.B.Running(); base != "7.0.0" || version != "" {
			t.Errorf("factory-new, and Base %s, site %q", base, version)
		}
		if _, err := site.HTTPClient().Get("https://pra-b.example.com/check_health"); err == nil {
			t.Error("a factory-new appliance's certificate is trusted")
		}
		old.update(dir) // the backup is restored onto the same version
		set := map[string]string{"Software :: Backup Settings > Backup Password": "b"}
		name, file := old.press(beyondtrust.MenuSoftware, "", "Download Backup", set)
		backup := old.save(dir, name, file)
		name, file = old.press(beyondtrust.MenuSoftware, "", "Download Vault Encryption Key", map[string]string{"Vault Encryption Key Password": "v"})
		vault := old.save(dir, name, file)
		name, file = old.press(beyondtrust.MenuCertificates, "access.example.com", "Export", map[string]string{"Passphrase": "p"})
		cert := old.save(dir, name, file)
		data, _ := os.ReadFile(cert)
		if strings.Contains(string(data), "BEGIN PRIVATE KEY") {
			t.Error("the key is not under its passphrase")
		}

		if _, _, err := site.B.Press(t.Context(), beyondtrust.MenuCertificates, "", "Import", map[string]string{"Certificate File": cert, "Passphrase": "wrong"}, ""); err == nil {
			t.Error("a wrong passphrase is accepted")
		}
		fresh.press(beyondtrust.MenuCertificates, "", "Import", map[string]string{"Certificate File": cert, "Passphrase": "p"})
		fresh.press(beyondtrust.MenuCertificates, "access.example.com", "Assign IP", map[string]string{"192.0.2.12": "on"})
		key := fresh.read(beyondtrust.MenuUpdates, "", "Appliance Download Key")
		pkg := fresh.fetch(filepath.Join(t.TempDir()), key, "BeyondTrust-25.1.1")
		fresh.press(beyondtrust.MenuUpdates, "", "Update Software", map[string]string{"Package File": pkg})
		if u, _ := site.B.Pages().Updates.Updates(t.Context()); u.State != beyondtrust.UpdateEULARequired || u.EULA == "" {
			t.Fatalf("no licence agreement is asked for: %+v", u)
		}
		if err := site.B.Pages().Updates.AcceptEULA(t.Context(), "another text"); !errors.Is(err, beyondtrust.ErrNotPressed) {
			t.Errorf("another text is signed: %v", err)
		}
		fresh.press(beyondtrust.MenuUpdates, "", "Accept", nil)
		time.Sleep(time.Hour)

		b := newBrowser(t, site, &site.B, "password")
		if page := b.get("/login/"); !strings.Contains(page, "Change Password") {
			t.Errorf("the factory's password is not to be changed:\n%s", page)
		}
		fresh.press(beyondtrust.MenuSoftware, "", "Upload Backup", map[string]string{
			"Backup File": backup, "Software :: Restore Settings > Backup Password": "b"})
		time.Sleep(10 * time.Minute)
		if got := fresh.read(beyondtrust.MenuSoftware, "", "Vault Accounts"); !strings.Contains(got, "not usable") {
			t.Errorf("Vault accounts without their key: %s", got)
		}
		fresh.press(beyondtrust.MenuSoftware, "", "Upload Vault Encryption Key", map[string]string{"Vault Encryption Key File": vault, "Vault Encryption Key Password": "v"})
		if same, err := beyondtrust.SameKey(t.Context(), site.A.Pages().Security, site.B.Pages().Security); err != nil || !same {
			t.Errorf("the restore overwrites the pre-shared key: %t, %v", same, err)
		}

		site.SetDNS(site.Name, site.B.Addr)
		until(t, "the clients come", func() bool { n, all := site.Returned(&site.B); return n == all })
		old.press(beyondtrust.MenuBasics, "", beyondtrust.ButtonReset, nil)
		until(t, "the reset begins", func() bool { return !site.A.Up() })
		until(t, "the reset is complete", site.A.Up)
		if _, version, _ := site.A.Running(); version != "" {
			t.Errorf("reset, and yet %s", version)
		}
		old.press(beyondtrust.MenuBasics, "", beyondtrust.ButtonShutDown, nil)
		if site.A.Up() {
			t.Error("not shut down")
		}
		if v := site.Violations(); v != nil {
			t.Errorf("violations: %v", v)
		}
	})
}

// stream is a file system with one file that is made as it is read.
type stream struct {
	io.Reader
	size int64
}

func (s stream) Open(string) (fs.File, error) { return s, nil }
func (s stream) Close() error                 { return nil }
func (s stream) Stat() (fs.FileInfo, error)   { return nil, errors.New("no information") }

// TestUploadStreams: a package's size does not matter to memory.
func TestUploadStreams(t *testing.T) {
	site := pratest.Single()
	site.Offers = []pratest.Package{{Name: "Base Software 7.0.0", Size: 32 << 20}}
	defer site.Close()
	site.A.Address()
	r, size, err := site.PackageFile("Base Software 7.0.0", site.A.GUID)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := site.A.Pages().Updates.UpdateSoftware(t.Context(), stream{r, size}, "p.pkg"); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 2<<20 {
		t.Errorf("%d bytes for a package of %d", used, size)
	}
	if len(site.Record().Of(pratest.Install)) != 1 {
		t.Error("it is not installed")
	}
}
