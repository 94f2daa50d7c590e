package spstest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// user is a client with a session, as thin as can be: what it sees is what is on the wire.
type user struct {
	t      *testing.T
	base   string
	hc     *http.Client
	cookie *http.Cookie // kept by hand: a jar drops it 20 minutes after the login, whatever happens in between
}

func newUser(t *testing.T, n *Node) *user {
	n.T = t
	hc := n.HTTPClient()
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &user{t: t, base: n.URL(), hc: hc}
}

func (u *user) login(name, password string) int {
	u.t.Helper()
	req, _ := http.NewRequest("GET", u.base+"/api/authentication", nil)
	req.SetBasicAuth(name, password)
	resp, err := u.hc.Do(req)
	if err != nil {
		u.t.Fatalf("login: %v", err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	for _, c := range resp.Cookies() {
		u.cookie = c
	}
	return resp.StatusCode
}

// do sends a request and decodes the answer.
func (u *user) do(method, path, body string) (int, obj, error) {
	req, _ := http.NewRequest(method, u.base+path, strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return u.send(req)
}

func (u *user) send(req *http.Request) (int, obj, error) {
	if u.cookie != nil {
		req.AddCookie(u.cookie)
	}
	resp, err := u.hc.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, nil, err
	}
	out := obj{}
	if err := json.Unmarshal(b, &out); err != nil {
		out["text"] = string(b)
	}
	return resp.StatusCode, out, nil
}

// must sends a request that has to be answered with 200.
func (u *user) must(method, path, body string) obj {
	u.t.Helper()
	status, out, err := u.do(method, path, body)
	if err != nil || status/100 != 2 {
		u.t.Fatalf("%s %s: %d %v %v", method, path, status, out, err)
	}
	return out
}

func (u *user) upload(img ImageFile) (int, obj, error) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, _ := w.CreateFormFile("firmware", ImageName(img.Version))
	io.Copy(part, img.Open())
	w.Close()
	req, _ := http.NewRequest("POST", u.base+"/api/upload/firmware", &form)
	req.Header.Set("Content-Type", w.FormDataContentType())
	return u.send(req)
}

func loggedIn(t *testing.T, n *Node) *user {
	t.Helper()
	u := newUser(t, n)
	if status := u.login(n.Login()); status != 200 {
		t.Fatalf("login: %d", status)
	}
	return u
}

// The whole way of a node, by REST alone, in appliance time.
func TestUpgradeByREST(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(Node)
		u := loggedIn(t, n)
		if v := u.must("GET", "/api/info", "")["body"].(obj)["firmware_version"]; v != "7.0.2" {
			t.Fatalf("version %v", v)
		}
		status, up, err := u.upload(ImageFile{Version: "7.0.2.1", Size: 3 << 20})
		if err != nil || status != 200 || up["key"] != "2" {
			t.Fatalf("upload: %d %v %v", status, up, err)
		}
		u.must("POST", "/api/firmware/test", `{"slot_id": 2}`)
		u.must("POST", "/api/firmware/upgrade", `{"slot_id": 2, "message": null}`)
		u.must("GET", "/api/info", "") // still up just after
		time.Sleep(6 * time.Second)
		if _, _, err := u.do("GET", "/api/info", ""); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("while it boots: %v, want refused", err)
		}
		time.Sleep(7 * time.Minute)
		if status, out, err := u.do("GET", "/api/info", ""); err != nil || status != 200 || !strings.Contains(out["text"].(string), "is starting") {
			t.Fatalf("later: %d %v %v, want the progress page", status, out, err)
		}
		time.Sleep(6 * time.Minute)
		if v := u.must("GET", "/api/info", "")["body"].(obj)["firmware_version"]; v != "7.0.2.1" {
			t.Fatalf("version %v", v)
		}
		if n.Running() != "7.0.2.1" || len(n.Violations()) != 0 {
			t.Errorf("runs %s, violations %v", n.Running(), n.Violations())
		}
		if got := len(n.Record().Of(Reboot)); got != 1 {
			t.Errorf("%d reboots:\n%v", got, n.Record())
		}
	})
}

func TestSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(Node)
		u := newUser(t, n)
		if status, out, _ := u.do("GET", "/api/firmware/slots", ""); status != 401 || out["error"].(obj)["type"] != "Unauthenticated" {
			t.Errorf("without login: %d %v", status, out)
		}
		if status := u.login("admin", "wrong"); status != 401 {
			t.Errorf("wrong password: %d", status)
		}
		u.login(n.Login())
		for range 3 { // activity keeps it alive
			time.Sleep(19 * time.Minute)
			u.must("GET", "/api/user_info", "")
		}
		time.Sleep(20 * time.Minute)
		if status, _, _ := u.do("GET", "/api/user_info", ""); status != 401 {
			t.Errorf("after 20 idle minutes: %d, want 401", status)
		}
		if _, ok := u.must("GET", "/api/info", "")["body"].(obj)["firmware_version"]; ok {
			t.Error("the version is told to anybody")
		}
	})
}

func TestFaultKinds(t *testing.T) {
	const path = "/api/firmware/slots"
	tests := map[string]struct {
		fault Fault
		check func(status int, out obj, err error) bool
	}{
		"answer":   {Fault{Kind: FaultAnswer, Status: 503}, func(s int, _ obj, err error) bool { return err == nil && s == 503 }},
		"reset":    {Fault{Kind: FaultReset}, func(_ int, _ obj, err error) bool { return errors.Is(err, syscall.ECONNRESET) }},
		"hang":     {Fault{Kind: FaultHang}, func(_ int, _ obj, err error) bool { return errors.Is(err, context.DeadlineExceeded) }},
		"cut":      {Fault{Kind: FaultCut}, func(s int, _ obj, err error) bool { return s == 200 && errors.Is(err, io.ErrUnexpectedEOF) }},
		"slow":     {Fault{Kind: FaultSlow}, func(s int, _ obj, err error) bool { return err == nil && s == 200 }},
		"page":     {Fault{Kind: FaultPage}, func(s int, out obj, err error) bool { return s == 200 && out["text"] != nil }},
		"json":     {Fault{Kind: FaultJSON}, func(s int, out obj, err error) bool { return s == 200 && out["unexpected"] != nil }},
		"redirect": {Fault{Kind: FaultRedirect}, func(s int, out obj, err error) bool { return s == 302 }},
		"logout":   {Fault{Kind: FaultLogout}, func(s int, out obj, err error) bool { return s == 401 }},
		"down":     {Fault{Kind: FaultDown}, func(_ int, _ obj, err error) bool { return errors.Is(err, syscall.ECONNRESET) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := new(Node)
				u := loggedIn(t, n)
				u.hc.Timeout = 90 * time.Second
				tt.fault.Skip = 1
				n.Inject("GET "+path, tt.fault)
				u.must("GET", path, "")
				if status, out, err := u.do("GET", path, ""); !tt.check(status, out, err) {
					t.Errorf("%d %v %v", status, out, err)
				}
				time.Sleep(5 * time.Minute)
				u.login(n.Login())
				u.must("GET", path, "")
			})
		})
	}
}
