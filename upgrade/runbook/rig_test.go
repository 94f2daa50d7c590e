package runbook_test

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"net/url"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/runbook"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

const (
	oldVersion = "7.0.2"
	newVersion = "7.0.2.1"
)

// rig is a runbook set up on simulated appliances, with a person. Its journal is in memory: what files add is tested where they are written.
type rig struct {
	procedure upgrade.Procedure
	person    *upgradetest.Person
	journal   upgrade.Journal
	artifacts *upgrade.ArtifactDir
}

// run carries the procedure out once.
func (r *rig) run(t *testing.T) (*upgrade.Report, error) {
	t.Helper()
	return upgrade.Run(t.Context(), r.procedure, &upgrade.Options{Journal: r.journal, Operator: r.person})
}

func newRig(t *testing.T, pages upgradetest.Pages) *rig {
	t.Helper()
	a, err := upgrade.OpenArtifacts(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &rig{artifacts: a, journal: upgrade.NoJournal(),
		person: &upgradetest.Person{Pages: map[string]upgradetest.Pages{"": pages}, Inbox: a.InboxPath(), Takes: 20 * time.Second}}
}

// image is the new firmware and its hash.
func image(t *testing.T) (images fs.FS, name, sum string) {
	t.Helper()
	images, name = spstest.Image(newVersion, 512<<10), spstest.ImageName(newVersion)
	known, err := sps.HashFirmware(t.Context(), images, name)
	if err != nil {
		t.Fatal(err)
	}
	return images, name, known.SHA256
}

// hands says who presses the vendor's pages.
type hands bool

const (
	byPages  hands = false
	byPerson hands = true
)

func nodeBook(t *testing.T, n *spstest.Node, r *rig, h hands) runbook.SPSNode {
	t.Helper()
	t.Cleanup(n.Close)
	user, password := n.Login()
	c, err := sps.NewClient(n.URL(), sps.Login{User: user, Password: password}, &sps.Options{HTTPClient: n.HTTPClient()})
	if err != nil {
		t.Fatal(err)
	}
	images, name, sum := image(t)
	book := runbook.SPSNode{Client: c, Artifacts: r.artifacts, Version: sps.MustVersion(newVersion), Images: images, Image: name, SHA256: sum,
		Boot: upgrade.Boot{Dial: n.DialContext}}
	if h == byPages {
		book.Pages = n.Pages()
	}
	return book
}

func nodeRig(t *testing.T, n *spstest.Node, h hands) *rig {
	t.Helper()
	r := newRig(t, n)
	r.procedure = nodeBook(t, n, r, h).Procedure()
	return r
}

func stepError(err error) (*upgrade.StepError, bool) { return errors.AsType[*upgrade.StepError](err) }

func pairBook(t *testing.T, p *spstest.Pair, r *rig, h hands) runbook.SPSHA {
	t.Helper()
	t.Cleanup(p.Close)
	user, password := p.Login()
	c, err := sps.NewClient(p.URL(), sps.Login{User: user, Password: password}, &sps.Options{HTTPClient: p.HTTPClient()})
	if err != nil {
		t.Fatal(err)
	}
	images, name, sum := image(t)
	book := runbook.SPSHA{Client: c, Artifacts: r.artifacts, Version: sps.MustVersion(newVersion), Images: images, Image: name, SHA256: sum,
		Boot:  upgrade.Boot{Dial: p.DialContext},
		Power: upgrade.PowerMap{"sps1-a": p.A.Button(), "sps1-b": p.B.Button()}}
	if h == byPages {
		book.Pages = p.Pages()
	}
	return book
}

func pairRig(t *testing.T, p *spstest.Pair, h hands) *rig {
	t.Helper()
	r := newRig(t, p)
	r.procedure = pairBook(t, p, r, h).Procedure()
	return r
}

// clusterRig is a search cluster with two minions, a host, and a central management of its own, with a node or a pair as its search master.
func clusterRig(t *testing.T, c *spstest.Cluster, h hands) *rig {
	t.Helper()
	t.Cleanup(c.Close)
	r := newRig(t, nil)
	r.person.Pages = map[string]upgradetest.Pages{}
	member := func(n *spstest.Node) runbook.SPSNode {
		r.person.Pages[hostOf(t, n.URL())] = n
		return nodeBook(t, n, r, h)
	}
	c.Nodes() // joins them
	book := runbook.SPSSearch{Version: sps.MustVersion(newVersion)}
	for _, n := range c.Minions {
		book.Minions = append(book.Minions, member(n))
	}
	for _, n := range c.Hosts {
		book.Hosts = append(book.Hosts, member(n))
	}
	if c.Central != nil {
		central := member(c.Central)
		book.Central = &central
	}
	if c.MasterPair != nil {
		pair := pairBook(t, c.MasterPair, r, h)
		r.person.Pages[hostOf(t, c.MasterPair.URL())] = c.MasterPair
		book.MasterPair = &pair
	} else {
		master := member(c.Master)
		book.Master = &master
	}
	if err := book.Check(); err != nil {
		t.Fatal(err)
	}
	r.procedure = book.Procedure()
	return r
}

func hostOf(t *testing.T, addr string) string {
	t.Helper()
	u, err := url.Parse(addr)
	if err != nil {
		t.Fatal(err)
	}
	return u.Hostname()
}

func certPool(pem []byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate")
	}
	return pool, nil
}
