package spstest

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/changeover-sdk/changeover/sps"
)

// What begins before a node goes down does not end after it has come back.
func TestDownInTheMiddle(t *testing.T) {
	tests := map[string]struct {
		begin func(u *user) error
		left  What // must not be in the record
	}{
		"upload": {func(u *user) error {
			_, _, err := u.upload(ImageFile{Version: "7.0.2.1", Size: 1 << 20})
			return err
		}, Upload},
		"test": {func(u *user) error {
			_, _, err := u.do("POST", "/api/firmware/test", `{"slot_id": 2}`)
			return err
		}, Test},
		"upgrade": {func(u *user) error {
			_, _, err := u.do("POST", "/api/firmware/upgrade", `{"slot_id": 2}`)
			return err
		}, Upgrade},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &Node{Stored: []string{"7.0.3"}, UploadSpeed: 1 << 14, BootTime: 10 * time.Second}
				defer n.Close()
				u := loggedIn(t, n)
				time.AfterFunc(15*time.Second, n.PowerCycle)
				if err := tt.begin(u); err == nil {
					t.Error("an answer from a node that went down")
				}
				time.Sleep(time.Hour)
				if got := n.Record().Of(tt.left); len(got) != 0 {
					t.Errorf("it happened all the same:\n%v", got)
				}
				n.world.in(func() {
					if n.busy != 0 || n.requests != 0 {
						t.Errorf("%d operations and %d requests are under way", n.busy, n.requests)
					}
				})
			})
		})
	}
}

func TestBundleAndFetchEndWithTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Node{BootTime: 10 * time.Second, UploadSpeed: 1 << 10, Downloads: Mirror(map[string]ImageFile{"https://mirror/x": {Version: "7.0.3"}})}
		defer n.Close()
		u := loggedIn(t, n)
		u.must("POST", "/api/troubleshooting/support-bundle", "")
		key := u.must("POST", "/api/firmware/fetch", `{"url": "https://mirror/x"}`)["key"].(string)
		time.Sleep(30 * time.Second)
		n.PowerCycle()
		time.Sleep(time.Hour)
		u.login(n.Login())
		if got := at(u.must("GET", "/api/troubleshooting/support-bundle", ""), "items").([]any); len(got) != 0 {
			t.Errorf("bundles: %v", got)
		}
		if got := at(u.must("GET", "/api/firmware/fetch/"+key, ""), "body", "status"); got != "failed" || len(n.Record().Of(Upload)) != 0 {
			t.Errorf("fetch: %v", got)
		}
	})
}

// A scenario may be played, and a knob turned, while requests are under way: for the race detector.
func TestTurnedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Node{UploadSpeed: 1 << 16, Unknown: func(*http.Request) {}}
		defer n.Close()
		u := loggedIn(t, n)
		done := make(chan struct{})
		go func() {
			defer close(done)
			u.upload(ImageFile{Version: "7.0.2.1"})
		}()
		for _, s := range Scenarios() {
			if s.node != nil {
				n.Play(s.Name)
			}
			time.Sleep(100 * time.Millisecond)
			n.Read(t.Context(), sps.PageSystem, "", "Boot time")
			n.Change(func() { n.UploadSpeed, n.InstallTime = 1<<17, time.Minute })
		}
		n.Heal()
		<-done
	})
}

func TestTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Node{Switches: Switches{RequireCommitLog: true, CommitField: "commit_message"}}
		u := loggedIn(t, n)
		status := func() any { return at(u.must("GET", "/api/transaction", ""), "transaction", "status") }
		u.must("POST", "/api/transaction", "")
		if status() != "open" {
			t.Error("not open")
		}
		if s, out, _ := u.do("PUT", "/api/transaction", `{"status": "commit", "message": "x"}`); s != 400 {
			t.Errorf("without the message under its name: %d %v", s, out)
		}
		u.must("PUT", "/api/transaction", `{"status": "commit", "commit_message": "x"}`)
		u.must("POST", "/api/transaction", "")
		u.must("GET", "/api/transaction/changes", "")
		u.must("DELETE", "/api/transaction", "")
		if status() != "closed" || len(n.Record().Of(Commit)) != 1 {
			t.Errorf("status %v, record:\n%v", status(), n.Record())
		}
		for _, path := range []string{"/api/configuration", "/api/configuration/management/accounting", "/api/configuration/management/webinterface", "/api/configuration/troubleshooting", "/api/cluster"} {
			u.must("GET", path, "")
		}
	})
}

