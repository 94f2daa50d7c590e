// Package markup draws the pages of the simulated appliances in a browser. A simulator says what is on a page ([Page]) and knows nothing of HTML; a [Style] draws
// it and knows nothing of appliances. So a page is the same in every style, and whoever drives pages by what a person reads must manage all of them.
//
// A page depends on no other host and on no other file: style sheets and scripts stand in it, and its Content-Security-Policy keeps a browser from loading
// anything else. Nothing secret is ever in an address.
//
// # A new style
//
// It is a file with a function from a Page to HTML, a constant in [Styles], and a line in [Style.document]. What it must keep:
//
//   - Every label, value and text of the Page can be read, once, in that wording. Where a value is empty it shows [Nothing].
//   - Texts, what was said and what was refused are paragraphs.
//   - A press sends the form of the page to Page.Action as multipart/form-data: what is hidden, the fields by their names, and the one button that was pressed.
//     A box that is not ticked and a file that was not chosen are not sent.
//   - A button with a question asks it first, in a dialog of the browser or, with Page.AskOnPage, not at all: then the simulator asks.
//   - A link leads to its address by GET.
package markup
