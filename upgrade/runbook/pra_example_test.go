package runbook_test

import (
	"fmt"
	"net/netip"
	"os"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/runbook"
)

// praDemo is what the examples of PRA share: the appliances of a simulated site, each by its own address. Yours are real.
func praDemo(s *pratest.Site) (appliances []upgrade.PRA, site *beyondtrust.Client, artifacts *upgrade.ArtifactDir, remove func()) {
	id, secret := s.Account()
	cred := beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret))
	client := func(dial string) *beyondtrust.Client {
		c, err := beyondtrust.NewClient(s.URL(), cred, &beyondtrust.Options{Dial: dial, HTTPClient: s.HTTPClient()})
		if err != nil {
			panic(err)
		}
		return c
	}
	for i, b := range s.Boxes() {
		appliances = append(appliances, upgrade.PRA{Name: string(rune('A' + i)), Client: client(b.Address())})
	}
	dir, err := os.MkdirTemp("", "artifacts")
	if err != nil {
		panic(err)
	}
	artifacts, err = upgrade.OpenArtifacts(dir)
	if err != nil {
		panic(err)
	}
	return appliances, client(""), artifacts, func() { s.Close(); os.RemoveAll(dir) }
}

var demoUpdate = upgrade.PRAUpdate{Packages: []string{"Base Software 7.0.0", "BeyondTrust-25.1.1"}, Version: beyondtrust.Version{Number: "25.1.1"}}

// swing stands for [upgrade.SwingDNS] and its siblings.
var swing = upgrade.Confirm("swing", "Does the site's name lead to Appliance B now?")

func ExamplePRANode() {
	boxes, site, artifacts, remove := praDemo(pratest.Single())
	defer remove()
	p := runbook.PRANode{Appliance: boxes[0], Site: site, Artifacts: artifacts, Update: demoUpdate}.Procedure()
	fmt.Println(p.Name)
	for _, s := range p.Steps {
		fmt.Println(s.Name)
	}
	// Output:
	// PRA upgrade to 25.1.1
	// check the appliance
	// check the clock of A
	// check the certificates
	// check the client upgrades
	// before you begin
	// certificate of A exported
	// backup
	// check for updates of A
	// throttle Jump Clients
	// drain A
	// update A
	// verify and test A
	// await Jump Clients
	// fresh backup
	// afterwards, by people
}

func ExamplePRASync() {
	boxes, site, artifacts, remove := praDemo(pratest.Pair())
	defer remove()
	p := runbook.PRASync{Primary: boxes[0], Backup: boxes[1], Site: site, Artifacts: artifacts, Update: demoUpdate}.Procedure()
	for _, s := range p.Steps {
		fmt.Println(s.Name)
	}
	// Output:
	// check the pair
	// check automatic failover
	// check the clock of A
	// check the clock of B
	// check the certificates
	// compare the keys
	// check the client upgrades
	// before you begin
	// certificate of A exported
	// certificate of B exported
	// backup
	// check for updates of A
	// check for updates of B
	// sync now
	// check that A serves
	// drain A
	// break failover
	// A first
	// second window
	// backup in the second window
	// check the clock of B again
	// update B
	// verify and test B
	// compare the keys again
	// confirm who overwrites whom
	// establish failover
	// check the pair again
	// automatic failover again
	// fresh backup
	// afterwards, by people
}

func ExamplePRAAsync() {
	boxes, site, artifacts, remove := praDemo(pratest.Pair())
	defer remove()
	p := runbook.PRAAsync{Primary: boxes[0], Backup: boxes[1], Site: site, Artifacts: artifacts, Update: demoUpdate, Swing: swing}.Procedure()
	for _, s := range p.Steps {
		fmt.Println(s.Name)
	}
	// Output:
	// check the pair
	// check automatic failover
	// check the clock of A
	// check the clock of B
	// check the certificates
	// compare the keys
	// check the client upgrades
	// before you begin
	// certificate of A exported
	// certificate of B exported
	// backup
	// check for updates of A
	// check for updates of B
	// sync now
	// check that A serves
	// break failover
	// B first
	// second window
	// check that B serves
	// confirmed in production
	// backup in the second window
	// check the clock of A again
	// update A
	// verify and test A
	// compare the keys again
	// confirm who overwrites whom
	// establish failover
	// check the pair again
	// automatic failover again
	// fresh backup
	// afterwards, by people
}

func ExamplePRAHardware() {
	boxes, site, artifacts, remove := praDemo(pratest.Migrate())
	defer remove()
	p := runbook.PRAHardware{Old: boxes[0], New: boxes[1], Site: site, Artifacts: artifacts, Update: demoUpdate, Swing: swing,
		Address: netip.MustParseAddr("192.0.2.2"), PRASettings: runbook.PRASettings{Passphrase: beyondtrust.NewSecret("simulated")}}.Procedure()
	for _, s := range p.Steps {
		fmt.Println(s.Name)
	}
	// Output:
}
