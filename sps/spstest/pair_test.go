package spstest

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/sps"
)

// pairUnderTest is a pair with a person at its pages.
type pairUnderTest struct {
	*Pair
	t *testing.T
}

func (p pairUnderTest) push(where, row, button string) {
	p.t.Helper()
	if _, _, err := p.Press(p.t.Context(), where, row, button, nil, ""); err != nil {
		p.t.Fatalf("%s: %v\n%v", button, err, p.Record())
	}
}

func (p pairUnderTest) ha() sps.HA {
	p.t.Helper()
	h, err := p.Pages().HA.HA(p.t.Context())
	if err != nil {
		p.t.Fatalf("HA: %v", err)
	}
	return h
}

// stage is steps 1 to 4 of the guide.
func (p pairUnderTest) stage() {
	p.t.Helper()
	if _, _, err := p.Press(p.t.Context(), sps.PageFirmwares, "", "Upload", map[string]string{"Browse": "sps-7.0.2.1.iso"}, ""); err != nil {
		p.t.Fatal(err)
	}
	p.push(sps.PageFirmwares, "7.0.2.1", "Test")
	p.push(sps.PageFirmwares, "7.0.2.1", "After reboot")
}

func (p pairUnderTest) shutdownOther() {
	p.push(sps.PageHA, sps.RowOtherNode, "Shutdown")
	wait(time.Minute)
}
func (p pairUnderTest) rebootThis() { p.push(sps.PageHA, sps.RowThisNode, "Reboot") }

func wait(d time.Duration) { time.Sleep(d) }

func inPair(t *testing.T, f func(t *testing.T, p pairUnderTest)) {
	synctest.Test(t, func(t *testing.T) {
		p := &Pair{A: &Node{Files: Image("7.0.2.1", 1<<16), T: t}}
		defer p.Close()
		p.begin()
		f(t, pairUnderTest{p, t})
	})
}

// The guide, step by step, and what the page shows after each.
func TestPairUpgrade(t *testing.T) {
	inPair(t, func(t *testing.T, p pairUnderTest) {
		look := func(when string, status sps.HAStatus, drbd sps.DRBDStatus, this, other string) {
			t.Helper()
			h := p.ha()
			got := []string{string(h.Status), string(h.DRBD), h.This.Firmware, h.Other.Firmware}
			if d := cmp.Diff([]string{string(status), string(drbd), this, other}, got); d != "" {
				t.Fatalf("%s (-want +got):\n%s", when, d)
			}
		}
		if h := p.ha(); len(h.Issues()) != 0 || h.This.ID != "sps1-a" {
			p.t.Fatalf("at first: %v", h.Issues())
		}
		p.stage()
		look("staged", "HA", "Connected", "7.0.2.1", "7.0.2")
		wait(3 * time.Minute)
		look("carried over", "HA", "Connected", "7.0.2.1", "7.0.2.1")
		p.shutdownOther()
		if p.B.PowerState() {
			t.Fatal("the secondary is still on")
		}
		look("secondary off", "Degraded", "WFConnection", "7.0.2.1", "")
		p.rebootThis()
		wait(13 * time.Minute)
		look("primary upgraded", "Degraded", "WFConnection", "7.0.2.1", "")
		if p.Active() != p.A || p.A.Running() != "7.0.2.1" || p.B.Running() != "7.0.2" {
			t.Fatalf("A runs %s, B runs %s", p.A.Running(), p.B.Running())
		}
		p.B.PowerOn()
		wait(13 * time.Minute)
		look("secondary synchronises", "Degraded Sync", "Sync source", "7.0.2.1", "7.0.2.1")
		wait(10 * time.Minute)
		look("in step", "HA", "Connected", "7.0.2.1", "7.0.2.1")
		p.push(sps.PageHA, "", "Activate Slave")
		if _, err := p.Read(t.Context(), sps.PageHA, "", "Status"); err == nil {
			t.Error("somebody serves in the moment of the takeover")
		}
		wait(30 * time.Second)
		look("taken over", "HA", "Connected", "7.0.2.1", "7.0.2.1")
		if h := p.ha(); h.This.ID != "sps1-b" || p.Active() != p.B {
			t.Errorf("%s serves", h.This.ID)
		}
		if v := p.Violations(); len(v) != 0 {
			t.Errorf("violations: %v", v)
		}
		if r := p.Record(); len(r.Of(Reboot)) != 1 || len(r.Of(Boot)) != 2 || len(r.Of(PowerOn)) != 1 {
			t.Errorf("record:\n%v", r)
		}
	})
}

