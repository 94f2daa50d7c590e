package pratest

import (
	"fmt"
	"net/http"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/internal/markup"
)

// Names and passwords of the administrators of the two interfaces. A factory-new appliance's site has the guide's "admin" and "password", and wants
// another password at the first sign-in.
const (
	AdminUser     = "admin"
	AdminPassword = "admin password"
)

const factoryPassword = "password"

// doorway is the cookie of an interface, and the path of its sign-in page. Cookie names and the path of /appliance's were seen, /login's path is this package's.
func (b *Box) doorway(root string) (cookie, signIn string) {
	if root == "/appliance" {
		return "nsbase_session", "/appliance/login.ns"
	}
	return "ns_s", "/login/login"
}

func cookieOf(h http.Header, name string) string {
	r := http.Request{Header: h}
	if c, err := r.Cookie(name); err == nil {
		return c.Value
	}
	return ""
}

// password is the administrator's of an interface.
func (b *Box) password(root string) *string {
	if root == "/login" {
		return &b.st.data.password
	}
	return &b.st.appliance
}

// signInPage has the field names that were seen on /appliance/login.ns for both interfaces.
func (b *Box) signInPage(k *call, root string) answer {
	p, status := b.blank(root, k.path), http.StatusOK
	if k.method == http.MethodPost {
		if k.form.Get("login[username]") == AdminUser && k.form.Get("login[password]") == *b.password(root) {
			b.site.w.unique++
			id := revision(fmt.Sprint(b.GUID, root, b.site.w.unique))
			b.st.signedIn[id] = root
			b.st.unproven[id] = b.site.Switches.SecondFactor != ""
			cookie, _ := b.doorway(root)
			a := answers(b.site.Markup.Enter(k.header, root+"/"))
			a.header.Set("Set-Cookie", cookie+"="+id+"; Path=/; Secure; HttpOnly")
			return a
		}
		p.Refused = "The user name or the password is wrong."
		if b.site.Markup == MarkupScript {
			status = http.StatusUnauthorized
		}
	}
	button := markup.Button{Label: "Login", Name: "login[submit]", Value: "Login"}
	return answers(b.site.Markup.Page(k.header, status, markup.SignIn(p, "Sign in", "login[username]", "login[password]", button)))
}

// gate asks what must be answered between the sign-in and the pages, if anything.
func (b *Box) gate(k *call, root, id string) (a answer, stays bool) {
	st, sw := b.st, &b.site.Switches
	p := b.blank(root, k.path)
	p.Leave, p.Hidden = root+"/logout", b.token(id)
	get := func(string) string { return "" }
	if k.method == http.MethodPost && b.fresh(k, id) {
		get = k.form.Get
	}
	on := func() (answer, bool) { return answers(b.site.Markup.Enter(k.header, root+"/")), true }
	login := root == "/login"
	word := b.password(root)
	next := get(markup.FieldNew)
	newPassword := next != "" && next == get(markup.FieldAgain) && next != *word
	if next != "" && !newPassword {
		p.Refused = "The passwords must be the same, and other than before."
	}
	switch code := get(markup.FieldCode); {
	case st.unproven[id] && code == sw.SecondFactor:
		delete(st.unproven, id)
		return on()
	case st.unproven[id]:
		if code != "" {
			p.Refused = "The code is wrong."
		}
		return b.draw(k, markup.SecondFactor(p)), true
	case login && *word == factoryPassword && !newPassword:
		return b.draw(k, markup.NewPassword(p, "Choose another password than the one that the appliance came with.")), true
	case login && *word == factoryPassword:
		*word = next
		b.changed("administrator's password")
		return on()
	case login && sw.Agreement && !st.agreed && get(markup.FieldAccept) != "":
		st.agreed = true
		b.site.note(b, Agreed, "%s", root)
		return on()
	case login && sw.Agreement && !st.agreed:
		return b.draw(k, markup.Agreement(p, "Read the License Agreement of "+st.version+" and accept it to go on.")), true
	case sw.PasswordExpired && !st.renewed[root] && newPassword:
		*word, st.renewed[root] = next, true
		return on()
	case sw.PasswordExpired && !st.renewed[root]:
		return b.draw(k, markup.Expired(p)), true
	case login && st.whatsNew && !sw.NoWhatsNew && get("continue") != "":
		st.whatsNew = false
		return on()
	case login && st.whatsNew && !sw.NoWhatsNew:
		return b.draw(k, markup.Gate(p, beyondtrust.HeadingWhatsNew, st.version, markup.Button{Label: "Continue", Name: "continue", Value: "1"})), true
	}
	return a, false
}

// fresh reports whether a form was served in this session.
func (b *Box) fresh(k *call, id string) bool {
	return b.site.Switches.NoToken || k.form.Get("token") == tokenOf(id)
}

// signOut ends a session of the pages.
func (b *Box) signOut(id string) {
	delete(b.st.signedIn, id)
	delete(b.st.unproven, id)
}
