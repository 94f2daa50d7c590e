package beyondtrust_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/internal/memnet"
)

func TestNewClient(t *testing.T) {
	cred := beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret))
	tests := map[string]struct {
		addr string
		cred beyondtrust.Credential
		opts *beyondtrust.Options
		ok   bool
	}{
		"a host":                    {"https://access.example.com", cred, nil, true},
		"a port":                    {"https://access.example.com:8443", cred, &beyondtrust.Options{Dial: "192.0.2.11", GUID: "{50000000-0000-0000-0000-000000000AAA}"}, true},
		"an address of version 6":   {"https://access.example.com", cred, &beyondtrust.Options{Dial: "[2001:db8::11]"}, true},
		"without TLS":               {"http://access.example.com", cred, nil, false},
		"a path":                    {"https://access.example.com/login", cred, nil, false},
		"a user in the address":     {"https://ada:pw@access.example.com", cred, nil, false},
		"nothing":                   {"", cred, nil, false},
		"no credential":             {"https://access.example.com", beyondtrust.Credential{}, nil, false},
		"no client ID":              {"https://access.example.com", beyondtrust.NewCredential("", beyondtrust.NewSecret("x")), nil, false},
		"a client ID with a colon":  {"https://access.example.com", beyondtrust.NewCredential("a:b", beyondtrust.NewSecret("x")), nil, false},
		"a short GUID":              {"https://access.example.com", cred, &beyondtrust.Options{GUID: "aaa"}, false},
		"an unknown dialect":        {"https://access.example.com", cred, &beyondtrust.Options{Dialect: "v3"}, false},
		"nowhere to dial":           {"https://access.example.com", cred, &beyondtrust.Options{Dial: ":443"}, false},
		"a fingerprint that is not": {"https://access.example.com", cred, &beyondtrust.Options{Fingerprint: "ab"}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := beyondtrust.NewClient(tt.addr, tt.cred, tt.opts)
			if (err == nil) != tt.ok || (c != nil) != tt.ok {
				t.Fatalf("NewClient() = %v, %v, want ok = %t", c, err, tt.ok)
			}
			if err != nil && (!strings.HasPrefix(err.Error(), "beyondtrust: ") || strings.Contains(err.Error(), "pw")) {
				t.Errorf("error %q, want it to begin with the package and to hold no password", err)
			}
		})
	}
	c, err := beyondtrust.NewClient("https://access.example.com", cred, &beyondtrust.Options{Dial: "192.0.2.11", GUID: strings.ToUpper(guidA)})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(c.Addr(), " ", c.Dialed(), " ", c.PinnedGUID(), " ", c); got != "https://access.example.com 192.0.2.11:443 "+guidA+" PRA at 192.0.2.11:443 as access.example.com" {
		t.Errorf("the client calls itself %s", got)
	}
}

// smoke is an appliance with TLS on a real socket; its certificate is for example.com.
func smoke(t *testing.T) (srv *httptest.Server, b *box, pool *x509.CertPool) {
	t.Helper()
	b = newBox(t, &memnet.Network{})
	srv = httptest.NewTLSServer(b)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(srv.Close)
	pool = x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	return srv, b, pool
}

func TestSmokeDialAnAddressAndSpeakAsTheSite(t *testing.T) {
	srv, b, pool := smoke(t)
	addr := srv.Listener.Addr().String()
	cred := beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret))
	sum := sha256.Sum256(srv.Certificate().Raw)
	print := hex.EncodeToString(sum[:])

	tests := map[string]struct {
		name string
		opts beyondtrust.Options
		err  error
	}{
		"its authority is known":          {"example.com", beyondtrust.Options{CA: pool}, nil},
		"its certificate is pinned":       {"example.com", beyondtrust.Options{Fingerprint: print}, nil},
		"nothing is known":                {"example.com", beyondtrust.Options{}, beyondtrust.ErrUntrusted},
		"another name":                    {"other.example", beyondtrust.Options{CA: pool}, beyondtrust.ErrUntrusted},
		"another certificate is pinned":   {"example.com", beyondtrust.Options{Fingerprint: strings.Repeat("ab", 32)}, beyondtrust.ErrUntrusted},
		"its authority, not its own pin":  {"example.com", beyondtrust.Options{CA: pool, Fingerprint: strings.Repeat("ab", 32)}, beyondtrust.ErrUntrusted},
		"another appliance is pinned":     {"example.com", beyondtrust.Options{CA: pool, GUID: guidB}, beyondtrust.ErrWrongAppliance},
		"the right one is pinned as well": {"example.com", beyondtrust.Options{CA: pool, GUID: guidA}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.opts.Dial = addr
			c, err := beyondtrust.NewClient("https://"+tt.name, cred, &tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			before := b.count("")
			h, err := c.Health(t.Context())
			if !errors.Is(err, tt.err) || (err == nil) != (h.GUID == guidA) {
				t.Errorf("Health() = %q, %v, want class %v", h.GUID, err, tt.err)
			}
			if tt.err == beyondtrust.ErrUntrusted && b.count("") != before {
				t.Error("a request reached an appliance that was not proven")
			}
		})
	}
	if len(b.hosts) != 1 || !b.hosts["example.com"] {
		t.Errorf("spoken to as %v, want example.com alone", b.hosts)
	}
}

