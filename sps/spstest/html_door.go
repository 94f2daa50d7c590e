package spstest

import (
	"crypto/subtle"
	"net/http"

	"github.com/changeover-sdk/changeover/internal/markup"
	"github.com/changeover-sdk/changeover/sps"
)

// maxForm bounds what is read of a form without files, in bytes.
const maxForm = 64 << 10

// serveLogin asks who there is.
func (n *Node) serveLogin(w http.ResponseWriter, r *http.Request) markup.Reply {
	p := n.blank()
	p.Self, p.Action = "/login", "/login"
	status := http.StatusOK
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		user, password := n.Login()
		got := r.FormValue("username") + "\x00" + r.FormValue("password")
		if subtle.ConstantTimeCompare([]byte(got), []byte(user+"\x00"+password)) == 1 {
			id := newToken(20)
			n.world.in(func() {
				n.web[id] = &session{user: user, last: n.world.now(), token: newToken(12), unproven: n.Switches.SecondFactor != ""}
				n.note(Login, "%s, in a browser", user)
			})
			http.SetCookie(w, &http.Cookie{Name: "ui_session", Value: id, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
			return n.Markup.Enter(r.Header, href(sps.PageSystem))
		}
		n.world.in(func() { n.note(LoginRefused, "in a browser") })
		p.Refused = "Wrong username or password."
		if n.Markup == MarkupScript {
			status = http.StatusUnauthorized
		}
	}
	return n.Markup.Page(r.Header, status, markup.SignIn(p, "Login", "username", "password", markup.Button{Label: "Login", Name: "login", Value: "1"}))
}

// serveGate asks what must be answered between the login and the pages, if anything.
func (n *Node) serveGate(w http.ResponseWriter, r *http.Request, s *session) (a markup.Reply, stays bool) {
	_, password := n.Login()
	p := n.blank()
	p.Self, p.Action, p.Leave = r.URL.Path, r.URL.Path, "/logout"
	if !n.Switches.NoToken {
		p.Hidden = []markup.Hidden{{Name: "token", Value: s.token}}
	}
	var unproven, agreement, expired bool
	var version string
	n.world.in(func() {
		version = n.running()
		unproven, agreement, expired = s.unproven, n.Switches.Agreement && !n.agreed, n.Switches.PasswordExpired && !n.renewed
	})
	if !unproven && !agreement && !expired {
		return a, false
	}
	get := func(string) string { return "" }
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if n.Switches.NoToken || r.FormValue("token") == s.token {
			get = r.FormValue
		}
	}
	on := func(do func()) (markup.Reply, bool) {
		n.world.in(do)
		return n.Markup.Enter(r.Header, "/"), true
	}
	switch code, next := get(markup.FieldCode), get(markup.FieldNew); {
	case unproven && code != "" && subtle.ConstantTimeCompare([]byte(code), []byte(n.Switches.SecondFactor)) == 1:
		return on(func() { s.unproven = false })
	case unproven:
		if code != "" {
			p.Refused = "The code is wrong."
		}
		return n.Markup.Page(r.Header, http.StatusOK, markup.SecondFactor(p)), true
	case agreement && get(markup.FieldAccept) != "":
		return on(func() { n.agreed = true; n.note(Agreed, "in a browser") })
	case agreement:
		return n.Markup.Page(r.Header, http.StatusOK, markup.Agreement(p, "Read the License Agreement of "+version+" and accept it to go on.")), true
	case next != "" && next == get(markup.FieldAgain) && next != password:
		return on(func() { n.renew(next) })
	}
	if get(markup.FieldNew) != "" {
		p.Refused = "The passwords must be the same, and other than before."
	}
	return n.Markup.Page(r.Header, http.StatusOK, markup.Expired(p)), true
}

// renew changes the password, on both nodes of a pair. With the lock held.
func (n *Node) renew(password string) {
	nodes := []*Node{n}
	if n.pair != nil {
		nodes = []*Node{n.pair.A, n.pair.B}
	}
	for _, x := range nodes {
		x.Password, x.renewed = password, true
	}
}
