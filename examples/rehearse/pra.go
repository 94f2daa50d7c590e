package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/runbook"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

func praNodeFails() []string { return praFails(pratest.Single) }
func praPairFails() []string { return praFails(pratest.Pair) }

// praFails names the failures that can be played on a site.
func praFails(site func() *pratest.Site) (names []string) {
	for _, sc := range pratest.Scenarios() {
		s := site()
		if s.Play(sc.Name) == nil {
			names = append(names, sc.Name)
		}
		s.Close()
	}
	return names
}

const (
	praSecret     = "Rehearsal-only-2"
	praPassphrase = "Rehearsal-only-3"
)

// praStage is a simulated PRA site and what talks to it.
type praStage struct {
	site      *pratest.Site
	a, b      upgrade.PRA
	name      *beyondtrust.Client // speaks to the site's name
	artifacts upgrade.Artifacts
	update    upgrade.PRAUpdate
	set       runbook.PRASettings
	swing     upgrade.Step

	lower, await upgrade.Step // ahead of a swing in DNS
}

// praSetUp starts a site of the given kind, with the failure that was asked for, and clients for each of its appliances by their own addresses.
func praSetUp(s setting, site *pratest.Site) (*praStage, error) {
	site.Scale, site.Markup = s.scale/2, pratest.Markup(s.style)
	for _, name := range []string{"site", "a", "b"} { // an account each: the requests that an account has are counted in real time, and this runs fast
		site.Accounts = append(site.Accounts, pratest.Account{Name: name, ClientID: "rehearsal-" + name, Secret: praSecret, Command: beyondtrust.CommandFull, Configuration: true, Backup: true, Reporting: true})
	}
	site.Users = []pratest.User{{Name: "ada"}, {Name: "grace", Session: true, Ends: 10 * time.Minute}}
	st := &praStage{site: site, update: upgrade.PRAUpdate{Version: beyondtrust.Version{Number: "25.1.1"}}}
	for _, p := range pratest.DefaultOffers() {
		st.update.Packages = append(st.update.Packages, p.Name)
	}
	swing, err := praTraffic(s, st)
	if err != nil {
		return nil, err
	}
	if s.fail != "" {
		if err := site.Play(s.fail); err != nil {
			return nil, err
		}
	}
	if st.artifacts, err = upgrade.OpenArtifacts(s.dir); err != nil {
		return nil, err
	}
	if st.name, err = st.client(s, ""); err != nil {
		return nil, err
	}
	for i, b := range site.Boxes() {
		p := upgrade.PRA{Name: string(rune('A' + i))}
		if p.Client, err = st.client(s, b.Address()); err != nil {
			return nil, err
		}
		if p.Pages, err = s.praPages(site, b); err != nil {
			return nil, err
		}
		*[]*upgrade.PRA{&st.a, &st.b}[i] = p
	}
	swing() // the clients are there now
	return st, nil
}

func (st *praStage) client(s setting, dial string) (*beyondtrust.Client, error) {
	account := st.site.Accounts[0]
	for i, b := range st.site.Boxes() {
		if dial == b.Address() {
			account = st.site.Accounts[i+1]
		}
	}
	id, secret := account.ClientID, account.Secret
	return beyondtrust.NewClient(st.site.URL(), beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)),
		&beyondtrust.Options{Dial: dial, HTTPClient: st.site.HTTPClient(), HealthEvery: scaled(beyondtrust.HealthCache, s.scale)})
}

// stage is the procedure on this site.
func (st *praStage) stage(p upgrade.Procedure) *stage {
	// The run's waits are longer than the appliances' times make them, so that its limits are not those of a busy machine.
	out := &stage{procedure: p, scale: st.site.Scale * 8, pages: map[string]upgradetest.Pages{}, close: st.site.Close}
	for i, b := range st.site.Boxes() {
		out.pages[[]upgrade.PRA{st.a, st.b}[i].Host()] = b
	}
	out.presses = func() (list []string) {
		for _, e := range st.site.Record().Of(pratest.Press) {
			list = append(list, e.Box+": "+e.Detail)
		}
		return list
	}
	out.secrets = []string{pratest.AdminPassword, praSecret, praPassphrase}
	watch := st.site.Watch(context.Background(), 10*time.Millisecond)
	out.truth = func() (text string) {
		for _, b := range st.site.Boxes() {
			base, version, build := b.Running()
			text += fmt.Sprintf("%s is %s with Base %s and %s (%s); ", b.Name, b.Role(), base, version, build)
		}
		return text + fmt.Sprintf("the site's name leads to %v\n%s", st.site.At(), watch.Stop())
	}
	return out
}

