package praweb_test

import (
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

// After an update the first page of /login is What's New, once, and it is passed by its button.
func TestPeerSoakWhatsNew(t *testing.T) {
	for _, l := range looks() {
		t.Run(l.String(), func(t *testing.T) {
			site := l.on(pratest.Single())
			site.Scale = 0.0005
			d := drive(t, site, &site.A, nil)
			update(t, site, "25.1.1")
			before := len(pressed(site))
			got, err := d.Pages().Software.Version(t.Context())
			if err != nil || got.Number != "25.1.1" {
				t.Errorf("Version() = %+v, %v", got, err)
			}
			if presses := pressed(site); len(presses) != before {
				t.Errorf("reading pressed %q", presses[before:])
			}
		})
	}
}

// update installs what there is, in Go, until the version runs.
func update(t *testing.T, site *pratest.Site, version string) {
	t.Helper()
	p := site.A.Pages().Updates
	for deadline := time.Now().Add(time.Minute); ; {
		if _, now, _ := site.A.Running(); now == version && site.A.Up() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not run in time", version)
		}
		if err := p.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		var open []beyondtrust.Update
		for len(open) == 0 && time.Now().Before(deadline) {
			now, err := p.Updates(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, up := range now.Available {
				if up.Blocked == "" {
					open = append(open, up)
				}
			}
		}
		if len(open) > 0 {
			if err := p.Install(t.Context(), open[0].Package.Name); err != nil {
				t.Fatal(err)
			}
		}
		for _, up := range []bool{false, true} {
			for site.A.Up() != up && time.Now().Before(deadline) {
				time.Sleep(time.Millisecond)
			}
		}
	}
}
