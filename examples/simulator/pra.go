package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

// praAppliance is what a client has to know of one simulated PRA appliance.
type praAppliance struct {
	Name string `json:"name"`
	URL  string `json:"url"` // its own address
	GUID string `json:"guid"`
}

// praSite is a simulated PRA site.
type praSite struct {
	URL        string         `json:"url"` // the site's name, led to whichever appliance serves
	CA         string         `json:"ca"`  // PEM
	ClientID   string         `json:"client_id"`
	Secret     string         `json:"secret"`
	User       string         `json:"user"` // of /appliance and /login
	Password   string         `json:"password"`
	Code       string         `json:"code,omitempty"` // of the second factor, in a browser
	Updates    string         `json:"updates"`        // the vendor's update server
	Appliances []praAppliance `json:"appliances"`
}

// pra serves a PRA site until ctx ends.
func (s *settings) pra(ctx context.Context, out, errs io.Writer) error {
	kinds := map[string]func() *pratest.Site{"pair": pratest.Pair, "single": pratest.Single, "migrate": pratest.Migrate}
	if kinds[s.praKind] == nil {
		return fmt.Errorf("-pra %s: want pair, single or migrate", s.praKind)
	}
	site := kinds[s.praKind]()
	site.Scale = s.scale
	s.pages.pra(site)
	defer site.Close()
	if s.scenario != "" {
		if err := site.Play(s.scenario); err != nil {
			return err
		}
	}
	told := praSite{User: pratest.AdminUser, Password: pratest.AdminPassword, Code: site.Switches.SecondFactor}
	var err error
	if told.URL, err = site.Listen(s.listen); err != nil {
		return err
	}
	if told.Updates, err = site.ListenUpdates("127.0.0.1:0"); err != nil {
		return err
	}
	for _, b := range site.Boxes() {
		url, err := b.Start()
		if err != nil {
			return err
		}
		told.Appliances = append(told.Appliances, praAppliance{b.Name, url, b.GUID})
	}
	told.CA = string(site.CAPEM())
	told.ClientID, told.Secret = site.Account()
	if err := json.NewEncoder(out).Encode(told); err != nil {
		return err
	}
	s.followPRA(ctx, errs, site)
	return nil
}

// followPRA prints what happens, until ctx ends.
func (s *settings) followPRA(ctx context.Context, w io.Writer, site *pratest.Site) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for said := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		events := site.Record()
		for _, e := range events[said:] {
			fmt.Fprintln(w, e)
		}
		said = len(events)
	}
}
