package pratest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// Scenarios returns all scenarios.
func Scenarios() []Scenario { return slices.Clone(scenarios) }

func scenario(name string) (Scenario, error) {
	i := slices.IndexFunc(scenarios, func(s Scenario) bool { return s.Name == name })
	if i < 0 {
		var names []string
		for _, s := range scenarios {
			names = append(names, s.Name)
		}
		return Scenario{}, fmt.Errorf("pratest: no scenario %q; there are %s", name, strings.Join(names, ", "))
	}
	return scenarios[i], nil
}

// Play turns a scenario on, before the first request or later; one for an appliance is played on all of them.
func (s *Site) Play(name string) error {
	sc, err := scenario(name)
	if err != nil {
		return err
	}
	s.lock()
	defer s.mu.Unlock()
	switch {
	case sc.pair && s.Topology == TopologySingle:
		return fmt.Errorf("pratest: scenario %q needs two appliances", name)
	case sc.pair && s.Topology == TopologyMigrate && s.B.st.factory:
		return fmt.Errorf("pratest: scenario %q needs two appliances in service", name)
	}
	s.note(nil, ScenarioPlayed, "%s", name)
	if sc.site != nil {
		sc.site(s)
		return nil
	}
	for _, b := range s.boxes() {
		sc.box(b)
	}
	return nil
}

// Play turns a scenario on for this appliance alone.
func (b *Box) Play(name string) error {
	sc, err := scenario(name)
	if err == nil && sc.box == nil {
		err = fmt.Errorf("pratest: scenario %q needs the site", name)
	}
	if err != nil {
		return err
	}
	defer b.enter()()
	b.site.note(b, ScenarioPlayed, "%s", name)
	sc.box(b)
	return nil
}

// conflict makes both say role.
func (s *Site) conflict(role beyondtrust.Role) {
	for _, b := range s.boxes() {
		b.st.peer = b.other()
		b.st.role = role
	}
	s.fleetMoved()
}

// swapAddresses exchanges what is found at the two own addresses.
func swapAddresses(s *Site) {
	for _, pair := range [][2]*Box{{&s.A, &s.B}, {&s.B, &s.A}} {
		s.w.nat[pair[0].Addr] = pair[1].Addr
	}
	s.w.resolved = nil
	s.note(nil, NameMoved, "the own addresses lead to the wrong appliances")
}

// operatorWasHere is a person between two runs.
func operatorWasHere(s *Site) {
	a := &s.A
	if !a.related() {
		_ = a.establish(beyondtrust.Establish{ // refused where it cannot be
			Backup: beyondtrust.Endpoint{Host: s.B.Addr.String()}, Primary: beyondtrust.Endpoint{Host: a.Addr.String()},
		})
	}
	for _, b := range s.boxes() {
		b.st.data.concurrent = 7
		b.changed("7 concurrent Jump Client upgrades, by somebody else")
	}
}

// preempt gives A back what was taken from it, once.
func preempt(s *Site) {
	names := slices.Clone(s.w.names[s.Name])
	nat, translated := s.w.nat[outsideAddr]
	var watch func()
	watch = func() {
		if s.serving(&s.A) || s.home() != &s.B {
			s.after(10*time.Second, watch)
			return
		}
		s.after(5*time.Minute, func() {
			if s.A.SharedIP.IsValid() {
				_ = s.setEnabled(&s.A, s.A.SharedIP, true) // it is on the page
			}
			if !slices.Equal(s.w.names[s.Name], names) {
				s.setDNS(s.Name, names...)
			}
			if translated {
				s.w.nat[outsideAddr] = nat
			}
			s.w.resolved = map[string][]netip.Addr{}
			s.fleetMoved()
		})
	}
	watch()
}
