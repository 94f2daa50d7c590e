package runbook_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// praGuide is what a guide lets happen to a site: the oracle of the crash matrix and of the fault sweep. It is compared with the simulator's own books, which hold every moment and
// not only the end.
type praGuide struct {
	acts    []string            // every press that changes something, in the guide's order: "pra-a Sync Now"
	runs    [2]string           // what A and B run in the end; "" for no software
	primary string              // who serves in the end
	roles   [2]beyondtrust.Role // in the end
	outages bool                // the site is down while the appliance that serves installs: the synchronous guide and a single appliance
	shared  bool                // and between the halves of a shared IP switch
}

// judge compares the books since the moment the run began with the guide. All acts are wanted when the run was a success; else those that were made must be the guide's first ones, in its order.
func (g praGuide) judge(x *praGround, good bool) error {
	var errs []error
	for _, v := range x.site.Violations() {
		errs = append(errs, errors.New(v.String()))
	}
	errs = append(errs, g.ordered(x.acts(), good), g.served(x), x.syncedBeforeBreak())
	if good {
		errs = append(errs, g.ended(x))
	}
	return errors.Join(errs...)
}

// acts are the presses that change an appliance, since the run began: each a name of an appliance, the row of a package or an address, and the button.
func (x *praGround) acts() []string {
	var acts []string
	for _, e := range x.site.Record()[x.began:] {
		if e.What != pratest.Press {
			continue
		}
		parts := strings.Split(e.Detail, " | ")
		button := parts[len(parts)-1]
		switch {
		case slices.Contains(harmless, button), parts[0] == pratest.MenuConsole, parts[0] == pratest.MenuUpdateServer:
			continue
		}
		acts = append(acts, e.Box+" "+strings.Join(parts[1:], " "))
	}
	return acts
}

// harmless are the presses that change nothing that matters.
var harmless = []string{beyondtrust.ButtonCheckForUpdates, beyondtrust.ButtonDownloadBackup, beyondtrust.ButtonExport}

// ordered holds the acts against the guide's list: no other act, none on another appliance, none twice, none before its turn.
func (g praGuide) ordered(acts []string, all bool) error {
	if sync := g.acts[0]; strings.HasSuffix(sync, beyondtrust.ButtonSyncNow) && len(acts) > 0 && acts[0] != sync {
		g.acts = g.acts[1:] // the data-sync came by itself: see syncedBeforeBreak
	}
	for i, act := range acts {
		switch {
		case i >= len(g.acts):
			return fmt.Errorf("one act too many: %s\n%s", act, strings.Join(acts, "\n"))
		case act != g.acts[i]:
			return fmt.Errorf("act %d is %q, and the guide has %q there\n%s", i+1, act, g.acts[i], strings.Join(acts, "\n"))
		}
	}
	if all && len(acts) < len(g.acts) {
		return fmt.Errorf("it is said to be done, and %q was never pressed\n%s", g.acts[len(acts)], strings.Join(acts, "\n"))
	}
	return nil
}

// owed says whether the report names what was set for the time being and not put back. It may also name what was perhaps set, in a run that stopped there.
func (x *praGround) owed(rep *upgrade.Report) error {
	want := 0
	for _, act := range x.acts() {
		if strings.HasSuffix(act, " "+beyondtrust.ButtonSave) {
			want = 1 - want
		}
	}
	if len(rep.Owed) < want || rep.Outcome.Good() && len(rep.Owed) != want {
		return fmt.Errorf("%d changes are still to be put back, and the report names %+v", want, rep.Owed)
	}
	return nil
}

// syncedBeforeBreak says whether the relationship was broken without a good data-sync since the run began: pressed, or by the appliance's own schedule when the press was lost.
func (x *praGround) syncedBeforeBreak() error {
	synced := false
	for _, e := range x.site.Record()[x.began:] {
		switch {
		case e.What == pratest.SyncDone && e.Detail == "success":
			synced = true
		case e.What == pratest.Break && !synced:
			return fmt.Errorf("broken without a data-sync before: %s", e)
		}
	}
	return nil
}

// served goes over who answered at the site's name at every moment: one appliance, but for the windows that the guide announces.
func (g praGuide) served(x *praGround) error {
	book := x.site.Served()
	for i, v := range book {
		if len(v.Who) == 1 || v.At.Before(x.from) {
			continue
		}
		if len(v.Who) > 1 {
			return fmt.Errorf("two appliances answer at the site's name: %s", v)
		}
		if !g.announced(x, book[:i], v.At) {
			return fmt.Errorf("nobody answers at the site's name, and the guide announces no outage here: %s\n%s", v, x.site.Record())
		}
	}
	return nil
}

// announced says whether an outage that began at a moment is one of the guide's.
func (g praGuide) announced(x *praGround, before []pratest.Served, at time.Time) bool {
	var last pratest.Event // what happened last, until then
	for _, e := range x.site.Record() {
		if e.At.After(at) {
			break
		}
		if e.What == pratest.Down || e.What == pratest.AddressSet {
			last = e
		}
	}
	if len(before) == 0 { // an outage in the first moment, in which nobody saw it served
		return last.What == pratest.Down && last.At.Equal(at) && last.Detail == "power lost"
	}
	serving := before[len(before)-1].Who
	switch {
	case len(serving) != 1 || last.Box != serving[0] || !last.At.Equal(at):
		return false
	case last.What == pratest.Down && last.Detail == "power lost":
		return true // a planned fault
	case g.outages && last.What == pratest.Down:
		return strings.Contains(last.Detail, "installs ")
	}
	return g.shared && last.What == pratest.AddressSet && strings.HasSuffix(last.Detail, "false")
}

// ended looks at what the appliances are after a success.
func (g praGuide) ended(x *praGround) error {
	var errs []error
	for i, b := range x.site.Boxes() {
		if _, v, _ := b.Running(); v != g.runs[i] {
			errs = append(errs, fmt.Errorf("%s runs %q, want %q", b.Name, v, g.runs[i]))
		}
		if b.Role() != g.roles[i] {
			errs = append(errs, fmt.Errorf("%s is %q, want %q", b.Name, b.Role(), g.roles[i]))
		}
		if n := b.Throttle().MaxConcurrent; x.throttled && g.runs[i] != "" && n != throttleBefore {
			errs = append(errs, fmt.Errorf("the throttle of %s is %d, and was %d", b.Name, n, throttleBefore))
		}
	}
	if at := x.site.At(); len(at) != 1 || at[0] != g.primary {
		errs = append(errs, fmt.Errorf("the site's name leads to %s, want %s", strings.Join(at, ", "), g.primary))
	}
	return errors.Join(errs...)
}
