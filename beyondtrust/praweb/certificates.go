package praweb

import (
	"context"
	"io"
	"io/fs"
	"net/netip"
	"slices"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/internal/browser/site"
)

type certificates struct{ d *Driver }

const pageCertificates = "certificates"

// shown is a certificate and the first cell of its row.
type shown struct {
	row string
	beyondtrust.Certificate
}

// Certificates lists the rows of the page.
func (c certificates) Certificates(ctx context.Context) (out []beyondtrust.Certificate, err error) {
	err = c.d.visit(ctx, pageCertificates, func(v *site.Visit) error {
		rows, err := readCertificates(v)
		for _, r := range rows {
			out = append(out, r.Certificate)
		}
		return err
	})
	return out, err
}

func readCertificates(v *site.Visit) (out []shown, err error) {
	err = v.Read(func(r *site.Reading) error {
		out = nil
		for _, row := range r.Items("certificates.issued to") {
			get := func(key string) string { return row.Value("certificates."+key, nil) }
			s := shown{row: row.Head(), Certificate: beyondtrust.Certificate{
				IssuedTo: get("issued to"), IssuedBy: get("issued by"), Names: list(get("names")), NotAfter: at(get("expiration")),
				PrivateKey: onOff(get("private key")),
			}}
			if s.IssuedTo == "" {
				continue // no row of a certificate
			}
			for _, a := range list(get("assigned")) {
				if addr, err := netip.ParseAddr(a); err == nil {
					s.Assigned = append(s.Assigned, addr)
				}
			}
			if w := get("warnings"); w != "" {
				s.Warnings = []string{w}
			}
			out = append(out, s)
		}
		return nil
	})
	return out, err
}

// the returns the one row that agrees with want in every field that is not zero.
func the(v *site.Visit, want beyondtrust.Certificate) (shown, error) {
	rows, err := readCertificates(v)
	if err != nil {
		return shown{}, err
	}
	var fits []shown
	for _, r := range rows {
		if like(r.Certificate, want) {
			fits = append(fits, r)
		}
	}
	if len(fits) != 1 {
		return shown{}, notPressed("certificate %q: %d of the %d rows are like it, want one", want.IssuedTo, len(fits), len(rows))
	}
	return fits[0], nil
}

func like(c, want beyondtrust.Certificate) bool {
	return (want.IssuedTo == "" || fold(c.IssuedTo) == fold(want.IssuedTo)) &&
		(want.IssuedBy == "" || fold(c.IssuedBy) == fold(want.IssuedBy)) &&
		(len(want.Names) == 0 || slices.Equal(c.Names, want.Names)) &&
		(want.NotAfter.IsZero() || c.NotAfter.Equal(want.NotAfter)) &&
		(want.PrivateKey == "" || c.PrivateKey == want.PrivateKey) &&
		(len(want.Assigned) == 0 || slices.Equal(c.Assigned, want.Assigned)) &&
		(len(want.Warnings) == 0 || slices.Equal(c.Warnings, want.Warnings))
}

// Export opens the row's export, ticks certificate, key and chain, and writes the file that comes.
func (c certificates) Export(ctx context.Context, cert beyondtrust.Certificate, passphrase beyondtrust.Secret, w io.Writer) error {
	return c.d.visit(ctx, pageCertificates, func(v *site.Visit) error {
		row, err := the(v, cert)
		if err != nil {
			return err
		}
		return steps(
			func() error {
				return v.Follow("certificates.export", "certificate export", site.Values{"row": {row.row}})
			},
			func() error { return v.Tick("export.certificate", true, nil) },
			func() error { return v.Tick("export.key", true, nil) },
			func() error { return v.Tick("export.chain", true, nil) },
			func() error { return set(v, "export.passphrase", passphrase) },
			func() error { _, err := v.Save("export.export", nil, w); return err },
		)
	})
}

// Import opens the import, chooses the file, and uploads it.
func (c certificates) Import(ctx context.Context, fsys fs.FS, name string, passphrase beyondtrust.Secret) error {
	return c.d.visit(ctx, pageCertificates, func(v *site.Visit) error {
		return steps(
			func() error { return v.Follow("certificates.import", "certificate import", nil) },
			func() error { _, err := v.Attach("import.file", nil, fsys, name); return err },
			func() error { return set(v, "import.passphrase", passphrase) },
			func() error { return v.Press("import.upload", nil) },
		)
	})
}

// AssignIP opens the row's assignment, ticks the address, and saves. A row with a warning is left alone.
func (c certificates) AssignIP(ctx context.Context, cert beyondtrust.Certificate, addr netip.Addr) error {
	return c.d.visit(ctx, pageCertificates, func(v *site.Visit) error {
		row, err := the(v, cert)
		if err != nil {
			return err
		}
		if len(row.Warnings) > 0 {
			return notPressed("assign certificate %q: its row warns: %q", row.IssuedTo, row.Warnings)
		}
		return steps(
			func() error {
				return v.Follow("certificates.assign", "certificate assignment", site.Values{"row": {row.row}})
			},
			func() error { return v.Tick("assignment.address", true, site.Values{"address": {addr.String()}}) },
			func() error { return v.Press("assignment.save", nil) },
		)
	})
}
