package spstest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// upgradeByREST takes a node as far as a simple client gets, and returns what it was told last.
func upgradeByREST(u *user) (status int, out obj, err error) {
	if status, out, err = u.upload(ImageFile{Version: "7.0.2.1"}); err != nil || status != 200 {
		return status, out, err
	}
	key := out["key"].(string)
	if status, out, err = u.do("POST", "/api/firmware/test", `{"slot_id": "`+key+`"}`); err != nil || status != 200 || out["error"] != nil {
		return status, out, err
	}
	return u.do("POST", "/api/firmware/upgrade", `{"slot_id": "`+key+`"}`)
}

// Every scenario of a node is played, and seen to happen.
func TestScenarioNode(t *testing.T) {
	fails := func(typ string) func(*testing.T, *Node, *user) bool {
		return func(t *testing.T, n *Node, u *user) bool {
			status, out, err := upgradeByREST(u)
			return err == nil && status >= 400 && at(out, "error", "type") == typ && len(n.Record().Of(Reboot)) == 0
		}
	}
	health := func(path ...any) func(*testing.T, *Node, *user) any {
		return func(t *testing.T, n *Node, u *user) any { return at(u.must("GET", "/api/health_status", ""), path...) }
	}
	is := func(look func(*testing.T, *Node, *user) any, want any) func(*testing.T, *Node, *user) bool {
		return func(t *testing.T, n *Node, u *user) bool { return look(t, n, u) == want }
	}
	reads := func(where, label, want string) func(*testing.T, *Node, *user) bool {
		return func(t *testing.T, n *Node, u *user) bool {
			got, err := n.Read(t.Context(), where, "", label)
			if err != nil {
				t.Error(err)
			}
			return strings.Contains(got, want)
		}
	}
	after := func(d time.Duration, check func(*testing.T, *Node, *user) bool) func(*testing.T, *Node, *user) bool {
		return func(t *testing.T, n *Node, u *user) bool {
			if status, out, err := upgradeByREST(u); err != nil || status != 200 {
				t.Fatal(status, out, err)
			}
			time.Sleep(d)
			return check(t, n, u)
		}
	}
	runs := func(v string) func(*testing.T, *Node, *user) bool {
		return func(t *testing.T, n *Node, u *user) bool {
			return n.Running() == v && at(u.must("GET", "/api/info", ""), "body", "firmware_version") == v
		}
	}
	answers := func(method, path string, want func(int, obj, error) bool) func(*testing.T, *Node, *user) bool {
		return func(t *testing.T, n *Node, u *user) bool { return want(u.do(method, path, "")) }
	}
	checks := map[string]func(t *testing.T, n *Node, u *user) bool{
		"tainted":          fails("FirmwareTestFailed"),
		"integrity":        is(health("health_status", "firmware", "integrity", "core"), "CORRUPTED"),
		"disk-full":        fails("FirmwareTestFailed"),
		"raid-degraded":    is(health("health_status", "raid", "status", "status"), "Degraded"),
		"weak-certificate": fails("FirmwareTestFailed"),
		"test-fails":       fails("FirmwareTestFailed"),
		"slots-full":       fails("NoEmptySlot"),
		"slot-already-there": func(t *testing.T, n *Node, u *user) bool {
			return at(u.must("GET", "/api/firmware/slots/2", ""), "body", "version") == "7.0.2.1"
		},
		"ghost-lock":      fails("ConfigurationLocked"),
		"core-files":      reads("Basic Settings > Troubleshooting > Core files", "Core files", "2"),
		"virtual":         reads("Basic Settings > System > Version details", "Platform", "virtual"),
		"licence-missing": reads("Basic Settings > System > License", "Valid", "no"),
		"uninitialized": func(t *testing.T, n *Node, u *user) bool {
			return u.must("GET", "/api/setup", "")["status"] == "uninitialized"
		},
		"left-in-maintenance-mode": reads("Basic Settings > System > Traffic control > All services", "Status", "stopped"),
		"old-failure-still-shown": func(t *testing.T, n *Node, u *user) bool {
			return at(u.must("GET", "/api/firmware/fetch", ""), "items", 0, "body", "status") == "failed"
		},
		"clock-off-by-a-day": func(t *testing.T, n *Node, u *user) bool { return u.cookie.Expires.Before(time.Now()) },
		"licence-expired-silent": after(time.Hour, func(t *testing.T, n *Node, u *user) bool {
			return at(u.must("GET", "/api/configuration/management/license", ""), "body") == nil
		}),
		"ok-status-error-body": func(t *testing.T, n *Node, u *user) bool {
			status, out, _ := upgradeByREST(u)
			return status == 200 && at(out, "error", "type") == "FirmwareTestFailed" && len(n.Record().Of(Reboot)) == 0
		},
		"reset-during-act": func(t *testing.T, n *Node, u *user) bool {
			_, _, err := upgradeByREST(u)
			return errors.Is(err, syscall.ECONNRESET) && len(n.Record().Of(Upload)) == 1
		},
		"upload-slow-but-moving": func(t *testing.T, n *Node, u *user) bool {
			begin := time.Now()
			upgradeByREST(u)
			return time.Since(begin) > time.Minute && len(n.Record().Of(Upgrade)) == 1
		},
		"upload-stalled": func(t *testing.T, n *Node, u *user) bool {
			u.hc.Timeout = time.Hour
			_, _, err := upgradeByREST(u)
			return errors.Is(err, context.DeadlineExceeded)
		},
		"session-ends-in-upload": func(t *testing.T, n *Node, u *user) bool {
			return fails("Unauthenticated")(t, n, u) && len(n.Record().Of(Upload)) == 0
		},
		"page-instead-of-json": answers("GET", "/api/firmware/slots", func(s int, out obj, _ error) bool { return s == 200 && out["text"] != nil }),
		"redirected-away":      answers("GET", "/api/firmware/slots", func(s int, _ obj, _ error) bool { return s == 302 }),
		"burst-beats-limit": func(t *testing.T, n *Node, u *user) bool {
			n.Change(func() { n.slots[1] = slot{version: "7.0.2.1"} })
			got := make(chan int, 5)
			for range 5 {
				go func() {
					status, _, _ := u.do("POST", "/api/firmware/test", `{"slot_id": 2}`)
					got <- status
				}()
			}
			refused := 0
			for range 5 {
				if <-got == 503 {
					refused++
				}
			}
			return refused == 3
		},
		"partial-page-of-results": func(t *testing.T, n *Node, u *user) bool {
			keys, path := "", "/api/firmware/slots"
			for path != "" {
				out := u.must("GET", path, "")
				for i := range at(out, "items").([]any) {
					keys += at(out, "items", i, "key").(string)
				}
				path, _ = at(out, "meta", "next").(string)
			}
			return keys == "12345"
		},
		"slot-list-position-is-not-slot-id": func(t *testing.T, n *Node, u *user) bool {
			return at(u.must("GET", "/api/firmware/slots", ""), "items", 2, "key") == "5"
		},
		"locked-out":                      func(t *testing.T, n *Node, u *user) bool { return u.login("admin", "simulated") == 401 },
		"still-up-just-after-reboot-call": after(100*time.Second, runs("7.0.2")),
		"reboot-takes-29-minutes": after(28*time.Minute, func(t *testing.T, n *Node, u *user) bool {
			early := n.Running()
			time.Sleep(2 * time.Minute)
			return early == "7.0.2" && runs("7.0.2.1")(t, n, u)
		}),
		"timeout-of-watcher-only": after(31*time.Minute, func(t *testing.T, n *Node, u *user) bool {
			early := n.Running()
			time.Sleep(30 * time.Minute)
			return early == "7.0.2" && runs("7.0.2.1")(t, n, u)
		}),
		"boots-older-slot":    after(time.Hour, runs("7.0.2")),
		"never-switched-slot": after(time.Hour, runs("7.0.2")),
		"rescue": after(time.Hour, func(t *testing.T, n *Node, u *user) bool {
			_, _, err := u.do("GET", "/api/info", "")
			c, sshErr := n.DialContext(t.Context(), "tcp", "sps1.example.test:22")
			if sshErr != nil {
				return false
			}
			defer c.Close()
			banner := make([]byte, 4)
			c.Read(banner)
			return errors.Is(err, syscall.ECONNREFUSED) && string(banner) == "SSH-" && strings.Contains(n.Console(), "SSH access enabled")
		}),
		"never-comes-back": after(100*time.Hour, func(t *testing.T, n *Node, u *user) bool {
			_, _, err := u.do("GET", "/api/info", "")
			_, sshErr := n.DialContext(t.Context(), "tcp", "sps1.example.test:22")
			return errors.Is(err, syscall.ECONNREFUSED) && errors.Is(sshErr, syscall.ECONNREFUSED) && n.PowerState()
		}),
		"version-late": after(13*time.Minute, func(t *testing.T, n *Node, u *user) bool {
			late := at(u.must("GET", "/api/info", ""), "body", "firmware_version")
			time.Sleep(2 * time.Minute)
			return late == "7.0.2" && runs("7.0.2.1")(t, n, u)
		}),
		"token-dead-after-failover": after(13*time.Minute, func(t *testing.T, n *Node, u *user) bool {
			status, _, _ := u.do("GET", "/api/user_info", "")
			return status == 401
		}),
		"host-name-redirected-to-peer": after(time.Hour, func(t *testing.T, n *Node, u *user) bool {
			return at(u.must("GET", "/api/info", ""), "body", "hostname") == "sps9"
		}),
		"staged-reboots-at-once": func(t *testing.T, n *Node, u *user) bool {
			n.Change(func() { n.slots[1] = slot{version: "7.0.2.1"} })
			_, _, err := n.Press(t.Context(), "Basic Settings > System > Firmwares", "7.0.2.1", "After reboot", nil, "")
			return err == nil && len(n.Record().Of(Reboot)) == 1
		},
		"upgrade-only-selects": after(time.Hour, func(t *testing.T, n *Node, u *user) bool {
			u.login(n.Login())
			return n.Running() == "7.0.2" && at(u.must("GET", "/api/firmware/slots/2", ""), "body", "after_reboot") == true && len(n.Record().Of(Reboot)) == 0
		}),
		"reboot-after-failed-install": func(t *testing.T, n *Node, u *user) bool {
			n.Change(func() { n.slots[1] = slot{version: "7.0.2.1"} })
			status, _, _ := u.do("POST", "/api/firmware/upgrade", `{"slot_id": 2}`)
			time.Sleep(time.Hour)
			return status == http.StatusBadRequest && len(n.Record().Of(Boot)) == 1 && n.Running() == "7.0.2"
		},
	}
	for _, s := range Scenarios() {
		if s.node == nil {
			continue
		}
		check := checks[s.Name]
		if check == nil {
			t.Errorf("no test of %q", s.Name)
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := new(Node)
				if s.Name != "clock-off-by-a-day" {
					n.SessionIdle = 1000 * time.Hour
				}
				defer n.Close()
				var u *user
				if s.Name == "locked-out" {
					u = newUser(t, n)
				}
				if s.Name != "clock-off-by-a-day" && u == nil {
					u = loggedIn(t, n)
				}
				if err := n.Play(s.Name); err != nil {
					t.Fatal(err)
				}
				if u == nil {
					u = loggedIn(t, n)
				}
				if !check(t, n, u) {
					t.Errorf("%s: does not happen\n%v", s.About, n.Record())
				}
			})
		})
	}
}

func TestScenarioUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(Node)
		if err := n.Play("meteor"); err == nil || !strings.Contains(err.Error(), "boots-older-slot") {
			t.Errorf("err = %v, want a list", err)
		}
		if err := n.Play("both-primary"); err == nil {
			t.Error("a node alone cannot be in split brain")
		}
		seen := map[string]bool{}
		for _, s := range Scenarios() {
			if seen[s.Name] || s.About == "" || len(s.On()) == 0 {
				t.Errorf("scenario %q: twice, or says nothing", s.Name)
			}
			seen[s.Name] = true
		}
	})
}
