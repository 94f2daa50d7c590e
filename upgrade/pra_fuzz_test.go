package upgrade

import (
	"strings"
	"testing"
	"unicode"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// Law: no word of the undocumented vocabulary speaks of success and of failure, and only a whole word that is known speaks of success.
func FuzzSyncWord(f *testing.F) {
	for _, s := range []string{"success", "failed", "Success ", "completed with errors", "not ok", "", "unsuccessful", "done"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if goodWord(s) && (failedWord(s) || strings.Contains(strings.TrimSpace(s), " ") || len(strings.TrimSpace(s)) > 10) {
			t.Errorf("%q is good", s)
		}
	})
}

// Law: a version that cannot be read is never the target; one that is keeps being it when it grows; where the build is known it counts.
func FuzzReached(f *testing.F) {
	f.Add("25.1.1 (61234)", "25.1.1", "61234")
	f.Add("25.1.1", "25.1.1", "61234")
	f.Add("", "25.1.1", "")
	f.Add("Invalid action", "0", "")
	f.Fuzz(func(t *testing.T, said, number, build string) {
		want, err := beyondtrust.ParseVersion(number)
		if err != nil || want.Build != "" {
			return
		}
		u := PRAUpdate{Version: beyondtrust.Version{Number: want.Number, Build: build}}
		v, err := beyondtrust.ParseVersion(said)
		if err != nil {
			if u.done(v) {
				t.Errorf("%q is %s", said, u.Version)
			}
			return
		}
		c := beyondtrust.CompareNumbers(v.Number, want.Number)
		if done := u.done(v); done != (c > 0 || c == 0 && (build == "" || v.Build == build)) {
			t.Errorf("%q for %s: %t", said, u.Version, done)
		}
		more := beyondtrust.Version{Number: v.Number + ".1", Build: v.Build}
		if u.done(v) && c > 0 && !u.done(more) {
			t.Errorf("%s is %s, and %s is not", v, u.Version, more)
		}
	})
}

// Law: a package is installed only when its own row is there and says nothing against it.
func FuzzOffered(f *testing.F) {
	f.Add("available", "Base Software 7.0.0", "Base Software 7.0.0", "")
	f.Add("available", "BeyondTrust-25.1.1", "Base Software 7.0.0", "6.1.1 does not satisfy")
	f.Add("EULA required", "BeyondTrust-25.1.1", "", "")
	f.Fuzz(func(t *testing.T, state, title, row, blocked string) {
		st := beyondtrust.UpdateStatus{State: beyondtrust.UpdateState(state), Available: []beyondtrust.Update{{Package: beyondtrust.Package{Name: row}, Blocked: blocked}}}
		pkg := beyondtrust.ParsePackage(title)
		o, ok := offered(st, pkg, installSeen{})
		if may := st.State == beyondtrust.UpdateEULARequired || row == pkg.Name && blocked == ""; ok != may || !ok && o.Phase != Blocked {
			t.Errorf("%q with the row %q, %q: %t, %+v", title, row, blocked, ok, o)
		}
	})
}

// Law: names that an appliance hands on from elsewhere are shown on one line, without what a terminal would obey, and never more than a few of them.
func FuzzStragglers(f *testing.F) {
	f.Add("db01", 3)
	f.Add("\x1b[2J\nroot", 50_000)
	f.Fuzz(func(t *testing.T, name string, n int) {
		if n < 0 || n > 1<<20 {
			return
		}
		s := clientsSeen{All: n, Expected: n}
		for range min(n, maxStragglers) {
			s.Stragglers = append(s.Stragglers, oneLine(name, 60))
		}
		text := s.String()
		if strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 || len(text) > 400+maxStragglers*300 {
			t.Errorf("%d bytes: %.300q", len(text), text)
		}
	})
}
