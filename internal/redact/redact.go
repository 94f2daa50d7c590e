// Package redact takes secrets out of text that came from an appliance, before anybody sees it.
//
// An appliance's words are shown where they help: in errors, in progress lines, in reports. They may repeat what was
// sent to them. So a [Scrubber] removes two things: the secrets it was told about, in every spelling in which they may
// come back, and whatever looks like a secret. It also removes control characters, because the text may be shown on a
// terminal, which obeys them.
//
// A Scrubber is a function and not a struct because package fmt prints the unexported fields of a struct and cannot
// look into a function.
package redact

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Mark stands where a secret stood.
const Mark = "REDACTED"

// A Scrubber returns its argument without secrets and without control characters. It is safe for concurrent use.
type Scrubber func(string) string

// New returns a Scrubber that knows the given secrets; empty ones are ignored. It also knows them as URL, HTML, JSON and
// base64 spell them. With no secrets it removes what looks like one.
func New(secrets ...string) Scrubber {
	spellings := spell(secrets)
	var known *strings.Replacer
	if len(spellings) > 0 {
		pairs := make([]string, 0, 2*len(spellings))
		for _, s := range spellings {
			pairs = append(pairs, s, Mark)
		}
		known = strings.NewReplacer(pairs...)
	}
	return func(text string) string {
		text, isCut := strings.CutSuffix(text, cutHere)
		text = escapes.ReplaceAllString(text, "")
		text = strings.Map(printable, text) // first, or a secret with a stray character inside would come together here
		if known != nil {
			text = known.Replace(text)
		}
		if isCut {
			text = dropTail(text, spellings)
		}
		return looksSecret(text)
	}
}

// Basic returns the secrets of a login with a user name and a password: the password, and what a Basic Authorization
// header makes of the two.
func Basic(user, password string) []string {
	if password == "" {
		return nil
	}
	return []string{password, base64.StdEncoding.EncodeToString([]byte(user + ":" + password))}
}

// spell lists every spelling of every secret, longest first, so that a secret inside another one leaves no rest.
func spell(secrets []string) []string {
	var all []string
	for _, s := range secrets {
		if s = strings.Map(printable, s); s == "" {
			continue
		}
		quoted, _ := json.Marshal(s) // a string always marshals
		all = append(all, s, url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s), strings.Trim(string(quoted), `"`),
			base64.StdEncoding.EncodeToString([]byte(s)), base64.URLEncoding.EncodeToString([]byte(s)),
			base64.RawStdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)))
	}
	slices.SortFunc(all, func(a, b string) int {
		if d := len(b) - len(a); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(all)
}

// cutHere at the end of a text says that it is the beginning of a longer one. No text of an appliance can end in it and be harmed
// by more than its last word.
const cutHere = "\x00cut here\x00"

// dropTail removes the beginning of a known secret from the end of text: whoever read the text may have stopped reading
// in the middle of the secret.
func dropTail(text string, spellings []string) string {
	const least = 4 // fewer characters are more likely a coincidence than a secret
	for _, s := range spellings {
		for n := len(s) - 1; n >= least; n-- {
			if strings.HasSuffix(text, s[:n]) {
				return text[:len(text)-n] + Mark
			}
		}
	}
	return text
}

// escapes are what a terminal obeys: colours and the like, which may stand in the middle of a word.
var escapes = regexp.MustCompile(`\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])`)

var (
	headerLine = regexp.MustCompile(`(?i)\b(authorization|proxy-authorization|cookie|set-cookie|x-token|x-api-key)(["']?\s*:\s*)[^\r\n<]+`)
	privateKey = regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|$)`)
	named      = regexp.MustCompile(`(?i)((?:[a-z0-9]+[_-])*(?:password|passwd|passphrase|pwd|secret|token|session_?id|sessid|psk|api_?key|private_?key)["']?\s*(?:=>|[:=])\s*)` +
		`("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s&,;<>"'})\]]+)`)
	scheme   = regexp.MustCompile(`(?i)\b(basic|bearer|digest|negotiate)\s+([a-z0-9+/=._~-]{6,})`)
	settings = regexp.MustCompile(`^Settings$`) // "Basic Settings" is a menu of SPS, and stands in many of its messages
	userinfo = regexp.MustCompile(`([a-z][a-z0-9+.-]*://)[^\s/@"'<>]+@`)
	// A password field of a form, whichever attribute comes first.
	passwordInput = regexp.MustCompile(`(?i)(<input\b[^>]*\bvalue\s*=\s*)("[^"]*"?|'[^']*'?|[^\s>]+)`)
)

// looksSecret replaces what has the form of a secret, whether or not it is one: better a fact too few in a report than a
// secret too many.
func looksSecret(text string) string {
	text = privateKey.ReplaceAllString(text, Mark)
	text = passwordInput.ReplaceAllString(text, `${1}"`+Mark+`"`)
	text = headerLine.ReplaceAllString(text, `${1}${2}`+Mark)
	text = named.ReplaceAllString(text, `${1}`+Mark)
	text = scheme.ReplaceAllStringFunc(text, func(found string) string {
		if m := scheme.FindStringSubmatch(found); !settings.MatchString(m[2]) {
			return m[1] + " " + Mark
		}
		return found
	})
	return userinfo.ReplaceAllString(text, `${1}`+Mark+`@`)
}

// printable keeps letters, marks, signs, spaces and line ends. Escape sequences, and the characters that turn the
// direction of writing, are dropped: text on a terminal must say what it seems to say.
func printable(r rune) rune {
	switch {
	case r == '\n' || r == '\t' || unicode.IsPrint(r):
		return r
	case unicode.IsSpace(r) && r != '\r':
		return ' '
	}
	return -1
}
