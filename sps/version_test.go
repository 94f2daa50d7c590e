package sps_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/changeover-sdk/changeover/sps"
)

func TestParseVersion(t *testing.T) {
	tests := map[string]struct {
		in, want string
		err      bool
	}{
		"two numbers":               {"7.5", "7.5", false},
		"three numbers":             {"7.0.2", "7.0.2", false},
		"four numbers":              {"7.0.2.1", "7.0.2.1", false},
		"an LTS":                    {"7.0.2.1 LTS", "7.0.2.1 LTS", false},
		"an LTS in small letters":   {"8.0 lts", "8.0 LTS", false},
		"spaces around":             {"  7.5.1\n", "7.5.1", false},
		"large numbers":             {"7.0.4294967295", "7.0.4294967295", false},
		"nothing":                   {"", "", true},
		"one number":                {"7", "", true},
		"five numbers":              {"7.0.2.1.5", "", true},
		"a leading zero":            {"7.05", "", true},
		"a sign":                    {"7.+5", "", true},
		"a letter":                  {"7.0.x", "", true},
		"a build suffix":            {"7.0.2-b12", "", true},
		"marketing words":           {"5 F7", "", true},
		"a feature release as LTS":  {"7.5 LTS", "", true},
		"LTS without a space":       {"7.0LTS", "", true},
		"only LTS":                  {"LTS", "", true},
		"a number beyond all sizes": {"7.0.99999999999", "", true},
		"an empty part":             {"7..2", "", true},
		"a page":                    {"<html><title>7.0.2</title>", "", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			v, err := sps.ParseVersion(tt.in)
			if (err != nil) != tt.err || v.String() != tt.want {
				t.Errorf("ParseVersion(%q) = %q, %v; want %q, error %t", tt.in, v, err, tt.want, tt.err)
			}
		})
	}
}

func TestVersionOrder(t *testing.T) {
	sorted := []string{"", "5.0", "6.0.12", "6.13.1", "7.0", "7.0.2", "7.0.2.1", "7.0.3", "7.0.10", "7.1", "7.5.1", "8.0", "10.0"}
	var versions []sps.Version
	for _, s := range sorted {
		var v sps.Version
		if s != "" {
			v = sps.MustVersion(s)
		}
		versions = append(versions, v)
	}
	for i, v := range versions {
		for j, w := range versions {
			if got, want := v.Compare(w), map[bool]int{true: 1, false: -1}[i > j]; i != j && got != want {
				t.Errorf("%q.Compare(%q) = %d, want %d", v, w, got, want)
			}
			if got, want := v.Same(w), i == j && i != 0; got != want {
				t.Errorf("%q.Same(%q) = %t, want %t", v, w, got, want)
			}
		}
	}
	if !slices.IsSortedFunc(versions, sps.Version.Compare) {
		t.Error("not sorted")
	}
}

func TestVersionIsTheSameHoweverItIsSpelled(t *testing.T) {
	for _, pair := range [][2]string{{"7.0", "7.0.0"}, {"7.0.2", "7.0.2 LTS"}, {"8.0 LTS", "8.0.0.0"}} {
		v, w := sps.MustVersion(pair[0]), sps.MustVersion(pair[1])
		if !v.Same(w) || v.Compare(w) != 0 {
			t.Errorf("%v and %v are not the same", v, w)
		}
		if v == w {
			t.Errorf("%v == %v: spelling is lost", v, w)
		}
	}
}

func TestVersionLines(t *testing.T) {
	tests := map[[2]string]bool{{"7.0.2", "7.0.2.1"}: true, {"7.0", "7.0.5 LTS"}: true, {"7.0.5", "7.1.0"}: false, {"7.5", "8.5"}: false}
	for pair, want := range tests {
		if got := sps.MustVersion(pair[0]).SameLine(sps.MustVersion(pair[1])); got != want {
			t.Errorf("%s.SameLine(%s) = %t, want %t", pair[0], pair[1], got, want)
		}
	}
	for s, want := range map[string]bool{"7.0.2.1": true, "8.0 LTS": true, "7.5": false, "10.10.0": false} {
		if got := sps.MustVersion(s).LTS(); got != want {
			t.Errorf("%s.LTS() = %t, want %t", s, got, want)
		}
	}
	var none sps.Version
	if none.LTS() || none.SameLine(none) || none.Same(none) || !none.IsZero() {
		t.Error("no version counts as one")
	}
}

func TestVersionInJSON(t *testing.T) {
	type doc struct{ V, None sps.Version }
	text, err := json.Marshal(doc{V: sps.MustVersion("7.0.2.1 LTS")})
	if err != nil || string(text) != `{"V":"7.0.2.1 LTS","None":""}` {
		t.Fatalf("Marshal = %s, %v", text, err)
	}
	var back doc
	if err := json.Unmarshal(text, &back); err != nil || back.V != sps.MustVersion("7.0.2.1 LTS") || !back.None.IsZero() {
		t.Errorf("Unmarshal = %+v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`{"V":"soon"}`), &back); err == nil {
		t.Error("a word became a version")
	}
}

func TestMustVersionPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("MustVersion took what is no version")
		}
	}()
	sps.MustVersion("soon")
}

// The law: what is read prints as what it was read from, in spelling and in meaning.
func FuzzParseVersion(f *testing.F) {
	for _, s := range []string{"7.0.2.1", "7.0.2.1 LTS", "8.0", "5 F7", "7.0.2-b12", "", "7.00", " 7.5 lts "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := sps.ParseVersion(s)
		if err != nil {
			if !v.IsZero() {
				t.Errorf("ParseVersion(%q) fails and gives %v", s, v)
			}
			return
		}
		again, err := sps.ParseVersion(v.String())
		if err != nil || again != v || !v.Same(again) || v.Compare(again) != 0 {
			t.Errorf("%q parsed as %v, which parses as %v, %v", s, v, again, err)
		}
	})
}
