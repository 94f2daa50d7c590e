package spstest

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// at looks into a JSON value: at(v, "error", "type").
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			o, _ := v.(obj)
			v = o[p]
		case int:
			a, _ := v.([]any)
			if p >= len(a) {
				return nil
			}
			v = a[p]
		}
	}
	return v
}

func TestWire(t *testing.T) {
	type want struct {
		status int
		path   []any
		value  any
	}
	tests := map[string]struct {
		node   *Node
		method string
		path   string
		body   string
		want   want
	}{
		"info tells the host name":               {method: "GET", path: "/api/info", want: want{200, []any{"body", "hostname"}, "sps1"}},
		"info has the key about_info":            {method: "GET", path: "/api/info", want: want{200, []any{"key"}, "about_info"}},
		"info tells the version after login":     {node: &Node{Version: "8.0.1"}, method: "GET", path: "/api/info", want: want{200, []any{"body", "firmware_version"}, "8.0.1"}},
		"a build suffix is a switch":             {node: &Node{Switches: Switches{VersionSuffix: "-b12"}}, method: "GET", path: "/api/info", want: want{200, []any{"body", "firmware_version"}, "7.0.2-b12"}},
		"setup is completed":                     {method: "GET", path: "/api/setup", want: want{200, []any{"status"}, "completed"}},
		"setup is not":                           {node: &Node{Uninitialized: true}, method: "GET", path: "/api/setup", want: want{200, []any{"status"}, "uninitialized"}},
		"health under its own key":               {method: "GET", path: "/api/health_status", want: want{200, []any{"health_status", "firmware", "integrity", "core"}, "OK"}},
		"no hyphen from 7.0 on":                  {method: "GET", path: "/api/health-status", want: want{404, []any{"error", "type"}, "ResourceNotFound"}},
		"hyphen in 6":                            {node: &Node{Version: "6.0.14"}, method: "GET", path: "/api/health-status", want: want{200, []any{"health_status", "disk"}, 21.0}},
		"no underscore in 6":                     {node: &Node{Version: "6.0.14"}, method: "GET", path: "/api/health_status", want: want{404, []any{"error", "type"}, "ResourceNotFound"}},
		"both paths is a switch":                 {node: &Node{Switches: Switches{HealthPath: "both"}}, method: "GET", path: "/api/health-status", want: want{200, []any{"health_status", "disk"}, 21.0}},
		"old health counts sessions differently": {node: &Node{Health: Health{Sessions: map[string]int{"ssh": 2}}, Switches: Switches{OldHealth: true}}, method: "GET", path: "/api/health_status", want: want{200, []any{"health_status", "total_sessions"}, 2.0}},
		"user info":                              {method: "GET", path: "/api/user_info", want: want{200, []any{"user", "name"}, "admin"}},
		"its alias":                              {method: "GET", path: "/api/user/info", want: want{200, []any{"endpoints", 0, "url"}, "/api"}},
		"login types in 6":                       {node: &Node{Version: "6.9.3"}, method: "GET", path: "/api/authentication/types", want: want{200, []any{"types", "basic"}, obj{}}},
		"login methods in 7":                     {method: "GET", path: "/api/authentication/login_methods", want: want{200, []any{"login_methods", 0, "name"}, "local"}},
		"the firmware index lists fetch":         {method: "GET", path: "/api/firmware", want: want{200, []any{"items", 0, "key"}, "fetch"}},
		"but not in 6":                           {node: &Node{Version: "6.13.1"}, method: "GET", path: "/api/firmware", want: want{200, []any{"items", 0, "key"}, "slots"}},
		"no firmware REST in 6.0":                {node: &Node{Version: "6.0.2"}, method: "GET", path: "/api/firmware", want: want{404, []any{"error", "type"}, "ResourceNotFound"}},
		"slot keys are strings from 1":           {method: "GET", path: "/api/firmware/slots", want: want{200, []any{"items", 0, "key"}, "1"}},
		"or from 0":                              {node: &Node{Switches: Switches{ZeroBased: true}}, method: "GET", path: "/api/firmware/slots", want: want{200, []any{"items", 0, "key"}, "0"}},
		"or not consecutive":                     {node: &Node{Switches: Switches{SparseKeys: true}}, method: "GET", path: "/api/firmware/slots", want: want{200, []any{"items", 1, "key"}, "3"}},
		"an empty slot has an empty body":        {method: "GET", path: "/api/firmware/slots", want: want{200, []any{"items", 1, "body"}, obj{}}},
		"free slots are counted":                 {method: "GET", path: "/api/firmware/slots", want: want{200, []any{"meta", "number_of_empty_slots"}, 4.0}},
		"links, not ids":                         {method: "GET", path: "/api/firmware/slots", want: want{200, []any{"meta", "current_slot"}, "/api/firmware/slots/1"}},
		"at rest the current slot is next":       {method: "GET", path: "/api/firmware/slots/1", want: want{200, []any{"body", "after_reboot"}, true}},
		"or none is":                             {node: &Node{Switches: Switches{IdleAfterReboot: "none"}}, method: "GET", path: "/api/firmware/slots/1", want: want{200, []any{"body", "after_reboot"}, false}},
		"no such slot":                           {method: "GET", path: "/api/firmware/slots/9", want: want{404, []any{"error", "type"}, "ResourceNotFound"}},
		"pages of lists":                         {node: &Node{Switches: Switches{PageSize: 2}}, method: "GET", path: "/api/firmware/slots?offset=2", want: want{200, []any{"meta", "next"}, "/api/firmware/slots?offset=4"}},
		"the running slot stays":                 {method: "DELETE", path: "/api/firmware/slots/1", want: want{409, []any{"error", "type"}, "SlotInUse"}},
		"another goes":                           {node: &Node{Stored: []string{"6.0.1"}}, method: "DELETE", path: "/api/firmware/slots/2", want: want{200, []any{"meta", "href"}, "/api/firmware/slots/2"}},
		"slot_id is missing":                     {method: "POST", path: "/api/firmware/test", body: `{}`, want: want{400, []any{"error", "type"}, "IncompleteRequestBodyError"}},
		"with another status":                    {node: &Node{Switches: Switches{ErrorStatus: 422}}, method: "POST", path: "/api/firmware/test", body: `{}`, want: want{422, []any{"error", "type"}, "IncompleteRequestBodyError"}},
		"the slot is empty":                      {method: "POST", path: "/api/firmware/upgrade", body: `{"slot_id": 2}`, want: want{404, []any{"error", "type"}, "ResourceNotFound"}},
		"slot_id as a string":                    {node: &Node{Stored: []string{"7.0.3"}}, method: "POST", path: "/api/firmware/test", body: `{"slot_id": "2"}`, want: want{200, []any{"body", "test_summary"}, "HA check started\nHA check finished"}},
		"slot_id as a number":                    {node: &Node{Stored: []string{"7.0.3"}}, method: "POST", path: "/api/firmware/test", body: `{"slot_id": 2}`, want: want{200, []any{"meta", "slot"}, "/api/firmware/slots/2"}},
		"only as a number is a switch":           {node: &Node{Stored: []string{"7.0.3"}, Switches: Switches{SlotIDAs: "number"}}, method: "POST", path: "/api/firmware/test", body: `{"slot_id": "2"}`, want: want{400, []any{"error", "type"}, "InvalidValue"}},
		"the test refuses older versions":        {node: &Node{Stored: []string{"6.0.1"}}, method: "POST", path: "/api/firmware/test", body: `{"slot_id": 2}`, want: want{400, []any{"error", "type"}, "FirmwareTestFailed"}},
		"the test refuses a full disk":           {node: &Node{Stored: []string{"7.0.3"}, Health: Health{Disk: 95}}, method: "POST", path: "/api/firmware/test", body: `{"slot_id": 2}`, want: want{400, []any{"error", "details", "test_summary"}, "HA check started\nHA check finished\nnot enough free disk space: 95 % used"}},
		"without a message is a switch":          {node: &Node{Stored: []string{"6.0.1"}, Switches: Switches{NoErrorMessage: true}}, method: "POST", path: "/api/firmware/test", body: `{"slot_id": 2}`, want: want{400, []any{"error", "message"}, nil}},
		"a commit message may be required":       {node: &Node{Stored: []string{"7.0.3"}, Switches: Switches{RequireCommitLog: true}}, method: "POST", path: "/api/firmware/upgrade", body: `{"slot_id": 2, "message": null}`, want: want{400, []any{"error", "type"}, "IncompleteRequestBodyError"}},
		"transaction as in 6 and 7":              {method: "GET", path: "/api/transaction", want: want{200, []any{"transaction", "status"}, "closed"}},
		"transaction as in 8":                    {node: &Node{Version: "8.0.0"}, method: "GET", path: "/api/transaction", want: want{200, []any{"body", "commit_message"}, "optional"}},
		"opened":                                 {method: "POST", path: "/api/transaction", want: want{200, []any{"transaction", "status"}, "open"}},
		"nothing to commit":                      {method: "PUT", path: "/api/transaction", body: `{"status": "commit"}`, want: want{409, []any{"error", "type"}, "TransactionNotOpen"}},
		"the licence":                            {method: "GET", path: "/api/configuration/management/license", want: want{200, []any{"body", "release"}, "7.0.2"}},
		"the cluster, where there is none":       {method: "GET", path: "/api/cluster/status", want: want{404, []any{"error", "type"}, "ResourceNotFound"}},
		"fetch is accepted":                      {method: "POST", path: "/api/firmware/fetch", body: `{"url": "https://mirror.example.test/x.iso"}`, want: want{202, []any{"body", "status"}, "queued"}},
		"a bundle is begun":                      {method: "POST", path: "/api/troubleshooting/support-bundle", want: want{202, []any{"body", "status"}, "in-progress"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := node(tt.node)
				u := loggedIn(t, n)
				status, out, err := u.do(tt.method, tt.path, tt.body)
				if err != nil || status != tt.want.status {
					t.Fatalf("%s %s = %d %v, %v; want %d", tt.method, tt.path, status, out, err, tt.want.status)
				}
				if d := cmp.Diff(tt.want.value, at(out, tt.want.path...)); d != "" {
					t.Errorf("%s %s: %v (-want +got):\n%s\n%v", tt.method, tt.path, tt.want.path, d, out)
				}
			})
		})
	}
}

