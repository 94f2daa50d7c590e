package beyondtrust_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/internal/memnet"
)

// cmpAddrs lets cmp.Diff compare addresses.
var cmpAddrs = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func TestHealth(t *testing.T) {
	v2 := beyondtrust.Health{
		GUID: guidA, Hostname: "pra-a", Version: beyondtrust.Version{Number: "26.1.2", Build: "61234"}, VersionText: "26.1.2", Healthy: true,
		ClusterRole: beyondtrust.ClusterSingle, FailoverRole: beyondtrust.RolePrimary, SharedIPs: []netip.Addr{netip.MustParseAddr("192.0.2.10")},
		LastDataSync: time.Date(2026, 3, 1, 1, 10, 0, 0, time.UTC), LastDataSyncStatus: "success", Dialect: beyondtrust.DialectV2,
	}
	xml := v2
	xml.Dialect, xml.ClusterRole, xml.VersionText = beyondtrust.DialectXML, "", "26.1.2 (61234-0123456789abcdef0123456789abcdef01234567)"
	xml.Version.Revision = "0123456789abcdef0123456789abcdef01234567"

	alone := v2
	alone.FailoverRole, alone.SharedIPs, alone.LastDataSync, alone.LastDataSyncStatus = beyondtrust.RoleNone, nil, time.Time{}, ""
	strange := v2
	strange.ClusterRole, strange.FailoverRole, strange.LastDataSyncStatus = "quorum", "witness", "half way"
	sick := beyondtrust.Health{GUID: guidA, Problem: "database is not running", Dialect: beyondtrust.DialectV2}
	sickXML := alone
	sickXML.Healthy, sickXML.Problem, sickXML.Dialect, sickXML.ClusterRole = false, "database is not running", beyondtrust.DialectXML, ""
	sickXML.VersionText, sickXML.Version = "a build of ours", beyondtrust.Version{}

	tests := map[string]struct {
		status int
		body   string // v2 when it begins with a brace, XML otherwise
		want   beyondtrust.Health
		err    error
	}{
		"v2":                        {200, healthV2, v2, nil},
		"v2 without failover":       {200, `{"version":"26.1.2","build":61234,"appliance_hostname":"pra-a","appliance_id":"` + strings.ToUpper(guidA) + `","cluster_role":"single","failover_role":"none","last_data_sync":null,"last_data_sync_status":null,"enabled_shared_ips":null,"of_tomorrow":{}}`, alone, nil},
		"v2 with unknown words":     {200, strings.NewReplacer("single", "quorum", `"primary"`, `"witness"`, `"success"`, `"half way"`).Replace(healthV2), strange, nil},
		"v2 unhealthy":              {500, `{"version":null,"build":null,"appliance_hostname":null,"appliance_id":"` + guidA + `","failover_role":null,"message":"database is not running"}`, sick, nil},
		"v2 error of the server":    {500, `{"message":"Unexpected error"}`, beyondtrust.Health{}, beyondtrust.ErrUnavailable},
		"v2 page of the server":     {500, "{<html>", beyondtrust.Health{}, beyondtrust.ErrUnavailable},
		"v2 installing":             {503, "{", beyondtrust.Health{}, beyondtrust.ErrUnavailable},
		"v2 without a role":         {200, strings.Replace(healthV2, `"failover_role":"primary",`, "", 1), beyondtrust.Health{}, beyondtrust.ErrAnswer},
		"v2 bad GUID":               {200, strings.Replace(healthV2, guidA, "pra-a", 1), beyondtrust.Health{}, beyondtrust.ErrAnswer},
		"v2 bad shared IP":          {200, strings.Replace(healthV2, "192.0.2.10", "192.0.2.300", 1), beyondtrust.Health{}, beyondtrust.ErrAnswer},
		"v2 cut":                    {200, healthV2[:200], beyondtrust.Health{}, beyondtrust.ErrAnswer},
		"v2 twice":                  {200, healthV2 + healthV2, beyondtrust.Health{}, beyondtrust.ErrAnswer},
		"v2 over-long":              {200, `{"version":"` + strings.Repeat("9", 2<<20) + `"}`, beyondtrust.Health{}, beyondtrust.ErrAnswer},
		"XML":                       {200, healthXML, xml, nil},
		"XML in an old namespace":   {200, strings.Replace(healthXML, "https://www.beyondtrust.com/namespaces/API/command", "http://www.bomgar.com/namespaces/API/command", 1), xml, nil},
		"XML with a prefix":         {200, strings.NewReplacer("</", "</c:", "<", "<c:", "xmlns=", "xmlns:c=").Replace(healthXML[strings.Index(healthXML, "<health"):]), xml, nil},
		"XML unhealthy":             {200, `<health_check><appliance id="` + guidA + `">pra-a</appliance><version>a build of ours</version><success>0</success><error_message>database is not running</error_message><failover_role>none</failover_role></health_check>`, sickXML, nil},
		"XML half a document":       {200, healthXML[:len(healthXML)/2], beyondtrust.Health{}, beyondtrust.ErrAnswer},
		"XML without its last tag":  {200, strings.TrimSuffix(healthXML, "</health_check>"), beyondtrust.Health{}, beyondtrust.ErrAnswer},
		"XML twice":                 {200, healthXML + "<health_check/>", beyondtrust.Health{}, beyondtrust.ErrAnswer},
		"XML with two successes":    {200, strings.Replace(healthXML, "<success>", "<success>0</success><success>", 1), beyondtrust.Health{}, beyondtrust.ErrAnswer},
		"XML with success perhaps":  {200, strings.Replace(healthXML, "<success>1", "<success>true", 1), beyondtrust.Health{}, beyondtrust.ErrAnswer},
		"XML with a bad time":       {200, strings.Replace(healthXML, "1772327400", "yesterday", 1), beyondtrust.Health{}, beyondtrust.ErrAnswer},
		"XML without an appliance":  {200, "<health_check><success>1</success></health_check>", beyondtrust.Health{}, beyondtrust.ErrAnswer},
		"HTML in place of XML":      {200, "<!DOCTYPE html><html><title>Sign in</title><body>Please sign in</body></html>", beyondtrust.Health{}, beyondtrust.ErrAnswer},
		"HTML that is well-formed":  {200, "<html><body>Please sign in</body></html>", beyondtrust.Health{}, beyondtrust.ErrAnswer},
		"XML error with status 200": {200, "<error>Invalid action</error>", beyondtrust.Health{}, beyondtrust.ErrRefused},
		"XML error with status 403": {403, "<error>Permission denied</error>", beyondtrust.Health{}, beyondtrust.ErrForbidden},
		"XML error in its root":     {200, "<health_check><error>Out of order</error></health_check>", beyondtrust.Health{}, beyondtrust.ErrRefused},
		"nothing at all":            {200, "", beyondtrust.Health{}, beyondtrust.ErrAnswer},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, b *box) {
				if strings.HasPrefix(tt.body, "{") {
					b.json("GET /api/command/v2/health", tt.status, tt.body)
				} else {
					b.older().xml("check_health", tt.status, tt.body)
				}
				got, err := b.client(nil).Health(t.Context())
				if !errors.Is(err, tt.err) {
					t.Fatalf("Health() error = %v, want class %v", err, tt.err)
				}
				if d := cmp.Diff(tt.want, got, cmpAddrs, cmpopts.IgnoreFields(beyondtrust.Health{}, "AsOf", "Date", "Answered")); d != "" {
					t.Errorf("Health() (-want +got):\n%s", d)
				}
			})
		})
	}
}