// What must not be done, what comes of it, and what the record says.
func TestPairViolations(t *testing.T) {
	tests := map[string]struct {
		do    func(p pairUnderTest)
		rule  string
		check func(p pairUnderTest) bool
	}{
		"the secondary is switched off before it has the firmware: it comes back on the old version": {
			do: func(p pairUnderTest) {
				p.stage()
				p.shutdownOther()
				p.rebootThis()
				wait(15 * time.Minute)
				p.B.PowerOn()
				wait(time.Hour)
			},
			rule:  "the primary was rebooted before the secondary had the new firmware",
			check: func(p pairUnderTest) bool { return p.B.Running() == "7.0.2" && p.ha().Status.Degraded() }},
		"the primary is rebooted while the secondary is on: it takes over on the old version": {
			do: func(p pairUnderTest) {
				p.stage()
				p.rebootThis()
				wait(15 * time.Minute)
			},
			rule:  "the primary was rebooted while the secondary was on",
			check: func(p pairUnderTest) bool { return p.Active() == p.B && p.B.Running() == "7.0.2" }},
		"the secondary is powered on while the primary boots: split brain": {
			do: func(p pairUnderTest) {
				p.stage()
				wait(4 * time.Minute)
				p.shutdownOther()
				p.rebootThis()
				wait(time.Minute)
				p.A.Change(func() { p.B.UpgradeTime = time.Minute })
				p.B.PowerOn()
				wait(20 * time.Minute)
			},
			rule:  "the secondary was powered on before the primary served",
			check: func(p pairUnderTest) bool { return p.ha().SplitBrain() && len(p.Record().Of(SplitBrain)) == 1 }},
		"the primary is switched off while the secondary is": {
			do: func(p pairUnderTest) {
				p.shutdownOther()
				p.push(sps.PageSystemControl, sps.RowThisNode, "Shutdown")
				wait(time.Minute)
			},
			rule:  "a node was switched off while the other did not serve",
			check: func(p pairUnderTest) bool { return p.Active() == nil && !p.A.PowerState() }},
		"the primary is rebooted twice": {
			do: func(p pairUnderTest) {
				p.stage()
				wait(4 * time.Minute)
				p.shutdownOther()
				for range 2 {
					p.rebootThis()
					wait(15 * time.Minute)
				}
			},
			rule:  "the primary was rebooted twice while the secondary was off",
			check: func(p pairUnderTest) bool { return p.A.Running() == "7.0.2.1" }},
		"something is done in split brain": {
			do: func(p pairUnderTest) {
				p.Play("both-primary")
				p.shutdownOther()
			},
			rule:  "a node was acted on while the pair is in split brain",
			check: func(p pairUnderTest) bool { return true }},
		"Activate Slave without a slave": {
			do: func(p pairUnderTest) {
				p.shutdownOther()
				if err := p.Pages().HA.ActivateSlave(p.t.Context()); err == nil {
					p.t.Error("the page took it")
				}
			},
			rule:  "Activate Slave was pressed while the nodes were not in step",
			check: func(p pairUnderTest) bool { return p.Active() == p.A }},
		"the REST upgrade": {
			do: func(p pairUnderTest) {
				p.stage()
				u := newUser(p.t, p.A)
				u.base = p.URL()
				u.login(p.Login())
				u.must("POST", "/api/firmware/upgrade", `{"slot_id": 2, "message": "x"}`)
				wait(time.Hour)
			},
			rule: "the REST upgrade was used on a pair",
			check: func(p pairUnderTest) bool {
				return p.A.Running() == "7.0.2.1" && !p.B.PowerState() && p.ha().Status.Degraded()
			}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inPair(t, func(t *testing.T, p pairUnderTest) {
				tt.do(p)
				found := false
				for _, v := range p.Violations() {
					found = found || v.Rule == tt.rule
				}
				if !found {
					p.t.Errorf("no violation %q in %v", tt.rule, p.Violations())
				}
				if !tt.check(p) {
					p.t.Errorf("not what should come of it:\n%v", p.Record())
				}
			})
		})
	}
}