// A POST must tell its length, and the client of a test never forgets to.
func TestLengthRequired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(Node)
		u := loggedIn(t, n)
		req, _ := http.NewRequest("POST", u.base+"/api/transaction", io.MultiReader(strings.NewReader("{}")))
		if status, _, err := u.send(req); status != 411 || err != nil {
			t.Errorf("chunked: %d, %v; want 411", status, err)
		}
		u.must("POST", "/api/transaction", "")
	})
}

func TestToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := loggedIn(t, &Node{Version: "7.5.0"})
		send := func(agent, token string) int {
			req, _ := http.NewRequest("POST", u.base+"/api/transaction", http.NoBody)
			req.Header.Set("User-Agent", agent)
			if token != "" {
				req.Header.Set("X-Token", token)
			}
			status, _, _ := u.send(req)
			return status
		}
		if got := send("changeover", ""); got != 200 {
			t.Errorf("a plain agent: %d", got)
		}
		if got := send("Mozilla/5.0", ""); got != 403 {
			t.Errorf("a browser without the token: %d", got)
		}
		if got := send("Mozilla/5.0", u.must("GET", "/api/user/info", "")["token"].(string)); got != 200 {
			t.Errorf("a browser with the token: %d", got)
		}
	})
}

func TestUnknownRequestIsLoud(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(Node)
		u := loggedIn(t, n)
		var said []string
		n.Change(func() { n.Unknown = func(r *http.Request) { said = append(said, r.Method+" "+r.URL.Path) } })
		for _, path := range []string{"/api/system/reboot", "/api/health-status", "/api/info"} {
			u.do("GET", path, "")
		}
		u.do("POST", "/api/info", "")
		if d := cmp.Diff([]string{"GET /api/system/reboot", "POST /api/info"}, said); d != "" {
			t.Errorf("loud about (-want +got):\n%s", d)
		}
		if got := len(n.Record().Of(UnknownRequest)); got != 2 {
			t.Errorf("%d recorded", got)
		}
	})
}