func TestHealthAskedOnceAMinute(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		c := b.client(nil)
		start := time.Now()
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := c.Health(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for time.Since(start) < 10*time.Minute {
			h, err := c.Health(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if age := time.Since(h.AsOf); age < time.Minute || age > 2*time.Minute+time.Second {
				t.Errorf("AsOf is %v old, want one to two minutes: the appliance may answer from a cache", age)
			}
			time.Sleep(5 * time.Second)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		var last time.Time
		for i, a := range b.asked {
			if !strings.HasPrefix(a, "GET /api/command/v2/health") {
				continue
			}
			if d := b.at[i].Sub(last); d < time.Minute {
				t.Errorf("v2 was asked for health %v after the last time, want a minute at least", d)
			}
			last = b.at[i]
		}
	})
}

func TestHealthAskedAsOftenAsASimulationWants(t *testing.T) {
	for every, want := range map[time.Duration]int{0: 1, -1: 6, 2 * time.Second: 3} {
		bubble(t, func(t *testing.T, b *box) {
			c := b.client(&beyondtrust.Options{HealthEvery: every})
			for range 6 {
				h, err := c.Health(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if age := time.Since(h.AsOf); every > 0 && age > 2*every || every < 0 && age > time.Second {
					t.Errorf("every %v: AsOf is %v old", every, age)
				}
				time.Sleep(time.Second)
			}
			if n := b.count("GET /api/command/v2/health"); n != want {
				t.Errorf("every %v: asked %d times in six seconds, want %d", every, n, want)
			}
		})
	}
}

func TestHealthQuestionWithoutAnswerDoesNotCount(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		c := b.client(nil)
		b.json("GET /api/command/v2/health", 503, "busy")
		if _, err := c.Health(t.Context()); !errors.Is(err, beyondtrust.ErrUnavailable) {
			t.Fatalf("Health() error = %v, want ErrUnavailable", err)
		}
		b.json("GET /api/command/v2/health", 200, healthV2)
		if _, err := c.Health(t.Context()); err != nil {
			t.Errorf("Health() right after: %v", err)
		}
	})
}

