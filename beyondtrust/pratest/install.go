package pratest

import (
	"github.com/changeover-sdk/changeover/beyondtrust"
)

// updates is what an appliance's Updates page is about.
type updates struct {
	state    beyondtrust.UpdateState
	text     string
	checked  bool // the list is there to be shown
	install  *installation
	asked    *installation // waits for the licence agreement
	agreed   map[string]bool
	troubled bool // an installation went wrong: no restart
	damaged  bool // it was restarted nevertheless
	siteOwed bool // Base was installed, the site package that needs it was not
}

// installation is one that is wanted or runs.
type installation struct {
	p      Package
	manual bool
}

// installing reports whether an installation has been begun on b and is not over.
func (b *Box) installing() bool { return b.st.updates.install != nil }

// offer finds a package of the update server.
func (s *Site) offer(name string) (Package, bool) {
	for _, p := range s.Offers {
		if p.Name == name {
			return p.filled(), true
		}
	}
	return Package{}, false
}

// offered are the packages that b may see.
func (b *Box) offered() []Package {
	var list []Package
	if b.site.w.server.withheld == b {
		return nil
	}
	for _, p := range b.site.Offers {
		p = p.filled()
		if !b.isInstalled(p) && (!b.site.w.server.served[b.GUID+p.Name] || b.site.Switches.StaysOffered) {
			list = append(list, p)
		}
	}
	return list
}

// isInstalled reports whether b has p, or something newer.
func (b *Box) isInstalled(p Package) bool {
	st := b.st
	switch p.Class {
	case beyondtrust.PackageBase:
		return beyondtrust.CompareNumbers(st.base, p.Number) >= 0
	case beyondtrust.PackageSite:
		return !st.factory && beyondtrust.Version{Number: st.version, Build: st.build}.Compare(beyondtrust.Version{Number: p.Number, Build: p.Build}) >= 0
	}
	for _, name := range st.patches {
		if name == p.Name {
			return true
		}
	}
	return false
}

// blocked is why p cannot be installed on b yet, in the guide's words.
func (b *Box) blocked(p Package) string {
	has := ""
	switch {
	case p.Base != "" && beyondtrust.CompareNumbers(b.st.base, p.Base) < 0:
		has = b.st.base
	case p.Site != "" && beyondtrust.CompareNumbers(b.st.version, p.Site) < 0:
		has = b.st.version
	default:
		return ""
	}
	return has + beyondtrust.TextBlockedBy + p.Number + "'s requirements. " + beyondtrust.TextBlocked
}

// checkForUpdates is Check for updates.
func (b *Box) checkForUpdates() *refusal {
	s, u := b.site, &b.st.updates
	s.judge(b, harmless, "check")
	switch {
	case b.installing():
		return refuse("An installation is running.")
	case s.Switches.NoAutomatic && b.related():
		return refuse("Automatic updates do not apply to appliances in a failover relationship.")
	}
	u.state, u.text, u.checked, u.asked = beyondtrust.UpdateChecking, "", false, nil
	boot := b.st.boot
	s.after(s.Times.Check, func() {
		if b.st.boot != boot || u.state != beyondtrust.UpdateChecking {
			return
		}
		switch {
		case b.Restricted:
			u.state, u.text = beyondtrust.UpdateCheckFailed, "The update server cannot be reached."
		case b.clockWrong():
			u.state, u.text = beyondtrust.UpdateCheckFailed, "The update server did not accept this appliance."
		case len(b.offered()) == 0:
			u.state = beyondtrust.UpdateUpToDate
		default:
			u.state, u.text, u.checked = beyondtrust.UpdateAvailable, beyondtrust.TextUpdatesAvailable, true
		}
	})
	return nil
}

func (b *Box) clockWrong() bool { return b.ClockOffset.Abs() > b.site.Switches.ClockLimit }

// installUpdate is Install This Update in a package's row.
func (b *Box) installUpdate(p Package) *refusal {
	if why := b.blocked(p); why != "" {
		return refuse(why)
	}
	return b.want(&installation{p: p})
}

// updateSoftware is Update Software with the file of a package that was read to its end.
func (b *Box) updateSoftware(name, guid string) *refusal {
	s := b.site
	p, known := s.offer(name)
	s.note(b, Upload, "%s for %s", name, guid)
	switch {
	case !beyondtrust.SameGUID(guid, b.GUID):
		return refuse("This package was not made for this appliance.")
	case !known:
		return refuse("This package is not known.")
	case b.isInstalled(p):
		return refuse("This package is installed already.")
	}
	if why := b.blocked(p); why != "" {
		return refuse(why)
	}
	return b.want(&installation{p: p, manual: true})
}

// want begins an installation, or asks for the licence agreement first.
func (b *Box) want(in *installation) *refusal {
	u := &b.st.updates
	if b.installing() {
		b.site.judge(b, install, "install "+in.p.Name)
		return refuse("An installation is running.")
	}
	if in.p.Class == beyondtrust.PackageSite && (b.st.factory || b.site.Switches.EULAAlways) && !u.agreed[in.p.Name] {
		u.state, u.asked = beyondtrust.UpdateEULARequired, in
		return nil
	}
	b.begin(in)
	return nil
}

// eula is the text of the agreement that is asked for; empty when none is.
func (b *Box) eula() string {
	if b.st.updates.asked == nil {
		return ""
	}
	return "End User License Agreement for " + b.st.updates.asked.p.Name + ": a simulated text that binds nobody."
}

// acceptEULA signs it and begins what waited for it.
func (b *Box) acceptEULA() *refusal {
	u := &b.st.updates
	in := u.asked
	if in == nil {
		return refuse("There is nothing to sign.")
	}
	b.site.note(b, Agree, "%s", in.p.Name)
	if u.agreed == nil {
		u.agreed = map[string]bool{}
	}
	u.agreed[in.p.Name], u.asked = true, nil
	b.begin(in)
	return nil
}

func (b *Box) begin(in *installation) {
	s, u := b.site, &b.st.updates
	s.judge(b, install, "install "+in.p.Name)
	u.install, u.checked, u.text = in, false, ""
	if in.manual {
		b.run(in)
		return
	}
	u.state = beyondtrust.UpdateDownloading
	s.note(b, Download, "%s", in.p.Name)
	s.after(s.Times.Download, func() {
		if u.install == in {
			b.run(in)
		}
	})
}