func TestUploadVariants(t *testing.T) {
	tests := map[string]struct {
		node   *Node
		img    ImageFile
		raw    bool
		status int
		typ    any
	}{
		"multipart":          {img: ImageFile{Version: "7.0.2.1"}, status: 200},
		"the image itself":   {img: ImageFile{Version: "7.0.2.1"}, raw: true, status: 200},
		"created":            {node: &Node{Switches: Switches{UploadStatus: 201}}, img: ImageFile{Version: "7.0.2.1"}, status: 201},
		"corrupt":            {img: ImageFile{Version: "7.0.2.1", Corrupt: true}, status: 400, typ: "InvalidFirmwareImage"},
		"corrupt, raw":       {img: ImageFile{Version: "7.0.2.1", Corrupt: true}, raw: true, status: 400, typ: "InvalidFirmwareImage"},
		"no free slot":       {node: &Node{Stored: []string{"1.0", "1.1", "1.2", "1.3"}}, img: ImageFile{Version: "7.0.2.1"}, status: 409, typ: "NoEmptySlot"},
		"twice":              {node: &Node{Stored: []string{"7.0.2.1"}}, img: ImageFile{Version: "7.0.2.1"}, status: 200},
		"twice, refused":     {node: &Node{Stored: []string{"7.0.2.1"}, Switches: Switches{RefuseDuplicate: true}}, img: ImageFile{Version: "7.0.2.1"}, status: 409, typ: "FirmwareAlreadyUploaded"},
		"too large":          {node: &Node{Switches: Switches{UploadLimit: 1000}}, img: ImageFile{Version: "7.0.2.1"}, status: 413, typ: "RequestTooLarge"},
		"with notes and all": {img: ImageFile{Version: "7.0.2.1", Notes: "n", News: "w"}, status: 200},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := node(tt.node)
				u := loggedIn(t, n)
				var status int
				var out obj
				var err error
				if tt.raw {
					f := tt.img.Open()
					info, _ := f.Stat()
					req, _ := http.NewRequest("POST", u.base+"/api/upload/firmware", f)
					req.ContentLength = info.Size()
					req.Header.Set("Content-Type", "application/x-iso9660-image")
					status, out, err = u.send(req)
				} else {
					status, out, err = u.upload(tt.img)
				}
				if err != nil || status != tt.status || at(out, "error", "type") != tt.typ {
					t.Fatalf("%d %v %v, want %d %v", status, out, err, tt.status, tt.typ)
				}
				uploads := len(n.Record().Of(Upload))
				if want := map[bool]int{true: 1, false: 0}[tt.typ == nil]; uploads != want {
					t.Errorf("%d uploads recorded, want %d", uploads, want)
				}
			})
		})
	}
}

