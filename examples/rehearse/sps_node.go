package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/runbook"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

func spsNodeFails() []string { return playable("node") }

// playable names the failures that can be played on "node", "pair" or "cluster".
func playable(on string) (names []string) {
	for _, s := range spstest.Scenarios() {
		if slices.Contains(s.On(), on) {
			names = append(names, s.Name)
		}
	}
	return names
}

// target is what the guides upgrade to, from 7.0.2.
var target = sps.MustVersion("7.0.2.1")

const spsPassword = "Rehearsal-only-1"

// spsNode is one SPS.
func spsNode(s setting) (*stage, error) {
	node := &spstest.Node{Password: spsPassword, Markup: spstest.Markup(s.style), Scale: s.scale, CoreFiles: []string{"core.2026-01-01"}}
	if s.fail != "" {
		if err := node.Play(s.fail); err != nil {
			return nil, err
		}
	}
	book, err := nodeBook(s, node)
	if err != nil {
		return nil, err
	}
	return &stage{
		procedure: book.Procedure(),
		pages:     map[string]upgradetest.Pages{"": node},
		truth:     func() string { return "sps1 runs " + node.Running() },
		presses:   func() []string { return spsPresses(node.Record()) },
		secrets:   []string{spsPassword},
		close:     node.Close,
	}, nil
}

func nodeBook(s setting, node *spstest.Node) (runbook.SPSNode, error) {
	user, password := node.Login()
	c, err := sps.NewClient(node.URL(), sps.Login{User: user, Password: password}, &sps.Options{HTTPClient: node.HTTPClient(), Poll: scaled(10*time.Second, s.scale)})
	if err != nil {
		return runbook.SPSNode{}, err
	}
	artifacts, images, sum, err := stock(s)
	if err != nil {
		return runbook.SPSNode{}, err
	}
	book := runbook.SPSNode{Client: c, Artifacts: artifacts, Version: target, Images: images, Image: spstest.ImageName(target.String()), SHA256: sum,
		Boot: upgrade.Boot{Dial: node.DialContext}}
	book.Pages, err = s.spsPages(node, cmp.Or(node.Name, "sps1"), node.CA())
	return book, err
}

// stock is what every guide needs: a place for artifacts, and the image with its hash.
func stock(s setting) (*upgrade.ArtifactDir, fs.FS, string, error) {
	artifacts, err := upgrade.OpenArtifacts(s.dir)
	if err != nil {
		return nil, nil, "", err
	}
	images := spstest.Image(target.String(), 8<<20)
	sum, err := sha256Of(images, spstest.ImageName(target.String()))
	return artifacts, images, sum, err
}

func scaled(d time.Duration, scale float64) time.Duration {
	return max(time.Duration(float64(d)*scale), time.Millisecond)
}

// sha256Of stands for the hash on the vendor's download page.
func sha256Of(images fs.FS, name string) (string, error) {
	f, err := images.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
