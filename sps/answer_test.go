package sps_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/sps"
)

// What an appliance may answer to anything, and what it counts as.
func TestFaultAnswers(t *testing.T) {
	const page = "<!DOCTYPE html><html><head><title>SPS - Upgrading</title></head><body>Step 3 of 7, password=simulated</body></html>"
	tests := map[string]struct {
		answer string
		want   []error
		status int
		typ    string
		text   string // in the error
	}{
		"not authenticated":           {`401 {"error": {"type": "Unauthenticated", "details": {"path": "/x"}}}`, []error{sps.ErrAuth}, 401, "Unauthenticated", `{"path":"/x"}`},
		"not authorised":              {`403 {"error": {"type": "Unauthorized", "details": {}}}`, []error{sps.ErrForbidden}, 403, "Unauthorized", "answers 403"},
		"not there":                   {`404 {"error": {"type": "ResourceNotFound"}}`, []error{sps.ErrNotFound}, 404, "ResourceNotFound", "ResourceNotFound"},
		"an empty slot, other status": {`400 {"error": {"type": "ResourceNotFound"}}`, []error{sps.ErrNotFound}, 400, "ResourceNotFound", ""},
		"a failed test":               {`400 {"error": {"type": "FirmwareTestFailed", "message": "no", "details": {"test_summary": "disk full"}}}`, []error{sps.ErrTestFailed}, 400, "FirmwareTestFailed", "disk full"},
		"no length":                   {`411 <html><head><title>411 Length Required</title></head></html>`, nil, 411, "", "Length Required"},
		"locked by status":            {`423 {"error": {"type": "Busy"}}`, []error{sps.ErrLocked}, 423, "Busy", ""},
		"locked by type":              {`409 {"error": {"type": "ConfigurationLocked", "message": "by admin2"}}`, []error{sps.ErrLocked}, 409, "ConfigurationLocked", "by admin2"},
		"a type nobody knows":         {`422 {"error": {"type": "Strange", "message": "hm"}}`, nil, 422, "Strange", "hm"},
		"an error that is a text":     {`500 {"error": "out of order"}`, nil, 500, "", "out of order"},
		"an error with status 200":    {`{"error": {"type": "Oops", "message": "not done"}}`, nil, 200, "Oops", "not done"},
		"a 503 with a word":           {`503 {"error": {"type": "Booting"}}`, []error{sps.ErrNotReady}, 503, "Booting", ""},
		"an internal error":           {`500 {"error": {"type": "InternalError"}}`, nil, 500, "InternalError", ""},
		"a 500 without a word":        {`500 `, []error{sps.ErrNotReady}, 500, "", ""},
		"a 503 in the middle of boot": {`503 `, []error{sps.ErrNotReady}, 503, "", ""},
		"a page with status 200":      {page, []error{sps.ErrNotReady}, 200, "", "SPS - Upgrading"},
		"a page with status 503":      {"503 " + page, []error{sps.ErrNotReady}, 503, "", "SPS - Upgrading"},
		"a redirect on the same host": {"302 ", []error{sps.ErrNotReady}, 302, "", ""},
		"half of it":                  {`{"body": {"hostname": "sps1", `, []error{sps.ErrBadAnswer}, 200, "", "unexpected end"},
		"nothing":                     {``, []error{sps.ErrBadAnswer}, 200, "", ""},
		"JSON of another shape":       {`{"body": [], "items": {}, "health_status": 1, "transaction": 1}`, []error{sps.ErrBadAnswer}, 200, "", ""},
		"an endless answer":           {`{"x": "` + strings.Repeat("y", 5<<20) + `"}`, []error{sps.ErrBadAnswer}, 0, "", "too long"},
		"a wall of details":           {`400 {"error": {"type": "T", "details": {"x": "` + strings.Repeat("y", 1<<20) + `"}}}`, nil, 400, "T", ""},
		"a secret sent back to us":    {`400 {"error": {"type": "T", "message": "simulated is not it", "details": {"password": "x7", "also": "simulated"}}}`, nil, 400, "T", "REDACTED is not it"},
		"an escape sequence":          {`400 {"error": {"type": "T\u001b[2J", "message": "a\u0007b"}}`, nil, 400, "T", "ab"},
		"details of another kind":     {`400 {"error": {"type": 17, "message": null, "details": [1, 2]}}`, nil, 400, "17", "[1,2]"},
	}
	for name, tt := range tests {
		for what, path := range map[string]string{"Info": "/api/info", "Health": "/api/health_status", "Slots": "/api/firmware/slots", "Transaction": "/api/transaction"} {
			t.Run(name+"/"+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := &fake{answers: map[string]string{"GET " + path: tt.answer}}
					if what == "Health" { // the older path says the same
						f.answers["GET /api/health-status"] = tt.answer
					}
					err := calls[what](t.Context(), f.client(t))
					mustBe(t, err, tt.want...)
					e, ok := errors.AsType[*sps.Error](err)
					if !ok {
						t.Fatalf("err = %#v, want an *sps.Error", err)
					}
					if e.Status != tt.status || e.Type != tt.typ {
						t.Errorf("status %d, type %q; want %d, %q", e.Status, e.Type, tt.status, tt.typ)
					}
					text := err.Error()
					if !strings.HasPrefix(text, "sps: read ") && !strings.HasPrefix(text, "sps: list ") {
						t.Errorf("text = %q does not begin with what was tried", text)
					}
					if !strings.Contains(text, tt.text) {
						t.Errorf("text = %q, want it to say %q", text, tt.text)
					}
					if all := fmt.Sprintf("%v %+v %#v %+v", err, e, e, *e); strings.Contains(all, "simulated") || len(all) > 20<<10 {
						t.Errorf("%d bytes: %.2000s\nshow a secret, or too much", len(all), all)
					}
				})
			})
		}
	}
}

