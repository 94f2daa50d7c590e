package pratest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

type updatesPage struct{ b *Box }

func (p updatesPage) Check(ctx context.Context) error {
	label := beyondtrust.ButtonCheckForUpdates
	return p.b.push(ctx, beyondtrust.MenuUpdates, "", label, nil) // labels are compared without their case
}

func (p updatesPage) Updates(ctx context.Context) (beyondtrust.UpdateStatus, error) {
	var out beyondtrust.UpdateStatus
	err := p.b.see(ctx, beyondtrust.MenuUpdates, func(v *view) {
		at := func(label string) string { text, _ := v.read("", label); return text } // "" where the page does not have it
		out = beyondtrust.UpdateStatus{
			State: beyondtrust.UpdateState(at(labelStatus)), EULA: at(labelAgreement), Progress: at(labelProgress),
			Text: strings.Join(v.texts, " "), AsOf: time.Now(),
		}
		for _, r := range v.rows {
			u := beyondtrust.Update{Package: beyondtrust.ParsePackage(r.name)}
			for _, x := range r.values {
				if x.label == labelBlocked {
					u.Blocked = x.text
				} else {
					u.Details = append(u.Details, beyondtrust.Reading{Label: x.label, Text: x.text})
				}
			}
			out.Available = append(out.Available, u)
		}
	})
	return out, err
}

func (p updatesPage) Install(ctx context.Context, name string) error {
	return p.b.push(ctx, beyondtrust.MenuUpdates, name, beyondtrust.ButtonInstallThisUpdate, nil)
}

func (p updatesPage) AcceptEULA(ctx context.Context, text string) error {
	return p.b.pushIf(ctx, beyondtrust.MenuUpdates, buttonAccept, func() error {
		if p.b.eula() != text {
			return errors.New("the text of the agreement is another one")
		}
		return nil
	})
}

// pushIf presses a button if check, under the lock, has nothing against it.
func (b *Box) pushIf(ctx context.Context, where, label string, check func() error) error {
	defer0 := b.enter()
	err := check()
	defer0()
	if err != nil {
		return fmt.Errorf("pratest: press %q on %q of %s: %w: %w", label, where, b.Name, beyondtrust.ErrNotPressed, err)
	}
	return b.push(ctx, where, "", label, nil)
}

func (p updatesPage) DownloadKey(ctx context.Context) (beyondtrust.Secret, error) {
	if err := p.b.push(ctx, beyondtrust.MenuUpdates, "", beyondtrust.LinkDownloadKey, nil); err != nil {
		return beyondtrust.Secret{}, err
	}
	key, err := p.b.Read(ctx, beyondtrust.MenuUpdates, "", beyondtrust.LinkDownloadKey)
	return beyondtrust.NewSecret(key), err
}

func (p updatesPage) UpdateSoftware(ctx context.Context, fsys fs.FS, name string) error {
	return p.b.pushFile(ctx, beyondtrust.MenuUpdates, beyondtrust.ButtonUpdateSoftware, labelFile, fsys, name, nil)
}

// pushFile presses a button with a file of fsys in the field with that label.
func (b *Box) pushFile(ctx context.Context, where, label, field string, fsys fs.FS, name string, set map[string]string) error {
	f, err := fsys.Open(name)
	if err != nil {
		return fmt.Errorf("pratest: press %q on %q of %s: %w: %w", label, where, b.Name, beyondtrust.ErrNotPressed, err)
	}
	defer f.Close()
	up, err := readFile(name, f)
	if err != nil {
		return fmt.Errorf("pratest: press %q on %q of %s: %w: %w", label, where, b.Name, beyondtrust.ErrNotPressed, err)
	}
	all := map[string]string{field: name}
	for k, v := range set {
		all[k] = v
	}
	_, _, err = b.pushFor(ctx, where, "", label, all, map[string]upload{field: up})
	return err
}

func (p updatesPage) Installed(ctx context.Context) ([]beyondtrust.Package, error) {
	var out []beyondtrust.Package
	err := p.b.see(ctx, beyondtrust.MenuUpdates, func(v *view) {
		at := func(label string) string { text, _ := v.read("", label); return text } // "" where the page does not have it
		out = append(out, beyondtrust.ParsePackage("Base Software "+at(labelBase)))
		if site := at(labelSite); site != "" {
			out = append(out, beyondtrust.ParsePackage(site))
		}
		for name := range strings.SplitSeq(at(labelPatches), ", ") {
			if name != "" {
				out = append(out, beyondtrust.Package{Name: name, Class: beyondtrust.PackagePatch})
			}
		}
	})
	return out, err
}

type networkPage struct{ b *Box }

func (p networkPage) IPs(ctx context.Context) ([]beyondtrust.IP, error) {
	var out []beyondtrust.IP
	err := p.b.see(ctx, beyondtrust.MenuIPConfiguration, func(v *view) {
		for _, r := range v.rows {
			enabled, _ := v.read(r.name, beyondtrust.BoxEnabled)
			iface, _ := v.read(r.name, labelInterface)
			out = append(out, beyondtrust.IP{Addr: netip.MustParseAddr(r.name), Enabled: enabled == string(beyondtrust.On), Interface: iface})
		}
	})
	return out, err
}

