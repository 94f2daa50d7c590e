package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/praweb"
	"github.com/changeover-sdk/changeover/internal/cli"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/runbook"
)

// config describes a site. It holds no secret: only the names of files that do.
type config struct {
	Site        string      `json:"site"`       // https://access.example.com
	Guide       string      `json:"guide"`      // node, sync or async
	Credential  string      `json:"credential"` // a file: the API account's client ID on the first line, its secret on the second
	CA          string      `json:"ca"`         // a PEM file; default: the system's authorities
	Appliances  []appliance `json:"appliances"` // one, or A and then B
	SharedIP    netip.Addr  `json:"shared_ip"`  // for async: the address that moves; a DNS or NAT swing is a program of your own
	Packages    []string    `json:"packages"`   // the rows of the Updates page, in their order
	Version     string      `json:"version"`    // of the site software afterwards
	Build       string      `json:"build"`      // compared when given
	Manual      bool        `json:"manual"`     // packages are fetched with the download key, and uploaded
	Certificate string      `json:"certificate"`
	OneWindow   bool        `json:"one_window"`
}

type appliance struct {
	Name string `json:"name"`
	Dial string `json:"dial"` // its own unique address
	GUID string `json:"guid"`

	// For -web: files like Credential's, with the user and the password of an administrator of each of the appliance's two interfaces.
	Login     string `json:"login"`
	Appliance string `json:"appliance"`
}

// readConfig refuses what it does not know, so that a mistyped name is not a default.
func readConfig(name string) (config, error) {
	var c config
	f, err := os.Open(name)
	if err != nil {
		return c, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		return c, err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// client shares cred, and with it the account's pace, with every other one.
func (c config) client(a appliance, cred beyondtrust.Credential) (*beyondtrust.Client, error) {
	pool, err := cli.CA(c.CA)
	if err != nil {
		return nil, err
	}
	return beyondtrust.NewClient(c.Site, cred, &beyondtrust.Options{Dial: a.Dial, GUID: a.GUID, CA: pool})
}

// pages are driven by a browser of the appliance's own.
func (c config) pages(a appliance, web *cli.Web, artifacts upgrade.Artifacts, labels []byte) (beyondtrust.Pages, error) {
	var accounts praweb.Accounts
	for _, x := range []struct {
		field, file string
		to          *praweb.Account
	}{{"login", a.Login, &accounts.Login}, {"appliance", a.Appliance, &accounts.Appliance}} {
		if x.file == "" {
			return beyondtrust.Pages{}, fmt.Errorf("-web: appliance %q names no file with the account of /%s (%s)", a.Name, x.field, x.field)
		}
		user, password, err := cli.Account(x.file)
		if err != nil {
			return beyondtrust.Pages{}, err
		}
		*x.to = praweb.Account{User: user, Password: beyondtrust.NewSecret(password)}
	}
	pool, err := cli.CA(c.CA)
	if err != nil {
		return beyondtrust.Pages{}, err
	}
	dial := a.Dial
	if _, _, err := net.SplitHostPort(dial); err != nil {
		dial = net.JoinHostPort(dial, "443")
	}
	d, err := praweb.New(c.Site, accounts, &praweb.Options{CA: pool, Dial: dial, Labels: labels, Answer: 10 * time.Minute, Evidence: cli.Keep(artifacts)})
	if err != nil {
		return beyondtrust.Pages{}, err
	}
	web.Add(d)
	return d.Pages(), nil
}

// procedure is the guide for this site.
func (c config) procedure(artifacts upgrade.Artifacts, web *cli.Web, labels []byte) (upgrade.Procedure, error) {
	cred, err := beyondtrust.ReadCredential(c.Credential)
	if err != nil {
		return upgrade.Procedure{}, err
	}
	var boxes []upgrade.PRA
	for _, a := range c.Appliances {
		if a.Dial == "" {
			return upgrade.Procedure{}, fmt.Errorf("appliance %q has no address of its own (dial)", a.Name)
		}
		client, err := c.client(a, cred)
		if err != nil {
			return upgrade.Procedure{}, err
		}
		box := upgrade.PRA{Name: a.Name, Client: client}
		if web.On {
			if box.Pages, err = c.pages(a, web, artifacts, labels); err != nil {
				return upgrade.Procedure{}, err
			}
		}
		boxes = append(boxes, box)
	}
	site, err := c.client(appliance{}, cred)
	if err != nil {
		return upgrade.Procedure{}, err
	}
	u := upgrade.PRAUpdate{Packages: c.Packages, Version: beyondtrust.Version{Number: c.Version, Build: c.Build}, Manual: c.Manual, Store: artifacts}
	set := runbook.PRASettings{Certificate: c.Certificate}
	if want := map[string]int{"node": 1, "sync": 2, "async": 2}[c.Guide]; want == 0 || want != len(boxes) {
		return upgrade.Procedure{}, fmt.Errorf("guide %q with %d appliances: want node with one, or sync or async with two", c.Guide, len(boxes))
	}
	switch c.Guide {
	case "node":
		b := runbook.PRANode{Appliance: boxes[0], Site: site, Artifacts: artifacts, Update: u, PRASettings: set}
		return b.Procedure(), b.Check()
	case "sync":
		b := runbook.PRASync{Primary: boxes[0], Backup: boxes[1], Site: site, Artifacts: artifacts, Update: u, OneWindow: c.OneWindow, PRASettings: set}
		return b.Procedure(), b.Check()
	}
	if !c.SharedIP.IsValid() {
		return upgrade.Procedure{}, fmt.Errorf("guide async: want shared_ip, the address that moves")
	}
	b := runbook.PRAAsync{Primary: boxes[0], Backup: boxes[1], Site: site, Swing: upgrade.SwingSharedIP(boxes[0], boxes[1], c.SharedIP, site), Artifacts: artifacts, Update: u, OneWindow: c.OneWindow, PRASettings: set}
	return b.Procedure(), b.Check()
}
