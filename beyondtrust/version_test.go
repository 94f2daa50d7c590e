package beyondtrust

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseVersion(t *testing.T) {
	const revision = "0123456789abcdef0123456789abcdef01234567"
	tests := map[string]struct {
		in   string
		want Version
		ok   bool
	}{
		"as XML words it":    {"19.1.8 (37380-" + revision + ")", Version{"19.1.8", "37380", revision}, true},
		"without a revision": {" 24.3.2  (51234) ", Version{"24.3.2", "51234", ""}, true},
		"a number alone":     {"24.3", Version{Number: "24.3"}, true},
		"an error text":      {"Invalid action", Version{}, false},
		"nothing":            {"", Version{}, false},
		"an open bracket":    {"24.3.2 (51234", Version{}, false},
		"empty brackets":     {"24.3.2 ()", Version{}, false},
		"an empty revision":  {"24.3.2 (51234-)", Version{}, false},
		"more text":          {"24.3.2 beta", Version{}, false},
		"two dots":           {"24..2", Version{}, false},
		"a letter":           {"24.3.2a", Version{}, false},
		"a sign":             {"-24.3", Version{}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseVersion(tt.in)
			if (err == nil) != tt.ok {
				t.Fatalf("ParseVersion(%q) error = %v, want ok = %t", tt.in, err, tt.ok)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("ParseVersion(%q) (-want +got):\n%s", tt.in, d)
			}
		})
	}
	if s := (Version{}).String(); s != "unknown" {
		t.Errorf("the zero version is %q", s)
	}
}

func TestCompareVersions(t *testing.T) {
	ordered := []string{"9.9", "19.1.8", "24.3", "24.3.1 (7)", "24.3.1 (51233)", "24.3.1 (51234)", "24.10", "25.1.1", "100000000000000000000.1"}
	for i, a := range ordered {
		for j, b := range ordered {
			v, _ := ParseVersion(a)
			w, _ := ParseVersion(b)
			if got, want := v.Compare(w), sign(i-j); got != want {
				t.Errorf("%s to %s = %d, want %d", a, b, got, want)
			}
		}
	}
	if CompareNumbers("24.3", "24.3.0") != 0 || CompareNumbers("024.3", "24.3") != 0 {
		t.Error("a missing part is not 0")
	}
}

func sign(n int) int { return max(-1, min(1, n)) }

func TestSameVersion(t *testing.T) {
	const one, two = "0123456789abcdef0123456789abcdef01234567", "f123456789abcdef0123456789abcdef01234567"
	tests := map[string]struct {
		a, b Version
		want bool
	}{
		"XML and v2":          {Version{"26.1.2", "61234", one}, Version{"26.1.2", "61234", ""}, true},
		"both XML":            {Version{"26.1.2", "61234", one}, Version{"26.1.2", "61234", one}, true},
		"another build":       {Version{"26.1.2", "61234", ""}, Version{"26.1.2", "61235", ""}, false},
		"another revision":    {Version{"26.1.2", "61234", one}, Version{"26.1.2", "61234", two}, false},
		"no build":            {Version{Number: "26.1.2"}, Version{Number: "26.1.2"}, false},
		"nothing at all":      {Version{}, Version{}, false},
		"one does not tell":   {Version{"26.1.2", "61234", ""}, Version{Number: "26.1.2"}, false},
		"another number":      {Version{"26.1.2", "61234", ""}, Version{"26.1.3", "61234", ""}, false},
		"one more part, of 0": {Version{"26.1", "61234", ""}, Version{"26.1.0", "61234", ""}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.a.Same(tt.b) != tt.want || tt.b.Same(tt.a) != tt.want {
				t.Errorf("%v and %v: Same() is not %t", tt.a, tt.b, tt.want)
			}
		})
	}
}

func TestParsePackage(t *testing.T) {
	tests := map[string]Package{
		"Base Software 3.3.2":     {"Base Software 3.3.2", PackageBase, "3.3.2"},
		"Base  Software\n3.3.2":   {"Base Software 3.3.2", PackageBase, "3.3.2"},
		"Bomgar-12.2.0":           {"Bomgar-12.2.0", PackageSite, "12.2.0"},
		"BeyondTrust PRA-24.3.1":  {"BeyondTrust PRA-24.3.1", PackageSite, "24.3.1"},
		"Base Software of course": {"Base Software of course", "", ""},
		"Patch BT26-02":           {"Patch BT26-02", "", ""},
		"-1.2":                    {"-1.2", "", ""},
		"":                        {},
	}
	for in, want := range tests {
		if d := cmp.Diff(want, ParsePackage(in)); d != "" {
			t.Errorf("ParsePackage(%q) (-want +got):\n%s", in, d)
		}
	}
}

func TestRelationOf(t *testing.T) {
	tests := []struct {
		a, b Role
		want Relation
	}{
		{RolePrimary, RoleBackup, RelationEstablished},
		{RoleNone, RoleNone, RelationNone},
		{RoleBackup, RoleBackup, RelationBothBackup},
		{RolePrimary, RolePrimary, RelationConflict},
		{RoleNone, RolePrimary, RelationHalfBroken},
		{RoleNone, RoleBackup, RelationHalfBroken},
		{"", RoleBackup, RelationUnknown},
		{"witness", RoleNone, RelationUnknown},
	}
	for _, tt := range tests {
		if got := RelationOf(tt.a, tt.b); got != tt.want {
			t.Errorf("RelationOf(%q, %q) = %q, want %q", tt.a, tt.b, got, tt.want)
		}
		if got := RelationOf(tt.b, tt.a); got != tt.want {
			t.Errorf("RelationOf(%q, %q) = %q, want %q", tt.b, tt.a, got, tt.want)
		}
	}
}

func TestSameGUID(t *testing.T) {
	const plain = "50000000000000000000000000000aaa"
	for _, s := range []string{plain, "50000000000000000000000000000AAA", "{50000000-0000-0000-0000-000000000aaa}", " " + plain + "\n"} {
		if !SameGUID(plain, s) {
			t.Errorf("%q is not taken for %s", s, plain)
		}
	}
	for _, s := range []string{"", "50000000000000000000000000000aab", plain[1:], plain + "0", "g" + plain[1:]} {
		if SameGUID(plain, s) || SameGUID(s, s) && len(s) != 32 {
			t.Errorf("%q is taken for a GUID, or for %s", s, plain)
		}
	}
}
