package runbook_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

// praGround is a PRA runbook as something to crash and to disturb, with the guide that it is judged by.
type praGround struct {
	*praRig
	guide     praGuide
	book      func() upgrade.Procedure // with the clients there are
	fresh     func() upgrade.Procedure // as a new process makes it: clients without a memory
	asked     map[string]int           // the calls before
	began     int                      // how long the record was when it began
	from      time.Time
	ctx       context.Context // of the test
	throttled bool            // the throttle was raised before, so that there is something to put back
}

// praGrounds are the PRA runbooks in all their ways.
var praGrounds = map[string]func(*testing.T) *praGround{
	"PRANode":           func(t *testing.T) *praGround { return praNodeGround(t, byPages, false) },
	"PRANode, manual":   func(t *testing.T) *praGround { return praNodeGround(t, byPages, true) },
	"PRANode, by hand":  func(t *testing.T) *praGround { return praNodeGround(t, byPerson, true) },
	"PRASync":           func(t *testing.T) *praGround { return praSyncGround(t, byPages, false) },
	"PRASync, manual":   func(t *testing.T) *praGround { return praSyncGround(t, byPages, true) },
	"PRASync, by hand":  func(t *testing.T) *praGround { return praSyncGround(t, byPerson, false) },
	"PRAAsync, dns":     func(t *testing.T) *praGround { return praAsyncGround(t, byPages, pratest.ByDNS, false) },
	"PRAAsync, shared":  func(t *testing.T) *praGround { return praAsyncGround(t, byPages, pratest.BySharedIP, false) },
	"PRAAsync, nat":     func(t *testing.T) *praGround { return praAsyncGround(t, byPages, pratest.ByNAT, false) },
	"PRAAsync, manual":  func(t *testing.T) *praGround { return praAsyncGround(t, byPages, pratest.BySharedIP, true) },
	"PRAAsync, by hand": func(t *testing.T) *praGround { return praAsyncGround(t, byPerson, pratest.BySharedIP, true) },
	"PRAHardware":       func(t *testing.T) *praGround { return praHardwareGround(t, byPages) },

	"PRAHardware, by hand": func(t *testing.T) *praGround { return praHardwareGround(t, byPerson) },
	"PRANode, watched": func(t *testing.T) *praGround { // asked all along who answers, which is journaled beside the acts
		x := praNodeGround(t, byPages, false)
		x.praRig.set.WatchEvery = time.Minute
		return x.begin(t)
	},
}

func praNodeGround(t *testing.T, h hands, manual bool) *praGround {
	s := pratest.Single()
	s.Users = []pratest.User{{Name: "ada"}}
	x := onGround(t, s, h, manual, guideOfNode(manual))
	x.book = func() upgrade.Procedure { return x.node().Procedure() }
	x.fresh = func() upgrade.Procedure { x.connect(t, h); return x.book() }
	return x.begin(t)
}

func praSyncGround(t *testing.T, h hands, manual bool) *praGround {
	x := onGround(t, pairSite(), h, manual, guideOfSync(manual))
	x.book = func() upgrade.Procedure { return x.sync().Procedure() }
	x.fresh = func() upgrade.Procedure { x.connect(t, h); return x.book() }
	return x.begin(t)
}

func praAsyncGround(t *testing.T, h hands, way pratest.Traffic, manual bool) *praGround {
	s := pairSite()
	w := wire(s, way)
	x := onGround(t, s, h, manual, guideOfAsync(way, manual))
	x.book = func() upgrade.Procedure { return x.async(w, way).Procedure() }
	x.fresh = func() upgrade.Procedure { x.connect(t, h); return x.book() }
	return x.begin(t)
}

func praHardwareGround(t *testing.T, h hands) *praGround {
	r, book := migration(t, h)
	x := &praGround{praRig: r, guide: guideOfHardware()}
	x.book = func() upgrade.Procedure {
		book.Old, book.Site, book.Soak = x.a, x.name, time.Hour
		return book.Procedure()
	}
	x.fresh = func() upgrade.Procedure { x.connect(t, h); return x.book() } // but for the pinned client of the new appliance
	return x.begin(t)
}

// onGround sets a runbook up for an automatic or a manual update.
func onGround(t *testing.T, s *pratest.Site, h hands, manual bool, g praGuide) *praGround {
	x := &praGround{praRig: newPRARig(t, s, h), guide: g}
	if manual {
		x.update.Manual, x.update.Store = true, x.artifacts
		for _, b := range s.Boxes() {
			b.Restricted = true // no way but by hand
		}
		x.person.Secret = x.downloadKey
	}
	x.raise(t)
	return x
}

// begin makes the procedure and remembers where the books are.
func (x *praGround) begin(t *testing.T) *praGround {
	t.Helper()
	x.procedure = x.fresh()
	x.began, x.from = len(x.site.Record()), time.Now()
	return x
}

