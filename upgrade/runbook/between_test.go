package runbook_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// cut is a journal that ends a run just before the act of one step: what a crash there leaves behind.
type cut struct {
	upgrade.Journal
	step string
}

var errCut = errors.New("the process ended")

func (c *cut) Append(r upgrade.Record) error {
	if r.Kind == upgrade.KindIntent && r.Path == c.step {
		return errCut
	}
	return c.Journal.Append(r)
}

// TestSPSHABetweenRuns lets a person do something to the pair while no run is under way. The next run finds it by looking: it stops where going on would be
// wrong, and goes on where what was done is what it was about to do.
func TestSPSHABetweenRuns(t *testing.T) {
	t.Parallel()
	const whole = "without redundancy/"
	press := func(where, row, button string) func(*testing.T, *spstest.Pair) {
		return func(t *testing.T, p *spstest.Pair) {
			if _, _, err := p.Press(t.Context(), where, row, button, nil, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	off := func(p *spstest.Pair) *spstest.Node {
		for _, n := range []*spstest.Node{p.A, p.B} {
			if !n.PowerState() {
				return n
			}
		}
		return p.B
	}
	tests := map[string]struct {
		before string // the step before whose act the first run ended
		person func(*testing.T, *spstest.Pair)
		want   upgrade.Outcome
		step   string
	}{
		"nobody does anything": {whole + "reboot primary", func(*testing.T, *spstest.Pair) {}, upgrade.Succeeded, ""},
		"the secondary is powered on too early": {whole + "reboot primary", func(_ *testing.T, p *spstest.Pair) { off(p).PowerOn() },
			upgrade.BlockedRun, whole + "shut down secondary"},
		"the primary is rebooted by hand":                 {whole + "reboot primary", press(sps.PageHA, sps.RowThisNode, sps.ButtonReboot), upgrade.Succeeded, ""},
		"the secondary is powered on by hand, as was due": {whole + "power on secondary", func(_ *testing.T, p *spstest.Pair) { off(p).PowerOn() }, upgrade.Succeeded, ""},
		"the other node is activated before":              {whole + "shut down secondary", press(sps.PageHA, "", sps.ButtonActivateSlave), upgrade.Succeeded, ""},
		"the slave is activated by hand, which was due":   {"activate slave", press(sps.PageHA, "", sps.ButtonActivateSlave), upgrade.Succeeded, ""},
		"the old firmware is selected again":              {whole + "shut down secondary", press(sps.PageFirmwares, oldVersion, sps.ButtonAfterReboot), upgrade.BlockedRun, "activate after reboot"},
		"the secondary is shut down by hand, as was due":  {whole + "shut down secondary", press(sps.PageHA, sps.RowOtherNode, sps.ButtonShutdown), upgrade.Succeeded, ""},
		"the nodes part": {whole + "shut down secondary", func(t *testing.T, p *spstest.Pair) { play(t, p, "both-primary") }, upgrade.BlockedRun, "guard no split brain"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &spstest.Pair{}
				r := pairRig(t, p, byPages)
				memory := r.journal
				r.journal = &cut{memory, tt.before}
				if rep, err := r.run(t); !errors.Is(err, errCut) {
					t.Fatalf("the first run: %v\n%s", err, rep)
				}
				tt.person(t, p)
				time.Sleep(time.Hour)
				r.journal = memory
				rep, err := r.run(t)
				step := ""
				if se, ok := stepError(err); ok {
					step = se.Step
				}
				if rep == nil || rep.Outcome != tt.want || step != tt.step {
					t.Errorf("the second run: want %s at %q: %v\n%s\n%s", tt.want, tt.step, err, rep, p.Record())
				}
				for _, v := range p.Violations() {
					t.Log("violation:", v)
				}
			})
		})
	}
}

func play(t *testing.T, p *spstest.Pair, scenario string) {
	t.Helper()
	if err := p.Play(scenario); err != nil {
		t.Fatal(err)
	}
}
