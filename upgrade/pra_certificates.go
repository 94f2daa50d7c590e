package upgrade

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// Labels of the Certificates page that no document has, and what instructions call the passphrase.
const (
	labelCertificate     = "Certificate"
	labelPrivateKey      = "Private Key"
	labelChain           = "Certificate Chain"
	labelPassphrase      = "Passphrase"
	labelCertificateFile = "Certificate File"
	labelWarnings        = "Warnings"

	secretPassphrase = "the passphrase for the exported private key"
)

// ExportCertificates returns the group that exports the certificate that serves the site, with its chain and its private key under a passphrase: Security > Certificates > Export. It removes nothing from the
// appliance, and a certificate that is stored already is not exported again.
//
// Where the page has a driver the file goes from the page into a, under passphrase. By hand a person exports it under a passphrase of his; he puts the file into the inbox, from where it is stored, or keeps it
// and says so. A file in the inbox whose private key is not encrypted is refused, and named, so that somebody removes it. The clear key is never needed here, and the passphrase by a driver alone.
func ExportCertificates(p PRA, a Artifacts, passphrase beyondtrust.Secret) Step {
	f := exported{p, a}
	if p.Pages.Certificates != nil {
		return Group("certificate of "+p.Name, f.export(passphrase))
	}
	return Group("certificate of "+p.Name, f.exportByHand(), f.store())
}

func (f exported) export(passphrase beyondtrust.Secret) Step {
	return Step{Name: "export the certificate", On: []string{f.from.Host()}, With: map[string]string{"artifact": f.name()},
		Observe: func(ctx context.Context, _ Look) (Observation, error) {
			st, err := f.a.Stat(ctx, f.name())
			switch {
			case err == nil:
				return See(Done, st, "%s is stored", st.Name), nil
			case errors.Is(err, fs.ErrNotExist):
				return See(Ready, nil, "the certificate is not exported"), nil
			}
			return Observation{}, err
		},
		Act: func(ctx context.Context, _ *slog.Logger) error {
			row, err := f.from.servingRow(ctx)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrNotSent, err)
			}
			_, err = f.a.Put(ctx, f.name(), func(w io.Writer) error { return f.from.Pages.Certificates.Export(ctx, row, passphrase, w) })
			if errors.Is(err, fs.ErrExist) {
				return nil
			}
			return err
		},
		Again: Freely, Limit: 10 * time.Minute, Takes: time.Minute}
}

// exportByHand is done when the file is here, or when the person keeps it himself.
func (f exported) exportByHand() Step {
	on := string(beyondtrust.On)
	issuedTo := f.from.site()
	return Step{Name: "export the certificate", On: []string{f.from.Host()}, With: map[string]string{"artifact": f.name()},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			leaf, err := f.from.servedLeaf(ctx)
			if err != nil {
				return praCannot(look, err)
			}
			issuedTo = leaf.Subject.CommonName
			found, where, err := f.find(ctx, leaf)
			switch {
			case errors.Is(err, errClearKey):
				return See(Blocked, nil, "%s", firstLine(err)), nil
			case err != nil:
				return Observation{}, err
			case found:
				return See(Done, where, "%s: the private key in it is encrypted", where), nil
			case look.Since == nil:
				return See(Ready, nil, "the certificate of %s is not exported", issuedTo), nil
			}
			v, err := look.Ask(ctx, Question{Kind: AskConfirm, Options: []string{AnswerYes, AnswerNo},
				Text: fmt.Sprintf("The inbox has no export of the certificate of %s. Do you keep the exported file, with chain and private key under a passphrase, at a safe place of your own?", issuedTo)})
			switch {
			case err != nil:
				return Observation{}, err
			case v == AnswerYes:
				return See(Done, nil, "a person keeps it"), nil
			}
			return See(Ready, nil, "the certificate of %s is not exported", issuedTo), nil
		},
		Ask: func(*Mark) *Instruction {
			return &Instruction{Where: beyondtrust.MenuCertificates, Row: issuedTo, Button: beyondtrust.ButtonExport, Set: []Field{
				{Label: labelCertificate, Value: on}, {Label: labelPrivateKey, Value: on}, {Label: labelChain, Value: on}, {Label: labelPassphrase, Value: secretPassphrase, Secret: true},
			}, Expect: "a file with certificate, chain and encrypted private key. Put it into the inbox of the artifacts folder, or keep it at a safe place of your own"}
		},
		Again: Freely, Every: 10 * time.Second, Limit: time.Hour, Takes: 5 * time.Minute, Attended: true,
		Advice: "An export without a passphrase is a private key for everybody: remove such a file. " + beyondtrust.HeadingExport + " asks for one."}
}