func (p networkPage) SetEnabled(ctx context.Context, addr netip.Addr, enabled bool) error {
	return p.b.push(ctx, beyondtrust.MenuIPConfiguration, addr.String(), beyondtrust.ButtonSaveChanges,
		map[string]string{beyondtrust.BoxEnabled: string(beyondtrust.SwitchOf(enabled))})
}

type jumpClientsPage struct{ b *Box }

func (p jumpClientsPage) Settings(ctx context.Context) (beyondtrust.JumpClientSettings, error) {
	var out beyondtrust.JumpClientSettings
	err := p.b.see(ctx, beyondtrust.MenuJumpClients, func(v *view) {
		number := func(label string) int { text, _ := v.read("", label); n, _ := strconv.Atoi(text); return n } // 0: not shown
		choice, _ := v.read("", beyondtrust.LabelAutomaticUpgrades)
		out = beyondtrust.JumpClientSettings{
			MaxConcurrent: number(beyondtrust.LabelMaxConcurrentUpgrades), MaxBandwidth: number(beyondtrust.LabelMaxBandwidth),
			ConnectionRate: number(beyondtrust.LabelConnectionRate), AutomaticUpgrades: beyondtrust.AutomaticUpgrades(choice),
		}
	})
	return out, err
}

func (p jumpClientsPage) Set(ctx context.Context, s beyondtrust.JumpClientSettings) error {
	set := map[string]string{}
	for label, n := range map[string]int{
		beyondtrust.LabelMaxConcurrentUpgrades: s.MaxConcurrent, beyondtrust.LabelMaxBandwidth: s.MaxBandwidth, beyondtrust.LabelConnectionRate: s.ConnectionRate,
	} {
		if n != 0 {
			set[label] = strconv.Itoa(n)
		}
	}
	if s.AutomaticUpgrades != "" {
		set[beyondtrust.LabelAutomaticUpgrades] = string(s.AutomaticUpgrades)
	}
	return p.b.push(ctx, beyondtrust.MenuJumpClients, "", beyondtrust.ButtonSave, set)
}

type certificatesPage struct{ b *Box }

func (p certificatesPage) Certificates(ctx context.Context) ([]beyondtrust.Certificate, error) {
	var out []beyondtrust.Certificate
	err := p.b.see(ctx, beyondtrust.MenuCertificates, func(v *view) {
		for _, c := range p.b.st.certs {
			out = append(out, c.row(p.b.clock()))
		}
	})
	return out, err
}

// row finds the one row that is like c, under the lock.
func (p certificatesPage) row(c beyondtrust.Certificate) (string, error) {
	defer p.b.enter()()
	var found []string
	for _, o := range p.b.st.certs {
		r := o.row(p.b.clock())
		if (c.IssuedTo == "" || c.IssuedTo == r.IssuedTo) && (c.IssuedBy == "" || c.IssuedBy == r.IssuedBy) &&
			(c.NotAfter.IsZero() || c.NotAfter.Equal(r.NotAfter)) && (c.PrivateKey == "" || c.PrivateKey == r.PrivateKey) &&
			(c.Names == nil || slices.Equal(c.Names, r.Names)) && (c.Assigned == nil || slices.Equal(c.Assigned, r.Assigned)) {
			found = append(found, p.b.certificateRowName(o))
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("pratest: certificates of %s: %w: %d rows are like that", p.b.Name, beyondtrust.ErrNotPressed, len(found))
	}
	return found[0], nil
}

func (p certificatesPage) Export(ctx context.Context, cert beyondtrust.Certificate, passphrase beyondtrust.Secret, w io.Writer) error {
	row, err := p.row(cert)
	if err != nil {
		return err
	}
	word, err := passphrase.Reveal()
	if err != nil {
		return fmt.Errorf("%w: %w", beyondtrust.ErrNotPressed, err)
	}
	_, file, err := p.b.pushFor(ctx, beyondtrust.MenuCertificates, row, beyondtrust.ButtonExport, map[string]string{labelPassphrase: word}, nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, file)
	return err
}

func (p certificatesPage) Import(ctx context.Context, fsys fs.FS, name string, passphrase beyondtrust.Secret) error {
	word, err := passphrase.Reveal()
	if err != nil {
		return fmt.Errorf("%w: %w", beyondtrust.ErrNotPressed, err)
	}
	return p.b.pushFile(ctx, beyondtrust.MenuCertificates, beyondtrust.ButtonUpload, labelCertFile, fsys, name, map[string]string{labelPassphrase: word})
}

func (p certificatesPage) AssignIP(ctx context.Context, cert beyondtrust.Certificate, addr netip.Addr) error {
	row, err := p.row(cert)
	if err != nil {
		return err
	}
	if warns, err := p.b.Read(ctx, beyondtrust.MenuCertificates, row, labelWarnings); err != nil || warns != "" {
		return fmt.Errorf("pratest: assign certificate on %s: %w: %s%w", p.b.Name, beyondtrust.ErrNotPressed, warns, err)
	}
	return p.b.push(ctx, beyondtrust.MenuCertificates, row, beyondtrust.ButtonSaveConfiguration, map[string]string{addr.String(): string(beyondtrust.On)})
}
