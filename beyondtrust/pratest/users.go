package pratest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// User is somebody who is signed in to an access console when the simulation begins.
type User struct {
	Name    string
	Session bool          // in a session with a Jump Client
	Ends    time.Duration // when that session ends by itself, in the appliances' time; 0 never
}

// user is somebody signed in to b.
type user struct {
	id    int
	name  string
	since time.Time
	open  []session
}

type session struct {
	lsid  string
	since time.Time
}

func (u *user) sessions() int { return len(u.open) }

func (u *user) lsids() []string {
	list := []string{}
	for _, s := range u.open {
		list = append(list, s.lsid)
	}
	return list
}

// connected is a client as the Command API lists it: a console, an endpoint in a session, a Jumpoint. Idle Jump Clients are not among them.
type connected struct {
	id, xmlKind, host string
	since             time.Time
	user              *user
	lsid              string
}

func (s *Site) signUsersIn() {
	for _, u := range s.Users {
		if h := s.home(); h != nil {
			s.signIn(h, u)
		}
	}
}

func (s *Site) signIn(b *Box, u User) *user {
	b.st.next++
	in := &user{id: 10 + b.st.next, name: u.Name, since: s.w.now}
	b.st.users = append(b.st.users, in)
	if u.Session {
		lsid := b.openSession(in)
		if u.Ends > 0 {
			s.after(u.Ends, func() { b.endSession(lsid) })
		}
	}
	return in
}

func (b *Box) openSession(u *user) string {
	s := b.site
	s.w.unique++
	sum := sha256.Sum256(fmt.Appendf(nil, "session %d on %s", s.w.unique, b.GUID))
	lsid := hex.EncodeToString(sum[:16])
	u.open = append(u.open, session{lsid, s.w.now})
	return lsid
}

// SignIn signs somebody in to an access console at b, as a tester does whose hosts file has the site's name lead there. A console of
// another version updates itself first, which is not shown.
func (b *Box) SignIn(u User) error {
	defer b.enter()()
	_, err := b.signIn(u)
	return err
}

func (b *Box) signIn(u User) (*user, error) {
	switch {
	case b.st.front != open || b.st.factory:
		return nil, fmt.Errorf("pratest: sign in to %s: connection refused", b.Name)
	case b.standby():
		return nil, fmt.Errorf("pratest: sign in to %s: a backup takes no client connections", b.Name)
	}
	return b.site.signIn(b, u), nil
}

func (b *Box) session(lsid string) *user {
	for _, u := range b.st.users {
		if slices.ContainsFunc(u.open, func(s session) bool { return s.lsid == lsid }) {
			return u
		}
	}
	return nil
}

func (b *Box) endSession(lsid string) bool {
	u := b.session(lsid)
	if u == nil {
		return false
	}
	i := slices.IndexFunc(u.open, func(s session) bool { return s.lsid == lsid })
	b.st.past = append(b.st.past, past{u.open[i], u.name, b.site.w.now})
	u.open = slices.Delete(u.open, i, i+1)
	b.site.note(b, End, "session %s", lsid)
	return true
}

func (b *Box) logOut(id string) bool {
	i := slices.IndexFunc(b.st.users, func(u *user) bool { return strconv.Itoa(u.id) == id })
	if i < 0 {
		return false
	}
	b.dropUser(b.st.users[i])
	return true
}

func (b *Box) dropUser(u *user) {
	for _, s := range slices.Clone(u.open) {
		b.endSession(s.lsid)
	}
	b.st.users = slices.DeleteFunc(b.st.users, func(o *user) bool { return o == u })
	b.site.note(b, End, "console of %s", u.name)
}

// cutUsers ends all consoles and sessions, as an outage does.
func (b *Box) cutUsers() {
	for len(b.st.users) > 0 {
		b.dropUser(b.st.users[0])
	}
}

// connected lists who is connected to b.
func (b *Box) connected() []connected {
	var list []connected
	for _, u := range b.st.users {
		list = append(list, connected{id: fmt.Sprintf("c%d", u.id), xmlKind: "representative", host: "desk-" + u.name, since: u.since, user: u})
		for _, s := range u.open {
			list = append(list, connected{id: "s" + s.lsid[:6], xmlKind: "support_customer", host: "server", since: s.since, lsid: s.lsid})
		}
	}
	for i, j := range b.site.w.fleet.jumpoints {
		if j.box == b {
			list = append(list, connected{id: fmt.Sprintf("g%d", i+1), xmlKind: "push_agent", host: jumpointName(i), since: j.connect})
		}
	}
	return list
}
