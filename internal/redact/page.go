package redact

import (
	"html"
	"regexp"
	"strings"
	"unicode/utf8"
)

// most is how much of a page, or of a text that is shown shortened, is looked at: scrubbing costs time, and an appliance's
// answer may be long.
const most = 32 << 10

// PageText is how many bytes of a page's text [Scrubber.Page] returns at most.
const PageText = 2 << 10

var (
	titleElement = regexp.MustCompile(`(?is)<title\b[^>]*>(.*?)</title\s*>`)
	// Elements whose content is not for reading. An element that is not closed runs to the end.
	unread = regexp.MustCompile(`(?is)<!--.*?(?:-->|$)|<script\b.*?(?:</script\s*>|$)|<style\b.*?(?:</style\s*>|$)|<title\b.*?(?:</title\s*>|$)`)
	tag    = regexp.MustCompile(`(?s)<[/!?a-zA-Z][^>]*(?:>|$)`)
)

// Page returns what a person would read on the HTML page: its title, and the first 2 KB ([PageText]) of its text
// without tags, scripts and styles. White space runs together. Both are scrubbed, the text before it is cut, so that no
// half of a secret stays. A body that is not HTML comes back as text with an empty title.
func (s Scrubber) Page(body []byte) (title, text string) {
	page, end := beginning(string(body), most)
	if m := titleElement.FindStringSubmatch(page); m != nil {
		title = cut(s.plain(m[1]), 200)
	}
	return title, cut(s.plain(unread.ReplaceAllString(page, " ")+end), PageText)
}

// Short scrubs text and returns its first 2 KB ([PageText]).
func (s Scrubber) Short(text string) string {
	text, end := beginning(text, 2*PageText)
	return cut(s(text+end), PageText)
}

// beginning returns the first n bytes of text as valid UTF-8, and [cutHere] if that is not all of it.
func beginning(text string, n int) (begin, end string) {
	if len(text) > n {
		text, end = text[:n], cutHere
	}
	return strings.ToValidUTF8(text, "\uFFFD"), end
}

// plain scrubs twice: as the page spells it, with its attributes, and as it reads once the tags are gone and the
// entities are resolved.
func (s Scrubber) plain(markup string) string {
	_, isCut := strings.CutSuffix(markup, cutHere)
	text := html.UnescapeString(tag.ReplaceAllString(s(markup), " "))
	if isCut {
		text += cutHere
	}
	return strings.Join(strings.Fields(s(text)), " ")
}

// cut shortens text to at most n bytes, at the end of a character.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