// store makes an artifact of a file in the inbox.
func (f exported) store() Step {
	return Step{Name: "store the certificate", On: []string{f.from.Host()}, With: map[string]string{"artifact": f.name()},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			st, err := f.a.Stat(ctx, f.name())
			if err == nil {
				return See(Done, st, "%s is stored, SHA-256 %.12s…", st.Name, st.SHA256), nil
			} else if !errors.Is(err, fs.ErrNotExist) {
				return Observation{}, err
			}
			leaf, err := f.from.servedLeaf(ctx)
			if err != nil {
				return praCannot(look, err)
			}
			found, where, err := f.find(ctx, leaf)
			switch {
			case err != nil:
				return Observation{}, err
			case found:
				return See(Ready, where, "%s is to be stored", where), nil
			}
			return See(Done, nil, "a person keeps it"), nil
		},
		Act: func(ctx context.Context, _ *slog.Logger) error {
			leaf, err := f.from.servedLeaf(ctx)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrNotSent, err)
			}
			return f.take(ctx, leaf)
		},
		Again: Freely, Limit: 10 * time.Minute, Takes: time.Minute}
}

// servedLeaf is the certificate that the appliance shows for the site's name at its own address.
func (p PRA) servedLeaf(ctx context.Context) (*x509.Certificate, error) {
	chain, err := p.Client.ServedChain(ctx)
	if err != nil {
		return nil, err
	}
	return chain[0], nil
}

// servingRow finds the row of the certificate that is shown at the appliance's own address.
func (p PRA) servingRow(ctx context.Context) (beyondtrust.Certificate, error) {
	leaf, err := p.servedLeaf(ctx)
	if err != nil {
		return beyondtrust.Certificate{}, err
	}
	return p.rowOf(ctx, leaf)
}

// rowOf finds the one row with a private key that is issued to the same name and ends at the same time as a certificate.
func (p PRA) rowOf(ctx context.Context, leaf *x509.Certificate) (beyondtrust.Certificate, error) {
	rows, err := p.Pages.Certificates.Certificates(ctx)
	if err != nil {
		return beyondtrust.Certificate{}, err
	}
	var found []beyondtrust.Certificate
	for _, row := range rows {
		if row.IssuedTo == leaf.Subject.CommonName && row.NotAfter.Equal(leaf.NotAfter) && row.PrivateKey == beyondtrust.On {
			found = append(found, row)
		}
	}
	if len(found) != 1 {
		return beyondtrust.Certificate{}, fmt.Errorf("%w: %d certificates with a private key are issued to %s until %s", beyondtrust.ErrNotFound, len(found), leaf.Subject.CommonName, stamp(leaf.NotAfter))
	}
	return found[0], nil
}

// ImportCertificates returns the step that imports what [ExportCertificates] exported into another appliance: Security > Certificates > Import, then Upload. It is done when that one lists the certificate with its
// private key and without a warning, as its driver, or a person, reads the row; or shows it at its own address already. passphrase is for a driver; a person knows his own.
func ImportCertificates(from, to PRA, a Artifacts, passphrase beyondtrust.Secret) Step {
	f := exported{from, a}
	file := f.path() // as the look just before the act found it
	s := Step{Name: "import the certificate", On: []string{to.Host()}, With: map[string]string{"artifact": f.name()}, Attended: to.Pages.Certificates == nil,
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			leaf, err := from.servedLeaf(ctx)
			if err != nil {
				return praCannot(look, err)
			}
			if sameChain(ctx, from, to) {
				return See(Done, leaf.Subject.CommonName, "%s shows the certificate of %s", to.Name, leaf.Subject.CommonName), nil
			}
			if to.Pages.Certificates == nil {
				if _, err := a.Stat(ctx, f.name()); err != nil {
					file = "the file that was exported from " + from.Name
				}
				return to.importedByHand(ctx, look, leaf)
			}
			switch row, err := to.rowOf(ctx, leaf); {
			case err == nil && len(row.Warnings) > 0:
				return See(Blocked, row.Warnings, "the certificate is imported and warns: %s", strings.Join(row.Warnings, "; ")), nil
			case err == nil:
				return See(Done, row.IssuedTo, "%s has the certificate of %s", to.Name, row.IssuedTo), nil
			case !errors.Is(err, beyondtrust.ErrNotFound):
				return Observation{}, err
			}
			if _, err := a.Stat(ctx, f.name()); errors.Is(err, fs.ErrNotExist) && look.Since == nil {
				return See(Blocked, nil, "the exported certificate is neither stored nor in the inbox: put it there, or import it into %s yourself, then run again", to.Name), nil
			} else if err != nil && look.Since == nil {
				return Observation{}, err
			}
			return See(Ready, nil, "%s does not have the certificate of %s", to.Name, leaf.Subject.CommonName), nil
		},
		Ask: func(*Mark) *Instruction {
			return &Instruction{Where: beyondtrust.MenuCertificates, Button: beyondtrust.ButtonUpload, Set: []Field{
				{Label: labelCertificateFile, Value: file}, {Label: labelPassphrase, Value: secretPassphrase, Secret: true},
			}, Expect: "behind " + beyondtrust.ButtonImport + ": a row issued to " + from.site() + ", with its private key and without a warning"}
		},
		Settle: time.Minute, Every: 10 * time.Second, Limit: 10 * time.Minute, Takes: 5 * time.Minute,
		Advice: "Resolve the warnings of the certificate's row before you assign it."}
	if page := to.Pages.Certificates; page != nil {
		s.Act = func(ctx context.Context, _ *slog.Logger) error {
			return page.Import(ctx, artifactFS{ctx, a}, f.name(), passphrase)
		}
		s.Ask = nil
	}
	return s
}

