package pratest

import (
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// dataSync is a data-sync that runs: the primary's data overwrites the backup's.
type dataSync struct {
	from, to *Box
	began    time.Time
	versions string // of both, when it began
	then     func(good bool)
}

// syncNow is Sync Now.
func (b *Box) syncNow() *refusal {
	s, st := b.site, b.st
	s.judge(b, heavy, "sync now")
	switch {
	case st.role == beyondtrust.RoleNone || st.peer == nil:
		return refuse(beyondtrust.TextNotConfigured)
	case b.inConflict():
		return refuse(beyondtrust.TextConflict)
	case st.syncing != nil:
		return nil // it runs already
	}
	s.beginSync(b, nil)
	return nil
}

// schedule starts the sync that comes by itself. There is one schedule: a new relationship ends the former one's.
func (s *Site) schedule() {
	s.w.schedules++
	s.scheduled(s.w.schedules)
}

func (s *Site) scheduled(n int) {
	s.after(s.Times.SyncEvery, func() {
		if n != s.w.schedules {
			return
		}
		related := false
		for _, b := range s.boxes() {
			peer := b.st.peer
			related = related || peer != nil
			if peer != nil && b.st.role == beyondtrust.RolePrimary && peer.st.role == beyondtrust.RoleBackup && peer.st.operations &&
				b.st.syncing == nil && b.reachable() && peer.reachable() {
				s.beginSync(b, nil)
			}
		}
		if related {
			s.scheduled(n)
		}
	})
}

// beginSync starts a data-sync between b and its peer, from the primary to the backup.
func (s *Site) beginSync(b *Box, then func(bool)) {
	from, to := b, b.st.peer
	if from.st.role != beyondtrust.RolePrimary {
		from, to = to, from
	}
	y := &dataSync{from: from, to: to, began: s.w.now, versions: from.software() + "/" + to.software(), then: then}
	from.st.syncing, to.st.syncing = y, y
	s.note(from, SyncBegun, "to %s", to.Name)
	if from.software() != to.software() {
		s.violate(from, RuleSyncAcrossVersions, "%s to %s on %s", from.software(), to.software(), to.Name)
	}
	s.after(s.Times.Sync, func() { s.endSync(y) })
}

// endSync is reached at the planned end of y, unless it was cancelled before.
func (s *Site) endSync(y *dataSync) {
	if y.from.st.syncing != y {
		return
	}
	y.from.st.syncing, y.to.st.syncing = nil, nil
	good := y.from.reachable() && y.to.reachable() && y.versions == y.from.software()+"/"+y.to.software() &&
		(y.from.software() == y.to.software() || s.Switches.SyncAcrossVersions)
	status := s.Switches.SyncBad
	if good {
		status = s.Switches.SyncGood
		y.to.st.data = y.from.st.data
	}
	for _, x := range []*Box{y.from, y.to} {
		x.st.syncStatus = status
		if good {
			x.st.lastSync = x.clock()
		}
	}
	s.note(y.from, SyncDone, "%s", status)
	if y.then != nil {
		y.then(good)
	}
}

// cancelSync ends b's running sync without a result.
func (s *Site) cancelSync(b *Box) {
	y := b.st.syncing
	if y == nil {
		return
	}
	y.from.st.syncing, y.to.st.syncing = nil, nil
	for _, x := range []*Box{y.from, y.to} {
		x.st.syncStatus = s.Switches.SyncBad
	}
	s.note(y.from, SyncDone, "cancelled")
}
