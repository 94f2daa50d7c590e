package spstest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
)

// connect logs the SDK's client in.
func connect(url string, hc *http.Client, user, password string) *sps.Client {
	c, err := sps.NewClient(url, sps.Login{User: user, Password: password}, &sps.Options{HTTPClient: hc})
	if err != nil {
		panic(err)
	}
	return c
}

// A node is upgraded through the API, at 60,000 times its speed.
func Example() {
	n := &spstest.Node{Scale: 1.0 / 60000}
	defer n.Close()
	user, password := n.Login()
	c := connect(n.URL(), n.HTTPClient(), user, password)
	ctx := context.Background()

	_, err := c.UploadFirmware(ctx, spstest.Image("7.0.2.1", 1<<20), spstest.ImageName("7.0.2.1"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := c.UpgradeFirmware(ctx, sps.MustVersion("7.0.2.1"), "monthly maintenance"); err != nil {
		fmt.Println(err)
		return
	}
	for n.Running() != "7.0.2.1" {
		time.Sleep(time.Millisecond)
	}
	for _, e := range n.Record() {
		fmt.Println(e.What)
	}
	// Output:
	// login
	// upload
	// test
	// upgrade
	// after reboot
	// reboot
	// down
	// boot
	// up
}

// A person is told what to press, and presses it. A wrong word is refused, and says what there is.
func ExampleNode_Press() {
	n := &spstest.Node{Stored: []string{"7.0.2.1"}}
	defer n.Close()
	ctx := context.Background()
	_, _, err := n.Press(ctx, "Basic Settings > System > Firmwares", "7.0.2.1", "After reboot", nil, "")
	fmt.Println(err)
	marked, _ := n.Read(ctx, "Basic Settings > System > Firmwares", "7.0.2.1", "After reboot")
	fmt.Println(marked)
	_, _, err = n.Press(ctx, "Basic Settings > High Availability", "This node", "Restart", nil, "")
	fmt.Println(errors.Is(err, sps.ErrNotPressed))
	// Output:
	// <nil>
	// yes
	// true
}

// The configuration is exported on its page, which gives a file.
func ExampleNode_Pages() {
	n := new(spstest.Node)
	defer n.Close()
	var file bytes.Buffer
	name, err := n.Pages().Export.Export(context.Background(), &file)
	fmt.Println(name[:5], file.Len() > 0, err)
	// Output: sps1- true <nil>
}

// The next firmware test is carried out, and its answer lost.
func ExampleNode_Inject() {
	n := &spstest.Node{Stored: []string{"7.0.2.1"}, Scale: 1.0 / 60000}
	defer n.Close()
	n.Inject("POST /api/firmware/test", spstest.Fault{Kind: spstest.FaultReset, Acts: true})
	user, password := n.Login()
	_, err := connect(n.URL(), n.HTTPClient(), user, password).TestFirmware(context.Background(), sps.MustVersion("7.0.2.1"))
	fmt.Println(err != nil, len(n.Record().Of(spstest.Test)))
	// Output: true 1
}

// The secondary of a pair is switched off before it has received the new firmware. Nothing stops it; the record knows.
func ExamplePair() {
	p := &spstest.Pair{A: &spstest.Node{Stored: []string{"7.0.2.1"}, Scale: 1.0 / 60000}, FirmwareTime: 1000 * time.Hour}
	defer p.Close()
	pages := p.Pages()
	ctx := context.Background()
	pages.Firmwares.AfterReboot(ctx, sps.MustVersion("7.0.2.1"))
	pages.HA.ShutdownOther(ctx)
	for p.B.PowerState() {
		time.Sleep(time.Millisecond)
	}
	pages.System.Reboot(ctx)
	for _, v := range p.Violations() {
		fmt.Println(v.Rule)
	}
	// Output: the primary was rebooted before the secondary had the new firmware
}

// A search master is upgraded while its minions run the old version.
func ExampleCluster() {
	c := &spstest.Cluster{Master: &spstest.Node{Name: "search", Stored: []string{"7.0.2.1"}, Scale: 1.0 / 60000}}
	defer c.Close()
	ctx := context.Background()
	c.Nodes()
	c.Master.Pages().Firmwares.AfterReboot(ctx, sps.MustVersion("7.0.2.1"))
	c.Master.Pages().System.Reboot(ctx)
	for c.Master.Running() != "7.0.2.1" {
		time.Sleep(time.Millisecond)
	}
	fmt.Println(c.Corrupted(), c.Violations()[0].Rule)
	// Output: true an old search minion met a new search master
}

// A failure is played by its name.
func ExampleNode_Play() {
	n := &spstest.Node{Stored: []string{"7.0.2.1"}, Scale: 1.0 / 60000}
	defer n.Close()
	fmt.Println(n.Play("boots-older-slot"))
	ctx := context.Background()
	n.Pages().Firmwares.AfterReboot(ctx, sps.MustVersion("7.0.2.1"))
	n.Pages().System.Reboot(ctx)
	for len(n.Record().Of(spstest.Reverted)) == 0 {
		time.Sleep(time.Millisecond)
	}
	fmt.Println(n.Running())
	// Output:
	// <nil>
	// 7.0.2
}

func ExampleScenarios() {
	for _, s := range spstest.Scenarios() {
		if s.Name == "ghost-lock" {
			fmt.Println(s.About, s.On())
		}
	}
	// Output: somebody who is gone has held the configuration for 3 hours [node pair cluster]
}

// An image has any size, and is nowhere.
func ExampleImage() {
	f, err := spstest.Image("8.0.0", 4<<30).Open(spstest.ImageName("8.0.0"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	info, _ := f.Stat()
	head := make([]byte, 35)
	io.ReadFull(f, head)
	fmt.Printf("%s %d\n%s", info.Name(), info.Size(), head)
	// Output:
	// sps-8.0.0.iso 4294967296
	// CHANGEOVER-SPS-IMAGE
	// version: 8.0.0
}

// An image that does not boot, for a slot of its own.
func ExampleImages() {
	images := spstest.Images(spstest.ImageFile{Version: "7.0.2.1"}, spstest.ImageFile{Version: "7.0.3", Boots: "reverts"})
	_, err := images.Open(spstest.ImageName("7.0.3"))
	fmt.Println(err)
	// Output: <nil>
}

// The appliance downloads by itself what is on a simulated mirror.
func ExampleMirror() {
	const url = "https://mirror.example.test/sps.iso"
	n := &spstest.Node{Scale: 1.0 / 60000, Downloads: spstest.Mirror(map[string]spstest.ImageFile{url: {Version: "7.0.2.1"}})}
	defer n.Close()
	known, err := sps.HashFirmware(context.Background(), spstest.Image("7.0.2.1", 0), spstest.ImageName("7.0.2.1"))
	if err != nil {
		fmt.Println(err)
		return
	}
	user, password := n.Login()
	c, _ := sps.NewClient(n.URL(), sps.Login{User: user, Password: password}, &sps.Options{HTTPClient: n.HTTPClient(), Poll: time.Millisecond})
	fmt.Println(c.FetchFirmware(context.Background(), url, known.SHA256))
	fmt.Println(len(n.Record().Of(spstest.Upload)))
	// Output:
	// <nil>
	// 1
}
