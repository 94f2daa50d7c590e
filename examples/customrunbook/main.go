// Command customrunbook is a runbook of one's own in under 60 lines: stage a firmware for tonight, and tell the night shift. It runs on
// a simulated appliance; give sps.NewClient your own, and it runs there.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/upgrade"
)

func main() {
	node := &spstest.Node{Scale: 1.0 / 600}
	defer node.Close()
	user, password := node.Login()
	c, err := sps.NewClient(node.URL(), sps.Login{User: user, Password: password}, &sps.Options{HTTPClient: node.HTTPClient()})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(64)
	}
	v := sps.MustVersion("7.0.2.1")
	images, image := spstest.Image("7.0.2.1", 1<<20), spstest.ImageName("7.0.2.1")
	known, err := sps.HashFirmware(context.Background(), images, image) // yours comes from the vendor's download page
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(64)
	}

	p := upgrade.Procedure{
		Name:   "stage " + v.String(),
		Guards: []upgrade.Guard{upgrade.SameSPS(c)},
		Steps: []upgrade.Step{
			upgrade.CheckHealth(c),
			upgrade.UploadFirmware(c, images, image, known.SHA256, v),
			upgrade.TestFirmware(c, v),
			{Name: "tell the night shift", Act: func(context.Context, *slog.Logger) error {
				_, err := fmt.Println(c.Host(), "is ready for tonight")
				return err
			}},
		},
	}
	rep, err := upgrade.Run(context.Background(), p, &upgrade.Options{Journal: upgrade.NoJournal(), Scale: 1.0 / 600})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	fmt.Print(rep)
	fmt.Println("outcome:", rep.Outcome)
	os.Exit(rep.Outcome.ExitCode())
}