// Whether an appliance bears two firmware operations at a time is not documented: it is a violation to try.
func TestTwoTestsAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Node{Stored: []string{"7.0.3"}}
		u := loggedIn(t, n)
		done := make(chan struct{})
		for range 2 {
			go func() {
				u.must("POST", "/api/firmware/test", `{"slot_id": 2}`)
				done <- struct{}{}
			}()
		}
		<-done
		<-done
		u.must("POST", "/api/firmware/test", `{"slot_id": 2}`)
		if v := n.Violations(); len(v) != 1 {
			t.Errorf("violations: %v", v)
		}
	})
}

// Once a download is verified it is installed, whatever is said.
func TestFetchNotCancelledWhileInstalling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Node{Downloads: Mirror(map[string]ImageFile{"https://mirror/x": {Version: "7.0.3"}})}
		defer n.Close()
		u := loggedIn(t, n)
		key := u.must("POST", "/api/firmware/fetch", `{"url": "https://mirror/x"}`)["key"].(string)
		time.Sleep(10 * time.Second)
		if got := at(u.must("DELETE", "/api/firmware/fetch/"+key, ""), "body", "status"); got != "in-progress" {
			t.Errorf("cancelled in mid-installation: %v", got)
		}
		time.Sleep(time.Minute)
		if got := at(u.must("GET", "/api/firmware/fetch/"+key, ""), "body", "status"); got != "finished" || len(n.Record().Of(Upload)) != 1 {
			t.Errorf("status %v\n%v", got, n.Record())
		}
	})
}

// Events carry the time they were due, not the time somebody looked.
func TestRecordTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(Node)
		defer n.Close()
		begin := time.Now()
		n.PowerCycle()
		n.world.mu.Lock() // the timer fails, and nobody looks for two hours
		n.world.timer.Stop()
		n.world.mu.Unlock()
		time.Sleep(2 * time.Hour)
		if up := n.Record().Of(Up); len(up) != 1 || up[0].At.Sub(begin) != 4*time.Minute {
			t.Errorf("up: %v", up)
		}
	})
}

func TestDeleteOnThePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Node{Stored: []string{"7.0.3"}, CoreFiles: []string{"core.1"}}
		if _, _, err := n.Press(t.Context(), sps.PageFirmwares, "7.0.2", "Delete", nil, ""); err == nil {
			t.Error("the running firmware was deleted")
		}
		if _, _, err := n.Press(t.Context(), sps.PageFirmwares, "7.0.3", "Delete", nil, ""); err != nil {
			t.Error(err)
		}
		if _, err := n.Read(t.Context(), sps.PageFirmwares, "7.0.3", "Slot"); err == nil {
			t.Error("the row is still there")
		}
		if name, file, err := n.Press(t.Context(), sps.PageCoreFiles, "core.1", "Download", nil, ""); name != "core.1" || file == nil || err != nil {
			t.Errorf("core file: %q, %v", name, err)
		}
	})
}

// A pair over real sockets: the address outlives a takeover, and so does the certificate.
func TestSmokePairTLS(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	p := &Pair{A: &Node{Scale: 1.0 / 600}}
	defer p.Close()
	url, err := p.Start()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	user, password := p.Login()
	c, err := sps.NewClient(url, sps.Login{User: user, Password: password}, &sps.Options{CA: p.A.CA(), Fingerprint: p.A.Fingerprint()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Logout()
	if err := p.Pages().HA.ActivateSlave(ctx); err != nil {
		t.Fatal(err)
	}
	for p.Active() != p.B {
		time.Sleep(10 * time.Millisecond)
	}
	if info, err := c.Info(ctx); err != nil || info.Host != "sps1" {
		t.Errorf("after the takeover: %+v, %v", info, err)
	}
	hc := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.A.CA()}, DisableKeepAlives: true}}
	b := newBrowser(t, url, hc)
	b.login(user, password)
	if _, _, text := b.do("GET", href(sps.PageHA), "", nil); !strings.Contains(text, "<td>sps1-b</td>") {
		t.Errorf("the page:\n%s", text)
	}
}

func TestRecordReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Pair{}
		defer p.Close()
		p.begin()
		p.A.PowerOff()
		p.B.PowerOff()
		if got, want := p.Record().On("sps1-a").String(), "2000-01-01 00:00:00 sps1-a: power off\n2000-01-01 00:00:00 sps1-a: down\n"; got != want {
			t.Errorf("record:\n%s\nwant\n%s", got, want)
		}
		if got := p.Violations(); len(got) != 1 || got[0].String() != "2000-01-01 00:00:00 sps1-b: power off: a node was switched off while the other did not serve" {
			t.Errorf("violations: %v", got)
		}
	})
}

// As a mere handler, on somebody else's server, a node cannot break the connection; what it was doing ends all the same.
func TestHandlerOfANodeThatGoesDown(t *testing.T) {
	for name, down := range map[string]func(*Node){"off and on": (*Node).PowerCycle, "off": (*Node).PowerOff} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &Node{Stored: []string{"7.0.3"}, BootTime: 10 * time.Second}
				defer n.Close()
				u := loggedIn(t, n)
				r := httptest.NewRequest("POST", "/api/firmware/upgrade", strings.NewReader(`{"slot_id": 2}`))
				r.AddCookie(u.cookie)
				time.AfterFunc(20*time.Second, func() { down(n) })
				func() {
					defer func() {
						if said := recover(); said != http.ErrAbortHandler {
							t.Errorf("the handler ended with %v, want http.ErrAbortHandler", said)
						}
					}()
					n.ServeHTTP(httptest.NewRecorder(), r)
				}()
				time.Sleep(time.Hour)
				if n.Running() != "7.0.2" || len(n.Record().Of(Upgrade)) != 0 {
					t.Errorf("it was upgraded all the same:\n%v", n.Record())
				}
			})
		})
	}
}

// The power goes while the node boots: a plain boot is begun again, one into another version is lost.
func TestPowerCutWhileBooting(t *testing.T) {
	for name, upgrade := range map[string]bool{"plain": false, "upgrade": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &Node{Stored: []string{"7.0.3"}}
				defer n.Close()
				if upgrade {
					if err := n.Pages().Firmwares.AfterReboot(t.Context(), sps.MustVersion("7.0.3")); err != nil {
						t.Fatal(err)
					}
				}
				n.PowerCycle()
				time.Sleep(2 * time.Minute)
				n.PowerCycle()
				time.Sleep(time.Hour)
				if r := n.Record(); (len(r.Of(Rescue)) == 1) != upgrade || (len(r.Of(Up)) == 1) == upgrade {
					t.Errorf("record:\n%v", r)
				}
			})
		})
	}
}

func TestUpgradeRemovesCoreFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Node{Stored: []string{"7.0.3"}, CoreFiles: []string{"core.1"}}
		defer n.Close()
		count := func() string {
			t.Helper()
			v, err := n.Read(t.Context(), sps.PageCoreFiles, "", "Core files")
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		n.PowerCycle()
		time.Sleep(time.Hour)
		if got := count(); got != "1" {
			t.Errorf("after a plain boot: %s core files", got)
		}
		n.Pages().Firmwares.AfterReboot(t.Context(), sps.MustVersion("7.0.3"))
		n.PowerCycle()
		time.Sleep(time.Hour)
		if got := count(); got != "0" {
			t.Errorf("after an upgrade: %s core files", got)
		}
	})
}

// A node on a real socket that loses its power breaks the connections it has.
func TestSmokeReset(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	n := new(Node)
	defer n.Close()
	url, err := n.Start()
	if err != nil {
		t.Fatal(err)
	}
	c, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), &tls.Config{RootCAs: n.CA()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	n.PowerOff()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Read = %v, want ECONNRESET", err)
	}
	c2, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), &tls.Config{RootCAs: n.CA()})
	if err == nil {
		c2.Close()
		t.Error("a node without power shakes hands")
	}
}
