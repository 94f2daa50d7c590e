package upgrade

import (
	"context"
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

// certificateName is how the exported certificate is stored.
func certificateName(p PRA) string { return "pra-certificate-" + plainName(p.Host()) + ".pem" }

// ExportCertificates returns the step that exports the certificate that serves the site, with its private key and chain, under passphrase, into artifacts: Security > Certificates > Export. It removes nothing
// from the appliance. It needs a page driver: the key is not to lie in an inbox. A certificate that is stored is not exported again.
func ExportCertificates(p PRA, a Artifacts, passphrase beyondtrust.Secret) Step {
	return Step{Name: "export the certificate", On: []string{p.Host()}, With: map[string]string{"artifact": certificateName(p)},
		Observe: func(ctx context.Context, _ Look) (Observation, error) {
			st, err := a.Stat(ctx, certificateName(p))
			switch {
			case err == nil:
				return See(Done, st, "%s is stored", st.Name), nil
			case errors.Is(err, fs.ErrNotExist):
				return See(Ready, nil, "the certificate is not exported"), nil
			}
			return Observation{}, err
		},
		Act: func(ctx context.Context, _ *slog.Logger) error {
			if p.Pages.Certificates == nil {
				return fmt.Errorf("%w: the Certificates page has no driver", ErrNotSent)
			}
			row, err := p.servingCertificate(ctx)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrNotSent, err)
			}
			_, err = a.Put(ctx, certificateName(p), func(w io.Writer) error { return p.Pages.Certificates.Export(ctx, row, passphrase, w) })
			if errors.Is(err, fs.ErrExist) {
				return nil
			}
			return err
		},
		Again: Freely, Limit: 10 * time.Minute, Takes: time.Minute}
}

// servingCertificate finds the row of the certificate that is shown at the appliance's own address.
func (p PRA) servingCertificate(ctx context.Context) (beyondtrust.Certificate, error) {
	chain, err := p.Client.ServedChain(ctx)
	if err != nil {
		return beyondtrust.Certificate{}, err
	}
	return p.certificateLike(ctx, beyondtrust.Certificate{IssuedTo: chain[0].Subject.CommonName, NotAfter: chain[0].NotAfter})
}

// certificateLike finds the one row with a private key that is issued to the same name and ends at the same time.
func (p PRA) certificateLike(ctx context.Context, like beyondtrust.Certificate) (beyondtrust.Certificate, error) {
	rows, err := p.Pages.Certificates.Certificates(ctx)
	if err != nil {
		return beyondtrust.Certificate{}, err
	}
	var found []beyondtrust.Certificate
	for _, row := range rows {
		if row.IssuedTo == like.IssuedTo && row.NotAfter.Equal(like.NotAfter) && row.PrivateKey == beyondtrust.On {
			found = append(found, row)
		}
	}
	if len(found) != 1 {
		return beyondtrust.Certificate{}, fmt.Errorf("%w: %d certificates with a private key are issued to %s until %s", beyondtrust.ErrNotFound, len(found), like.IssuedTo, stamp(like.NotAfter))
	}
	return found[0], nil
}

// ImportCertificates returns the step that imports what [ExportCertificates] stored into another appliance. It is done when that one lists the certificate with its private key. It needs page drivers on both.
func ImportCertificates(from, to PRA, a Artifacts, passphrase beyondtrust.Secret) Step {
	return Step{Name: "import the certificate", On: []string{to.Host()}, With: map[string]string{"artifact": certificateName(from)},
		Observe: func(ctx context.Context, _ Look) (Observation, error) {
			like, err := from.servingCertificate(ctx)
			if err != nil {
				return Observation{}, err
			}
			switch row, err := to.certificateLike(ctx, like); {
			case err == nil && len(row.Warnings) > 0:
				return See(Blocked, row.Warnings, "the certificate is imported and warns: %s", strings.Join(row.Warnings, "; ")), nil
			case err == nil:
				return See(Done, row.IssuedTo, "%s has the certificate of %s", to.Name, row.IssuedTo), nil
			case errors.Is(err, beyondtrust.ErrNotFound):
				return See(Ready, nil, "%s does not have the certificate of %s", to.Name, like.IssuedTo), nil
			default:
				return Observation{}, err
			}
		},
		Act: func(ctx context.Context, _ *slog.Logger) error {
			return to.Pages.Certificates.Import(ctx, artifactFS{ctx, a}, certificateName(from), passphrase)
		},
		Settle: time.Minute, Every: 10 * time.Second, Limit: 10 * time.Minute, Takes: time.Minute,
		Advice: "Resolve the warnings of the certificate's row before you assign it."}
}

