package pratest_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

// got is what a plain client sees of a request.
type got struct {
	status   int
	kind     string
	body     []byte
	location string
	took     time.Duration
	err      error
}

func ask(ctx context.Context, site *pratest.Site, method, url, token string) got {
	begin := time.Now()
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return got{err: err}
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	c := site.HTTPClient()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := c.Do(req)
	if err != nil {
		return got{err: err, took: time.Since(begin)}
	}
	defer resp.Body.Close()
	g := got{status: resp.StatusCode, kind: resp.Header.Get("Content-Type"), location: resp.Header.Get("Location")}
	g.body, g.err = io.ReadAll(resp.Body)
	g.took = time.Since(begin)
	return g
}

// token gets one the plain way.
func token(t *testing.T, site *pratest.Site, box *pratest.Box) string {
	t.Helper()
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+box.Host()+"/oauth2/token", strings.NewReader("grant_type=client_credentials"))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(site.Account())
	resp, err := site.HTTPClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	_, rest, _ := bytes.Cut(body, []byte(`"access_token":"`))
	text, _, ok := bytes.Cut(rest, []byte(`"`))
	if !ok {
		t.Fatalf("no token: %s", body)
	}
	return string(text)
}

func TestFaultKinds(t *testing.T) {
	const health = "GET /api/command?action=check_health"
	tests := map[string]struct {
		fault pratest.Fault
		check func(g got) string // what is wrong
	}{
		"answer": {pratest.Fault{Kind: pratest.FaultAnswer, Status: 418, Body: "{}"}, func(g got) string {
			return want(g.status == 418 && g.kind == "application/json" && string(g.body) == "{}")
		}},
		"reset": {pratest.Fault{Kind: pratest.FaultReset}, func(g got) string { return want(errors.Is(g.err, syscall.ECONNRESET)) }},
		"hang":  {pratest.Fault{Kind: pratest.FaultHang}, func(g got) string { return want(errors.Is(g.err, context.DeadlineExceeded) && g.took == 2*time.Hour) }},
		"cut":   {pratest.Fault{Kind: pratest.FaultCut}, func(g got) string { return want(g.err != nil && g.status == 200 && len(g.body) > 0) }},
		"half": {pratest.Fault{Kind: pratest.FaultHalf}, func(g got) string {
			var any struct{}
			return want(g.err == nil && g.status == 200 && bytes.HasPrefix(g.body, []byte("<?xml")) && xml.Unmarshal(g.body, &any) != nil)
		}},
		"slow":     {pratest.Fault{Kind: pratest.FaultSlow, Delay: time.Hour}, func(g got) string { return want(g.err == nil && g.took == time.Hour) }},
		"trickle":  {pratest.Fault{Kind: pratest.FaultTrickle, Delay: time.Minute}, func(g got) string { return want(g.err == nil && g.took >= time.Minute) }},
		"stall":    {pratest.Fault{Kind: pratest.FaultStall}, func(g got) string { return want(errors.Is(g.err, context.DeadlineExceeded) && len(g.body) > 0) }},
		"page":     {pratest.Fault{Kind: pratest.FaultPage}, func(g got) string { return want(g.status == 200 && strings.HasPrefix(g.kind, "text/html")) }},
		"redirect": {pratest.Fault{Kind: pratest.FaultRedirect, Target: "https://elsewhere.test/"}, func(g got) string { return want(g.status == 302 && g.location == "https://elsewhere.test/") }},
		"down":     {pratest.Fault{Kind: pratest.FaultDown}, func(g got) string { return want(errors.Is(g.err, syscall.ECONNRESET)) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			site := pratest.Single()
			bubble(t, site, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
				defer cancel()
				tok := token(t, site, &site.A)
				tt.fault.Skip = 1
				site.A.Inject(health, tt.fault)
				url := "https://access.example.com/api/command?action=check_health"
				if g := ask(ctx, site, "GET", url, tok); g.err != nil || g.status != 200 {
					t.Fatalf("the skipped one: %+v", g)
				}
				g := ask(ctx, site, "GET", url, tok)
				if wrong := tt.check(g); wrong != "" {
					t.Errorf("%s: %d %q %v after %v: %.200s", wrong, g.status, g.kind, g.err, g.took, g.body)
				}
				if name == "down" {
					if site.A.Up() {
						t.Error("it is up")
					}
					until(t, "it boots", site.A.Up)
				}
				tok = token(t, site, &site.A) // hours may have passed
				ctx, cancel = context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				if g := ask(ctx, site, "GET", url, tok); g.err != nil || g.status != 200 {
					t.Errorf("the one after: %+v", g)
				}
			})
		})
	}
}

