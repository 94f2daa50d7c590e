package markup

// What comes before the pages: who is asked for this is not signed in yet, or not quite. Wordings that no document has are plain English, in the words by
// which a person tells such pages apart.

// Names of the fields of these pages.
const (
	FieldCode   = "code"
	FieldNew    = "new_password"
	FieldAgain  = "new_password_again"
	FieldAccept = "accept"
)

// gate is a page without a menu.
func gate(p Page, title, text string, part Part) Page {
	p.Title, p.Bare = title, true
	if text != "" {
		p.Texts = []string{text}
	}
	p.Menu, p.Parts = nil, []Part{part}
	return p
}

// SignIn asks for a name and a password, under these names.
func SignIn(p Page, title, user, password string, button Button) Page {
	p.Leave = ""
	return gate(p, title, "", Part{
		Fields:  []Field{{Label: "Username", Name: user, Kind: Text}, {Label: "Password", Name: password, Kind: Password}},
		Buttons: []Button{button},
	})
}

// SecondFactor asks for the code of a second factor.
func SecondFactor(p Page) Page {
	return gate(p, "Two-factor Authentication", "Enter the authenticator code of this account.", Part{
		Fields:  []Field{{Label: "Code", Name: FieldCode, Kind: Text}},
		Buttons: []Button{{Label: "Continue", Name: "go", Value: "1"}},
	})
}

// Agreement asks to accept a licence agreement.
func Agreement(p Page, text string) Page {
	return gate(p, "License Agreement", text, Part{Buttons: []Button{{Label: "Accept", Name: FieldAccept, Value: "1"}}})
}

// Expired asks for another password in place of one that has expired.
func Expired(p Page) Page {
	return NewPassword(p, "Your password has expired. Choose another one.")
}

// NewPassword asks for another password, and says why.
func NewPassword(p Page, why string) Page {
	return gate(p, "Change Password", why, Part{
		Fields: []Field{
			{Label: "New Password", Name: FieldNew, Kind: Password}, {Label: "Confirm New Password", Name: FieldAgain, Kind: Password},
		},
		Buttons: []Button{{Label: "Change Password", Name: "go", Value: "1"}},
	})
}

// Gate is any other page with a text and a button.
func Gate(p Page, title, text string, button Button) Page {
	return gate(p, title, text, Part{Buttons: []Button{button}})
}

// Ask is a question of the appliance's own, before the button pressed does its work. What was filled in comes with it.
func Ask(p Page, question string, pressed Button, filled []Hidden) Page {
	p.Hidden = append(p.Hidden, filled...)
	pressed.Label, pressed.Ask = "OK", ""
	return gate(p, "Confirm", question, Part{Buttons: []Button{pressed, {Label: "Cancel", Href: p.Self}}})
}
