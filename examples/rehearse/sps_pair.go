package main

import (
	"time"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/runbook"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

func spsHAFails() []string     { return playable("pair") }
func spsSearchFails() []string { return playable("cluster") }

// spsHA is a High Availability pair.
func spsHA(s setting) (*stage, error) {
	pair := &spstest.Pair{A: &spstest.Node{Password: spsPassword, Markup: spstest.Markup(s.style), Scale: s.scale}}
	book, err := pairBook(s, pair)
	if err != nil {
		return nil, err
	}
	if s.fail != "" {
		if err := pair.Play(s.fail); err != nil {
			return nil, err
		}
	}
	return &stage{
		procedure: book.Procedure(),
		pages:     map[string]upgradetest.Pages{"": pair},
		truth:     func() string { return says(pair.A, pair.B) },
		presses:   func() []string { return spsPresses(pair.A.Record()) },
		secrets:   []string{spsPassword},
		close:     pair.Close,
	}, nil
}

// spsSearch is a search master with two minions, one of which is upgraded after the other.
func spsSearch(s setting) (*stage, error) {
	cluster := &spstest.Cluster{Master: &spstest.Node{Name: "search", Password: spsPassword, Scale: s.scale}}
	nodes := cluster.Nodes()
	for _, n := range nodes {
		n.Markup = spstest.Markup(s.style)
	}
	if s.fail != "" {
		if err := cluster.Play(s.fail); err != nil {
			return nil, err
		}
	}
	book := runbook.SPSSearch{Version: target}
	pages := map[string]upgradetest.Pages{}
	for _, n := range cluster.Minions {
		minion, err := nodeBook(s, n)
		if err != nil {
			return nil, err
		}
		book.Minions = append(book.Minions, minion)
		pages[minion.Client.Host()] = n
	}
	master, err := nodeBook(s, cluster.Master)
	if err != nil {
		return nil, err
	}
	book.Master = &master
	pages[master.Client.Host()] = cluster.Master
	return &stage{
		procedure: book.Procedure(), pages: pages, close: cluster.Close,
		truth:   func() string { return says(nodes...) },
		presses: func() []string { return spsPresses(cluster.Master.Record()) },
		secrets: []string{spsPassword},
	}, nil
}

func spsPresses(r spstest.Record) (list []string) {
	for _, e := range r.Of(spstest.Press) {
		list = append(list, e.Node+": "+e.Detail)
	}
	return list
}

func says(nodes ...*spstest.Node) (text string) {
	for i, n := range nodes {
		if i > 0 {
			text += ", "
		}
		text += n.Name + " runs " + n.Running()
	}
	return text
}

func pairBook(s setting, pair *spstest.Pair) (runbook.SPSHA, error) {
	user, password := pair.Login()
	c, err := sps.NewClient(pair.URL(), sps.Login{User: user, Password: password}, &sps.Options{HTTPClient: pair.HTTPClient(), Poll: scaled(10*time.Second, s.scale)})
	if err != nil {
		return runbook.SPSHA{}, err
	}
	artifacts, images, sum, err := stock(s)
	if err != nil {
		return runbook.SPSHA{}, err
	}
	book := runbook.SPSHA{Client: c, Artifacts: artifacts, Version: target, Images: images, Image: spstest.ImageName(target.String()), SHA256: sum,
		Boot:  upgrade.Boot{Dial: pair.DialContext},
		Power: upgrade.PowerMap{pair.A.Name: pair.A.Button(), pair.B.Name: pair.B.Button()}}
	book.Pages, err = s.spsPages(pair, "sps1", pair.A.CA())
	return book, err
}
