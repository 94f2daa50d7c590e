package pratest

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// Package is an update as the vendor's server has it.
type Package struct {
	Name   string                   // the row's title: "Base Software 7.0.0", "BeyondTrust-25.1.1"
	Class  beyondtrust.PackageClass // default as [beyondtrust.ParsePackage] tells it from Name
	Number string                   // likewise
	Build  string                   // of a site package
	Base   string                   // the Base version it needs at least; "" any
	Site   string                   // the site version it needs at least; "" any
	Size   int64                    // of the file; default 4 MiB. It is made as it is read, so any size will do
	Other  bool                     // a site package built with another certification authority than the one in use
	// Unlicensed makes a site that comes up without a licence: no session starts, and nothing says so but the date.
	Unlicensed bool
	Until      string // when its licences end, as the page shows it; default "Never"
}

// DefaultOffers are a Base package and a site package that needs it.
func DefaultOffers() []Package {
	return []Package{
		{Name: "Base Software 7.0.0"},
		{Name: "BeyondTrust-25.1.1", Build: "61234", Base: "7.0.0"},
	}
}

func (p Package) filled() Package {
	known := beyondtrust.ParsePackage(p.Name)
	p.Class, p.Number = cmp.Or(p.Class, known.Class, beyondtrust.PackagePatch), cmp.Or(p.Number, known.Number)
	p.Size, p.Until = cmp.Or(p.Size, 4<<20), cmp.Or(p.Until, "Never")
	return p
}

// newestBase is what a factory-new appliance comes with.
func newestBase(offers []Package, base string) string {
	for _, p := range offers {
		if p = p.filled(); p.Class == beyondtrust.PackageBase && beyondtrust.CompareNumbers(p.Number, base) > 0 {
			base = p.Number
		}
	}
	return base
}

const packageMagic = "PRATEST PACKAGE 1\n"

// packageHeader is the text before the filling.
func packageHeader(p Package, guid string) string {
	return fmt.Sprintf("%sname: %s\nfor: %s\nsize: %d\n\n", packageMagic, p.Name, guid, p.Size)
}

// PackageFile returns the file of the package called name for the appliance with this GUID, and its length. It is made as it is read, whatever its size, and
// counts as served by nobody; see [Site.FetchUpdate] for what a person does.
//
// The vendor's format is not public. A package of this simulator is a text header, a filling as long as the header tells, and the SHA-256 of all that:
//
//	PRATEST PACKAGE 1
//	name: BeyondTrust-25.1.1
//	for: 50000000000000000000000000000aaa
//	size: 4194304
//	(an empty line)
//	(size bytes)
//	(32 bytes)
//
// It is for the one appliance whose GUID it names, as the vendor's are.
func (s *Site) PackageFile(name, guid string) (io.Reader, int64, error) {
	s.lock()
	defer s.mu.Unlock()
	p, ok := s.offer(name)
	if !ok {
		return nil, 0, fmt.Errorf("pratest: package %q: the update server does not have it", name)
	}
	r, size := packageFile(p, guid)
	return r, size, nil
}

func packageFile(p Package, guid string) (io.Reader, int64) {
	head := packageHeader(p, guid)
	sum := sha256.New()
	body := io.TeeReader(io.MultiReader(strings.NewReader(head), io.LimitReader(filling{}, p.Size)), sum)
	return io.MultiReader(body, &trailer{sum: sum}), int64(len(head)) + p.Size + sha256.Size
}

// filling is endless and the same everywhere.
type filling struct{}

func (filling) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// trailer is the sum of what was read before it.
type trailer struct {
	sum  hash.Hash
	rest io.Reader
}

func (t *trailer) Read(p []byte) (int, error) {
	if t.rest == nil {
		t.rest = bytes.NewReader(t.sum.Sum(nil))
	}
	return t.rest.Read(p)
}

// readPackage reads a package file to its end, in constant memory, and says which package it is, for whom.
func readPackage(r io.Reader) (name, guid string, err error) {
	sum := sha256.New()
	in := bufio.NewReader(r)
	line := func() (string, error) {
		text, err := in.ReadSlice('\n')
		if err != nil {
			return "", errors.New("the file is not an update package")
		}
		sum.Write(text)
		return string(text), nil
	}
	if first, err := line(); err != nil || first != packageMagic {
		return "", "", errors.New("the file is not an update package")
	}
	var size int64
	for {
		text, err := line()
		if err != nil {
			return "", "", err
		}
		key, value, _ := strings.Cut(strings.TrimSuffix(text, "\n"), ": ")
		switch key {
		case "name":
			name = value
		case "for":
			guid = value
		case "size":
			if size, err = strconv.ParseInt(value, 10, 64); err != nil || size < 0 {
				return "", "", errors.New("the package is damaged")
			}
		}
		if text == "\n" {
			break
		}
	}
	if n, err := io.CopyN(sum, in, size); err != nil || n != size {
		return "", "", errors.New("the package is not complete")
	}
	want, err := io.ReadAll(io.LimitReader(in, sha256.Size+1))
	if err != nil || !bytes.Equal(want, sum.Sum(nil)) {
		return "", "", errors.New("the package is damaged")
	}
	return name, guid, nil
}
