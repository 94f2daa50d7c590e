// Package pratest simulates a BeyondTrust Privileged Remote Access site: its appliances, the network in front of them, the vendor's update server, and
// the Jump Clients, Jumpoints and users that depend on it. What runs against it can be rehearsed in a test, in memory, in a fraction of a second, with every
// way in which a real upgrade goes wrong.
//
//	site := pratest.Pair() // or Single, or Migrate
//	defer site.Close()
//	id, secret := site.Account()
//	b, err := beyondtrust.NewClient(site.URL(), beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)),
//		&beyondtrust.Options{Dial: site.B.Address(), HTTPClient: site.HTTPClient()})
//	h, err := b.Health(ctx) // B, asked as the site
//
// # How do I start?
//
// The zero [Site] is a healthy pair; every knob is a field of it, of its boxes [Site.A] and [Site.B], or of [Times], [Switches] and [Fleet]. [Pair], [Single] and [Migrate] name the
// three things that guides are for. A [Box] is an [http.Handler]; [Site.HTTPClient] reaches all of them in memory, by their own addresses, their own
// names or the site's; [Box.Listen] and [Site.Listen] open real sockets on loopback with TLS ([Site.CAPEM] signs their certificates).
//
// In memory everything works in a [testing/synctest] bubble, where an installation of half an hour takes no time; elsewhere [Site.Scale] shortens every
// simulated duration. In a bubble, defer [Site.Close]: a client that was left waiting would keep the bubble from ending. Nothing runs while nobody looks:
// what is due happens, in order and at its exact time, when somebody next does.
//
// # What is simulated?
//
//   - Health, sessions, users and roles over both Command APIs, the Configuration API with its pages, OAuth with its thirty tokens, the rate limits, the Backup API and
//     the AccessSession report.
//   - The pages that have no API, for three kinds of users, from one table so that they cannot differ: a browser (sign in at /appliance and /login as
//     [AdminUser] and press), a simulated person ([Box.Press] and [Box.Read]), and a program ([Box.Pages]). A person also has the update server ([MenuUpdateServer]) and an access
//     console ([MenuConsole]).
//   - Failover: roles, data-syncs that take time and overwrite, a swap that passes through "both backup", a break that leaves half, an automatic failover, a conflict.
//   - Updates: Base and site packages in rounds with the reason why one is blocked, by the buttons or by hand with a download key whose packages are served once;
//     an installation that goes away, answers 503 and 500, and comes back, or does not (see [Ending]).
//   - Moving traffic: DNS, a shared address and a gateway ([Traffic]). Simulated zones and gateways of other packages are wired in by [Site.Lookup] and [Site.Translate].
//   - Jump Clients that follow the name, return at the connection rate, and upgrade within the throttle; or flood the appliance; or never return.
//   - A factory-new appliance, certificates, a restore that overwrites the failover settings, a factory reset.
//
// An appliance that is away refuses or breaks connections; it answers 503 only in the phase of a start that is told to.
//
// # How do I see the pages?
//
// Open the address that [Box.Start] returns in a browser, at /login and at /appliance, and sign in as [AdminUser]; "simulator -pra pair -markup script" of this
// module's examples does the same from a shell. Site.Markup chooses between six sorts of markup, whose pages say the same: plain forms, pages that a script draws,
// tables for layout with links as buttons, cards whose form is sent without leaving the page, panels under a bar with drop-down menus, and plain documents of one column. A page driver has to manage all of them, because the vendor's own markup is not public, and it may change. Switches put a
// second factor, a licence agreement or an expired password before the pages, give buttons a question, or put the pages into frames. Site.Traps spoil them: a button twice,
// a heading that is another, a session that ends in the middle; what a driver must refuse can be rehearsed.
//
// # What is true?
//
// What a vendor document says is code, with its source in the comment. What the documents leave open is a field of [Switches] and says so: a client has to live with
// all of them. Words of pages that no document has (labels of the Updates page's progress, of Status > Basics and others), their paths and their field names are this package's
// own; a page driver must find things by what is shown. A request that no document knows fails the test ([Site.T]) instead of getting an answer that somebody
// made up.
//
// # What can go wrong?
//
// Single requests and presses: [Box.Fail] and [Box.Inject] make the next ones of a kind go wrong, before or after the act. Whole stories: [Site.Play] and [Box.Play] turn one of
// the [Scenarios] on by its name. And whatever is done by hand: [Box.PowerCycle], [Box.Reissue], [Box.RevokeTokens], [Site.SetDNS], [Site.SetNAT], [Site.Change].
//
// # What happened?
//
// [Site.Record] is the truth, in order: compare a report with it, or count what must not happen twice. [Site.Violations] lists what must never be done to
// appliances and was, see [Rule]. [Site.Watch] is a client that asks at the site's name all along and counts how long nobody answered, and whether two did.
// [Site.Returned] tells how many Jump Clients are back.
//
// # What stays compatible?
//
// Names of scenarios, events, rules and knobs stay. The wording of pages and error texts follows the vendor's documents and may be corrected; scenarios and
// switches are added.
package pratest