func TestFaultConnections(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Err: err} }
	tests := map[string]struct {
		err  error
		want []error
		kind sps.ReachKind
	}{
		"refused":          {dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), []error{sps.ErrNotReady, sps.ErrRefused}, sps.ReachRefused},
		"no route":         {dial(os.NewSyscallError("connect", syscall.EHOSTUNREACH)), []error{sps.ErrNotReady}, sps.ReachAway},
		"no such name":     {dial(&net.DNSError{Name: "sps1", IsNotFound: true}), nil, sps.ReachAway},
		"reset":            {&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, []error{sps.ErrNotReady}, sps.ReachBroken},
		"hung up":          {io.EOF, []error{sps.ErrNotReady}, sps.ReachBroken},
		"a TLS alert":      {errors.New("remote error: tls: handshake failure"), []error{sps.ErrNotReady, sps.ErrTLS}, sps.ReachTLS},
		"something unseen": {errors.New("a new kind of trouble"), nil, sps.ReachAway},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, err := sps.NewClient("https://sps1", admin, &sps.Options{HTTPClient: &http.Client{Transport: broken{tt.err}}})
				if err != nil {
					t.Fatal(err)
				}
				_, err = c.Info(t.Context())
				mustBe(t, err, tt.want...)
				reach, err := c.Probe(t.Context())
				if err != nil || reach.Kind != tt.kind || reach.Ready() || reach.Error == "" || reach.String() == "" {
					t.Errorf("Probe = %+v, %v; want kind %q", reach, err, tt.kind)
				}
			})
		})
	}
}

type broken struct{ err error }

func (b broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, b.err }

