package sps_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
)

// A simulated appliance stands for a real one, for which Options would hold a CA or a fingerprint.
func Example() {
	box := &spstest.Node{Scale: 1.0 / 6000, Stored: []string{"7.0.1", "7.0.2.1"}}
	defer box.Close()
	c, err := sps.NewClient("https://sps1.example.test", sps.Login{User: "admin", Password: "simulated"}, &sps.Options{HTTPClient: box.HTTPClient()})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	info, err := c.Info(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Name(), "runs", info.Firmware)
	if _, err := c.TestFirmware(ctx, sps.MustVersion("7.0.2.1")); err != nil {
		log.Fatal(err)
	}
	fmt.Println("the configuration can be upgraded")
	// Output:
	// sps1.example.test runs 7.0.2
	// the configuration can be upgraded
}

// appliance is a client of a simulated appliance.
func appliance(n *spstest.Node) *sps.Client {
	n.Scale = 1.0 / 6000
	c, err := sps.NewClient(n.URL(), sps.Login{User: "admin", Password: "simulated"}, &sps.Options{HTTPClient: n.HTTPClient(), Poll: 1})
	if err != nil {
		log.Fatal(err)
	}
	return c
}

func ExampleNewClient() {
	_, err := sps.NewClient("http://sps1.example.test", sps.Login{User: "admin", Password: "secret"}, nil)
	fmt.Println(err)
	// Output:
	// sps: address "http://sps1.example.test": want https://host or https://host:port
}

func ExampleLogin() {
	fmt.Printf("%v %+v %#v\n", sps.Login{User: "admin", Password: "secret"}, sps.Login{User: "admin", Password: "secret"}, sps.Login{User: "admin", Password: "secret"})
	// Output:
	// admin:REDACTED admin:REDACTED admin:REDACTED
}

func ExampleClient_Probe() {
	box := &spstest.Node{BootTime: 24 * time.Hour, Boot: []spstest.Phase{{Kind: spstest.BootPage}}}
	defer box.Close()
	c := appliance(box)
	reach, err := c.Probe(context.Background())
	fmt.Println(reach.Ready(), reach, "-", reach.Host, err)
	box.PowerCycle()
	reach, err = c.Probe(context.Background())
	fmt.Println(reach.Ready(), reach.Kind, err)
	// Output:
	// true the API answers - sps1.example.test <nil>
	// false page <nil>
}

func ExampleSSHOpen() {
	box := &spstest.Node{}
	defer box.Close()
	open, err := sps.SSHOpen(context.Background(), "sps1.example.test", box.DialContext)
	fmt.Println(open, err)
	// Output:
	// false <nil>
}

func ExampleClient_Setup() {
	box := &spstest.Node{}
	defer box.Close()
	status, err := appliance(box).Setup(context.Background())
	fmt.Println(status == sps.SetupCompleted, err)
	// Output:
	// true <nil>
}