func TestPairAddressFollowsTheActiveNode(t *testing.T) {
	inPair(t, func(t *testing.T, p pairUnderTest) {
		u := newUser(t, p.A)
		u.base = p.URL()
		u.login(p.Login())
		u.must("GET", "/api/info", "")
		p.A.PowerOff()
		u.hc.Timeout = 5 * time.Second
		if _, _, err := u.do("GET", "/api/info", ""); err == nil {
			t.Error("somebody answers right after the primary died")
		}
		wait(time.Minute)
		if host := at(u.must("GET", "/api/info", ""), "body", "hostname"); host != "sps1" || p.Active() != p.B {
			t.Errorf("host %v", host)
		}
		u.base = "https://sps1-b.example.test" // nodes have no address of their own
		if _, _, err := u.do("GET", "/api/info", ""); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("the node itself: %v", err)
		}
		// The old primary comes back as the secondary and catches up.
		p.A.PowerOn()
		wait(5 * time.Minute)
		if h := p.ha(); h.DRBD != sps.DRBDSyncSource || h.This.ID != "sps1-b" {
			t.Errorf("while it catches up: %+v", h)
		}
		wait(10 * time.Minute)
		if h := p.ha(); len(h.Issues()) != 0 {
			t.Errorf("afterwards: %v", h.Issues())
		}
	})
}

// One configuration on both nodes: sessions live on in a takeover, and what was to go wrong still does.
func TestPairSharesConfiguration(t *testing.T) {
	inPair(t, func(t *testing.T, p pairUnderTest) {
		u := newUser(t, p.A)
		u.base = p.URL()
		u.login(p.Login())
		p.Fail("GET /api/info", 503)
		fingerprint := p.A.Fingerprint()
		p.push(sps.PageHA, "", "Activate Slave")
		wait(time.Minute)
		if p.Active() != p.B || p.B.Fingerprint() != fingerprint {
			t.Fatalf("%v serves", p.Active())
		}
		u.must("GET", "/api/user_info", "")
		if status, _, err := u.do("GET", "/api/info", ""); status != 503 || err != nil {
			t.Errorf("the fault is gone: %d, %v", status, err)
		}
		u.must("GET", "/api/info", "")
	})
}

// A node of the pair is rebooted where it must not be.
func TestPairRebootViolations(t *testing.T) {
	inPair(t, func(t *testing.T, p pairUnderTest) {
		p.B.PowerCycle()
		wait(5 * time.Minute) // synchronises
		p.rebootThis()
		wait(10 * time.Minute)
		if v := p.Violations(); len(v) != 1 || v[0].Rule != "the primary was rebooted while data was copied to the secondary" {
			t.Errorf("violations: %v", v)
		}
	})
	inPair(t, func(t *testing.T, p pairUnderTest) {
		p.world.in(func() { p.A.phase = phaseRescue })
		p.world.in(func() { p.B.order(Reboot, p.B.reboot) })
		if v := p.Violations(); len(v) != 1 || v[0].Rule != "a node was rebooted while the other did not serve" {
			t.Errorf("violations: %v", v)
		}
	})
}

