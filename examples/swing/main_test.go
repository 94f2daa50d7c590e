package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/dns"
	"github.com/changeover-sdk/changeover/failover/dns/dnstest"
	"github.com/changeover-sdk/changeover/failover/failovertest"
)

const secret = "bm90IGEgcmVhbCBzZWNyZXQ="

// site is a zone at a primary in memory, and the flags that lead there.
type site struct {
	primary *dnstest.Server
	zone    *failovertest.Zone
	args    []string
}

func newSite(t *testing.T) *site {
	t.Helper()
	file := filepath.Join(t.TempDir(), "swing.key")
	if err := os.WriteFile(file, []byte(`key "swing." { algorithm hmac-sha256; secret "`+secret+`"; };`), 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := dns.ReadKey(file)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{zone: failovertest.NewZone("example.com.", failover.RecordSet{Name: "access.example.com.", Type: failover.A, TTL: time.Minute, Values: []string{"192.0.2.1"}})}
	s.primary = &dnstest.Server{Zone: s.zone, Name: "example.com.", Key: key, NS: []string{"ns1.example.com."}}
	t.Cleanup(func() { s.primary.Close() })
	s.args = []string{"-server", "192.0.2.53", "-key-file", file, "-zone", "example.com", "-name", "access", "-from", "192.0.2.1", "-to", "192.0.2.2",
		"-at", "ns1.example.com=192.0.2.53"}
	return s
}

// run is the program, and the address that the site's name has afterwards.
func (s *site) run(t *testing.T, what string, more ...string) (code int, out string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), append(append([]string{what}, s.args...), more...), &stdout, &stderr, s.primary.Dial)
	all := stdout.String() + stderr.String()
	if strings.Contains(all, secret) {
		t.Errorf("the output holds the key:\n%s", all)
	}
	return code, all
}

func TestScenarioSwingAndBack(t *testing.T) {
	s := newSite(t)
	for _, step := range []struct {
		what    string
		code    int
		outcome string
		says    string
	}{
		{"plan", 0, "at the old side", "access.example.com. A 192.0.2.1 -> 192.0.2.2"},
		{"verify", 1, "contradicted", ""},
		{"swing", 0, "proven", "applied"},
		{"swing", 0, "proven", "already done"},
		{"plan", 0, "at the new side", "guard: atomic"},
		{"verify", 0, "proven", "authoritative ns1.example.com. (192.0.2.53:53): new"},
		{"back", 0, "proven", "applied"},
		{"plan", 0, "at the old side", ""},
	} {
		code, out := s.run(t, step.what)
		if code != step.code || !strings.HasSuffix(out, "outcome: "+step.outcome+"\n") || !strings.Contains(out, step.says) {
			t.Errorf("%s exits %d, want %d, %q and %q:\n%s", step.what, code, step.code, step.outcome, step.says, out)
		}
	}
}

// Who answers at the site is told by its certificate.
func TestScenarioIdentify(t *testing.T) {
	s := newSite(t)
	b := httptest.NewTLSServer(http.NotFoundHandler())
	defer b.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b.Certificate().Raw)
	s.args = append(s.args, "-identify", b.URL, "-ca", ca, "-to-fingerprint", strings.ToUpper(hex.EncodeToString(sum[:])))
	if code, out := s.run(t, "swing"); code != 0 || !strings.HasSuffix(out, "outcome: proven\n") || strings.Contains(out, "identity") {
		t.Errorf("exits %d:\n%s", code, out)
	}
	code, out := s.run(t, "verify", "-to-fingerprint", strings.Repeat("ab", 32), "-limit", "2s")
	if code != 1 || strings.Contains(out, "outcome: proven") {
		t.Errorf("another appliance answers: exits %d:\n%s", code, out)
	}
}

// The wrong key and a server without the zone are told once, with what to do.
func TestScenarioRefused(t *testing.T) {
	s := newSite(t)
	wrong := filepath.Join(t.TempDir(), "wrong.key")
	if err := os.WriteFile(wrong, []byte("hmac-sha256:swing.:b3RoZXIgc2VjcmV0"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		more []string
		says string
	}{
		"wrong key":      {[]string{"-key-file", wrong}, "BADSIG"},
		"zone not there": {[]string{"-zone", "example.org"}, "check that this server has the zone"},
	} {
		code, out := s.run(t, "swing", tt.more...)
		if code != 1 || !strings.HasSuffix(out, "outcome: unchanged\n") || strings.Count(out, tt.says) != 1 || strings.Count(out, "\n") != 2 {
			t.Errorf("%s: exits %d:\n%s", name, code, out)
		}
	}
}

// Somebody else's change is not written over.
func TestScenarioSomebodyElse(t *testing.T) {
	s := newSite(t)
	s.args = append(s.args, "-from", "192.0.2.9")
	code, out := s.run(t, "swing")
	if code != 1 || !strings.HasSuffix(out, "outcome: conflict\n") {
		t.Errorf("exits %d:\n%s", code, out)
	}
}

func TestWrongUsage(t *testing.T) {
	s := newSite(t)
	shared := filepath.Join(t.TempDir(), "shared.key")
	if err := os.WriteFile(shared, []byte("hmac-sha256:swing.:"+secret), 0o644); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty.key")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		what string
		more []string
		says string
	}{
		"no such word":                 {"go", nil, "want plan, swing, verify or back"},
		"an argument left over":        {"plan", []string{"now"}, "is no flag"},
		"no address":                   {"plan", []string{"-to", "b"}, "-to"},
		"two families":                 {"swing", []string{"-to", "2001:db8::2"}, "two addresses of one family"},
		"one address twice":            {"swing", []string{"-to", "192.0.2.1"}, "two addresses of one family"},
		"no key file":                  {"plan", []string{"-key-file", filepath.Join(t.TempDir(), "none.key")}, "no such file"},
		"no key in the file":           {"plan", []string{"-key-file", empty}, "want exactly one key"},
		"a key that others may read":   {"plan", []string{"-key-file", shared}, "shared.key"},
		"a table that is none":         {"plan", []string{"-at", "ns1"}, "want name=value"},
		"identity without fingerprint": {"verify", []string{"-identify", "https://access.example.com"}, "-to-fingerprint"},
	} {
		t.Run(name, func(t *testing.T) {
			if code, out := s.run(t, tt.what, tt.more...); code != 64 || !strings.Contains(out, tt.says) {
				t.Errorf("exits %d:\n%s", code, out)
			}
		})
	}
}
