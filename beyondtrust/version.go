package beyondtrust

import (
	"cmp"
	"fmt"
	"strings"
)

// Version is a product version with its build, as an appliance reports it. Two appliances hold the same site package only when
// both agree (Remote Support, Failover guide); compare with [Version.Same], not with ==, because the XML API knows a
// revision that v2 leaves out.
type Version struct {
	Number   string // "24.3.2": a major version X.Y, a maintenance release X.Y.Z
	Build    string // "51234"; "" when not told
	Revision string // what follows the build in the XML API, 40 hexadecimal digits; "" when not told
}

// ParseVersion reads a version as the XML API words it, "24.3.2 (51234-0123…)", or a bare number, "24.3.2". Spaces around are
// ignored. It fails on anything else, so that an error text is never taken for a version.
func ParseVersion(s string) (Version, error) {
	number, rest, _ := strings.Cut(strings.TrimSpace(s), " ")
	v := Version{Number: number}
	if !dotted(number) {
		return Version{}, fmt.Errorf("beyondtrust: version %.80q: want a number such as 24.3.2", s)
	}
	if rest = strings.TrimSpace(rest); rest == "" {
		return v, nil
	}
	inner, ok := strings.CutPrefix(rest, "(")
	inner, closed := strings.CutSuffix(inner, ")")
	v.Build, v.Revision, _ = strings.Cut(inner, "-")
	if !ok || !closed || !word(v.Build) || (v.Revision != "" && !word(v.Revision)) || strings.HasSuffix(inner, "-") {
		return Version{}, fmt.Errorf("beyondtrust: version %.80q: want the build in brackets after the number", s)
	}
	return v, nil
}

// String is the version as [ParseVersion] reads it; "unknown" for the zero Version.
func (v Version) String() string {
	switch {
	case v.Number == "":
		return "unknown"
	case v.Build == "":
		return v.Number
	case v.Revision == "":
		return v.Number + " (" + v.Build + ")"
	}
	return v.Number + " (" + v.Build + "-" + v.Revision + ")"
}

// Same reports whether v and w are the same version and build. A build, or a number, that either does not tell is not the same;
// revisions are compared when both tell them.
func (v Version) Same(w Version) bool {
	return v.Number != "" && CompareNumbers(v.Number, w.Number) == 0 &&
		v.Build != "" && v.Build == w.Build &&
		(v.Revision == "" || w.Revision == "" || strings.EqualFold(v.Revision, w.Revision))
}

// Compare orders versions by number, then by build. Compare only versions of one product.
func (v Version) Compare(w Version) int {
	return cmp.Or(CompareNumbers(v.Number, w.Number), compareParts(v.Build, w.Build))
}

// CompareNumbers orders dotted numbers such as "6.1.2" part by part; a part that is missing counts as 0, so "24.3" and "24.3.0" are equal.
func CompareNumbers(a, b string) int {
	for a != "" || b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		if c := compareParts(x, y); c != 0 {
			return c
		}
	}
	return 0
}

// compareParts compares numbers by value, however long, and puts them before everything that is not one.
func compareParts(a, b string) int {
	switch x, y := digits(a), digits(b); {
	case x && y:
		a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	case x:
		return -1
	case y:
		return 1
	}
	return cmp.Compare(a, b)
}

// ParsePackage reads a row's title on the Updates page. "Base Software 3.3.2" is base; a name, a hyphen and a number, "Bomgar-12.2.0",
// is a site package; anything else keeps its name and has no class.
func ParsePackage(title string) Package {
	title = strings.Join(strings.Fields(title), " ")
	p := Package{Name: title}
	if n, ok := strings.CutPrefix(title, "Base Software "); ok && dotted(n) {
		p.Class, p.Number = PackageBase, n
		return p
	}
	if i := strings.LastIndexByte(title, '-'); i > 0 && dotted(title[i+1:]) && strings.Contains(title[i+1:], ".") {
		p.Class, p.Number = PackageSite, title[i+1:]
	}
	return p
}

// dotted reports whether s is digits with single dots between them.
func dotted(s string) bool {
	if len(s) > 64 {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || !digits(part) {
			return false
		}
	}
	return true
}

// digits reports whether s is made of digits only; the empty string is, and counts as 0.
func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// word reports whether s is made of letters and digits, and not empty.
func word(s string) bool {
	return s != "" && len(s) <= 64 && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) < 0
}
