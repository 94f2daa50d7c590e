package runbook_test

import (
	"fmt"
	"os"
	"slices"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/runbook"
)

// demo is what the examples of SPS share: a client of a simulated appliance, and a place for artifacts. Yours are real.
func demo(addr string, login sps.Login, opts *sps.Options) (*sps.Client, *upgrade.ArtifactDir, func()) {
	c, err := sps.NewClient(addr, login, opts)
	if err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "artifacts")
	if err != nil {
		panic(err)
	}
	artifacts, err := upgrade.OpenArtifacts(dir)
	if err != nil {
		panic(err)
	}
	return c, artifacts, func() { os.RemoveAll(dir) }
}

const demoSum = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func ExampleSPSNode() {
	node := &spstest.Node{}
	defer node.Close()
	user, password := node.Login()
	c, artifacts, remove := demo(node.URL(), sps.Login{User: user, Password: password}, &sps.Options{HTTPClient: node.HTTPClient()})
	defer remove()

	p := runbook.SPSNode{
		Client: c, Artifacts: artifacts, Version: sps.MustVersion("7.0.2.1"),
		Images: os.DirFS("/srv/firmware"), Image: "sps-7.0.2.1.iso", SHA256: demoSum,
	}.Procedure()
	p.Steps = slices.Insert(p.Steps, p.Index("reboot"), upgrade.Confirm("traffic is drained", "Is all traffic drained?"))

	plan, err := upgrade.Plan(p)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range plan.Steps[len(plan.Steps)-8:] {
		fmt.Printf("%-7s %-24s %s\n", s.Ref, s.Path, s.Who)
	}
	// Output:
	// 4       activate after reboot    person
	//         traffic is drained       check
	// 5       reboot                   person
	// 6       verify the upgrade       check
	// after   test connection          check
	//         fresh backup             group
	//         fresh backup/get the backup person
	//         fresh backup/store the backup machine
}

func ExampleSPSHA() {
	pair := &spstest.Pair{}
	defer pair.Close()
	user, password := pair.Login()
	c, artifacts, remove := demo(pair.URL(), sps.Login{User: user, Password: password}, &sps.Options{HTTPClient: pair.HTTPClient()})
	defer remove()

	p := runbook.SPSHA{
		Client: c, Artifacts: artifacts, Version: sps.MustVersion("7.0.2.1"),
		Images: os.DirFS("/srv/firmware"), Image: "sps-7.0.2.1.iso", SHA256: demoSum,
		Power: upgrade.PowerMap{"sps1-a": pair.A.Button(), "sps1-b": pair.B.Button()}, // yours are *ipmi.Machine
	}.Procedure()

	for _, s := range p.Steps[p.Index("without redundancy")].Steps {
		fmt.Println(s.Ref, s.Name)
	}
	// Output:
	// 6 shut down secondary
	// 7-8 reboot primary
	// 9 power on secondary
	// 10 verify secondary
}

func ExampleSPSSearch() {
	cluster := &spstest.Cluster{}
	defer cluster.Close()
	cluster.Nodes()
	book := runbook.SPSSearch{Version: sps.MustVersion("7.0.2.1")}
	member := func(n *spstest.Node) (runbook.SPSNode, func()) {
		user, password := n.Login()
		c, artifacts, remove := demo(n.URL(), sps.Login{User: user, Password: password}, &sps.Options{HTTPClient: n.HTTPClient()})
		return runbook.SPSNode{Client: c, Artifacts: artifacts, Version: book.Version, Images: os.DirFS("/srv/firmware"), Image: "sps-7.0.2.1.iso", SHA256: demoSum}, remove
	}
	for _, n := range cluster.Minions {
		minion, remove := member(n)
		defer remove()
		book.Minions = append(book.Minions, minion)
	}
	master, remove := member(cluster.Master)
	defer remove()
	book.Master = &master

	for _, s := range book.Procedure().Steps {
		fmt.Println(s.Name)
	}
	// Output:
	// check the roles
	// audit gap
	// search minion minion1.example.test
	// search minion minion2.example.test
	// search master search.example.test
	// verify the cluster
}
