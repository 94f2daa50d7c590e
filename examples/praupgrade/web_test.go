package main

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
)

// A dry run with -web looks at a site's pages by a browser, as each interface's administrator, and presses nothing.
func TestPeerWeb(t *testing.T) {
	browsertest.Need(t)
	s := pratest.Single()
	defer s.Close()
	s.Scale = 1.0 / 600
	site, err := s.Start()
	if err != nil {
		t.Fatal(err)
	}
	box, err := s.A.Start()
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(box)
	if err != nil {
		t.Fatal(err)
	}
	id, secret := s.Account()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	admin := write("admin", pratest.AdminUser+"\n"+pratest.AdminPassword+"\n")
	a := appliance{Name: "A", Dial: at.Host, Login: admin, Appliance: admin}
	c := config{Site: site, Guide: "node", Credential: write("account", id+"\n"+secret+"\n"), CA: write("ca.pem", string(s.CAPEM())), Appliances: []appliance{a}, Version: "25.1.1"}
	for _, p := range pratest.DefaultOffers() {
		c.Packages = append(c.Packages, p.Name)
	}
	praupgrade := func(c config, more ...string) (int, string) {
		raw, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		args := append([]string{"-config", write("site.json", string(raw)), "-journal", filepath.Join(dir, "j"), "-dir", filepath.Join(dir, "artifacts")}, more...)
		var out, errs bytes.Buffer
		code := run(t.Context(), args, strings.NewReader(""), &out, &errs)
		text := out.String() + errs.String()
		if strings.Contains(text, pratest.AdminPassword) || strings.Contains(text, secret) {
			t.Errorf("a secret is shown:\n%s", text)
		}
		return code, text
	}

	code, text := praupgrade(c, "-web", "-dry-run")
	if code != 10 || !strings.Contains(text, "automatic Jump Client upgrades") { // which only the page says
		t.Errorf("-dry-run exits %d:\n%s", code, text)
	}
	for _, e := range s.Record().Of(pratest.Press) {
		t.Errorf("pressed %s", e.Detail)
	}
	a.Appliance = ""
	c.Appliances = []appliance{a}
	if code, text := praupgrade(c, "-web", "-plan"); code != 64 || !strings.Contains(text, "the account of /appliance") {
		t.Errorf("without an account of /appliance: exits %d:\n%s", code, text)
	}
	if code, text := praupgrade(c, "-plan"); code != 0 {
		t.Errorf("without -web: exits %d:\n%s", code, text)
	}
}
