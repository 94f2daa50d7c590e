package pratest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

// One appliance of a pair is asked by its own address, as the site.
func Example() {
	site := pratest.Pair()
	defer site.Close()
	id, secret := site.Account()
	account := beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret))
	for _, box := range site.Boxes() {
		c, err := beyondtrust.NewClient(site.URL(), account, &beyondtrust.Options{Dial: box.Address(), HTTPClient: site.HTTPClient()})
		if err != nil {
			fmt.Println(err)
			return
		}
		h, err := c.Health(context.Background())
		fmt.Println(h.Hostname, h.Version, h.FailoverRole, err)
	}
	// Output:
	// pra-a 24.3.2 (51234) primary <nil>
	// pra-b 24.3.2 (51234) backup <nil>
}

// A person presses what the guide says. Who is told to press what is not there, hears what is.
func ExampleBox_Press() {
	site := pratest.Pair()
	defer site.Close()
	ctx := context.Background()
	_, _, err := site.A.Press(ctx, "/login > Management > Failover", "", "Break Failover Relationships", nil, "")
	fmt.Println(err)
	role, err := site.A.Read(ctx, "/login > Management > Failover", "", "Role")
	fmt.Println(role, err)
	_, _, err = site.A.Press(ctx, "/login > Management > Failover", "", "Sync Now", nil, "")
	fmt.Println(err)
	// Output:
	// <nil>
	// none <nil>
	// pratest: press "Sync Now" on "/login > Management > Failover" of pra-a: nothing was pressed: there is no button "Sync Now"; there are: Establish Relationship
}

// A page driver is tested against the pages in Go.
func ExampleBox_Pages() {
	site := pratest.Pair()
	defer site.Close()
	page := site.B.Pages().Failover
	status, err := page.Failover(context.Background())
	fmt.Println(status.Host, status.Role, status.PeerHost, status.Relation, err)
	// Output: pra-b backup pra-a established <nil>
}

// The connection breaks after the act: the appliance did it, and the caller cannot know.
func ExampleBox_Inject() {
	site := pratest.Pair()
	defer site.Close()
	site.A.Inject("press Break Failover Relationships", pratest.Fault{Kind: pratest.FaultReset, Acts: true})
	fmt.Println(site.A.Pages().Failover.Break(context.Background()) != nil)
	fmt.Println(site.A.Role(), site.B.Role())
	// Output:
	// true
	// none none
}

// The shared address is given over, and a client that asks all along sees one gap and never two appliances. In a bubble the same is exact, see the package's tests.
func ExampleSite_Watch() {
	site := pratest.Pair()
	site.Traffic, site.Relation = pratest.BySharedIP, beyondtrust.RelationNone
	defer site.Close()
	ctx := context.Background()
	seen := site.Watch(ctx, time.Millisecond)
	time.Sleep(20 * time.Millisecond)
	shared := netip.MustParseAddr("192.0.2.10")
	fmt.Println(site.A.Pages().Network.SetEnabled(ctx, shared, false))
	time.Sleep(20 * time.Millisecond)
	fmt.Println(site.B.Pages().Network.SetEnabled(ctx, shared, true))
	time.Sleep(20 * time.Millisecond)
	report := seen.Stop()
	fmt.Println(len(report.Gaps), report.Both, site.At())
	// Output:
	// <nil>
	// <nil>
	// 1 0s [pra-b]
}

// What must never be done is recorded, whatever came of it.
func ExampleSite_Violations() {
	site := pratest.Pair()
	site.Traffic, site.Relation = pratest.BySharedIP, beyondtrust.RelationNone
	defer site.Close()
	site.B.Press(context.Background(), "/appliance > Networking > IP Configuration", "192.0.2.10", "Save Changes", map[string]string{"Enabled": "on"}, "")
	for _, v := range site.Violations() {
		fmt.Println(v.Box, v.Rule)
	}
	// Output: pra-b both shared IPs on
}

// A scenario is turned on by its name.
func ExampleSite_Play() {
	site := pratest.Pair()
	defer site.Close()
	fmt.Println(site.Play("both-primary"))
	fmt.Println(site.A.Role(), site.B.Role())
	// Output:
	// <nil>
	// primary primary
}

// A package is fetched with the appliance's download key, once.
func ExampleSite_FetchUpdate() {
	site := pratest.Single()
	defer site.Close()
	ctx := context.Background()
	key, err := site.A.Pages().Updates.DownloadKey(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	word, _ := key.Reveal()
	_, size, err := site.FetchUpdate(ctx, word, "Base Software 7.0.0")
	fmt.Println(size > 4<<20, err)
	_, _, err = site.FetchUpdate(ctx, word, "Base Software 7.0.0")
	fmt.Println(err)
	// Output:
	// true <nil>
	// pratest: update server: this update has been downloaded
}

// A simulated site over real sockets: for a browser, or for a program of another language.
func ExampleSite_Listen() {
	site := pratest.Single()
	defer site.Close()
	url, err := site.Listen("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	c := site.HTTPClient()
	c.Transport.(*http.Transport).DialContext = nil // the real network, and still the simulator's authority
	resp, err := c.Get(url + "/check_health")
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	fmt.Println(resp.Status)
	// Output: 200 OK
}
