// Package beyondtrust talks to self-hosted BeyondTrust Privileged Remote Access appliances: what their documented APIs can do ([Client]), and the interfaces for what
// only their web pages can ([Pages]).
//
// # How do I start?
//
// Make an API account on /login > Management > API Configuration, with "Enable XML API" ticked there, and write its client ID and its secret into a file of
// two lines. Then ask:
//
//	cred, err := beyondtrust.ReadCredential("/etc/upgrades/pra-account")
//	…
//	a, err := beyondtrust.NewClient("https://access.example.com", cred, &beyondtrust.Options{Dial: "192.0.2.11"})
//	…
//	h, err := a.Health(ctx)
//	fmt.Println(h.Hostname, h.Version, h.FailoverRole, h.GUID)
//
// Make one client for each appliance of a pair, at its own address ([Options.Dial]), all with the same [Credential]. Dial says where to connect; the address
// stays the name that TLS verifies and that the appliance hears. So the appliance is asked as the site, whatever the site's name leads to: what the upgrade
// guide does by editing the hosts file. Once [Client.Identify] has told the GUID of each, pin it ([Options.GUID]).
//
// The account needs Command API (full access to end sessions and to change roles), Configuration API (to list Jump Clients and Jumpoints) and Backup API.
// [Client.Info] tells what it has.
//
// # What has no API?
//
// Checking for updates and installing them, establishing and breaking failover, a data-sync, moving a shared IP, certificates, restoring a backup, the limits on Jump
// Client upgrades, a factory reset: all of /appliance, and most of /login. These are buttons. [Pages] names them, a small interface for each page; a nil page means that a person
// does it. The constants that begin with Menu, Heading, Section, Group, Button, Link, Label, Box and Text are the pages' own words.
//
// # What may go wrong?
//
// Every failed call is an [*Error] of a class: errors.Is(err, beyondtrust.ErrForbidden). Three deserve a word.
//
// [ErrWrongAppliance]: behind a name, another appliance may answer from one moment to the next. A pinned client notices, and asks before every act.
//
// [ErrNotSent]: an act that failed with it provably did not reach the appliance. Any other failed act may have been carried out. Look before you send it again.
//
// [ErrAnswer]: what answered is not the API. During an installation an appliance may show a page, half a document, or the page to sign in, each with status 200. None of
// these is ever taken for an answer, and a fact that is missing is an error rather than a zero. A word that is not known, such as a new role, is kept and handed
// out; only known good words mean something good.
//
// # How old is an answer?
//
// Every answer carries AsOf. Health over v2 is special: the appliance may answer from a cache when it is asked more than once a minute, so the client asks once a minute at
// most, hands out its last answer in between, and says by AsOf how old the facts may be. To prove the effect of an act, wait until AsOf is after the act.
//
// # What is retried?
//
// Questions are sent up to three times when the connection breaks or the appliance says that it is busy. [Client.Health], [Client.Identify], [Client.Probe] and
// [Client.Backup] are sent once, because their callers ask again anyway. Acts are sent once, whatever happens: [Client.SetFailoverRole], [Client.EndSession],
// [Client.LogOut].
//
// A token is renewed before it ends. One that the appliance refuses is replaced once for each question, and only when the answer says that it is about the token: an unknown
// parameter is refused with the same status. An act is not sent again with another token. A wrong secret is not tried again for a minute, since failed attempts
// lock the account.
//
// Every call has a TCP connection of its own, as the vendor asks, and an account's calls keep below its 20 requests a second and 15,000 an hour. Who gets to hear that it was too much
// waits, up to a minute.
//
// # Which releases?
//
// The Command API is spoken as v2 where the appliance offers it and as XML elsewhere ([Dialect]); the client asks, and asks again after an update. The Configuration API
// is that of the 23.2 line and later. XML is read by local names, as three namespaces are in circulation. What XML cannot do is documented at each method.
//
// # What stays the same?
//
// Fields may be added to structs, and values to the string types: write struct literals with field names, and expect words you do not know. Interfaces of pages may
// grow until version 1.
//
// The facts about the vendor's product come from its documentation for releases 24.1 to 26.1, from the OpenAPI files of Command API 2.0.0 and Configuration API 1.7 to 1.12, and from the
// Privileged Remote Access Upgrade Guide. Package [github.com/changeover-sdk/changeover/beyondtrust/pratest] simulates appliances to rehearse with.
package beyondtrust
