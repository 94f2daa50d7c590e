package sps_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
)

// Through every way an appliance may boot: a probe never says ready too early, errors say that waiting is right, and the session comes
// back by itself, with few logins.
func TestScenarioBoot(t *testing.T) {
	kinds := map[spstest.PhaseKind]sps.ReachKind{
		spstest.BootRefused: sps.ReachRefused, spstest.BootSilent: sps.ReachSilent, spstest.BootTLS: sps.ReachBroken, spstest.Boot503: sps.ReachPage,
		spstest.BootPage: sps.ReachPage, spstest.BootRedirect: sps.ReachPage, spstest.BootJSON: sps.ReachStatus, spstest.BootLogin401: sps.ReachStatus,
	}
	for phase, kind := range kinds {
		for _, lost := range []bool{false, true} {
			t.Run(string(phase), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := &spstest.Node{Boot: []spstest.Phase{{Kind: phase}}, Stored: []string{"7.0.2.1"}, Switches: spstest.Switches{SessionsEndAtBoot: lost}}
					c := node(t, n)
					if _, err := c.UpgradeFirmware(t.Context(), v7021, ""); err != nil {
						t.Fatal(err)
					}
					time.Sleep(6 * time.Minute)
					reach, err := c.Probe(t.Context())
					if err != nil || reach.Ready() || reach.String() == "" {
						t.Fatalf("Probe = %+v, %v in the middle of the boot", reach, err)
					}
					if reach.Kind != kind && phase != spstest.BootTLS && phase != spstest.BootRedirect {
						t.Errorf("Probe = %+v, want kind %q", reach, kind)
					}
					_, err = c.Info(t.Context())
					if !errors.Is(err, sps.ErrNotReady) && phase != spstest.BootLogin401 && phase != spstest.BootRedirect {
						t.Errorf("Info = %v, want ErrNotReady", err)
					}
					for range 4 * 30 {
						if reach, err = c.Probe(t.Context()); err != nil {
							t.Fatal(err)
						}
						if reach.Ready() {
							break
						}
						time.Sleep(15 * time.Second)
					}
					if n.Running() != "7.0.2.1" || reach.Host != "sps1.example.test" {
						t.Fatalf("runs %s, Probe = %+v", n.Running(), reach)
					}
					if info, err := c.Info(t.Context()); err != nil {
						time.Sleep(5 * time.Minute)
						if info, err = c.Info(t.Context()); err != nil || !info.Firmware.Same(v7021) {
							t.Errorf("Info = %+v, %v", info, err)
						}
					}
					if logins := len(n.Record().Of(spstest.Login)) + len(n.Record().Of(spstest.LoginRefused)); logins > 3 {
						t.Errorf("%d logins", logins)
					}
					if v := n.Violations(); len(v) > 0 {
						t.Errorf("violations: %v", v)
					}
				})
			})
		}
	}
}

// A release that tells strangers nothing at /api/info is ready when it is set up.
func TestProbeOfAReleaseThatTellsStrangersNothing(t *testing.T) {
	f := &fake{answers: map[string]string{"GET /api/info": `401 {"error": {"type": "Unauthenticated"}}`, "GET /api/setup": `{"status": "completed"}`}}
	if reach, err := f.client(t).Probe(t.Context()); err != nil || !reach.Ready() {
		t.Errorf("Probe = %+v, %v", reach, err)
	}
	f.answers["GET /api/setup"] = `{"status": "booting"}`
	if reach, err := f.client(t).Probe(t.Context()); err != nil || reach.Ready() {
		t.Errorf("Probe = %+v, %v while it boots", reach, err)
	}
}
