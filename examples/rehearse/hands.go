package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/beyondtrust/praweb"
	"github.com/changeover-sdk/changeover/internal/browser"
	"github.com/changeover-sdk/changeover/internal/cli"
	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/sps/spsweb"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

// Who presses the buttons that have no API.
const (
	byDriver    = "driver"    // the simulators' own drivers, in this program
	byBrowser   = "browser"   // the page drivers, in a real headless browser
	byPerson    = "person"    // you, at the terminal
	bySimulated = "simulated" // a simulated person, who does literally what he is told
)

var allHands = []string{byDriver, byBrowser, byPerson, bySimulated}

// Real time, for a browser is as slow as this machine.
const (
	patience = 15 * time.Second
	answer   = 30 * time.Second
	slower   = 1.0 / 12.5 // of the run's waits by browser: a guard's limit is ten seconds, and so not that of a slow machine
)

// crew are the browsers of a rehearsal, and where what they see is kept.
type crew struct {
	artifacts upgrade.Artifacts
	cli.Web   // holds the browsers
}

// spsBox is a simulated node or pair.
type spsBox interface {
	Start() (url string, err error)
	Login() (user, password string)
	Pages() sps.Pages
}

// spsPages are the pages of an SPS as the run drives them; none where a person does.
func (s setting) spsPages(box spsBox, name string, ca *x509.CertPool) (sps.Pages, error) {
	switch s.hands {
	case byDriver:
		return box.Pages(), nil
	case byPerson, bySimulated:
		return sps.Pages{}, nil
	}
	at, err := dialled(box.Start())
	if err != nil {
		return sps.Pages{}, err
	}
	user, password := box.Login()
	d, err := spsweb.New("https://"+name+".example.test", sps.Login{User: user, Password: password},
		&spsweb.Options{CA: ca, Dial: at, Patience: patience, Answer: answer, Labels: s.labels, Evidence: cli.Keep(s.crew.artifacts)})
	if err != nil {
		return sps.Pages{}, err
	}
	s.crew.Add(d)
	return d.Pages(), nil
}

// praPages are the pages of a PRA appliance as the run drives them; none where a person does.
func (s setting) praPages(site *pratest.Site, box *pratest.Box) (beyondtrust.Pages, error) {
	switch s.hands {
	case byDriver:
		return box.Pages(), nil
	case byPerson, bySimulated:
		return beyondtrust.Pages{}, nil
	}
	at, err := dialled(box.Start())
	if err != nil {
		return beyondtrust.Pages{}, err
	}
	name, pool := praSite, site.CA()
	if box.FactoryNew { // it has a certificate of its own, for its own name, until it gets the site's
		name = box.Host()
		pool.AddCert(box.Certificate())
	}
	admin := praweb.Account{User: pratest.AdminUser, Password: beyondtrust.NewSecret(pratest.AdminPassword)}
	d, err := praweb.New("https://"+name, praweb.Accounts{Login: admin, Appliance: admin},
		&praweb.Options{CA: pool, Dial: at, Patience: patience, Answer: answer, Labels: s.labels, Evidence: cli.Keep(s.crew.artifacts)})
	if err != nil {
		return beyondtrust.Pages{}, err
	}
	s.crew.Add(d)
	return d.Pages(), nil
}

// styles are how the simulators of both products can make their pages.
func styles() (names []string) {
	for _, m := range spstest.Markups() {
		names = append(names, string(m))
	}
	return names
}

// dialled is the host:port of a simulator that was started.
func dialled(addr string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	u, err := url.Parse(addr)
	if err != nil {
		return "", err
	}
	return u.Host, nil
}

// atTerminal lets somebody at the terminal be the person: when he says done, the button is pressed for him on the simulated appliance.
func atTerminal(term upgrade.Operator, person *upgradetest.Person) upgrade.Operator {
	return upgrade.OperatorFunc(func(ctx context.Context, q upgrade.Question) (upgrade.Answer, error) {
		a, err := term.Ask(ctx, q)
		if err == nil && q.Kind == upgrade.AskPress && a.Text == upgrade.AnswerDone {
			_, err = person.Ask(ctx, q)
		}
		return a, err
	})
}

func newCrew(dir string) (*crew, error) {
	a, err := upgrade.OpenArtifacts(dir)
	return &crew{artifacts: a}, err
}

// withoutBrowser is who presses where this machine cannot drive a browser: a person. It says so.
func withoutBrowser(in io.Reader, errs io.Writer) string {
	err := browser.Lacking()
	if err == nil {
		return byBrowser
	}
	who, hands := "a simulated person presses", bySimulated
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		who, hands = "you press", byPerson
	}
	fmt.Fprintf(errs, "rehearse: %v; %s instead\n", err, who)
	return hands
}