func TestFetch(t *testing.T) {
	img := ImageFile{Version: "7.0.2.1", Size: 1 << 16}
	tests := map[string]struct {
		body string
		end  string
		kept int
	}{
		"found":          {`{"url": "https://mirror/x.iso"}`, "finished", 1},
		"wrong checksum": {`{"url": "https://mirror/x.iso", "checksum": {"sha256": "00"}}`, "failed", 0},
		"not found":      {`{"url": "https://mirror/y.iso"}`, "failed", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &Node{Downloads: Mirror(map[string]ImageFile{"https://mirror/x.iso": img})}
				defer n.Close()
				u := loggedIn(t, n)
				key := u.must("POST", "/api/firmware/fetch", tt.body)["key"].(string)
				time.Sleep(time.Minute)
				if got := at(u.must("GET", "/api/firmware/fetch/"+key, ""), "body", "status"); got != tt.end {
					t.Errorf("status %v, want %s", got, tt.end)
				}
				if got := len(n.Record().Of(Upload)); got != tt.kept {
					t.Errorf("%d images installed, want %d", got, tt.kept)
				}
				u.must("DELETE", "/api/firmware/fetch/"+key, "")
				if status, _, _ := u.do("GET", "/api/firmware/fetch/"+key, ""); status != 404 {
					t.Errorf("forgotten, yet %d", status)
				}
			})
		})
	}
}

func TestFetchCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Node{Downloads: Mirror(map[string]ImageFile{"https://mirror/x.iso": {Version: "7.0.2.1", Size: 1 << 20}}), UploadSpeed: 1 << 10}
		defer n.Close()
		u := loggedIn(t, n)
		key := u.must("POST", "/api/firmware/fetch", `{"url": "https://mirror/x.iso"}`)["key"].(string)
		time.Sleep(10 * time.Second)
		if got := at(u.must("DELETE", "/api/firmware/fetch/"+key, ""), "body", "status"); got != "cancelled" {
			t.Errorf("status %v", got)
		}
		time.Sleep(time.Hour)
		if got := len(n.Record().Of(Upload)); got != 0 {
			t.Errorf("%d images installed", got)
		}
	})
}