func TestHealthOverXMLIsFresh(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		c := b.older().client(nil)
		for range 3 {
			before := time.Now()
			h, err := c.Health(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if h.AsOf.Before(before) {
				t.Errorf("AsOf is %v before the question", before.Sub(h.AsOf))
			}
		}
		if n := b.count("GET /api/command?action=check_health"); n != 3 {
			t.Errorf("asked %d times, want 3", n)
		}
	})
}

func TestClockOfTheAppliance(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.on("GET /api/command/v2/health", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(-24*time.Hour).UTC().Format(http.TimeFormat))
			io.WriteString(w, healthV2)
		})
		h, err := b.client(nil).Health(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if d, ok := h.Offset(); !ok || (d+24*time.Hour).Abs() > 2*time.Second {
			t.Errorf("Offset() = %v, %t, want a day behind", d, ok)
		}
		if _, ok := (beyondtrust.Health{}).Offset(); ok {
			t.Error("an offset without a Date header")
		}
	})
}

// Two appliances behind one name that moves.
func TestWrongApplianceBehindTheName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n memnet.Network
		a, b := newBox(t, &n, "192.0.2.11:443", site+":443"), newBox(t, &n, "192.0.2.12:443")
		b.json("GET /api/command/v2/health", 200, strings.Replace(healthV2, guidA, guidB, 1))
		b.xml("check_health", 200, strings.Replace(healthXML, guidA, guidB, 1))

		pinned := a.client(&beyondtrust.Options{Dial: "192.0.2.12", GUID: guidA})
		_, err := pinned.Health(t.Context())
		e, ok := errors.AsType[*beyondtrust.Error](err)
		if !ok || !errors.Is(err, beyondtrust.ErrWrongAppliance) {
			t.Fatalf("Health() error = %v, want ErrWrongAppliance", err)
		}
		if e.GUID != guidB {
			t.Errorf("GUID = %q, want %q", e.GUID, guidB)
		}
		if who, err := pinned.Identify(t.Context()); err != nil || who.GUID != guidB {
			t.Errorf("Identify() = %q, %v, want %q: it is how to find out", who.GUID, err, guidB)
		}
		for name, act := range map[string]func() error{
			"SetFailoverRole": func() error {
				_, err := pinned.SetFailoverRole(t.Context(), beyondtrust.RoleChange{Role: beyondtrust.RoleBackup})
				return err
			},
			"EndSession": func() error { return pinned.EndSession(t.Context(), strings.Repeat("a", 32)) },
			"LogOut":     func() error { return pinned.LogOut(t.Context(), "7") },
			"Backup":     func() error { return pinned.Backup(t.Context(), io.Discard) },
		} {
			if err := act(); !errors.Is(err, beyondtrust.ErrWrongAppliance) || !errors.Is(err, beyondtrust.ErrNotSent) {
				t.Errorf("%s() on the wrong appliance: %v, want ErrWrongAppliance and ErrNotSent", name, err)
			}
		}
		if n := b.count("POST /api") + b.count("DELETE ") + b.count("GET /api/backup"); n != 0 {
			t.Errorf("%d acts reached the wrong appliance", n)
		}
		if _, err := a.client(&beyondtrust.Options{Dial: "192.0.2.12", GUID: strings.ToUpper(guidB)}).Health(t.Context()); err != nil {
			t.Errorf("Health() of the right one: %v", err)
		}
		if !b.hosts[site] || len(b.hosts) != 1 {
			t.Errorf("spoken to as %v, want %s alone", b.hosts, site)
		}
		if a.count("") != 0 {
			t.Errorf("the other appliance was asked %v", a.asked)
		}
	})
}