// praNode is one PRA appliance, upgraded from 24.3.2 to 25.1.1 with automatic updates.
func praNode(s setting) (*stage, error) {
	site := pratest.Single()
	site.A.Restricted = s.manual
	st, err := praSetUp(s, site)
	if err != nil {
		return nil, err
	}
	st.update.Manual = s.manual
	if s.manual {
		st.update.Store = st.artifacts
	}
	out := st.stage(runbook.PRANode{Appliance: st.a, Site: st.name, Artifacts: st.artifacts, Update: st.update, PRASettings: st.set}.Procedure())
	out.secret = func(name string) (string, bool) { // the one that he is ever told to type stands on the appliance's own page
		key, err := site.A.Read(context.Background(), beyondtrust.MenuUpdates, "", beyondtrust.LinkDownloadKey)
		return key, err == nil && strings.Contains(name, beyondtrust.LinkDownloadKey)
	}
	return out, nil
}

// praSync is a pair, of which A stays the primary.
func praSync(s setting) (*stage, error) {
	st, err := praSetUp(s, pratest.Pair())
	if err != nil {
		return nil, err
	}
	return st.stage(runbook.PRASync{Primary: st.a, Backup: st.b, Site: st.name, Artifacts: st.artifacts, Update: st.update, PRASettings: st.set}.Procedure()), nil
}

// praAsync is a pair, of which B becomes the primary.
func praAsync(s setting) (*stage, error) {
	st, err := praSetUp(s, pratest.Pair())
	if err != nil {
		return nil, err
	}
	return st.stage(st.async(st.a, st.b)), nil
}

func (st *praStage) async(a, b upgrade.PRA) upgrade.Procedure {
	return runbook.PRAAsync{Primary: a, Backup: b, Site: st.name, Swing: st.swing, LowerTTL: st.lower, AwaitTTL: st.await, Artifacts: st.artifacts, Update: st.update, PRASettings: st.set}.Procedure()
}

// praHardware moves a site to a factory-new appliance, and returns the old one.
func praHardware(s setting) (*stage, error) {
	site := pratest.Migrate()
	site.Offers = []pratest.Package{{Name: "BeyondTrust-24.3.2", Build: "51234"}} // what the old one runs: a backup fits no other
	if s.hands == byBrowser {
		site.Times.Restore = 40 * time.Minute // two seconds: when a browser has seen what came of a press, a shorter outage is over
	}
	st, err := praSetUp(s, site)
	if err != nil {
		return nil, err
	}
	account := site.Accounts[2] // the new appliance's
	st.b.Client, err = beyondtrust.NewClient(site.URL(), beyondtrust.NewCredential(account.ClientID, beyondtrust.NewSecret(account.Secret)),
		&beyondtrust.Options{Dial: site.B.Address(), GUID: site.B.GUID, HTTPClient: site.HTTPClient(), HealthEvery: scaled(beyondtrust.HealthCache, s.scale)})
	if err != nil {
		return nil, err
	}
	st.set.Passphrase = beyondtrust.NewSecret(praPassphrase)
	st.update = upgrade.PRAUpdate{Packages: []string{"BeyondTrust-24.3.2"}, Version: beyondtrust.Version{Number: "24.3.2"}}
	out := st.stage(runbook.PRAHardware{Old: st.a, New: st.b, Site: st.name, Swing: st.swing, LowerTTL: st.lower, AwaitTTL: st.await, Artifacts: st.artifacts, Update: st.update, Address: site.B.Addr,
		Soak: scaled(30*time.Minute, s.scale), PRASettings: st.set}.Procedure())
	out.secret = func(string) (string, bool) { return praPassphrase, true } // the one that he is ever told to type
	out.answer = func(q upgrade.Question) string {
		if strings.HasSuffix(q.Step, "first sign-in") {
			if err := site.B.FirstSignIn(pratest.AdminPassword); err != nil {
				return upgrade.AnswerNo
			}
		}
		return ""
	}
	return out, nil
}

func praMigrateFails() []string { return praFails(pratest.Migrate) }
