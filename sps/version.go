package sps

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Version is a version of the SPS firmware: two to four numbers, "7.5" to "7.0.2.1", and perhaps the word "LTS" behind them,
// as the vendor's guides and images write it (SPS 6.0 LTS and 7.0.2 LTS Upgrade Guides, release policy).
//
// The zero Version is no version. Versions can be map keys, but == also sees how a version is spelled: compare with
// [Version.Same], for which "7.0.5", "7.0.5 LTS" and "7.0.5.0" are one.
type Version struct {
	numbers [4]uint32
	count   int  // how many numbers were written
	lts     bool // whether "LTS" was written
}

// ParseVersion reads a version as [Version.String] writes it. Spaces around it are ignored, as is the case of LTS. It fails on
// anything else, so that neither an error text nor a build suffix nobody has heard of is taken for a version; "LTS" behind
// a feature release, whose second number is not 0, is also refused.
func ParseVersion(s string) (Version, error) {
	var v Version
	text := strings.TrimSpace(s)
	if n := len(text) - len("lts"); n > 0 && strings.EqualFold(text[n:], "lts") && text[n-1] == ' ' {
		v.lts, text = true, strings.TrimRight(text[:n], " ")
	}
	parts := strings.Split(text, ".")
	if len(parts) < 2 || len(parts) > len(v.numbers) {
		return Version{}, fmt.Errorf("sps: version %.40q: want two to four numbers, such as 7.0.2.1", s)
	}
	v.count = len(parts)
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 32)
		if err != nil || strconv.FormatUint(n, 10) != part {
			return Version{}, fmt.Errorf("sps: version %.40q: want two to four numbers, such as 7.0.2.1", s)
		}
		v.numbers[i] = uint32(n)
	}
	if v.lts && !v.LTS() {
		return Version{}, fmt.Errorf("sps: version %.40q: an LTS has 0 as its second number", s)
	}
	return v, nil
}

// MustVersion is [ParseVersion] for versions written in a program; it panics on what is not a version.
func MustVersion(s string) Version {
	v, err := ParseVersion(s)
	if err != nil {
		panic(err)
	}
	return v
}

// String writes the version as it was read, "7.0.2.1" or "7.0.2.1 LTS"; "" for the zero Version.
func (v Version) String() string {
	if v.IsZero() {
		return ""
	}
	var b strings.Builder
	for i, n := range v.numbers[:v.count] {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strconv.FormatUint(uint64(n), 10))
	}
	if v.lts {
		b.WriteString(" LTS")
	}
	return b.String()
}

// IsZero reports whether v is no version.
func (v Version) IsZero() bool { return v.count == 0 }

// Compare orders versions by their numbers: -1 if v is older than w, 1 if it is newer, 0 if they are the same. Numbers that are
// not written count as 0, and the word LTS does not count. No version is older than every version.
func (v Version) Compare(w Version) int {
	for i := range v.numbers {
		if c := cmp.Compare(v.numbers[i], w.numbers[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(min(v.count, 1), min(w.count, 1))
}

// Same reports whether v and w are the same version, however they are spelled. No version is the same as nothing, not even as
// another missing one.
func (v Version) Same(w Version) bool { return !v.IsZero() && !w.IsZero() && v.Compare(w) == 0 }

// SameLine reports whether the first two numbers agree: an upgrade within a line is a maintenance release. When they differ,
// the "How to upgrade" guide of the new release outranks the Administration Guide (SPS 7.0.2.1 LTS Administration Guide,
// Upgrading SPS, caution).
func (v Version) SameLine(w Version) bool {
	return !v.IsZero() && !w.IsZero() && v.numbers[0] == w.numbers[0] && v.numbers[1] == w.numbers[1]
}

// LTS reports whether the version is a long-term supported release: its second number is 0 (SPS 6.0 LTS Upgrade Guide).
// Every such release needs a new licence file (SPS 6.0 Upgrade Guide).
func (v Version) LTS() bool { return !v.IsZero() && v.numbers[1] == 0 }

// MarshalText writes [Version.String], so that a version is a string in JSON.
func (v Version) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (v *Version) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*v = Version{}
		return nil
	}
	parsed, err := ParseVersion(string(text))
	if err != nil {
		return err
	}
	*v = parsed
	return nil
}
