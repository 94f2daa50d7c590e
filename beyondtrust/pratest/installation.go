package pratest

import (
	"fmt"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// run installs: the appliance answers for a moment, goes away, and comes back.
func (b *Box) run(in *installation) {
	s, u := b.site, &b.st.updates
	u.state = beyondtrust.UpdateInstalling
	s.note(b, Install, "%s", in.p.Name)
	ending, flaps := b.Next, b.Flaps
	b.Next = EndsWell
	if s.w.oneEnding { // a scenario's: the first of the two has it
		s.A.Next, s.B.Next, s.w.oneEnding = EndsWell, EndsWell, false
	}
	s.after(s.Times.Linger, func() {
		if u.install != in {
			return
		}
		long := b.takes(in.p)
		if ending == EndsStalled {
			u.troubled = true
			b.leave("installs "+in.p.Name, forever, nil)
			return
		}
		end := func() { b.finish(in, ending) }
		if !flaps {
			b.leave("installs "+in.p.Name, long, end)
			return
		}
		b.leave("installs "+in.p.Name, long/2, func() {
			s.after(time.Minute, func() {
				if u.install == in {
					b.leave("still installs "+in.p.Name, long/2, end)
				}
			})
		})
	})
}

// takes is how long an installation keeps b away.
func (b *Box) takes(p Package) time.Duration {
	d := b.site.Times.Boot
	switch p.Class {
	case beyondtrust.PackageBase:
		d = b.site.Times.Base
	case beyondtrust.PackageSite:
		d = b.site.Times.Site
	}
	return time.Duration(float64(d) * (1 + b.Recordings))
}

// finish ends an installation, just before the appliance answers again.
func (b *Box) finish(in *installation, ending Ending) {
	s, st, u := b.site, b.st, &b.st.updates
	u.install = nil
	if s.Switches.TokensDie {
		b.revokeTokens()
	}
	switch ending {
	case EndsWell:
		b.apply(in.p)
		u.state, u.text, u.troubled = beyondtrust.UpdateInstalled, in.p.Name+" was installed.", false
		s.note(b, Installed, "%s", in.p.Name)
		return
	case EndsClaimed:
		u.state, u.text = beyondtrust.UpdateInstalled, in.p.Name+" was installed."
		s.note(b, NotInstalled, "%s, though the page says so", in.p.Name)
		return
	case EndsOlder:
		u.state, u.text = beyondtrust.UpdateIdle, ""
		s.note(b, NotInstalled, "%s: the old version is back", in.p.Name)
		return
	}
	u.state, u.text, u.troubled = beyondtrust.UpdateFailed, fmt.Sprintf("The installation of %s failed. Contact Technical Support.", in.p.Name), true
	s.note(b, NotInstalled, "%s: failed", in.p.Name)
	if ending == EndsRestart {
		boot := st.boot
		s.after(time.Minute, func() {
			if st.boot == boot {
				b.leave("restarts by itself", s.Times.Boot, func() {})
			}
		})
	}
}

// apply makes p what runs.
func (b *Box) apply(p Package) {
	st, u := b.st, &b.st.updates
	switch p.Class {
	case beyondtrust.PackageBase:
		before := st.base
		st.base = p.Number
		for _, o := range b.offered() {
			if o.Class == beyondtrust.PackageSite && o.Base != "" && beyondtrust.CompareNumbers(before, o.Base) < 0 && b.blocked(o) == "" {
				u.siteOwed = true
			}
		}
	case beyondtrust.PackageSite:
		st.version, st.build, st.factory = p.Number, p.Build, false
		st.whatsNew, st.unlicensed, u.siteOwed = true, p.Unlicensed, false
		st.builtWith = b.site.w.authority.root.cert.Subject.CommonName
		if p.Other {
			st.builtWith = b.site.w.authority.second.cert.Subject.CommonName
		}
		for i := range st.installers {
			st.installers[i].dead = true // made before the upgrade: invalid now (guide)
		}
	default:
		st.patches = append(st.patches, p.Name)
	}
}
