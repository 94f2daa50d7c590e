package pratest

import (
	"slices"
	"strings"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// updateServerView is the vendor's update server in a person's browser, on a machine that may reach it. Its words are this package's.
func updateServerView(b *Box) *view {
	v := &view{heading: "Updates", texts: b.message(MenuUpdateServer)}
	v.fields = []field{{label: beyondtrust.LinkDownloadKey, kind: fieldText, value: b.st.submitted}}
	v.buttons = []button{{label: buttonSubmit, do: nothing(func(in input) *refusal {
		key := in.values[beyondtrust.LinkDownloadKey]
		if _, err := b.site.keyed(key); err != nil {
			return refuse("The appliance key is not valid.")
		}
		b.st.submitted = key
		return nil
	})}}
	owner, err := b.site.keyed(b.st.submitted)
	if err != nil {
		return v
	}
	v.caption = beyondtrust.SectionAvailableUpdates
	for _, p := range owner.offered() {
		v.rows = append(v.rows, row{name: p.Name, form: form{buttons: []button{{label: buttonDownload, do: func(input) (*download, error) {
			r, size, err := b.site.fetchUpdate(b.st.submitted, p.Name)
			if err != nil {
				return nil, refuse(err.Error())
			}
			return &download{name: fileName(p.Name), body: r, size: size}, nil
		}}}}})
	}
	return v
}

// tester is the person at the access console.
func (b *Box) tester(name string) *user {
	i := slices.IndexFunc(b.st.users, func(u *user) bool { return u.name == name })
	if i < 0 {
		return nil
	}
	return b.st.users[i]
}

// consoleView is an access console whose machine's hosts file leads to b.
func consoleView(b *Box) *view {
	v := &view{heading: MenuConsole, texts: b.message(MenuConsole)}
	v.values = []value{{labelStatus, b.consoleStatus()}}
	v.fields = []field{{label: labelUserName, kind: fieldText, value: "tester"}, {label: labelJumpItem, kind: fieldText}}
	in := func(in input) (*user, *refusal) {
		name := in.values[labelUserName]
		if u := b.tester(name); u != nil {
			return u, nil
		}
		u, err := b.signIn(User{Name: name})
		if err != nil {
			return nil, refuse(strings.TrimPrefix(err.Error(), "pratest: "))
		}
		return u, nil
	}
	v.buttons = []button{
		{label: buttonSignIn, do: nothing(func(i input) *refusal { _, err := in(i); return err })},
		{label: buttonJump, do: nothing(func(i input) *refusal {
			u, err := in(i)
			if err != nil {
				return err
			}
			return b.jump(u, i.values[labelJumpItem])
		})},
		{label: buttonSignOut, do: nothing(func(i input) *refusal {
			if u := b.tester(i.values[labelUserName]); u != nil {
				b.dropUser(u)
			}
			return nil
		})},
	}
	return v
}

func (b *Box) consoleStatus() string {
	if u := b.tester("tester"); u != nil {
		if u.sessions() > 0 {
			return "in a session"
		}
		return "signed in"
	}
	return "signed out"
}

// jump starts a session with a Jump Client: the named one, or any that can. One whose upgrade is pending cannot be jumped to, but moves to the front of the
// queue (guide).
func (b *Box) jump(u *user, name string) *refusal {
	s := b.site
	fl := &s.w.fleet
	if b.st.unlicensed {
		return refuse("There is no licence for another session.")
	}
	for i := range fl.clients {
		c := &fl.clients[i]
		if name != "" && clientName(i) != name {
			continue
		}
		switch {
		case c.box != s.number(b) || c.state == disconnected || c.state == returning || c.state == upgrading:
		case c.state == pending || fl.versions[c.version].software != b.software():
			if at := slices.Index(fl.waiting, int32(i)); at > 0 {
				fl.waiting = slices.Insert(slices.Delete(fl.waiting, at, at+1), 0, int32(i))
			}
			if name != "" {
				return refuse(beyondtrust.LabelUpgradePending)
			}
		default:
			b.openSession(u)
			return nil
		}
	}
	return refuse("No Jump Client is online.")
}

// aboutView is Help > About of a console that is connected to b, and so has b's version.
func aboutView(b *Box) *view {
	v := &view{heading: MenuAbout}
	if b.st.front == open && !b.st.factory {
		v.values = []value{{labelConsoleVersion, b.st.version}, {labelConsoleBuild, b.st.build}}
	}
	return v
}