func TestBundle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(Node)
		u := loggedIn(t, n)
		key := u.must("POST", "/api/troubleshooting/support-bundle", "")["key"].(string)
		if again := u.must("POST", "/api/troubleshooting/support-bundle", "")["key"]; again != key {
			t.Errorf("a second one while the first is made: %v", again)
		}
		path := "/api/troubleshooting/support-bundle/" + key
		if status, _, _ := u.do("GET", path+"/download", ""); status != 404 {
			t.Errorf("not finished, yet %d", status)
		}
		time.Sleep(2 * time.Minute)
		if got := at(u.must("GET", path, ""), "body", "status"); got != "finished" {
			t.Errorf("status %v", got)
		}
		if got := u.must("GET", path+"/download", "")["text"].(string); !strings.HasPrefix(got, "\x1f\x8b") {
			t.Errorf("not gzip: %q", got[:10])
		}
		time.Sleep(24 * time.Hour)
		u.login(n.Login())
		if status, _, _ := u.do("GET", path, ""); status != 404 {
			t.Errorf("after 24 hours: %d", status)
		}
	})
}

func TestLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Node{Stored: []string{"7.0.2.1"}}
		if err := n.Play("ghost-lock"); err != nil {
			t.Fatal(err)
		}
		u := loggedIn(t, n)
		for _, what := range []string{"/api/transaction", "/api/firmware/upgrade"} {
			if status, out, _ := u.do("POST", what, `{"slot_id": 2}`); status != 409 || at(out, "error", "type") != "ConfigurationLocked" {
				t.Errorf("POST %s: %d %v", what, status, out)
			}
		}
		if got, err := n.Read(t.Context(), "System Monitor", "", "Locked by"); err != nil || got != "auditor@10.0.0.9, for 3h0m0s" {
			t.Errorf("the page says %q, %v", got, err)
		}
		n.Lock("", 0)
		u.must("POST", "/api/transaction", "")
	})
}

// What each phase of a boot answers, over the wire.
func TestBootPhases(t *testing.T) {
	tests := map[PhaseKind]func(status int, out obj, err error) bool{
		BootRefused: func(_ int, _ obj, err error) bool { return errors.Is(err, syscall.ECONNREFUSED) },
		BootSilent: func(_ int, _ obj, err error) bool {
			e, ok := errors.AsType[interface {
				error
				Timeout() bool
			}](err)
			return ok && e.Timeout()
		},
		BootTLS:      func(_ int, _ obj, err error) bool { return err != nil && !errors.Is(err, syscall.ECONNREFUSED) },
		Boot503:      func(s int, out obj, err error) bool { return s == 503 && out["text"] != nil },
		BootPage:     func(s int, out obj, err error) bool { return s == 200 && out["text"] != nil },
		BootRedirect: func(s int, out obj, err error) bool { return s == 302 },
		BootJSON:     func(s int, out obj, err error) bool { return s == 503 && at(out, "error", "type") != nil },
		BootLogin401: func(s int, out obj, err error) bool { return s == 401 },
	}
	for kind, check := range tests {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &Node{Boot: []Phase{{Kind: kind}}, RebootDelay: time.Second}
				u := loggedIn(t, n)
				u.hc.Timeout = 30 * time.Second
				if _, _, err := n.Press(t.Context(), "Basic Settings > System > System control > This node", "", "Reboot", nil, ""); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				if status, out, err := u.do("GET", "/api/info", ""); !check(status, out, err) {
					t.Errorf("%d %v %v", status, out, err)
				}
				if status, out, _ := u.do("GET", "/api/setup", ""); kind == BootJSON && out["status"] != "booting" {
					t.Errorf("setup: %d %v", status, out)
				}
				time.Sleep(4 * time.Minute)
				u.must("GET", "/api/info", "")
			})
		})
	}
}

func TestActingOnABootingNodeIsAViolation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Node{Boot: []Phase{{Kind: BootPage}}}
		u := loggedIn(t, n)
		n.PowerCycle()
		time.Sleep(time.Minute)
		u.do("POST", "/api/firmware/test", `{"slot_id": 1}`)
		n.PowerOff()
		if got := len(n.Violations()); got != 2 {
			t.Errorf("%d violations, want 2: %v", got, n.Violations())
		}
	})
}

func node(n *Node) *Node {
	if n == nil {
		return new(Node)
	}
	return n
}