// AssignCertificate returns the step that assigns the site's certificate to the new appliance's address: Assign IP. It is done when the new appliance shows the same chain as the old one at its own address, so an
// appliance that chooses by itself needs no act.
func AssignCertificate(from, to PRA, addr netip.Addr) Step {
	s := Step{Name: "assign the certificate", On: []string{to.Host()}, With: map[string]string{"address": addr.String()},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			like, err := from.servingCertificate(ctx)
			if err != nil {
				return Observation{}, err
			}
			row, err := to.certificateLike(ctx, like)
			switch {
			case err != nil && look.Since == nil:
				return See(Blocked, nil, "%s does not have the certificate", to.Name), err
			case err != nil:
				return Observation{}, err
			}
			for _, at := range row.Assigned {
				if at == addr {
					return See(Done, row.IssuedTo, "the certificate of %s is assigned to %s", row.IssuedTo, addr), nil
				}
			}
			if sameChain(ctx, from, to) {
				return See(Done, row.IssuedTo, "%s shows the certificate of %s", to.Name, row.IssuedTo), nil
			}
			return See(Ready, row.IssuedTo, "the certificate of %s is not assigned to %s", row.IssuedTo, addr), nil
		},
		Settle: time.Minute, Every: 10 * time.Second, Limit: 10 * time.Minute, Takes: time.Minute}
	s.Act = func(ctx context.Context, _ *slog.Logger) error {
		like, err := from.servingCertificate(ctx)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNotSent, err)
		}
		row, err := to.certificateLike(ctx, like)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNotSent, err)
		}
		return to.Pages.Certificates.AssignIP(ctx, row, addr)
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

// RestoreBackup returns the step that restores the newest backup of one appliance onto another: Software Management > Upload Backup. password is the backup's. The backup must have been made with the version
// that the new appliance runs. It is done when the appliance went away and is healthy again, in no failover relationship: a restore overwrites the failover settings and the Inter-appliance
// Communication Pre-shared Key (Data Recovery, Privileged Remote Access).
func RestoreBackup(from, to PRA, a Artifacts, password beyondtrust.Secret) Step {
	newest := func(ctx context.Context) (Artifact, beyondtrust.Health, error) {
		h, err := from.health(ctx)
		if err != nil {
			return Artifact{}, h, err
		}
		list, err := a.List(ctx)
		if err != nil {
			return Artifact{}, h, err
		}
		var best Artifact
		for _, x := range list {
			if strings.HasPrefix(x.Name, "pra-"+plainName(h.Hostname)+"-"+plainName(h.Version.Number+"_"+h.Version.Build)+"-") && (best.Name == "" || x.Name > best.Name) {
				best = x
			}
		}
		if best.Name == "" {
			return best, h, fmt.Errorf("no backup of %s with %s is stored", h.Hostname, h.Version)
		}
		return best, h, nil
	}
	s := Step{Name: "restore the backup", On: []string{to.Host(), from.Host()}, Down: []string{to.Host()}, With: map[string]string{"from": from.Name, "to": to.Name}, NoReturn: true,
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			var seen installSeen
			if look.Since != nil {
				if err := readEvidence(look.Since.Last, &seen); err != nil {
					return Observation{}, err
				}
			}
			h, err := to.health(ctx)
			switch {
			case err != nil && look.Since != nil && praAway(err), err == nil && !h.Healthy:
				seen.Away = look.Since != nil
				return See(Pending, seen, "is not back yet"), nil
			case err != nil:
				return praCannot(look, err)
			}
			seen.Version = h.Version.String()
			switch {
			case look.Since != nil && seen.Away && h.FailoverRole != beyondtrust.RoleNone:
				return See(Blocked, seen, "the restored settings make it a %q: break that relationship on the old side, then on this one", h.FailoverRole), nil
			case look.Since != nil && seen.Away:
				return See(Done, seen, "it was away and is back with %s", h.Version), nil
			}
			best, was, err := newest(ctx)
			switch {
			case err != nil:
				return Observation{}, err
			case !was.Version.Same(h.Version):
				return See(Blocked, seen, "the backup is of %s, and %s runs %s", was.Version, to.Name, h.Version), nil
			case was.FailoverRole != beyondtrust.RoleNone:
				return See(Blocked, seen, "%s is a %q: break its relationship first, for the restore would give it to %s too", from.Name, was.FailoverRole, to.Name), nil
			}
			return See(Ready, seen, "%s is to be restored", best.Name), nil
		},
		Settle: 2 * time.Minute, Every: 10 * time.Second, Limit: 2 * time.Hour, Takes: 10 * time.Minute,
		Advice: "The Vault encryption key has a backup of its own, without which the Vault accounts are of no use. Session recordings stay on the old appliance."}
	s.Act = func(ctx context.Context, _ *slog.Logger) error {
		best, _, err := newest(ctx)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNotSent, err)
		}
		if to.Pages.Software == nil {
			return fmt.Errorf("%w: the Software Management page has no driver", ErrNotPressed)
		}
		return to.Pages.Software.Restore(ctx, artifactFS{ctx, a}, best.Name, password)
	}
	return s
}

