package dns_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/changeover-sdk/changeover/failover/dns"
)

// keyText is the key file of all tests here.
const keyText = `key "swing." { algorithm hmac-sha256; secret "` + secret + `"; };`

func TestParseKey(t *testing.T) {
	tests := map[string]struct {
		in   string
		want string
		bad  string
	}{
		"tsig-keygen":        {in: "key \"swing.\" {\n\talgorithm hmac-sha256;\n\tsecret \"" + secret + "\";\n};\n", want: "swing. (hmac-sha256)"},
		"without quotes":     {in: "key swing { algorithm hmac-sha512; secret " + secret + "; };", want: "swing. (hmac-sha512)"},
		"with comments":      {in: "// made on\n# a Tuesday\n/* key \"old.\" { algorithm x; secret y; }; */ key \"Swing.\" { algorithm HMAC-SHA256; secret \"" + secret + "\"; };", want: "swing. (hmac-sha256)"},
		"Knot":               {in: "key:\n  - id: swing.\n    algorithm: hmac-sha384\n    secret: " + secret + "\n", want: "swing. (hmac-sha384)"},
		"keymgr's comment":   {in: "# hmac-sha256:swing.:" + secret + "\nkey:\n  - id: swing.\n    algorithm: hmac-sha256\n    secret: " + secret + "\n", want: "swing. (hmac-sha256)"},
		"NSD":                {in: "key:\n  name: \"swing.\"\n  algorithm: hmac-sha256\n  secret: \"" + secret + "\"\n", want: "swing. (hmac-sha256)"},
		"knsupdate":          {in: "hmac-sha256:swing.:" + secret + "\n", want: "swing. (hmac-sha256)"},
		"two keys":           {in: strings.Repeat("key \"swing.\" { algorithm hmac-sha256; secret \""+secret+"\"; };\n", 2), bad: "exactly one key"},
		"no secret":          {in: "key swing { algorithm hmac-sha256; };", bad: `"secret"`},
		"empty":              {bad: "exactly one key"},
		"not base64":         {in: "key swing { algorithm hmac-sha256; secret \"" + secret + "!\"; };", bad: "not base64"},
		"a broken algorithm": {in: "key swing { algorithm hmac-md5; secret \"" + secret + "\"; };", bad: "want hmac-sha224"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			k, err := dns.ParseKey([]byte(tt.in))
			if (err != nil) != (tt.bad != "") || err != nil && !strings.Contains(err.Error(), tt.bad) {
				t.Fatalf("ParseKey() error = %v, want %q", err, tt.bad)
			}
			if err == nil && k.String() != tt.want {
				t.Errorf("ParseKey() = %v, want %s", k, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the secret is in the error %v", err)
			}
		})
	}
}

func TestReadKeyWantsAFileOfItsOwnersOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("rights are not in the mode there")
	}
	p := filepath.Join(t.TempDir(), "swing.key")
	if err := os.WriteFile(p, []byte(keyText), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := dns.ReadKey(p); err != nil {
		t.Errorf("ReadKey() = %v", err)
	}
	if err := os.Chmod(p, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := dns.ReadKey(p); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("ReadKey() of a file that a group may read = %v, want advice", err)
	}
}

func TestCanaryKeyPrintsNoSecret(t *testing.T) {
	k := testKey(t)
	s, err := dns.NewServer("192.0.2.53", k.Signer(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{fmt.Sprint(k), fmt.Sprintf("%+v", k), fmt.Sprintf("%#v", k), fmt.Sprintf("%+v", s)} {
		if strings.Contains(out, secret) || strings.Contains(out, "swing the site") || strings.Contains(out, "115 119 105") {
			t.Errorf("the secret is in %s", out)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add(keyText)
	f.Add("key:\n  - id: swing.\n    algorithm: hmac-sha256\n    secret: " + secret + "\n")
	f.Add("# c\nkey a { algorithm hmac-sha224; secret QQ==; };")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := dns.ParseKey([]byte(text))
		if err != nil {
			if m := err.Error(); strings.Contains(text, secret) && strings.Contains(m, secret) {
				t.Errorf("the secret is in %q", m)
			}
			return
		}
		// What a key says of itself, with any secret, is a key of the same name and algorithm.
		name, algorithm, _ := strings.Cut(strings.TrimSuffix(k.String(), ")"), " (")
		if strings.ContainsAny(name, "\"; \t\\{}#/") {
			t.Skip("a name that has to be quoted")
		}
		again, err := dns.ParseKey([]byte(`key "` + name + `" { algorithm ` + algorithm + `; secret "QQ=="; };`))
		if err != nil || again.String() != k.String() {
			t.Errorf("%q read as %v, which reads as %v, %v", text, k, again, err)
		}
	})
}
