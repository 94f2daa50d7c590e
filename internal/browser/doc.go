// Package browser drives an appliance's web pages in a real headless browser, by the words a person reads on them, and presses the right button
// or none.
//
// [Start] starts a browser for one appliance, [Browser.Open] opens a page, and the methods of [Page] sign in, read, fill in and press. What is
// looked for, and where on the page, is an axtree.Query; which words those are is in the tables of package site.
//
// # When it stops
//
// An [Error] says why and what was seen instead. It is of class act.ErrNotPressed as long as nothing was pressed: the label is not there or is there
// twice, it is disabled, moves, is covered, the page is another one, a dialog came that nobody announced. From the moment the mouse button goes down an
// error says that it was pressed and that what came of it is not known. Nothing is ever pressed a second time, and nothing is retried but looking.
//
// # What is trusted
//
// The appliance's certificate is verified in Go, with the rules of package rest, before the browser exists. Then exactly that certificate is put as
// a trusted peer into a private database, so that the browser refuses any other one, a changed one in the middle of a run included; the driver also compares
// what the browser shows for each new document. No flag that ignores certificate errors is ever given: such a flag accepts a chain that merely contains a
// known certificate. The browser resolves one name, the appliance's, to one address, and no other; so a page cannot send it elsewhere.
//
// # What is left behind
//
// Nothing. The browser runs in a private directory of mode 0700, as the user nobody when the program is root, with its sandbox on, and speaks over a pipe that
// only this process holds: there is no debugging port, through which any local user could take the session over. Cookies and cache are in memory. Close
// ends the process and removes the directory; if the program is killed the kernel kills the browser with it, and the next Start removes the directory. (A
// container whose first process reaps no children keeps dead entries in its process table.)
//
// # Why there is no library below
//
// chromedp v0.23.0 could have been the transport. Its allocator starts the process from a goroutine of its own choosing, while the kernel's signal at the
// death of the parent is tied to the thread that starts it; it adds --no-sandbox by itself for root; and what it offers above the pipe (the first of
// several matches is pressed, dialogs stop a call until its end) is what must not happen here. What remains to use is a pipe with JSON on it: package
// cdp, two hundred lines.
package browser
