package sps_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
)

const info = `{"key": "about_info", "body": {"hostname": "sps1", "domainname": "example.test", "firmware_version": "7.0.2", "version": "7.0.2"}, "meta": {"remaining_seconds": 1190}}`

func TestLoginHappensWhenItIsNeeded(t *testing.T) {
	f := &fake{answers: map[string]string{"GET /api/info": info, "GET /api/setup": `{"status": "completed"}`}}
	c := f.client(t)
	if _, err := c.Setup(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := f.count("GET /api/authentication"); n != 0 {
		t.Errorf("%d logins for what is open to strangers", n)
	}
	for range 3 {
		if _, err := c.Info(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.count("GET /api/authentication"); n != 1 {
		t.Errorf("%d logins for three calls, want 1", n)
	}
	c.Logout()
	if _, err := c.Info(t.Context()); err != nil || f.count("GET /api/authentication") != 2 {
		t.Errorf("after a logout: %v, %d logins; want none, 2", err, f.count("GET /api/authentication"))
	}
}

func TestLoginOnTheWire(t *testing.T) {
	cert := &tls.Certificate{}
	tests := map[string]struct {
		login       sps.Login
		query, auth string
	}{
		"a password":                   {sps.Login{User: "jürgen", Password: "ä:b"}, "", "Basic " + base64.StdEncoding.EncodeToString([]byte("jürgen:ä:b"))},
		"a password, the local method": {sps.Login{User: "a", Password: "b", Method: "local"}, "login_method=local", "Basic YTpi"},
		"a certificate":                {sps.Login{Certificate: cert}, "type=x509", ""},
		"a certificate and a method":   {sps.Login{Certificate: cert, Method: "my x509"}, "login_method=my+x509&type=x509", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var query, auth, cookie string
			f := &fake{answers: map[string]string{"GET /api/info": info}, handle: func(_ http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/api/authentication" {
					query, auth = r.URL.RawQuery, r.Header.Get("Authorization")
				} else {
					cookie = r.Header.Get("Cookie")
					if r.Header.Get("Authorization") != "" {
						t.Error("the password goes with every request")
					}
				}
				return false
			}}
			c, err := sps.NewClient("https://sps1", tt.login, &sps.Options{HTTPClient: &http.Client{Transport: f}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Info(t.Context()); err != nil {
				t.Fatal(err)
			}
			if query != tt.query || auth != tt.auth || cookie != "session_id=0123456789abcdef0123456789abcdef01234567" {
				t.Errorf("query %q, authorization %q, cookie %q; want %q, %q and the session", query, auth, cookie, tt.query, tt.auth)
			}
		})
	}
}

// Wrong logins may lock the account, so there is one.
func TestWrongPasswordIsTriedOnce(t *testing.T) {
	for _, status := range []string{"401", "403"} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{answers: map[string]string{"GET /api/authentication": status + ` {"error": {"type": "Unauthenticated", "details": {"path": "/api/authentication"}}}`}}
			c := f.client(t)
			class := map[string]error{"401": sps.ErrAuth, "403": sps.ErrForbidden}[status]
			for name, call := range calls {
				err := call(t.Context(), c)
				if !errors.Is(err, class) || strings.Contains(fmt.Sprint(err), "simulated") {
					t.Errorf("%s = %v, want class %q", name, err, class)
				}
			}
			for name, call := range acts {
				if err := call(t.Context(), c); !errors.Is(err, class) || !errors.Is(err, sps.ErrNotSent) {
					t.Errorf("%s = %v, want classes %q and not sent", name, err, class)
				}
				time.Sleep(time.Hour)
			}
			if n := f.count("GET /api/authentication"); n != 1 {
				t.Errorf("%d logins with a wrong password, want 1", n)
			}
			if err := c.Login(t.Context()); !errors.Is(err, class) || f.count("GET /api/authentication") != 2 {
				t.Errorf("Login = %v after %d logins; want another attempt, since it was asked for", err, f.count("GET /api/authentication"))
			}
		})
	}
}