func TestProbe(t *testing.T) {
	const page = "<html><head><title>Upgrade</title></head><body>42 %</body></html>"
	tests := map[string]struct {
		answer string
		want   sps.Reach
	}{
		"the API, as strangers see it": {`{"key": "about_info", "body": {"hostname": "sps1", "domainname": "example.test"}, "meta": {}}`, sps.Reach{Kind: sps.ReachAPI, Status: 200, Host: "sps1.example.test"}},
		"the API says no":              {`401 {"error": {"type": "Unauthenticated"}}`, sps.Reach{Kind: sps.ReachStatus, Status: 401}},
		"a page":                       {page, sps.Reach{Kind: sps.ReachPage, Status: 200, Title: "Upgrade", Text: "42 %"}},
		"a page with status 502":       {"502 " + page, sps.Reach{Kind: sps.ReachPage, Status: 502, Title: "Upgrade", Text: "42 %"}},
		"a bare 503":                   {"503 ", sps.Reach{Kind: sps.ReachStatus, Status: 503}},
		"a 500 in the API's words":     {`500 {"error": {"type": "InternalError"}}`, sps.Reach{Kind: sps.ReachStatus, Status: 500}},
		"JSON of something else":       {`{"hello": "world"}`, sps.Reach{Kind: sps.ReachStatus, Status: 200}},
		"half JSON":                    {`{"body": {"hostname": "sps`, sps.Reach{Kind: sps.ReachStatus, Status: 200}},

		"a redirect on the same host":  {"302 ", sps.Reach{Kind: sps.ReachRedirect, Status: 302}},
		"a page that repeats a secret": {"<p>simulated is wrong", sps.Reach{Kind: sps.ReachPage, Status: 200, Text: "REDACTED is wrong"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fake{answers: map[string]string{"GET /api/info": tt.answer}}
			got, err := f.client(t).Probe(t.Context())
			if got.Time != time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC) {
				t.Errorf("Time = %v, want the Date header", got.Time)
			}
			got.Time = time.Time{}
			if err != nil || got != tt.want || got.Ready() != (tt.want.Kind == sps.ReachAPI) || got.String() == "" {
				t.Errorf("Probe = %+v, %v; want %+v", got, err, tt.want)
			}
			if n := f.count("GET /api/info"); n != 1 || f.count("GET /api/authentication") != 0 {
				t.Errorf("asked %d times, want once and without a login", n)
			}
		})
	}
	t.Run("the context has ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := answering(t, "GET /api/info", page).Probe(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("err = %v, want context.Canceled", err)
		}
	})
	t.Run("nobody answers", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			c, err := sps.NewClient("https://sps1", admin, &sps.Options{HTTPClient: &http.Client{Transport: hanging{}}})
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Probe(t.Context())
			if err != nil || got.Kind != sps.ReachSilent || time.Since(start) != 20*time.Second {
				t.Errorf("Probe = %+v, %v after %v; want silent after 20s", got, err, time.Since(start))
			}
		})
	})
}

type hanging struct{}

func (hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestSSHOpen(t *testing.T) {
	var asked string
	open := func(_ context.Context, network, addr string) (net.Conn, error) {
		asked = network + " " + addr
		a, b := net.Pipe()
		b.Close()
		return a, nil
	}
	got, err := sps.SSHOpen(t.Context(), "::1", open)
	if !got || err != nil || asked != "tcp [::1]:22" {
		t.Errorf("SSHOpen = %t, %v, asked %q; want true, tcp [::1]:22", got, err, asked)
	}
	closed := func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED }
	if got, err := sps.SSHOpen(t.Context(), "sps1", closed); got || err != nil {
		t.Errorf("a closed port: %t, %v; want false, no error", got, err)
	}
	synctest.Test(t, func(t *testing.T) {
		silent := func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
		start := time.Now()
		if got, err := sps.SSHOpen(t.Context(), "sps1", silent); got || err != nil || time.Since(start) != 10*time.Second {
			t.Errorf("a silent port: %t, %v after %v; want false, no error, 10s", got, err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := sps.SSHOpen(ctx, "sps1", silent); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v, want the context's end", err)
		}
	})
}

func TestErrorTextAndClasses(t *testing.T) {
	_, err := sps.Slots{}.Find(v7021)
	mustBe(t, err, sps.ErrNotFound)
	if want := "sps: find firmware 7.0.2.1: no slot holds it; upload the image first"; err.Error() != want {
		t.Errorf("text = %q, want %q", err, want)
	}
	e := &sps.Error{Op: "test firmware", Method: "POST", Path: "/api/firmware/test", Status: 400, Type: "FirmwareTestFailed", Message: "no", Details: "{}"}
	if want := "sps: test firmware: POST /api/firmware/test answers 400: FirmwareTestFailed: no"; e.Error() != want {
		t.Errorf("text = %q, want %q", e, want)
	}
	if errors.Is(e, nil) || errors.Is(&sps.Error{}, sps.ErrNotFound) {
		t.Error("an error is of a class that it is not")
	}
}

func TestCheckImage(t *testing.T) {
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte("abc")))
	img := sps.Image{Size: 3, SHA256: sum}
	if err := img.Check(strings.ToUpper(sum) + "\n"); err != nil {
		t.Errorf("Check = %v for the same hash", err)
	}
	mustBe(t, img.Check(strings.Repeat("0", 64)), sps.ErrChecksum)
	for _, s := range []string{"", "abc", sum[:63], sum + "0", strings.Repeat("g", 64)} {
		if err := img.Check(s); err == nil || errors.Is(err, sps.ErrChecksum) {
			t.Errorf("Check(%q) = %v, want an error that says it is no hash", s, err)
		}
	}
}