func TestIdentify(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		c := b.client(nil)
		for range 5 {
			if who, err := c.Identify(t.Context()); err != nil || who.GUID != guidA {
				t.Fatalf("Identify() = %q, %v", who.GUID, err)
			}
		}
		if n := b.count("GET /api/command/v2/health"); n != 0 {
			t.Errorf("v2 was asked for health %d times, want none while there is XML", n)
		}
		b.xml("check_health", 200, "<error>The XML API is disabled</error>")
		for range 3 {
			if who, err := c.Identify(t.Context()); err != nil || who.GUID != guidA {
				t.Fatalf("Identify() without XML = %q, %v", who.GUID, err)
			}
		}
		if n := b.count("GET /api/command?"); n != 6 {
			t.Errorf("XML was asked %d times, want 6: once it was found missing, it is left alone", n)
		}
		b.json("GET /api/command/v2/health", 500, `{"version":"26.1.2","appliance_id":null,"message":"starting"}`)
		if _, err := c.Identify(t.Context()); !errors.Is(err, beyondtrust.ErrUnavailable) {
			t.Errorf("Identify() of one that does not tell: %v, want ErrUnavailable", err)
		}
	})
}

func TestNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, &memnet.Network{}) // listens nowhere
		c := b.client(nil)
		for name, ask := range map[string]func(ctx context.Context) error{
			"Probe":  func(ctx context.Context) error { _, err := c.Probe(ctx); return err },
			"Health": func(ctx context.Context) error { _, err := c.Health(ctx); return err },
			"Users":  func(ctx context.Context) error { _, err := c.Users(ctx); return err },
		} {
			if err := ask(t.Context()); !errors.Is(err, beyondtrust.ErrUnavailable) {
				t.Errorf("%s() error = %v, want ErrUnavailable", name, err)
			}
		}
		_, err := c.SetFailoverRole(t.Context(), beyondtrust.RoleChange{Role: beyondtrust.RolePrimary})
		if !errors.Is(err, beyondtrust.ErrNotSent) {
			t.Errorf("SetFailoverRole() error = %v, want ErrNotSent", err)
		}
		b.net.Silence(site+":443", true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Health(ctx); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, beyondtrust.ErrUnavailable) {
			t.Errorf("Health() of a silent appliance: %v, want the caller's deadline", err)
		}
	})
}
