package praweb_test

import (
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/beyondtrust/praweb"
)

// A table for the appliance's version fits its words, and not those of another version; a version that nothing is said of is refused.
func TestPeerVersion(t *testing.T) {
	for newer, want := range map[bool]string{true: "", false: "Software"} { // what is missed of the page Software Management
		site := pratest.Pair()
		site.Switches.Newer = newer
		d := drive(t, site, &site.A, func(o *praweb.Options) { o.Version, o.Patience = "24.3.2", time.Second })
		r, err := d.Probe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r.Version != "24.3.2" || r.Table != "versions from 24.3 to below 26.2" {
			t.Errorf("newer words: %t: probed %q with the table for %s", newer, r.Version, r.Table)
		}
		for _, p := range r.Pages {
			if p.Page == "software" && ((p.Problem == "") != newer || !strings.Contains(p.Problem, want)) {
				t.Errorf("newer words: %t: the page Software has the problem %q", newer, p.Problem)
			}
		}
	}
	_, err := praweb.New("https://access.example.com", praweb.Accounts{Login: praweb.Account{User: "a", Password: beyondtrust.NewSecret("b")}}, &praweb.Options{Version: "31.1"})
	if err == nil || !strings.Contains(err.Error(), "31.1") {
		t.Errorf("New() for a version that nothing is known of = %v, want that it says so", err)
	}
}
