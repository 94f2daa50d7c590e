package redact_test

import (
	"encoding/base64"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/changeover-sdk/changeover/internal/redact"
)

func TestScrubber(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"plain words stay":                 {"Upgrade in progress: 42 %\nstep 3 of 7", "Upgrade in progress: 42 %\nstep 3 of 7"},
		"a known secret":                   {`wrong: s3cret"<&x here`, "wrong: REDACTED here"},
		"a known secret as HTML spells it": {"got s3cret&#34;&lt;&amp;x.", "got REDACTED."},
		"a known secret in a query":        {"at /x?q=s3cret%22%3C%26x&a=1", "at /x?q=REDACTED&a=1"},
		"a known secret in JSON":           {`{"echo":"s3cret\"\u003c\u0026x"}`, `{"echo":"REDACTED"}`},
		"a secret with a colour inside":    {"got s3c\x1b[1mret\"<&x here", "got REDACTED here"},
		"a menu that begins like a login":  {"see Basic Settings > System", "see Basic Settings > System"},
		"a login scheme and its value":     {"sent Basic c2VjcmV0OnNlY3JldA== there", "sent Basic REDACTED there"},
		"a header line":                    {"Authorization: Basic abc\nHost: x", "Authorization: REDACTED\nHost: x"},
		"a cookie":                         {"Cookie: session_id=0123456789abcdef; a=b", "Cookie: REDACTED"},
		"a set cookie":                     {"set-cookie: session_id=77; Path=/", "set-cookie: REDACTED"},
		"a session id in a text":           {"session_id=0123abcd expired", "session_id=REDACTED expired"},
		"a password in a form body":        {"user=a&password=b&c=d", "user=a&password=REDACTED&c=d"},
		"a password in JSON":               {`{"password": "a \" b", "n": 1}`, `{"password": REDACTED, "n": 1}`},
		"a client secret":                  {"client_secret: abc, next", "client_secret: REDACTED, next"},
		"a bearer token":                   {"sent Bearer abcdef.ghi", "sent Bearer REDACTED"},
		"a password in an address":         {"see https://user:pw@host/x", "see https://REDACTED@host/x"},
		"an input's value":                 {`<input type=password value='abc' name="p">`, `<input type=password value="REDACTED" name="p">`},
		"a private key":                    {"-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- end", "REDACTED end"},
		"a key that was cut":               {"x -----BEGIN PRIVATE KEY-----\nMII", "x REDACTED"},
		"the beginning of a secret stays":  {`sps1.s3cret`, "sps1.s3cret"},
		"an escape sequence":               {"\x1b[2Jcleared\x07\r", "cleared"},
		"a secret with a stray character":  {"s3c\x00ret\"<&x", "REDACTED"},
		"text turned around":               {"abc\u202edef", "abcdef"},
	}
	scrub := redact.New(`s3cret"<&x`, "")
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := scrub(tt.in); got != tt.want {
				t.Errorf("scrub(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestScrubberOfALoginKnowsItsHeader(t *testing.T) {
	scrub := redact.New(redact.Basic("admin", "hunter22")...)
	header := base64.StdEncoding.EncodeToString([]byte("admin:hunter22"))
	if got := scrub("you sent " + header + " and hunter22"); got != "you sent REDACTED and REDACTED" {
		t.Errorf("got %q", got)
	}
	if redact.Basic("admin", "") != nil {
		t.Error("a login without a password has no secret; its header is not one")
	}
}

func TestCanaryScrubberPrintsWithoutItsSecrets(t *testing.T) {
	holder := struct{ scrub redact.Scrubber }{redact.New("canary-4711")}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, holder); strings.Contains(got, "canary") {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}

func TestPage(t *testing.T) {
	page := `<!DOCTYPE html><html><head><title> SPS &ndash; starting
 </title><style>p{color:red}</style></head><body onload="go()"><script>var token="x";</script>
<h1>Upgrade&nbsp;in progress</h1><!-- hunter22 --><p>Step <b>3</b> of 7; key: hun<wbr>ter22 is hunter22</p>
<input name=session_id value=abcdef></body></html>`
	title, text := redact.New("hunter22").Page([]byte(page))
	if want := "SPS – starting"; title != want {
		t.Errorf("title = %q, want %q", title, want)
	}
	if want := "Upgrade in progress Step 3 of 7; key: hun ter22 is REDACTED"; text != want {
		t.Errorf("text = %q, want %q", text, want)
	}
}

// Whoever stops reading in the middle of a secret must not show its first half.
func TestSecretThatIsCutInTwo(t *testing.T) {
	const secret = "c4nary-4711-4712"
	scrub := redact.New(secret)
	for at := 1; at < 40; at += 7 {
		short := scrub.Short(strings.Repeat(" ", 2*redact.PageText-at) + secret + "and more")
		_, page := scrub.Page([]byte(strings.Repeat(" ", 32<<10-at) + secret + "and more"))
		for _, got := range []string{short, page} {
			if strings.Contains(got, secret[:4]) {
				t.Errorf("cut %d bytes in: %q", at, strings.TrimSpace(got))
			}
		}
	}
}

func TestPageIsShortAndValid(t *testing.T) {
	_, text := redact.New().Page([]byte("<p>" + strings.Repeat("ü", 5000)))
	if len(text) > redact.PageText || !utf8.ValidString(text) || len(text) < redact.PageText-4 {
		t.Errorf("text has %d bytes, valid %t; want at most %d, whole characters", len(text), utf8.ValidString(text), redact.PageText)
	}
	title, text := redact.New().Page([]byte("plain \xff words"))
	if title != "" || text != "plain \uFFFD words" {
		t.Errorf("plain text gives %q, %q", title, text)
	}
}

// The law: whatever surrounds a known secret, and however it is spelled, it is not in the result.
func FuzzPage(f *testing.F) {
	f.Add("<title>", "</title><body>", uint8(0))
	f.Add(`<input value="`, `">`, uint8(1))
	f.Add("password=", "&", uint8(2))
	f.Add("<scr", "\x1b[0m\x00", uint8(3))
	const secret = `c4n"ary<Z9&`
	spellings := []string{secret, html.EscapeString(secret), url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret))}
	scrub := redact.New(secret)
	f.Fuzz(func(t *testing.T, before, after string, how uint8) {
		spelled := spellings[int(how)%len(spellings)]
		title, text := scrub.Page([]byte(before + spelled + after))
		for _, got := range []string{title, text, scrub(before + spelled + after)} {
			if strings.Contains(before+after, spelled) || strings.Contains(got, redact.Mark+spelled) {
				t.Skip()
			}
			if strings.Contains(got, spelled) {
				t.Errorf("%q shows %q", got, spelled)
			}
			if !utf8.ValidString(got) && utf8.ValidString(before+after) {
				t.Errorf("%q is not valid UTF-8", got)
			}
		}
		if len(text) > redact.PageText {
			t.Errorf("text has %d bytes", len(text))
		}
	})
}
