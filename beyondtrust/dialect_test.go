package beyondtrust_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

func TestDialect(t *testing.T) {
	tests := map[string]struct {
		prepare func(b *box)
		want    beyondtrust.Dialect
		err     error
	}{
		"v2":           {func(*box) {}, beyondtrust.DialectV2, nil},
		"no such path": {func(b *box) { b.older() }, beyondtrust.DialectXML, nil},
		"the sign-in page": {func(b *box) {
			b.older().text("GET /api/command/v2/info", 200, "text/html", "<!DOCTYPE html><html></html>")
		}, beyondtrust.DialectXML, nil},
		"a redirect to another page": {func(b *box) {
			b.older()
			b.redirect("GET /api/command/v2/info", "/api/login")
			b.text("GET /api/login", 200, "text/html", "<html></html>")
		}, beyondtrust.DialectXML, nil},
		"a redirect to another host": {func(b *box) { b.redirect("GET /api/command/v2/info", "https://other.example/login") }, "", beyondtrust.ErrRedirect},
		"neither":                    {func(b *box) { b.older().xml("get_api_info", 200, "<html></html>") }, "", beyondtrust.ErrAnswer},
		"installing":                 {func(b *box) { b.text("GET /api/command/v2/info", 503, "text/html", "<html>Please wait</html>") }, "", beyondtrust.ErrUnavailable},
		"Remote Support":             {func(b *box) { b.json("GET /api/command/v2/info", 200, strings.Replace(infoV2, `"pra"`, `"rs"`, 1)) }, "", beyondtrust.ErrWrongAppliance},
		"half an answer":             {func(b *box) { b.json("GET /api/command/v2/info", 200, infoV2[:50]) }, "", beyondtrust.ErrAnswer},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, b *box) {
				tt.prepare(b)
				info, err := b.client(nil).Info(t.Context())
				if !errors.Is(err, tt.err) || info.Dialect != tt.want {
					t.Errorf("Info() = %q, %v, want %q and class %v", info.Dialect, err, tt.want, tt.err)
				}
			})
		})
	}
}

func TestDialectIsAskedAgainAfterAnUpdate(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.older().xml("check_health", 200, strings.Replace(healthXML, "26.1.2", "24.3.1", 1))
		c := b.client(nil)
		if h, err := c.Health(t.Context()); err != nil || h.Dialect != beyondtrust.DialectXML {
			t.Fatalf("Health() over %q, %v, want XML", h.Dialect, err)
		}
		b.json("GET /api/command/v2/info", 200, infoV2)
		b.xml("check_health", 200, healthXML)
		if _, err := c.Health(t.Context()); err != nil {
			t.Fatal(err)
		}
		if h, err := c.Health(t.Context()); err != nil || h.Dialect != beyondtrust.DialectV2 {
			t.Errorf("Health() of the new version over %q, %v, want v2", h.Dialect, err)
		}
		b.older() // and back
		b.text("GET /api/command/v2/health", 404, "text/html", "<html></html>")
		time.Sleep(beyondtrust.HealthCache)
		if _, err := c.Health(t.Context()); err == nil {
			t.Fatal("Health() over a missing API gave an answer")
		}
		if h, err := c.Health(t.Context()); err != nil || h.Dialect != beyondtrust.DialectXML {
			t.Errorf("Health() of the old version over %q, %v, want XML", h.Dialect, err)
		}
	})
}

func TestInfo(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		want := beyondtrust.Info{
			Dialect: beyondtrust.DialectV2, Product: "pra", CommandAPI: "2.0.0", ConfigAPI: "1.12", Time: time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC),
			Permissions: map[beyondtrust.Permission]string{"perm_backup": "1", "perm_command": "full_access", "perm_vault_backup": "0"},
		}
		got, err := b.client(nil).Info(t.Context())
		if d := cmp.Diff(want, got, cmpopts.IgnoreFields(beyondtrust.Info{}, "AsOf")); d != "" || err != nil {
			t.Errorf("Info() over v2 (-want +got), error %v:\n%s", err, d)
		}
		if !got.Allows(beyondtrust.PermBackup) || !got.Allows(beyondtrust.PermCommand) || got.Allows(beyondtrust.PermVaultBackup) || got.Allows(beyondtrust.PermConfiguration) {
			t.Error("Allows() is wrong about a permission")
		}
		want = beyondtrust.Info{
			Dialect: beyondtrust.DialectXML, CommandAPI: "1.24.1", Time: time.Unix(1772330400, 0).UTC(),
			Permissions: map[beyondtrust.Permission]string{"perm_backup": "1", "perm_command": "full_access"},
		}
		got, err = b.older().client(nil).Info(t.Context())
		if d := cmp.Diff(want, got, cmpopts.IgnoreFields(beyondtrust.Info{}, "AsOf")); d != "" || err != nil {
			t.Errorf("Info() over XML (-want +got), error %v:\n%s", err, d)
		}
	})
}

func TestProbe(t *testing.T) {
	tests := map[string]struct {
		status int
		body   string
		want   beyondtrust.Probe
		err    error
	}{
		"healthy":         {200, "The appliance is running.\n", beyondtrust.Probe{Healthy: true, Text: "The appliance is running."}, nil},
		"not healthy":     {500, "The database is down.", beyondtrust.Probe{Text: "The database is down."}, nil},
		"in tags":         {200, "<p>Fine</p>", beyondtrust.Probe{Healthy: true, Text: "Fine"}, nil},
		"installing":      {503, "<html>Please wait</html>", beyondtrust.Probe{}, beyondtrust.ErrUnavailable},
		"a sign-in page":  {200, "<html><form></form></html>", beyondtrust.Probe{}, beyondtrust.ErrAnswer},
		"over-long":       {200, strings.Repeat("fine ", 100_000), beyondtrust.Probe{}, beyondtrust.ErrAnswer},
		"no such page":    {404, "", beyondtrust.Probe{}, beyondtrust.ErrNotFound},
		"a moved content": {302, "", beyondtrust.Probe{}, beyondtrust.ErrAnswer},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, b *box) {
				b.text("GET /check_health", tt.status, "text/plain", tt.body)
				got, err := b.client(nil).Probe(t.Context())
				if !errors.Is(err, tt.err) {
					t.Fatalf("Probe() error = %v, want class %v", err, tt.err)
				}
				if d := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(beyondtrust.Probe{}, "AsOf")); d != "" {
					t.Errorf("Probe() (-want +got):\n%s", d)
				}
				if b.minted != 0 || b.count("GET /check_health") != 1 {
					t.Errorf("%d tokens and %d requests, want none and one", b.minted, b.count("GET"))
				}
			})
		})
	}
}
