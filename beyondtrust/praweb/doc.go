// Package praweb drives the web pages of a BeyondTrust Privileged Remote Access appliance, /login and /appliance, in a real headless browser: the steps of an
// upgrade for which there is no API, which are most.
//
// It is experimental. The mechanics are tested; many of the words are the guide's, and where no document gives any they are guesses that say so in the
// table. So [Driver.Probe] it against an appliance of your version days before an upgrade: it looks for every label and presses nothing.
//
//	d, err := praweb.New("https://access.example.com", accounts, &praweb.Options{CA: pool, Dial: "192.0.2.11:443"})
//	…
//	defer d.Close()
//	report, err := d.Probe(ctx)
//	…
//	pages := d.Pages() // give them to a runbook, or call them
//
// One Driver is for one appliance. Where two share the site's name, each has a Driver with its own address in Options.Dial, and a browser of its own,
// which knows that one address and no other.
//
// # What it needs
//
// Linux, Debian's chromium-headless-shell (or chromium) and libnss3-tools, and a font. Without them every method returns [ErrNoBrowser], and a person
// presses. A program that does not import this package links none of it. A certificate that a browser would not take (a wrong name, an expired one) is not
// taken, whatever fingerprint is pinned.
//
// # When it does not press
//
// Whenever it is not certain: an unknown page, a label that is missing or there twice, a button that is disabled or covered, a dialog that the table does
// not announce. The error then wraps [beyondtrust.ErrNotPressed], says what was seen instead ([Error]), and Options.Evidence has been given what was there. Whether a
// button asks first, and with which words, is not documented; unless the table says so, a question is answered with no, and the error says what was asked. As
// the button had been pressed by then, that error does not wrap ErrNotPressed. Nothing is pressed twice.
//
// A nil error means that the page took the press: the appliance answered it with success and the page is there again. An appliance may say in words of its
// own, on that page, that it did not do it. So look for the effect elsewhere.
//
// # Signing in
//
// The driver signs in to /login and to /appliance, each when it is first needed, and again when the session has ended by the time the next method begins. A
// sign-in that was refused is not tried again by this Driver, as that may lock the account. What's New is passed by its button; second factors, licence
// agreements at the sign-in, expired passwords and single sign-on are left to a person.
//
// # Files
//
// Packages, backups and certificates pass through the browser's private directory on disk and cost no memory. A file is written to its destination once it has
// come whole; an error page in its place is an error. Whether it is a backup is for the caller to check.
//
// # Changing the words
//
// [Labels] is the built-in table. Options.Labels takes a JSON text of the same shape that replaces only what it names:
//
//	{"labels": {"failover.sync now": {"also": ["Synchronize Now"],
//	    "ask": {"type": "confirm", "text": ["Start a data-sync?"]}}}}
//
// Under "versions" stands what is true of some versions only, and is used for Options.Version; without one every wording there is is looked for.
//
// # What stays compatible
//
// The functions and types here. The keys of the table may grow; its wordings change as more of them become known.
package praweb
