package spstest

import (
	"crypto/rand"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// leastIdle is the least real time after which a session ends, unless [Node.SessionIdle] says otherwise.
const leastIdle = 30 * time.Second

// session is a login.
type session struct {
	user  string
	last  time.Time // of a request: the timer is one of inactivity
	token string    // for X-Token, or hidden in the forms of a browser's pages

	unproven      bool   // in a browser: a second factor is still wanted
	said, refused string // in a browser: what the last press came to, to be shown once
}

func newToken(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

func (n *Node) idle() time.Duration {
	if n.SessionIdle > 0 {
		return n.world.scaled(n.SessionIdle)
	}
	// A machine that is busy for a moment must not end the sessions of a simulation that goes a thousand times as fast.
	return max(n.world.scaled(20*time.Minute), leastIdle)
}

// session finds the caller's session and renews it.
func (c *call) session() (ok bool) {
	cookie, err := c.r.Cookie("session_id")
	if err != nil {
		return false
	}
	n := c.n
	n.world.in(func() {
		s := n.sessions[cookie.Value]
		if s == nil || n.world.now().Sub(s.last) >= n.idle() {
			delete(n.sessions, cookie.Value)
			return
		}
		s.last = n.world.now()
		c.user, c.left, ok = s.user, n.idle(), true
	})
	return ok
}

// login is GET /api/authentication: HTTP Basic, or with ?type=x509 a client certificate; a cookie session_id of 40 hexadecimal digits comes back (SPS
// 7.0.5.1 LTS REST API Reference Guide, Authenticate). What a wrong password is answered is not documented: 401.
func (c *call) login() {
	n := c.n
	user, why := "", ""
	if c.r.URL.Query().Get("type") == "x509" {
		user, why = c.loginCertificate()
	} else {
		name, password, ok := c.r.BasicAuth()
		wantName, wantPassword := n.Login()
		switch {
		case !ok:
			why = "no credentials"
		case c.noPassword:
			why = "password logins are off"
		case subtle.ConstantTimeCompare([]byte(name+"\x00"+password), []byte(wantName+"\x00"+wantPassword)) != 1:
			why = "wrong user or password"
		default:
			user = name
		}
	}
	if why != "" {
		n.world.in(func() { n.note(LoginRefused, "%s", why) })
		c.fail(http.StatusUnauthorized, "Unauthenticated", why, obj{"resource": c.r.URL.Path})
		return
	}
	id := newToken(20)
	var expires time.Time
	if !c.in(func() {
		n.sessions[id] = &session{user: user, last: n.world.now(), token: newToken(16)}
		c.left = n.idle()
		expires = n.clock().Add(n.idle())
		n.note(Login, "%s", user)
	}) {
		c.gone()
		return
	}
	http.SetCookie(c.w, &http.Cookie{Name: "session_id", Value: id, Path: "/", Expires: expires, Secure: true})
	c.json(http.StatusOK, obj{"meta": c.meta("/api/authentication")})
}

func (c *call) loginCertificate() (user, why string) {
	if c.clientCAs == nil {
		return "", "certificate logins are off"
	}
	if c.r.TLS == nil || len(c.r.TLS.PeerCertificates) == 0 {
		return "", "no client certificate"
	}
	cert := c.r.TLS.PeerCertificates[0]
	_, err := cert.Verify(x509.VerifyOptions{Roots: c.clientCAs, CurrentTime: c.clock, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		return "", "the client certificate is not trusted"
	}
	return cert.Subject.CommonName, ""
}

// loginTypes is GET /api/authentication/types of 6.x. Whether types is a list or an object is not shown: the guide says it "includes the x509 object".
func (c *call) loginTypes() {
	types := obj{}
	if !c.noPassword {
		types["basic"] = obj{}
	}
	if c.clientCAs != nil {
		types["x509"] = obj{}
	}
	c.json(http.StatusOK, obj{"types": types, "meta": c.meta("/api/authentication/types")})
}

// loginMethods is its successor; the shape of an element is not documented.
func (c *call) loginMethods() {
	c.json(http.StatusOK, obj{"login_methods": []obj{{"name": "local"}}, "meta": c.meta("/api/authentication/login_methods")})
}

// userInfo is GET /api/user_info: the endpoints are in the guides up to 7.2, login_method in those from 7.4 on.
func (c *call) userInfo() {
	n := c.n
	out := obj{"user": obj{"name": c.user}, "meta": c.meta("/api/user_info")}
	cookie, _ := c.r.Cookie("session_id")
	c.in(func() {
		if since("7.4")(n) {
			out["login_method"] = obj{"name": "local", "authentication": "local", "credential": "password"}
		}
		if !n.Switches.NoUserEndpoints {
			out["endpoints"] = []obj{{"url": "/api", "methods": []string{"DELETE", "GET", "POST", "PUT"}}}
		}
		if s := n.sessions[cookie.Value]; s != nil && n.wantsToken() {
			out["token"] = s.token
		}
	})
	c.json(http.StatusOK, out)
}

func (n *Node) wantsToken() bool { return n.Switches.TokenAlways || since("7.5")(n) }

// refusedToken enforces the X-Token header on writes of clients that look like a browser (comment in the vendor's PowerShell module). What a request
// without it is answered is not documented: 403.
func (c *call) refusedToken() (refused bool) {
	if c.r.Method == "GET" {
		return false
	}
	cookie, err := c.r.Cookie("session_id")
	if err != nil {
		return false
	}
	n := c.n
	n.world.in(func() {
		s := n.sessions[cookie.Value]
		browser := strings.Contains(c.r.UserAgent(), "Mozilla") || n.Switches.TokenAlways
		refused = s != nil && n.wantsToken() && browser && c.r.Header.Get("X-Token") != s.token
	})
	if refused {
		c.fail(http.StatusForbidden, "Unauthorized", "the X-Token header is missing or wrong", obj{"resource": c.r.URL.Path})
	}
	return refused
}