func TestUsedTooEarly(t *testing.T) {
	tests := map[string]func(){
		"a node before its pair":        func() { p := &Pair{A: new(Node)}; p.A.Record(); p.Record() },
		"a node before its cluster":     func() { c := &Cluster{Master: new(Node)}; c.Master.Login(); c.Record() },
		"a pair before its cluster":     func() { c := &Cluster{MasterPair: new(Pair)}; c.MasterPair.URL(); c.Record() },
		"a node of a pair in a cluster": func() { c := &Cluster{MasterPair: &Pair{B: new(Node)}}; c.MasterPair.B.URL(); c.Record() },
	}
	for name, use := range tests {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if said, _ := recover().(string); !strings.Contains(said, "was used before") {
					t.Errorf("panic %q", said)
				}
			}()
			use()
		})
	}
}

func TestPairScenarios(t *testing.T) {
	tests := map[string]func(p pairUnderTest) bool{
		"wrong-member-selected": func(p pairUnderTest) bool { p.B.PowerOff(); return !p.A.power && p.B.power },
		"image-not-there-yet":   func(p pairUnderTest) bool { p.stage(); wait(5 * time.Hour); return p.ha().Other.Firmware == "7.0.2" },
		"peer-not-yet-seen-dead": func(p pairUnderTest) bool {
			p.shutdownOther()
			return p.ha().Status.OK() && !p.B.PowerState()
		},
		"peer-too-far-behind": func(p pairUnderTest) bool { return p.ha().Status.Degraded() && len(p.ha().Issues()) > 1 },
		"sync-strict-in-mixed-state": func(p pairUnderTest) bool {
			p.stage()
			wait(4 * time.Minute)
			p.shutdownOther()
			p.rebootThis()
			wait(13 * time.Minute)
			p.B.PowerOn()
			wait(10 * time.Hour)
			return p.B.Running() == "7.0.2" && p.ha().Status.Degraded() && len(p.Record().Of(SyncBegun)) == 0
		},
		"both-primary": func(p pairUnderTest) bool { return p.ha().SplitBrain() },
		"both-backup-for-a-while": func(p pairUnderTest) bool {
			p.push(sps.PageHA, "", "Activate Slave")
			wait(5 * time.Minute)
			nobody := p.Active() == nil
			wait(2 * time.Minute)
			return nobody && p.Active() == p.B
		},
		"both-backup-for-ever": func(p pairUnderTest) bool {
			p.push(sps.PageHA, "", "Activate Slave")
			wait(24 * time.Hour)
			return p.Active() == nil
		},
		"preempt-takes-over": func(p pairUnderTest) bool {
			p.A.PowerCycle()
			wait(time.Minute)
			first := p.Active()
			wait(time.Hour)
			return first == p.B && p.Active() == p.A
		},
		"degraded":     func(p pairUnderTest) bool { wait(time.Minute); return p.ha().Status.Degraded() },
		"disk-failure": func(p pairUnderTest) bool { return p.ha().Status.Degraded() },
		"unknown-word": func(p pairUnderTest) bool { return !p.ha().Status.OK() && !p.ha().Status.Degraded() },
		"slow-sync": func(p pairUnderTest) bool {
			p.B.PowerCycle()
			wait(4 * time.Hour)
			return p.ha().DRBD.Syncing() && strings.HasSuffix(p.ha().Progress, " left")
		},
		"token-dead-after-failover": func(p pairUnderTest) bool {
			u := newUser(p.t, p.A)
			u.base = p.URL()
			u.login(p.Login())
			p.push(sps.PageHA, "", "Activate Slave")
			wait(time.Minute)
			status, _, _ := u.do("GET", "/api/user_info", "")
			return status == 401
		},
	}
	for _, s := range Scenarios() {
		if s.pair == nil {
			continue
		}
		check := tests[s.Name]
		if check == nil {
			t.Errorf("no test of %q", s.Name)
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			inPair(t, func(t *testing.T, p pairUnderTest) {
				if err := p.Play(s.Name); err != nil {
					t.Fatal(err)
				}
				if !check(p) {
					t.Errorf("%s: does not happen\n%v", s.About, p.Record())
				}
			})
		})
	}
}