// downloadKey is the key on the page of the appliance whose packages are to be fetched.
func (x *praGround) downloadKey(name string) (string, bool) {
	if !strings.Contains(name, beyondtrust.LinkDownloadKey) {
		return "", false
	}
	asked := x.person.Asked()
	on := asked[len(asked)-1].Instruction.On
	for _, b := range x.site.Boxes() {
		if host, _, _ := strings.Cut(b.Address(), ":"); host == on {
			key, err := b.Read(x.ctx, beyondtrust.MenuUpdates, "", beyondtrust.LinkDownloadKey)
			return key, err == nil
		}
	}
	return "", false
}

// throttleBefore is more than a run allows, so that it has something to lower and to put back.
const throttleBefore = 77

func (x *praGround) raise(t *testing.T) {
	t.Helper()
	x.ctx = t.Context()
	if len(x.site.Boxes()) == 2 {
		for _, b := range x.site.Boxes() {
			if b.Role() != beyondtrust.RoleBackup { // a backup has no such page, and what the primary has
				x.set(t, b)
			}
		}
		if err := x.site.A.Pages().Failover.SyncNow(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
	} else {
		x.set(t, &x.site.A)
	}
	x.throttled = true
}

func (x *praGround) set(t *testing.T, b *pratest.Box) {
	t.Helper()
	if err := b.Pages().JumpClients.Set(t.Context(), beyondtrust.JumpClientSettings{MaxConcurrent: throttleBefore}); err != nil {
		t.Fatal(err)
	}
}

// trial is the ground as something to crash. A person who is asked what became of an act has looked, and says that it may be sent again.
func (x *praGround) trial() upgradetest.Trial {
	x.person.Answer = func(q upgrade.Question) string {
		switch {
		case q.Kind == upgrade.AskDecide && strings.HasSuffix(q.Step, "shut down A") && len(x.site.Record().Of(pratest.ShutDown)) > 0:
			return upgrade.AnswerDone // he sees that it is off
		case q.Kind == upgrade.AskDecide:
			return upgrade.AnswerAgain
		}
		return x.honest(q)
	}
	return upgradetest.Trial{Fresh: x.fresh, Options: upgrade.Options{Operator: x.person}, Truth: func(rep *upgrade.Report, err error) error {
		if err == nil {
			err = x.guide.judge(x, true)
		}
		if err != nil {
			return fmt.Errorf("%w\n%s\n%s", err, rep, x.site.Record())
		}
		return nil
	}}
}

// The guides, act by act.

func guideOfNode(manual bool) praGuide {
	save := "pra-a " + beyondtrust.ButtonSave
	return praGuide{acts: slices.Concat([]string{save}, installs("pra-a", manual), []string{save}), runs: [2]string{praNew},
		primary: "pra-a", roles: [2]beyondtrust.Role{beyondtrust.RoleNone}, outages: true}
}

func guideOfSync(manual bool) praGuide {
	save := "pra-a " + beyondtrust.ButtonSave
	return praGuide{outages: true, runs: [2]string{praNew, praNew}, primary: "pra-a", roles: [2]beyondtrust.Role{beyondtrust.RolePrimary, beyondtrust.RoleBackup},
		acts: slices.Concat([]string{"pra-a " + beyondtrust.ButtonSyncNow, "pra-a " + beyondtrust.ButtonBreak, save}, installs("pra-a", manual), []string{save}, installs("pra-b", manual),
			[]string{"pra-a " + beyondtrust.ButtonEstablish})}
}

func guideOfAsync(way pratest.Traffic, manual bool) praGuide {
	save := "pra-b " + beyondtrust.ButtonSave
	g := praGuide{shared: way == pratest.BySharedIP, runs: [2]string{praNew, praNew}, primary: "pra-b", roles: [2]beyondtrust.Role{beyondtrust.RoleBackup, beyondtrust.RolePrimary}}
	var swing []string
	if g.shared {
		row := " 192.0.2.10 " + beyondtrust.ButtonSaveChanges
		swing = []string{"pra-a" + row, "pra-b" + row}
	}
	g.acts = slices.Concat([]string{"pra-a " + beyondtrust.ButtonSyncNow, "pra-a " + beyondtrust.ButtonBreak, save}, installs("pra-b", manual), swing, []string{save},
		installs("pra-a", manual), []string{"pra-b " + beyondtrust.ButtonEstablish})
	return g
}

func guideOfHardware() praGuide {
	return praGuide{runs: [2]string{"", praOld}, primary: "pra-b", roles: [2]beyondtrust.Role{beyondtrust.RoleNone, beyondtrust.RoleNone}, acts: []string{
		"pra-b " + beyondtrust.ButtonUpload, "pra-b " + siteName + " " + beyondtrust.ButtonSaveConfiguration,
		"pra-b BeyondTrust-" + praOld + " " + beyondtrust.ButtonInstallThisUpdate, "pra-b Accept", "pra-b " + beyondtrust.ButtonUploadBackup,
		"pra-a " + beyondtrust.ButtonReset, "pra-a " + beyondtrust.ButtonShutDown,
	}}
}

func installs(box string, manual bool) []string {
	var acts []string
	for _, title := range praPackages() {
		act := box + " " + title + " " + beyondtrust.ButtonInstallThisUpdate
		if manual {
			act = box + " " + beyondtrust.ButtonUpdateSoftware
		}
		acts = append(acts, act)
	}
	return acts
}
