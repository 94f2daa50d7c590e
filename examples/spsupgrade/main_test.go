package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
)

const password = "pl4nted-secret"

// desk is a working folder with everything the command line names.
type desk struct {
	dir  string
	node *spstest.Node
	args []string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{dir: t.TempDir(), node: &spstest.Node{Password: password, Scale: 1.0 / 6000}}
	addr, err := d.node.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.node.Close)
	d.write(t, "password", []byte(password+"\n"))
	d.write(t, "ca.pem", d.node.CAPEM())
	images := spstest.Image("7.0.2.1", 300<<10)
	f, err := images.Open(spstest.ImageName("7.0.2.1"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	raw, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	d.write(t, "sps.iso", raw)
	known, err := sps.HashFirmware(t.Context(), os.DirFS(d.dir), "sps.iso")
	if err != nil {
		t.Fatal(err)
	}
	d.args = []string{"-addr", addr, "-user", "admin", "-password-file", d.path("password"), "-ca", d.path("ca.pem"), "-image", d.path("sps.iso"),
		"-sha256", known.SHA256, "-version", "7.0.2.1", "-journal", d.path("journal"), "-dir", d.path("artifacts")}
	return d
}

func (d *desk) path(name string) string { return filepath.Join(d.dir, name) }

func (d *desk) write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(d.path(name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// run is the program with more arguments, and what is typed into it.
func (d *desk) run(t *testing.T, typed string, more ...string) (code int, out string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), append(append([]string(nil), d.args...), more...), strings.NewReader(typed), &stdout, &stderr)
	all := stdout.String() + stderr.String()
	if strings.Contains(all, password) {
		t.Errorf("the output holds the password:\n%s", all)
	}
	return code, all
}

func TestSPSUpgrade(t *testing.T) {
	d := newDesk(t)

	code, out := d.run(t, "", "-plan")
	if code != 0 || !strings.Contains(out, "point of no return") {
		t.Errorf("-plan exits %d:\n%s", code, out)
	}
	code, out = d.run(t, "", "-dry-run")
	if code != 10 || !strings.HasSuffix(out, "outcome: held\n") {
		t.Errorf("-dry-run exits %d:\n%s", code, out)
	}
	if _, err := os.Stat(d.path("journal")); err == nil {
		t.Error("a dry run wrote a journal")
	}
	code, out = d.run(t, "", "-one-call")
	if code != 11 || !strings.Contains(out, "the input ended") || !strings.HasSuffix(out, "outcome: blocked\n") {
		t.Errorf("nobody at the terminal: exits %d:\n%s", code, out)
	}
	if got := d.node.Running(); got != "7.0.2" {
		t.Errorf("the node runs %s", got)
	}
}

func TestSPSUpgradeRefuses(t *testing.T) {
	d := newDesk(t)
	tests := map[string]struct {
		args []string
		code int
		says string
	}{
		"an unknown flag":                 {[]string{"-password", "x"}, 64, "flag provided but not defined"},
		"a further argument":              {[]string{"now"}, 64, `"now" is no flag`},
		"no password file":                {[]string{"-password-file", ""}, 64, "never stands on the command line"},
		"a version that is none":          {[]string{"-version", "seven"}, 64, "want two to four numbers"},
		"an image without a hash":         {[]string{"-sha256", ""}, 64, "SHA256 is missing"},
		"an hour that is none":            {[]string{"-closes", "four"}, 64, "cannot parse"},
		"another host's certificate":      {[]string{"-ca", ""}, 11, "not trusted"},
		"a fingerprint of something else": {[]string{"-fingerprint", strings.Repeat("ab", 32)}, 11, "not trusted"},
		"a pair without power buttons":    {[]string{"-ha"}, 64, "wants -bmc-credentials"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			code, out := d.run(t, "", tt.args...)
			if code != tt.code || !strings.Contains(out, tt.says) {
				t.Errorf("exits %d, want %d with %q:\n%s", code, tt.code, tt.says, out)
			}
		})
	}
	d.write(t, "password", []byte("wrong"))
	if code, out := d.run(t, ""); code != 11 || !strings.Contains(out, "does not let us in") {
		t.Errorf("wrong password: exits %d:\n%s", code, out)
	}
	if err := os.Chmod(d.path("password"), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, out := d.run(t, ""); code != 64 || !strings.Contains(out, "chmod 600") {
		t.Errorf("a password that others may read: exits %d:\n%s", code, out)
	}
}
