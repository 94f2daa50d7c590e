package pratest

import (
	"fmt"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// goDown ends b's present life, and what was planned for it: it refuses, what was connected breaks, who was signed in is out.
func (b *Box) goDown(why string) {
	s, st := b.site, b.st
	st.boot++
	if st.front == away {
		return // what was planned for its return is off
	}
	st.front, st.lastDown = away, s.w.now
	close(st.gone)
	s.note(b, Down, "%s", why)
	for c := range s.w.conns {
		if c.box == b {
			c.reset()
		}
	}
	b.cutUsers()
	s.cancelSync(b)
	clear(st.signedIn)
	s.fleetLost(b)
	b.missPrimary()
}

// comeUp begins a new life.
func (b *Box) comeUp(f front) {
	s, st := b.site, b.st
	if st.front == away {
		st.gone = make(chan struct{})
		st.boot++
	}
	st.front, st.off = f, false
	st.health = map[string]cached{}
	if f == open {
		s.note(b, Up, "Base %s, site %s (%s)", st.base, st.version, st.build)
		s.fleetMoved()
	}
}

// leave takes b away for d, then through the phases of a start; ready is called when it is open again.
func (b *Box) leave(why string, d time.Duration, ready func()) {
	s := b.site
	b.goDown(why)
	boot := b.st.boot
	phase := func(at time.Duration, f func()) {
		s.after(at, func() {
			if b.st.boot == boot {
				f()
			}
		})
	}
	late := min(s.Times.Unavailable+s.Times.Unhealthy, d/2)
	if late > 0 && ready != nil {
		phase(d-late, func() { b.comeUp(unavailable); boot = b.st.boot })
		phase(d-min(s.Times.Unhealthy, late/2), func() { b.comeUp(unhealthy) })
	}
	if ready != nil {
		phase(d, func() {
			ready()
			b.comeUp(open)
		})
	}
}

// PowerCycle restarts b by its power, as an impatient person does. During an installation, or after one that went wrong, it is a violation, and
// the appliance does not come back.
func (b *Box) PowerCycle() {
	defer b.enter()()
	b.powerCycle()
}

func (b *Box) powerCycle() {
	s := b.site
	bad := b.installing() || b.st.updates.troubled
	if bad {
		s.violate(b, RuleRestartDuringInstall, "power cycle")
	}
	s.note(b, Restart, "by its power")
	if bad {
		b.st.updates.install = nil
		b.leave("damaged", forever, nil)
		b.st.updates.damaged = true
		return
	}
	b.leave("restart", s.Times.Boot, func() {})
}

// PowerOn starts an appliance that was shut down.
func (b *Box) PowerOn() {
	defer b.enter()()
	if !b.st.off {
		return
	}
	b.st.off = false
	b.leave("boot", b.site.Times.Boot, func() {})
}

// Support is Technical Support's visit to an appliance whose installation stalled, failed or was interrupted: it comes back with the version it had before.
func (b *Box) Support() {
	defer b.enter()()
	st := b.st
	st.updates.install, st.updates.troubled, st.updates.damaged = nil, false, false
	if st.front == away {
		st.boot++
		b.comeUp(open)
	}
}

// shutDown is Shut Down This Appliance.
func (b *Box) shutDown() {
	s := b.site
	s.judge(b, restart, "shut down")
	s.note(b, ShutDown, "")
	b.goDown("shut down")
	b.st.off = true
}

// factoryReset is Reset Appliance to Factory Defaults.
func (b *Box) factoryReset() {
	s := b.site
	s.judge(b, restart, "factory reset")
	s.note(b, FactoryReset, "")
	b.leave("factory reset", s.Times.Reset, func() { b.st.makeFactoryNew(b) })
}

// restore puts a backup's content onto b. It overwrites the failover settings and the pre-shared key too (Data Recovery, PRA).
func (b *Box) restore(f backupFile) *refusal {
	s, st := b.site, b.st
	s.judge(b, heavy, "restore")
	switch {
	case st.factory:
		return refuse("There is no site software on this appliance.")
	case f.Version != st.version || f.Build != st.build:
		return refuse(fmt.Sprintf("The backup was made with %s (%s), this site has %s (%s).", f.Version, f.Build, st.version, st.build))
	}
	if b.standby() {
		s.violate(b, RuleRestoreOnBackup, "from %s", f.Name)
	}
	s.note(b, Restore, "from %s: failover settings and key overwritten", f.Name)
	s.cancelSync(b)
	st.data = f.data()
	st.key, st.automatic, st.ticked, st.operations = f.Key, f.Automatic, f.Ticked, f.Operations
	st.peer, st.lastSync, st.syncStatus = nil, time.Time{}, ""
	role := beyondtrust.RoleNone
	if f.Role != beyondtrust.RoleNone && f.Peer != "" {
		for _, x := range s.boxes() {
			if x != b && x.GUID == f.Peer {
				st.peer, role = x, f.Role // now two appliances may believe that the same one is their peer
			}
		}
	}
	st.role = role
	st.front = unavailable
	boot := st.boot
	s.after(s.Times.Restore, func() {
		if st.boot == boot && st.front == unavailable {
			b.comeUp(open)
		}
	})
	return nil
}
