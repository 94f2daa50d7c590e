// Package spsweb drives the web pages of One Identity SPS in a real headless browser: the steps of an upgrade for which there is no API, and the status of
// a High Availability pair, which no API tells.
//
// It is experimental. The mechanics are tested; the words are the guides', and where no guide gives any they are guesses that say so in the table. So [Driver.Probe] it
// against an appliance of your version days before an upgrade: it looks for every label and presses nothing.
//
//	d, err := spsweb.New("https://sps.example.test", login, &spsweb.Options{CA: pool})
//	…
//	defer d.Close()
//	report, err := d.Probe(ctx)
//	…
//	pages := d.Pages() // give them to a runbook, or call them
//
// # What it needs
//
// Linux, Debian's chromium-headless-shell (or chromium) and libnss3-tools, and a font. Without them every method returns [ErrNoBrowser], and a person
// presses. A program that does not import this package links none of it.
//
// # When it does not press
//
// Whenever it is not certain: an unknown page, a label that is missing or there twice, a button that is disabled or covered, a dialog that the table does
// not announce. The error then wraps [sps.ErrNotPressed], says what was seen instead ([Error]), and Options.Evidence has been given what was there. Whether
// SPS asks before Shutdown, Reboot or Activate Slave, and with which words, is not documented; unless the table says so, a question is answered with
// no, and the error says what was asked. As the button had been pressed by then, that error does not wrap ErrNotPressed. Nothing is pressed twice.
//
// A nil error means that the page took the press: the appliance answered it with success and the page is there again. It is no proof of the effect. A
// shutdown may well end the connection before the page is back; then the error says that it was pressed and that the outcome is not known.
//
// # Signing in
//
// The driver signs in when it is first needed, and again when the session has ended by the time the next method begins; a session that ends in the middle of
// one fails that one. A sign-in that was refused is not tried again by this Driver, as that may lock the account. Second factors, licence agreements, expired
// passwords and single sign-on are left to a person.
//
// # Changing the words
//
// [Labels] is the built-in table. Options.Labels takes a JSON text of the same shape that replaces only what it names:
//
//	{"labels": {"ha.activate slave": {"also": ["Activate secondary"],
//	    "ask": {"type": "confirm", "text": ["Really activate the other node?"]}}}}
//
// Under "versions" stands what is true of some versions only, and is used for Options.Version; without one every wording there is is looked for.
//
// # What stays compatible
//
// The functions and types here. The keys of the table may grow; its wordings change as more of them become known.
package spsweb