func ExampleClient_Health() {
	box := &spstest.Node{Health: spstest.Health{Disk: 93, TaintedCore: 2}}
	defer box.Close()
	health, err := appliance(box).Health(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for _, issue := range health.Issues() {
		fmt.Println(issue)
	}
	// Output:
	// the disk is 93 % full; an upgrade needs 10 % of it free
	// 2 files of the core firmware were modified
}

func ExampleClient_Slots() {
	box := &spstest.Node{Stored: []string{"7.0.2.1"}}
	defer box.Close()
	slots, err := appliance(box).Slots(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range slots.List {
		fmt.Println(s.Key, s.Version, s.Current)
	}
	fmt.Println(slots.Empty, "empty")
	_, err = slots.Find(sps.MustVersion("8.0"))
	fmt.Println(err)
	// Output:
	// 1 7.0.2 true
	// 2 7.0.2.1 false
	// 3 empty
	// sps: find firmware 8.0: no slot holds it; upload the image first
}

func ExampleClient_UploadFirmware() {
	box := &spstest.Node{}
	defer box.Close()
	c, ctx := appliance(box), context.Background()
	images := spstest.Image("7.0.2.1", 4<<20) // os.DirFS("/srv/firmware"), for a real one
	image, err := sps.HashFirmware(ctx, images, "sps-7.0.2.1.iso")
	if err != nil {
		log.Fatal(err)
	}
	if err := image.Check("0000000000000000000000000000000000000000000000000000000000000000"); errors.Is(err, sps.ErrChecksum) {
		fmt.Println("not the image of the download page")
	}
	up, err := c.UploadFirmware(ctx, images, "sps-7.0.2.1.iso", func(sent, total int64) { fmt.Println(sent>>20, "of", total>>20, "MiB") })
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(up.Slot.Version, "is in slot", up.Slot.Key, up.SHA256 == image.SHA256)
	// Output:
	// not the image of the download page
	// 1 of 4 MiB
	// 2 of 4 MiB
	// 3 of 4 MiB
	// 4 of 4 MiB
	// 7.0.2.1 is in slot 2 true
}

func ExampleHashFirmware() {
	image, err := sps.HashFirmware(context.Background(), spstest.Image("7.0.2.1", 1<<20), "sps-7.0.2.1.iso")
	fmt.Println(image.Size, len(image.SHA256), err)
	// Output:
	// 1048576 64 <nil>
}

func ExampleClient_FetchFirmware() {
	const url = "https://mirror.example.test/sps-7.0.2.1.iso"
	image := spstest.ImageFile{Version: "7.0.2.1"}
	box := &spstest.Node{Downloads: spstest.Mirror(map[string]spstest.ImageFile{url: image})}
	defer box.Close()
	sum, err := sps.HashFirmware(context.Background(), spstest.Images(image), "sps-7.0.2.1.iso")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(appliance(box).FetchFirmware(context.Background(), url, sum.SHA256))
	// Output:
	// <nil>
}

func ExampleClient_UpgradeNotes() {
	box := &spstest.Node{Stored: []string{"7.0.2.1"}}
	defer box.Close()
	slot, err := appliance(box).UpgradeNotes(context.Background(), sps.MustVersion("7.0.2.1"))
	fmt.Println(slot.Notes != "", len(slot.NotesHash()), err)
	// Output:
	// true 64 <nil>
}

func ExampleClient_TestFirmware() {
	box := &spstest.Node{Stored: []string{"7.0.2.1"}, TestFails: "the disk is full"}
	defer box.Close()
	_, err := appliance(box).TestFirmware(context.Background(), sps.MustVersion("7.0.2.1"))
	if errors.Is(err, sps.ErrTestFailed) {
		fmt.Println("correct it first")
	}
	if e, ok := errors.AsType[*sps.Error](err); ok {
		fmt.Println(e.Type, strings.Contains(e.Details, "the disk is full"))
	}
	// Output:
	// correct it first
	// FirmwareTestFailed true
}

func ExampleClient_UpgradeFirmware() {
	box := &spstest.Node{Stored: []string{"7.0.2.1"}}
	defer box.Close()
	up, err := appliance(box).UpgradeFirmware(context.Background(), sps.MustVersion("7.0.2.1"), "change 4711")
	fmt.Println(up.Slot.Version, err)
	fmt.Println("now look: the appliance restarts by itself, or waits for a reboot")
	// Output:
	// 7.0.2.1 <nil>
	// now look: the appliance restarts by itself, or waits for a reboot
}

func ExampleClient_DeleteSlot() {
	box := &spstest.Node{Stored: []string{"6.13.1"}}
	defer box.Close()
	c := appliance(box)
	fmt.Println(c.DeleteSlot(context.Background(), "2"))
	fmt.Println(errors.Is(c.DeleteSlot(context.Background(), "1"), sps.ErrSlotInUse))
	// Output:
	// <nil>
	// true
}

func ExampleClient_SupportBundle() {
	box := &spstest.Node{}
	defer box.Close()
	fmt.Println(appliance(box).SupportBundle(context.Background(), io.Discard)) // a file of mode 0600, for a real one
	// Output:
	// <nil>
}

func ExampleClient_ClusterStatus() {
	cluster := &spstest.Cluster{}
	defer cluster.Close()
	c, err := sps.NewClient(cluster.Nodes()[0].URL(), sps.Login{User: "admin", Password: "simulated"}, &sps.Options{HTTPClient: cluster.HTTPClient()})
	if err != nil {
		log.Fatal(err)
	}
	state, err := c.ClusterStatus(context.Background())
	fmt.Println(len(state.Members), "members", err)
	nodes, err := c.ClusterNodes(context.Background())
	fmt.Println(len(nodes), "nodes", err)
	// Output:
	// 3 members <nil>
	// 3 nodes <nil>
}

func ExampleClient_License() {
	box := &spstest.Node{}
	defer box.Close()
	license, err := appliance(box).License(context.Background())
	fmt.Println(license.Present(), err)
	// Output:
	// true <nil>
}

func ExampleClient_CheckLock() {
	box := &spstest.Node{}
	defer box.Close()
	c := appliance(box)
	fmt.Println(c.CheckLock(context.Background()))
	box.Lock("admin2", 0)
	fmt.Println(errors.Is(c.CheckLock(context.Background()), sps.ErrLocked))
	transaction, err := c.Transaction(context.Background())
	fmt.Println(transaction.Free(), err, "- a transaction is not the only lock")
	// Output:
	// <nil>
	// true
	// true <nil> - a transaction is not the only lock
}

func ExampleClient_Certificates() {
	box := &spstest.Node{}
	defer box.Close()
	addr, err := box.Start() // on loopback, with TLS
	if err != nil {
		log.Fatal(err)
	}
	c, err := sps.NewClient(addr, sps.Login{User: "admin", Password: "simulated"}, &sps.Options{CA: box.CA()})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Logout()
	chain, err := c.Certificates(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sps.WeakCertificate(chain[0]))
	// Output:
	// []
}

func ExampleParseVersion() {
	v, err := sps.ParseVersion("7.0.2.1 LTS")
	fmt.Println(v, v.LTS(), err)
	fmt.Println(v.SameLine(sps.MustVersion("7.0.2")), v.Compare(sps.MustVersion("7.0.2")))
	// Output:
	// 7.0.2.1 LTS true <nil>
	// true 1
}

func ExampleHA_Issues() {
	page := sps.HA{Status: "DEGRADED", DRBD: "WFConnection", This: sps.HANode{Firmware: "7.0.2", UUID: "u"}}
	for _, issue := range page.Issues() {
		fmt.Println(issue)
	}
	// Output:
	// HA status is "DEGRADED", want "HA"
	// DRBD status is "WFConnection", want "Connected"
	// HA UUIDs differ: "u" and ""
	// firmware differs or is not known: this node "7.0.2", other node ""
}

func ExamplePages() {
	box := &spstest.Node{Stored: []string{"7.0.2.1"}}
	defer box.Close()
	c := appliance(box)
	pages := box.Pages() // a page driver's, for a real one; a nil page is a person
	err := pages.Firmwares.AfterReboot(context.Background(), sps.MustVersion("7.0.2.1"))
	slots, _ := c.Slots(context.Background())
	next, ok := slots.AfterReboot()
	fmt.Println(next.Version, ok, err)
	// Output:
	// 7.0.2.1 true <nil>
}
