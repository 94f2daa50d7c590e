// Package spstest simulates One Identity SPS appliances: a [Node], a High Availability [Pair], a search [Cluster]. What runs against them can be rehearsed
// in a test, in memory, in a fraction of a second, with every way in which a real upgrade goes wrong.
//
//	n := &spstest.Node{T: t}
//	user, password := n.Login()
//	c, err := sps.NewClient(n.URL(), sps.Login{User: user, Password: password}, &sps.Options{HTTPClient: n.HTTPClient()})
//	_, err = c.UploadFirmware(ctx, spstest.Image("7.0.2.1", 4<<30), spstest.ImageName("7.0.2.1"), nil) // takes no disk
//
// # How do I start?
//
// The zero value is a healthy appliance; every knob is a field. A node is an [http.Handler], has a client that reaches it in memory ([Node.HTTPClient]), and
// can listen on loopback with TLS and a CA of its own ([Node.Start], [Node.CA], [Node.Fingerprint]). In memory everything works in a [testing/synctest]
// bubble, where a boot of twelve minutes takes no time; elsewhere [Node.Scale] shortens every simulated duration. In a bubble, defer [Node.Close]: a client
// that was left waiting would keep the bubble from ending.
//
// # What is simulated?
//
// The REST API as far as the vendor's guides and programs tell it: login, info, health, setup, firmware slots, upload, download, test, upgrade,
// transactions, locks, licence, support bundles, cluster. The boot, with what the web address answers meanwhile ([Node.Boot]). The pages that have no API,
// for three kinds of users, from one table so that they cannot differ: a browser (log in at the address and press), a simulated person ([Node.Press] and
// [Node.Read]), and a program ([Node.Pages]). The power button, and the serial console ([Node.Button], [Node.Serial]).
//
// # How do I see the pages?
//
// Open the address that [Node.Start] returns in a browser, and log in as [Node.Login] says; "simulator -sps ha -markup script" of this module's
// examples does the same from a shell. Node.Markup chooses between six sorts of markup, whose pages say the same: plain forms, pages that a script draws,
// tables for layout with links as buttons, cards whose form is sent without leaving the page, panels under a bar with drop-down menus, and plain documents of one column. A page driver has to manage all of them, because the vendor's own markup is not public, and it may change. Switches
// put a second factor, a licence agreement or an expired password before the pages, give buttons a question, or put the pages into frames. Node.Traps spoil them: a button
// twice, a heading that is another, a session that ends in the middle; what a driver must refuse can be rehearsed.
//
// A node that is down breaks the connection or refuses it; it does not answer 503, except in phases of a boot that are told to.
//
// A Pair carries firmware to its secondary after a while, synchronises a node that comes back, hands its address over, and parts into split brain when it is
// treated as it should not be. A Cluster corrupts its search index exactly when an old minion meets a new master.
//
// # What is true?
//
// What a vendor document says is code, with its source in the comment. What the documents leave open, or contradict each other on, is a field of [Switches] or
// a knob, and says so: a client has to live with all of them. A request that no document knows fails the test ([Node.T]) instead of getting an answer that
// somebody made up.
//
// # What can go wrong?
//
// Single requests: [Node.Fail] and [Node.Inject] make the next ones of a kind go wrong, before or after the act. Whole stories: Play turns one of the
// [Scenarios] on by its name. And whatever is done to it by hand: [Node.PowerOff], [Node.KillSessions], [Node.Lock].
//
// # What happened?
//
// [Node.Record] is the truth, in order: compare a report with it, or count what must not happen twice. [Node.Violations] lists what must never be done to
// an appliance and was: acting on a node that boots, switching a node off while the other does not serve, and so on.
//
// # What stays compatible?
//
// Names of scenarios, events and knobs stay. The wording of pages and error texts follows the vendor's documents and may be corrected; scenarios and
// switches are added.
package spstest

import "errors"

var errClosed = errors.New("spstest: the simulation has ended")