// A password that was right may be refused for a while by an appliance that has only half booted.
func TestPasswordThatWorkedIsTriedAgainButSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse := false
		f := &fake{answers: map[string]string{"GET /api/info": info}}
		f.handle = func(w http.ResponseWriter, r *http.Request) bool {
			if refuse {
				w.WriteHeader(http.StatusUnauthorized)
				io.WriteString(w, `{"error": {"type": "Unauthenticated"}}`)
			}
			return refuse
		}
		c := f.client(t)
		if _, err := c.Info(t.Context()); err != nil {
			t.Fatal(err)
		}
		refuse = true
		for range 2 * 60 {
			if _, err := c.Info(t.Context()); !errors.Is(err, sps.ErrAuth) {
				t.Fatalf("err = %v, want ErrAuth", err)
			}
			time.Sleep(15 * time.Second)
		}
		if n := f.count("GET /api/authentication"); n != 4 {
			t.Errorf("%d logins in half an hour, want the first and three more", n)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		n := &spstest.Node{Switches: spstest.Switches{SessionsEndAtBoot: true}}
		c := node(t, n)
		if _, err := c.Info(t.Context()); err != nil {
			t.Fatal(err)
		}
		n.PowerCycle()
		time.Sleep(20 * time.Minute)
		if _, err := c.Info(t.Context()); err != nil {
			t.Errorf("after a boot: %v, want a new login", err)
		}
	})
}

func TestSessionThatEndedIsRenewedOnce(t *testing.T) {
	for name, end := range map[string]func(*spstest.Node){
		"forgotten by the appliance": (*spstest.Node).KillSessions,
		"idle for too long":          func(*spstest.Node) { time.Sleep(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &spstest.Node{Stored: []string{"7.0.2.1"}}
				c := node(t, n)
				for name, call := range calls {
					if strings.HasPrefix(name, "Cluster") {
						continue // this node is in none
					}
					if err := call(t.Context(), c); err != nil {
						t.Fatal(err)
					}
					end(n)
					if err := call(t.Context(), c); err != nil {
						t.Errorf("%s with a session that ended: %v, want a new login", name, err)
					}
				}
				end(n)
				if _, err := c.TestFirmware(t.Context(), v7021); err != nil {
					t.Errorf("TestFirmware with a session that ended: %v", err)
				}
			})
		})
	}
}

// A request that acts is not sent again even after a 401: the caller looks first.
func TestActsAreNotSentAgainAfterA401(t *testing.T) {
	ours := map[string]string{"TestFirmware": "POST /api/firmware/test", "UpgradeFirmware": "POST /api/firmware/upgrade", "DeleteSlot": "DELETE /api/firmware/slots/2",
		"UploadFirmware": "POST /api/upload/firmware", "SupportBundle": "POST /api/troubleshooting/support-bundle", "CheckLock": "POST /api/transaction", "FetchFirmware": "POST /api/firmware/fetch"}
	for name, what := range ours {
		t.Run(name, func(t *testing.T) {
			f := &fake{answers: slots("", "1 7.0.2 c", "2 7.0.2.1", "3")}
			f.answers["GET /api/transaction"] = `{"body": {"status": "closed"}}`
			f.answers["GET /api/troubleshooting/support-bundle"] = `{"items": [], "meta": {}}`
			f.answers[what] = `401 {"error": {"type": "Unauthenticated"}}`
			err := acts[name](t.Context(), f.client(t))
			if !errors.Is(err, sps.ErrAuth) || errors.Is(err, sps.ErrNotSent) || f.count(what) != 1 {
				t.Errorf("%s = %v, sent %d times; want ErrAuth, once", name, err, f.count(what))
			}
		})
	}
	if len(ours) != len(acts) {
		t.Errorf("%d requests act, %d are here", len(acts), len(ours))
	}
}

// Anonymous strangers get a part of /api/info with status 200: it must not pass for an answer.
func TestInfoForStrangersIsNoAnswer(t *testing.T) {
	const stranger = `{"key": "about_info", "body": {"hostname": "sps1", "domainname": "example.test"}, "meta": {}}`
	f := &fake{answers: map[string]string{"GET /api/info": stranger}}
	_, err := f.client(t).Info(t.Context())
	mustBe(t, err, sps.ErrAuth)
	if n := f.count("GET /api/authentication"); n != 2 {
		t.Errorf("%d logins, want the first and one more", n)
	}
}

func TestManyCallersShareOneLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answers: map[string]string{"GET /api/info": info}}
		f.handle = func(_ http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/api/authentication" {
				time.Sleep(time.Second)
			}
			return false
		}
		c := f.client(t)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := c.Info(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := f.count("GET /api/authentication"); n != 1 {
			t.Errorf("20 callers logged in %d times, want 1", n)
		}
	})
}

func TestWaitingForALoginEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		f.handle = func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }
		c := f.client(t)
		go c.Login(t.Context())
		synctest.Wait()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("the window closes"))
		defer cancel()
		start := time.Now()
		_, err := c.Info(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "the window closes") || time.Since(start) != time.Second {
			t.Errorf("err = %v after %v, want the context's end and its cause after 1s", err, time.Since(start))
		}
	})
}

func TestLoginAnswersThatAreNone(t *testing.T) {
	tests := map[string]struct {
		answer string
		want   []error
	}{
		"a page while it boots":    {"<html><head><title>Starting</title></head></html>", []error{sps.ErrNotReady}},
		"no cookie":                {`{"meta": {}, "challenge": "enter the code"}`, []error{sps.ErrBadAnswer}},
		"half of it":               {`{"meta": {`, []error{sps.ErrBadAnswer}},
		"an error with status 200": {`{"error": {"type": "Unauthenticated"}}`, nil},
		"a page with status 503":   {"503 <html>later</html>", []error{sps.ErrNotReady}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, err := answering(t, "GET /api/authentication", tt.answer).Info(t.Context())
				mustBe(t, err, tt.want...)
			})
		})
	}
}

func TestCanaryLogin(t *testing.T) {
	login := sps.Login{User: "admin", Password: "canary-4711", Certificate: &tls.Certificate{PrivateKey: "canary-4711"}}
	c, err := sps.NewClient("https://sps1", sps.Login{User: "admin", Password: "canary-4711"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	holder := struct {
		Login  sps.Login
		Ptr    *sps.Login
		hidden *sps.Client
		c      *sps.Client
	}{login, &login, c, c}
	text, err := login.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{string(text), login.LogValue().String(), login.GoString()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		for _, v := range []any{login, &login, holder, &holder, c, holder.hidden, []sps.Login{login}, map[string]sps.Login{"a": login}} {
			shown = append(shown, fmt.Sprintf(verb, v))
		}
	}
	for _, s := range shown {
		if strings.Contains(s, "canary") || strings.Contains(s, fmt.Sprintf("%x", "canary")) {
			t.Errorf("a secret shows in %q", s)
		}
	}
	if got := login.String(); got != "admin by client certificate" {
		t.Errorf("String() = %q", got)
	}
}

func TestNewClientRefuses(t *testing.T) {
	tests := map[string]struct {
		addr  string
		login sps.Login
		opts  *sps.Options
	}{
		"no https":                     {"http://sps1", admin, nil},
		"no host":                      {"https://", admin, nil},
		"a path":                       {"https://sps1/api", admin, nil},
		"no login":                     {"https://sps1", sps.Login{}, nil},
		"no password":                  {"https://sps1", sps.Login{User: "admin"}, nil},
		"no user":                      {"https://sps1", sps.Login{Password: "x"}, nil},
		"a password and a certificate": {"https://sps1", sps.Login{User: "a", Password: "x", Certificate: &tls.Certificate{}}, nil},
		"a fingerprint that is none":   {"https://sps1", admin, &sps.Options{Fingerprint: "ab"}},
		"a browser's user agent":       {"https://sps1", admin, &sps.Options{UserAgent: "Mozilla/5.0"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := sps.NewClient(tt.addr, tt.login, tt.opts)
			if err == nil || c != nil {
				t.Errorf("NewClient = %v, %v; want an error", c, err)
			}
		})
	}
}
