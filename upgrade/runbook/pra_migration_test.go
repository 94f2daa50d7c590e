package runbook_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/runbook"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

const keyWord = "under lock and key"

// migration is a site that moves to new hardware of the same version.
func migration(t *testing.T, h hands) (*praRig, runbook.PRAHardware) {
	t.Helper()
	s := pratest.Migrate()
	s.Users = []pratest.User{{Name: "ada"}}
	s.Offers = []pratest.Package{{Name: "BeyondTrust-" + praOld, Build: "51234"}}
	w := wire(s, pratest.ByDNS)
	r := newPRARig(t, s, h)
	r.person.Secret = func(name string) (string, bool) { // what he is given by name, never in an instruction
		return keyWord, name == "the passphrase for the exported private key"
	}
	id, secret := s.Account()
	var err error
	r.b.Client, err = beyondtrust.NewClient(s.URL(), beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)), &beyondtrust.Options{Dial: s.B.Address(), HTTPClient: s.HTTPClient(), GUID: s.B.GUID})
	if err != nil {
		t.Fatal(err)
	}
	r.set.Passphrase = beyondtrust.NewSecret(keyWord)
	lower, await := upgrade.LowerTTL(r.record(w), 30*time.Second)
	return r, runbook.PRAHardware{Old: r.a, New: r.b, Site: r.name, Swing: r.swing(w, pratest.ByDNS), LowerTTL: lower, AwaitTTL: await, Artifacts: r.artifacts, Address: s.B.Addr,
		Update:      upgrade.PRAUpdate{Packages: []string{"BeyondTrust-" + praOld}, Version: beyondtrust.Version{Number: praOld}},
		PRASettings: r.set}
}

// pagesOf says which pages of the two appliances have drivers.
type pagesOf func(old, to *beyondtrust.Pages)

func TestPRAHardware(t *testing.T) {
	tests := map[string]struct {
		hands hands
		pages pagesOf // taken away
	}{
		"through the pages":        {byPages, nil},
		"by a person":              {byPerson, nil},
		"the old one by a person":  {byPages, func(old, _ *beyondtrust.Pages) { *old = beyondtrust.Pages{} }},
		"the new one by a person":  {byPages, func(_, to *beyondtrust.Pages) { *to = beyondtrust.Pages{} }},
		"certificates by a person": {byPages, func(old, to *beyondtrust.Pages) { old.Certificates, to.Certificates = nil, nil }},
		"export by a person":       {byPages, func(old, _ *beyondtrust.Pages) { old.Certificates = nil }},
		"software by a person":     {byPages, func(_, to *beyondtrust.Pages) { to.Software = nil }},
		"updates by a person":      {byPages, func(_, to *beyondtrust.Pages) { to.Updates = nil }},
		"status by a person":       {byPages, func(old, to *beyondtrust.Pages) { old.Status, to.Status = nil, nil }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			sample(t)
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r, book := migration(t, tt.hands)
				if tt.pages != nil {
					tt.pages(&book.Old.Pages, &book.New.Pages)
				}
				if err := book.Check(); err != nil {
					t.Fatal(err)
				}
				r.procedure = book.Procedure()
				rep, err := r.run(t)
				if err != nil || rep.Outcome != upgrade.Succeeded {
					t.Fatalf("Run: %v\n%v\n%s\n%s", err, r.person.Err(), rep, r.site.Record())
				}
				r.check(t, rep)
				r.checkMoved(t, rep)
			})
		})
	}
}

// checkMoved looks at the appliances after the site has moved, and for the secret where it must not be.
func (r *praRig) checkMoved(t *testing.T, rep *upgrade.Report) {
	t.Helper()
	if at := r.site.At(); len(at) != 1 || at[0] != r.site.B.Name {
		t.Errorf("the site's name leads to %v", at)
	}
	for what, want := range map[pratest.What]int{pratest.FactoryReset: 1, pratest.ShutDown: 1, pratest.Agree: 1, pratest.Restore: 1} {
		if n := len(r.site.Record().Of(what)); n != want {
			t.Errorf("%d times %s, want %d", n, what, want)
		}
	}
	if _, v, _ := r.site.B.Running(); v != praOld {
		t.Errorf("the new appliance runs %s", v)
	}
	stored, err := r.artifacts.Open(t.Context(), "pra-certificate-192.0.2.11.pem")
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Close()
	file, err := io.ReadAll(stored)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(file), "-----BEGIN PRIVATE KEY") || !strings.Contains(string(file), "SEALED KEY") {
		t.Error("the stored private key is not encrypted")
	}
	for _, rec := range r.journal.Records() {
		if strings.Contains(string(rec.Evidence)+rec.Detail+rec.Answer+rec.Err, keyWord) {
			t.Errorf("the passphrase is in the journal: %s of %s", rec.Kind, rec.Path)
		}
	}
	for _, q := range r.person.Asked() {
		if q.Instruction == nil {
			continue
		}
		for _, f := range q.Instruction.Set {
			if strings.Contains(f.Value, keyWord) {
				t.Errorf("the passphrase is in an instruction of %s", q.Step)
			}
		}
	}
	if strings.Contains(rep.String(), keyWord) {
		t.Error("the passphrase is in the report")
	}
}

