package runbook_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/runbook"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

const (
	praOld = "24.3.2"
	praNew = "25.1.1"
)

// praPackages are the rows of pratest.DefaultOffers.
func praPackages() []string {
	var titles []string
	for _, p := range pratest.DefaultOffers() {
		titles = append(titles, p.Name)
	}
	return titles
}

// praRig is a PRA runbook set up on a simulated site.
type praRig struct {
	*rig
	site   *pratest.Site
	a, b   upgrade.PRA
	name   *beyondtrust.Client // speaks to the site's name
	update upgrade.PRAUpdate
	set    runbook.PRASettings
}

func newPRARig(t *testing.T, s *pratest.Site, h hands) *praRig {
	t.Helper()
	s.T = t
	t.Cleanup(s.Close)
	r := &praRig{rig: newRig(t, nil), site: s}
	r.set.WatchEvery = -1 // asking all along costs more time than the rest of a run; tests that want it say so
	r.person.Pages = map[string]upgradetest.Pages{}
	r.person.Answer = r.honest
	r.connect(t, h)
	version := ""
	for _, p := range pratest.DefaultOffers() {
		version = beyondtrust.ParsePackage(p.Name).Number
	}
	r.update = upgrade.PRAUpdate{Packages: praPackages(), Version: beyondtrust.Version{Number: version}}
	return r
}

// connect makes clients without a memory, as a new process has.
func (r *praRig) connect(t *testing.T, h hands) {
	t.Helper()
	id, secret := r.site.Account()
	cred := beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)) // one for all clients: they share the account's limits
	client := func(dial string) *beyondtrust.Client {
		c, err := beyondtrust.NewClient(r.site.URL(), cred, &beyondtrust.Options{Dial: dial, HTTPClient: r.http()})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	boxes := r.site.Boxes()
	for i, to := range []*upgrade.PRA{&r.a, &r.b}[:len(boxes)] {
		*to = upgrade.PRA{Name: string(rune('A' + i)), Client: client(boxes[i].Address())}
		if h == byPages {
			to.Pages = boxes[i].Pages()
		}
		r.person.Pages[to.Host()] = boxes[i]
	}
	r.name = client("")
}

func (r *praRig) http() *http.Client { return r.site.HTTPClient() }

// honest is a person who tells what is true of the simulated site where a question is about it.
func (r *praRig) honest(q upgrade.Question) string {
	for _, b := range r.site.Boxes() {
		if q.Kind == upgrade.AskConfirm && strings.HasSuffix(q.Step, "packages of "+r.called(b)+"/submit the download key") && !listed(b) {
			return upgrade.AnswerNo
		}
		if q.Kind == upgrade.AskConfirm && strings.HasSuffix(q.Step, "verify and test "+r.called(b)+"/test a session") && !sessionWorks(b) {
			return upgrade.AnswerNo
		}
	}
	return ""
}

// listed says whether the update server's page shows updates for b's key.
func listed(b *pratest.Box) bool {
	key, err := b.Read(context.Background(), pratest.MenuUpdateServer, "", beyondtrust.LinkDownloadKey)
	return err == nil && key != ""
}

func (r *praRig) called(b *pratest.Box) string {
	if b == &r.site.A {
		return "A"
	}
	return "B"
}

// sessionWorks tries a session. Before traffic is moved no Jump Client is at the appliance, which is no failure of it.
func sessionWorks(b *pratest.Box) bool {
	_, _, err := b.Press(context.Background(), pratest.MenuConsole, "", "Jump", nil, "")
	_, _, out := b.Press(context.Background(), pratest.MenuConsole, "", "Sign Out", nil, "")
	return out == nil && (err == nil || !contains(err, "licence"))
}

func praNodeRig(t *testing.T, s *pratest.Site, h hands) *praRig {
	t.Helper()
	r := newPRARig(t, s, h)
	r.procedure = r.node().Procedure()
	return r
}

func (r *praRig) node() runbook.PRANode {
	return runbook.PRANode{Appliance: r.a, Site: r.name, Artifacts: r.artifacts, Update: r.update, PRASettings: r.set}
}
