package sps

import (
	"regexp"
	"strings"
	"sync"
	"unicode"

	"github.com/changeover-sdk/changeover/internal/redact"
)

// mostScreen is what is kept of a terminal's text: its end.
const mostScreen = 256 << 10

// secrets takes what is secret out of text. More may be told to it. Nothing else is known of a remote echo than that what is typed may come back,
// also broken over two lines.
type secrets struct {
	mu     sync.Mutex
	told   []string
	base   redact.Scrubber
	broken *regexp.Regexp // any of them, with line breaks between its characters; nil: none
}

func newSecrets(told ...string) *secrets {
	s := new(secrets)
	s.tell(told...)
	return s
}

func (s *secrets) tell(told ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range told {
		if t = strings.Map(visible, strings.ToValidUTF8(t, "")); t != "" {
			s.told = append(s.told, t)
		}
	}
	s.base, s.broken = redact.New(s.told...), nil
	var patterns []string
	for _, t := range s.told {
		var letters []string
		for _, r := range t {
			letters = append(letters, regexp.QuoteMeta(string(r)))
		}
		patterns = append(patterns, strings.Join(letters, `(?: *\n)?`))
	}
	if len(patterns) > 0 {
		s.broken = regexp.MustCompile(strings.Join(patterns, "|"))
		s.broken.Longest()
	}
}

// scrub returns text without secrets and without control characters.
func (s *secrets) scrub(text string) string {
	s.mu.Lock()
	base, broken := s.base, s.broken
	s.mu.Unlock()
	text = strings.Map(visible, strings.ToValidUTF8(text, ""))
	if broken != nil {
		text = broken.ReplaceAllLiteralString(text, redact.Mark)
	}
	return base(text)
}

// after moves a place to cut text at out of the middle of a secret, to the right.
func (s *secrets) after(text []byte, at int) int {
	s.mu.Lock()
	broken := s.broken
	s.mu.Unlock()
	if broken == nil {
		return at
	}
	for _, m := range broken.FindAllIndex(text, -1) {
		if m[0] < at && at < m[1] {
			return m[1]
		}
	}
	return at
}

// visible drops what a person would not see.
func visible(r rune) rune {
	if r == '\n' || r == '\t' || unicode.IsPrint(r) {
		return r
	}
	return -1
}

// plainText turns what a terminal is sent into lines of text, piece by piece: colours, cursor movements and other control sequences are dropped. A
// line's end is one "\n", however many "\r" are before it; so is a lone "\r", with which progress is shown. How the pieces are cut makes no
// difference.
type plainText struct {
	state byte
	cr    bool // a "\r" has come, and not yet what follows it
}

// States of plainText.
const (
	inText    = iota
	inEscape  // after ESC
	inCSI     // after ESC [
	inString  // after ESC ], P, X, ^ or _: up to BEL or ESC \
	inEnding  // after ESC in a string
	inCharset // after ESC and an intermediate byte, such as ESC (
)

// add appends the text of p to out.
func (t *plainText) add(out, p []byte) []byte {
	for _, b := range p {
		if b == 0x18 || b == 0x1a { // CAN and SUB end any sequence
			t.state = inText
			continue
		}
		switch t.state {
		case inText:
			out = t.text(out, b)
		case inEscape:
			t.state = afterEscape(b)
		case inCharset:
			if b < 0x20 || b > 0x2f {
				t.state = inText
			}
		case inCSI:
			switch {
			case b == 0x1b:
				t.state = inEscape
			case b >= 0x40 && b <= 0x7e:
				t.state = inText
			case b == '\n' || b == '\r': // no sequence has a line end: something was lost
				t.state = inText
				out = t.text(out, b)
			}
		case inString:
			switch b {
			case 0x07:
				t.state = inText
			case 0x1b:
				t.state = inEnding
			case '\n':
				t.state = inText
				out = t.text(out, b)
			}
		case inEnding:
			if t.state = inText; b != '\\' {
				t.state = afterEscape(b)
			}
		}
	}
	return out
}

// afterEscape returns the state that the byte after ESC leads to.
func afterEscape(b byte) byte {
	switch {
	case b == '[':
		return inCSI
	case b == ']' || b == 'P' || b == 'X' || b == '^' || b == '_':
		return inString
	case b >= 0x20 && b <= 0x2f:
		return inCharset
	case b == 0x1b:
		return inEscape
	}
	return inText
}

func (t *plainText) text(out []byte, b byte) []byte {
	if b == '\r' {
		t.cr = true
		return out
	}
	if t.cr && b != 0x1b && (b >= 0x20 || b == '\n' || b == '\t') {
		t.cr = false
		out = append(out, '\n')
		if b == '\n' {
			return out
		}
	}
	switch {
	case b == 0x1b:
		t.state = inEscape
	case b == '\n' || b == '\t' || (b >= 0x20 && b != 0x7f):
		out = append(out, b)
	}
	return out
}