// importedByHand lets a person read the row. Before the act there may be none, so nothing is asked.
func (p PRA) importedByHand(ctx context.Context, look Look, leaf *x509.Certificate) (Observation, error) {
	name := leaf.Subject.CommonName
	if look.Since == nil {
		return See(Ready, nil, "%s does not show the certificate of %s", p.Name, name), nil
	}
	to, err := p.read(ctx, look, beyondtrust.MenuCertificates, name, beyondtrust.LabelIssuedTo, "Type it as the row shows it, and - where there is no such row.")
	switch {
	case err != nil:
		return Observation{}, err
	case to == "":
		return See(Ready, nil, "%s has no certificate of %s", p.Name, name), nil
	case !strings.EqualFold(to, name):
		return See(Blocked, to, "the row is issued to %q, not to %s", to, name), nil
	}
	warns, err := p.read(ctx, look, beyondtrust.MenuCertificates, name, labelWarnings, "Type what the row warns of, and - where it warns of nothing.")
	switch {
	case err != nil:
		return Observation{}, err
	case warns != "":
		return See(Blocked, warns, "the certificate is imported and warns: %s", warns), nil
	}
	return See(Done, to, "a person sees the certificate of %s on %s, without a warning", to, p.Name), nil
}

// AssignCertificate returns the step that assigns the site's certificate to the new appliance's address: Assign IP. It is done when the new appliance shows the same chain as the old one at its own address, so an
// appliance that chooses by itself needs no act.
func AssignCertificate(from, to PRA, addr netip.Addr) Step {
	issuedTo := from.site()
	s := Step{Name: "assign the certificate", On: []string{to.Host()}, With: map[string]string{"address": addr.String()},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			leaf, err := from.servedLeaf(ctx)
			if err != nil {
				return praCannot(look, err)
			}
			issuedTo = leaf.Subject.CommonName
			if sameChain(ctx, from, to) {
				return See(Done, issuedTo, "%s shows the certificate of %s, with the same chain, at %s", to.Name, issuedTo, to.Host()), nil
			}
			if to.Pages.Certificates != nil && look.Since == nil {
				switch row, err := to.rowOf(ctx, leaf); {
				case err != nil:
					return See(Blocked, nil, "%s does not have the certificate", to.Name), err
				case len(row.Warnings) > 0:
					return See(Blocked, row.Warnings, "the certificate warns: %s", strings.Join(row.Warnings, "; ")), nil
				}
			}
			return See(Ready, issuedTo, "%s does not show the certificate of %s at %s", to.Name, issuedTo, to.Host()), nil
		},
		Ask: func(*Mark) *Instruction {
			return &Instruction{Where: beyondtrust.MenuCertificates, Row: issuedTo, Set: []Field{{Label: addr.String(), Value: string(beyondtrust.On)}}, Button: beyondtrust.ButtonSaveConfiguration,
				Expect: "behind " + beyondtrust.LinkAssignIP + ": the appliance shows this certificate at " + addr.String()}
		},
		Settle: time.Minute, Every: 10 * time.Second, Limit: 10 * time.Minute, Takes: 2 * time.Minute,
		Advice: "The whole chain must be there, and in order. Where there is no " + beyondtrust.LinkAssignIP + " link the appliance chooses by itself: see that the certificate covers its names."}
	if page := to.Pages.Certificates; page != nil {
		s.Act = func(ctx context.Context, _ *slog.Logger) error {
			leaf, err := from.servedLeaf(ctx)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrNotSent, err)
			}
			row, err := to.rowOf(ctx, leaf)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrNotSent, err)
			}
			return page.AssignIP(ctx, row, addr)
		}
	}
	return s
}

// sameChain says whether both show the same certificates. An appliance whose certificate is not trusted yet does not.
func sameChain(ctx context.Context, a, b PRA) bool {
	x, err := a.Client.ServedChain(ctx)
	if err != nil {
		return false
	}
	y, err := b.Client.ServedChain(ctx)
	return err == nil && chainSum(x) == chainSum(y)
}