func TestSmokeServedChain(t *testing.T) {
	srv, b, pool := smoke(t)
	b.text("GET /check_health", 500, "text/plain", "The database is down.")
	cred := beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret))
	for name, err := range map[string]error{"example.com": nil, "other.example": beyondtrust.ErrUntrusted} {
		c, bad := beyondtrust.NewClient("https://"+name, cred, &beyondtrust.Options{CA: pool, Dial: srv.Listener.Addr().String()})
		if bad != nil {
			t.Fatal(bad)
		}
		chain, got := c.ServedChain(t.Context())
		if !errors.Is(got, err) || err == nil && (len(chain) != 1 || !chain[0].Equal(srv.Certificate())) {
			t.Errorf("ServedChain() as %s = %d certificates, %v, want class %v", name, len(chain), got, err)
		}
	}
}

// Every way in which an answer may repeat a secret, against every place where text comes out.
func TestCanary(t *testing.T) {
	const password = "canary-p4ssword"
	bubble(t, func(t *testing.T, b *box) {
		var log bytes.Buffer
		cred := beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret))
		opts := beyondtrust.Options{BackupPassword: beyondtrust.NewSecret(password), GUID: guidA,
			Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
		c := b.clientOf(cred, &opts)
		b.json("POST /oauth2/token", 200, `{"access_token":"canary-t0ken","token_type":"Bearer","expires_in":3600}`)
		b.tokens = []string{"canary-t0ken"}
		if _, err := c.Info(t.Context()); err != nil {
			t.Fatal(err)
		}
		all := secret + " " + password + " canary-t0ken"
		quoted, _ := json.Marshal(all)
		bodies := map[string]string{
			"JSON":  `{"message":` + string(quoted) + `,"error":` + string(quoted) + `,"errors":{` + string(quoted) + `:[` + string(quoted) + `]}}`,
			"OAuth": `{"error":"access_denied","message":` + string(quoted) + `}`,
			"XML":   `<error>` + all + `</error>`,
			"HTML":  `<html><title>` + all + `</title><body>` + all + `</body></html>`,
			"text":  all,
			"root":  `<x` + strings.ReplaceAll(all, " ", "-") + `/>`,
		}
		var out strings.Builder
		say := func(v any) { fmt.Fprintf(&out, "%v\n%+v\n%#v\n%s\n", v, v, v, v) }
		for _, body := range bodies {
			for _, status := range []int{200, 401, 403, 422, 500} {
				for _, what := range []string{"GET /api/command/v2/health", "GET /api/command/v2/user", "GET /api/command/v2/client", "GET /api/config/v1/jump-client",
					"POST /api/command/v2/failover-role", "POST /api/backup", "GET /check_health"} {
					b.text(what, status, "text/plain", body)
				}
				_, err := c.Health(t.Context())
				say(err)
				_, err = c.Users(t.Context())
				say(err)
				_, err = c.Sessions(t.Context())
				say(err)
				for _, err := range c.JumpClients(t.Context()) {
					say(err)
				}
				answer, err := c.SetFailoverRole(t.Context(), beyondtrust.RoleChange{Role: beyondtrust.RoleBackup})
				say(answer)
				say(err)
				say(c.Backup(t.Context(), io.Discard))
				p, err := c.Probe(t.Context())
				say(p)
				say(err)
			}
			b.xml("check_health", 200, strings.Replace(body, "<error>", "<health_check>", 1))
			_, err := c.Identify(t.Context())
			say(err)
			b.xml("check_health", 200, healthXML)
		}
		b.json("GET /api/command/v2/health", 500, `{"version":"26.1.2","appliance_id":"`+guidA+`","last_data_sync_status":`+string(quoted)+`,"message":`+string(quoted)+`}`)
		time.Sleep(time.Minute) // until another token may be made
		h, err := c.Identify(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		say(h)
		b.on("POST /oauth2/token", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(401)
			io.WriteString(w, bodies["JSON"])
		})
		b.kill()
		for range 2 {
			_, err := c.Users(t.Context())
			say(err)
		}
		say(c)
		say(cred)
		say(&cred)
		say(opts)
		say(struct{ cred beyondtrust.Credential }{cred})
		say(struct{ o beyondtrust.Options }{opts})
		j, _ := json.Marshal(opts.BackupPassword)
		say(string(j))
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "password", opts.BackupPassword, "cred", cred)

		for _, text := range []string{out.String(), log.String()} {
			for _, word := range []string{secret, password, "canary-t0ken"} {
				if i := strings.Index(text, word); i >= 0 {
					t.Fatalf("%s is in: …%s…", word, text[max(0, i-200):min(len(text), i+80)])
				}
			}
		}
		if !strings.Contains(log.String(), "/api/command/v2/health") {
			t.Error("nothing was logged, so this proves nothing")
		}
	})
}