// TestPRAHardwareClearKey has a person forget the passphrase: the file is refused and named, and once it is gone and exported again the run goes on.
func TestPRAHardwareClearKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, book := migration(t, byPerson)
		word := ""
		r.person.Secret = func(string) (string, bool) { return word, true }
		honest := r.person.Answer
		r.person.Answer = func(q upgrade.Question) string {
			if strings.HasPrefix(q.Text, "The inbox has no export") {
				return upgrade.AnswerNo
			}
			return honest(q)
		}
		r.procedure = book.Procedure()
		rep, err := r.run(t)
		if se, ok := stepError(err); !ok || se.Outcome != upgrade.Failed || !strings.Contains(se.Seen.Detail, "not encrypted: remove the file") {
			t.Fatalf("a clear key: %v\n%s", err, rep)
		}
		if _, err := r.artifacts.Stat(t.Context(), "pra-certificate-192.0.2.11.pem"); err == nil {
			t.Error("the clear key was stored")
		}
		if err := os.Remove(filepath.Join(r.artifacts.InboxPath(), siteName+".pem")); err != nil {
			t.Fatal(err)
		}
		word = keyWord
		if rep, err = r.run(t); err != nil {
			t.Fatalf("the second run: %v\n%v\n%s", err, r.person.Err(), rep)
		}
		r.check(t, rep)
		r.checkMoved(t, rep)
	})
}

// TestPRAHardwareKept has a person keep the exported file to himself: he alone uploads it.
func TestPRAHardwareKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, book := migration(t, byPerson)
		r.procedure = book.Procedure()
		own := t.TempDir()
		r.person.Inbox = own
		old := r.person.Pages[r.b.Host()]
		r.person.Pages[r.b.Host()] = keeper{old, filepath.Join(own, siteName+".pem")}
		rep, err := r.run(t)
		if err != nil {
			t.Fatalf("Run: %v\n%v\n%s", err, r.person.Err(), rep)
		}
		if at := r.site.At(); len(at) != 1 || at[0] != r.site.B.Name {
			t.Errorf("the site's name leads to %v", at)
		}
		if _, err := r.artifacts.Stat(t.Context(), "pra-certificate-192.0.2.11.pem"); err == nil {
			t.Error("what a person keeps was stored")
		}
	})
}

// keeper is a person's browser who knows where he put the file that an instruction speaks of.
type keeper struct {
	upgradetest.Pages
	file string
}

func (k keeper) Press(ctx context.Context, where, row, button string, set map[string]string, dialog string) (string, io.Reader, error) {
	for label, v := range set {
		if v == "the file that was exported from A" {
			set[label] = k.file
		}
	}
	return k.Pages.Press(ctx, where, row, button, set, dialog)
}

// TestPRAHardwareWrongBox pins the new appliance to a GUID that its page does not show: nothing is pressed on it.
func TestPRAHardwareWrongBox(t *testing.T) {
	for name, h := range map[string]hands{"through the pages": byPages, "by a person": byPerson} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, book := migration(t, h)
				id, secret := r.site.Account()
				var err error
				book.New.Client, err = beyondtrust.NewClient(r.site.URL(), beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)),
					&beyondtrust.Options{Dial: r.site.B.Address(), HTTPClient: r.http(), GUID: strings.Repeat("7", 32)})
				if err != nil {
					t.Fatal(err)
				}
				r.procedure = book.Procedure()
				rep, err := r.run(t)
				if !errors.Is(err, upgrade.ErrBlocked) || !strings.Contains(rep.String(), "shows the GUID") {
					t.Fatalf("%v\n%s", err, rep)
				}
				if n := len(r.site.Record().On(r.site.B.Name)); n != 0 {
					t.Errorf("%d things happened on the wrong appliance:\n%s", n, r.site.Record())
				}
			})
		})
	}
}

// TestPRAHardwareSoakOutlivesTheProcess ends the program while the new appliance soaks. Nobody need run it for a week.
func TestPRAHardwareSoakOutlivesTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, book := migration(t, byPages)
		r.procedure = book.Procedure()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Hour)
		defer cancel()
		rep, err := upgrade.Run(ctx, r.procedure, &upgrade.Options{Journal: r.journal, Operator: r.person})
		if rep == nil || rep.Outcome != upgrade.Held {
			t.Fatalf("cancelled while it soaks: %v\n%s", err, rep)
		}
		time.Sleep(6 * 24 * time.Hour)
		began := time.Now()
		if rep, err = r.run(t); err != nil {
			t.Fatalf("%v\n%s", err, rep)
		}
		if d := time.Since(began); d > 24*time.Hour {
			t.Errorf("it soaked anew: %s", d)
		}
		r.checkMoved(t, rep)
	})
}