func want(ok bool) string {
	if ok {
		return ""
	}
	return "not what was wanted"
}

// TestFaultOfAnAct tells "done, but not heard" from "not done".
func TestFaultOfAnAct(t *testing.T) {
	tests := map[string]struct {
		fault pratest.Fault
		done  bool
	}{
		"reset before":  {pratest.Fault{Kind: pratest.FaultReset}, false},
		"reset after":   {pratest.Fault{Kind: pratest.FaultReset, Acts: true}, true},
		"answer":        {pratest.Fault{Kind: pratest.FaultAnswer, Status: 500}, false},
		"page, done":    {pratest.Fault{Kind: pratest.FaultPage, Acts: true}, true},
		"cut":           {pratest.Fault{Kind: pratest.FaultCut}, true},
		"hang before":   {pratest.Fault{Kind: pratest.FaultHang}, false},
		"hang after":    {pratest.Fault{Kind: pratest.FaultHang, Acts: true}, true},
		"redirect":      {pratest.Fault{Kind: pratest.FaultRedirect}, false},
		"power is lost": {pratest.Fault{Kind: pratest.FaultDown}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			site := pratest.Pair()
			bubble(t, site, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				site.A.Inject("press "+beyondtrust.ButtonBreak, tt.fault)
				err := site.A.Pages().Failover.Break(ctx)
				if err == nil || errors.Is(err, beyondtrust.ErrNotPressed) {
					t.Errorf("Break = %v: nobody can be certain", err)
				}
				if done := site.B.Role() == beyondtrust.RoleNone; done != tt.done {
					t.Errorf("done: %t, want %t", done, tt.done)
				}
			})
		})
	}
	t.Run("over the API", func(t *testing.T) {
		site := pratest.Pair()
		bubble(t, site, func(t *testing.T) {
			site.A.Inject("POST /api/command/v2/failover-role", pratest.Fault{Kind: pratest.FaultReset, Acts: true})
			_, err := client(t, site, &site.A, beyondtrust.Options{}).SetFailoverRole(t.Context(), beyondtrust.RoleChange{Role: beyondtrust.RoleBackup})
			if err == nil || errors.Is(err, beyondtrust.ErrNotSent) {
				t.Errorf("SetFailoverRole = %v", err)
			}
			until(t, "the roles change", func() bool { return site.B.Role() == beyondtrust.RolePrimary })
		})
	})
}

func TestFaultNames(t *testing.T) {
	site := pratest.Pair()
	bubble(t, site, func(t *testing.T) {
		tok := token(t, site, &site.A)
		site.A.Fail("GET /api/config/v1/jump-client/{id}", 502)
		site.A.Inject("GET /api/config/*", pratest.Fault{Kind: pratest.FaultAnswer, Status: 504, Times: -1})
		for _, tt := range []struct {
			path string
			want int
		}{{"/api/config/v1/jump-client/1001", 502}, {"/api/config/v1/jump-client/1001", 504}, {"/api/config/v1/jumpoint", 504}, {"/check_health", 200}} {
			if g := ask(t.Context(), site, "GET", "https://pra-a.example.com"+tt.path, tok); g.status != tt.want {
				t.Errorf("%s = %d, %v, want %d", tt.path, g.status, g.err, tt.want)
			}
		}
		site.A.Heal()
		if g := ask(t.Context(), site, "GET", "https://pra-a.example.com/api/config/v1/jumpoint", tok); g.status != 200 {
			t.Errorf("healed, and yet %d", g.status)
		}
		if n := site.Calls()["GET /api/config/v1/jumpoint"]; n != 2 {
			t.Errorf("counted %d calls", n)
		}
	})
}

// TestHangEndsWithTheAppliance: who waits for an answer hears of it when the appliance goes away.
func TestHangEndsWithTheAppliance(t *testing.T) {
	site := pratest.Single()
	bubble(t, site, func(t *testing.T) {
		begin(t, &site.A)
		site.A.Inject("GET /check_health", pratest.Fault{Kind: pratest.FaultHang})
		g := ask(t.Context(), site, "GET", "https://access.example.com/check_health", "")
		if !errors.Is(g.err, syscall.ECONNRESET) || g.took != 3*time.Minute+10*time.Second {
			t.Errorf("%v after %v", g.err, g.took)
		}
	})
}
