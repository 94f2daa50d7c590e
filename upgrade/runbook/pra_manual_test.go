package runbook_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// TestPRANodeManual upgrades an appliance on a restricted network: a person fetches the packages once with the appliance's key.
func TestPRANodeManual(t *testing.T) {
	for name, h := range map[string]hands{"uploaded through the page": byPages, "uploaded by a person": byPerson} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := pratest.Single()
				s.A.Restricted = true
				s.Users = []pratest.User{{Name: "ada"}}
				r := newPRARig(t, s, h)
				r.update.Manual, r.update.Store = true, r.artifacts
				r.procedure = r.node().Procedure()
				key, err := s.A.Read(t.Context(), beyondtrust.MenuUpdates, "", beyondtrust.LinkDownloadKey)
				if err != nil {
					t.Fatal(err)
				}
				plan, err := upgrade.Plan(r.procedure)
				if err != nil {
					t.Fatal(err)
				}
				r.person.Secret = func(name string) (string, bool) { return key, strings.Contains(name, beyondtrust.LinkDownloadKey) }
				rep, err := r.run(t)
				if err != nil || rep.Outcome != upgrade.Succeeded {
					t.Fatalf("Run: %v\n%s\n%s\n%s", err, plan, rep, s.Record())
				}
				r.check(t, rep)
				if _, v, _ := s.A.Running(); v != praNew {
					t.Errorf("A runs %s", v)
				}
				for _, q := range r.person.Asked() {
					if strings.Contains(q.Text, key) {
						t.Errorf("the key is in a question: %s", q.Text)
					}
				}
				if strings.Contains(rep.String(), key) {
					t.Error("the key is in the report")
				}
				// Fetched again by another run, nothing is asked of the update server.
				before := len(s.Record().Of(pratest.Serve))
				r.journal = upgrade.NoJournal()
				if rep, err = r.run(t); err != nil {
					t.Fatalf("again: %v\n%s", err, rep)
				}
				if after := len(s.Record().Of(pratest.Serve)); after != before || before != len(praPackages()) {
					t.Errorf("%d packages were served, then %d", before, after)
				}
			})
		})
	}
}
