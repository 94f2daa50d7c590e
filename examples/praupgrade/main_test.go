package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPlans(t *testing.T) {
	tests := map[string]struct {
		config string
		code   int
		want   string
	}{
		"asynchronous": {`{"site":"https://access.example.com","guide":"async","credential":"CRED","appliances":[{"name":"A","dial":"192.0.2.11"},{"name":"B","dial":"192.0.2.12"}],
			"shared_ip":"192.0.2.10","packages":["Base Software 7.0.0","BeyondTrust-25.1.1"],"version":"25.1.1"}`, 0, "enable the shared IP on B"},
		"synchronous": {`{"site":"https://access.example.com","guide":"sync","credential":"CRED","appliances":[{"name":"A","dial":"192.0.2.11"},{"name":"B","dial":"192.0.2.12"}],
			"packages":["BeyondTrust-25.1.1"],"version":"25.1.1"}`, 0, "establish failover"},
		"one by hand": {`{"site":"https://access.example.com","guide":"node","credential":"CRED","appliances":[{"name":"A","dial":"192.0.2.11"}],
			"packages":["BeyondTrust-25.1.1"],"version":"25.1.1","manual":true}`, 0, "submit the download key"},
		"a mistyped field":       {`{"sit":"x"}`, 64, "unknown field"},
		"no address of its own":  {`{"site":"https://access.example.com","guide":"node","credential":"CRED","appliances":[{"name":"A"}]}`, 64, "no address of its own"},
		"one appliance too few":  {`{"site":"https://access.example.com","guide":"sync","credential":"CRED","appliances":[{"name":"A","dial":"192.0.2.11"}]}`, 64, "want node with one"},
		"nothing to be swung":    {`{"site":"https://access.example.com","guide":"async","credential":"CRED","appliances":[{"name":"A","dial":"192.0.2.11"},{"name":"B","dial":"192.0.2.12"}]}`, 64, "shared_ip"},
		"packages of no version": {`{"site":"https://access.example.com","guide":"node","credential":"CRED","appliances":[{"name":"A","dial":"192.0.2.11"}],"packages":["BeyondTrust-24.1.1"],"version":"25.1.1"}`, 64, "which is not version"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			cred := filepath.Join(dir, "account")
			if err := os.WriteFile(cred, []byte("0123456789abcdef\nhush-hush\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "site.json")
			if err := os.WriteFile(file, []byte(strings.ReplaceAll(tt.config, "CRED", cred)), 0o600); err != nil {
				t.Fatal(err)
			}
			var out, errs bytes.Buffer
			code := run(t.Context(), []string{"-config", file, "-journal", filepath.Join(dir, "j"), "-dir", filepath.Join(dir, "a"), "-plan"}, strings.NewReader(""), &out, &errs)
			text := out.String() + errs.String()
			if code != tt.code || !strings.Contains(text, tt.want) {
				t.Errorf("code %d, want %d, and %q in:\n%s", code, tt.code, tt.want, text)
			}
			if strings.Contains(text, "hush-hush") {
				t.Error("the secret is shown")
			}
		})
	}
}