// FactoryReset returns the group that returns an old appliance: a person types its name, then Reset Appliance to Factory Defaults, and Shut Down This Appliance once that is complete. There is no way back. It
// is never done while the site's name leads to the appliance, nor before soak has passed since successor became the one that serves, as far as this run has seen.
func FactoryReset(old, successor PRA, site *beyondtrust.Client, soak time.Duration) Step {
	word := ConfirmWord("confirm the reset of "+old.Name, fmt.Sprintf("%s (%s) is reset to factory defaults: all its settings, data and recordings are gone for ever. Type its name, %q, to go on.", old.Name, old.Host(), old.Name), old.Name)
	word.On = []string{old.Host()}
	return Group("return "+old.Name, soaked(old, successor, site, soak), word, resetStep(old, successor, site), shutDownStep(old))
}

// soaked waits until successor has served the site for soak.
func soaked(old, successor PRA, site *beyondtrust.Client, soak time.Duration) Step {
	var since time.Time
	return Step{Name: "soak time", On: []string{old.Host()}, With: map[string]string{"soak": soak.String()},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			serves, err := servesSite(ctx, successor, site, inARow)
			switch {
			case err != nil:
				return praCannot(look, err)
			case !serves:
				return See(Blocked, nil, "the site's name does not lead to %s", successor.Name), nil
			case since.IsZero():
				since = time.Now()
			}
			if d := time.Since(since); d < soak {
				return See(Pending, nil, "%s serves the site, watched for %s of %s", successor.Name, spell(d), spell(soak)), nil
			}
			return See(Done, nil, "%s has served the site for %s", successor.Name, spell(soak)), nil
		},
		Every: min(10*time.Minute, soak), Limit: soak + time.Hour, Takes: soak}
}

func servesSite(ctx context.Context, p PRA, site *beyondtrust.Client, times int) (bool, error) {
	h, err := p.health(ctx)
	if err != nil {
		return false, err
	}
	for range times {
		at, err := site.Identify(ctx)
		if err != nil {
			return false, err
		}
		if !beyondtrust.SameGUID(at.GUID, h.GUID) {
			return false, nil
		}
	}
	return true, nil
}

func resetStep(old, successor PRA, site *beyondtrust.Client) Step {
	s := Step{Name: "reset " + old.Name, On: []string{old.Host()}, Down: []string{old.Host()}, NoReturn: true, Until: "shut down " + old.Name, Attended: old.Pages.Status == nil,
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			serves, err := servesSite(ctx, successor, site, inARow)
			if err != nil {
				return praCannot(look, err)
			}
			if !serves {
				return See(Blocked, nil, "the site's name does not lead to %s", successor.Name), nil
			}
			version, err := old.siteVersion(ctx, look)
			if look.Since != nil && errors.Is(err, beyondtrust.ErrUntrusted) { // the factory's certificate, which no driver can know
				version, err = old.readSiteVersion(ctx, look)
			}
			switch {
			case err != nil && look.Since != nil && old.Pages.Status != nil && !noAnswer(err):
				return See(Pending, nil, "%s does not answer", old.Name), nil
			case err != nil:
				return Observation{}, err
			case version == "":
				return See(Done, nil, "%s has no site software", old.Name), nil
			}
			return See(Ready, version, "%s runs %s and does not serve the site", old.Name, version), nil
		},
		Ask: func(*Mark) *Instruction {
			return &Instruction{Where: beyondtrust.MenuBasics, Button: beyondtrust.ButtonReset, Expect: "the appliance goes away and comes back as it came from the factory"}
		},
		Settle: 10 * time.Minute, Every: time.Minute, Limit: 2 * time.Hour, Takes: 30 * time.Minute}
	if page := old.Pages.Status; page != nil {
		s.Act = func(ctx context.Context, _ *slog.Logger) error { return page.Reset(ctx) }
	}
	return s
}

// siteVersion is what Status > Basics shows; empty without site software.
func (p PRA) siteVersion(ctx context.Context, look Look) (string, error) {
	if p.Pages.Status == nil {
		return p.readSiteVersion(ctx, look)
	}
	b, err := p.Pages.Status.Basics(ctx)
	return b.Version, err
}

func (p PRA) readSiteVersion(ctx context.Context, look Look) (string, error) {
	return p.read(ctx, look, beyondtrust.MenuBasics, "", beyondtrust.LabelProductVersion, "Type it as it is shown, and - where nothing is. If the page does not answer, wait until it does.")
}

// shutDownStep has nothing to look at: an appliance that is off and one that is away look alike. What a crash hides, a person is asked.
func shutDownStep(old PRA) Step {
	s := Step{Name: "shut down " + old.Name, On: []string{old.Host()}, Down: []string{old.Host()}, Takes: 5 * time.Minute,
		Ask: func(*Mark) *Instruction {
			return &Instruction{Where: beyondtrust.MenuBasics, Button: beyondtrust.ButtonShutDown, Expect: "the appliance switches itself off"}
		}}
	if page := old.Pages.Status; page != nil {
		s.Act = func(ctx context.Context, _ *slog.Logger) error { return page.ShutDown(ctx) }
	}
	return s
}
