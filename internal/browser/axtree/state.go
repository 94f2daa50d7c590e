package axtree

import "strings"

// State is what sort of page is seen. It is told by what is on the page, never by its address alone.
type State string

// States of a page.
const (
	StatePage         State = "the page"                 // the expected heading, exactly once
	StateSignedOut    State = "signed out"               // a password field and a button to sign in
	StateSecondFactor State = "asks for a second factor" //
	StateEULA         State = "asks to accept a licence agreement"
	StateExpired      State = "the password has expired"
	StateWhatsNew     State = "What's New"
	StateUnknown      State = "unknown page"
)

// Words by which pages are told apart. They are the vendors' where a document gives them, and plain English elsewhere.
var (
	wordPassword = Label{"Password"} // beside Snapshot.Words
	wordLogin    = Label{"Login", "Log in", "Sign in", "Log On"}
	wordAccept   = Label{"Accept", "I accept", "I Agree", "Agree", "Accept License Agreement", "I accept the license agreement"}
	wordNew      = Label{"What's New", "What’s New"}
	wordNewPass  = Label{"New Password", "Confirm Password", "Confirm New Password", "Verify Password", "New Password Confirmation"}
)

// Words are those of a product's own page that asks for a login, beside the usual ones.
type Words struct{ Password, Login Label }

// State says what sort of page s is, when a page with the heading is expected.
func (s *Snapshot) State(heading Label) State {
	in := flat(s.Root)
	text := Normalize(s.Root.Text())
	var passwords, fresh, fields, accepts, logins, news, headings int
	licence := false
	for _, n := range in {
		switch {
		case n.is(Field) && (Field.fits(n, wordPassword) || Field.fits(n, s.Words.Password)):
			passwords++
			fields++
		case n.is(Field):
			fields++
			if Field.fits(n, wordNewPass) {
				fresh++
			}
		case n.is(Button) && Button.fits(n, wordAccept), n.is(Check) && Check.fits(n, wordAccept):
			accepts++
		case n.is(Button) && (Button.fits(n, wordLogin) || Button.fits(n, s.Words.Login)):
			logins++
		case n.is(Heading):
			t := n.Text()
			if heading.Fits(t) || heading.Fits(n.Name) {
				headings++
			}
			if wordNew.Fits(t) {
				news++
			}
			licence = licence || strings.Contains(Normalize(t), "license agreement") || strings.Contains(Normalize(t), "licence agreement")
		}
	}
	factor := strings.Contains(text, "authenticator code") || strings.Contains(text, "two-factor") || strings.Contains(text, "verification code")
	switch {
	case strings.Contains(text, "password has expired") || fresh >= 2 && headings == 0:
		return StateExpired
	case passwords == 1 && logins == 1 && headings == 0:
		return StateSignedOut
	case factor && fields == 1 && headings == 0:
		return StateSecondFactor
	case accepts > 0 && headings == 0 && (licence || strings.Contains(text, "license agreement") || strings.Contains(text, "licence agreement")):
		return StateEULA
	case headings == 1:
		return StatePage
	case news == 1 && headings == 0:
		return StateWhatsNew
	}
	return StateUnknown
}
