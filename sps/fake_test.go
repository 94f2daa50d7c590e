package sps_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
)

// fake is an appliance of a few canned answers, for wire facts and for what a simulated appliance would never say. Its keys are
// method and path; an answer begins with its status if that is not 200. Who logs in gets a session.
type fake struct {
	answers map[string]string
	handle  func(w http.ResponseWriter, r *http.Request) bool // before the answers

	mu    sync.Mutex
	asked []string
}

func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r = r.Clone(r.Context())
		r.Body = http.NoBody
	}
	defer r.Body.Close()
	f.mu.Lock()
	f.asked = append(f.asked, r.Method+" "+r.URL.Path)
	f.mu.Unlock()
	w := httptest.NewRecorder()
	if f.handle == nil || !f.handle(w, r) {
		answer, known := f.answers[r.Method+" "+r.URL.Path]
		switch {
		case !known && r.URL.Path == "/api/authentication":
			w.Header().Set("Set-Cookie", "session_id=0123456789abcdef0123456789abcdef01234567; Path=/; Secure")
			answer = `{"meta": {}}`
		case !known:
			answer = `404 {"error": {"type": "ResourceNotFound"}}`
		}
		status := http.StatusOK
		if len(answer) >= 4 && answer[3] == ' ' && strings.Trim(answer[:3], "0123456789") == "" && answer[0] >= '2' && answer[0] <= '5' {
			status = int(answer[0]-'0')*100 + int(answer[1]-'0')*10 + int(answer[2]-'0')
			answer = answer[4:]
		}
		w.Header().Set("Date", "Tue, 24 Nov 2026 10:00:00 GMT")
		w.WriteHeader(status)
		io.WriteString(w, answer)
	}
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// count says how often it was asked that.
func (f *fake) count(what string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, asked := range f.asked {
		if asked == what {
			n++
		}
	}
	return n
}

var admin = sps.Login{User: "admin", Password: "simulated"}

func (f *fake) client(t testing.TB) *sps.Client {
	t.Helper()
	c, err := sps.NewClient("https://sps1.example.test", admin, &sps.Options{HTTPClient: &http.Client{Transport: f}, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// answering is a client of an appliance that gives one answer to one question.
func answering(t testing.TB, what, answer string) *sps.Client {
	t.Helper()
	return (&fake{answers: map[string]string{what: answer}}).client(t)
}

// node starts a simulated appliance and a client for it.
func node(t *testing.T, n *spstest.Node, opts ...func(*sps.Options)) *sps.Client {
	t.Helper()
	n.T = t
	o := &sps.Options{HTTPClient: n.HTTPClient()}
	for _, opt := range opts {
		opt(o)
	}
	c, err := sps.NewClient(n.URL(), admin, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return c
}

// mustBe checks an error's classes: those that it has to have, and that it has no other.
func mustBe(t *testing.T, err error, want ...error) {
	t.Helper()
	if err == nil {
		t.Errorf("err = nil, want classes %v", want)
		return
	}
	for _, class := range classes {
		if got, should := errors.Is(err, class), slices.Contains(want, class); got != should {
			t.Errorf("err = %v\nis of class %q: %t, want %t", err, class, got, should)
		}
	}
}

var classes = []error{
	sps.ErrNotFound, sps.ErrAuth, sps.ErrForbidden, sps.ErrLocked, sps.ErrTestFailed, sps.ErrNotReady, sps.ErrNoFreeSlot, sps.ErrSlotInUse,
	sps.ErrAmbiguous, sps.ErrChecksum, sps.ErrReverted, sps.ErrBadAnswer, sps.ErrFailed, sps.ErrRefused, sps.ErrUntrusted, sps.ErrTLS,
	sps.ErrRedirect, sps.ErrNoAnswer, sps.ErrStalled, sps.ErrNotSent, sps.ErrNotPressed,
}

var v7021 = sps.MustVersion("7.0.2.1")

func ignore(_ any, err error) error { return err }

type call func(context.Context, *sps.Client) error

// calls are all requests of a client, by name.
var calls = map[string]call{
	"Info":          func(ctx context.Context, c *sps.Client) error { return ignore(c.Info(ctx)) },
	"Health":        func(ctx context.Context, c *sps.Client) error { return ignore(c.Health(ctx)) },
	"Slots":         func(ctx context.Context, c *sps.Client) error { return ignore(c.Slots(ctx)) },
	"Slot":          func(ctx context.Context, c *sps.Client) error { return ignore(c.Slot(ctx, "1")) },
	"Transaction":   func(ctx context.Context, c *sps.Client) error { return ignore(c.Transaction(ctx)) },
	"License":       func(ctx context.Context, c *sps.Client) error { return ignore(c.License(ctx)) },
	"ClusterStatus": func(ctx context.Context, c *sps.Client) error { return ignore(c.ClusterStatus(ctx)) },
	"ClusterNodes":  func(ctx context.Context, c *sps.Client) error { return ignore(c.ClusterNodes(ctx)) },
}

// acts are those that act.
var acts = map[string]call{
	"TestFirmware":    func(ctx context.Context, c *sps.Client) error { return ignore(c.TestFirmware(ctx, v7021)) },
	"UpgradeFirmware": func(ctx context.Context, c *sps.Client) error { return ignore(c.UpgradeFirmware(ctx, v7021, "")) },
	"DeleteSlot":      func(ctx context.Context, c *sps.Client) error { return c.DeleteSlot(ctx, "2") },
	"UploadFirmware": func(ctx context.Context, c *sps.Client) error {
		return ignore(c.UploadFirmware(ctx, spstest.Image("7.0.2.1", 1<<20), "sps-7.0.2.1.iso", nil))
	},
	"SupportBundle": func(ctx context.Context, c *sps.Client) error { return c.SupportBundle(ctx, io.Discard) },
	"CheckLock":     func(ctx context.Context, c *sps.Client) error { return c.CheckLock(ctx) },
	"FetchFirmware": func(ctx context.Context, c *sps.Client) error {
		return c.FetchFirmware(ctx, "https://mirror.example.test/sps.iso", strings.Repeat("ab", 32))
	},
}
